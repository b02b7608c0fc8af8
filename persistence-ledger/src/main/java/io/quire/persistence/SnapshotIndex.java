package io.quire.persistence;

import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.UnaryOperator;

/**
 * Which snapshots there are of each persistence id: a register for each, changed by compare-and-set. Thread-safe.
 *
 * <pre>
 *   register   version 1 byte (1) | persistence id string | list of item, by sequence number
 *   item       sequence number int64 | timestamp int64 ms | ledger int64 | opt metadata
 *   metadata   serializer int32 | manifest string | bytes
 * </pre>
 */
final class SnapshotIndex {
    private static final byte VERSION = 1;
    private static final int ITEM_BYTES_MIN = 3 * Long.BYTES + 1;
    private static final int NAME_CHARS_MAX = 150;
    private static final int ATTEMPTS_MAX = 20;

    private final Registry registry;

    SnapshotIndex(Registry registry) {
        this.registry = registry;
    }

    /** What Pekko attaches to a snapshot, serialized. */
    record Metadata(int serializerId, String manifest, Payload bytes) {}

    /**
     * One snapshot.
     *
     * @param ledgerId the blob that it is
     */
    record Item(long sequenceNr, long timestamp, LedgerId ledgerId, Optional<Metadata> metadata) {}

    /** The snapshots of {@code persistenceId}, by rising sequence number. */
    CompletionStage<List<Item>> read(String persistenceId) {
        return registry.read(keyOf(persistenceId)).thenApply(SnapshotIndex::itemsOf);
    }

    /**
     * Changes which snapshots there are.
     *
     * @return those that were given up
     */
    CompletionStage<List<Item>> change(String persistenceId, UnaryOperator<List<Item>> change) {
        return change(persistenceId, change, 1);
    }

    private CompletionStage<List<Item>> change(String persistenceId, UnaryOperator<List<Item>> change, int attempt) {
        return registry.read(keyOf(persistenceId)).thenCompose(current -> {
            List<Item> before = itemsOf(current);
            List<Item> after = new ArrayList<>(change.apply(before));
            after.sort(Comparator.comparingLong(Item::sequenceNr));
            List<Item> given = new ArrayList<>(before);
            given.removeAll(after);
            if (after.equals(before)) {
                return CompletableFuture.completedStage(given);
            }
            return registry.compareAndSet(
                            keyOf(persistenceId),
                            current.version(),
                            encode(persistenceId, after),
                            new OpId(UUID.randomUUID()))
                    .thenCompose(result -> {
                        if (result instanceof Registry.CasResult.Applied) {
                            return CompletableFuture.completedStage(given);
                        }
                        return attempt < ATTEMPTS_MAX && result instanceof Registry.CasResult.Conflict
                                ? change(persistenceId, change, attempt + 1)
                                : CompletableFuture.failedStage(
                                        new IllegalStateException("nobody knows whether the snapshots of '"
                                                + persistenceId + "' were changed: " + result));
                    });
        });
    }

    private static RegistryKey keyOf(String persistenceId) {
        return RegistryKey.ofName("/snapshots/", persistenceId, NAME_CHARS_MAX);
    }

    private static List<Item> itemsOf(RegisterValue value) {
        return value.isAbsent() ? List.of() : Fields.decodeAll(value.value().asByteBuffer(), SnapshotIndex::decode);
    }

    private static Payload encode(String persistenceId, List<Item> items) {
        return Fields.encode(128 + 64 * items.size(), out -> {
            out.put(VERSION);
            Fields.putString(out, persistenceId);
            Fields.putList(out, items, SnapshotIndex::putItem);
        });
    }

    private static List<Item> decode(ByteBuffer in) {
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("snapshots in format " + version + ", of which only 1 is known");
        }
        Fields.getString(in);
        return Fields.getList(in, ITEM_BYTES_MIN, SnapshotIndex::getItem);
    }

    private static void putItem(ByteBuffer out, Item item) {
        out.putLong(item.sequenceNr())
                .putLong(item.timestamp())
                .putLong(item.ledgerId().value());
        Fields.putBoolean(out, item.metadata().isPresent());
        item.metadata().ifPresent(metadata -> {
            out.putInt(metadata.serializerId());
            Fields.putString(out, metadata.manifest());
            Fields.putPayload(out, metadata.bytes());
        });
    }

    private static Item getItem(ByteBuffer in) {
        return new Item(
                in.getLong(),
                in.getLong(),
                new LedgerId(in.getLong()),
                Fields.getBoolean(in)
                        ? Optional.of(new Metadata(in.getInt(), Fields.getString(in), Fields.getPayload(in)))
                        : Optional.empty());
    }
}
