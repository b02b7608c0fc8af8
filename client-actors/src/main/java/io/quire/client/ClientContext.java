package io.quire.client;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.quire.client.core.Placement;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.ClusterFeed;
import io.quire.protocol.Ensemble;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerIds;
import io.quire.protocol.Registry;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Envelope;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;

/** What the writers and readers of one process share. Thread-safe. */
final class ClientContext {
    final ActorSystem<?> system;
    final Registry registry;
    final LedgerIds ledgerIds;
    final ClusterFeed feed;
    final ClientSettings settings;
    final LongSupplier nanoClock = System::nanoTime;
    final WriterTicks ticks;
    final Counter appends;
    final Counter appendFailures;
    final Counter reads;
    final Counter hedgedReads;
    final Counter ensembleChanges;
    final Counter recoveries;

    /** Where bookies were found last; looking an address up costs as much as a message. */
    private final Map<BookieId, Place> places = new ConcurrentHashMap<>();

    /** A system may have several clients. */
    private static final AtomicLong CHANNELS = new AtomicLong();

    private final Map<BookieId, ActorRef<BookieChannelActor.Command>> channels = new ConcurrentHashMap<>();
    /** Since when bookies are avoided that failed a writer. */
    private final Map<BookieId, Long> quarantinedSinceNanos = new ConcurrentHashMap<>();

    ClientContext(
            ActorSystem<?> system,
            Registry registry,
            LedgerIds ledgerIds,
            ClusterFeed feed,
            ClientSettings settings,
            MeterRegistry meters) {
        this.system = system;
        this.registry = registry;
        this.ledgerIds = ledgerIds;
        this.feed = feed;
        this.settings = settings;
        this.ticks = new WriterTicks(system, settings.tickInterval(), nanoClock);
        this.appends = meters.counter("client.add.entry");
        this.appendFailures = meters.counter("client.add.entry.failures");
        this.reads = meters.counter("client.read.entry");
        this.hedgedReads = meters.counter("client.read.hedged");
        this.recoveries = meters.counter("client.ledger.recoveries");
        this.ensembleChanges = meters.counter("client.ensemble.changes");
    }

    /** The process's channel to {@code bookie}. */
    ActorRef<BookieChannelActor.Command> channel(BookieId bookie) {
        return channels.computeIfAbsent(
                bookie,
                id -> system.systemActorOf(
                        BookieChannelActor.create(id, () -> bookie(id), settings.channel(), nanoClock),
                        "quire-channel-" + id + "-" + CHANNELS.incrementAndGet(),
                        Props.empty()));
    }

    /** Where {@code bookie} is, by what gossip says. */
    Optional<ActorRef<BookieRequest>> bookie(BookieId bookie) {
        return statusOf(bookie).map(status -> {
            Place known = places.get(bookie);
            if (known == null || !known.isOf(status)) {
                known = new Place(status.address(), status.bootEpoch(), Envelope.resolve(system, status.address()));
                places.put(bookie, known);
            }
            return known.actor();
        });
    }

    /** A bookie's actor in one boot: within a process a reference stands for one incarnation. */
    private record Place(String address, BootEpoch bootEpoch, ActorRef<BookieRequest> actor) {
        boolean isOf(BookieStatus status) {
            return address.equals(status.address()) && bootEpoch.equals(status.bootEpoch());
        }
    }

    /** A bookie for the place of {@code failed}, which nobody in this process chooses for a while. */
    Optional<BookieId> replacementOf(BookieId failed, Ensemble ensemble, LedgerId ledgerId) {
        long now = nanoClock.getAsLong();
        quarantinedSinceNanos.put(failed, now);
        quarantinedSinceNanos
                .values()
                .removeIf(since -> now - since >= settings.quarantine().toNanos());
        return Placement.replace(
                feed.bookies(),
                failed,
                ensemble,
                Set.copyOf(quarantinedSinceNanos.keySet()),
                settings.distinct(),
                ledgerId.value());
    }

    /** Whether gossip says that {@code bookie} is down. */
    boolean isDown(BookieId bookie) {
        return statusOf(bookie)
                .filter(status -> status.state() == BookieStatus.State.DOWN)
                .isPresent();
    }

    private Optional<BookieStatus> statusOf(BookieId bookie) {
        return feed.bookies().stream()
                .filter(status -> status.bookieId().equals(bookie))
                .findFirst();
    }
}
