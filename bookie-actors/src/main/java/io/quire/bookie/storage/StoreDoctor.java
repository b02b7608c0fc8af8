package io.quire.bookie.storage;

import io.quire.bookie.storage.StoreInspection.JournalSegment;
import io.quire.bookie.storage.StoreInspection.SegmentEnd;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.OpId;
import io.quire.storage.DirectoryLock;
import io.quire.storage.FileStore;
import io.quire.storage.Finding;
import io.quire.storage.LmdbReader;
import io.quire.storage.ReadOnlyFileStore;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.DirectoryInUseException;
import io.quire.storage.StorageException.NewerFormatException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * Explains what a directory holds as a store, and what keeps it from starting, with the checks of a boot and in its
 * words. Changes nothing, and answers whatever bytes it meets. It reads the journal and the pages of the ledger store
 * that lead to blocks, but not the blocks: that does {@link StoreVerification}.
 */
public final class StoreDoctor {
    private static final String IDENTITY = "IDENTITY";
    private static final String LOCK = FileStore.LOCK_NAME;
    private static final String DISK = "disk";
    private static final String DAMAGED =
            "keep the directory as it is and delete nothing in it: its ledgers stay readable from their other bookies;"
                    + " format a new directory as another bookie, which takes new ledgers";
    private static final String OWN =
            "let the user that runs the bookie own the directory, or mount the disk for writing";
    /** More of the same say nothing new. */
    private static final int DAMAGED_LEDGERS_MAX = 10;

    private static final String NEWER = "start it with the version that wrote it";
    private static final String NOT_SWAPPED =
            "put back what belongs together: IDENTITY, journal and ledgers of one store; format nothing";

    private final Path directory;
    private final long freeBytesMin;
    private final List<Finding> findings = new ArrayList<>();
    private Optional<StoreIdentity> identity = Optional.empty();
    private Optional<BootRecord> boot = Optional.empty();
    private OptionalLong applied = OptionalLong.empty();

    private StoreDoctor(Path directory, long freeBytesMin) {
        this.directory = directory;
        this.freeBytesMin = freeBytesMin;
    }

    /** Whether {@code directory} holds anything of a store. */
    public static boolean isStore(Path directory) {
        return Stream.of(IDENTITY, StoreChecks.JOURNAL, StoreChecks.LEDGERS)
                .anyMatch(name -> Files.exists(directory.resolve(name)));
    }

    /**
     * Examines the store in {@code directory}, which exists.
     *
     * @param freeBytesMin what a bookie needs to start
     * @return at least one finding; the store can start if none {@link Finding#isWrong}
     */
    public static List<Finding> examine(Path directory, long freeBytesMin) {
        StoreDoctor doctor = new StoreDoctor(directory, freeBytesMin);
        doctor.examine();
        return List.copyOf(doctor.findings);
    }

    private void examine() {
        try (DirectoryLock lock = DirectoryLock.acquireForReading(directory)) {
            lock(lock);
            guarded(DISK, OWN, this::disk);
            guarded(IDENTITY, DAMAGED, this::identity);
            guarded(StoreChecks.LEDGERS, unreadable(), this::ledgers);
            guarded(StoreChecks.JOURNAL, DAMAGED, this::journal);
        } catch (DirectoryInUseException e) {
            findings.add(Finding.wrong(LOCK, e.getMessage(), "stop that process first; nothing else was looked at"));
        } catch (StorageException e) {
            findings.add(Finding.wrong(LOCK, e.getMessage(), OWN));
        }
    }

    /** Damage is an answer here, of whatever kind the exception is that it causes. */
    private void guarded(String part, String advice, Runnable check) {
        try {
            check.run();
        } catch (NewerFormatException e) {
            findings.add(Finding.wrong(part, e.getMessage(), NEWER));
        } catch (StorageException e) {
            boolean denied = e.getCause() instanceof AccessDeniedException;
            findings.add(Finding.wrong(part, e.getMessage(), denied ? OWN : advice));
        } catch (RuntimeException e) {
            findings.add(Finding.wrong(part, "it cannot be read: " + e, advice));
        }
    }

    private void lock(DirectoryLock lock) {
        Path file = directory.resolve(LOCK);
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            findings.add(Finding.wrong(LOCK, file + " is not a file", "move it away"));
        } else {
            findings.add(Finding.good(
                    LOCK,
                    lock.lastUser()
                            .map(pid -> "nobody holds it; process " + pid + " was the last")
                            .orElse("not there: nobody has used this directory, or it was copied without")));
        }
    }

    private void disk() {
        guarded(DISK, "move the store to a local disk, whole", () -> DirectoryLock.requireLocal(directory));
        firstNotWritable()
                .ifPresent(path -> findings.add(Finding.wrong(DISK, path + " may not be written by this user", OWN)));
        long free = ReadOnlyFileStore.open(directory).freeBytes();
        guarded(DISK, "make room on the disk", () -> {
            StoreChecks.requireRoom(directory, free, freeBytesMin);
            findings.add(
                    free < 2 * freeBytesMin
                            ? Finding.note(
                                    DISK,
                                    free + " bytes free; below " + freeBytesMin
                                            + " the bookie turns read-only and does not start")
                            : Finding.good(DISK, free + " bytes free"));
        });
    }

    private Optional<Path> firstNotWritable() {
        try (Stream<Path> files = Files.walk(directory, 2)) {
            return files.filter(path -> !Files.isWritable(path)).findFirst();
        } catch (IOException | java.io.UncheckedIOException e) {
            throw new StorageException("cannot list the files of " + directory + ": " + e.getMessage(), e);
        }
    }

    private boolean isThere(String part) {
        return Files.isDirectory(directory.resolve(part));
    }

    private void identity() {
        FileStore files = ReadOnlyFileStore.open(directory);
        if (!StoreIdentity.isFormatted(files)) {
            boolean data = isThere(StoreChecks.JOURNAL) || isThere(StoreChecks.LEDGERS);
            if (data) {
                guarded(IDENTITY, adviceWithoutIdentity(), () -> StoreChecks.requireNoData(directory));
            } else {
                guarded(
                        IDENTITY,
                        "name the right directory, mount its disk, or './quire format' it as a new bookie",
                        () -> StoreChecks.requireFormatted(directory, false));
            }
            return;
        }
        guarded(
                IDENTITY,
                "put back a copy of the file, of any age: it never changes after formatting; delete nothing",
                () -> {
                    StoreIdentity read = StoreIdentity.read(files);
                    identity = Optional.of(read);
                    findings.add(Finding.good(
                            IDENTITY, "bookie " + read.bookieId() + " of cluster '" + read.clusterName() + "'"));
                });
    }

    /** Formatting writes the identity last: a store that never booted holds nothing that could be lost. */
    private String adviceWithoutIdentity() {
        try (LmdbReader files = LmdbReader.open(directory.resolve(StoreChecks.LEDGERS))) {
            BootRecord record = BootRecord.read(files);
            if (record.confirmed().equals(BootEpoch.NEVER_BOOTED)) {
                return "formatting was cut off: the store has never booted and holds nothing; move journal and ledgers"
                        + " away and format again";
            }
        } catch (StorageException e) {
            // Then nothing is known of it, and nothing may be thrown away.
        }
        return "put back a copy of the file, of any age: it never changes after formatting; delete nothing";
    }

    /** Without an identity nothing can be rebuilt. */
    private String unreadable() {
        return identity.isEmpty()
                ? DAMAGED
                : "delete nothing; if its disk is mounted and no copy is in use elsewhere, './quire store rebuild --dir "
                        + directory
                        + "' sets it aside and begins an empty one, in limbo until other bookies have filled"
                        + " it again";
    }

    private void ledgers() {
        Path place = directory.resolve(StoreChecks.LEDGERS);
        if (!Files.isDirectory(place)) {
            missing(StoreChecks.LEDGERS, "there is no ledger store in " + place, "; if it is lost, " + unreadable());
            return;
        }
        if (!LmdbReader.isThere(place)) {
            findings.add(Finding.wrong(
                    StoreChecks.LEDGERS, "the ledger store was never formatted, or was emptied", unreadable()));
            return;
        }
        try (LmdbReader files = LmdbReader.open(place)) {
            StoreChecks.requireKnownFormat(files);
            guarded(StoreChecks.LEDGERS, unreadable(), files::requireWholeTrees);
            guarded(StoreChecks.LEDGERS, unreadable(), () -> bootRecord(files));
            guarded(StoreChecks.LEDGERS, DAMAGED, () -> content(files));
        }
    }

    private void missing(String part, String what, String ifLost) {
        if (identity.isPresent() || isStore(directory)) {
            findings.add(Finding.wrong(
                    part,
                    what,
                    "mount or put back what belongs to this store; the identity alone is no store" + ifLost));
        }
    }

    private void bootRecord(LmdbReader files) {
        BootRecord read = BootRecord.read(files);
        boot = Optional.of(read);
        String boots = read.confirmed().equals(BootEpoch.NEVER_BOOTED)
                ? "never booted"
                : "last boot " + read.confirmed() + ", in cluster " + read.clusterId();
        String next = read.intent()
                .map(OpId::toString)
                .map(operation -> "; boot " + read.intended() + " was begun, operation " + operation)
                .orElse("");
        String stop = read.clean() ? "; stopped in order" : "; not stopped in order: it was killed, or copied";
        findings.add(Finding.good(StoreChecks.LEDGERS, "of bookie " + read.bookieId() + ", " + boots + next + stop));
        identity.ifPresent(own ->
                guarded(StoreChecks.LEDGERS, NOT_SWAPPED, () -> StoreChecks.bootRecordOf(directory, own, files)));
    }

    private void content(LmdbReader files) {
        LedgerStore ledgers = StoreInspection.ledgersOf(directory, files);
        applied = OptionalLong.of(ledgers.appliedSequence());
        long[] held = {0};
        long[] damaged = {0};
        try (LedgerStore.Reader reader = ledgers.openReader()) {
            StoreInspection.forEachLedger(reader, ledgerId -> {
                held[0]++;
                try {
                    reader.ledger(ledgerId);
                } catch (StorageException e) {
                    if (damaged[0]++ < DAMAGED_LEDGERS_MAX) {
                        findings.add(Finding.wrong(StoreChecks.LEDGERS, e.getMessage(), DAMAGED));
                    }
                }
            });
        }
        findings.add(Finding.good(
                StoreChecks.LEDGERS,
                held[0] + " ledgers, journal applied up to record " + ledgers.appliedSequence() + ", "
                        + files.sizeBytes() + " bytes"));
    }

    private void journal() {
        Path place = directory.resolve(StoreChecks.JOURNAL);
        if (!Files.isDirectory(place)) {
            missing(StoreChecks.JOURNAL, "there is no journal in " + place, "");
            return;
        }
        JournalInspection journal = new JournalInspection(ReadOnlyFileStore.open(place));
        List<JournalSegment> segments = journal.segments(applied);
        Optional<BookieId> bookie = identity.map(StoreIdentity::bookieId).or(() -> boot.map(BootRecord::bookieId));
        boolean foreign = false;
        for (JournalSegment segment : segments) {
            foreign |= segment.store().isPresent() && !segment.store().equals(bookie);
            if (segment.needed() && segment.end() != SegmentEnd.WHOLE && !segment.isDamaged()) {
                findings.add(Finding.note(StoreChecks.JOURNAL, segment.file() + ": " + segment.reason()));
            }
        }
        if (bookie.isPresent() && applied.isPresent()) {
            guarded(
                    StoreChecks.JOURNAL,
                    foreign ? NOT_SWAPPED : DAMAGED,
                    () -> replay(journal, bookie.get(), segments.size()));
        } else {
            segments.stream()
                    .filter(JournalSegment::isDamaged)
                    .forEach(segment -> findings.add(
                            Finding.wrong(StoreChecks.JOURNAL, segment.file() + ": " + segment.reason(), DAMAGED)));
            findings.add(Finding.note(
                    StoreChecks.JOURNAL,
                    segments.size() + " segments; whether a start could go on with them cannot be told without "
                            + (bookie.isPresent() ? "the ledger store" : "an identity")));
        }
    }

    private void replay(JournalInspection journal, BookieId bookie, int segments) {
        BootEpoch confirmed = boot.map(BootRecord::confirmed).orElse(BootEpoch.NEVER_BOOTED);
        JournalScan.Result scan = journal.replay(bookie, applied.getAsLong(), confirmed, record -> {});
        findings.add(Finding.good(
                StoreChecks.JOURNAL,
                segments + " segments, the last record is " + scan.lastSequence() + "; the next start repeats "
                        + scan.records()));
    }
}
