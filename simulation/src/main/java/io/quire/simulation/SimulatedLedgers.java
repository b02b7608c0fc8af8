package io.quire.simulation;

import io.quire.client.LedgerDeletion;
import io.quire.client.core.Durability;
import io.quire.client.core.Failure;
import io.quire.client.core.LedgerRecovery;
import io.quire.client.core.LedgerWriter;
import io.quire.client.core.Placement;
import io.quire.client.core.RangeRead;
import io.quire.client.core.ReadOutbox;
import io.quire.client.core.RecoveryOutbox;
import io.quire.client.core.RecoveryReport;
import io.quire.client.core.RecoverySettings;
import io.quire.client.core.WriterOutbox;
import io.quire.client.core.WriterSettings;
import io.quire.client.log.LogFailures;
import io.quire.client.log.LogLedgers;
import io.quire.client.log.LogName;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.Ensemble;
import io.quire.protocol.Entry;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
import io.quire.protocol.SessionId;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.registry.BlockLedgerIds;
import io.quire.simulation.SimulatedNetwork.Envelope;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * The ledgers of one incarnation of a process on a {@link SimulatedNode}, as logs want them: the production {@link
 * LedgerWriter}, {@link LedgerRecovery} and {@link RangeRead}, any number of each at a time, and around them what their
 * actors do. The process hands it what comes through {@link #received}.
 *
 * <p>What is asked of it is done later, in order, as by actors; its stages complete within the simulation. Not thread-safe.
 */
final class SimulatedLedgers implements LogLedgers {
    private static final long TICK_NANOS = 20_000_000;

    private final SimulatedNode node;
    private final SimulatedRegistryClient registry;
    private final Random random;
    private final Plan plan;
    private final SimulatedBookie.Checkers checkers;
    private final BlockLedgerIds ids;
    private final Deque<Runnable> inputs = new ArrayDeque<>();
    private boolean draining;
    private final List<SimulatedWriting> writers = new ArrayList<>();
    private final Map<SessionId, SimulatedWriting> sessions = new HashMap<>();
    /** Who asked what is under way: openings, recoveries and reads. */
    private final Map<Long, Asked> asked = new HashMap<>();

    private final List<Recovery> recoveries = new ArrayList<>();
    private final List<Read> reads = new ArrayList<>();
    private long lastRequest;

    /**
     * @param bookies who there is to choose from
     * @param replication of every ledger
     */
    record Plan(BookieDirectory bookies, Replication replication, WriterSettings writer, RecoverySettings recovery) {}

    /** What is done with the answer to a request. */
    private interface Asked {
        void answered(BookieReply reply);
    }

    SimulatedLedgers(
            SimulatedNode node,
            SimulatedRegistryClient registry,
            Random random,
            Plan plan,
            SimulatedBookie.Checkers checkers) {
        this.node = node;
        this.registry = registry;
        this.random = random;
        this.plan = plan;
        this.checkers = checkers;
        this.ids = new BlockLedgerIds(registry, 3);
        node.scheduleEvery(TICK_NANOS, this::tick);
    }

    /** Does something later, behind what was to be done before. */
    private void submit(Runnable input) {
        inputs.add(input);
        if (!draining) {
            draining = true;
            node.schedule(0, this::drain);
        }
    }

    private void drain() {
        for (Runnable input = inputs.poll(); input != null; input = inputs.poll()) {
            input.run();
        }
        draining = false;
        writers.forEach(writing -> writing.core.pump(node.nanoTime()));
    }

    private void tick() {
        long now = node.nanoTime();
        List.copyOf(writers).forEach(writing -> writing.core.tick(now));
        List.copyOf(recoveries).forEach(recovery -> recovery.core.tick(now));
        List.copyOf(reads).forEach(read -> read.core.tick(now));
    }

    private OpId newOperation() {
        return new OpId(new UUID(random.nextLong(), random.nextLong()));
    }

    /** Takes a message if it is a bookie's. */
    void received(Envelope envelope) {
        if (envelope.message() instanceof BookieReply.EntriesAdded added) {
            for (BookieReply.SessionAck ack : added.acks()) {
                SimulatedWriting writing = sessions.get(ack.session());
                if (writing != null) {
                    writing.added(ack);
                }
            }
        } else if (envelope.message() instanceof BookieReply.SessionEnded ended) {
            SimulatedWriting writing = sessions.remove(ended.session());
            if (writing != null) {
                writing.core.sessionEnded(
                        writing.positionOf(ended.session().bookie()),
                        ended.session(),
                        SimulatedRefusals.rejectionOf(ended.refusal()),
                        node.nanoTime());
            }
        } else if (envelope.message() instanceof BookieReply.BatchRefused refused) {
            SimulatedWriting writing = sessions.get(refused.session());
            if (writing != null) {
                writing.core.batchRefused(
                        writing.positionOf(refused.session().bookie()),
                        refused.session(),
                        SimulatedRefusals.rejectionOf(refused.refusal()),
                        node.nanoTime());
            }
        } else if (envelope.message() instanceof BookieReply.SessionOpened opened) {
            answered(opened.requestId(), opened);
        } else if (envelope.message() instanceof BookieReply.SessionRefused refused) {
            answered(refused.requestId(), refused);
        } else if (envelope.message() instanceof BookieReply.Answer answer) {
            answered(answer.requestId(), answer);
        }
    }

    private void answered(long request, BookieReply reply) {
        Asked asking = asked.remove(request);
        if (asking != null) {
            asking.answered(reply);
        }
    }

    private long ask(Asked asking) {
        asked.put(++lastRequest, asking);
        return lastRequest;
    }

    private void send(BookieId bookie, BookieRequest request) {
        node.send(plan.bookies().addressOf(bookie), request);
    }

    @Override
    public CompletionStage<Writing> create(LogName name) {
        return ids.next().thenCompose(this::create);
    }

    private CompletionStage<Writing> create(LedgerId id) {
        Placement.Choice choice = Placement.choose(
                plan.bookies().statuses(), plan.replication().ensembleSize(), Placement.Distinct.NODE, id.value());
        LedgerMetadata metadata = LedgerMetadata.create(
                id, plan.replication(), choice.ensemble().orElseThrow(), Map.of(), node.wallMillis());
        checkers.states().proposed(metadata);
        return registry.compareAndSet(RegistryKey.ofLedger(id), 0, metadata.encode(), newOperation())
                .thenCompose(result -> {
                    if (result instanceof Registry.CasResult.Applied applied) {
                        Versioned<LedgerMetadata> created = new Versioned<>(applied.version(), metadata);
                        checkers.states().observed(created);
                        SimulatedWriting writing = new SimulatedWriting(created);
                        writers.add(writing);
                        return CompletableFuture.completedStage(writing);
                    }
                    return CompletableFuture.failedStage(new LedgerException(
                            Code.Unavailable, Outcome.UNKNOWN, "ledger " + id + " may be there, or not"));
                });
    }

    @Override
    public CompletionStage<OptionalLong> seal(LedgerId ledgerId) {
        CompletableFuture<OptionalLong> result = new CompletableFuture<>();
        submit(() -> {
            Recovery recovery = new Recovery(ledgerId, result);
            recoveries.add(recovery);
            recovery.core.start(node.nanoTime());
        });
        return result;
    }

    @Override
    public CompletionStage<List<Entry>> read(LedgerId ledgerId, long firstEntryId, long lastEntryId) {
        CompletableFuture<List<Entry>> result = new CompletableFuture<>();
        return registry.read(RegistryKey.ofLedger(ledgerId)).thenCompose(value -> {
            Versioned<LedgerMetadata> found = LedgerMetadata.registered(value)
                    .filter(ledger -> !ledger.value().isDeleted())
                    .orElseThrow(() -> new LedgerException(
                            Code.NoSuchLedger, Outcome.NOT_APPLIED, "there is no ledger " + ledgerId));
            checkers.states().observed(found);
            submit(() -> {
                Read read = new Read(found.value(), firstEntryId, lastEntryId, result);
                reads.add(read);
                read.core.start(node.nanoTime());
            });
            return result;
        });
    }

    @Override
    public CompletionStage<Void> delete(LedgerId ledgerId) {
        return LedgerDeletion.delete(registry, ledgerId, this::newOperation)
                .<Void>thenApply(deleted -> {
                    checkers.states().observed(deleted);
                    return null;
                })
                .exceptionallyCompose(failure -> LogFailures.codeOf(failure) == Code.NoSuchLedger
                        ? CompletableFuture.completedStage(null)
                        : CompletableFuture.failedStage(failure));
    }

    private void observe(Optional<Versioned<LedgerMetadata>> current) {
        current.ifPresent(checkers.states()::observed);
    }

    /** An operation for each version that is to be changed: a retry is the same one. */
    private final class Change {
        private long version = -1;
        private OpId operation;

        CompletionStage<Registry.CasResult> apply(long expectedVersion, LedgerMetadata proposed) {
            if (version != expectedVersion) {
                version = expectedVersion;
                operation = newOperation();
            }
            checkers.states().proposed(proposed);
            return registry.compareAndSet(
                    RegistryKey.ofLedger(proposed.ledgerId()), expectedVersion, proposed.encode(), operation);
        }
    }

    private Optional<BookieId> replacementOf(BookieId failed, Ensemble ensemble) {
        return Placement.replace(
                plan.bookies().statuses(), failed, ensemble, Set.of(), Placement.Distinct.NODE, random.nextLong());
    }

    /** One ledger that is written. */
    private final class SimulatedWriting implements Writing, WriterOutbox {
        private final LedgerId ledgerId;
        private final LedgerWriter core;
        private final Change change = new Change();
        private final Map<Long, CompletableFuture<Long>> pending = new HashMap<>();
        private final CompletableFuture<LedgerMetadata> sealed = new CompletableFuture<>();

        SimulatedWriting(Versioned<LedgerMetadata> created) {
            ledgerId = created.value().ledgerId();
            core = new LedgerWriter(created, LedgerKey.NONE, plan.writer(), this, node.nanoTime());
        }

        @Override
        public LedgerId ledgerId() {
            return ledgerId;
        }

        @Override
        public CompletionStage<Long> append(Payload entry) {
            CompletableFuture<Long> result = new CompletableFuture<>();
            submit(() -> {
                Optional<Failure> refusal = core.refusalOf(entry.length());
                if (refusal.isPresent()) {
                    result.completeExceptionally(refusal.get().toException());
                } else {
                    pending.put(core.append(entry, Durability.SYNCED, node.nanoTime()), result);
                }
            });
            return result;
        }

        @Override
        public CompletionStage<LedgerMetadata> seal() {
            submit(() -> core.seal(node.nanoTime()));
            return sealed;
        }

        @Override
        public void close() {
            submit(() -> {
                core.close();
                writers.remove(this);
            });
        }

        private int positionOf(BookieId bookie) {
            return core.metadata().lastFragment().ensemble().positionOf(bookie);
        }

        void added(BookieReply.SessionAck ack) {
            core.batchesAdded(
                    positionOf(ack.session().bookie()),
                    ack.session(),
                    ack.cumulative(),
                    ack.ranges().stream()
                            .map(range -> new long[] {range.first(), range.last()})
                            .toList(),
                    ack.creditLimit(),
                    node.nanoTime());
        }

        private void openingAnswered(BookieReply reply) {
            if (reply instanceof BookieReply.SessionOpened opened) {
                sessions.put(opened.session(), this);
                core.sessionOpened(
                        positionOf(opened.session().bookie()), opened.session(), opened.creditLimit(), node.nanoTime());
            } else if (reply instanceof BookieReply.SessionRefused refused) {
                core.sessionRefused(
                        positionOf(refused.bookie()),
                        SimulatedRefusals.rejectionOf(refused.refusal()),
                        node.nanoTime());
            }
        }

        @Override
        public void openSession(int position) {
            BookieId bookie = core.metadata().lastFragment().ensemble().at(position);
            send(
                    bookie,
                    new BookieRequest.OpenSession(
                            bookie,
                            ask(this::openingAnswered),
                            ledgerId,
                            core.metadata().lastFragment().fragmentVersion()));
        }

        @Override
        public void sendBatch(
                int position,
                SessionId session,
                long number,
                long endOffset,
                long lastAddConfirmed,
                EntryBatch entries,
                boolean receipt) {
            BookieRequest.Batch batch =
                    new BookieRequest.Batch(session, number, endOffset, lastAddConfirmed, entries, receipt);
            checkers.durability().batchSent(batch);
            send(session.bookie(), new BookieRequest.AddEntries(session.bookie(), List.of(batch)));
        }

        @Override
        public void probe(int position, SessionId session) {
            send(session.bookie(), new BookieRequest.ProbeSession(session.bookie(), session));
        }

        @Override
        public void closeSession(int position, SessionId session) {
            sessions.remove(session);
            send(session.bookie(), new BookieRequest.CloseSession(session.bookie(), session));
        }

        @Override
        public void appended(long entryId, int ackMask) {
            checkers.durability().requireQuorum(core.metadata(), entryId);
            pending.remove(entryId).complete(entryId);
        }

        @Override
        public void appendFailed(long entryId, Failure failure) {
            pending.remove(entryId).completeExceptionally(failure.toException());
        }

        @Override
        public void readRegister() {
            Continuation.of(registry.read(RegistryKey.ofLedger(ledgerId)), node, (value, failure) -> {
                if (failure == null) {
                    observe(LedgerMetadata.registered(value));
                    core.registerRead(LedgerMetadata.registered(value), node.nanoTime());
                } else {
                    core.registerUnavailable();
                }
            });
        }

        @Override
        public Optional<BookieId> replacementOf(BookieId failed, Ensemble ensemble) {
            return SimulatedLedgers.this.replacementOf(failed, ensemble);
        }

        @Override
        public void register(long expectedVersion, LedgerMetadata proposed) {
            Continuation.of(change.apply(expectedVersion, proposed), node, (result, failure) -> {
                if (result instanceof Registry.CasResult.Applied applied) {
                    core.registered(applied.version(), node.nanoTime());
                } else if (result instanceof Registry.CasResult.Conflict conflict) {
                    observe(LedgerMetadata.registered(conflict.current()));
                    core.registerConflict(LedgerMetadata.registered(conflict.current()), node.nanoTime());
                } else {
                    core.registerUnknown("no answer", node.nanoTime());
                }
            });
        }

        @Override
        public void ensembleChanged(LedgerMetadata metadata, long version) {
            checkers.states().observed(new Versioned<>(version, metadata));
        }

        @Override
        public void forced(long token) {
            throw new IllegalStateException("nobody forces here");
        }

        @Override
        public void forceFailed(long token, Failure failure) {
            throw new IllegalStateException("nobody forces here");
        }

        @Override
        public void sealed(LedgerMetadata metadata, long version) {
            checkers.states().observed(new Versioned<>(version, metadata));
            sealed.complete(metadata);
        }

        @Override
        public void sealFailed(Failure failure) {
            sealed.completeExceptionally(failure.toException());
        }
    }

    /** One ledger that is taken from its writer. */
    private final class Recovery implements RecoveryOutbox {
        private final LedgerId ledgerId;
        private final LedgerRecovery core;
        private final Change change = new Change();
        private final CompletableFuture<OptionalLong> result;

        Recovery(LedgerId ledgerId, CompletableFuture<OptionalLong> result) {
            this.ledgerId = ledgerId;
            this.result = result;
            this.core = new LedgerRecovery(ledgerId, LedgerKey.NONE, Set.of(), plan.recovery(), this, node.nanoTime());
        }

        @Override
        public void readRegister() {
            Continuation.of(registry.read(RegistryKey.ofLedger(ledgerId)), node, (value, failure) -> {
                if (core.isOver()) {
                    return;
                }
                if (failure == null) {
                    observe(LedgerMetadata.registered(value));
                    core.registerRead(LedgerMetadata.registered(value), node.nanoTime());
                } else {
                    core.registerUnavailable(node.nanoTime());
                }
            });
        }

        @Override
        public void register(long expectedVersion, LedgerMetadata proposed) {
            if (proposed.isClosed()) {
                checkers.fences()
                        .requireCovered(
                                checkers.states().at(ledgerId, expectedVersion).orElseThrow());
            }
            Continuation.of(change.apply(expectedVersion, proposed), node, (changed, failure) -> {
                if (core.isOver()) {
                    return;
                }
                if (changed instanceof Registry.CasResult.Applied applied) {
                    checkers.states().observed(new Versioned<>(applied.version(), proposed));
                    core.registered(applied.version(), node.nanoTime());
                } else if (changed instanceof Registry.CasResult.Conflict conflict) {
                    observe(LedgerMetadata.registered(conflict.current()));
                    core.registerConflict(LedgerMetadata.registered(conflict.current()), node.nanoTime());
                } else {
                    core.registerUnknown(node.nanoTime());
                }
            });
        }

        @Override
        public void readRegistration(BookieId bookie) {
            Continuation.of(registry.read(RegistryKey.ofBookie(bookie)), node, (value, failure) -> {
                if (failure == null && !core.isOver()) {
                    Optional<BootEpoch> bootEpoch = value.isAbsent()
                            ? Optional.empty()
                            : Optional.of(
                                    BookieRegistration.decode(value.value()).bootEpoch());
                    core.bookieRegistered(bookie, bootEpoch, node.nanoTime());
                }
            });
        }

        /** Runs behind the end of the recovery, too, and then says nothing to it. */
        private Asked answerOf(long request) {
            return reply -> {
                if (!core.isOver()) {
                    answered(request, reply);
                }
            };
        }

        private void answered(long request, BookieReply reply) {
            long now = node.nanoTime();
            if (reply instanceof BookieReply.LedgerFenced fenced) {
                core.fenced(fenced.bookie(), fenced.bootEpoch(), fenced.lastAddConfirmed(), now);
            } else if (reply instanceof BookieReply.EntriesRead read) {
                core.entriesRead(request, read.bookie(), read.bootEpoch(), read.entries(), read.coveredTo(), now);
            } else if (reply instanceof BookieReply.EntriesRecovered recovered) {
                core.entriesRecovered(request, recovered.bookie(), now);
            } else if (reply instanceof BookieReply.RequestRefused refused) {
                if (refused.refusal() == BookieReply.Refusal.IN_LIMBO) {
                    core.readInLimbo(request, refused.bookie(), now);
                } else {
                    core.readRefused(request, refused.bookie(), now);
                }
                if (!core.isOver()) {
                    core.writeRefused(
                            request, refused.bookie(), SimulatedRefusals.writeRefusalOf(refused.refusal()), now);
                }
            }
        }

        @Override
        public void fence(BookieId bookie) {
            send(bookie, new BookieRequest.FenceLedger(bookie, ask(answerOf(0)), ledgerId));
        }

        @Override
        public void read(long request, BookieId bookie, long firstEntryId, long lastEntryId, boolean fencing) {
            send(
                    bookie,
                    new BookieRequest.ReadEntries(
                            bookie,
                            ask(answerOf(request)),
                            ledgerId,
                            firstEntryId,
                            lastEntryId,
                            1 + random.nextInt(20),
                            200 + random.nextInt(4000),
                            fencing));
        }

        @Override
        public void write(long request, BookieId bookie, long version, EntryBatch entries) {
            send(
                    bookie,
                    new BookieRequest.RecoveryAddEntries(bookie, ask(answerOf(request)), ledgerId, version, entries));
        }

        @Override
        public Optional<BookieId> replacementOf(BookieId failed, Ensemble ensemble) {
            return SimulatedLedgers.this.replacementOf(failed, ensemble);
        }

        @Override
        public void recovered(RecoveryReport report) {
            checkers.states().observed(report.ledger());
            recoveries.remove(this);
            result.complete(OptionalLong.of(report.ledger().value().lastEntryId()));
        }

        @Override
        public void failed(Failure failure) {
            recoveries.remove(this);
            if (failure.code() == Code.NoSuchLedger) {
                result.complete(OptionalLong.empty());
            } else {
                result.completeExceptionally(failure.toException());
            }
        }
    }

    /** One range of a closed ledger that is read. */
    private final class Read implements ReadOutbox {
        private static final long PATIENCE_NANOS = 2_000_000_000L;

        private final LedgerId ledgerId;
        private final RangeRead core;
        private final CompletableFuture<List<Entry>> result;

        Read(LedgerMetadata metadata, long first, long last, CompletableFuture<List<Entry>> result) {
            this.ledgerId = metadata.ledgerId();
            this.result = result;
            this.core = new RangeRead(
                    metadata,
                    LedgerKey.NONE,
                    first,
                    last,
                    false,
                    new RangeRead.Limits(
                            Integer.MAX_VALUE,
                            Long.MAX_VALUE,
                            1 + random.nextInt(20),
                            200 + random.nextInt(4000),
                            60_000_000,
                            25_000_000,
                            30_000_000,
                            node.nanoTime() + PATIENCE_NANOS),
                    this);
        }

        @Override
        public void read(
                long request, BookieId bookie, long firstEntryId, long lastEntryId, int entriesMax, int bytesMax) {
            long wireRequest = ask(reply -> {
                if (reply instanceof BookieReply.EntriesRead read) {
                    core.entriesRead(request, read.entries(), read.coveredTo(), node.nanoTime());
                } else if (reply instanceof BookieReply.RequestRefused refused) {
                    core.refused(request, refused.detail(), node.nanoTime());
                }
            });
            send(
                    bookie,
                    new BookieRequest.ReadEntries(
                            bookie, wireRequest, ledgerId, firstEntryId, lastEntryId, entriesMax, bytesMax, false));
        }

        @Override
        public void readRegister() {
            Continuation.of(registry.read(RegistryKey.ofLedger(ledgerId)), node, (value, failure) -> {
                if (failure == null) {
                    observe(LedgerMetadata.registered(value));
                    core.registerRead(LedgerMetadata.registered(value).map(Versioned::value), node.nanoTime());
                } else {
                    core.registerUnavailable();
                }
            });
        }

        @Override
        public boolean mayHedge() {
            return true;
        }

        @Override
        public void silent(BookieId bookie) {
            // It is asked again all the same.
        }

        @Override
        public boolean isSuspect(BookieId bookie) {
            return false;
        }

        @Override
        public void done(List<Entry> entries) {
            reads.remove(this);
            result.complete(entries);
        }

        @Override
        public void failed(Failure failure) {
            reads.remove(this);
            result.completeExceptionally(failure.toException());
        }
    }
}
