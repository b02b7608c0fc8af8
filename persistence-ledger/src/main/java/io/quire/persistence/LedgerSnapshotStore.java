package io.quire.persistence;

import io.quire.client.blob.Blobs;
import io.quire.persistence.SnapshotIndex.Item;
import io.quire.persistence.SnapshotIndex.Metadata;
import io.quire.protocol.Payload;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Predicate;
import org.apache.pekko.persistence.SelectedSnapshot;
import org.apache.pekko.persistence.SnapshotMetadata;
import org.apache.pekko.persistence.SnapshotSelectionCriteria;
import org.apache.pekko.persistence.serialization.Snapshot;
import org.apache.pekko.persistence.snapshot.japi.SnapshotStore;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.Serializer;
import org.apache.pekko.serialization.Serializers;
import scala.concurrent.Future;
import scala.jdk.javaapi.FutureConverters;
import scala.jdk.javaapi.OptionConverters;

/**
 * A snapshot store of Pekko Persistence: each snapshot is a blob of any size, and a register for each persistence id says
 * which there are. A snapshot is saved when it is durable and registered.
 *
 * <p>Configured by {@code quire.persistence.snapshot-store}; Pekko creates it.
 */
public final class LedgerSnapshotStore extends SnapshotStore {
    private final QuirePersistence persistence = QuirePersistence.get(context().system());
    private final Serialization serialization =
            SerializationExtension.get(context().system());

    private Blobs blobs() {
        return Blobs.create(
                persistence.node().client(),
                persistence.node().logs().settings().replication());
    }

    private SnapshotIndex index() {
        return new SnapshotIndex(persistence.node().registry());
    }

    @Override
    public Future<Optional<SelectedSnapshot>> doLoadAsync(String persistenceId, SnapshotSelectionCriteria criteria) {
        CompletionStage<Optional<SelectedSnapshot>> loaded = index().read(persistenceId)
                .thenCompose(items -> {
                    List<Item> matching =
                            items.stream().filter(matching(criteria)).toList();
                    if (matching.isEmpty()) {
                        return CompletableFuture.completedStage(Optional.empty());
                    }
                    Item newest = matching.get(matching.size() - 1);
                    return blobs().get(newest.ledgerId())
                            .thenApply(bytes -> Optional.of(
                                    new SelectedSnapshot(metadataOf(persistenceId, newest), snapshotOf(bytes))));
                });
        return FutureConverters.asScala(loaded);
    }

    private static Predicate<Item> matching(SnapshotSelectionCriteria criteria) {
        return item -> criteria.matches(new SnapshotMetadata("", item.sequenceNr(), item.timestamp()));
    }

    private Object snapshotOf(byte[] bytes) {
        return serialization.deserialize(bytes, Snapshot.class).get().data();
    }

    private SnapshotMetadata metadataOf(String persistenceId, Item item) {
        SnapshotMetadata metadata = new SnapshotMetadata(persistenceId, item.sequenceNr(), item.timestamp());
        return item.metadata()
                .map(attached -> metadata.withMetadata(serialization
                        .deserialize(attached.bytes().toByteArray(), attached.serializerId(), attached.manifest())
                        .get()))
                .orElse(metadata);
    }

    @Override
    public Future<Void> doSaveAsync(SnapshotMetadata metadata, Object snapshot) {
        byte[] bytes = serialization.serialize(new Snapshot(snapshot)).get();
        Optional<Metadata> attached =
                OptionConverters.toJava(metadata.metadata()).map(this::serialized);
        CompletionStage<Void> saved = blobs().put(bytes).thenCompose(blob -> {
            Item item = new Item(metadata.sequenceNr(), metadata.timestamp(), blob.ledgerId(), attached);
            return index().change(metadata.persistenceId(), items -> with(items, item))
                    .thenCompose(this::delete);
        });
        return FutureConverters.asScala(saved);
    }

    private Metadata serialized(Object attached) {
        Serializer serializer = serialization.findSerializerFor(attached);
        return new Metadata(
                serializer.identifier(),
                Serializers.manifestFor(serializer, attached),
                Payload.wrap(serializer.toBinary(attached)));
    }

    private static List<Item> with(List<Item> items, Item item) {
        List<Item> changed = new ArrayList<>(items);
        changed.removeIf(other -> other.sequenceNr() == item.sequenceNr());
        changed.add(item);
        return changed;
    }

    @Override
    public Future<Void> doDeleteAsync(SnapshotMetadata metadata) {
        return deleteMatching(
                metadata.persistenceId(),
                item -> item.sequenceNr() == metadata.sequenceNr()
                        && (metadata.timestamp() == 0 || item.timestamp() == metadata.timestamp()));
    }

    @Override
    public Future<Void> doDeleteAsync(String persistenceId, SnapshotSelectionCriteria criteria) {
        return deleteMatching(persistenceId, matching(criteria));
    }

    private Future<Void> deleteMatching(String persistenceId, Predicate<Item> matching) {
        CompletionStage<Void> deleted = index().change(
                        persistenceId,
                        items -> items.stream().filter(matching.negate()).toList())
                .thenCompose(this::delete);
        return FutureConverters.asScala(deleted);
    }

    /** Their blobs, once no register names them. */
    private CompletionStage<Void> delete(List<Item> items) {
        return CompletableFuture.allOf(items.stream()
                .map(item -> blobs().delete(item.ledgerId()).toCompletableFuture())
                .toArray(CompletableFuture[]::new));
    }
}
