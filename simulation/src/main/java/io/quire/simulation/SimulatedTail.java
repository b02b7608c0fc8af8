package io.quire.simulation;

import io.quire.client.core.Failure;
import io.quire.client.core.RangeRead;
import io.quire.client.core.ReadOutbox;
import io.quire.client.core.TailOutbox;
import io.quire.client.core.TailRead;
import io.quire.protocol.BookieId;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.simulation.SimulatedNetwork.Envelope;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * An application that follows ledgers of others: the production {@link TailRead}, and around it what its actor does. It
 * takes entries now and then, and sometimes turns to another ledger. In the end it follows every ledger from its start to
 * its end, which it must reach.
 */
final class SimulatedTail implements SimulatedNode.Program {
    private static final long TICK_NANOS = 20_000_000;
    private static final long TAKE_NANOS = 30_000_000;
    private static final TailRead.Settings SETTINGS =
            new TailRead.Settings(3_000, 150_000_000, 60_000_000, 200_000_000);

    private final Random random;
    private final SimulatedReader.Plan plan;
    private final AckDurabilityChecker durability;
    private final LedgerContentChecker content;
    private final LedgerStateChecker states;
    private final Deque<LedgerId> toFinish = new ArrayDeque<>();
    private boolean finishing;
    private boolean finished;

    SimulatedTail(Random random, SimulatedReader.Plan plan, SimulatedWriter.Checkers checkers) {
        this.random = random;
        this.plan = plan;
        this.durability = checkers.durability();
        this.content = checkers.content();
        this.states = checkers.states();
    }

    /** From now on: follow every closed ledger whole, once; one that is still open has lost its writer and never ends. */
    void finish() {
        finishing = true;
        toFinish.addAll(content.ledgers());
    }

    boolean isFinished() {
        return finished;
    }

    @Override
    public Consumer<Envelope> start(SimulatedNode node) {
        Incarnation incarnation = new Incarnation(node);
        node.scheduleEvery(TICK_NANOS, incarnation::tick);
        incarnation.think();
        return incarnation::received;
    }

    private final class Incarnation implements TailOutbox {
        private final SimulatedNode node;
        private final SimulatedRegistryClient registry;
        private Versioned<LedgerMetadata> metadata;
        private TailRead tail;
        private Hole hole;
        private long next;
        private boolean whole;
        private long lastRequest;
        /** Subscriptions of this tail are numbered from here. */
        private long firstSubscription;

        private long lastSubscription;

        Incarnation(SimulatedNode node) {
            this.node = node;
            this.registry = new SimulatedRegistryClient(
                    node,
                    plan.voters(),
                    plan.registry(),
                    () -> new ProposerId(new UUID(random.nextLong(), random.nextLong())));
            // Numbers of an earlier incarnation of this node must not come again.
            this.lastSubscription = node.nanoTime();
        }

        void think() {
            node.schedule((long) (random.nextDouble() * TAKE_NANOS), this::turn);
        }

        private void turn() {
            List<LedgerId> ledgers = content.ledgers();
            boolean leave = tail != null && (whole != finishing || (!whole && random.nextInt(40) == 0));
            if (leave) {
                tail.stop();
                tail = null;
            }
            if (tail != null) {
                take();
            } else if (finishing && toFinish.isEmpty()) {
                finished = true;
            } else if (!ledgers.isEmpty()) {
                open(finishing ? toFinish.peek() : ledgers.get(random.nextInt(ledgers.size())));
                return;
            }
            if (!finished) {
                think();
            }
        }

        private void open(LedgerId ledgerId) {
            Continuation.of(registry.read(RegistryKey.ofLedger(ledgerId)), node, (value, failure) -> {
                if (failure == null && value.isCollected()) {
                    toFinish.remove(ledgerId);
                }
                if (failure == null && !value.isAbsent()) {
                    metadata = new Versioned<>(value.version(), LedgerMetadata.decode(value.value()));
                    states.observed(metadata);
                    boolean deleted = metadata.value().isDeleted();
                    if (deleted || (finishing && !metadata.value().isClosed())) {
                        toFinish.remove(ledgerId);
                        think();
                        return;
                    }
                    whole = finishing;
                    next = whole ? 0 : random.nextInt(40);
                    hole = null;
                    firstSubscription = lastSubscription;
                    tail = new TailRead(
                            metadata,
                            plan.password().keyOf(metadata.value().ledgerId()),
                            next,
                            random.nextInt(100),
                            SETTINGS,
                            this);
                    tail.start(node.nanoTime());
                }
                think();
            });
        }

        private void take() {
            LedgerId ledgerId = metadata.value().ledgerId();
            List<Entry> entries = tail.take(1 + random.nextInt(20), 1 + random.nextInt(2_000), node.nanoTime());
            content.followed(ledgerId, next, entries);
            entries.forEach(this::requireConfirmed);
            next += entries.size();
            if (tail.failure().isPresent() && isGone(tail.failure().get())) {
                tail = null;
                hole = null;
                toFinish.remove(ledgerId);
                return;
            }
            if (tail.failure().isPresent()) {
                throw new IllegalStateException("I4: ledger " + ledgerId + " cannot be followed beyond entry " + next
                        + ": " + tail.failure().get());
            }
            if (tail.isEnded()) {
                tail = null;
                if (whole) {
                    content.followedToTheEnd(ledgerId, next);
                    toFinish.poll();
                }
            }
        }

        private boolean isGone(Failure failure) {
            return failure.code() == LedgerException.Code.NoSuchLedger && states.isDeleted(ledgerId());
        }

        /**
         * H45: nothing of an open ledger is exposed that is not durable at an ack quorum. A recovery also finds what was
         * never acknowledged; of a closed ledger the stores are asked in the end (I3).
         */
        private void requireConfirmed(Entry entry) {
            if (metadata.value().isClosed()) {
                return;
            }
            long copies = durability.copies(ledgerId(), entry.entryId());
            if (copies < metadata.value().replication().ackQuorum()) {
                throw new IllegalStateException("H45: entry " + entry.entryId() + " of ledger " + ledgerId()
                        + " was exposed, with " + copies + " durable copies");
            }
        }

        void tick() {
            if (tail != null) {
                tail.tick(node.nanoTime());
            }
            if (hole != null) {
                hole.core.tick(node.nanoTime());
            }
        }

        void received(Envelope envelope) {
            if (registry.received(envelope) || tail == null) {
                return;
            }
            if (envelope.message() instanceof BookieReply.EntriesPushed pushed) {
                tail.pushed(
                        pushed.requestId() - firstSubscription,
                        pushed.bookie(),
                        new TailRead.Push(
                                pushed.number(),
                                pushed.endOffset(),
                                pushed.entries(),
                                pushed.coveredTo(),
                                pushed.lastAddConfirmed()),
                        node.nanoTime());
            } else if (envelope.message() instanceof BookieReply.RequestRefused refused) {
                Long request = hole == null ? null : hole.coreRequests.remove(refused.requestId());
                if (request == null) {
                    tail.refused(refused.requestId() - firstSubscription, node.nanoTime());
                } else {
                    hole.core.refused(request, refused.detail(), node.nanoTime());
                }
            } else if (envelope.message() instanceof BookieReply.EntriesRead answer
                    && hole != null
                    && hole.coreRequests.containsKey(answer.requestId())) {
                hole.core.entriesRead(
                        hole.coreRequests.remove(answer.requestId()),
                        answer.entries(),
                        answer.coveredTo(),
                        node.nanoTime());
            }
        }

        @Override
        public void subscribe(
                long subscription, BookieId bookie, long firstEntryId, long lastAddConfirmed, long creditLimit) {
            lastSubscription = firstSubscription + subscription;
            node.send(
                    plan.bookies().addressOf(bookie),
                    new BookieRequest.SubscribeLedger(
                            bookie, lastSubscription, ledgerId(), firstEntryId, lastAddConfirmed, creditLimit));
        }

        @Override
        public void grant(long subscription, BookieId bookie, long lastAddConfirmed, long creditLimit) {
            node.send(
                    plan.bookies().addressOf(bookie),
                    new BookieRequest.GrantCredit(
                            bookie, firstSubscription + subscription, ledgerId(), lastAddConfirmed, creditLimit));
        }

        @Override
        public void unsubscribe(long subscription, BookieId bookie) {
            node.send(
                    plan.bookies().addressOf(bookie),
                    new BookieRequest.UnsubscribeLedger(bookie, firstSubscription + subscription, ledgerId()));
        }

        @Override
        public void fetch(long fetch, long firstEntryId, long lastEntryId) {
            TailRead asking = tail;
            Hole started = new Hole(fetch, asking);
            hole = started;
            // A core must not be called back while it calls.
            node.schedule(1, () -> started.start(firstEntryId, lastEntryId));
        }

        @Override
        public void refresh() {
            TailRead asking = tail;
            Continuation.of(registry.read(RegistryKey.ofLedger(ledgerId())), node, (value, failure) -> {
                if (failure == null && asking == tail && tail != null && value.isAbsent()) {
                    tail.fail(new Failure(
                            LedgerException.Code.NoSuchLedger,
                            LedgerException.Outcome.NOT_APPLIED,
                            "the register is collected"));
                } else if (failure == null && asking == tail && tail != null) {
                    Versioned<LedgerMetadata> seen =
                            new Versioned<>(value.version(), LedgerMetadata.decode(value.value()));
                    states.observed(seen);
                    metadata = seen.version() > metadata.version() ? seen : metadata;
                    tail.learned(seen, node.nanoTime());
                }
            });
        }

        private LedgerId ledgerId() {
            return metadata.value().ledgerId();
        }

        /** The read of one hole. */
        private final class Hole implements ReadOutbox {
            private final long fetch;
            private final TailRead asking;
            private final Set<BookieId> suspects = new HashSet<>();
            private RangeRead core;
            private final Map<Long, Long> coreRequests = new HashMap<>();

            Hole(long fetch, TailRead asking) {
                this.fetch = fetch;
                this.asking = asking;
                this.core = newCore(0, 0);
            }

            private RangeRead newCore(long first, long last) {
                return new RangeRead(
                        metadata.value(),
                        plan.password().keyOf(metadata.value().ledgerId()),
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
                                node.nanoTime() + 600_000_000L),
                        this);
            }

            void start(long first, long last) {
                if (hole == this) {
                    core = newCore(first, last);
                    core.start(node.nanoTime());
                }
            }

            @Override
            public void read(
                    long request, BookieId bookie, long firstEntryId, long lastEntryId, int entriesMax, int bytesMax) {
                long wireRequest = ++lastRequest;
                coreRequests.put(wireRequest, request);
                node.send(
                        plan.bookies().addressOf(bookie),
                        new BookieRequest.ReadEntries(
                                bookie,
                                wireRequest,
                                ledgerId(),
                                firstEntryId,
                                lastEntryId,
                                entriesMax,
                                bytesMax,
                                false));
            }

            @Override
            public void readRegister() {
                RangeRead reading = core;
                Continuation.of(registry.read(RegistryKey.ofLedger(ledgerId())), node, (value, failure) -> {
                    if (failure != null) {
                        reading.registerUnavailable();
                    } else if (hole == this && reading == core && asking == tail) {
                        LedgerMetadata.registered(value).ifPresent(states::observed);
                        reading.registerRead(LedgerMetadata.registered(value).map(Versioned::value), node.nanoTime());
                    }
                });
            }

            @Override
            public boolean mayHedge() {
                return true;
            }

            @Override
            public void silent(BookieId bookie) {
                suspects.add(bookie);
            }

            @Override
            public boolean isSuspect(BookieId bookie) {
                return suspects.contains(bookie);
            }

            @Override
            public void done(List<Entry> entries) {
                if (hole == this && asking == tail) {
                    hole = null;
                    tail.fetched(fetch, entries, node.nanoTime());
                }
            }

            @Override
            public void failed(Failure failure) {
                if (hole == this && asking == tail) {
                    hole = null;
                    boolean missing = failure.code() == LedgerException.Code.NoSuchEntry;
                    if (missing && finishing) {
                        throw new IllegalStateException(
                                "I2: a confirmed entry of ledger " + ledgerId() + " cannot be followed: " + failure);
                    }
                    tail.fetchFailed(fetch, failure, node.nanoTime());
                }
            }
        }
    }
}
