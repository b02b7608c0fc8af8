package io.quire.admin;

import io.quire.client.LedgerClient;
import io.quire.client.WriteHandle;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.actor.typed.receptionist.ServiceKey;

/**
 * Has the writers of the ledgers that were made over HTTP at this node, a bounded number, and finds those of other nodes.
 * One per HTTP listener. Registered at the receptionist once it is told where it can be reached; stopped together with the
 * listener, and then lets go of all writers without sealing.
 */
final class LedgerWriters extends AbstractBehavior<LedgerWriters.Command> {
    static final ServiceKey<Command> KEY = ServiceKey.create(Command.class, "quire-http-writers");
    private static final int SEARCHES_MAX = 10_000;
    private static final int TICKS_PER_IDLE_TIMEOUT = 10;

    private final LedgerClient client;
    private final HttpSettings.Writers settings;
    private final LongSupplier nanoClock;
    private final TimerScheduler<Command> timers;
    private final Map<LedgerId, Entry> writers = new HashMap<>();
    private final Map<LedgerId, Search> searches = new HashMap<>();
    private Set<ActorRef<Command>> others = Set.of();
    private String url = "";
    private int creating;

    /** What it is told. */
    sealed interface Command permits Local, WriterMessage {}

    /** What only this node tells it. */
    sealed interface Local extends Command {}

    /** Says how HTTP reaches this node; from then on others may ask. */
    record Serve(String url) implements Local {}

    /** Creates a ledger whose writer lives here. */
    record Create(CreateLedgerRequest request, CompletableFuture<HostedWriter> result) implements Local {}

    /**
     * Looks for the writer of a ledger.
     *
     * @param everywhere whether to ask other nodes too
     */
    record Locate(LedgerId ledgerId, boolean everywhere, CompletableFuture<Location> result) implements Local {}

    /** Lets go of a writer that is of no more use; does nothing when it does not live here. */
    record Drop(LedgerId ledgerId) implements Local {}

    /** The ledger was deleted: no node needs its writer any more. */
    record DropEverywhere(LedgerId ledgerId) implements Local {}

    enum Stop implements Local {
        INSTANCE
    }

    private record Created(CompletableFuture<HostedWriter> result, WriteHandle handle, Throwable failure)
            implements Local {}

    private record Listed(Receptionist.Listing listing) implements Local {}

    private record SearchTimedOut(LedgerId ledgerId) implements Local {}

    private enum Tick implements Local {
        INSTANCE
    }

    /** Where the writer of a ledger lives. */
    sealed interface Location {}

    record Here(HostedWriter writer) implements Location {}

    record Elsewhere(String url) implements Location {}

    enum Nowhere implements Location {
        INSTANCE
    }

    private static final class Entry {
        private final HostedWriter writer;
        private long usedNanos;

        Entry(HostedWriter writer, long usedNanos) {
            this.writer = writer;
            this.usedNanos = usedNanos;
        }
    }

    private static final class Search {
        private final List<CompletableFuture<Location>> waiting = new ArrayList<>();
        private int unanswered;
    }

    private LedgerWriters(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            LedgerClient client,
            HttpSettings.Writers settings,
            LongSupplier nanoClock) {
        super(context);
        this.client = client;
        this.settings = settings;
        this.nanoClock = nanoClock;
        this.timers = timers;
        Duration tick = settings.idleTimeout().dividedBy(TICKS_PER_IDLE_TIMEOUT);
        timers.startTimerWithFixedDelay(Tick.INSTANCE, tick);
        context.getSystem()
                .receptionist()
                .tell(Receptionist.subscribe(KEY, context.messageAdapter(Receptionist.Listing.class, Listed::new)));
    }

    static Behavior<Command> create(LedgerClient client, HttpSettings.Writers settings, LongSupplier nanoClock) {
        return Behaviors.setup(context ->
                Behaviors.withTimers(timers -> new LedgerWriters(context, timers, client, settings, nanoClock)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Locate.class, this::onLocate)
                .onMessage(Create.class, this::onCreate)
                .onMessage(Created.class, this::onCreated)
                .onMessage(Drop.class, drop -> onDrop(drop.ledgerId()))
                .onMessage(DropEverywhere.class, this::onDropEverywhere)
                .onMessage(Serve.class, this::onServe)
                .onMessage(Listed.class, this::onListed)
                .onMessage(WriterMessage.FindWriter.class, this::onFindWriter)
                .onMessage(WriterMessage.WriterFound.class, this::onWriterFound)
                .onMessage(WriterMessage.ForgetWriter.class, forget -> onDrop(forget.ledgerId()))
                .onMessage(SearchTimedOut.class, this::onSearchTimedOut)
                .onMessage(Tick.class, tick -> onTick())
                .onMessage(Stop.class, stop -> Behaviors.stopped())
                .onSignal(PostStop.class, signal -> onPostStop())
                .build();
    }

    private Behavior<Command> onServe(Serve serve) {
        url = serve.url();
        getContext()
                .getSystem()
                .receptionist()
                .tell(Receptionist.register(KEY, getContext().getSelf()));
        return this;
    }

    /** Unreachable nodes are not among those to ask: they would only delay every answer. */
    private Behavior<Command> onListed(Listed listed) {
        others = listed.listing().getServiceInstances(KEY);
        return this;
    }

    private Behavior<Command> onCreate(Create create) {
        if (writers.size() + creating >= settings.max()) {
            create.result()
                    .completeExceptionally(new LedgerException(
                            Code.Overloaded,
                            Outcome.NOT_APPLIED,
                            "this node has the writers of " + settings.max()
                                    + " ledgers already; seal or delete some, or ask another node"));
            return this;
        }
        creating++;
        CreateLedgerRequest request = create.request();
        getContext()
                .pipeToSelf(
                        client.newCreateLedgerOp()
                                .withEnsembleSize(request.replication().ensembleSize())
                                .withWriteQuorumSize(request.replication().writeQuorum())
                                .withAckQuorumSize(request.replication().ackQuorum())
                                .withLabels(request.labels())
                                .execute(),
                        (handle, failure) -> new Created(create.result(), handle, failure));
        return this;
    }

    private Behavior<Command> onCreated(Created created) {
        creating--;
        if (created.failure() != null) {
            created.result().completeExceptionally(created.failure());
            return this;
        }
        HostedWriter writer = new HostedWriter(created.handle(), settings.pendingBytesMax());
        writers.put(created.handle().getId(), new Entry(writer, nanoClock.getAsLong()));
        created.result().complete(writer);
        return this;
    }

    private Behavior<Command> onLocate(Locate locate) {
        LedgerId ledgerId = locate.ledgerId();
        Entry entry = writers.get(ledgerId);
        if (entry != null) {
            entry.usedNanos = nanoClock.getAsLong();
            locate.result().complete(new Here(entry.writer));
            return this;
        }
        Search search = searches.get(ledgerId);
        if (!locate.everywhere() || (search == null && otherCount() == 0)) {
            locate.result().complete(Nowhere.INSTANCE);
        } else if (search != null) {
            search.waiting.add(locate.result());
        } else if (searches.size() >= SEARCHES_MAX) {
            locate.result()
                    .completeExceptionally(new LedgerException(
                            Code.Overloaded, Outcome.NOT_APPLIED, "too many writers are being looked for"));
        } else {
            search(ledgerId, locate.result());
        }
        return this;
    }

    private void search(LedgerId ledgerId, CompletableFuture<Location> result) {
        ActorRef<Command> self = getContext().getSelf();
        Search search = new Search();
        search.waiting.add(result);
        searches.put(ledgerId, search);
        for (ActorRef<Command> other : others) {
            if (!other.equals(self)) {
                search.unanswered++;
                other.tell(new WriterMessage.FindWriter(ledgerId, self));
            }
        }
        timers.startSingleTimer(ledgerId, new SearchTimedOut(ledgerId), settings.findTimeout());
    }

    private Behavior<Command> onFindWriter(WriterMessage.FindWriter find) {
        boolean here = writers.containsKey(find.ledgerId());
        find.replyTo().tell(new WriterMessage.WriterFound(find.ledgerId(), here ? url : ""));
        return this;
    }

    private Behavior<Command> onWriterFound(WriterMessage.WriterFound found) {
        Search search = searches.get(found.ledgerId());
        if (search == null) {
            return this;
        }
        search.unanswered--;
        if (!found.url().isEmpty()) {
            endSearch(found.ledgerId(), new Elsewhere(found.url()));
        } else if (search.unanswered <= 0) {
            endSearch(found.ledgerId(), Nowhere.INSTANCE);
        }
        return this;
    }

    private Behavior<Command> onSearchTimedOut(SearchTimedOut timedOut) {
        endSearch(timedOut.ledgerId(), Nowhere.INSTANCE);
        return this;
    }

    private void endSearch(LedgerId ledgerId, Location location) {
        Search search = searches.remove(ledgerId);
        timers.cancel(ledgerId);
        if (search != null) {
            search.waiting.forEach(waiting -> waiting.complete(location));
        }
    }

    private Behavior<Command> onDrop(LedgerId ledgerId) {
        Entry entry = writers.remove(ledgerId);
        if (entry != null) {
            entry.writer.handle().close();
        }
        return this;
    }

    private Behavior<Command> onDropEverywhere(DropEverywhere drop) {
        ActorRef<Command> self = getContext().getSelf();
        for (ActorRef<Command> other : others) {
            if (!other.equals(self)) {
                other.tell(new WriterMessage.ForgetWriter(drop.ledgerId()));
            }
        }
        return onDrop(drop.ledgerId());
    }

    private Behavior<Command> onTick() {
        long now = nanoClock.getAsLong();
        writers.values().removeIf(entry -> {
            if (!entry.writer.isQuiet()) {
                entry.usedNanos = now;
            }
            boolean idle = now - entry.usedNanos >= settings.idleTimeout().toNanos();
            if (idle) {
                getContext()
                        .getLog()
                        .info(
                                "Dropped the idle writer of ledger {} without sealing it",
                                entry.writer.handle().getId());
                entry.writer.handle().close();
            }
            return idle;
        });
        return this;
    }

    private Behavior<Command> onPostStop() {
        writers.values().forEach(entry -> entry.writer.handle().close());
        writers.clear();
        List.copyOf(searches.keySet()).forEach(ledgerId -> endSearch(ledgerId, Nowhere.INSTANCE));
        return this;
    }

    private int otherCount() {
        return others.contains(getContext().getSelf()) ? others.size() - 1 : others.size();
    }
}
