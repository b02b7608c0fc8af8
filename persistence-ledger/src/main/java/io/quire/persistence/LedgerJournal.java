package io.quire.persistence;

import com.typesafe.config.Config;
import io.quire.protocol.Payload;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.Terminated;
import org.apache.pekko.japi.pf.ReceiveBuilder;
import org.apache.pekko.persistence.AtomicWrite;
import org.apache.pekko.persistence.PersistentRepr;
import org.apache.pekko.persistence.journal.japi.AsyncWriteJournal;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import scala.PartialFunction;
import scala.concurrent.Future;
import scala.jdk.javaapi.CollectionConverters;
import scala.jdk.javaapi.FutureConverters;
import scala.runtime.BoxedUnit;
import scala.util.Failure;
import scala.util.Try;

/**
 * A journal of Pekko Persistence that keeps the events of each persistence id in a named log. An event is acknowledged
 * when it is durable at an ack quorum of bookies; those of one {@code persistAll} are in the log together or not at all.
 * Only the incarnation that recovered last can persist; see {@link EventLog}. A log is let go after the last actor of its
 * persistence id has stopped, a few at a time.
 *
 * <p>Configured by {@code quire.persistence.journal}; Pekko creates it.
 */
public final class LedgerJournal extends AsyncWriteJournal {
    private final QuirePersistence persistence = QuirePersistence.get(context().system());
    private final Serialization serialization =
            SerializationExtension.get(context().system());
    /** The logs of the actors that live. */
    private final Map<String, EventLog> logs = new ConcurrentHashMap<>();
    // On the actor's own thread alone.
    private final Map<ActorRef, Set<String>> idsOfActors = new HashMap<>();
    private final Map<String, Set<ActorRef>> actorsOfIds = new HashMap<>();
    private final ClosingLogs<EventLog> closing;
    private final int batch;

    /**
     * @param config the plugin's own section
     */
    public LedgerJournal(Config config) {
        this.batch = config.getInt("replay-batch");
        this.closing = new ClosingLogs<>(config.getInt("closes-at-once"), EventLog::close);
    }

    @Override
    public Future<Iterable<Optional<Exception>>> doAsyncWriteMessages(Iterable<AtomicWrite> messages) {
        List<Optional<Exception>> rejections = new ArrayList<>();
        Map<String, List<EventRecord.Events>> writes = new LinkedHashMap<>();
        Map<String, String> uuids = new HashMap<>();
        for (AtomicWrite message : messages) {
            List<EventRecord.Event> events = new ArrayList<>();
            Optional<Exception> rejection = Optional.empty();
            for (PersistentRepr event : CollectionConverters.asJava(message.payload())) {
                Try<byte[]> bytes = serialization.serialize(event);
                if (bytes instanceof Failure<byte[]> failure) {
                    rejection = Optional.of(rejectionOf(failure.exception()));
                } else {
                    events.add(new EventRecord.Event(event.sequenceNr(), Payload.wrap(bytes.get())));
                }
                uuids.put(message.persistenceId(), event.writerUuid());
            }
            rejections.add(rejection);
            if (rejection.isEmpty()) {
                writes.computeIfAbsent(message.persistenceId(), id -> new ArrayList<>())
                        .add(new EventRecord.Events(events));
            }
        }
        List<CompletableFuture<Void>> written = new ArrayList<>();
        writes.forEach((id, events) ->
                written.add(logForSender(id).write(uuids.get(id), events).toCompletableFuture()));
        return FutureConverters.asScala(CompletableFuture.allOf(written.toArray(CompletableFuture[]::new))
                .thenApply(done -> rejections));
    }

    private static Exception rejectionOf(Throwable failure) {
        return failure instanceof Exception exception ? exception : new IllegalArgumentException(failure);
    }

    @Override
    public Future<Void> doAsyncDeleteMessagesTo(String persistenceId, long toSequenceNr) {
        return FutureConverters.asScala(logForSender(persistenceId).delete(toSequenceNr));
    }

    @Override
    public Future<Long> doAsyncReadHighestSequenceNr(String persistenceId, long fromSequenceNr) {
        return FutureConverters.asScala(logForSender(persistenceId).takeOver());
    }

    @Override
    public Future<Void> doAsyncReplayMessages(
            String persistenceId, long fromSequenceNr, long toSequenceNr, long max, Consumer<PersistentRepr> replay) {
        // Not on the actor's thread. The log was taken over just before, unless who asked has stopped since.
        EventLog log = logs.get(persistenceId);
        CompletionStage<Void> replayed = log == null
                ? CompletableFuture.failedStage(
                        new IllegalStateException("nobody recovers '" + persistenceId + "' now"))
                : log.replay(fromSequenceNr, toSequenceNr, max, event -> replay.accept(deserialized(event)));
        return FutureConverters.asScala(replayed);
    }

    private PersistentRepr deserialized(EventRecord.Event event) {
        return serialization
                .deserialize(event.bytes().toByteArray(), PersistentRepr.class)
                .get();
    }

    /** The log of an id whose actor asks, on this actor's thread. */
    private EventLog logForSender(String persistenceId) {
        ActorRef asking = sender();
        if (!asking.equals(context().system().deadLetters())
                && idsOfActors.computeIfAbsent(asking, actor -> new HashSet<>()).add(persistenceId)) {
            actorsOfIds.computeIfAbsent(persistenceId, id -> new HashSet<>()).add(asking);
            context().watch(asking);
        }
        return logs.computeIfAbsent(persistenceId, id -> closing.takeBack(id)
                .orElseGet(() -> new EventLog(persistence.node().logs(), persistence.logOf(id), batch)));
    }

    @Override
    public PartialFunction<Object, BoxedUnit> receivePluginInternal() {
        return ReceiveBuilder.create()
                .match(Terminated.class, terminated -> onStopped(terminated.actor()))
                .build()
                .onMessage();
    }

    /** As long as any actor of an id lives, its log knows which incarnations it refuses. */
    private void onStopped(ActorRef actor) {
        for (String persistenceId :
                Optional.ofNullable(idsOfActors.remove(actor)).orElse(Set.of())) {
            Set<ActorRef> living = actorsOfIds.get(persistenceId);
            living.remove(actor);
            if (living.isEmpty()) {
                actorsOfIds.remove(persistenceId);
                closing.add(persistenceId, logs.remove(persistenceId));
            }
        }
    }
}
