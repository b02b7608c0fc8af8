package io.quire.multijvm;

import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.JournalRecord;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import io.quire.storage.StorageException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.stream.LongStream;

/**
 * Damages the ledger store's file on a real disk, again and again, and looks what becomes of it: {@code trying N WHAT} ahead,
 * {@code found N OUTCOME} behind, {@code done} at the end. It may be killed by what it does; the next one goes on behind.
 *
 * <pre>
 * LedgerFileDamageMain DIRECTORY SEED FIRST COUNT
 * </pre>
 */
final class LedgerFileDamageMain {
    private static final BookieId STORE = new BookieId(new UUID(7, 9));
    private static final BookieStore.Settings SETTINGS =
            new BookieStore.Settings(1 << 20, 256 << 10, 2, 512 << 10, 2, 8);
    private static final int LEDGERS = 40;
    private static final int ENTRIES = 120;
    private static final int BATCH = 20;
    private static final int PAGE = 4096;
    /** Where a page of LMDB has its flags, in the machine's order; and the flags of branches, leaves and meta pages. */
    private static final int FLAGS_OFFSET = 10;

    private static final List<Integer> TREE_FLAGS = List.of(1, 2, 8);
    private static final String DATA_FILE = "data.mdb";

    private final Path directory;

    private LedgerFileDamageMain(Path directory) {
        this.directory = directory;
    }

    /** What is done to the file. */
    enum Damage {
        FLIPPED_BYTE,
        ZEROED_SECTOR,
        ZEROED_PAGE,
        ZEROED_64_KIB,
        CUT_OFF
    }

    /** How the store took it. */
    enum Outcome {
        /** Nothing that is in use was hit. */
        WHOLE,
        /** It did not open. */
        REFUSED,
        /** Reads of what was hit ended with an error, all others were right. */
        NOTICED,
        /** Something was denied, or read with other bytes, and nobody noticed. */
        WRONG,
        /** Another exception than the storage's. */
        UNEXPECTED
    }

    public static void main(String[] arguments) throws IOException {
        Lifeline.hold(command -> {});
        LedgerFileDamageMain main = new LedgerFileDamageMain(Path.of(arguments[0]));
        int first = Integer.parseInt(arguments[2]);
        if (first == 0) {
            main.fill();
        }
        for (int i = first; i < Integer.parseInt(arguments[3]); i++) {
            main.attempt(i, new Random(Long.parseLong(arguments[1]) * 1_000_003 + i));
        }
        Lifeline.say("done");
        System.exit(0);
    }

    private void fill() throws IOException {
        try (BookieStore store = open(Files.createDirectories(directory.resolve("good")), 1)) {
            for (int first = 0; first < ENTRIES; first += BATCH) {
                for (long ledgerId = 1; ledgerId <= LEDGERS; ledgerId++) {
                    append(store, ledgerId, first);
                }
            }
            store.rotate();
            flush(store);
        }
    }

    private static void append(BookieStore store, long ledgerId, long first) {
        EntryBatch entries = EntryBatch.of(LongStream.range(first, first + BATCH)
                .mapToObj(entryId -> entry(ledgerId, entryId))
                .toList());
        List<JournalRecord> group = List.of(new JournalRecord.Added(new LedgerId(ledgerId), first - 1, entries));
        while (!store.hasRoomFor(group.get(0).weight())) {
            store.flushStep();
        }
        store.append(group);
    }

    private static void flush(BookieStore store) {
        while (store.needsFlush()) {
            store.flushStep();
        }
        store.releaseJournal();
    }

    private static Payload entry(long ledgerId, long entryId) {
        Random content = new Random(ledgerId * 1_000_003 + entryId);
        byte[] payload = new byte[300 + content.nextInt(400)];
        content.nextBytes(payload);
        return EntryFormat.encode(
                new LedgerId(ledgerId),
                entryId,
                EntryId.NONE,
                payload.length,
                Payload.wrap(payload),
                DigestType.CRC32C);
    }

    private static BookieStore open(Path store, long bootEpoch) throws IOException {
        Path journal = Files.createDirectories(store.resolve("journal"));
        Path ledgers = Files.createDirectories(store.resolve("ledgers"));
        return BookieStore.open(
                STORE,
                new BootEpoch(bootEpoch),
                SETTINGS,
                BookieStore.Files.ofLmdb(NioFileStore.open(journal), LmdbKeyValueStore.open(ledgers, 1L << 30)));
    }

    private void attempt(int number, Random random) throws IOException {
        Damage damage = damageOf(number);
        Path store = directory.resolve("damaged-" + number);
        for (String part : List.of("journal", "ledgers")) {
            copy(directory.resolve("good").resolve(part), Files.createDirectories(store.resolve(part)));
        }
        damage(store.resolve("ledgers").resolve(DATA_FILE), damage, isInTree(number), random);
        Lifeline.say("trying " + number + " " + damage);
        Lifeline.say("found " + number + " " + outcome(store));
        delete(store);
    }

    /** While it is open still: closing what is damaged could end the process, after the fact. */
    private static void delete(Path store) throws IOException {
        try (var files = Files.walk(store)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (var files = Files.list(from)) {
            for (Path file : files.toList()) {
                if (Files.isRegularFile(file)) {
                    Files.copy(file, to.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
                }
            }
        }
    }

    static Damage damageOf(int number) {
        return Damage.values()[number % Damage.values().length];
    }

    /** Whether a page of LMDB's tree is hit, or its head; otherwise any byte, mostly of entries. */
    static boolean isInTree(int number) {
        return number / Damage.values().length % 2 == 1;
    }

    private static void damage(Path data, Damage damage, boolean inTree, Random random) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(data.toFile(), "rw")) {
            long at = (long) (random.nextDouble() * file.length());
            if (inTree) {
                List<Long> pages = treePages(file);
                at = pages.get(random.nextInt(pages.size())) + random.nextInt(PAGE);
            }
            switch (damage) {
                case FLIPPED_BYTE -> {
                    file.seek(at);
                    int old = file.read();
                    file.seek(at);
                    file.write(old ^ (1 << random.nextInt(8)));
                }
                case ZEROED_SECTOR -> zero(file, at / 512 * 512, 512);
                case ZEROED_PAGE -> zero(file, at / PAGE * PAGE, PAGE);
                case ZEROED_64_KIB -> zero(file, at / PAGE * PAGE, 16 * PAGE);
                case CUT_OFF -> file.setLength(at / PAGE * PAGE);
            }
        }
    }

    private static List<Long> treePages(RandomAccessFile file) throws IOException {
        List<Long> pages = new ArrayList<>();
        ByteBuffer head = ByteBuffer.allocate(PAGE).order(ByteOrder.nativeOrder());
        for (long page = 0; page + PAGE <= file.length(); page += PAGE) {
            file.seek(page);
            file.readFully(head.array());
            if (head.getLong(0) == page / PAGE && TREE_FLAGS.contains((int) head.getShort(FLAGS_OFFSET))) {
                pages.add(page);
            }
        }
        return pages;
    }

    private static void zero(RandomAccessFile file, long at, int bytes) throws IOException {
        file.seek(at);
        file.write(new byte[(int) Math.min(bytes, file.length() - at)]);
    }

    private static Outcome outcome(Path directory) throws IOException {
        BookieStore store;
        try {
            store = open(directory, 2);
        } catch (StorageException e) {
            return Outcome.REFUSED;
        } catch (RuntimeException e) {
            e.printStackTrace();
            return Outcome.UNEXPECTED;
        }
        Outcome worst = Outcome.WHOLE;
        for (long ledgerId = 1; ledgerId <= LEDGERS; ledgerId++) {
            Outcome one = outcome(store, ledgerId);
            worst = one.compareTo(worst) > 0 ? one : worst;
        }
        return worst;
    }

    private static Outcome outcome(BookieStore store, long ledgerId) {
        try {
            boolean known = store.ledger(new LedgerId(ledgerId)).isPresent();
            store.requireWhole(new LedgerId(ledgerId));
            List<Payload> expected = new ArrayList<>();
            for (long entryId = 0; entryId < ENTRIES; entryId++) {
                expected.add(entry(ledgerId, entryId));
            }
            List<Payload> found = store.read(
                            new LedgerId(ledgerId), 0, ENTRIES - 1L, Integer.MAX_VALUE, Integer.MAX_VALUE)
                    .entries();
            return known && found.equals(expected) ? Outcome.WHOLE : Outcome.WRONG;
        } catch (StorageException e) {
            return Outcome.NOTICED;
        } catch (RuntimeException e) {
            e.printStackTrace();
            return Outcome.UNEXPECTED;
        }
    }
}
