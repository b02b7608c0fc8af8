package io.quire.client;

import io.quire.client.core.Failure;
import io.quire.client.core.LedgerRecovery;
import io.quire.client.core.LedgerRecovery.WriteRefusal;
import io.quire.client.core.RecoveryOutbox;
import io.quire.client.core.RecoveryReport;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/** Recovers one ledger by a {@link LedgerRecovery}, then stops. Tells how it ended through a future. */
final class LedgerRecoveryActor {
    private static final Duration TICK = Duration.ofMillis(20);

    private final ActorContext<Command> context;
    private final ClientContext client;
    private final LedgerId ledgerId;
    private final LedgerKey key;
    private final CompletableFuture<RecoveryReport> result;
    private final ActorRef<BookieReply> replies;
    private final LedgerRecovery core;
    private long changeVersion = -1;
    private OpId changeOperation;

    sealed interface Command {}

    private record Replied(BookieReply reply) implements Command {}

    private record RegisterRead(RegisterValue value, Throwable failure) implements Command {}

    private record RegistrationRead(BookieId bookie, RegisterValue value, Throwable failure) implements Command {}

    private record ChangeDone(Registry.CasResult result, Throwable failure) implements Command {}

    private enum Tick implements Command {
        INSTANCE
    }

    private LedgerRecoveryActor(
            ActorContext<Command> context,
            ClientContext client,
            LedgerId ledgerId,
            LedgerKey key,
            Set<BookieId> destroyed,
            CompletableFuture<RecoveryReport> result) {
        this.context = context;
        this.client = client;
        this.ledgerId = ledgerId;
        this.key = key;
        this.result = result;
        this.replies = context.messageAdapter(BookieReply.class, Replied::new);
        this.core = new LedgerRecovery(ledgerId, key, destroyed, client.settings.recovery(), new Outbox(), now());
    }

    /**
     * @param destroyed bookies that are registered as destroyed, whose loss is accepted
     */
    static Behavior<Command> create(
            ClientContext client,
            LedgerId ledgerId,
            LedgerKey key,
            Set<BookieId> destroyed,
            CompletableFuture<RecoveryReport> result) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            timers.startTimerWithFixedDelay(Tick.INSTANCE, TICK);
            return new LedgerRecoveryActor(context, client, ledgerId, key, destroyed, result).start();
        }));
    }

    private Behavior<Command> start() {
        core.start(now());
        return Behaviors.receive(Command.class)
                .onMessage(Replied.class, this::onReplied)
                .onMessage(RegisterRead.class, this::onRegisterRead)
                .onMessage(RegistrationRead.class, this::onRegistrationRead)
                .onMessage(ChangeDone.class, this::onChangeDone)
                .onMessage(Tick.class, tick -> onTick())
                .onSignal(PostStop.class, signal -> onPostStop())
                .build();
    }

    /** Nobody waits for an answer that will not come (H97); after the end this does nothing. */
    private Behavior<Command> onPostStop() {
        result.completeExceptionally(
                new Failure(Code.Unavailable, Outcome.UNKNOWN, "the recovery of ledger " + ledgerId + " was stopped")
                        .toException());
        return Behaviors.same();
    }

    private Behavior<Command> onReplied(Replied replied) {
        BookieReply reply = replied.reply();
        if (reply instanceof BookieReply.LedgerFenced fenced) {
            core.fenced(fenced.bookie(), fenced.bootEpoch(), fenced.lastAddConfirmed(), now());
        } else if (reply instanceof BookieReply.EntriesRead read) {
            core.entriesRead(
                    read.requestId(), read.bookie(), read.bootEpoch(), read.entries(), read.coveredTo(), now());
        } else if (reply instanceof BookieReply.EntriesRecovered recovered) {
            core.entriesRecovered(recovered.requestId(), recovered.bookie(), now());
        } else if (reply instanceof BookieReply.RequestRefused refused) {
            context.getLog().debug("Bookie {} in the recovery of {}: {}", refused.bookie(), ledgerId, refused.detail());
            if (refused.refusal() == BookieReply.Refusal.UNAUTHORIZED) {
                core.unauthorized(refused.bookie());
                return next();
            }
            if (refused.refusal() == BookieReply.Refusal.IN_LIMBO) {
                core.readInLimbo(refused.requestId(), refused.bookie(), now());
            } else {
                core.readRefused(refused.requestId(), refused.bookie(), now());
            }
            core.writeRefused(refused.requestId(), refused.bookie(), refusalOf(refused.refusal()), now());
        }
        return next();
    }

    private Behavior<Command> onRegisterRead(RegisterRead read) {
        if (read.failure() == null) {
            core.registerRead(LedgerMetadata.registered(read.value()), now());
        } else {
            core.registerUnavailable(now());
        }
        return next();
    }

    private Behavior<Command> onRegistrationRead(RegistrationRead read) {
        if (read.failure() == null) {
            Optional<BootEpoch> bootEpoch = read.value().isAbsent()
                    ? Optional.empty()
                    : Optional.of(
                            BookieRegistration.decode(read.value().value()).bootEpoch());
            core.bookieRegistered(read.bookie(), bootEpoch, now());
        }
        return next();
    }

    private Behavior<Command> onChangeDone(ChangeDone done) {
        if (done.failure() == null && done.result() instanceof Registry.CasResult.Applied applied) {
            core.registered(applied.version(), now());
        } else if (done.failure() == null && done.result() instanceof Registry.CasResult.Conflict conflict) {
            core.registerConflict(LedgerMetadata.registered(conflict.current()), now());
        } else {
            core.registerUnknown(now());
        }
        return next();
    }

    private Behavior<Command> onTick() {
        core.tick(now());
        return next();
    }

    private Behavior<Command> next() {
        return core.isOver() ? Behaviors.stopped() : Behaviors.same();
    }

    private long now() {
        return client.nanoClock.getAsLong();
    }

    private static WriteRefusal refusalOf(BookieReply.Refusal refusal) {
        return switch (refusal) {
            case NOT_RECOVERING, NOT_OPEN, NO_SUCH_LEDGER -> WriteRefusal.NOT_RECOVERING;
            case CONFLICTING_BYTES -> WriteRefusal.CONFLICTING_BYTES;
            default -> WriteRefusal.BUSY;
        };
    }

    /** Turns what the core wants into messages. */
    private final class Outbox implements RecoveryOutbox {
        @Override
        public void readRegister() {
            context.pipeToSelf(client.registry.read(RegistryKey.ofLedger(ledgerId)), RegisterRead::new);
        }

        @Override
        public void register(long expectedVersion, LedgerMetadata proposed) {
            if (changeVersion != expectedVersion) {
                changeVersion = expectedVersion;
                changeOperation = new OpId(UUID.randomUUID());
            }
            context.pipeToSelf(
                    client.registry.compareAndSet(
                            RegistryKey.ofLedger(ledgerId), expectedVersion, proposed.encode(), changeOperation),
                    ChangeDone::new);
        }

        @Override
        public void readRegistration(BookieId bookie) {
            context.pipeToSelf(
                    client.registry.read(RegistryKey.ofBookie(bookie)),
                    (value, failure) -> new RegistrationRead(bookie, value, failure));
        }

        @Override
        public void fence(BookieId bookie) {
            ask(new BookieRequest.FenceLedger(bookie, 0, ledgerId, key.proof()));
        }

        @Override
        public void read(long request, BookieId bookie, long firstEntryId, long lastEntryId, boolean fencing) {
            ClientSettings.Reader reads = client.settings.reader();
            ask(new BookieRequest.ReadEntries(
                    bookie,
                    request,
                    ledgerId,
                    firstEntryId,
                    lastEntryId,
                    reads.requestEntriesMax(),
                    reads.requestBytesMax(),
                    fencing,
                    fencing ? key.proof() : Payload.EMPTY));
        }

        @Override
        public void write(long request, BookieId bookie, long version, EntryBatch entries) {
            ask(new BookieRequest.RecoveryAddEntries(bookie, request, ledgerId, version, key.proof(), entries));
        }

        private void ask(BookieRequest.Question question) {
            client.channel(question.target()).tell(new BookieChannelActor.Ask(question, replies));
        }

        @Override
        public Optional<BookieId> replacementOf(BookieId failed, Ensemble ensemble) {
            return client.replacementOf(failed, ensemble, ledgerId);
        }

        @Override
        public void recovered(RecoveryReport report) {
            client.recoveries.increment();
            client.feed.publish(report.ledger());
            context.getLog()
                    .info(
                            "Recovered ledger {}: it ends at entry {}, {} entries found, {} copies written, unheard {},"
                                    + " accepted as lost {}",
                            ledgerId,
                            report.ledger().value().lastEntryId(),
                            report.entriesRecovered(),
                            report.copiesWritten(),
                            report.bookiesUnheard(),
                            report.ledger().value().acceptedLosses());
            result.complete(report);
        }

        @Override
        public void failed(Failure failure) {
            result.completeExceptionally(failure.toException());
        }
    }
}
