package io.quire.registry;

import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.VoterId;
import io.quire.protocol.wire.Envelope;
import io.quire.protocol.wire.RegistryReply;
import io.quire.protocol.wire.RegistryRequest;
import io.quire.registry.core.Effect;
import io.quire.registry.core.RegisterListing;
import io.quire.registry.core.RegisterProposer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.receptionist.Receptionist;

/**
 * Carries out registry operations of one process: finds the voters, keeps a {@link RegisterProposer} for each register
 * in use, and turns effects into messages. Operations that come before the voters are known wait for them, until their
 * deadline.
 *
 * <p>One per process, for its life.
 */
final class RegistryClientActor extends AbstractBehavior<RegistryClientActor.Command> {
    private static final Duration TICK = Duration.ofMillis(20);
    private static final int DISCOVERY_TICKS = 25;
    private static final int IN_FLIGHT_MAX = 100_000;

    private final RegistrySettings settings;
    private final LongSupplier nanoClock;
    private final ActorRef<RegistryReply> replies;
    private final Map<ActorRef<RegistryRequest>, VoterId> candidates = new HashMap<>();
    private final Map<VoterId, ActorRef<RegistryRequest>> voters = new HashMap<>();
    private final Map<Long, ActorRef<RegistryRequest>> describing = new HashMap<>();
    private final Map<RegistryKey, RegisterProposer> proposers = new LinkedHashMap<>(64, 0.75f, true);
    private final Map<Long, InFlight> inFlight = new LinkedHashMap<>();
    private final Map<Long, ActorRef<Effect.Outcome>> clients = new HashMap<>();
    private final Map<Long, Listing> listings = new HashMap<>();
    private final List<Waiting> waiting = new ArrayList<>();
    private Optional<RegistryConfig> config = Optional.empty();
    private ProposerId proposerId;
    private long lastId;
    private int ticks;

    sealed interface Command {}

    /** Reads a register; answered with ReadValue or Unavailable. */
    record Read(RegistryKey key, ActorRef<Effect.Outcome> replyTo) implements Command {}

    /** Changes a register; answered with Applied, Conflict, Unknown or Unavailable. */
    record CompareAndSet(
            RegistryKey key, long expectedVersion, Payload value, OpId opId, ActorRef<Effect.Outcome> replyTo)
            implements Command {}

    /** Lists registers; answered with the page of a majority, or a reason why there is none. */
    record ListPage(String prefix, Optional<RegistryKey> after, int limit, ActorRef<Listed> replyTo)
            implements Command {}

    /** Asks which config the client works with. */
    record DescribeConfig(ActorRef<Optional<RegistryConfig>> replyTo) implements Command {}

    /** A page, or why there is none. */
    record Listed(Optional<RegisterListing.Page> page, String reason) {}

    private record Replied(RegistryReply reply) implements Command {}

    private record VotersFound(Receptionist.Listing listing) implements Command {}

    private enum Tick implements Command {
        INSTANCE
    }

    private record InFlight(RegistryKey key, long round) {}

    private record Waiting(Command command, long deadlineNanos) {}

    private record Listing(RegisterListing core, ListPage command, long deadlineNanos) {}

    private RegistryClientActor(
            ActorContext<Command> context, RegistrySettings settings, ProposerId proposerId, LongSupplier nanoClock) {
        super(context);
        this.settings = settings;
        this.proposerId = proposerId;
        this.nanoClock = nanoClock;
        this.replies = context.messageAdapter(RegistryReply.class, Replied::new);
    }

    /**
     * @param proposerId unique to this process incarnation
     */
    static Behavior<Command> create(RegistrySettings settings, ProposerId proposerId, LongSupplier nanoClock) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            timers.startTimerWithFixedDelay(Tick.INSTANCE, TICK);
            ActorRef<Receptionist.Listing> listings =
                    context.messageAdapter(Receptionist.Listing.class, VotersFound::new);
            context.getSystem().receptionist().tell(Receptionist.subscribe(VoterActor.SERVICE, listings));
            return new RegistryClientActor(context, settings, proposerId, nanoClock);
        }));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Read.class, this::onOperation)
                .onMessage(CompareAndSet.class, this::onOperation)
                .onMessage(ListPage.class, this::onOperation)
                .onMessage(DescribeConfig.class, this::onDescribeConfig)
                .onMessage(Replied.class, this::onReplied)
                .onMessage(VotersFound.class, this::onVotersFound)
                .onMessage(Tick.class, tick -> onTick())
                .build();
    }

    private Behavior<Command> onOperation(Command command) {
        long deadlineNanos = nanoClock.getAsLong() + settings.operationTimeout().toNanos();
        if (config.isPresent()) {
            start(command, deadlineNanos);
        } else if (waiting.size() < settings.waitingMax()) {
            waiting.add(new Waiting(command, deadlineNanos));
        } else {
            refuse(command, "too many operations wait for the registry's voters to be found");
        }
        return this;
    }

    private Behavior<Command> onDescribeConfig(DescribeConfig command) {
        command.replyTo().tell(config);
        return this;
    }

    private void start(Command command, long deadlineNanos) {
        long now = nanoClock.getAsLong();
        long token = ++lastId;
        if (command instanceof Read read) {
            clients.put(token, read.replyTo());
            run(read.key(), proposerOf(read.key()).read(token, deadlineNanos, now));
        } else if (command instanceof CompareAndSet change) {
            clients.put(token, change.replyTo());
            run(
                    change.key(),
                    proposerOf(change.key())
                            .compareAndSet(
                                    token,
                                    change.expectedVersion(),
                                    change.value(),
                                    change.opId(),
                                    deadlineNanos,
                                    now));
        } else if (command instanceof ListPage list) {
            RegistryConfig known = config.orElseThrow();
            listings.put(token, new Listing(new RegisterListing(known.voters().size()), list, deadlineNanos));
            sendListing(token, list);
        }
    }

    private void sendListing(long token, ListPage list) {
        RegistryConfig known = config.orElseThrow();
        known.voters()
                .forEach(voter -> send(
                        voter,
                        new RegistryRequest.ListRegisters(
                                voter, known.epoch(), token, list.prefix(), list.after(), list.limit())));
    }

    private void refuse(Command command, String reason) {
        if (command instanceof Read read) {
            read.replyTo().tell(new Effect.Outcome.Unavailable(reason));
        } else if (command instanceof CompareAndSet change) {
            change.replyTo().tell(new Effect.Outcome.Unavailable(reason));
        } else if (command instanceof ListPage list) {
            list.replyTo().tell(new Listed(Optional.empty(), reason));
        }
    }

    private RegisterProposer proposerOf(RegistryKey key) {
        RegisterProposer proposer = proposers.get(key);
        if (proposer == null) {
            proposer = new RegisterProposer(
                    proposerId,
                    config.orElseThrow().voters(),
                    new RegisterProposer.Settings(
                            settings.resendInterval().toNanos(),
                            settings.backOff().toNanos(),
                            settings.waitingMax()));
            proposers.put(key, proposer);
            forgetIdle();
        }
        return proposer;
    }

    /**
     * Drops the proposers that were not used for longest. A new one for the same register needs a proposer id of its
     * own, since it does not remember which ballots were used; so each drop takes a new id.
     */
    private void forgetIdle() {
        if (proposers.size() <= settings.registersMax()) {
            return;
        }
        proposers.values().removeIf(RegisterProposer::isIdle);
        proposerId = new ProposerId(java.util.UUID.randomUUID());
    }

    private void run(RegistryKey key, List<Effect> effects) {
        Send send = new Send(key);
        effects.forEach(effect -> effect.accept(send));
    }

    private void send(VoterId voter, RegistryRequest request) {
        ActorRef<RegistryRequest> target = voters.get(voter);
        if (target != null) {
            Envelope.send(target, request, replies);
        }
    }

    private Behavior<Command> onReplied(Replied message) {
        long now = nanoClock.getAsLong();
        RegistryReply reply = message.reply();
        if (reply instanceof RegistryReply.VoterDescribed described) {
            voterDescribed(described);
            return this;
        }
        if (reply instanceof RegistryReply.RegistersListed listed) {
            registersListed(listed);
            return this;
        }
        InFlight request = inFlight.remove(reply.requestId());
        RegisterProposer proposer = request == null ? null : proposers.get(request.key());
        if (proposer == null) {
            return this;
        }
        long round = request.round();
        if (reply instanceof RegistryReply.Promised promised) {
            run(
                    request.key(),
                    proposer.promised(
                            promised.voter(), round, promised.ballot(), promised.accepted(), promised.value(), now));
        } else if (reply instanceof RegistryReply.Accepted accepted) {
            run(request.key(), proposer.accepted(accepted.voter(), round, accepted.ballot(), now));
        } else if (reply instanceof RegistryReply.BallotRejected rejected) {
            run(request.key(), proposer.rejected(rejected.voter(), round, rejected.ballot(), rejected.promised(), now));
        } else if (reply instanceof RegistryReply.RegisterRead read) {
            run(request.key(), proposer.registerRead(read.voter(), round, read.accepted(), read.value(), now));
        } else if (reply instanceof RegistryReply.VoterRefused refused) {
            getContext().getLog().debug("Voter {} refused: {}", refused.voter(), refused.reason());
        }
        return this;
    }

    private void registersListed(RegistryReply.RegistersListed listed) {
        Listing listing = listings.get(listed.requestId());
        if (listing == null) {
            return;
        }
        List<RegisterListing.Listed> registers = listed.registers().stream()
                .map(register -> new RegisterListing.Listed(register.key(), register.accepted(), register.value()))
                .toList();
        if (listing.core().listed(listed.voter(), registers, listed.more())) {
            listings.remove(listed.requestId());
            listing.command()
                    .replyTo()
                    .tell(new Listed(
                            Optional.of(listing.core().page(listing.command().limit())), ""));
        }
    }

    private void voterDescribed(RegistryReply.VoterDescribed described) {
        ActorRef<RegistryRequest> target = describing.remove(described.requestId());
        if (target == null || !candidates.containsKey(target)) {
            return;
        }
        candidates.put(target, described.voter());
        voters.put(described.voter(), target);
        boolean newer = described.serving()
                && described.config().isPresent()
                && (config.isEmpty()
                        || config.get().epoch() < described.config().get().epoch());
        if (newer) {
            config = described.config();
            getContext().getLog().info("Registry found: {}", config.get());
            List<Waiting> ready = List.copyOf(waiting);
            waiting.clear();
            ready.forEach(waited -> start(waited.command(), waited.deadlineNanos()));
        }
    }

    private Behavior<Command> onVotersFound(VotersFound found) {
        var instances = found.listing().getServiceInstances(VoterActor.SERVICE);
        candidates.keySet().removeIf(known -> !instances.contains(known));
        voters.values().removeIf(known -> !instances.contains(known));
        instances.forEach(instance -> candidates.putIfAbsent(instance, null));
        describeUnknown();
        return this;
    }

    private void describeUnknown() {
        describing.clear();
        candidates.forEach((candidate, voter) -> {
            if (voter == null || config.isEmpty()) {
                long id = ++lastId;
                describing.put(id, candidate);
                Envelope.send(candidate, new RegistryRequest.DescribeVoter(id), replies);
            }
        });
    }

    private Behavior<Command> onTick() {
        long now = nanoClock.getAsLong();
        ticks++;
        if (ticks % DISCOVERY_TICKS == 0) {
            describeUnknown();
            listings.forEach((token, listing) -> sendListing(token, listing.command()));
        }
        waiting.removeIf(waited -> {
            boolean late = now - waited.deadlineNanos() >= 0;
            if (late) {
                refuse(waited.command(), "no serving registry voter was found in time");
            }
            return late;
        });
        listings.values().removeIf(listing -> {
            boolean late = now - listing.deadlineNanos() >= 0;
            if (late) {
                refuse(listing.command(), "no majority of voters answered in time");
            }
            return late;
        });
        for (Map.Entry<RegistryKey, RegisterProposer> entry : List.copyOf(proposers.entrySet())) {
            if (!entry.getValue().isIdle()) {
                run(entry.getKey(), entry.getValue().tick(now));
            }
        }
        return this;
    }

    /** Turns the effects of one register's proposer into messages. */
    private final class Send implements Effect.Handler<Void> {
        private final RegistryKey key;

        Send(RegistryKey key) {
            this.key = key;
        }

        @Override
        public Void sendRead(Effect.SendRead effect) {
            long id = track(effect.round());
            send(effect.to(), new RegistryRequest.ReadRegister(effect.to(), epoch(), id, key));
            return null;
        }

        @Override
        public Void sendPrepare(Effect.SendPrepare effect) {
            long id = track(effect.round());
            send(effect.to(), new RegistryRequest.Prepare(effect.to(), epoch(), id, key, effect.ballot()));
            return null;
        }

        @Override
        public Void sendAccept(Effect.SendAccept effect) {
            long id = track(effect.round());
            send(
                    effect.to(),
                    new RegistryRequest.Accept(
                            effect.to(), epoch(), id, key, effect.ballot(), effect.value(), effect.next()));
            return null;
        }

        @Override
        public Void completed(Effect.Completed effect) {
            ActorRef<Effect.Outcome> client = clients.remove(effect.token());
            if (client != null) {
                client.tell(effect.outcome());
            }
            return null;
        }

        private long epoch() {
            return config.orElseThrow().epoch();
        }

        private long track(long round) {
            long id = ++lastId;
            inFlight.put(id, new InFlight(key, round));
            if (inFlight.size() > IN_FLIGHT_MAX) {
                inFlight.remove(inFlight.keySet().iterator().next());
            }
            return id;
        }
    }

    /** The value of an outcome that is a read. */
    static RegisterValue valueOf(Effect.Outcome outcome) {
        if (outcome instanceof Effect.Outcome.ReadValue read) {
            return read.value();
        }
        throw new io.quire.protocol.Registry.UnavailableException(reasonOf(outcome));
    }

    static String reasonOf(Effect.Outcome outcome) {
        if (outcome instanceof Effect.Outcome.Unavailable unavailable) {
            return unavailable.reason();
        }
        return outcome instanceof Effect.Outcome.Unknown unknown ? unknown.reason() : outcome.toString();
    }
}
