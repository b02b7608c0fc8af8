/**
 * The load generators: {@link io.quire.bench.LoadGenerator} runs a closed loop of appends against bookies in JVMs of their
 * own ({@link io.quire.bench.SpawnedCluster}) and reports rates, latencies and processor time; {@link
 * io.quire.bench.StoreBench} puts load on one store without a network.
 */
package io.quire.bench;
