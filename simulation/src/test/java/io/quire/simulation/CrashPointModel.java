package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.JournalRecord;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What a store has to hold after a crash, exactly: everything that was acknowledged, and of the one group that was under
 * way some first records. Ledgers that somebody damaged may be gone.
 */
final class CrashPointModel {
    private static final int LEDGERS_MAX = 100;

    private final Map<Long, Ledger> ledgers = new TreeMap<>();
    private final Set<Long> damaged = new HashSet<>();
    private List<JournalRecord> underWay = List.of();

    private record Ledger(Map<Long, Payload> entries, boolean fenced, long lastAddConfirmed, long heldAt) {
        static final Ledger EMPTY = new Ledger(Map.of(), false, EntryId.NONE, 0);

        Ledger with(JournalRecord record) {
            Map<Long, Payload> all = new TreeMap<>(entries);
            record.entries().entries().forEach(entry -> all.put(EntryFormat.entryIdOf(entry), entry));
            long confirmed = record instanceof JournalRecord.Added added ? added.lastAddConfirmed() : EntryId.NONE;
            long version = record instanceof JournalRecord.Recovered recovered ? recovered.version() : 0;
            return new Ledger(
                    all,
                    fenced || record instanceof JournalRecord.Fenced,
                    Math.max(lastAddConfirmed, confirmed),
                    Math.max(heldAt, version));
        }

        @Override
        public String toString() {
            return "entries " + entries.keySet() + " fenced " + fenced + " confirmed " + lastAddConfirmed + " held at "
                    + heldAt;
        }
    }

    /** The only bytes that entry {@code entryId} ever has. */
    static Payload entry(long ledgerId, long entryId, int bytes) {
        byte[] payload = new byte[bytes];
        Arrays.fill(payload, (byte) (31 * ledgerId + entryId));
        return EntryFormat.encode(
                new LedgerId(ledgerId), entryId, EntryId.NONE, bytes, Payload.wrap(payload), DigestType.CRC32C);
    }

    /** Another one that goes its own way from here on. */
    CrashPointModel copy() {
        CrashPointModel copy = new CrashPointModel();
        copy.ledgers.putAll(ledgers);
        copy.damaged.addAll(damaged);
        copy.underWay = underWay;
        return copy;
    }

    /** The last entry of a ledger, or -1. */
    long lastEntryId(long ledgerId) {
        return ledgers.getOrDefault(ledgerId, Ledger.EMPTY).entries().keySet().stream()
                .mapToLong(id -> id)
                .max()
                .orElse(EntryId.NONE);
    }

    void begun(List<JournalRecord> group) {
        underWay = group;
    }

    /** What was begun is durable. */
    void acknowledged() {
        underWay.forEach(this::apply);
        underWay = List.of();
    }

    /** A record of the ledger was damaged on the medium. */
    void damaged(long ledgerId) {
        damaged.add(ledgerId);
    }

    boolean isDamaged() {
        return !damaged.isEmpty();
    }

    private void apply(JournalRecord record) {
        long ledgerId = record.ledgerId().value();
        if (record instanceof JournalRecord.Dropped) {
            ledgers.remove(ledgerId);
        } else {
            ledgers.put(ledgerId, ledgers.getOrDefault(ledgerId, Ledger.EMPTY).with(record));
        }
    }

    /** Compares everything; what was kept of the group under way stays from now on. */
    void check(BookieStore store) {
        Map<Long, Ledger> found = contentOf(store);
        damaged.stream().filter(ledgerId -> !found.containsKey(ledgerId)).forEach(ledgers::remove);
        int kept = 0;
        while (kept < underWay.size() && !ledgers.equals(found)) {
            apply(underWay.get(kept));
            kept++;
        }
        underWay = List.of();
        assertThat(found).as("I2, I7: what the store holds").isEqualTo(ledgers);
        assertThat(store.conflicts()).as("entries with two contents").isZero();
    }

    private static Map<Long, Ledger> contentOf(BookieStore store) {
        Map<Long, Ledger> content = new TreeMap<>();
        for (LedgerId ledgerId : store.ledgerIds(0, LEDGERS_MAX)) {
            store.requireWhole(ledgerId);
            BookieStore.LedgerView view = store.ledger(ledgerId).orElseThrow();
            Map<Long, Payload> entries = new TreeMap<>();
            store.read(ledgerId, 0, view.lastEntryId(), Integer.MAX_VALUE, Integer.MAX_VALUE)
                    .entries()
                    .forEach(entry -> entries.put(EntryFormat.entryIdOf(entry), entry));
            content.put(ledgerId.value(), new Ledger(entries, view.fenced(), view.lastAddConfirmed(), view.heldAt()));
        }
        return content;
    }
}
