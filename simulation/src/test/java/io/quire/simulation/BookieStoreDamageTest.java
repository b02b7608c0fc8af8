package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.JournalRecord;
import io.quire.bookie.storage.StoreKind;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.KeyValueStore;
import io.quire.storage.StorageException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A bookie's store whose files somebody damaged, and what it says about entries. */
class BookieStoreDamageTest {
    private static final BookieId STORE = new BookieId(new UUID(7, 9));
    private static final BookieId OTHER = new BookieId(new UUID(7, 10));
    static final LedgerId LEDGER = new LedgerId(3);
    private static final int PAGE = 4096;
    private static final int SEGMENT_PAGES = 12;
    private static final int SEGMENT_HEADER_BYTES = 52;
    private static final BookieStore.Settings SETTINGS =
            new BookieStore.Settings(SEGMENT_PAGES * PAGE, 20_000, 2, 200_000, 3, 16);
    private static final String FIRST = "segment-00000000";

    SimulatedDisk disk;
    private long boots;

    /** What the store is formatted as. */
    StoreKind kind() {
        return StoreKind.LMDB;
    }

    @BeforeEach
    void newDisk() {
        disk = new SimulatedDisk(new Random(5));
        boots = 0;
        try (KeyValueStore ledgers = disk.openKeyValueStore("ledgers")) {
            kind().write(ledgers);
        }
    }

    @Test
    @DisplayName("R20: a bad byte in a record that was durable is damage, in the last group it ends the journal there")
    void flippedBytes() {
        // Five groups: of two records, of one, of one over two pages, of one, of three.
        List<List<JournalRecord>> groups = List.of(
                List.of(added(0, 100), added(1, 50)),
                List.of(new JournalRecord.Fenced(new LedgerId(8))),
                List.of(added(2, 6000)),
                List.of(added(3, 10)),
                List.of(added(4, 10), added(5, 10), added(6, 10)));
        int lastGroupAt = PAGE * 6;
        int sizeOfOne = 64 + 16 + added(4, 10).entries().byteSize();
        for (int at = 0; at < PAGE * SEGMENT_PAGES; at = next(at)) {
            newDisk();
            BookieStore store = open();
            groups.forEach(store::append);
            store.close();
            disk.flipByte("journal", FIRST, at);
            if (isInUse(at, groups)) {
                assertThatThrownBy(this::open, "byte %d", at).isInstanceOf(StorageException.class);
                continue;
            }
            BookieStore reopened = open();
            int inLastGroup = at - lastGroupAt;
            int lost = inLastGroup >= 0 && inLastGroup < 3 * sizeOfOne ? 3 - inLastGroup / sizeOfOne : 0;
            assertThat(reopened.replayedRecords()).as("byte %d", at).isEqualTo(8 - lost);
            assertThat(idsOf(reopened)).as("byte %d", at).hasSize(7 - lost);
            reopened.append(List.of(added(50, 20)));
            disk.crash();
            assertThat(idsOf(open())).as("byte %d, later", at).hasSize(8 - lost);
        }
    }

    /** Whether a byte belongs to the segment's header or to a record of any group but the last. */
    private static boolean isInUse(int at, List<List<JournalRecord>> groups) {
        if (at < PAGE) {
            return at < SEGMENT_HEADER_BYTES;
        }
        int start = PAGE;
        for (List<JournalRecord> group : groups.subList(0, groups.size() - 1)) {
            int bytes = 0;
            for (JournalRecord record : group) {
                bytes += record instanceof JournalRecord.Added added
                        ? 80 + added.entries().byteSize()
                        : 72;
            }
            if (at >= start && at < start + bytes) {
                return true;
            }
            start += (bytes + PAGE - 1) / PAGE * PAGE;
        }
        return false;
    }

    /** Every byte near the start of a page, some of the others. */
    private static int next(int at) {
        return at % PAGE < 80 ? at + 1 : at + 41;
    }

    @Test
    @DisplayName("R20: a bad record right before the last group is damage, although only one record bears witness")
    void onlyWitness() {
        BookieStore store = open();
        store.append(List.of(added(0, 10), added(1, 10)));
        store.append(List.of(added(2, 10)));
        store.close();

        disk.flipByte("journal", FIRST, PAGE + 80 + added(0, 10).entries().byteSize() + 70);

        assertThatThrownBy(this::open).isInstanceOf(StorageException.class).hasMessageContaining("record 2");
    }

    @Test
    @DisplayName("R20: a file that was cut off is damage, wherever the cut is")
    void truncated() {
        for (int bytes = 0; bytes < SEGMENT_PAGES * PAGE; bytes += 512) {
            newDisk();
            BookieStore store = open();
            store.append(List.of(added(0, 10)));
            store.append(List.of(added(1, 10)));
            store.close();
            disk.truncate("journal", FIRST, bytes);
            assertThatThrownBy(this::open, "%d bytes", bytes).isInstanceOf(StorageException.class);
        }
    }

    @Test
    @DisplayName("R20: a segment that is gone is damage, unless what it held is in the ledger store")
    void missingSegment() {
        for (int missing = 0; missing < 4; missing++) {
            newDisk();
            BookieStore store = open();
            fillSegments(store, 4);
            store.close();
            disk.remove("journal", String.format("segment-%08d", missing));
            assertThatThrownBy(this::open, "segment %d", missing).isInstanceOf(StorageException.class);
        }
        newDisk();
        BookieStore store = open();
        fillSegments(store, 4);
        store.rotate();
        flushAll(store);
        store.append(List.of(added(500, 10)));
        List<Long> ids = idsOf(store);
        store.close();
        disk.remove("journal", "segment-00000001");
        assertThat(idsOf(open())).isEqualTo(ids);
    }

    @Test
    @DisplayName("R20: a journal that is gone is damage, also when nothing of it was flushed")
    void missingJournal() {
        BookieStore store = open();
        store.append(List.of(added(0, 10)));
        store.close();
        disk.remove("journal", FIRST);

        assertThatThrownBy(this::open).isInstanceOf(StorageException.class).hasMessageContaining("gone");

        newDisk();
        BookieStore flushed = open();
        flushed.append(List.of(added(0, 10)));
        flushed.rotate();
        flushAll(flushed);
        flushed.close();
        disk.remove("journal", FIRST);
        boots = 0;
        assertThatThrownBy(this::open).isInstanceOf(StorageException.class).hasMessageContaining("gone");
    }

    @Test
    @DisplayName("R20: the journal of another store is refused")
    void foreignJournal() {
        BookieStore store = open();
        store.append(List.of(added(0, 10)));
        store.close();

        assertThatThrownBy(() -> BookieStore.open(
                        OTHER,
                        new BootEpoch(1),
                        SETTINGS,
                        BookieStore.Files.ofLmdb(disk.openFileStore("journal"), disk.openKeyValueStore("of another"))))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining(STORE.toString());
    }

    @Test
    @DisplayName("R20: what an older generation left in a recycled segment is never replayed")
    void recycled() {
        BookieStore store = open();
        for (int round = 0; round < 5; round++) {
            fillSegments(store, 3);
            store.rotate();
            flushAll(store);
            store.releaseJournal();
        }
        assertThat(disk.openFileStore("journal").list()).hasSizeLessThan(7);
        store.append(List.of(added(900, 10), added(901, 10)));
        store.append(List.of(added(902, 10)));
        List<Long> ids = idsOf(store);
        disk.crash();

        BookieStore reopened = open();
        assertThat(reopened.replayedRecords()).isLessThanOrEqualTo(3);
        assertThat(idsOf(reopened)).isEqualTo(ids);
    }

    @Test
    @DisplayName("segments of another size, from before the setting was changed, are neither damage nor recycled")
    void segmentSizeChanges() {
        for (int pages : new int[] {8, 12, 7, 20, 8}) {
            BookieStore.Settings settings = new BookieStore.Settings((long) pages * PAGE, 20_000, 2, 200_000, 3, 16);
            BookieStore store = open(settings);
            for (int i = 0; i < 3; i++) {
                fillSegments(store, 3);
                store.rotate();
                flushAll(store);
                store.releaseJournal();
            }
            disk.crash();
        }
        assertThat(idsOf(open())).isNotEmpty();
    }

    @Test
    @DisplayName(
            "R18: of two entries with one id the older bytes stay, wherever they are, and the alarm is raised once")
    void olderBytesStay() {
        for (int place = 0; place < 4; place++) {
            newDisk();
            BookieStore store = open();
            store.append(List.of(added(7, 10)));
            if (place > 0) {
                store.rotate();
            }
            if (place > 1) {
                flushAll(store);
            }
            if (place > 2) {
                store.close();
                store = open();
            }
            Payload other = entry(7, 11);
            store.append(List.of(new JournalRecord.Added(LEDGER, -1, EntryBatch.of(List.of(other)))));
            assertThat(read(store, 7)).as("place %d", place).containsExactly(entry(7, 10));
            store.rotate();
            flushAll(store);
            assertThat(read(store, 7)).as("place %d", place).containsExactly(entry(7, 10));
            assertThat(store.conflicts()).as("place %d", place).isEqualTo(1);
            store.requireWhole(LEDGER);
        }
    }

    @Test
    @DisplayName("R19: one large entry, and the small ones behind it in a memtable are not called missing")
    void largeEntryInMemtable() {
        BookieStore store = open();
        store.append(List.of(added(0, 5000), added(1, 10), added(3, 10)));

        BookieStore.EntryRange range = store.read(LEDGER, 0, 10, 100, 1000);

        assertThat(range.entries()).containsExactly(entry(0, 5000));
        assertThat(range.coveredTo()).isEqualTo(1);
        assertThat(store.read(LEDGER, 1, Long.MAX_VALUE, 100, 1000).coveredTo()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    @DisplayName("R19: a lost block makes a negative impossible, also after later flushes; a whole ledger is whole")
    void lostBlock() {
        BookieStore store = open();
        for (int i = 0; i < 40; i++) {
            store.append(List.of(added(i, 3000)));
        }
        store.rotate();
        flushAll(store);
        store.requireWhole(LEDGER);
        store.requireWhole(new LedgerId(77));
        store.close();

        Payload first = Fields.encode(
                17, out -> out.put((byte) 'b').putLong(LEDGER.value()).putLong(0));
        try (KeyValueStore ledgers = disk.openKeyValueStore("ledgers");
                KeyValueStore.Transaction transaction = ledgers.begin()) {
            assertThat(transaction.delete(first)).isTrue();
            transaction.commit();
        }
        BookieStore reopened = open();
        assertThat(read(reopened, 0)).isEmpty();
        assertThatThrownBy(() -> reopened.requireWhole(LEDGER))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("lost");
        reopened.append(List.of(added(100, 10)));
        reopened.rotate();
        flushAll(reopened);
        assertThatThrownBy(() -> reopened.requireWhole(LEDGER)).isInstanceOf(StorageException.class);
    }

    @Test
    @DisplayName("P10: any bad byte in the ledger store is an error, never another answer")
    void damagedValues() {
        BookieStore store = open();
        store.append(List.of(added(0, 100), new JournalRecord.Fenced(LEDGER)));
        store.rotate();
        flushAll(store);
        store.close();
        Payload block = Fields.encode(
                17, out -> out.put((byte) 'b').putLong(LEDGER.value()).putLong(0));
        Payload state = Fields.encode(9, out -> out.put((byte) 'l').putLong(LEDGER.value()));
        Payload applied = Payload.ofUtf8("m/applied");
        for (int i = 0; i < lengthOf(applied); i++) {
            disk.flipValueByte("ledgers", applied, i);
            assertThatThrownBy(() -> {
                        try (KeyValueStore ledgers = disk.openKeyValueStore("ledgers")) {
                            BookieStore.open(STORE, new BootEpoch(9), SETTINGS, files(ledgers));
                        }
                    })
                    .isInstanceOf(StorageException.class);
            disk.flipValueByte("ledgers", applied, i);
        }
        int stateBytes = lengthOf(state);
        int blockBytes = lengthOf(block);
        BookieStore reopened = open();
        for (int i = 0; i < stateBytes; i++) {
            disk.flipValueByte("ledgers", state, i);
            assertThatThrownBy(() -> reopened.ledger(LEDGER)).isInstanceOf(StorageException.class);
            disk.flipValueByte("ledgers", state, i);
        }
        for (int i = 0; i < blockBytes; i++) {
            disk.flipValueByte("ledgers", block, i);
            assertThatThrownBy(() -> read(reopened, 0)).isInstanceOf(StorageException.class);
            disk.flipValueByte("ledgers", block, i);
        }
        assertThat(read(reopened, 0)).hasSize(1);
    }

    @Test
    @DisplayName("what does not fit into a group is refused before anything is journaled")
    void tooLarge() {
        BookieStore store = open();
        List<JournalRecord.Added> two = List.of(added(0, 12_000), added(1, 12_000));
        assertThat(store.groupOf(two)).isEqualTo(1);
        assertThat(store.entriesBytesMax()).isEqualTo(20_000 - 80);
        assertThatThrownBy(() -> store.append(two)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> store.append(List.of(added(2, 21_000)))).isInstanceOf(IllegalArgumentException.class);

        store.append(List.of(added(3, 10)));
        assertThat(idsOf(store)).containsExactly(3L);
        disk.crash();
        assertThat(idsOf(open())).containsExactly(3L);
    }

    @Test
    @DisplayName(
            "R17: room is reserved before journaling; when all memtables are full there is none until one is flushed")
    void room() {
        BookieStore store = open();
        long id = 0;
        while (store.hasRoomFor(added(id, 3000).weight())) {
            store.append(List.of(added(id++, 3000)));
        }
        assertThat(store.memtableWeight()).isBetween(3 * 190_000L, 3 * 200_000L);
        while (!store.flushStep()) {
            assertThat(store.hasRoomFor(added(id, 3000).weight())).isFalse();
        }
        assertThat(store.hasRoomFor(added(id, 3000).weight())).isTrue();
        assertThat(idsOf(store)).hasSize((int) id);
    }

    private int lengthOf(Payload key) {
        try (KeyValueStore ledgers = disk.openKeyValueStore("ledgers");
                KeyValueStore.Snapshot snapshot = ledgers.openSnapshot()) {
            return snapshot.get(key).orElseThrow().length();
        }
    }

    BookieStore open() {
        return open(SETTINGS);
    }

    private BookieStore open(BookieStore.Settings settings) {
        boots++;
        return BookieStore.open(STORE, new BootEpoch(boots), settings, files(disk.openKeyValueStore("ledgers")));
    }

    private BookieStore.Files files(KeyValueStore ledgers) {
        return new BookieStore.Files(
                disk.openFileStore("journal"),
                ledgers,
                kind() == StoreKind.SEGMENTS ? Optional.of(disk.openFileStore("segments")) : Optional.empty());
    }

    /** Appends until the journal has {@code segments} more, one record a group. */
    private void fillSegments(BookieStore store, int segments) {
        long next =
                store.ledger(LEDGER).map(BookieStore.LedgerView::lastEntryId).orElse(EntryId.NONE) + 1;
        for (int i = 0; i <= segments * 7; i++) {
            store.append(List.of(added(next + i, 3000)));
        }
    }

    static void flushAll(BookieStore store) {
        while (store.needsFlush()) {
            store.flushStep();
        }
    }

    static JournalRecord.Added added(long entryId, int payloadBytes) {
        return new JournalRecord.Added(LEDGER, entryId - 1, EntryBatch.of(List.of(entry(entryId, payloadBytes))));
    }

    static Payload entry(long entryId, int payloadBytes) {
        byte[] payload = new byte[payloadBytes];
        Arrays.fill(payload, (byte) (entryId + 1));
        ByteBuffer.wrap(payload).putLong(0, entryId);
        return EntryFormat.encode(LEDGER, entryId, -1, payloadBytes, Payload.wrap(payload), DigestType.CRC32C);
    }

    static List<Payload> read(BookieStore store, long entryId) {
        return store.read(LEDGER, entryId, entryId, 10, 100_000).entries();
    }

    private static List<Long> idsOf(BookieStore store) {
        List<Long> ids = new ArrayList<>();
        long next = 0;
        while (next < 2000) {
            BookieStore.EntryRange range = store.read(LEDGER, next, 1999, 1000, 1 << 20);
            range.entries().forEach(entry -> ids.add(EntryFormat.entryIdOf(entry)));
            next = range.coveredTo();
        }
        return ids;
    }
}
