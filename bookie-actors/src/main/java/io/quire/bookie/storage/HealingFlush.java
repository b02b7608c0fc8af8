package io.quire.bookie.storage;

import io.quire.bookie.storage.LedgerStore.DamagedRange;
import io.quire.bookie.storage.LedgerStore.Inspection;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.util.Collections;
import java.util.HashSet;
import java.util.NavigableMap;
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

    /**
     * Makes the next commit.
     *
     * @return whether it was the last
     */
    boolean step() {
        try {
            return flush.step();
        } catch (MemtableFlush.DamagedLedgerException e) {
            if (!healed.add(e.ledgerId())) {
                throw e;
            }
            limbo.enter(e.ledgerId(), e.getMessage());
            heal(e.ledgerId());
            flush = new MemtableFlush(memtable, ledgers, settings, conflicts);
            return false;
        }
    }

    private void heal(LedgerId ledgerId) {
        NavigableMap<Long, Payload> nothing = Collections.emptyNavigableMap();
        long next = 0;
        while (next != EntryId.NONE) {
            Inspection inspection;
            try (LedgerStore.Reader reader = ledgers.openReader()) {
                inspection = reader.inspect(ledgerId, next, INSPECTED_BYTES);
            }
            try (LedgerStore.Writer writer = ledgers.begin()) {
                writer.restate(ledgerId);
                for (DamagedRange range : inspection.damaged()) {
                    writer.mend(ledgerId, range.firstEntryId(), range.lastEntryId(), nothing);
                }
                writer.commit();
            }
            next = inspection.next().orElse(EntryId.NONE);
        }
    }
}
