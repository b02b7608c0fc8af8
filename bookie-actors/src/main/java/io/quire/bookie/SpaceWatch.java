package io.quire.bookie;

import io.quire.bookie.core.DiskSpace;
import io.quire.bookie.core.ReadOnlyReason;
import io.quire.bookie.storage.BookieStore;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** Keeps a {@link DiskSpace} up to date with the disk, and its meters with it. Not thread-safe; the meters are. */
final class SpaceWatch {
    private final StoreDirectories directories;
    private final BookieStore store;
    private final DiskSpace space;
    private final AtomicLong freeBytes = new AtomicLong();
    private final AtomicLong totalBytes = new AtomicLong();
    private final AtomicLong reusableBytes = new AtomicLong();
    private final Map<ReadOnlyReason, AtomicInteger> reasons = new EnumMap<>(ReadOnlyReason.class);

    SpaceWatch(BookieBoot.Booted booted, DiskSpace.Limits marks, BookieMetrics metrics) {
        this.directories = booted.directories();
        this.store = booted.store();
        this.space = new DiskSpace(marks);
        metrics.gauge("bookie.disk.free.bytes", freeBytes, AtomicLong::get);
        metrics.gauge("bookie.disk.total.bytes", totalBytes, AtomicLong::get);
        metrics.gauge("bookie.ledger.store.reusable.bytes", reusableBytes, AtomicLong::get);
        for (ReadOnlyReason reason : ReadOnlyReason.values()) {
            AtomicInteger holds = new AtomicInteger();
            reasons.put(reason, holds);
            metrics.gauge("bookie.read.only", "reason", reason.name(), holds, AtomicInteger::get);
        }
        look();
    }

    /** What is taken on; changes with each look. */
    DiskSpace space() {
        return space;
    }

    /**
     * Looks at the disk.
     *
     * @throws io.quire.storage.StorageException when it cannot be asked; it may be gone
     */
    void look() {
        reusableBytes.set(store.reusableBytes());
        space.observed(directories.freeBytes(), reusableBytes.get(), directories.totalBytes());
        show();
    }

    /** What commits of the ledger store may take, about. Thread-safe. */
    long roomForCommits() {
        return directories.ledgerFreeBytes() + DiskSpace.usable(store.reusableBytes());
    }

    void foundNoRoom(DiskSpace.Waiter waiter) {
        space.foundNoRoom(waiter);
        show();
    }

    void foundRoom(DiskSpace.Waiter waiter) {
        space.foundRoom(waiter);
        show();
    }

    void operatorWishes(boolean readOnly) {
        space.operatorWishes(readOnly);
        show();
    }

    /** What the store is in limbo with has changed. */
    void limboChanged() {
        show();
    }

    private void show() {
        freeBytes.set(space.freeBytes());
        totalBytes.set(space.totalBytes());
        Set<ReadOnlyReason> now = EnumSet.noneOf(ReadOnlyReason.class);
        now.addAll(space.readOnlyReasons());
        if (store.limbo().isEverything()) {
            now.add(ReadOnlyReason.LIMBO);
        }
        reasons.forEach((reason, holds) -> holds.set(now.contains(reason) ? 1 : 0));
    }
}
