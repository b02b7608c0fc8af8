package io.quire.bookie.storage;

import io.quire.bookie.storage.LedgerStore.DamagedRange;
import io.quire.bookie.storage.LedgerStore.Inspection;
import io.quire.bookie.storage.LedgerStore.Reader;
import io.quire.bookie.storage.LedgerStore.StoredLedger;
import io.quire.bookie.storage.StoreInspection.JournalSegment;
import io.quire.bookie.storage.StoreInspection.SegmentEnd;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.storage.Finding;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.LmdbReader;
import io.quire.storage.ReadOnlyFileStore;
import io.quire.storage.StorageException;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * Reads all of a store that nobody uses, and compares: the pages of the ledger store, the CRC of every block, the digest
 * of every entry as far as no key is needed, what blocks hold against what the ledgers' states say, and the journal as a
 * start would read it. Findings come as they are made. For one thread.
 */
public final class StoreVerification {
    private static final String KEEP =
            "keep the directory as it is; the other bookies of its ledgers have the entries; see './quire doctor'";

    private final StoreInspection store;
    private final Consumer<Finding> visitor;
    private Optional<BookieId> bookie = Optional.empty();
    private BootEpoch confirmed = BootEpoch.NEVER_BOOTED;
    private OptionalLong applied = OptionalLong.empty();
    private long ledgers;
    private long entries;
    private long bytes;
    private long records;
    private long wrong;

    private StoreVerification(StoreInspection store, Consumer<Finding> visitor) {
        this.store = store;
        this.visitor = visitor;
    }

    /**
     * Verifies {@code store}.
     *
     * @param visitor sees what was found, at last a summary
     * @return whether nothing is damaged
     */
    public static boolean run(StoreInspection store, Consumer<Finding> visitor) {
        StoreVerification verification = new StoreVerification(store, visitor);
        verification.identity();
        verification.ledgerStore();
        verification.journal();
        verification.summary();
        return verification.wrong == 0;
    }

    /** Damage is an answer here, of whatever kind the exception is that it causes. */
    private void guarded(String part, Runnable check) {
        try {
            check.run();
        } catch (StorageException e) {
            wrong(part, e.getMessage());
        } catch (RuntimeException e) {
            wrong(part, "it cannot be read: " + e);
        }
    }

    private void wrong(String part, String what) {
        wrong++;
        visitor.accept(Finding.wrong(part, what, KEEP));
    }

    private void identity() {
        guarded(
                "IDENTITY",
                () -> bookie = Optional.of(StoreIdentity.read(ReadOnlyFileStore.open(store.directory()))
                        .bookieId()));
    }

    private void ledgerStore() {
        guarded(StoreChecks.LEDGERS, () -> {
            try (LmdbReader files = store.ledgerFiles()) {
                guarded(StoreChecks.LEDGERS, files::requireWholeTrees);
                guarded(StoreChecks.LEDGERS, () -> {
                    BootRecord boot = BootRecord.read(files);
                    confirmed = boot.confirmed();
                    if (bookie.isPresent() && !bookie.get().equals(boot.bookieId())) {
                        wrong(
                                StoreChecks.LEDGERS,
                                "it belongs to bookie " + boot.bookieId() + ", the identity is another");
                    }
                    bookie = bookie.or(() -> Optional.of(boot.bookieId()));
                });
                LedgerStore opened = StoreInspection.ledgersOf(store.directory(), files);
                applied = OptionalLong.of(opened.appliedSequence());
                try (Reader reader = opened.openReader()) {
                    StoreInspection.forEachLedger(
                            reader, ledgerId -> guarded("ledger " + ledgerId, () -> ledger(reader, ledgerId)));
                    blocksWithoutState(files, reader);
                }
            }
        });
    }

    private void ledger(Reader reader, LedgerId ledgerId) {
        ledgers++;
        String part = "ledger " + ledgerId;
        long found = 0;
        long damaged = 0;
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent()) {
            Inspection inspection = reader.inspect(ledgerId, next.getAsLong(), StoreInspection.CHUNK_BYTES);
            bytes += inspection.bytes();
            found += inspection.entries();
            for (DamagedRange range : inspection.damaged()) {
                damaged++;
                wrong(part, "the block of entries " + rangeOf(range) + " is damaged: " + range.reason());
            }
            next = inspection.next();
        }
        entries += found;
        StoredLedger stored = reader.ledger(ledgerId).orElse(StoredLedger.EMPTY);
        if (damaged == 0 && found != stored.entryCount()) {
            wrong(part, "its blocks hold " + found + " entries, its state says " + stored.entryCount());
        } else if (damaged == 0 && found > 0) {
            requireHeld(reader, ledgerId, stored.firstEntryId(), "first");
            requireHeld(reader, ledgerId, stored.lastEntryId(), "last");
        }
    }

    /** A ledger whose state is gone would be denied, whatever blocks it has (R19); no list of ledgers names it. */
    private void blocksWithoutState(LmdbReader files, Reader reader) {
        try (Snapshot snapshot = files.openSnapshot()) {
            Optional<LedgerId> owner = StoreKeys.ownerOfBlocks(snapshot, 0);
            while (owner.isPresent()) {
                LedgerId ledgerId = owner.get();
                guarded("ledger " + ledgerId, () -> {
                    if (reader.ledger(ledgerId).isEmpty()) {
                        wrong("ledger " + ledgerId, "there are blocks of it, but its state is gone");
                    }
                });
                boolean last = ledgerId.value() == Long.MAX_VALUE;
                owner = last ? Optional.empty() : StoreKeys.ownerOfBlocks(snapshot, ledgerId.value() + 1);
            }
        }
    }

    private static String rangeOf(DamagedRange range) {
        return range.firstEntryId() + (range.lastEntryId() == EntryId.MAX ? " on" : " to " + range.lastEntryId());
    }

    private void requireHeld(Reader reader, LedgerId ledgerId, long entryId, String which) {
        boolean[] held = {false};
        reader.read(ledgerId, entryId, entryId, (id, encoded) -> {
            held[0] = true;
            return true;
        });
        if (!held[0]) {
            wrong(
                    "ledger " + ledgerId,
                    "its state says that its " + which + " entry is " + entryId + ", which no block holds");
        }
    }

    private void journal() {
        guarded(StoreChecks.JOURNAL, () -> {
            JournalInspection journal = store.journal();
            for (JournalSegment segment : journal.segments(applied)) {
                records += segment.records();
                if (segment.isDamaged()) {
                    wrong(StoreChecks.JOURNAL + "/" + segment.file(), segment.reason());
                } else if (segment.needed() && segment.end() != SegmentEnd.WHOLE) {
                    visitor.accept(Finding.note(StoreChecks.JOURNAL + "/" + segment.file(), segment.reason()));
                }
            }
            if (bookie.isPresent() && applied.isPresent()) {
                journal.replay(bookie.get(), applied.getAsLong(), confirmed, this::record);
            }
        });
    }

    private void record(JournalRecord record) {
        record.entries().entries().forEach(entry -> {
            try {
                EntryFormat.verify(entry);
            } catch (EntryFormat.DamagedEntryException e) {
                wrong(StoreChecks.JOURNAL, e.getMessage());
            }
        });
    }

    private void summary() {
        String read = ledgers + " ledgers, " + entries + " good entries, " + bytes + " bytes of blocks, " + records
                + " journal records";
        visitor.accept(
                wrong == 0
                        ? Finding.good("store", read + "; nothing is damaged")
                        : Finding.wrong("store", read + "; findings of damage: " + wrong, KEEP));
    }
}
