package io.quire.bookie;

import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.Bundler;
import io.quire.protocol.wire.Envelope;
import io.quire.protocol.wire.WireMessage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * Gathers what the ledgers and reads answer, so that each client gets as few messages as possible for all of it, in order.
 * Not thread-safe.
 */
final class GatheredReplies {
    private final Map<ActorRef<BookieReply>, Gathered> byClient = new LinkedHashMap<>();

    private static final class Gathered {
        private final Bundler bundler = new Bundler();
        /** Behind what is in the bundler. */
        private final List<BookieReply.SessionAck> acks = new ArrayList<>();

        void endAcks() {
            if (!acks.isEmpty()) {
                bundler.add(new BookieReply.EntriesAdded(acks));
                acks.clear();
            }
        }
    }

    boolean isEmpty() {
        return byClient.isEmpty();
    }

    /** Keeps an acknowledgement until {@link #sendFrom}; it takes the place of one of its session right before it. */
    void add(ActorRef<BookieReply> client, BookieReply.SessionAck ack) {
        List<BookieReply.SessionAck> acks = of(client).acks;
        int last = acks.size() - 1;
        if (last >= 0 && acks.get(last).session().equals(ack.session())) {
            acks.set(last, ack);
        } else {
            acks.add(ack);
        }
    }

    /** Keeps another reply until {@link #sendFrom}. */
    void add(ActorRef<BookieReply> client, BookieReply reply) {
        Gathered gathered = of(client);
        gathered.endAcks();
        gathered.bundler.add(reply);
    }

    private Gathered of(ActorRef<BookieReply> client) {
        return byClient.computeIfAbsent(client, key -> new Gathered());
    }

    void sendFrom(ActorRef<Object> self) {
        byClient.forEach((client, gathered) -> {
            gathered.endAcks();
            for (WireMessage message : gathered.bundler.take()) {
                Envelope.send(client.<WireMessage>unsafeUpcast(), message, self);
            }
        });
        byClient.clear();
    }
}
