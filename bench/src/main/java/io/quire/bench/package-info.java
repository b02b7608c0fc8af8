/**
 * The load generator: {@link io.quire.bench.LoadGenerator} runs a closed loop of appends against bookies in JVMs of their
 * own ({@link io.quire.bench.SpawnedCluster}) and reports rates, latencies and processor time.
 */
package io.quire.bench;
