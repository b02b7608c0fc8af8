/**
 * Seeded simulation of whole clusters on one thread, over the production cores and storage, and the checkers that judge
 * what was observed.
 *
 * <p>{@link io.quire.simulation.Simulation} is the clock and chance, {@link io.quire.simulation.SimulatedNetwork} loses
 * and delays messages, a {@link io.quire.simulation.SimulatedNode} crashes and starts again, and its {@link
 * io.quire.simulation.SimulatedDisk} loses, tears and damages what a real one may.
 *
 * <p>{@link io.quire.simulation.RegistryScenario} is a whole cluster at work; for the judging of registers read {@link
 * io.quire.simulation.LinearizabilityChecker}.
 */
package io.quire.simulation;
