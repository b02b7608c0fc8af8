package io.quire.protocol;

/**
 * How a ledger is replicated: each entry goes to {@code writeQuorum} of the {@code ensembleSize} bookies of a fragment,
 * and is acknowledged once {@code ackQuorum} of them hold it durably.
 *
 * <p>Sets of ensemble members are {@code int} masks: bit {@code p} stands for the member at position {@code p}.
 *
 * @param ensembleSize E, in {@code [1, 31]}
 * @param writeQuorum Qw, in {@code [1, E]}
 * @param ackQuorum Qa, in {@code [1, Qw]}
 */
public record Replication(int ensembleSize, int writeQuorum, int ackQuorum) {
    /** The largest ensemble: a set of members is the mask of an {@code int}. */
    public static final int ENSEMBLE_SIZE_MAX = 31;

    /** Three copies, acknowledged by two (docs/decisions/001). */
    public static final Replication DEFAULT = new Replication(3, 3, 2);

    public Replication {
        if (ensembleSize < 1 || ensembleSize > ENSEMBLE_SIZE_MAX) {
            throw new IllegalArgumentException(
                    "ensembleSize must lie in [1, " + ENSEMBLE_SIZE_MAX + "]: " + ensembleSize);
        }
        if (writeQuorum < 1 || writeQuorum > ensembleSize) {
            throw new IllegalArgumentException("writeQuorum must lie in [1, ensembleSize]: writeQuorum " + writeQuorum
                    + ", ensembleSize " + ensembleSize);
        }
        if (ackQuorum < 1 || ackQuorum > writeQuorum) {
            throw new IllegalArgumentException(
                    "ackQuorum must lie in [1, writeQuorum]: ackQuorum " + ackQuorum + ", writeQuorum " + writeQuorum);
        }
    }

    /** The members that entry {@code entryId} is written to, as a mask: Qw consecutive positions from entry mod E. */
    public int writeSetMask(long entryId) {
        return writeSetMaskFrom((int) (entryId % ensembleSize));
    }

    /** The write set that starts at position {@code start}, as a mask. There are E of them. */
    public int writeSetMaskFrom(int start) {
        int run = (1 << writeQuorum) - 1;
        long shifted = ((long) run) << start;
        return (int) ((shifted | (shifted >>> ensembleSize)) & allMask());
    }

    /** Every member, as a mask. */
    public int allMask() {
        return (int) ((1L << ensembleSize) - 1);
    }

    /** Whether each entry is written to all members. */
    public boolean writesToAll() {
        return writeQuorum == ensembleSize;
    }

    /** Whether entry {@code entryId} is written to the member at {@code position}. */
    public boolean isInWriteSet(long entryId, int position) {
        return (writeSetMask(entryId) & (1 << position)) != 0;
    }

    /** Whether the members of {@code ackMask} that belong to the write set of {@code entryId} are an ack quorum. */
    public boolean isAckQuorum(long entryId, int ackMask) {
        return Integer.bitCount(ackMask & writeSetMask(entryId)) >= ackQuorum;
    }

    /** Whether every member of the write set of {@code entryId} is in {@code ackMask}. */
    public boolean isFullyWritten(long entryId, int ackMask) {
        int writeSet = writeSetMask(entryId);
        return (ackMask & writeSet) == writeSet;
    }

    /** How many explicit negatives within an entry's write set prove that the entry was never acknowledged (B0). */
    public int negativesToDisprove() {
        return writeQuorum - ackQuorum + 1;
    }
}
