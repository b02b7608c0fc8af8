package io.quire.bookie;

import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.Envelope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * Gathers what the ledgers acknowledge, so that each client gets one message for all of it. Not thread-safe.
 */
final class Acknowledgements {
    private final Map<ActorRef<BookieReply>, List<BookieReply.SessionAck>> byClient = new LinkedHashMap<>();

    boolean isEmpty() {
        return byClient.isEmpty();
    }

    /** Keeps an acknowledgement until {@link #sendFrom}; it takes the place of an older one of its session. */
    void add(ActorRef<BookieReply> client, BookieReply.SessionAck ack) {
        List<BookieReply.SessionAck> gathered = byClient.computeIfAbsent(client, key -> new ArrayList<>());
        int last = gathered.size() - 1;
        if (last >= 0 && gathered.get(last).session().equals(ack.session())) {
            gathered.set(last, ack);
        } else {
            gathered.add(ack);
        }
    }

    void sendFrom(ActorRef<Object> self) {
        byClient.forEach((client, gathered) -> Envelope.send(client, new BookieReply.EntriesAdded(gathered), self));
        byClient.clear();
    }
}
