package io.quire.persistence;

import io.quire.client.log.LogMetadata;
import io.quire.client.log.LogPosition;
import io.quire.client.log.LogRecord;
import io.quire.client.log.Logs;
import io.quire.client.stream.LogSources;
import io.quire.protocol.RegistryKey;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.japi.Pair;
import org.apache.pekko.persistence.PersistentRepr;
import org.apache.pekko.persistence.query.EventEnvelope;
import org.apache.pekko.persistence.query.Sequence;
import org.apache.pekko.persistence.query.javadsl.CurrentEventsByPersistenceIdQuery;
import org.apache.pekko.persistence.query.javadsl.CurrentPersistenceIdsQuery;
import org.apache.pekko.persistence.query.javadsl.EventsByPersistenceIdQuery;
import org.apache.pekko.persistence.query.javadsl.PersistenceIdsQuery;
import org.apache.pekko.persistence.query.javadsl.ReadJournal;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.stream.javadsl.Source;

/**
 * The queries of {@link LedgerJournal}: events by persistence id, from the logs that they are in, and the persistence ids
 * themselves, from the registry. Events that are deleted do not show. There are no queries by tag: a tag would need an
 * index that is written with the events, and there is none.
 *
 * <p>Sources are back-pressured down to the bookies. Thread-safe.
 */
public final class LedgerReadJournal
        implements ReadJournal,
                EventsByPersistenceIdQuery,
                CurrentEventsByPersistenceIdQuery,
                PersistenceIdsQuery,
                CurrentPersistenceIdsQuery {
    /** What a query is asked for by. */
    public static final String IDENTIFIER = "quire.persistence.query";

    private static final int PAGE = 1000;

    private final QuirePersistence persistence;
    private final Serialization serialization;
    private final int batch;
    private final Duration refreshInterval;

    LedgerReadJournal(ActorSystem system, int batch, Duration refreshInterval) {
        this.persistence = QuirePersistence.get(system);
        this.serialization = SerializationExtension.get(system);
        this.batch = batch;
        this.refreshInterval = refreshInterval;
    }

    private Logs logs() {
        return persistence.node().logs();
    }

    /** The events {@code [from, to]} that there are, then those that come; completes behind {@code to}. */
    @Override
    public Source<EventEnvelope, NotUsed> eventsByPersistenceId(String persistenceId, long from, long to) {
        String log = persistence.logOf(persistenceId);
        return events(
                LogSources.whenThere(logs(), log, refreshInterval)
                        .flatMapConcat(there -> LogSources.tail(logs(), log, LogPosition.START, batch)),
                from,
                to);
    }

    /**
     * The events {@code [from, to]} that there are now, as far as readers know of them: the last ones of an actor that lives
     * may be acknowledged some tens of milliseconds before they are seen here.
     */
    @Override
    public Source<EventEnvelope, NotUsed> currentEventsByPersistenceId(String persistenceId, long from, long to) {
        String log = persistence.logOf(persistenceId);
        return events(LogSources.current(logs(), log, LogPosition.START, batch), from, to);
    }

    private Source<EventEnvelope, NotUsed> events(Source<LogRecord, NotUsed> records, long from, long to) {
        return records.map(found -> EventRecord.decode(found.payload()))
                .filter(EventRecord.Events.class::isInstance)
                .mapConcat(events -> ((EventRecord.Events) events).events())
                .takeWhile(event -> event.sequenceNr() < to, true)
                .filter(event -> event.sequenceNr() >= from && event.sequenceNr() <= to)
                .map(this::envelope);
    }

    private EventEnvelope envelope(EventRecord.Event event) {
        PersistentRepr persistent = serialization
                .deserialize(event.bytes().toByteArray(), PersistentRepr.class)
                .get();
        return new EventEnvelope(
                new Sequence(event.sequenceNr()),
                persistent.persistenceId(),
                event.sequenceNr(),
                persistent.payload(),
                persistent.timestamp());
    }

    /** The persistence ids that have a log, then those that get one. */
    @Override
    public Source<String, NotUsed> persistenceIds() {
        return Source.tick(Duration.ZERO, refreshInterval, NotUsed.getInstance())
                .mapMaterializedValue(cancellable -> NotUsed.getInstance())
                .flatMapConcat(tick -> currentPersistenceIds())
                .statefulMapConcat(() -> {
                    Set<String> known = new HashSet<>();
                    return id -> known.add(id) ? List.of(id) : List.of();
                });
    }

    /** The persistence ids that have a log now. */
    @Override
    public Source<String, NotUsed> currentPersistenceIds() {
        String prefix = persistence.prefix();
        return Source.unfoldAsync(
                        new Page(false, Optional.empty()),
                        page -> page.isLast()
                                ? CompletableFuture.completedStage(Optional.<Pair<Page, List<LogMetadata>>>empty())
                                : logs().list(prefix, page.after(), PAGE)
                                        .thenApply(found -> Optional.of(Pair.create(
                                                new Page(found.next().isEmpty(), found.next()), found.logs()))))
                .mapConcat(logs -> namesOf(logs, prefix));
    }

    /**
     * Where the next page of logs begins.
     *
     * @param isLast whether there is none
     */
    private record Page(boolean isLast, Optional<RegistryKey> after) {}

    private static List<String> namesOf(List<LogMetadata> logs, String prefix) {
        List<String> names = new ArrayList<>();
        logs.forEach(log -> names.add(log.name().value().substring(prefix.length())));
        return names;
    }
}
