package io.quire.client;

import io.quire.protocol.BookieId;
import io.quire.protocol.BookieLife;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.OpId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.pattern.AskTimeoutException;
import org.apache.pekko.pattern.Patterns;

/** What operators decide about bookies. Thread-safe. */
public final class BookieAdmin {
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(3);

    private final ClientContext client;

    BookieAdmin(ClientContext client) {
        this.client = client;
    }

    /**
     * Registers that a bookie's data is lost for ever: its id will never serve again, and recoveries may be told to do
     * without it. To be used when its disk is gone, since whatever is still on it is given up. Fails with Conflict, and
     * changes nothing, while the bookie answers; done twice it is no error.
     */
    public CompletionStage<BookieRegistration> markDestroyed(BookieId bookie) {
        return answers(bookie).thenCompose(answers -> {
            if (answers) {
                throw new LedgerException(
                        Code.Conflict, Outcome.NOT_APPLIED, "bookie " + bookie + " answers; stop it first");
            }
            return markSilent(bookie, new OpId(UUID.randomUUID()));
        });
    }

    private CompletionStage<BookieRegistration> markSilent(BookieId bookie, OpId opId) {
        RegistryKey key = RegistryKey.ofBookie(bookie);
        return read(bookie).thenCompose(current -> {
            BookieRegistration registered = BookieRegistration.decode(current.value());
            if (registered.life() == BookieLife.DESTROYED) {
                return CompletableFuture.completedStage(registered);
            }
            BookieRegistration destroyed = registered.destroyed();
            return client.registry
                    .compareAndSet(key, current.version(), destroyed.encode(), opId)
                    .thenApply(result -> changed(bookie, destroyed, result));
        });
    }

    private static BookieRegistration changed(
            BookieId bookie, BookieRegistration destroyed, Registry.CasResult result) {
        if (result instanceof Registry.CasResult.Applied) {
            return destroyed;
        } else if (result instanceof Registry.CasResult.Conflict) {
            throw new LedgerException(
                    Code.Conflict,
                    Outcome.NOT_APPLIED,
                    "bookie " + bookie + " was registered anew just now; it may live");
        }
        throw new LedgerException(
                Code.TimedOut, Outcome.UNKNOWN, "bookie " + bookie + " may be registered as destroyed now");
    }

    /** Fails with InvalidRequest unless each of {@code bookies} is registered as destroyed. */
    CompletionStage<Void> requireDestroyed(Collection<BookieId> bookies) {
        List<CompletableFuture<Void>> checks = bookies.stream()
                .map(bookie -> read(bookie)
                        .thenAccept(current -> requireDestroyed(bookie, current))
                        .toCompletableFuture())
                .toList();
        return CompletableFuture.allOf(checks.toArray(CompletableFuture[]::new));
    }

    private static void requireDestroyed(BookieId bookie, RegisterValue current) {
        if (BookieRegistration.decode(current.value()).life() != BookieLife.DESTROYED) {
            throw new LedgerException(
                    Code.InvalidRequest,
                    Outcome.NOT_APPLIED,
                    "bookie " + bookie + " is not registered as destroyed; its loss cannot be accepted");
        }
    }

    private CompletionStage<RegisterValue> read(BookieId bookie) {
        return client.registry.read(RegistryKey.ofBookie(bookie)).thenApply(current -> {
            if (current.isAbsent()) {
                throw new LedgerException(
                        Code.NoSuchBookie, Outcome.NOT_APPLIED, "no bookie " + bookie + " was ever registered");
            }
            return current;
        });
    }

    /** Whether anything answers where gossip says that {@code bookie} is, other than another store. */
    private CompletionStage<Boolean> answers(BookieId bookie) {
        return client.bookie(bookie)
                .map(target -> answers(target, bookie))
                .orElseGet(() -> CompletableFuture.completedStage(false));
    }

    private static CompletionStage<Boolean> answers(ActorRef<BookieRequest> target, BookieId bookie) {
        return Patterns.ask(Adapter.toClassic(target), new BookieRequest.IdentifyBookie(bookie, 1), ANSWER_TIMEOUT)
                .handle((reply, failure) -> failure == null
                        ? !(reply instanceof BookieReply.RequestRefused refused
                                && refused.refusal() == BookieReply.Refusal.WRONG_BOOKIE)
                        : !isSilence(failure));
    }

    private static boolean isSilence(Throwable failure) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        return cause instanceof AskTimeoutException;
    }
}
