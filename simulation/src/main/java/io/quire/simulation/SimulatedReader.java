package io.quire.simulation;

import io.quire.client.core.Failure;
import io.quire.client.core.LastAddConfirmedRead;
import io.quire.client.core.RangeRead;
import io.quire.client.core.ReadOutbox;
import io.quire.protocol.BookieId;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerPassword;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.registry.RegistrySettings;
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
 * An application that reads ledgers of others as far as they are confirmed: the production {@link RangeRead} and {@link
 * LastAddConfirmedRead}, and around them what the reader's actor does. In the end it reads every ledger whole; then every
 * acknowledged entry must be there.
 */
final class SimulatedReader implements SimulatedNode.Program {
    private static final long TICK_NANOS = 20_000_000;
    private static final long THINK_NANOS = 30_000_000;
    private static final long CONFIRMED_TIMEOUT_NANOS = 150_000_000;

    private final Random random;
    private final Plan plan;
    private final LedgerContentChecker content;
    private final LedgerStateChecker states;
    private final Map<LedgerId, Long> highestRead = new HashMap<>();
    private boolean finishing;
    private final Deque<LedgerId> toFinish = new ArrayDeque<>();
    private boolean finished;

    /**
     * @param password of every ledger
     */
    record Plan(List<String> voters, RegistrySettings registry, BookieDirectory bookies, LedgerPassword password) {}

    SimulatedReader(Random random, Plan plan, LedgerContentChecker content, LedgerStateChecker states) {
        this.random = random;
        this.plan = plan;
        this.content = content;
        this.states = states;
    }

    /** From now on: read every ledger whole, once; every read has to succeed. */
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

    private final class Incarnation implements ReadOutbox {
        private final SimulatedNode node;
        private final SimulatedRegistryClient registry;
        private final Set<BookieId> suspects = new HashSet<>();
        private Versioned<LedgerMetadata> ledger;
        private LastAddConfirmedRead confirmed;
        private long confirmedId;
        private long confirmedDeadlineNanos;
        private RangeRead range;
        private long first;
        private long end;
        private boolean last;
        /** What the read under way calls the requests that were sent for it. */
        private final Map<Long, Long> coreRequests = new HashMap<>();

        private long lastRequest;

        Incarnation(SimulatedNode node) {
            this.node = node;
            this.registry = new SimulatedRegistryClient(
                    node,
                    plan.voters(),
                    plan.registry(),
                    () -> new ProposerId(new UUID(random.nextLong(), random.nextLong())));
        }

        void think() {
            node.schedule((long) (random.nextDouble() * THINK_NANOS), this::next);
        }

        private void next() {
            List<LedgerId> ledgers = content.ledgers();
            last = finishing;
            if (last && toFinish.isEmpty()) {
                finished = true;
            } else if (ledgers.isEmpty()) {
                think();
            } else {
                open(last ? toFinish.peek() : ledgers.get(random.nextInt(ledgers.size())));
            }
        }

        private void open(LedgerId ledgerId) {
            Continuation.of(registry.read(RegistryKey.ofLedger(ledgerId)), node, (value, failure) -> {
                if (failure == null && value.isCollected()) {
                    gone();
                    return;
                }
                if (failure != null || value.isAbsent()) {
                    think();
                    return;
                }
                ledger = new Versioned<>(value.version(), LedgerMetadata.decode(value.value()));
                states.observed(ledger);
                if (ledger.value().isDeleted()) {
                    gone();
                } else if (ledger.value().isClosed()) {
                    read(ledger.value().lastEntryId());
                } else {
                    readConfirmed();
                }
            });
        }

        /** There is no such ledger any more: nothing is promised of it. */
        private void gone() {
            if (last) {
                toFinish.poll();
            }
            think();
        }

        private void readConfirmed() {
            confirmed = new LastAddConfirmedRead(
                    ledger.value().replication(),
                    highestRead.getOrDefault(ledger.value().ledgerId(), -1L));
            confirmedId = ++lastRequest;
            confirmedDeadlineNanos = node.nanoTime() + CONFIRMED_TIMEOUT_NANOS;
            for (BookieId bookie : ledger.value().lastFragment().ensemble().bookies()) {
                node.send(
                        plan.bookies().addressOf(bookie),
                        new BookieRequest.ReadLastAddConfirmed(
                                bookie, confirmedId, ledger.value().ledgerId()));
            }
        }

        private void confirmedRead() {
            long highest = confirmed.highest();
            confirmed = null;
            read(highest);
        }

        private void read(long end) {
            this.end = end;
            first = last ? 0 : (long) (random.nextDouble() * (end + 1));
            if (end < 0) {
                done(List.of());
                return;
            }
            int limit = last ? Integer.MAX_VALUE : 1 + random.nextInt(30);
            coreRequests.clear();
            range = new RangeRead(
                    ledger.value(),
                    plan.password().keyOf(ledger.value().ledgerId()),
                    first,
                    end,
                    false,
                    new RangeRead.Limits(
                            limit,
                            Long.MAX_VALUE,
                            1 + random.nextInt(20),
                            200 + random.nextInt(4000),
                            60_000_000,
                            25_000_000,
                            30_000_000,
                            node.nanoTime() + (last ? 20_000_000_000L : 600_000_000L)),
                    this);
            range.start(node.nanoTime());
        }

        void tick() {
            if (range != null) {
                range.tick(node.nanoTime());
            }
            if (confirmed != null && node.nanoTime() - confirmedDeadlineNanos >= 0) {
                if (confirmed.answers() > 0 && !last) {
                    confirmedRead();
                } else {
                    readConfirmed();
                }
            }
        }

        void received(Envelope envelope) {
            if (registry.received(envelope)) {
                return;
            }
            if (envelope.message() instanceof BookieReply.LastAddConfirmedRead answer) {
                if (confirmed != null && answer.requestId() == confirmedId) {
                    confirmed.answered(
                            ledger.value().lastFragment().ensemble().positionOf(answer.bookie()),
                            answer.lastAddConfirmed());
                    if (confirmed.isCovered()) {
                        confirmedRead();
                    }
                }
            } else if (envelope.message() instanceof BookieReply.EntriesRead answer) {
                Long request = coreRequests.remove(answer.requestId());
                if (range != null && request != null) {
                    range.entriesRead(request, answer.entries(), answer.coveredTo(), node.nanoTime());
                }
            } else if (envelope.message() instanceof BookieReply.RequestRefused refused) {
                Long request = coreRequests.remove(refused.requestId());
                if (range != null && request != null) {
                    range.refused(request, refused.detail(), node.nanoTime());
                }
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
                            ledger.value().ledgerId(),
                            firstEntryId,
                            lastEntryId,
                            entriesMax,
                            bytesMax,
                            false));
        }

        @Override
        public void readRegister() {
            RangeRead asking = range;
            Continuation.of(registry.read(RegistryKey.ofLedger(ledger.value().ledgerId())), node, (value, failure) -> {
                if (asking == range && range != null && failure == null) {
                    LedgerMetadata.registered(value).ifPresent(states::observed);
                    range.registerRead(LedgerMetadata.registered(value).map(Versioned::value), node.nanoTime());
                } else if (asking != null) {
                    asking.registerUnavailable();
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
            range = null;
            LedgerId ledgerId = ledger.value().ledgerId();
            content.read(ledgerId, entries);
            for (int i = 0; i < entries.size(); i++) {
                if (entries.get(i).entryId() != first + i) {
                    throw new IllegalStateException("I4: a read from " + first + " has a gap at " + i);
                }
            }
            if (last) {
                requireAcknowledged(ledgerId, entries.size());
                toFinish.poll();
            } else if (!entries.isEmpty()) {
                highestRead.merge(ledgerId, entries.get(entries.size() - 1).entryId(), Math::max);
            }
            think();
        }

        /** I2, I4: what was acknowledged in a closed ledger, or read by somebody before, is there for ever. */
        private void requireAcknowledged(LedgerId ledgerId, int count) {
            if (ledger.value().isClosed()) {
                for (long entryId : content.acknowledgedIn(ledgerId)) {
                    if (entryId >= count) {
                        throw new IllegalStateException("I2: acknowledged entry " + entryId + " of ledger " + ledgerId
                                + " is beyond its end " + (count - 1));
                    }
                }
            }
            if (highestRead.getOrDefault(ledgerId, -1L) >= count) {
                throw new IllegalStateException("I4: entry " + highestRead.get(ledgerId) + " of ledger " + ledgerId
                        + " was readable, now it ends at " + (count - 1));
            }
        }

        @Override
        public void failed(Failure failure) {
            range = null;
            boolean deleted = failure.code() == LedgerException.Code.NoSuchLedger;
            if (deleted && states.isDeleted(ledger.value().ledgerId())) {
                gone();
                return;
            }
            if (deleted || failure.code() == LedgerException.Code.NoSuchEntry || last) {
                throw new IllegalStateException("I2: confirmed entries up to " + end + " of ledger "
                        + ledger.value().ledgerId() + " cannot be read: " + failure);
            }
            think();
        }
    }
}
