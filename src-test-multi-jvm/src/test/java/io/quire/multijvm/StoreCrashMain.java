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
import io.quire.storage.DirectoryLock;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;

/**
 * A bookie's store on a real disk, alone in a process that is made to be killed. It says what it has promised right when
 * it has: {@code appended LEDGER LAST CONFIRMED}, {@code fenced LEDGER}, {@code dropping LEDGER} ahead and {@code dropped
 * LEDGER} behind. Started with all that was said before, it first looks whether it is there, and says {@code verified}.
 *
 * <pre>
 * StoreCrashMain DIRECTORY SEED ROUND SAID
 * </pre>
 */
final class StoreCrashMain {
    private static final BookieId STORE = new BookieId(new UUID(7, 9));
    private static final BookieStore.Settings SETTINGS =
            new BookieStore.Settings(256 << 10, 64 << 10, 2, 512 << 10, 3, 8);
    private static final int LEDGERS_MAX = 8;
    private static final int PAGE_ENTRIES = 100;
    private static final long FLUSHER_NAP_NANOS = 200_000;

    private final long seed;
    private final Random random;
    private final BookieStore store;
    private final Promised promised = new Promised();
    private final List<Long> open = new ArrayList<>();
    private long nextLedgerId;

    private StoreCrashMain(long seed, int round, BookieStore store) {
        this.seed = seed;
        this.random = new Random(seed + round);
        this.store = store;
        this.nextLedgerId = 1000L * round;
    }

    /** What the store was heard to promise. */
    private static final class Promised {
        private final Map<Long, Long> lastEntryIds = new TreeMap<>();
        private final Map<Long, Long> confirmed = new TreeMap<>();
        private final Set<Long> fenced = new HashSet<>();
        private final Set<Long> dropping = new HashSet<>();
        private final Set<Long> dropped = new HashSet<>();

        void heard(String line) {
            String[] words = line.split(" ", -1);
            switch (words[0]) {
                case Lifeline.MARK + "appended" -> {
                    lastEntryIds.put(Long.valueOf(words[1]), Long.valueOf(words[2]));
                    confirmed.put(Long.valueOf(words[1]), Long.valueOf(words[3]));
                }
                case Lifeline.MARK + "fenced" -> fenced.add(Long.valueOf(words[1]));
                case Lifeline.MARK + "dropping" -> dropping.add(Long.valueOf(words[1]));
                case Lifeline.MARK + "dropped" -> dropped.add(Long.valueOf(words[1]));
                default -> {}
            }
        }
    }

    public static void main(String[] arguments) throws IOException {
        Lifeline.hold(command -> {});
        Path directory = Path.of(arguments[0]);
        int round = Integer.parseInt(arguments[2]);
        DirectoryLock lock = DirectoryLock.acquire(directory);
        try {
            StoreCrashMain main = new StoreCrashMain(Long.parseLong(arguments[1]), round, open(directory, round));
            Files.readAllLines(Path.of(arguments[3])).forEach(main.promised::heard);
            Lifeline.say("verified " + main.verify());
            main.serve();
        } catch (RuntimeException | AssertionError e) {
            e.printStackTrace();
            Lifeline.say("failed " + e.getMessage());
        }
        lock.close();
    }

    private static BookieStore open(Path directory, int round) throws IOException {
        Path journal = Files.createDirectories(directory.resolve("journal"));
        Path ledgers = Files.createDirectories(directory.resolve("ledgers"));
        return BookieStore.open(
                STORE,
                new BootEpoch(round),
                SETTINGS,
                BookieStore.Files.ofLmdb(NioFileStore.open(journal), LmdbKeyValueStore.open(ledgers, 1L << 30)));
    }

    /** How many entries there were. */
    private long verify() {
        require(
                store.limbo().isEmpty(),
                "nothing was damaged, but the store is in limbo: "
                        + store.limbo().reason());
        long entries = 0;
        Set<Long> heard = new HashSet<>(promised.lastEntryIds.keySet());
        heard.addAll(promised.fenced);
        for (long ledgerId : heard) {
            boolean held = store.ledger(new LedgerId(ledgerId)).isPresent();
            if (promised.dropped.contains(ledgerId)) {
                require(!held, "ledger " + ledgerId + " was dropped and is there");
            } else if (held || !promised.dropping.contains(ledgerId)) {
                entries += verifyLedger(ledgerId);
            }
        }
        return entries;
    }

    private long verifyLedger(long ledgerId) {
        BookieStore.LedgerView view = store.ledger(new LedgerId(ledgerId))
                .orElseThrow(() -> new IllegalStateException("ledger " + ledgerId + " is gone"));
        long last = promised.lastEntryIds.getOrDefault(ledgerId, EntryId.NONE);
        require(view.lastEntryId() >= last, "ledger " + ledgerId + " ends at " + view.lastEntryId() + ", not " + last);
        require(view.fenced() || !promised.fenced.contains(ledgerId), "ledger " + ledgerId + " is not fenced any more");
        require(
                view.lastAddConfirmed() >= promised.confirmed.getOrDefault(ledgerId, EntryId.NONE),
                "ledger " + ledgerId + " is confirmed up to " + view.lastAddConfirmed());
        store.requireWhole(new LedgerId(ledgerId));
        long next = 0;
        while (next <= view.lastEntryId()) {
            BookieStore.EntryRange range =
                    store.read(new LedgerId(ledgerId), next, view.lastEntryId(), PAGE_ENTRIES, Integer.MAX_VALUE);
            for (Payload entry : range.entries()) {
                require(entry.equals(entry(ledgerId, next)), "entry " + next + " of ledger " + ledgerId + " differs");
                next++;
            }
            require(next == range.coveredTo(), "entry " + next + " of ledger " + ledgerId + " is gone");
        }
        if (!view.fenced() && !promised.dropping.contains(ledgerId)) {
            open.add(ledgerId);
            promised.lastEntryIds.put(ledgerId, view.lastEntryId());
        }
        return next;
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalStateException(otherwise);
        }
    }

    /** The only bytes that an entry ever has. */
    private Payload entry(long ledgerId, long entryId) {
        Random content = new Random(seed * 31 + ledgerId * 1_000_003 + entryId);
        content.nextInt();
        byte[] payload = new byte[content.nextInt(8) == 0 ? content.nextInt(6000) : content.nextInt(400)];
        content.nextBytes(payload);
        return EntryFormat.encode(
                new LedgerId(ledgerId),
                entryId,
                EntryId.NONE,
                payload.length,
                Payload.wrap(payload),
                DigestType.CRC32C);
    }

    /** Until it is killed. */
    private void serve() {
        Thread flusher = new Thread(this::flush, "flusher");
        flusher.setDaemon(true);
        flusher.start();
        while (!Thread.currentThread().isInterrupted()) {
            while (open.size() < LEDGERS_MAX) {
                open.add(nextLedgerId++);
            }
            int chosen = random.nextInt(open.size());
            switch (random.nextInt(60)) {
                case 0 -> fence(open.remove(chosen));
                case 1 -> drop(open.remove(chosen));
                case 2 -> store.rotate();
                default -> appendSome();
            }
            store.releaseJournal();
        }
    }

    private void flush() {
        try {
            while (!Thread.currentThread().isInterrupted()) {
                boolean flushed = store.flushStep();
                if (flushed) {
                    Lifeline.say("flushed");
                } else {
                    LockSupport.parkNanos(FLUSHER_NAP_NANOS);
                }
            }
        } catch (RuntimeException e) {
            e.printStackTrace();
            Lifeline.say("failed " + e.getMessage());
        }
    }

    private void fence(long ledgerId) {
        append(List.of(new JournalRecord.Fenced(new LedgerId(ledgerId))));
        Lifeline.say("fenced " + ledgerId);
    }

    private void drop(long ledgerId) {
        Lifeline.say("dropping " + ledgerId);
        append(List.of(new JournalRecord.Dropped(new LedgerId(ledgerId))));
        Lifeline.say("dropped " + ledgerId);
    }

    /** One group with entries of a few ledgers. */
    private void appendSome() {
        List<JournalRecord> group = new ArrayList<>();
        Map<Long, Long> lastEntryIds = new TreeMap<>();
        for (int ledger = 1 + random.nextInt(3); ledger > 0; ledger--) {
            long ledgerId = open.get(random.nextInt(open.size()));
            if (!lastEntryIds.containsKey(ledgerId)) {
                long last = promised.lastEntryIds.getOrDefault(ledgerId, EntryId.NONE);
                List<Payload> entries = new ArrayList<>();
                for (int count = 1 + random.nextInt(8); count > 0; count--) {
                    entries.add(entry(ledgerId, last + entries.size() + 1));
                }
                group.add(new JournalRecord.Added(new LedgerId(ledgerId), last, EntryBatch.of(entries)));
                lastEntryIds.put(ledgerId, last + entries.size());
            }
        }
        List<JournalRecord> fitting = group.subList(0, store.groupOf(group));
        append(fitting);
        for (JournalRecord record : fitting) {
            long ledgerId = record.ledgerId().value();
            promised.lastEntryIds.put(ledgerId, lastEntryIds.get(ledgerId));
            Lifeline.say("appended " + ledgerId + " " + lastEntryIds.get(ledgerId) + " "
                    + ((JournalRecord.Added) record).lastAddConfirmed());
        }
    }

    private void append(List<JournalRecord> group) {
        long weight = group.stream().mapToLong(JournalRecord::weight).sum();
        while (!store.hasRoomFor(weight)) {
            LockSupport.parkNanos(FLUSHER_NAP_NANOS);
        }
        store.append(group);
    }
}
