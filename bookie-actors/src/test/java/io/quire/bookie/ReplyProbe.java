package io.quire.bookie;

import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.Bundle;
import io.quire.protocol.wire.WireMessage;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import org.apache.pekko.actor.testkit.typed.FishingOutcome;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/** A client of a bookie, which sees one reply after the other, however they travelled. */
final class ReplyProbe {
    private final TestProbe<BookieReply> probe;
    private final ActorRef<WireMessage> ref;

    ReplyProbe(ActorTestKit kit) {
        probe = kit.createTestProbe();
        ref = kit.spawn(takingApart(probe.getRef()));
    }

    private static Behavior<WireMessage> takingApart(ActorRef<BookieReply> target) {
        return Behaviors.receive(WireMessage.class)
                .onMessage(BookieReply.class, reply -> {
                    target.tell(reply);
                    return Behaviors.same();
                })
                .onMessage(Bundle.class, bundle -> {
                    bundle.messages().forEach(message -> target.tell((BookieReply) message));
                    return Behaviors.same();
                })
                .build();
    }

    ActorRef<BookieReply> getRef() {
        return ref.narrow();
    }

    <T extends BookieReply> T expectMessageClass(Class<T> type, Duration patience) {
        return probe.expectMessageClass(type, patience);
    }

    BookieReply receiveMessage(Duration patience) {
        return probe.receiveMessage(patience);
    }

    void expectNoMessage(Duration wait) {
        probe.expectNoMessage(wait);
    }

    List<BookieReply> fishForMessage(Duration patience, Function<BookieReply, FishingOutcome> fisher) {
        return probe.fishForMessage(patience, fisher);
    }
}
