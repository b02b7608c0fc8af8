/**
 * Seeded simulation of whole clusters on one thread, and the checkers that judge what was observed.
 *
 * <p>For the judging of registers read {@link io.quire.simulation.LinearizabilityChecker}.
 */
package io.quire.simulation;
