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
import io.quire.storage.FileStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;

/**
 * A bookie's store on a real disk that fills its journal as far as its memtables allow, without ever flushing one, and says
 * {@code full ENTRIES BYTES}; or opens it afterwards, and says {@code replayed ENTRIES NANOS}.
 *
 * <pre>
 * StoreReplayMain fill|replay DIRECTORY
 * </pre>
 */
final class StoreReplayMain {
    private static final BookieId STORE = new BookieId(new UUID(7, 9));
    private static final BookieStore.Settings SETTINGS =
            new BookieStore.Settings(32L << 20, 4 << 20, 16, 64L << 20, 3, 16);
    private static final long LEDGER_FILE_BYTES_MAX = 4L << 30;
    private static final int LEDGERS = 16;
    private static final int BATCH_ENTRIES = 64;
    private static final int BATCHES_A_GROUP = 8;
    private static final int ENTRY_BYTES = 1024;

    private StoreReplayMain() {}

    public static void main(String[] arguments) throws IOException {
        Lifeline.hold(command -> {});
        Path directory = Path.of(arguments[1]);
        FileStore journal = NioFileStore.open(Files.createDirectories(directory.resolve("journal")));
        KeyValueStore ledgers =
                LmdbKeyValueStore.open(Files.createDirectories(directory.resolve("ledgers")), LEDGER_FILE_BYTES_MAX);
        if (arguments[0].equals("fill")) {
            fill(BookieStore.open(STORE, new BootEpoch(1), SETTINGS, BookieStore.Files.ofLmdb(journal, ledgers)));
        } else {
            long start = System.nanoTime();
            BookieStore store =
                    BookieStore.open(STORE, new BootEpoch(2), SETTINGS, BookieStore.Files.ofLmdb(journal, ledgers));
            long nanos = System.nanoTime() - start;
            Lifeline.say("replayed " + countEntries(store) + " " + nanos);
        }
    }

    private static void fill(BookieStore store) {
        byte[] bytes = new byte[ENTRY_BYTES];
        new Random(5).nextBytes(bytes);
        Payload payload = Payload.wrap(bytes);
        long entries = 0;
        List<JournalRecord> group = group(payload, entries);
        long weight = group.stream().mapToLong(JournalRecord::weight).sum();
        while (store.hasRoomFor(weight)) {
            store.append(group);
            entries += (long) BATCH_ENTRIES * BATCHES_A_GROUP;
            group = group(payload, entries);
        }
        Lifeline.say("full " + entries + " " + entries * ENTRY_BYTES);
    }

    private static List<JournalRecord> group(Payload payload, long entriesBefore) {
        List<JournalRecord> group = new ArrayList<>();
        for (int i = 0; i < BATCHES_A_GROUP; i++) {
            long batch = entriesBefore / BATCH_ENTRIES + i;
            long ledgerId = batch % LEDGERS;
            long first = batch / LEDGERS * BATCH_ENTRIES;
            List<Payload> entries = new ArrayList<>();
            for (long entryId = first; entryId < first + BATCH_ENTRIES; entryId++) {
                entries.add(EntryFormat.encode(
                        new LedgerId(ledgerId), entryId, EntryId.NONE, ENTRY_BYTES, payload, DigestType.CRC32C));
            }
            group.add(new JournalRecord.Added(new LedgerId(ledgerId), first - 1, EntryBatch.of(entries)));
        }
        return group;
    }

    private static long countEntries(BookieStore store) {
        long entries = 0;
        for (LedgerId ledgerId : store.ledgerIds(0, LEDGERS)) {
            store.requireWhole(ledgerId);
            entries += store.ledger(ledgerId).orElseThrow().lastEntryId() + 1;
        }
        return entries;
    }
}
