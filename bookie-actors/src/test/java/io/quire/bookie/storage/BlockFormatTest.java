package io.quire.bookie.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.EntryFormat;
import io.quire.protocol.Payload;
import io.quire.storage.StorageException.DamagedException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class BlockFormatTest {
    private static final long LEDGER = 7;

    /** Ids from {@code first} on, some of them left out. */
    private static List<Payload> entries(Random random, long first) {
        List<Payload> entries = new ArrayList<>();
        long id = first;
        for (int i = 1 + random.nextInt(40); i > 0; i--) {
            entries.add(LedgerStoreContract.entry(LEDGER, id, random.nextInt(200)));
            id += random.nextInt(4) == 0 ? 3 : 1;
        }
        return entries;
    }

    /** As the ledger store has it: in a map, behind other bytes. */
    private static ByteBuffer stored(Payload block) {
        ByteBuffer map = ByteBuffer.allocateDirect(block.length() + 13).position(13);
        block.writeTo(map);
        return map.position(13);
    }

    @Test
    @DisplayName("a range of a block is what decoding all of it and leaving out the others gives")
    void range() {
        Random random = new Random(20261121);
        for (int round = 0; round < 500; round++) {
            List<Payload> all = entries(random, 100);
            long first = 95L + random.nextInt(100);
            long last = first + random.nextInt(30);
            int wanted = 1 + random.nextInt(40);
            List<Payload> found = new ArrayList<>();
            boolean more =
                    BlockFormat.visit(stored(BlockFormat.encode(all)), LEDGER, 100, first, last, (entryId, entry) -> {
                        assertThat(EntryFormat.entryIdOf(entry)).isEqualTo(entryId);
                        found.add(entry);
                        return found.size() < wanted;
                    });
            List<Payload> inRange = all.stream()
                    .filter(entry -> EntryFormat.entryIdOf(entry) >= first && EntryFormat.entryIdOf(entry) <= last)
                    .toList();
            assertThat(found).isEqualTo(inRange.subList(0, Math.min(wanted, inRange.size())));
            boolean nextIsBehind = inRange.size() < wanted && EntryFormat.entryIdOf(all.get(all.size() - 1)) <= last;
            assertThat(more).isEqualTo(nextIsBehind);
        }
    }

    @Test
    @DisplayName("R18: of a block with any bit flipped nothing is shown, whichever entry is asked for")
    void damage() {
        Random random = new Random(1);
        byte[] block = BlockFormat.encode(entries(random, 0)).toByteArray();
        for (int bit = 0; bit < block.length * 8; bit += 1 + random.nextInt(5)) {
            byte[] damaged = block.clone();
            damaged[bit / 8] ^= (byte) (1 << (bit % 8));
            assertThatThrownBy(() ->
                            BlockFormat.visit(stored(Payload.wrap(damaged)), LEDGER, 0, 0, 0, (entryId, entry) -> true))
                    .isInstanceOf(DamagedException.class);
        }
        assertThatThrownBy(() ->
                        BlockFormat.visit(stored(Payload.wrap(block)), LEDGER + 1, 0, 0, 0, (entryId, entry) -> true))
                .isInstanceOf(DamagedException.class);
        assertThatThrownBy(
                        () -> BlockFormat.visit(stored(Payload.wrap(block)), LEDGER, 1, 1, 1, (entryId, entry) -> true))
                .isInstanceOf(DamagedException.class);
    }
}
