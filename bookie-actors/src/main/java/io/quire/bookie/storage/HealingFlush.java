package io.quire.bookie.storage;

import io.quire.bookie.storage.LedgerStore.DamagedRange;
import io.quire.bookie.storage.LedgerStore.Inspection;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.storage.StorageException.DamagedException;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Flushes a memtable also when blocks that its entries are to be merged with are damaged: such a ledger goes into limbo,
 * what is good of its damaged blocks is kept, and the memtable is flushed from the start. Not thread-safe.
 */
final class HealingFlush {
    private static final long INSPECTED_BYTES = 8 << 20;

    private final Memtable memtable;
    private final LedgerStore ledgers;
    private final Limbo limbo;
    private final BookieStore.Settings settings;
    private final AtomicLong conflicts;
    private final Set<LedgerId> healed = new HashSet<>();
    private MemtableFlush flush;

    HealingFlush(
            Memtable memtable, LedgerStore ledgers, Limbo limbo, BookieStore.Settings settings, AtomicLong conflicts) {
        this.memtable = memtable;
        this.ledgers = ledgers;
        this.limbo = limbo;
        this.settings = settings;
        this.conflicts = conflicts;
        this.flush = new MemtableFlush(memtable, ledgers, settings, conflicts);
    }

    Memtable memtable() {
        return memtable;
    }

    /** Makes the next commit; see {@link MemtableFlush#step}. */
    BookieStore.FlushOutcome step(long roomBytes) {
        try {
            return flush.step(roomBytes);
        } catch (MemtableFlush.DamagedLedgerException e) {
            if (!healed.add(e.ledgerId())) {
                throw e;
            }
            limbo.enter(e.ledgerId(), e.getMessage());
            prune(ledgers, e.ledgerId());
            flush = new MemtableFlush(memtable, ledgers, settings, conflicts);
            return BookieStore.FlushOutcome.COMMITTED;
        }
    }

    /**
     * Removes what cannot be read of a ledger in limbo, keeps what is good of it, and makes the ledger's state agree with what
     * is left; durable on return.
     */
    static void prune(LedgerStore ledgers, LedgerId ledgerId) {
        if (!isStateRight(ledgers, ledgerId)) {
            prune(ledgers, ledgerId, List.of());
        }
        long next = 0;
        while (next != EntryId.NONE) {
            Inspection inspection;
            try (LedgerStore.Reader reader = ledgers.openReader()) {
                inspection = reader.inspect(ledgerId, next, INSPECTED_BYTES);
            }
            if (!inspection.damaged().isEmpty()) {
                prune(ledgers, ledgerId, inspection.damaged());
            }
            next = inspection.next().orElse(EntryId.NONE);
        }
    }

    private static boolean isStateRight(LedgerStore ledgers, LedgerId ledgerId) {
        try (LedgerStore.Reader reader = ledgers.openReader()) {
            long expected = reader.ledger(ledgerId)
                    .map(LedgerStore.StoredLedger::entryCount)
                    .orElse(0L);
            return reader.count(ledgerId) == expected;
        } catch (DamagedException e) {
            return false;
        }
    }

    private static void prune(LedgerStore ledgers, LedgerId ledgerId, List<DamagedRange> damaged) {
        try (LedgerStore.Writer writer = ledgers.begin()) {
            writer.restate(ledgerId);
            for (DamagedRange range : damaged) {
                writer.mend(ledgerId, range.firstEntryId(), range.lastEntryId(), Collections.emptyNavigableMap());
            }
            writer.commit();
        }
    }
}
