package io.quire.cli;

import io.quire.bookie.storage.StoreInspection;
import io.quire.bookie.storage.StoreInspection.HeldEntry;
import io.quire.bookie.storage.StoreInspection.JournalSegment;
import io.quire.bookie.storage.StoreVerification;
import io.quire.protocol.BookieId;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.storage.StorageException;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code quire store}: looks into the directory of a store that nobody uses. */
@Command(
        name = "store",
        description = "Looks into a store that is stopped, converts it, or rebuilds it. See also 'quire doctor'.",
        subcommands = {
            StoreCommand.Ledgers.class,
            StoreCommand.Entries.class,
            StoreCommand.JournalFiles.class,
            StoreCommand.Verify.class,
            StoreConvertCommand.class,
            StoreRebuildCommand.class
        })
final class StoreCommand {
    /** A command on one store. */
    abstract static class OnStore extends QuireSubcommand {
        @Option(names = "--dir", paramLabel = "DIR", required = true, description = "The store's directory.")
        private Path dir;

        @Override
        public final Integer call() {
            try (StoreInspection store = StoreInspection.open(dir)) {
                return look(store);
            } catch (StorageException e) {
                throw CommandFailure.of(
                        "cannot look into " + dir + ": " + e.getMessage() + "; './quire doctor --dir " + dir
                                + "' explains it",
                        e);
            } finally {
                terminal().flush();
            }
        }

        abstract int look(StoreInspection store);

        final Path dir() {
            return dir;
        }

        /** Ledgers and entries are those of the ledger store; the journal of a killed store holds more. */
        final void noteUnapplied(StoreInspection store) {
            long unapplied = store.unapplied();
            if (unapplied != 0) {
                terminal()
                        .note((unapplied > 0 ? unapplied + " records of the journal are" : "what the journal holds is")
                                + " not in the ledger store and not shown here; see './quire store journal --records'");
            }
        }
    }

    @Command(
            name = "ledgers",
            description =
                    "A line per ledger: id, first and last entry, entries, bytes, fenced, last add confirmed, version"
                            + " at which it is held, damaged blocks. Reads all blocks.")
    static final class Ledgers extends OnStore {
        @Override
        int look(StoreInspection store) {
            Rows rows = new Rows(
                    quire(),
                    Rows.number("LEDGER", "ledgerId", 8),
                    Rows.number("FIRST", "firstEntryId", 8),
                    Rows.number("LAST", "lastEntryId", 8),
                    Rows.number("ENTRIES", "entries", 8),
                    Rows.number("BYTES", "bytes", 12),
                    Rows.text("FENCED", "fenced", 6),
                    Rows.number("LAC", "lastAddConfirmed", 8),
                    Rows.number("HELD-AT", "heldAt", 7),
                    Rows.number("DAMAGED", "damagedBlocks", 7));
            long[] damaged = {0};
            store.ledgers(ledger -> {
                damaged[0] += ledger.damaged();
                rows.add(
                        ledger.ledgerId(),
                        ledger.firstEntryId(),
                        ledger.lastEntryId(),
                        ledger.entries(),
                        ledger.bytes(),
                        ledger.fenced(),
                        ledger.lastAddConfirmed(),
                        ledger.heldAt(),
                        ledger.damaged());
            });
            rows.flush();
            noteUnapplied(store);
            return damaged[0] == 0 ? 0 : 1;
        }
    }

    @Command(
            name = "entries",
            description = {
                "A line per entry: id, payload bytes, digest type, good or what is wrong with it.",
                "What a damaged block may have held is one line for its range of ids; then this exits with 1."
            })
    static final class Entries extends OnStore {
        @Option(names = "--ledger", paramLabel = "L", required = true, description = "The ledger.")
        private long ledgerId;

        @Option(
                names = "--from",
                paramLabel = "N",
                defaultValue = "0",
                description = "The first entry; ${DEFAULT-VALUE} unless given.")
        private long from;

        @Option(names = "--to", paramLabel = "M", description = "The last entry; the last held unless given.")
        private Optional<Long> to;

        @Option(names = "--payload", description = "Prints the payloads, too, in base64.")
        private boolean payload;

        @Override
        int look(StoreInspection store) {
            require(ledgerId >= 0, "a ledger id is not negative: " + ledgerId);
            require(from >= 0, "--from must not be negative: " + from);
            require(to.isEmpty() || to.get() >= from, "--to must not be below --from");
            Rows rows = new Rows(
                    quire(),
                    Rows.text("ENTRY", "entryId", 12),
                    Rows.text("TO", "lastEntryId", 12),
                    Rows.number("BYTES", "payloadBytes", 8),
                    Rows.text("DIGEST", "digest", 11),
                    Rows.text("STATE", "state", 5),
                    Rows.text("DAMAGE", "damage", 1),
                    Rows.text("PAYLOAD", "payload", 1));
            boolean[] damaged = {false};
            boolean held = store.entries(new LedgerId(ledgerId), from, to.orElse(EntryId.MAX), entry -> {
                damaged[0] |= !entry.isGood();
                add(rows, entry);
            });
            rows.flush();
            noteUnapplied(store);
            if (!held) {
                throw CommandFailure.of("nothing is held of ledger " + ledgerId + " in the ledger store of " + dir()
                        + "; './quire store ledgers' lists what is");
            }
            return damaged[0] ? 1 : 0;
        }

        private void add(Rows rows, HeldEntry entry) {
            boolean range = entry.firstEntryId() != entry.lastEntryId();
            rows.add(
                    entry.firstEntryId(),
                    range ? (Object) entry.lastEntryId() : "",
                    entry.isGood() ? (Object) entry.payloadBytes() : "",
                    entry.digest(),
                    entry.isGood() ? "good" : "BAD",
                    entry.damage(),
                    payload ? Base64.getEncoder().encodeToString(entry.payload().toByteArray()) : "");
        }
    }

    @Command(
            name = "journal",
            description = {
                "A line per segment: file, generation, first and last good record, bytes, whether the next start needs"
                        + " it, how it ends and why.",
                "With --records a line per record instead: file, sequence, kind, ledger, entries, synced up to."
            })
    static final class JournalFiles extends OnStore {
        @Option(names = "--records", description = "Prints every record.")
        private boolean records;

        @Override
        int look(StoreInspection store) {
            boolean damaged = false;
            Rows segments = segmentRows();
            Rows single = recordRows();
            for (JournalSegment segment : store.segments()) {
                damaged |= segment.isDamaged();
                if (records) {
                    store.records(
                            segment,
                            record -> single.add(
                                    record.file(),
                                    record.sequence(),
                                    record.kind(),
                                    record.ledgerId(),
                                    record.entries(),
                                    record.firstEntryId(),
                                    record.lastEntryId(),
                                    record.bytes(),
                                    record.bootEpoch(),
                                    record.syncedUpTo()));
                    if (!segment.reason().isEmpty()) {
                        terminal().flush();
                        terminal().note(segment.file() + ": " + segment.reason());
                    }
                } else {
                    add(segments, segment);
                }
            }
            segments.flush();
            return damaged ? 1 : 0;
        }

        private Rows segmentRows() {
            return new Rows(
                    quire(),
                    Rows.text("FILE", "file", 16),
                    Rows.number("GENERATION", "generation", 10),
                    Rows.number("FIRST", "firstSequence", 8),
                    Rows.number("LAST", "lastSequence", 8),
                    Rows.number("RECORDS", "records", 7),
                    Rows.number("BYTES", "fileBytes", 10),
                    Rows.text("NEEDED", "needed", 6),
                    Rows.text("END", "end", 9),
                    Rows.text("STORE", "store", 36),
                    Rows.text("REASON", "reason", 1));
        }

        private Rows recordRows() {
            return new Rows(
                    quire(),
                    Rows.text("FILE", "file", 16),
                    Rows.number("SEQUENCE", "sequence", 8),
                    Rows.text("KIND", "kind", 9),
                    Rows.number("LEDGER", "ledgerId", 8),
                    Rows.number("ENTRIES", "entries", 7),
                    Rows.number("FIRST", "firstEntryId", 8),
                    Rows.number("LAST", "lastEntryId", 8),
                    Rows.number("BYTES", "bytes", 8),
                    Rows.number("BOOT", "bootEpoch", 4),
                    Rows.number("SYNCED", "syncedUpTo", 8));
        }

        private static void add(Rows rows, JournalSegment segment) {
            boolean readable = segment.store().isPresent();
            rows.add(
                    segment.file(),
                    readable ? (Object) segment.generation() : "",
                    readable ? (Object) segment.firstSequence() : "",
                    readable ? (Object) segment.lastSequence() : "",
                    readable ? (Object) segment.records() : "",
                    segment.fileBytes(),
                    segment.needed(),
                    segment.end().name().toLowerCase(Locale.ROOT).replace('_', '-'),
                    segment.store().map(BookieId::toString).orElse(""),
                    segment.reason());
        }
    }

    @Command(
            name = "verify",
            description =
                    "Reads everything: pages, blocks, entries, ledger states, journal. A line per finding and one with"
                            + " what was read; exits with 1 when something is damaged.")
    static final class Verify extends OnStore {
        @Override
        int look(StoreInspection store) {
            Rows rows = new Rows(
                    quire(), Rows.text("KIND", "kind", 5), Rows.text("PART", "part", 12), Rows.text("WHAT", "what", 1));
            boolean good = StoreVerification.run(store, finding -> {
                String kind = finding.kind().name().toLowerCase(Locale.ROOT);
                boolean loud = finding.isWrong() && !quire().isJson();
                rows.add(loud ? "WRONG" : kind, finding.part(), finding.what());
                rows.flush();
            });
            if (!good) {
                terminal().note(dir() + " is damaged; keep it as it is, and see './quire doctor --dir " + dir() + "'");
            }
            return good ? 0 : 1;
        }
    }
}
