package io.quire.client;

import io.micrometer.core.instrument.MeterRegistry;
import io.quire.client.core.RecoveryReport;
import io.quire.protocol.BookieId;
import io.quire.protocol.ClusterFeed;
import io.quire.protocol.DigestType;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerIds;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerPassword;
import io.quire.protocol.LedgerState;
import io.quire.protocol.OpId;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiFunction;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.pattern.Patterns;

/**
 * The entrance for applications: creates, opens, lists and deletes ledgers. Thread-safe; one per process.
 *
 * <p>Operations are built and executed; stages complete exceptionally with a {@link LedgerException}, whose outcome says
 * whether the operation took effect. Stages complete on a thread of the actor system: do not block in what is chained to
 * them.
 */
public final class LedgerClient {
    private static final int PAGE = 500;

    private final ClientContext context;
    private final ActorRef<LedgerReaderActor.Command> reader;
    private final LongSupplier wallClockMillis;
    private final AtomicLong recoveries = new AtomicLong();

    private LedgerClient(ClientContext context, LongSupplier wallClockMillis) {
        this.context = context;
        this.wallClockMillis = wallClockMillis;
        this.reader = context.system.systemActorOf(LedgerReaderActor.create(context), "quire-reader", Props.empty());
    }

    /**
     * Starts a client in {@code system}, for its life.
     *
     * @param wallClockMillis what stamps the creation of ledgers, for people only
     */
    public static LedgerClient create(
            ActorSystem<?> system,
            Registry registry,
            LedgerIds ledgerIds,
            ClusterFeed feed,
            ClientSettings settings,
            MeterRegistry meters,
            LongSupplier wallClockMillis) {
        return new LedgerClient(
                new ClientContext(system, registry, ledgerIds, feed, settings, meters), wallClockMillis);
    }

    /** Creates a ledger and becomes its only writer. */
    public CreateBuilder newCreateLedgerOp() {
        return new CreateBuilder();
    }

    /** Opens a ledger for reading; fences it only when asked to recover it. */
    public OpenBuilder newOpenLedgerOp() {
        return new OpenBuilder();
    }

    /** Recovers a ledger without a password; see {@link #recover(LedgerId, byte[])}. */
    public CompletionStage<RecoveryReport> recover(LedgerId ledgerId) {
        return recover(ledgerId, LedgerKey.NONE, Set.of());
    }

    /**
     * Recovers a ledger, without what only bookies that were destroyed held (R23): they count as fenced, and as holding
     * nothing. That is said in the ledger's metadata. Fails with InvalidRequest, and does nothing, when one of them is not
     * registered as destroyed ({@link BookieAdmin#markDestroyed}).
     *
     * @param password the ledger's; no bytes for none
     */
    public CompletionStage<RecoveryReport> recover(LedgerId ledgerId, byte[] password, Set<BookieId> acceptedLosses) {
        LedgerKey key = LedgerPassword.of(password).keyOf(ledgerId);
        return bookies().requireDestroyed(acceptedLosses).thenCompose(done -> recover(ledgerId, key, acceptedLosses));
    }

    /** What operators decide about bookies. */
    public BookieAdmin bookies() {
        return new BookieAdmin(context);
    }

    /**
     * Fences a ledger, finds its end and closes it there, whoever wrote it; its writer, if it lives, can append nothing
     * any more. A closed ledger is left as it is. Fails with outcome UNKNOWN when the end cannot be found in time: the
     * ledger may then be in recovery, and another attempt may succeed. With a wrong password it fails with Unauthorized and
     * changes nothing.
     *
     * @param password the ledger's; no bytes for none
     */
    public CompletionStage<RecoveryReport> recover(LedgerId ledgerId, byte[] password) {
        return recover(ledgerId, LedgerPassword.of(password).keyOf(ledgerId), Set.of());
    }

    private CompletionStage<RecoveryReport> recover(LedgerId ledgerId, LedgerKey key, Set<BookieId> destroyed) {
        CompletableFuture<RecoveryReport> result = new CompletableFuture<>();
        context.system.systemActorOf(
                LedgerRecoveryActor.create(context, ledgerId, key, destroyed, result),
                "quire-recovery-" + ledgerId + "-" + recoveries.incrementAndGet(),
                Props.empty());
        return result;
    }

    /** Deletes a ledger; deleting a deleted one is no error. */
    public DeleteBuilder newDeleteLedgerOp() {
        return new DeleteBuilder();
    }

    /** Takes the deletion of a ledger back, as long as it is not purged; see {@link LedgerUndeletion}. */
    public UndeleteBuilder newUndeleteLedgerOp() {
        return new UndeleteBuilder();
    }

    /** Lists ledgers by ascending id, a page at a time. */
    public ListBuilder newListLedgersOp() {
        return new ListBuilder();
    }

    /**
     * What the cluster has decided about a ledger, also if it is deleted; fails with NoSuchLedger when there is none, or
     * nothing is left of it.
     */
    public CompletionStage<Versioned<LedgerMetadata>> getMetadataEvenIfDeleted(LedgerId ledgerId) {
        return read(ledgerId).thenApply(current -> current.orElseThrow(() -> noSuchLedger(ledgerId)));
    }

    /** What the cluster has decided about a ledger; fails with NoSuchLedger when there is none, or no longer. */
    public CompletionStage<Versioned<LedgerMetadata>> getLedgerMetadata(LedgerId ledgerId) {
        return getMetadataEvenIfDeleted(ledgerId).thenApply(found -> {
            if (found.value().isDeleted()) {
                throw new LedgerException(
                        Code.NoSuchLedger,
                        Outcome.NOT_APPLIED,
                        "there is no ledger " + ledgerId + " any more: it is "
                                + found.value().deletion());
            }
            return found;
        });
    }

    /** The largest payload of one entry, in bytes. */
    public int entryBytesMax() {
        return context.settings.writer().entryBytesMax();
    }

    /**
     * The behavior of a writer that creates a ledger first, to be spawned by the application (the actor API). Appends
     * sent before the ledger exists wait for it.
     */
    public Behavior<LedgerWriterActor.Command> writer(Replication replication, Map<String, String> labels) {
        return UnwrittenLedger.create(
                context,
                new LedgerCreation(context, replication, LedgerCreation.Guard.DEFAULT, labels, wallClockMillis));
    }

    /**
     * Reads the encoded entries that one bookie holds, as they are: for tools and tests that look at single copies.
     * Entries need not be confirmed, and the result ends where the bookie's first answer does. Of their digests is verified
     * what can be without a password.
     */
    public CompletionStage<List<Entry>> readFrom(BookieId bookie, LedgerId ledgerId, long first, long last) {
        Optional<ActorRef<BookieRequest>> target = context.bookie(bookie);
        if (target.isEmpty()) {
            return CompletableFuture.failedStage(
                    new LedgerException(Code.Unavailable, Outcome.NOT_APPLIED, "no address of bookie " + bookie));
        }
        ClientSettings.Reader settings = context.settings.reader();
        return Patterns.ask(
                        Adapter.toClassic(target.get()),
                        new BookieRequest.ReadEntries(
                                bookie,
                                1,
                                ledgerId,
                                first,
                                last,
                                settings.requestEntriesMax(),
                                settings.requestBytesMax(),
                                false),
                        settings.requestTimeout())
                .thenApply(reply -> {
                    if (reply instanceof BookieReply.EntriesRead read) {
                        return read.entries().entries().stream()
                                .map(io.quire.protocol.EntryFormat::decode)
                                .toList();
                    }
                    throw new LedgerException(Code.Unavailable, Outcome.NOT_APPLIED, String.valueOf(reply));
                });
    }

    /** How a ledger is to be created. */
    public final class CreateBuilder {
        private int ensembleSize = Replication.DEFAULT.ensembleSize();
        private int writeQuorum = Replication.DEFAULT.writeQuorum();
        private int ackQuorum = Replication.DEFAULT.ackQuorum();
        private Map<String, String> labels = Map.of();
        private DigestType digest = DigestType.CRC32C;
        private LedgerPassword password = LedgerPassword.NONE;

        private CreateBuilder() {}

        /** Bookies that the ledger is spread over; 3 unless set. */
        public CreateBuilder withEnsembleSize(int ensembleSize) {
            this.ensembleSize = ensembleSize;
            return this;
        }

        /** Copies of each entry; 3 unless set. */
        public CreateBuilder withWriteQuorumSize(int writeQuorum) {
            this.writeQuorum = writeQuorum;
            return this;
        }

        /** Copies that acknowledge an append; 2 unless set. */
        public CreateBuilder withAckQuorumSize(int ackQuorum) {
            this.ackQuorum = ackQuorum;
            return this;
        }

        /** The application's own words; see {@link LedgerMetadata#labels()}. */
        public CreateBuilder withLabels(Map<String, String> labels) {
            this.labels = Map.copyOf(labels);
            return this;
        }

        /**
         * What it will take to recover the ledger, and to open it; the bytes are copied. No password unless set, and with no
         * bytes. It should be long and random, since guesses can be tried against the ledger's metadata.
         */
        public CreateBuilder withPassword(byte[] password) {
            this.password = LedgerPassword.of(password);
            return this;
        }

        /** How entries are guarded; CRC32C unless set. {@link DigestType#HMAC_SHA256} needs a password. */
        public CreateBuilder withDigestType(DigestType digest) {
            this.digest = digest;
            return this;
        }

        /** Lets the application choose the ids of the entries. */
        public CreateAdvBuilder makeAdv() {
            return new CreateAdvBuilder(this);
        }

        public CompletionStage<WriteHandle> execute() {
            return create((created, key) -> new WriteHandle(context, reader, created, key));
        }

        /**
         * The behavior of a writer that creates the ledger first, to be spawned by the application (the actor API); see
         * {@link LedgerClient#writer}.
         *
         * @throws LedgerException when no such ledger can be
         */
        public Behavior<LedgerWriterActor.Command> writer() {
            return UnwrittenLedger.create(context, creation());
        }

        private LedgerCreation creation() {
            try {
                return new LedgerCreation(
                        context,
                        new Replication(ensembleSize, writeQuorum, ackQuorum),
                        new LedgerCreation.Guard(digest, password),
                        labels,
                        wallClockMillis);
            } catch (IllegalArgumentException e) {
                throw new LedgerException(Code.InvalidRequest, Outcome.NOT_APPLIED, e.getMessage(), e);
            }
        }

        private <T> CompletionStage<T> create(BiFunction<Versioned<LedgerMetadata>, LedgerKey, T> handle) {
            try {
                LedgerCreation creation = creation();
                return creation.create().thenApply(created -> handle.apply(created, creation.keyOf(created)));
            } catch (LedgerException e) {
                return CompletableFuture.failedStage(e);
            }
        }
    }

    /** How a ledger is to be created whose entry ids the application chooses. */
    public final class CreateAdvBuilder {
        private final CreateBuilder create;

        private CreateAdvBuilder(CreateBuilder create) {
            this.create = create;
        }

        public CompletionStage<WriteAdvHandle> execute() {
            return create.create((created, key) -> new WriteAdvHandle(context, reader, created, key));
        }
    }

    /** Which ledger is to be opened. */
    public final class OpenBuilder {
        private LedgerId ledgerId;
        private boolean recovery;
        private LedgerPassword password = LedgerPassword.NONE;
        private Optional<DigestType> digest = Optional.empty();

        private OpenBuilder() {}

        public OpenBuilder withLedgerId(LedgerId ledgerId) {
            this.ledgerId = ledgerId;
            return this;
        }

        /** Whether to recover the ledger first, as by {@link LedgerClient#recover}; not unless set. */
        public OpenBuilder withRecovery(boolean recovery) {
            this.recovery = recovery;
            return this;
        }

        /** The ledger's password; the bytes are copied. None unless set, and with no bytes. */
        public OpenBuilder withPassword(byte[] password) {
            this.password = LedgerPassword.of(password);
            return this;
        }

        /** How the ledger's entries have to be guarded; whatever its metadata says unless set. */
        public OpenBuilder withDigestType(DigestType digest) {
            this.digest = Optional.of(digest);
            return this;
        }

        /**
         * Fails with Unauthorized, before any bookie is asked and anything is changed, when the password is not the
         * ledger's, or the digest type is another one.
         */
        public CompletionStage<ReadHandle> execute() {
            LedgerKey key = password.keyOf(ledgerId);
            return getLedgerMetadata(ledgerId).thenCompose(found -> {
                requireAccess(found.value(), key);
                return recovery
                        ? recover(ledgerId, key, Set.of())
                                .thenApply(report -> new ReadHandle(context, reader, report.ledger(), key))
                        : CompletableFuture.completedStage(new ReadHandle(context, reader, found, key));
            });
        }

        private void requireAccess(LedgerMetadata metadata, LedgerKey key) {
            if (!key.opens(metadata.verifier())) {
                throw new LedgerException(
                        Code.Unauthorized,
                        Outcome.NOT_APPLIED,
                        metadata.hasPassword()
                                ? "the password of ledger " + ledgerId + " is another one"
                                : "ledger " + ledgerId + " has no password");
            }
            if (digest.filter(wanted -> wanted != metadata.digest()).isPresent()) {
                throw new LedgerException(
                        Code.Unauthorized,
                        Outcome.NOT_APPLIED,
                        "the digest type of ledger " + ledgerId + " is " + metadata.digest() + ", not " + digest.get());
            }
        }
    }

    /** Which ledger is to be deleted. */
    public final class DeleteBuilder {
        private LedgerId ledgerId;

        private DeleteBuilder() {}

        public DeleteBuilder withLedgerId(LedgerId ledgerId) {
            this.ledgerId = ledgerId;
            return this;
        }

        public CompletionStage<Void> execute() {
            return LedgerDeletion.delete(context.registry, ledgerId, () -> new OpId(UUID.randomUUID()))
                    .thenAccept(context.feed::publish)
                    .exceptionallyCompose(failure -> CompletableFuture.failedStage(
                            LedgerCreation.failureOf(failure).toException()));
        }
    }

    /** Which ledger's deletion is to be taken back. */
    public final class UndeleteBuilder {
        private LedgerId ledgerId;

        private UndeleteBuilder() {}

        public UndeleteBuilder withLedgerId(LedgerId ledgerId) {
            this.ledgerId = ledgerId;
            return this;
        }

        /**
         * Completes with what is registered then; a ledger that was not closed is IN_RECOVERY. Fails with Conflict when the
         * ledger is purged, with NoSuchLedger when nothing is left of it.
         */
        public CompletionStage<Versioned<LedgerMetadata>> execute() {
            return LedgerUndeletion.undelete(context.registry, ledgerId, () -> new OpId(UUID.randomUUID()))
                    .whenComplete((registered, failure) -> {
                        if (failure == null) {
                            context.feed.publish(registered);
                        }
                    })
                    .exceptionallyCompose(failure -> CompletableFuture.failedStage(
                            LedgerCreation.failureOf(failure).toException()));
        }
    }

    /** Which ledgers are to be listed. */
    public final class ListBuilder {
        private Optional<LedgerState> state = Optional.empty();
        private Optional<LedgerId> after = Optional.empty();
        private int limit = 100;

        private ListBuilder() {}

        public ListBuilder withState(LedgerState state) {
            this.state = Optional.of(state);
            return this;
        }

        /** Start behind this id. */
        public ListBuilder withAfter(LedgerId after) {
            this.after = Optional.of(after);
            return this;
        }

        /** At most this many, in [1, 10000]; 100 unless set. */
        public ListBuilder withLimit(int limit) {
            this.limit = limit;
            return this;
        }

        public CompletionStage<LedgerPage> execute() {
            if (limit < 1 || limit > 10_000) {
                return CompletableFuture.failedStage(new LedgerException(
                        Code.InvalidRequest, Outcome.NOT_APPLIED, "a page has 1 to 10000 ledgers: " + limit));
            }
            return page(after.map(RegistryKey::ofLedger), new ArrayList<>())
                    .exceptionallyCompose(failure -> CompletableFuture.failedStage(
                            LedgerCreation.failureOf(failure).toException()));
        }

        private CompletionStage<LedgerPage> page(Optional<RegistryKey> behind, List<LedgerMetadata> found) {
            return context.registry.list(RegistryKey.LEDGERS, behind, PAGE).thenCompose(page -> {
                for (Registry.Item item : page.entries()) {
                    LedgerMetadata metadata = LedgerMetadata.decode(item.value().value());
                    boolean wanted = !metadata.isDeleted()
                            && state.map(metadata.state()::equals).orElse(true);
                    if (wanted && found.size() == limit) {
                        return CompletableFuture.completedStage(new LedgerPage(
                                found, Optional.of(found.get(limit - 1).ledgerId())));
                    } else if (wanted) {
                        found.add(metadata);
                    }
                }
                return page.next().isPresent()
                        ? page(page.next(), found)
                        : CompletableFuture.completedStage(new LedgerPage(found, Optional.empty()));
            });
        }
    }

    /**
     * @param ledgers ascending
     * @param next go on behind this id; empty on the last page
     */
    public record LedgerPage(List<LedgerMetadata> ledgers, Optional<LedgerId> next) {
        public LedgerPage {
            ledgers = List.copyOf(ledgers);
        }
    }

    private CompletionStage<Optional<Versioned<LedgerMetadata>>> read(LedgerId ledgerId) {
        return context.registry
                .read(RegistryKey.ofLedger(ledgerId))
                .thenApply(LedgerMetadata::registered)
                .exceptionallyCompose(failure -> CompletableFuture.failedStage(
                        LedgerCreation.failureOf(failure).toException()));
    }

    static LedgerException noSuchLedger(LedgerId ledgerId) {
        return new LedgerException(Code.NoSuchLedger, Outcome.NOT_APPLIED, "there is no ledger " + ledgerId);
    }
}
