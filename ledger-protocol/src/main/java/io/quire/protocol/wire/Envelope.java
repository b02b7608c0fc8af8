package io.quire.protocol.wire;

import org.apache.pekko.actor.ActorPath;
import org.apache.pekko.actor.ActorPaths;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Adapter;

/**
 * Finding actors, and sending with a sender in the envelope. Artery carries the sender of every message anyway, compressed to a few bytes;
 * answering to it keeps actor references out of data messages, and lets a bookie that has just restarted answer requests
 * whose sessions it never knew (docs/decisions/002).
 */
public final class Envelope {
    private Envelope() {}

    /** Sends {@code message} to {@code target}; answers go to {@code replyTo}. */
    public static <T> void send(ActorRef<T> target, T message, ActorRef<?> replyTo) {
        Adapter.toClassic(target).tell(message, Adapter.toClassic(replyTo));
    }

    /**
     * Where the answer to the message that {@code context}'s actor is handling goes. Valid only while that message is
     * handled: take it before stashing or starting anything asynchronous.
     */
    public static <T> ActorRef<T> sender(ActorContext<?> context) {
        return Adapter.toTyped(Adapter.toClassic(context).sender());
    }

    /**
     * The actor that is at {@code address} now. Past the cache of Pekko's own resolver: what that says of an actor of this
     * process may be an earlier one at the same address, which is over.
     *
     * @throws IllegalArgumentException when it is no address
     */
    public static <T> ActorRef<T> resolve(ActorSystem<?> system, String address) {
        ActorPath path;
        try {
            path = ActorPaths.fromString(address);
        } catch (Exception e) {
            throw new IllegalArgumentException("no address of an actor: '" + address + "'", e);
        }

        ExtendedActorSystem classic = (ExtendedActorSystem) Adapter.toClassic(system);
        return Adapter.toTyped(classic.provider().resolveActorRef(path));
    }
}
