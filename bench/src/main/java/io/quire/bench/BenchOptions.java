package io.quire.bench;

import io.quire.protocol.Replication;

/**
 * What load is put on which cluster.
 *
 * @param nodes bookie JVMs to spawn
 * @param entryBytes payload bytes of an entry
 * @param ledgers ledgers written at once
 * @param outstanding appends in flight per ledger
 * @param rate appends per second of an open loop, in all; 0 for a closed loop
 * @param replication of every ledger
 * @param warmupSeconds load before anything is measured
 * @param seconds measured
 */
public record BenchOptions(
        int nodes,
        int entryBytes,
        int ledgers,
        int outstanding,
        int rate,
        Replication replication,
        int warmupSeconds,
        int seconds) {
    public BenchOptions {
        if (nodes < 1 || entryBytes < 0 || ledgers < 1 || outstanding < 1 || warmupSeconds < 0 || seconds < 1) {
            throw new IllegalArgumentException(
                    "spawn, ledgers, outstanding and seconds must be positive, entry-size and"
                            + " warmup not negative");
        }
        if (rate < 0 || rate > 1_000_000) {
            throw new IllegalArgumentException("a rate is 0 to 1000000 per second: " + rate);
        }
        if (replication.ensembleSize() > nodes) {
            throw new IllegalArgumentException(
                    "an ensemble of " + replication.ensembleSize() + " needs as many nodes, " + nodes + " are spawned");
        }
    }

    /** The parameters that every load has. */
    public String shared() {
        return "e=" + replication.ensembleSize() + " qw=" + replication.writeQuorum() + " qa=" + replication.ackQuorum()
                + " warm=" + warmupSeconds + " secs=" + seconds;
    }
}
