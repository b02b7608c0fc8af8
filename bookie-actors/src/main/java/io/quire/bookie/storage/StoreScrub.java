package io.quire.bookie.storage;

import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.GuardedValue;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.StorageException.DamagedException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Verifies what a ledger store holds, ledger by ledger, in small steps: the state of each ledger, the number of its entries,
 * the CRC of each block and the digest of each entry. What is damaged goes into limbo. It writes down now and then where it
 * is, so that a pass goes on after a restart.
 *
 * <pre>
 *   m/scrub   guarded: int64 ledger, int64 entry, int64 passes completed
 * </pre>
 *
 * <p>Not thread-safe; it reads the disk.
 */
public final class StoreScrub {
    private static final Payload KEY = Payload.ofUtf8("m/scrub");
    private static final int STEPS_PER_RECORD = 64;

    private final BookieStore store;
    private final KeyValueStore records;
    private Position position;
    private int stepsSinceRecord;

    /**
     * Where a scrub is.
     *
     * @param ledgerId goes on with this ledger or the next higher one there is
     * @param entryId goes on behind this entry of it
     * @param passes how often everything was verified since the store was formatted
     */
    public record Position(long ledgerId, long entryId, long passes) {
        static final Position START = new Position(0, 0, 0);
    }

    /**
     * What a step found.
     *
     * @param bytes that were looked at
     * @param entries that are good
     * @param passEnded whether everything has been looked at once
     * @param damaged ledgers that something is wrong with; they are in limbo
     */
    public record Step(long bytes, long entries, boolean passEnded, List<LedgerId> damaged) {}

    /**
     * Goes on where the last one of the store was.
     *
     * @param records where its place is written down; the caller closes both
     */
    public StoreScrub(BookieStore store, KeyValueStore records) {
        this.store = store;
        this.records = records;
        this.position = readPosition();
    }

    private Position readPosition() {
        try (Snapshot snapshot = records.openSnapshot()) {
            Optional<Payload> value = snapshot.get(KEY);
            return value.isPresent()
                    ? GuardedValue.decode(KEY, value.get(), "the place of the scrub", StoreScrub::decode)
                    : Position.START;
        } catch (DamagedException e) {
            // Nothing depends on it but what is looked at next.
            return Position.START;
        }
    }

    private static Position decode(ByteBuffer in) {
        return new Position(in.getLong(), in.getLong(), in.getLong());
    }

    public Position position() {
        return position;
    }

    /** Looks at about {@code bytesMax} bytes of one ledger. */
    public Step step(long bytesMax) {
        Step step = look(bytesMax);
        if (++stepsSinceRecord >= STEPS_PER_RECORD || step.passEnded()) {
            stepsSinceRecord = 0;
            record();
        }
        return step;
    }

    private Step look(long bytesMax) {
        Optional<LedgerId> next =
                store.ledgerIds(position.ledgerId(), 1).stream().findFirst();
        if (next.isEmpty()) {
            position = new Position(0, 0, position.passes() + 1);
            return new Step(0, 0, true, List.of());
        }
        LedgerId ledgerId = next.get();
        long entryId = ledgerId.value() == position.ledgerId() ? position.entryId() : 0;
        List<LedgerId> damaged = new ArrayList<>();
        if (entryId == 0 && !isCountRight(ledgerId)) {
            damaged.add(ledgerId);
        }
        LedgerStore.Inspection inspection = store.inspect(ledgerId, entryId, bytesMax);
        for (LedgerStore.DamagedRange range : inspection.damaged()) {
            store.damaged(ledgerId, "a block from entry " + range.firstEntryId() + " on: " + range.reason());
            damaged.add(ledgerId);
        }
        position = inspection.next().isPresent()
                ? new Position(ledgerId.value(), inspection.next().getAsLong(), position.passes())
                : new Position(ledgerId.value() + 1, 0, position.passes());
        return new Step(inspection.bytes(), inspection.entries(), false, damaged);
    }

    private boolean isCountRight(LedgerId ledgerId) {
        try {
            store.ledgerOrMended(ledgerId);
            store.requireCount(ledgerId);
            return true;
        } catch (DamagedException e) {
            store.damaged(ledgerId, e.getMessage());
            return false;
        }
    }

    private void record() {
        try (Transaction transaction = records.begin()) {
            transaction.put(KEY, GuardedValue.encode(KEY, 24, out -> out.putLong(position.ledgerId())
                    .putLong(position.entryId())
                    .putLong(position.passes())));
            transaction.commit();
        }
    }
}
