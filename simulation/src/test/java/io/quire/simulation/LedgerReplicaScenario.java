package io.quire.simulation;

import io.quire.bookie.core.LedgerReplica;
import io.quire.bookie.core.ReplicaEffect;
import io.quire.protocol.BookieId;
import io.quire.protocol.Deletion;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.UUID;

/**
 * One ledger at one store, the core alone: sessions are opened, batches come twice and with gaps, the register changes and
 * its answers are late, somebody fences, and the store crashes between writing and syncing. Judged is what the replica
 * promises: when a session may open (R8, R14), what is taken behind a fence (H10), and when a fence and a batch are said
 * to be durable (R10, R16).
 *
 * <p>One run, once.
 */
final class LedgerReplicaScenario {
    private static final int STEPS = 200;
    private static final BookieId STORE = new BookieId(new UUID(0, 1));
    private static final LedgerId LEDGER = new LedgerId(4);
    private static final LedgerReplica.Limits LIMITS = new LedgerReplica.Limits(1_000_000, 3, 4);

    private final long seed;
    private final Random random;

    // What outlives a crash.
    private final LedgerMetadata created;
    private Optional<LedgerMetadata> register;
    private boolean fencedDurably;
    private long confirmedDurably = EntryId.NONE;
    private long lastCounter;

    // What does not.
    private LedgerReplica replica;
    private final Deque<Runnable> journal = new ArrayDeque<>();
    private final List<Runnable> registerAnswers = new ArrayList<>();
    private final List<Long> sessions = new ArrayList<>();
    private final Map<Long, Set<Long>> durable = new HashMap<>();
    private final Map<Long, Long> openings = new HashMap<>();
    private boolean fenceAsked;
    private long lastToken;
    /** Whether the answer that the replica is being given allows a session. */
    private boolean mayOpen;

    LedgerReplicaScenario(long seed) {
        this.seed = seed;
        random = new Random(seed * 32_452_843 + 1);
        random.nextInt();
        boolean member = random.nextInt(8) > 0;
        Ensemble ensemble = new Ensemble(List.of(new BookieId(new UUID(0, member ? 1 : 4)), bookie(2), bookie(3)));
        created = LedgerMetadata.create(LEDGER, Replication.DEFAULT, ensemble, Map.of(), 0);
        register = random.nextInt(8) > 0 ? Optional.of(created) : Optional.empty();
        boot();
    }

    private static BookieId bookie(int number) {
        return new BookieId(new UUID(0, number));
    }

    /** Runs it all. */
    public Verdict run() {
        return Verdict.of(seed, () -> {
            for (int i = 0; i < STEPS; i++) {
                step();
            }
        });
    }

    private void boot() {
        replica = new LedgerReplica(
                STORE, LEDGER, new LedgerReplica.Known(fencedDurably, confirmedDurably, EntryId.NONE, 0), LIMITS);
        journal.clear();
        registerAnswers.clear();
        sessions.clear();
        durable.clear();
        openings.clear();
        fenceAsked = fencedDurably;
    }

    private void step() {
        switch (random.nextInt(40)) {
            case 0 -> boot();
            case 1 -> fence();
            case 2 -> changeRegister();
            case 3, 4, 5, 6 -> openSession();
            case 7, 8, 9, 10, 11 -> {
                if (!registerAnswers.isEmpty()) {
                    registerAnswers
                            .remove(random.nextInt(registerAnswers.size()))
                            .run();
                }
            }
            case 12, 13, 14, 15, 16, 17, 18, 19 -> {
                if (!journal.isEmpty()) {
                    journal.poll().run();
                }
            }
            case 20 -> anySession().ifPresent(counter -> replica.closeSession(counter));
            case 21, 22 -> anySession().ifPresent(counter -> perform(replica.probe(counter)));
            default -> anySession().ifPresent(this::addBatch);
        }
    }

    private Optional<Long> anySession() {
        return sessions.isEmpty() ? Optional.empty() : Optional.of(sessions.get(random.nextInt(sessions.size())));
    }

    private void fence() {
        perform(replica.fence(++lastToken, Payload.EMPTY));
    }

    private void changeRegister() {
        register = register.map(metadata -> {
            boolean deletes = random.nextInt(3) == 0;
            return deletes
                    ? metadata.withDeletion(Deletion.DELETED)
                    : metadata.state() == LedgerState.OPEN ? metadata.closed(5, 50, List.of()) : metadata;
        });
    }

    private void openSession() {
        long counter = ++lastCounter;
        long fragmentVersion = created.lastFragment().fragmentVersion() + (random.nextInt(6) == 0 ? 1 : 0);
        openings.put(counter, fragmentVersion);
        sessions.add(counter);
        perform(replica.openSession(counter, fragmentVersion, Payload.EMPTY));
    }

    private void addBatch(long counter) {
        long number = 1L + random.nextInt(8);
        perform(replica.addBatch(counter, number, number * 10, number - 1, EntryBatch.EMPTY));
    }

    private boolean allowsSession(long counter, Optional<LedgerMetadata> read) {
        return openings.containsKey(counter)
                && read.isPresent()
                && read.get().state() == LedgerState.OPEN
                && !read.get().isDeleted()
                && read.get().lastFragment().fragmentVersion() == openings.get(counter)
                && read.get().lastFragment().ensemble().contains(STORE);
    }

    private void perform(List<ReplicaEffect> effects) {
        effects.forEach(this::perform);
    }

    private void perform(ReplicaEffect effect) {
        if (effect instanceof ReplicaEffect.ReadRegister read) {
            // Linearizable: the value of some moment between question and answer.
            Optional<LedgerMetadata> then = register;
            boolean early = random.nextBoolean();
            registerAnswers.add(() -> answerRegister(read.counter(), early ? then : register));
        } else if (effect instanceof ReplicaEffect.SessionOpened opened) {
            require(mayOpen, "R14: session " + opened.counter() + " opened and may not, fence asked: " + fenceAsked);
        } else if (effect instanceof ReplicaEffect.JournalBatch batch) {
            require(!fenceAsked, "H10: a batch is journaled behind a fence");
            journal.add(() -> {
                durable.computeIfAbsent(batch.counter(), counter -> new HashSet<>())
                        .add(batch.number());
                confirmedDurably = Math.max(confirmedDurably, batch.lastAddConfirmed());
                perform(replica.batchJournaled(batch.counter(), batch.number(), batch.lastAddConfirmed()));
            });
        } else if (effect instanceof ReplicaEffect.ReadTerms read) {
            registerAnswers.add(() -> perform(replica.termsRead(read.token(), register)));
        } else if (effect instanceof ReplicaEffect.FenceRefused) {
            require(register.isEmpty(), "a fence of a ledger without a password is refused");
        } else if (effect instanceof ReplicaEffect.JournalFence) {
            fenceAsked = true;
            openings.clear();
            journal.add(() -> {
                fencedDurably = true;
                perform(replica.fenceJournaled());
            });
        } else if (effect instanceof ReplicaEffect.Fenced fenced) {
            require(fencedDurably, "R16: a fence is answered and not durable");
            require(
                    fenced.lastAddConfirmed() == confirmedDurably,
                    "R16: a fence is answered with " + fenced.lastAddConfirmed() + ", known is " + confirmedDurably);
        } else if (effect instanceof ReplicaEffect.Ack ack) {
            requireDurable(ack);
        }
    }

    private void answerRegister(long counter, Optional<LedgerMetadata> read) {
        mayOpen = allowsSession(counter, read);
        perform(replica.registerRead(counter, read));
        mayOpen = false;
    }

    private void requireDurable(ReplicaEffect.Ack ack) {
        Set<Long> known = durable.getOrDefault(ack.counter(), Set.of());
        for (long number = 1; number <= ack.cumulative(); number++) {
            require(known.contains(number), "R10: batch " + number + " is acknowledged and not durable");
        }
        for (ReplicaEffect.Range range : ack.ranges()) {
            for (long number = range.first(); number <= range.last(); number++) {
                require(known.contains(number), "R10: batch " + number + " is acknowledged and not durable");
            }
        }
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalStateException(otherwise);
        }
    }
}
