package io.quire.registry;

import io.quire.protocol.RegistryConfig;
import io.quire.protocol.VoterId;
import io.quire.protocol.wire.Envelope;
import io.quire.protocol.wire.RegistryReply;
import io.quire.protocol.wire.RegistryRequest;
import io.quire.registry.core.Founding;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.receptionist.Receptionist;

/**
 * Founds the registry of a new cluster (R6), where the configuration allows it, and stops once all its voters serve. Any
 * number of nodes may run it at once.
 */
public final class FoundingActor extends AbstractBehavior<FoundingActor.Command> {
    private static final Duration TICK = Duration.ofMillis(250);
    private static final int REQUESTS_MAX = 1000;

    private final Founding founding;
    private final ActorRef<RegistryReply> replies;
    private final Map<Long, ActorRef<RegistryRequest>> asked = new LinkedHashMap<>();
    private final Map<Long, RegistryConfig> proposed = new LinkedHashMap<>();
    private final Map<VoterId, ActorRef<RegistryRequest>> voters = new HashMap<>();
    private Set<ActorRef<RegistryRequest>> candidates = Set.of();
    private String lastSaid = "";
    private long lastId;

    /** Nobody sends it anything from outside. */
    public sealed interface Command {}

    private record Replied(RegistryReply reply) implements Command {}

    private record VotersFound(Receptionist.Listing listing) implements Command {}

    private enum Tick implements Command {
        INSTANCE
    }

    private FoundingActor(ActorContext<Command> context, Founding founding) {
        super(context);
        this.founding = founding;
        this.replies = context.messageAdapter(RegistryReply.class, Replied::new);
    }

    /**
     * @param votersExpected how many voters found the cluster
     */
    public static Behavior<Command> create(String clusterName, int votersExpected) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            timers.startTimerWithFixedDelay(Tick.INSTANCE, TICK);
            ActorRef<Receptionist.Listing> listings =
                    context.messageAdapter(Receptionist.Listing.class, VotersFound::new);
            context.getSystem().receptionist().tell(Receptionist.subscribe(VoterActor.SERVICE, listings));
            return new FoundingActor(context, new Founding(clusterName, votersExpected));
        }));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(VotersFound.class, this::onVotersFound)
                .onMessage(Tick.class, tick -> onTick())
                .onMessage(Replied.class, this::onReplied)
                .build();
    }

    private Behavior<Command> onVotersFound(VotersFound found) {
        candidates = Set.copyOf(found.listing().getServiceInstances(VoterActor.SERVICE));
        return onTick();
    }

    private Behavior<Command> onTick() {
        candidates.forEach(candidate -> {
            long id = ++lastId;
            remember(asked, id, candidate);
            Envelope.send(candidate, new RegistryRequest.DescribeVoter(id), replies);
        });
        return this;
    }

    private Behavior<Command> onReplied(Replied message) {
        RegistryReply reply = message.reply();
        if (reply instanceof RegistryReply.VoterDescribed described) {
            ActorRef<RegistryRequest> candidate = asked.get(described.requestId());
            if (candidate == null) {
                return this;
            }
            voters.put(described.voter(), candidate);
            return follow(founding.voterDescribed(
                    described.voter(), described.next().or(described::config), described.serving()));
        } else if (reply instanceof RegistryReply.ConfigStored stored) {
            RegistryConfig config = proposed.remove(stored.requestId());
            return config == null ? this : follow(founding.configStored(stored.voter(), config));
        } else if (reply instanceof RegistryReply.VoterRefused refused) {
            say("Voter " + refused.voter() + " refuses the first config: " + refused.reason());
        }
        return this;
    }

    private Behavior<Command> follow(Founding.Step step) {
        if (step instanceof Founding.Step.Exists exists) {
            getContext().getLog().info("The registry serves: {}", exists.config());
            return Behaviors.stopped();
        } else if (step instanceof Founding.Step.Propose propose) {
            propose.config()
                    .voters()
                    .forEach(voter -> send(
                            voter, new RegistryRequest.FoundCluster(voter, idOf(propose.config()), propose.config())));
        } else if (step instanceof Founding.Step.Activate activate) {
            activate.config()
                    .voters()
                    .forEach(voter -> send(
                            voter,
                            new RegistryRequest.ActivateConfig(voter, idOf(activate.config()), activate.config())));
        } else if (step instanceof Founding.Step.Wait wait) {
            say("Founding the registry: " + wait.reason());
        } else if (step instanceof Founding.Step.Refuse refuse) {
            say("The registry is not founded: " + refuse.reason());
        }
        return this;
    }

    private long idOf(RegistryConfig config) {
        lastId++;
        remember(proposed, lastId, config);
        return lastId;
    }

    /** A disk may take longer than a tick: what was asked some ticks ago may still be answered. */
    private static <T> void remember(Map<Long, T> requests, long id, T what) {
        requests.put(id, what);
        if (requests.size() > REQUESTS_MAX) {
            requests.remove(requests.keySet().iterator().next());
        }
    }

    private void send(VoterId voter, RegistryRequest request) {
        ActorRef<RegistryRequest> target = voters.get(voter);
        if (target != null) {
            Envelope.send(target, request, replies);
        }
    }

    /** Logs what is new only: the same is found out four times a second. */
    private void say(String what) {
        if (!what.equals(lastSaid)) {
            lastSaid = what;
            getContext().getLog().info(what);
        }
    }
}
