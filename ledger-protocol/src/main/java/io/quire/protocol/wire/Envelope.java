package io.quire.protocol.wire;

import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Adapter;

/**
 * Sending with a sender in the envelope. Artery carries the sender of every message anyway, compressed to a few bytes;
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
}
