package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.JournalRecord;
import io.quire.bookie.storage.StoreKind;
import io.quire.protocol.LedgerId;
import io.quire.storage.StorageException;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The same for a store that keeps its entries in segments, and what can happen to those. */
class SegmentStoreDamageTest extends BookieStoreDamageTest {
    private static final String SEGMENTS = "segments";
    private static final String SEGMENT = "segment-00000000";
    private static final int PAGE = 4096;

    @Override
    StoreKind kind() {
        return StoreKind.SEGMENTS;
    }

    @Test
    @DisplayName("P10: any bad byte of a block in a segment is an error, never another answer")
    void damagedSegment() {
        BookieStore store = open();
        store.append(List.of(added(0, 100), added(1, 50)));
        store.rotate();
        flushAll(store);
        int bytes = 36 + 8 + 2 * 4 + entry(0, 100).length() + entry(1, 50).length();
        for (int i = 0; i < bytes; i++) {
            disk.flipByte(SEGMENTS, SEGMENT, PAGE + i);
            assertThatThrownBy(() -> read(store, 0), "byte %d", i)
                    .isInstanceOf(StorageException.DamagedException.class);
            disk.flipByte(SEGMENTS, SEGMENT, PAGE + i);
        }
        disk.flipByte(SEGMENTS, SEGMENT, PAGE + bytes);
        assertThat(read(store, 0)).containsExactly(entry(0, 100));
        assertThat(read(store, 1)).containsExactly(entry(1, 50));
        store.requireWhole(LEDGER);
    }

    @Test
    @DisplayName("H60: a segment whose header is bad, cut off or gone takes nothing away but what it held")
    void damagedSegments() {
        for (int damage = 0; damage < 3; damage++) {
            newDisk();
            BookieStore store = open();
            store.append(List.of(added(0, 100)));
            store.rotate();
            flushAll(store);
            store.append(List.of(added(1, 100)));
            store.close();
            switch (damage) {
                case 0 -> disk.flipByte(SEGMENTS, SEGMENT, 30);
                case 1 -> disk.truncate(SEGMENTS, SEGMENT, PAGE + 10);
                default -> disk.remove(SEGMENTS, SEGMENT);
            }
            BookieStore reopened = open();
            assertThat(read(reopened, 1)).containsExactly(entry(1, 100));
            if (damage == 0) {
                assertThat(read(reopened, 0)).containsExactly(entry(0, 100));
            } else {
                assertThatThrownBy(() -> read(reopened, 0)).isInstanceOf(StorageException.class);
            }
            assertThat(reopened.ledger(LEDGER).orElseThrow().lastEntryId()).isEqualTo(1);
        }
    }

    @Test
    @DisplayName(
            "H61: without room for another segment a flush fails as it began; with room it goes on, nothing is lost")
    void noRoomForSegment() {
        BookieStore store = open();
        for (int i = 0; i < 20; i++) {
            store.append(List.of(added(i, 9000)));
        }
        store.rotate();
        disk.limitFreeBytes(10 << 20);
        assertThatThrownBy(() -> flushAll(store)).isInstanceOf(StorageException.OutOfSpaceException.class);
        assertThat(read(store, 19)).containsExactly(entry(19, 9000));
        disk.limitFreeBytes(1 << 30);
        flushAll(store);
        assertThat(read(store, 19)).containsExactly(entry(19, 9000));
        store.requireWhole(LEDGER);
        disk.crash();
        BookieStore reopened = open();
        for (int i = 0; i < 20; i++) {
            assertThat(read(reopened, i)).containsExactly(entry(i, 9000));
        }
    }

    @Test
    @DisplayName("H57: a commit that failed is followed or not as the disk says, and no segment is lost by it")
    void failedCommit() {
        for (int round = 0; round < 20; round++) {
            BookieStore store = open();
            store.append(List.of(added(round, 3000), new JournalRecord.Fenced(new LedgerId(9))));
            store.rotate();
            disk.failCommit(1);
            assertThatThrownBy(() -> flushAll(store)).isInstanceOf(StorageException.class);
            disk.crash();
            BookieStore reopened = open();
            for (int i = 0; i <= round; i++) {
                assertThat(read(reopened, i)).containsExactly(entry(i, 3000));
            }
            reopened.requireWhole(LEDGER);
            assertThat(reopened.segmentFigures().segments()).isEqualTo(1);
            disk.crash();
        }
    }
}
