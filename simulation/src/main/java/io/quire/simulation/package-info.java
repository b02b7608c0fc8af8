/**
 * Seeded simulation of whole clusters on one thread, over the production cores and storage, and the checkers that judge
 * what was observed. {@link io.quire.simulation.SimulatedDisk} is the disk: it loses, tears and damages what a real one
 * may. For the judging of registers read {@link io.quire.simulation.LinearizabilityChecker}.
 */
package io.quire.simulation;
