package io.quire.client;

import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.ClusterFeed;
import io.quire.protocol.Ensemble;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Bundle;
import io.quire.protocol.wire.Envelope;
import io.quire.protocol.wire.WireMessage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/**
 * Bookies that say what the test wants, when it wants: it receives what they are asked and answers itself. As a feed it
 * knows where they are.
 */
final class ScriptedBookies implements ClusterFeed {
    static final BootEpoch EPOCH = new BootEpoch(1);
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final TestProbe<Asked> asked;
    private final List<BookieStatus> statuses = new ArrayList<>();

    /** A request, and where its answer goes. */
    record Asked(BookieRequest request, ActorRef<BookieReply> replyTo) {
        void answer(BookieReply reply) {
            replyTo.tell(reply);
        }
    }

    /** Bookies {@link #bookie} 0 to {@code count - 1}, each on a node of its own. */
    ScriptedBookies(ActorTestKit kit, int count) {
        asked = kit.createTestProbe();
        for (int i = 0; i < count; i++) {
            ActorRef<WireMessage> bookie = kit.spawn(Behaviors.receive((context, message) -> {
                List<WireMessage> requests = message instanceof Bundle bundle ? bundle.messages() : List.of(message);
                for (WireMessage request : requests) {
                    asked.getRef().tell(new Asked((BookieRequest) request, Envelope.sender(context)));
                }
                return Behaviors.same();
            }));
            String address = ActorRefResolver.get(kit.system()).toSerializationFormat(bookie);
            statuses.add(new BookieStatus(
                    bookie(i),
                    EPOCH,
                    1,
                    "bookie " + i,
                    "node " + i,
                    address,
                    BookieStatus.State.WRITABLE,
                    1000,
                    1000,
                    Map.of()));
        }
    }

    static BookieId bookie(int number) {
        return new BookieId(new UUID(0, number + 1));
    }

    /** The first {@code size} bookies. */
    static Ensemble ensemble(int size) {
        List<BookieId> bookies = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            bookies.add(bookie(i));
        }
        return new Ensemble(bookies);
    }

    /** The next request to any bookie. */
    Asked next() {
        return asked.receiveMessage(PATIENCE);
    }

    /** The next request of that type; others before it are passed over. */
    <T extends BookieRequest> T next(Class<T> type) {
        while (true) {
            Asked next = next();
            if (type.isInstance(next.request())) {
                return type.cast(next.request());
            }
        }
    }

    /** Answers {@code count} questions for the last-add-confirmed with {@code lastAddConfirmed}. */
    void answerLastAddConfirmed(int count, long lastAddConfirmed) {
        for (int i = 0; i < count; i++) {
            Asked question = next();
            BookieRequest.ReadLastAddConfirmed read = (BookieRequest.ReadLastAddConfirmed) question.request();
            question.answer(new BookieReply.LastAddConfirmedRead(
                    read.target(), EPOCH, read.requestId(), read.ledgerId(), lastAddConfirmed));
        }
    }

    @Override
    public Collection<BookieStatus> bookies() {
        return List.copyOf(statuses);
    }

    @Override
    public Optional<Versioned<LedgerMetadata>> ledger(LedgerId ledgerId) {
        return Optional.empty();
    }

    @Override
    public void publish(BookieStatus status) {
        throw new UnsupportedOperationException("a client publishes no bookie");
    }

    @Override
    public void publish(Versioned<LedgerMetadata> metadata) {
        // Nobody listens.
    }
}
