/**
 * Tests with real processes, files and sockets, and the test of the architecture. Start with {@link
 * io.quire.multijvm.ClusterProcesses}, which every test of processes uses.
 */
package io.quire.multijvm;
