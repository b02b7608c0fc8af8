/**
 * What stands in for the world when the production cores and storage run in one thread under a seed. {@link
 * io.quire.simulation.SimulatedDisk} is the disk: it loses, tears and damages what a real one may.
 *
 * <p>Read {@link io.quire.simulation.SimulatedDisk} first.
 */
package io.quire.simulation;
