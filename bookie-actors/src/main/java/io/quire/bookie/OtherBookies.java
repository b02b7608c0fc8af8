package io.quire.bookie;

import io.quire.protocol.BookieId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Envelope;
import java.time.Duration;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.pattern.AskTimeoutException;
import org.apache.pekko.pattern.Patterns;

/** Asks at other addresses which bookie is there (R7). Thread-safe. */
final class OtherBookies {
    private static final Duration TIMEOUT = Duration.ofSeconds(1);

    private final ActorSystem<?> system;

    OtherBookies(ActorSystem<?> system) {
        this.system = system;
    }

    /**
     * Whether {@code bookie} is at {@code address}. Only silence, and the answer of a store that knows itself to be
     * another one, mean that it is not: a store that is starting or stopping answers that it is.
     */
    CompletionStage<Boolean> answersAs(String address, BookieId bookie) {
        ActorRef<Object> target = Envelope.resolve(system, address);
        return Patterns.ask(Adapter.toClassic(target), new BookieRequest.IdentifyBookie(bookie, 1), TIMEOUT)
                .handle((reply, failure) -> failure == null ? !isAnother(reply) : !isSilence(failure));
    }

    private static boolean isAnother(Object reply) {
        return reply instanceof BookieReply.RequestRefused refused && refused.refusal() == Refusal.WRONG_BOOKIE;
    }

    private static boolean isSilence(Throwable failure) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        return cause instanceof AskTimeoutException;
    }
}
