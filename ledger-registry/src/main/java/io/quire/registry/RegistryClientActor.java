package io.quire.registry;

import io.quire.protocol.LedgerId;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.RegistryTombstones;
import io.quire.protocol.RegistryVoters;
import io.quire.protocol.VoterId;
import io.quire.protocol.wire.Bundle;
import io.quire.protocol.wire.Bundler;
import io.quire.protocol.wire.Envelope;
import io.quire.protocol.wire.RegistryReply;
import io.quire.protocol.wire.RegistryRequest;
import io.quire.protocol.wire.WireMessage;
import io.quire.registry.core.Effect;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.cluster.typed.Cluster;

/**
 * The shell of {@link RegistryOperations}: finds the voters and their config, and carries the messages. Requests gather
 * until the mailbox is drained; those for one voter travel as one.
 *
 * <p>One per process, for its life.
 */
final class RegistryClientActor extends AbstractBehavior<RegistryClientActor.Command> {
    private static final Duration TICK = Duration.ofMillis(20);
    private static final int DISCOVERY_TICKS = 10;
    /** A config changes without a word to a client that asks for nothing. */
    private static final int REFRESH_TICKS = 250;

    private static final int ANSWER_TICKS = 10;
    private static final int DESCRIBING_MAX = 1000;

    private final RegistryOperations operations;
    private final ActorRef<RegistryReply> replies;
    private final Map<ActorRef<RegistryRequest>, VoterId> candidates = new HashMap<>();
    private final Map<VoterId, ActorRef<RegistryRequest>> voters = new HashMap<>();
    private final Map<Long, ActorRef<RegistryRequest>> describing = new LinkedHashMap<>();
    private final Map<VoterId, Bundler> requests = new LinkedHashMap<>();
    private final List<Question> questions = new ArrayList<>();
    private boolean flushScheduled;
    private long lastId;
    private int ticks;

    sealed interface Command {}

    /** Reads a register; answered with ReadValue or Unavailable. */
    record Read(RegistryKey key, ActorRef<Effect.Outcome> replyTo) implements Command {}

    /** Changes a register; answered with Applied, Conflict, Unknown or Unavailable. */
    record CompareAndSet(
            RegistryKey key, long expectedVersion, Payload value, OpId opId, ActorRef<Effect.Outcome> replyTo)
            implements Command {}

    /** Lists registers; answered with a page, or a reason why there is none. */
    record ListPage(String prefix, Optional<RegistryKey> after, int limit, ActorRef<RegistryOperations.Listed> replyTo)
            implements Command {}

    /** Collects the register of a ledger, if it may be. */
    record CollectLedger(
            LedgerId ledgerId, Predicate<RegisterValue> mayCollect, ActorRef<RegistryTombstones.Collection> replyTo)
            implements Command {}

    /** Changes who votes, or plans it. */
    record ChangeVoters(List<VoterId> voters, OpId opId, boolean dryRun, ActorRef<RegistryVoters.Change> replyTo)
            implements Command {}

    /** Asks what is known of the voters; empty before any was found. */
    record DescribeVoters(ActorRef<Optional<RegistryVoters.Status>> replyTo) implements Command {}

    /** Asks which config the client works with. */
    record DescribeConfig(ActorRef<Optional<RegistryConfig>> replyTo) implements Command {}

    private record Question(int atTick, ActorRef<Optional<RegistryVoters.Status>> replyTo) {}

    private record Replied(RegistryReply reply) implements Command {}

    private record RepliedTogether(Bundle bundle) implements Command {}

    private enum Flush implements Command {
        INSTANCE
    }

    private record VotersFound(Receptionist.Listing listing) implements Command {}

    private enum Tick implements Command {
        INSTANCE
    }

    private RegistryClientActor(
            ActorContext<Command> context,
            RegistrySettings settings,
            Supplier<ProposerId> proposerIds,
            LongSupplier nanoClock) {
        super(context);
        this.operations = new RegistryOperations(settings, proposerIds, nanoClock, this::send);
        this.replies = context.messageAdapter(RegistryReply.class, Replied::new);
        // The same address: what comes there is told apart by its class.
        context.messageAdapter(Bundle.class, RepliedTogether::new);
    }

    /**
     * @param proposerIds gives another one each time, unique over all processes and incarnations
     */
    static Behavior<Command> create(
            RegistrySettings settings, Supplier<ProposerId> proposerIds, LongSupplier nanoClock) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            timers.startTimerWithFixedDelay(Tick.INSTANCE, TICK);
            ActorRef<Receptionist.Listing> listings =
                    context.messageAdapter(Receptionist.Listing.class, VotersFound::new);
            context.getSystem().receptionist().tell(Receptionist.subscribe(VoterActor.SERVICE, listings));
            return new RegistryClientActor(context, settings, proposerIds, nanoClock);
        }));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Read.class, this::onRead)
                .onMessage(CompareAndSet.class, this::onCompareAndSet)
                .onMessage(ListPage.class, this::onListPage)
                .onMessage(CollectLedger.class, this::onCollectLedger)
                .onMessage(DescribeConfig.class, this::onDescribeConfig)
                .onMessage(ChangeVoters.class, this::onChangeVoters)
                .onMessage(DescribeVoters.class, this::onDescribeVoters)
                .onMessage(Replied.class, message -> onReply(message.reply()))
                .onMessage(RepliedTogether.class, this::onRepliedTogether)
                .onMessage(Flush.class, flush -> onFlush())
                .onMessage(VotersFound.class, this::onVotersFound)
                .onMessage(Tick.class, tick -> onTick())
                .build();
    }

    private Behavior<Command> onRead(Read command) {
        operations.read(command.key(), command.replyTo()::tell);
        return this;
    }

    private Behavior<Command> onCompareAndSet(CompareAndSet command) {
        operations.compareAndSet(
                command.key(), command.expectedVersion(), command.value(), command.opId(), command.replyTo()::tell);
        return this;
    }

    private Behavior<Command> onListPage(ListPage command) {
        operations.list(command.prefix(), command.after(), command.limit(), command.replyTo()::tell);
        return this;
    }

    private Behavior<Command> onCollectLedger(CollectLedger command) {
        operations.collect(command.ledgerId(), command.mayCollect(), command.replyTo()::tell);
        return this;
    }

    private Behavior<Command> onChangeVoters(ChangeVoters command) {
        operations.changeVoters(command.voters(), command.opId(), command.dryRun(), command.replyTo()::tell);
        describe(true);
        return this;
    }

    private Behavior<Command> onDescribeVoters(DescribeVoters command) {
        describe(true);
        questions.add(new Question(ticks + ANSWER_TICKS, command.replyTo()));
        return this;
    }

    /** Answers who asked for the voters' status, once these had the time to say what it is. */
    private void answerQuestions() {
        questions.removeIf(question -> {
            boolean due = ticks >= question.atTick();
            if (due) {
                question.replyTo().tell(operations.voterStatus().map(this::withAddresses));
            }
            return due;
        });
    }

    private RegistryVoters.Status withAddresses(RegistryVoters.Status status) {
        return new RegistryVoters.Status(
                status.config(),
                status.voters().stream()
                        .map(voter -> new RegistryVoters.Voter(
                                voter.id(), voter.votes(), voter.state(), addressOf(voter.id()), voter.epoch()))
                        .toList());
    }

    private Optional<String> addressOf(VoterId voter) {
        return Optional.ofNullable(voters.get(voter)).map(ref -> {
            Address address = ref.path().address();
            Address own = Cluster.get(getContext().getSystem()).selfMember().address();
            return (address.hasGlobalScope() ? address : own).hostPort();
        });
    }

    private Behavior<Command> onDescribeConfig(DescribeConfig command) {
        command.replyTo().tell(operations.config());
        return this;
    }

    private void send(VoterId voter, RegistryRequest request) {
        requests.computeIfAbsent(voter, id -> new Bundler()).add(request);
        if (!flushScheduled) {
            flushScheduled = true;
            getContext().getSelf().tell(Flush.INSTANCE);
        }
    }

    private Behavior<Command> onFlush() {
        flushScheduled = false;
        requests.forEach((voter, bundler) -> {
            ActorRef<RegistryRequest> target = voters.get(voter);
            for (WireMessage message : bundler.take()) {
                if (target != null) {
                    Envelope.send(target.<WireMessage>unsafeUpcast(), message, replies);
                }
            }
        });
        return this;
    }

    private Behavior<Command> onRepliedTogether(RepliedTogether together) {
        for (WireMessage message : together.bundle().messages()) {
            if (message instanceof RegistryReply reply) {
                onReply(reply);
            }
        }
        return this;
    }

    private Behavior<Command> onReply(RegistryReply reply) {
        if (reply instanceof RegistryReply.VoterDescribed described) {
            voterDescribed(described);
            return this;
        }
        if (reply instanceof RegistryReply.VoterRefused refused) {
            getContext().getLog().debug("Voter {} refused: {}", refused.voter(), refused.reason());
        }
        operations.replied(reply);
        return this;
    }

    private void voterDescribed(RegistryReply.VoterDescribed described) {
        ActorRef<RegistryRequest> target = describing.remove(described.requestId());
        if (target == null || !candidates.containsKey(target)) {
            return;
        }
        candidates.put(target, described.voter());
        voters.put(described.voter(), target);
        Optional<RegistryConfig> before = operations.config();
        operations.voterDescribed(described);
        if (!operations.config().equals(before)) {
            getContext().getLog().info("Registry found: {}", operations.config().get());
        }
    }

    private Behavior<Command> onVotersFound(VotersFound found) {
        var instances = found.listing().getServiceInstances(VoterActor.SERVICE);
        candidates.keySet().removeIf(known -> !instances.contains(known));
        voters.values().removeIf(known -> !instances.contains(known));
        instances.forEach(instance -> candidates.putIfAbsent(instance, null));
        describe(operations.wantsDescriptions());
        return this;
    }

    private void describe(boolean all) {
        candidates.forEach((candidate, voter) -> {
            if (voter == null || all) {
                long id = ++lastId;
                describing.put(id, candidate);
                if (describing.size() > DESCRIBING_MAX) {
                    describing.remove(describing.keySet().iterator().next());
                }
                Envelope.send(candidate, new RegistryRequest.DescribeVoter(id), replies);
            }
        });
    }

    private Behavior<Command> onTick() {
        ticks++;
        if (ticks % DISCOVERY_TICKS == 0) {
            describe(operations.wantsDescriptions() || ticks % REFRESH_TICKS == 0);
        }
        operations.tick();
        answerQuestions();
        return this;
    }

    /** The value of an outcome that is a read. */
    static RegisterValue valueOf(Effect.Outcome outcome) {
        if (outcome instanceof Effect.Outcome.ReadValue read) {
            return read.value();
        }
        throw new Registry.UnavailableException(reasonOf(outcome));
    }

    static String reasonOf(Effect.Outcome outcome) {
        if (outcome instanceof Effect.Outcome.Unavailable unavailable) {
            return unavailable.reason();
        }
        return outcome instanceof Effect.Outcome.Unknown unknown ? unknown.reason() : outcome.toString();
    }
}
