package io.quire.registry;

import io.quire.protocol.wire.Bundle;
import io.quire.protocol.wire.Bundler;
import io.quire.protocol.wire.Envelope;
import io.quire.protocol.wire.RegistryReply;
import io.quire.protocol.wire.RegistryRequest;
import io.quire.protocol.wire.WireMessage;
import io.quire.registry.storage.AcceptorStore;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.actor.typed.receptionist.ServiceKey;

/**
 * One registry voter. Requests that arrive while a commit runs are the next group: no timer; those of one client are
 * answered together. A disk that fails stops the voter; it never answers what it could not keep.
 *
 * <p>Started by the node, which stops when it stops. Runs on its own thread, {@link #DISPATCHER}.
 */
public final class VoterActor {
    /** Where clients find voters. */
    public static final ServiceKey<RegistryRequest> SERVICE =
            ServiceKey.create(RegistryRequest.class, "quire-registry-voter");

    /** The pinned dispatcher that voters block. */
    public static final DispatcherSelector DISPATCHER =
            DispatcherSelector.fromConfig("quire.registry.voter-dispatcher");

    private static final int GROUP_MAX = 512;

    private final ActorContext<Object> context;
    private final AcceptorStore store;
    private final List<RegistryRequest> requests = new ArrayList<>();
    private final List<ActorRef<WireMessage>> senders = new ArrayList<>();

    private enum Flush {
        INSTANCE
    }

    private VoterActor(ActorContext<Object> context, AcceptorStore store) {
        this.context = context;
        this.store = store;
    }

    /** Serves {@code store}, and closes it in the end. */
    public static Behavior<RegistryRequest> create(AcceptorStore store) {
        return Behaviors.setup((ActorContext<Object> context) -> {
                    context.getLog().info("Registry voter {} starts, config {}", store.voter(), store.config());
                    ActorRef<RegistryRequest> self = context.getSelf().narrow();
                    context.getSystem().receptionist().tell(Receptionist.register(SERVICE, self));
                    return new VoterActor(context, store).serving();
                })
                .narrow();
    }

    private Behavior<Object> serving() {
        return Behaviors.receive(Object.class)
                .onMessage(RegistryRequest.class, this::onRequest)
                .onMessage(Bundle.class, this::onBundle)
                .onMessage(Flush.class, flush -> onFlush())
                .onSignal(PostStop.class, signal -> {
                    store.close();
                    return Behaviors.same();
                })
                .build();
    }

    private Behavior<Object> onRequest(RegistryRequest request) {
        if (requests.isEmpty()) {
            context.getSelf().tell(Flush.INSTANCE);
        }
        requests.add(request);
        senders.add(Envelope.sender(context));
        return requests.size() >= GROUP_MAX ? onFlush() : Behaviors.same();
    }

    private Behavior<Object> onBundle(Bundle bundle) {
        for (WireMessage message : bundle.messages()) {
            if (message instanceof RegistryRequest request) {
                onRequest(request);
            }
        }
        return Behaviors.same();
    }

    private Behavior<Object> onFlush() {
        List<RegistryReply> replies = store.answer(requests);
        Map<ActorRef<WireMessage>, Bundler> bySender = new LinkedHashMap<>();
        for (int i = 0; i < replies.size(); i++) {
            bySender.computeIfAbsent(senders.get(i), sender -> new Bundler()).add(replies.get(i));
        }
        bySender.forEach((sender, answers) ->
                answers.take().forEach(answer -> Envelope.send(sender, answer, context.getSelf())));
        requests.clear();
        senders.clear();
        return Behaviors.same();
    }
}
