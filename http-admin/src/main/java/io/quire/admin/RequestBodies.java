package io.quire.admin;

import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.stream.StreamLimitReachedException;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.util.ByteString;
import org.apache.pekko.util.ByteStringBuilder;

/** Reads bodies into memory, each up to a limit and all together up to another. Thread-safe. */
final class RequestBodies {
    /**
     * How much of a body that is too large is read and thrown away, so that its sender gets to see the answer: many do not
     * look for one before all is sent.
     */
    private static final long DRAINED_BYTES_MAX = 16L << 20;

    private final ActorSystem<?> system;
    private final long totalBytesMax;
    private final AtomicLong reserved = new AtomicLong();

    RequestBodies(ActorSystem<?> system, long totalBytesMax) {
        this.system = system;
        this.totalBytesMax = totalBytesMax;
    }

    /**
     * Reads the body of {@code request} and gives it to {@code use}; its bytes count as held until the stage of {@code
     * use} completes.
     *
     * @param bytesMax a larger body fails with {@link BodyTooLargeException}, and no more than this is ever held
     */
    <T> CompletionStage<T> read(HttpRequest request, int bytesMax, Function<byte[], CompletionStage<T>> use) {
        long announced = request.entity().getContentLengthOption().orElse(-1);
        if (announced > bytesMax
                && (announced > bytesMax + DRAINED_BYTES_MAX
                        || request.getHeader("Expect").isPresent())) {
            return CompletableFuture.failedStage(tooLarge(bytesMax, true));
        }
        long needed = announced < 0 ? bytesMax : Math.min(announced, bytesMax);
        if (reserved.addAndGet(needed) > totalBytesMax) {
            reserved.addAndGet(-needed);
            request.discardEntityBytes(system);
            return CompletableFuture.failedStage(new LedgerException(
                    Code.Overloaded, Outcome.NOT_APPLIED, "too many large requests are under way at this node"));
        }
        return collect(request, bytesMax).thenCompose(use).whenComplete((done, failure) -> reserved.addAndGet(-needed));
    }

    private CompletionStage<byte[]> collect(HttpRequest request, int bytesMax) {
        return request.entity()
                .withoutSizeLimit()
                .getDataBytes()
                .limitWeighted(bytesMax + DRAINED_BYTES_MAX, chunk -> (long) chunk.size())
                .runWith(
                        Sink.fold(new Collected(bytesMax), (collected, chunk) -> {
                            collected.add(chunk);
                            return collected;
                        }),
                        system)
                .exceptionallyCompose(failure -> CompletableFuture.failedStage(
                        Problem.causeOf(failure) instanceof StreamLimitReachedException
                                ? tooLarge(bytesMax, true)
                                : Problem.invalid("the body did not arrive as a whole")))
                .thenApply(Collected::bytes);
    }

    private static BodyTooLargeException tooLarge(int bytesMax, boolean unread) {
        return new BodyTooLargeException("the body is larger than " + bytesMax + " bytes", unread);
    }

    /** What has arrived of one body, unless it is too much. */
    private static final class Collected {
        private final int bytesMax;
        private ByteStringBuilder builder = ByteString.createBuilder();
        private long size;

        Collected(int bytesMax) {
            this.bytesMax = bytesMax;
        }

        void add(ByteString chunk) {
            size += chunk.size();
            if (size <= bytesMax) {
                builder.append(chunk);
            } else {
                builder = ByteString.createBuilder();
            }
        }

        byte[] bytes() {
            if (size > bytesMax) {
                throw tooLarge(bytesMax, false);
            }
            return builder.result().toArrayUnsafe();
        }
    }
}
