package io.quire.bookie.storage;

import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.storage.FileStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * A small store's directory as this version makes it, packed, in the test resources; later versions must go on with it.
 * It was booted twice and then killed: what the second boot took is in the journal only.
 */
final class GoldenStore {
    static final BookieId BOOKIE = new BookieId(new UUID(1, 2));
    static final BookieStore.Settings SETTINGS = new BookieStore.Settings(32 << 10, 16 << 10, 2, 32 << 10, 3, 4);
    static final Path FILE = Path.of("src", "test", "resources", "golden", "store-1.zip");

    private GoldenStore() {}

    static Payload entry(long ledgerId, long entryId, int payloadBytes, DigestType digest) {
        String text = "entry " + entryId + " of ledger " + ledgerId + " ";
        Payload payload = Payload.ofUtf8(text.repeat(payloadBytes / text.length() + 1));
        return EntryFormat.encode(
                new LedgerId(ledgerId), entryId, entryId - 1, payload.length() * (entryId + 1), payload, digest);
    }

    static EntryBatch entries(long ledgerId, int first, int last, int payloadBytes, DigestType digest) {
        return EntryBatch.of(IntStream.rangeClosed(first, last)
                .mapToObj(id -> entry(ledgerId, id, payloadBytes, digest))
                .toList());
    }

    private static JournalRecord.Added added(long ledgerId, EntryBatch entries, long lastAddConfirmed) {
        return new JournalRecord.Added(new LedgerId(ledgerId), lastAddConfirmed, entries);
    }

    /** Makes the store anew in an empty directory. */
    static void make(Path directory) throws IOException {
        Files.createDirectory(directory.resolve(StoreChecks.JOURNAL));
        Path ledgers = Files.createDirectory(directory.resolve(StoreChecks.LEDGERS));
        try (KeyValueStore files = LmdbKeyValueStore.open(ledgers, 1 << 20);
                FileStore root = NioFileStore.open(directory)) {
            StoreChecks.format(files, BOOKIE);
            new StoreIdentity(BOOKIE, "quire").write(root);
        }
        try (BookieStore store = boot(directory, 1)) {
            store.append(List.of(added(3, entries(3, 0, 4, 50, DigestType.CRC32C), 3)));
            store.append(List.of(
                    added(4, entries(4, 0, 1, 5000, DigestType.CRC32), 0),
                    new JournalRecord.Fenced(new LedgerId(4)),
                    added(5, entries(5, 0, 9, 20, DigestType.DUMMY), -1)));
            store.append(List.of(
                    new JournalRecord.Recovered(new LedgerId(6), 9, entries(6, 0, 1, 60, DigestType.CRC32C)),
                    added(7, entries(7, 0, 0, 10, DigestType.CRC32C), -1),
                    new JournalRecord.Dropped(new LedgerId(7))));
            store.rotate();
            while (store.needsFlush()) {
                store.flushStep();
            }
            store.releaseJournal();
        }
        try (BookieStore store = boot(directory, 2)) {
            store.append(List.of(added(3, entries(3, 5, 7, 50, DigestType.CRC32C), 4)));
            store.append(List.of(
                    new JournalRecord.Recovered(new LedgerId(6), 10, entries(6, 3, 3, 60, DigestType.CRC32C)),
                    new JournalRecord.Fenced(new LedgerId(6)),
                    new JournalRecord.Dropped(new LedgerId(5)),
                    added(3, EntryBatch.EMPTY, 7)));
        }
    }

    private static BookieStore boot(Path directory, long epoch) {
        KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve(StoreChecks.LEDGERS), 1 << 20);
        BootRecord.read(ledgers).withIntent(new OpId(new UUID(3, epoch))).write(ledgers);
        BookieStore store = BookieStore.open(
                BOOKIE,
                new BootEpoch(epoch),
                SETTINGS,
                BookieStore.Files.ofLmdb(NioFileStore.open(directory.resolve(StoreChecks.JOURNAL)), ledgers));
        BootRecord.read(ledgers).withConfirmedIntent("cluster-1").write(ledgers);
        return store;
    }

    /** Packs a directory; what means nothing once the process is gone stays out. */
    static void pack(Path directory) throws IOException {
        Files.createDirectories(FILE.getParent());
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(FILE));
                Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                String name = directory.relativize(file).toString();
                if (!name.endsWith("lock.mdb") && !name.equals(FileStore.LOCK_NAME)) {
                    ZipEntry entry = new ZipEntry(name);
                    entry.setLastModifiedTime(FileTime.fromMillis(0));
                    zip.putNextEntry(entry);
                    Files.copy(file, zip);
                    zip.closeEntry();
                }
            }
        }
    }

    /** Unpacks the golden store into {@code directory}, which is made. */
    static Path unpack(Path directory) {
        try (ZipFile zip = new ZipFile(FILE.toFile())) {
            for (ZipEntry entry : zip.stream().toList()) {
                Path file = directory.resolve(entry.getName());
                Files.createDirectories(file.getParent());
                Files.copy(zip.getInputStream(entry), file);
            }
            return directory;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
