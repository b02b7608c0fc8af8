package io.quire.bookie.core;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/**
 * What a store takes on with the room that its disk has (H61, H62).
 *
 * <p>Design note. A full disk is a state. Everything needs room, also what makes some or saves data elsewhere: fences,
 * copies that recovery brings, drops, and the flush of what is in memory already. So new entries stop first, while there
 * is much left, copies at a lower mark, fences and drops at the lowest; a flush goes on until the disk says no.
 * New entries go on again only well above the mark at which they stopped, so that the state of a bookie does not flap;
 * copies and fences are answered one by one and need no such distance. The reasons for taking no new entries are a set:
 * an operator's wish neither hides a full disk nor is undone by room.
 *
 * <p>A ledger store whose files never shrink has room within them after drops. Half of that counts, since not all of it is
 * ever of use, as long as the disk itself has room for surprises: down to the fences' reserve, and again from that of the
 * copies on.
 *
 * <p>Whoever finds no room, whatever the figures say, says so until it has found some; until then the store takes neither
 * new entries nor copies.
 *
 * <p>Not thread-safe.
 */
public final class DiskSpace {
    private static final long UNKNOWN = -1;

    private final Limits limits;
    private final Set<Waiter> waiting = EnumSet.noneOf(Waiter.class);
    private long freeBytes = UNKNOWN;
    private long reusableBytes;
    private long totalBytes;
    private boolean low;
    private boolean operatorWish;

    /** What needs room. */
    public enum Work {
        /** New entries, and sessions for them. */
        NORMAL,
        /** Copies that recovery and re-replication bring. */
        RECOVERY,
        /** Fences, drops, and other small records. */
        FENCE
    }

    /** Parts of a store that may find no room. */
    public enum Waiter {
        /** No room for another segment. */
        JOURNAL,
        /** No room for a commit. */
        FLUSHER
    }

    /**
     * Marks, in bytes of free disk: {@code writableAbove > readOnlyBelow >= recoveryReserve >= fenceReserve}.
     *
     * @param readOnlyBelow with less the store takes no new entries
     * @param writableAbove from here on it takes them again
     * @param recoveryReserve with less it takes no copies
     * @param fenceReserve with less it takes nothing
     */
    public record Limits(long readOnlyBelow, long writableAbove, long recoveryReserve, long fenceReserve) {
        /**
         * @throws IllegalArgumentException when they contradict each other; it names the settings
         */
        public Limits {
            require(
                    writableAbove > readOnlyBelow,
                    "quire.bookie.space.writable-above (" + writableAbove
                            + ") must be above quire.bookie.space.read-only-below (" + readOnlyBelow + ")");
            require(
                    readOnlyBelow >= recoveryReserve,
                    "quire.bookie.space.recovery-reserve (" + recoveryReserve
                            + ") must not be above quire.bookie.space.read-only-below (" + readOnlyBelow + ")");
            require(
                    recoveryReserve >= fenceReserve,
                    "quire.bookie.space.fence-reserve (" + fenceReserve
                            + ") must not be above quire.bookie.space.recovery-reserve (" + recoveryReserve + ")");
            require(fenceReserve >= 0, "quire.bookie.space.fence-reserve must not be negative: " + fenceReserve);
        }

        private static void require(boolean holds, String otherwise) {
            if (!holds) {
                throw new IllegalArgumentException(otherwise);
            }
        }

        /** Why a disk of {@code totalBytes} could never serve, if so; it names the settings. */
        public Optional<String> misfit(long totalBytes) {
            return writableAbove < totalBytes
                    ? Optional.empty()
                    : Optional.of("it has " + totalBytes + " bytes in all, a bookie would take entries from "
                            + writableAbove + " free bytes on (quire.bookie.space.writable-above, read-only-below: "
                            + readOnlyBelow + ")");
        }
    }

    public DiskSpace(Limits limits) {
        this.limits = limits;
    }

    /**
     * The disk was looked at. Before the first time nothing is admitted.
     *
     * @param freeBytes of the disk
     * @param reusableBytes within the files of the ledger store
     * @param totalBytes of the disk
     */
    public void observed(long freeBytes, long reusableBytes, long totalBytes) {
        this.freeBytes = freeBytes;
        this.reusableBytes = reusableBytes;
        this.totalBytes = totalBytes;
        low = low
                ? !isRoom(limits.writableAbove(), limits.recoveryReserve())
                : !isRoom(limits.readOnlyBelow(), limits.fenceReserve());
    }

    /** A disk was looked at whose store has no room within its files. */
    public void observed(long freeBytes, long totalBytes) {
        observed(freeBytes, 0, totalBytes);
    }

    /** Whether there are {@code bytes}, at least {@code onDisk} of them not within files. */
    private boolean isRoom(long bytes, long onDisk) {
        return freeBytes >= bytes || (freeBytes >= onDisk && freeBytes + usable(reusableBytes) >= bytes);
    }

    /** How much of what is free within the ledger store's files counts as room. */
    public static long usable(long reusableBytes) {
        return reusableBytes / 2;
    }

    /** An operator wants the store to take no new entries, or no longer so. */
    public void operatorWishes(boolean readOnly) {
        operatorWish = readOnly;
    }

    /** A part of the store asked for room and got none; it will try again. */
    public void foundNoRoom(Waiter waiter) {
        waiting.add(waiter);
    }

    /** A part of the store got the room that it waited for. */
    public void foundRoom(Waiter waiter) {
        waiting.remove(waiter);
    }

    /** Whether such work is taken on now. What is in memory already is always flushed, as far as the disk lets. */
    public boolean admits(Work work) {
        return switch (work) {
            case NORMAL -> freeBytes != UNKNOWN && readOnlyReasons().isEmpty();
            case RECOVERY ->
                freeBytes != UNKNOWN && waiting.isEmpty() && isRoom(limits.recoveryReserve(), limits.fenceReserve());
            case FENCE -> freeBytes >= limits.fenceReserve() && freeBytes != UNKNOWN;
        };
    }

    /** Why the store takes no new entries; none when it does. */
    public Set<ReadOnlyReason> readOnlyReasons() {
        Set<ReadOnlyReason> reasons = EnumSet.noneOf(ReadOnlyReason.class);
        if (low || !waiting.isEmpty()) {
            reasons.add(ReadOnlyReason.DISK_FULL);
        }
        if (operatorWish) {
            reasons.add(ReadOnlyReason.OPERATOR);
        }
        return Collections.unmodifiableSet(reasons);
    }

    /** Free bytes as last observed; 0 before. */
    public long freeBytes() {
        return Math.max(0, freeBytes);
    }

    /** The size of the disk as last observed; 0 before. */
    public long totalBytes() {
        return totalBytes;
    }
}
