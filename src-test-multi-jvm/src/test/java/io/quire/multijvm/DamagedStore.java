package io.quire.multijvm;

import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.BootRecord;
import io.quire.bookie.storage.DamagedJournalException;
import io.quire.bookie.storage.JournalRecord;
import io.quire.bookie.storage.SegmentSettings;
import io.quire.bookie.storage.StoreIdentity;
import io.quire.bookie.storage.StoreKind;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.FileStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import io.quire.storage.StorageException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * A small store on a real disk with a bit of everything in it, made in one way; and what it must say of itself when somebody
 * has laid hands on its files: the truth, or that it is damaged.
 */
final class DamagedStore {
    static final BookieId STORE = new BookieId(new UUID(7, 9));
    static final BookieId OTHER = new BookieId(new UUID(7, 10));
    private static final String CLUSTER = "quire";
    private static final BookieStore.Settings SETTINGS = new BookieStore.Settings(
            64 << 10, 16 << 10, 1, 48 << 10, 3, 3, new SegmentSettings(64 << 10, 1, 150), Long.MAX_VALUE);
    private static final long MAP_BYTES = 256 << 20;
    /** Enough for branch pages in the tree of the ledger store. */
    private static final int LEDGERS = 300;

    private static final int LARGE_LEDGERS = 6;
    private static final long NEVER = 5_000;
    /** In the last group of the journal: damage to it looks as if it had never been durable (R20). */
    private static final long LAST = 6_000;

    private static final int PAGE_ENTRIES = 7;
    private static final int PAGE_BYTES = 4000;

    private final Path directory;
    private final StoreKind kind;
    private final Map<Long, Ledger> expected = new TreeMap<>();
    /** What was acknowledged of ledgers that are dropped: a store in limbo may have lost that they are. */
    private final Map<Long, Ledger> dropped = new TreeMap<>();

    private long writes;
    private boolean tailLost;

    /** What was acknowledged of a ledger. */
    private static final class Ledger {
        private final TreeMap<Long, Payload> entries = new TreeMap<>();
        private boolean fenced;
        private long lastAddConfirmed = EntryId.NONE;
    }

    /** How a store behaved; {@code what} says why. */
    record Behaviour(Kind kind, String what) {
        enum Kind {
            /** It says that it is damaged, and serves nothing. */
            REFUSED,
            /** It serves, and says of something that it is damaged. */
            DAMAGED,
            /** It serves what is left of it, and denies nothing. */
            LIMBO,
            /** The damage was none. */
            WHOLE,
            /** It has lost the end of its journal, and cannot tell from one that was torn when it was written (R20). */
            TAIL_LOST,
            /** It lied. */
            WRONG
        }
    }

    /** What is served is not what was acknowledged. */
    private static final class WrongException extends RuntimeException {
        private static final long serialVersionUID = 1;

        WrongException(String message) {
            super(message);
        }
    }

    DamagedStore(Path directory, StoreKind kind) {
        this.directory = directory;
        this.kind = kind;
    }

    /**
     * Makes the store, and copies of it.
     *
     * @param older where the directory is copied when it has booted once
     */
    void make(BookieId bookie, Path older) throws IOException {
        Files.createDirectories(directory.resolve("journal"));
        Files.createDirectories(directory.resolve("ledgers"));
        Files.createDirectories(directory.resolve("segments"));
        try (FileStore root = NioFileStore.open(directory);
                KeyValueStore ledgers = openLedgers()) {
            kind.write(ledgers);
            new StoreIdentity(bookie, CLUSTER).format(root, ledgers);
        }
        boot(bookie, true, this::firstLife);
        FileTrees.copy(directory, older);
        boot(bookie, false, this::secondLife);
    }

    /** What the store must hold, without a store. */
    void expect() {
        firstLife(null);
        secondLife(null);
    }

    private void boot(BookieId bookie, boolean flushed, Consumer<BookieStore> life) {
        KeyValueStore ledgers = openLedgers();
        BootRecord record = BootRecord.read(ledgers);
        try (BookieStore store = open(bookie, record.intended(), filesWith(ledgers))) {
            record.withConfirmedIntent(CLUSTER).write(ledgers);
            life.accept(store);
            if (flushed) {
                flushAll(store);
            }
        }
    }

    private void firstLife(BookieStore store) {
        Random random = new Random(3);
        for (int round = 0; round < 3; round++) {
            for (long ledgerId = 0; ledgerId < LEDGERS; ledgerId++) {
                add(store, ledgerId, 1 + random.nextInt(2), ledgerId < LARGE_LEDGERS ? 2500 : 60 + random.nextInt(200));
            }
        }
        for (int i = 0; i < 60; i++) {
            add(store, random.nextInt(LARGE_LEDGERS), 1 + random.nextInt(5), 1500);
        }
        fence(store, 2);
        fence(store, LEDGERS - 1L);
        drop(store, 20);
    }

    private void secondLife(BookieStore store) {
        Random random = new Random(4);
        for (int i = 0; i < 60; i++) {
            add(store, random.nextInt(LEDGERS), 1 + random.nextInt(4), 300);
        }
        drop(store, 30);
        fence(store, 40);
        for (int i = 0; i < 12; i++) {
            add(store, 50 + random.nextInt(5), 2, 900);
        }
        // Alone in its group, of a ledger of its own, and nothing behind it bears witness.
        add(store, LAST, 1, 900);
    }

    private void add(BookieStore store, long ledgerId, int count, int bytes) {
        Ledger ledger = expected.computeIfAbsent(ledgerId, id -> new Ledger());
        long last = ledger.entries.isEmpty() ? EntryId.NONE : ledger.entries.lastKey();
        int stride = ledgerId % 5 == 3 ? 2 : 1;
        List<Payload> entries = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            long entryId = last + stride * (i + 1L);
            Payload entry = entry(ledgerId, entryId, bytes);
            entries.add(entry);
            ledger.entries.put(entryId, entry);
        }
        ledger.lastAddConfirmed = Math.max(ledger.lastAddConfirmed, last);
        append(store, new JournalRecord.Added(new LedgerId(ledgerId), last, EntryBatch.of(entries)));
    }

    private void fence(BookieStore store, long ledgerId) {
        expected.get(ledgerId).fenced = true;
        append(store, new JournalRecord.Fenced(new LedgerId(ledgerId)));
    }

    private void drop(BookieStore store, long ledgerId) {
        dropped.put(ledgerId, expected.remove(ledgerId));
        append(store, new JournalRecord.Dropped(new LedgerId(ledgerId)));
    }

    private void append(BookieStore store, JournalRecord record) {
        if (store == null) {
            return;
        }
        while (!store.hasRoomFor(record.weight())) {
            store.flushStep();
        }
        store.append(List.of(record));
        if (++writes % 40 == 0) {
            store.rotate();
            store.flushStep();
            store.flushStep();
            store.releaseJournal();
        }
    }

    private static void flushAll(BookieStore store) {
        store.rotate();
        while (store.needsFlush()) {
            store.flushStep();
        }
        store.releaseJournal();
    }

    private static Payload entry(long ledgerId, long entryId, int bytes) {
        byte[] payload = new byte[bytes];
        new Random(ledgerId * 1_000_003 + entryId).nextBytes(payload);
        return EntryFormat.encode(
                new LedgerId(ledgerId), entryId, EntryId.NONE, bytes, Payload.wrap(payload), DigestType.CRC32C);
    }

    private KeyValueStore openLedgers() {
        return LmdbKeyValueStore.open(directory.resolve("ledgers"), MAP_BYTES);
    }

    private BookieStore.Files filesWith(KeyValueStore ledgers) {
        return new BookieStore.Files(
                NioFileStore.open(directory.resolve("journal")),
                ledgers,
                kind == StoreKind.SEGMENTS
                        ? Optional.of(NioFileStore.open(directory.resolve("segments")))
                        : Optional.empty());
    }

    private static BookieStore open(BookieId bookie, BootEpoch bootEpoch, BookieStore.Files files) {
        return BookieStore.open(bookie, bootEpoch, SETTINGS, files);
    }

    /**
     * Boots the store as a bookie does, reads everything as a recovery does, writes something and reads everything again.
     *
     * @param registered the boot that the store's register shows
     */
    Behaviour behaviour(BootEpoch registered) {
        try {
            return serve(registered);
        } catch (StorageException e) {
            return new Behaviour(isClear(e) ? Behaviour.Kind.REFUSED : Behaviour.Kind.WRONG, e.getMessage());
        } catch (RuntimeException e) {
            return new Behaviour(Behaviour.Kind.WRONG, trace(e));
        }
    }

    private static String trace(RuntimeException e) {
        StringWriter text = new StringWriter();
        e.printStackTrace(new PrintWriter(text));
        return text.toString().replace('\n', '|');
    }

    private static boolean isClear(StorageException e) {
        return e.getMessage() != null
                && !e.getMessage().isBlank()
                && e.getMessage().indexOf('\n') < 0;
    }

    private Behaviour serve(BootEpoch registered) {
        StoreIdentity identity;
        try (FileStore root = NioFileStore.open(directory)) {
            identity = StoreIdentity.read(root);
        }
        KeyValueStore ledgers = openLedgers();
        BookieStore store;
        try {
            BootRecord record = BootRecord.read(ledgers);
            if (!record.bookieId().equals(identity.bookieId())
                    || !record.confirmed().equals(registered)) {
                throw new StorageException("put together from two stores, or an old copy (R7)");
            }
            if (StoreKind.read(ledgers) != kind) {
                throw new WrongException("it takes itself for another kind");
            }
            store = openOrSalvage(identity.bookieId(), record.intended(), filesWith(ledgers));
        } catch (RuntimeException e) {
            ledgers.close();
            throw e;
        }
        try (store) {
            return judge(store);
        }
    }

    private BookieStore openOrSalvage(BookieId bookie, BootEpoch bootEpoch, BookieStore.Files files) {
        try {
            return open(bookie, bootEpoch, files);
        } catch (DamagedJournalException e) {
            requireClear(e);
            BookieStore.salvage(bookie, bootEpoch, SETTINGS, files, e.getMessage());
            return open(bookie, bootEpoch, files);
        }
    }

    private Behaviour judge(BookieStore store) {
        String damage = "";
        try {
            tailLost = store.read(new LedgerId(LAST), 0, 0, 1, PAGE_BYTES)
                    .entries()
                    .isEmpty();
            damage = readAll(store);
            String failure = writeMore(store);
            if (!failure.isEmpty()) {
                // What was under way is unknown then, and the bookie stops.
                return new Behaviour(Behaviour.Kind.DAMAGED, failure);
            }
            String later = readAll(store);
            damage = damage.isEmpty() ? later : damage;
        } catch (WrongException e) {
            return new Behaviour(Behaviour.Kind.WRONG, e.getMessage());
        }
        if (store.limbo().isEverything()) {
            return new Behaviour(Behaviour.Kind.LIMBO, store.limbo().reason());
        }
        if (damage.isEmpty()) {
            return new Behaviour(tailLost ? Behaviour.Kind.TAIL_LOST : Behaviour.Kind.WHOLE, "");
        }
        return new Behaviour(Behaviour.Kind.DAMAGED, damage);
    }

    /** What is damaged, if anything. */
    private String readAll(BookieStore store) {
        String damage = "";
        for (Map.Entry<Long, Ledger> ledger : expected.entrySet()) {
            String one = read(store, ledger.getKey(), ledger.getValue());
            damage = damage.isEmpty() ? one : damage;
        }
        for (Map.Entry<Long, Ledger> ledger : dropped.entrySet()) {
            boolean forgotten = store.limbo().contains(new LedgerId(ledger.getKey())) || tailLost;
            String one = read(store, ledger.getKey(), forgotten ? ledger.getValue() : new Ledger());
            damage = damage.isEmpty() ? one : damage;
        }
        String one = read(store, NEVER, new Ledger());
        return damage.isEmpty() ? one : damage;
    }

    /** As recovery does: what is missing counts only when the ledger is whole, and not in limbo. */
    private String read(BookieStore store, long id, Ledger expected) {
        LedgerId ledgerId = new LedgerId(id);
        String damage = "";
        try {
            store.requireWhole(ledgerId);
        } catch (StorageException e) {
            damage = requireClear(e);
        }
        try {
            store.ledger(ledgerId).ifPresent(view -> requireMarks(store, ledgerId, expected, view));
        } catch (StorageException e) {
            damage = requireClear(e);
        }
        long last = expected.entries.isEmpty() ? 3 : expected.entries.lastKey() + 2;
        TreeMap<Long, Payload> found = new TreeMap<>();
        boolean[] silent = new boolean[(int) last + 1];
        long next = 0;
        while (next <= last) {
            try {
                BookieStore.EntryRange range = store.read(ledgerId, next, last, PAGE_ENTRIES, PAGE_BYTES);
                range.entries().forEach(entry -> found.put(EntryFormat.entryIdOf(entry), entry));
                if (range.coveredTo() <= next) {
                    throw new WrongException("ledger " + id + ": a read from " + next + " covers nothing");
                }
                next = range.coveredTo();
            } catch (StorageException e) {
                damage = requireClear(e);
                silent[(int) next] = true;
                next++;
            }
        }
        boolean denies = !store.limbo().contains(ledgerId) && !tailLost;
        for (Map.Entry<Long, Payload> entry : found.entrySet()) {
            if (!entry.getValue().equals(expected.entries.get(entry.getKey()))) {
                throw new WrongException("ledger " + id + " shows other bytes as entry " + entry.getKey());
            }
        }
        for (long entryId : expected.entries.keySet()) {
            if (!found.containsKey(entryId) && !silent[(int) entryId] && denies) {
                throw new WrongException("ledger " + id + " denies entry " + entryId);
            }
        }
        return damage;
    }

    private void requireMarks(BookieStore store, LedgerId ledgerId, Ledger expected, BookieStore.LedgerView view) {
        boolean mayDiffer = store.limbo().contains(ledgerId) || tailLost;
        if (expected.fenced && !view.fenced() && !mayDiffer) {
            throw new WrongException("ledger " + ledgerId + " is not fenced any more");
        }
        if (view.lastAddConfirmed() > expected.lastAddConfirmed
                || (view.lastAddConfirmed() < expected.lastAddConfirmed && !mayDiffer)) {
            throw new WrongException("ledger " + ledgerId + " is confirmed up to " + view.lastAddConfirmed() + ", not "
                    + expected.lastAddConfirmed);
        }
    }

    private static String requireClear(StorageException e) {
        if (!isClear(e)) {
            throw new WrongException("an unclear message: " + e.getMessage());
        }
        return e.getMessage();
    }

    private String writeMore(BookieStore store) {
        try {
            for (long ledgerId : new long[] {0, 3, 20 + 1, 150, LEDGERS - 2, LEDGERS + 7}) {
                add(store, ledgerId, 3, 700);
            }
            flushAll(store);
            return "";
        } catch (StorageException e) {
            return requireClear(e);
        }
    }
}
