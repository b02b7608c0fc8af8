package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.BookieStore.EntryRange;
import io.quire.bookie.storage.JournalRecord;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What a bookie's store has to know: everything whose append returned, and perhaps what was under way when the store
 * failed. What a reader has seen must stay (H65).
 */
final class BookieStoreModel {
    private final Map<Long, Ledger> ledgers = new TreeMap<>();
    /** Under way when the store failed: there or not, record by record. */
    private final List<JournalRecord> uncertain = new ArrayList<>();
    /** Ledgers whose drop was under way then: it may have got any far, as nobody wants them any more. */
    private final Set<Long> doubtful = new TreeSet<>();

    private static final class Ledger {
        private final TreeMap<Long, Payload> entries = new TreeMap<>();
        private boolean fenced;
        private long lastAddConfirmed = EntryId.NONE;
        private long heldAt;
    }

    /** The only bytes that entry {@code entryId} ever has. */
    static Payload entry(long ledgerId, long entryId) {
        Random random = new Random(ledgerId * 1_000_003 + entryId);
        boolean large = random.nextInt(ledgerId % 3 == 1 ? 2 : 20) == 0;
        byte[] payload = new byte[large ? random.nextInt(3000) : random.nextInt(200)];
        random.nextBytes(payload);
        return EntryFormat.encode(
                new LedgerId(ledgerId),
                entryId,
                EntryId.NONE,
                payload.length,
                Payload.wrap(payload),
                DigestType.CRC32C);
    }

    /** These records are durable. */
    void appended(List<JournalRecord> records) {
        records.forEach(this::apply);
    }

    /** These records may be durable. */
    void appendFailed(List<JournalRecord> records) {
        uncertain.addAll(records);
        records.stream()
                .filter(JournalRecord.Dropped.class::isInstance)
                .forEach(record -> doubtful.add(record.ledgerId().value()));
    }

    private void apply(JournalRecord record) {
        if (record instanceof JournalRecord.Dropped) {
            ledgers.remove(record.ledgerId().value());
            doubtful.remove(record.ledgerId().value());
            return;
        }
        Ledger ledger = ledger(record.ledgerId());
        if (record instanceof JournalRecord.Added added) {
            added.entries().entries().forEach(entry -> ledger.entries.put(EntryFormat.entryIdOf(entry), entry));
            ledger.lastAddConfirmed = Math.max(ledger.lastAddConfirmed, added.lastAddConfirmed());
        } else if (record instanceof JournalRecord.Recovered recovered) {
            recovered.entries().entries().forEach(entry -> ledger.entries.put(EntryFormat.entryIdOf(entry), entry));
            ledger.heldAt = Math.max(ledger.heldAt, recovered.version());
        } else {
            ledger.fenced = true;
        }
    }

    private Ledger ledger(LedgerId ledgerId) {
        return ledgers.computeIfAbsent(ledgerId.value(), id -> new Ledger());
    }

    /** The highest entry of a ledger, or -1. */
    long lastEntryId(long ledgerId) {
        Ledger ledger = ledgers.get(ledgerId);
        return ledger == null || ledger.entries.isEmpty() ? EntryId.NONE : ledger.entries.lastKey();
    }

    /** Checks a store that was opened anew; from now on what it shows is durable. */
    void checkReopened(BookieStore store, Random random) {
        uncertain.forEach(record -> applyWhatWasKept(store, record));
        uncertain.clear();
        check(store, random);
    }

    /**
     * A record that nobody was told of need not be kept as a whole: a boot flushes it in several commits, of which the
     * first may be all that a crash leaves, while the journal's unsynced tail is gone.
     */
    private void applyWhatWasKept(BookieStore store, JournalRecord record) {
        if (record instanceof JournalRecord.Dropped) {
            return;
        }
        Ledger known = ledger(record.ledgerId());
        var view = store.ledger(record.ledgerId());
        for (Payload entry : record.entries().entries()) {
            long id = EntryFormat.entryIdOf(entry);
            if (!store.read(record.ledgerId(), id, id, 1, 1).entries().isEmpty()) {
                known.entries.put(id, entry);
            }
        }
        if (record instanceof JournalRecord.Added added) {
            if (view.isPresent() && view.get().lastAddConfirmed() >= added.lastAddConfirmed()) {
                known.lastAddConfirmed = Math.max(known.lastAddConfirmed, added.lastAddConfirmed());
            }
        } else if (record instanceof JournalRecord.Recovered recovered) {
            if (view.isPresent() && view.get().heldAt() >= recovered.version()) {
                known.heldAt = Math.max(known.heldAt, recovered.version());
            }
        } else {
            known.fenced |= view.isPresent() && view.get().fenced();
        }
    }

    /** Compares everything. */
    void check(BookieStore store, Random random) {
        ledgers.forEach((ledgerId, expected) -> {
            if (doubtful.contains(ledgerId)) {
                return;
            }
            var view = store.ledger(new LedgerId(ledgerId));
            assertThat(view.map(BookieStore.LedgerView::fenced).orElse(false))
                    .as("fence of ledger %s", ledgerId)
                    .isEqualTo(expected.fenced);
            assertThat(view.map(BookieStore.LedgerView::lastAddConfirmed).orElse(EntryId.NONE))
                    .as("last add confirmed of ledger %s", ledgerId)
                    .isEqualTo(expected.lastAddConfirmed);
            assertThat(view.map(BookieStore.LedgerView::heldAt).orElse(0L))
                    .as("version at which ledger %s is held", ledgerId)
                    .isEqualTo(expected.heldAt);
            assertThat(view.map(BookieStore.LedgerView::lastEntryId).orElse(EntryId.NONE))
                    .as("last entry of ledger %s", ledgerId)
                    .isEqualTo(lastEntryId(ledgerId));
            checkPages(store, ledgerId, expected, random);
        });
        assertThat(store.ledger(new LedgerId(999_999))).isEmpty();
        assertThat(store.conflicts()).isZero();
    }

    private static void checkPages(BookieStore store, long ledgerId, Ledger expected, Random random) {
        long last = expected.entries.isEmpty() ? 5 : expected.entries.lastKey() + random.nextInt(3);
        long next = 0;
        while (next <= last) {
            next = checkPage(store, ledgerId, expected, next, last, random);
        }
        assertThat(next).isEqualTo(last + 1);
    }

    /** Reads one page and returns where the next one starts. */
    private static long checkPage(
            BookieStore store, long ledgerId, Ledger expected, long first, long last, Random random) {
        int entriesMax = 1 + random.nextInt(40);
        int bytesMax = 1 + random.nextInt(4000);
        EntryRange range = store.read(new LedgerId(ledgerId), first, last, entriesMax, bytesMax);
        var covered = expected.entries.subMap(first, range.coveredTo());
        String what = "ledger " + ledgerId + " [" + first + ", " + last + "] at most " + entriesMax + " entries, "
                + bytesMax + " bytes, covered to " + range.coveredTo();
        assertThat(range.coveredTo()).as(what).isBetween(first + 1, last + 1);
        assertThat(range.entries()).as(what).containsExactlyElementsOf(covered.values());
        assertThat(range.entries().size()).as(what).isLessThanOrEqualTo(entriesMax);
        int bytes = range.entries().stream().mapToInt(Payload::length).sum();
        if (range.entries().size() > 1) {
            assertThat(bytes).as(what).isLessThanOrEqualTo(bytesMax);
        }
        if (range.coveredTo() <= last && range.entries().size() < entriesMax) {
            Long following = expected.entries.ceilingKey(range.coveredTo());
            assertThat(following).as(what + ": cut without need").isEqualTo(range.coveredTo());
            assertThat(bytes + expected.entries.get(following).length())
                    .as(what + ": cut without need")
                    .isGreaterThan(bytesMax);
        }
        return range.coveredTo();
    }

    /** Entries of {@code ledgerId}, ascending: new ones, with gaps, or ones that were there before. */
    List<Payload> someEntries(long ledgerId, Random random) {
        long last = lastEntryId(ledgerId);
        long from = random.nextInt(4) == 0 ? random.nextInt((int) last + 3) : last + 1;
        TreeSet<Long> ids = new TreeSet<>();
        int count = 1 + random.nextInt(5);
        int stride = 1 + random.nextInt(3);
        for (int i = 0; i < count; i++) {
            ids.add(from + (long) i * stride + random.nextInt(2));
        }
        return ids.stream().map(id -> entry(ledgerId, id)).toList();
    }
}
