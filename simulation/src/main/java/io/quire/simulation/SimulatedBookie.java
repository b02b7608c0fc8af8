package io.quire.simulation;

import io.quire.bookie.core.BootSequence;
import io.quire.bookie.core.LedgerReplica;
import io.quire.bookie.core.ReplicaEffect;
import io.quire.bookie.core.ReplicaRefusal;
import io.quire.bookie.core.TailFeed;
import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.BootRecord;
import io.quire.bookie.storage.DamagedJournalException;
import io.quire.bookie.storage.JournalRecord;
import io.quire.bookie.storage.StoreIdentity;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieLife;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.SessionId;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import io.quire.registry.RegistrySettings;
import io.quire.simulation.SimulatedNetwork.Envelope;
import io.quire.storage.FileStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.StorageException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * A bookie on a {@link SimulatedNode}: the production {@link BootSequence}, {@link LedgerReplica} and {@link BookieStore}
 * with its journal, memtables and block store, and around them what the bookie's actors do. A store that fails stops the
 * node, which starts again from its disk a little later.
 */
public class SimulatedBookie implements SimulatedNode.Program {
    private static final String ROOT = "root";
    private static final String JOURNAL = "journal";
    private static final String LEDGERS = "ledgers";
    private static final long SYNC_MAX_NANOS = 400_000;
    private static final long FLUSH_MAX_NANOS = 3_000_000;
    private static final long READ_MAX_NANOS = 200_000;
    private static final long RESTART_MAX_NANOS = 300_000_000;
    private static final long BOOT_RETRY_NANOS = 50_000_000;
    private static final String CLUSTER = "simulated";
    /** Where a segment's header has its generation. */
    private static final int SEGMENT_GENERATION = 24;

    private final Random random;
    private final Plan plan;
    private final Checkers checkers;
    private final AckDurabilityChecker durability;
    private final Optional<SimulatedGarbage.Plan> garbage;
    private BookieId identity;
    private Optional<BookieStore> running = Optional.empty();
    /** Whether the disk is not what it was any more; then it must never serve again. */
    private boolean lost;

    /** Whether it has lost something that it can get back from others. */
    private boolean impaired;

    private Map<LedgerId, String> blocked = Map.of();

    private long bootsServed;
    private long refusedBoots;
    private Optional<SimulatedDisk.Copy> copy = Optional.empty();
    private long bootsServedWhenCopied;

    /** How a store loses what it has acknowledged. */
    enum Loss {
        /** The disk is empty. */
        DISK,
        /** The disk was empty, and somebody formatted it with the identity that he remembers. */
        DISK_FORMATTED_AS_BEFORE,
        LEDGER_STORE,
        /** The journal is gone; the store goes into limbo. */
        JOURNAL,
        /** A byte of the journal, where something behind it says that it was durable; the store goes into limbo. */
        JOURNAL_BYTE,
        /** A byte of a block or of what is known of a ledger; that ledger goes into limbo. */
        VALUE_BYTE,
        /** An older state of the disk takes its place: a backup, or a snapshot. */
        ROLLBACK
    }

    /** What is watched. */
    public record Checkers(AckDurabilityChecker durability, LedgerStateChecker states, FenceChecker fences) {}

    /**
     * @param voters where the registry is
     */
    public record Plan(
            List<String> voters,
            RegistrySettings registry,
            BookieStore.Settings store,
            LedgerReplica.Limits limits,
            TailFeed.Limits tails) {}

    public SimulatedBookie(BookieId identity, Random random, Plan plan, Checkers checkers) {
        this(identity, random, plan, checkers, Optional.empty());
    }

    /**
     * @param garbage how garbage is collected, if it is
     */
    SimulatedBookie(
            BookieId identity, Random random, Plan plan, Checkers checkers, Optional<SimulatedGarbage.Plan> garbage) {
        this.garbage = garbage;
        this.identity = identity;
        this.random = random;
        this.plan = plan;
        this.checkers = checkers;
        this.durability = checkers.durability();
    }

    /** The store that is, or was last, on this machine's disk. */
    BookieId identity() {
        return identity;
    }

    boolean isLost() {
        return lost;
    }

    /** Whether not everything of the running store is in limbo. */
    boolean takesNewLedgers() {
        return running.isPresent() && !running.get().limbo().isEverything();
    }

    /** Somebody damages what it stores: from now on it may find that something is not what was written. */
    void mayBeDamaged() {
        impaired = true;
    }

    /** What keeps the running store in limbo, for people. */
    String limboReport() {
        return running.map(store -> identity + (store.limbo().isEverything() ? " everything " : " ")
                        + store.limbo().ledgers(0, 10) + " " + blocked)
                .orElse(identity + " is down");
    }

    /** Up to 100 ledgers that are in limbo in the running store. */
    List<LedgerId> ledgersInLimbo() {
        return running.map(store -> store.limbo().ledgers(0, 100)).orElse(List.of());
    }

    /** Whether nothing of the running store is in limbo. */
    boolean isWhole() {
        return running.isPresent() && running.get().limbo().isEmpty();
    }

    /** How often a store that had lost its data was refused to boot. */
    long refusedBoots() {
        return refusedBoots;
    }

    /** Takes a copy of the disk of {@code node}, on which this runs, if it serves. */
    void takeCopy(SimulatedNode node) {
        if (running.isPresent() && !lost) {
            copy = Optional.of(node.disk().copy());
            bootsServedWhenCopied = bootsServed;
        }
    }

    /**
     * Whether the store can suffer that loss, so that its next boot has to be refused. Copies of the current boot are left
     * out: they say of themselves exactly what the register says, and R7 cannot tell them from the store.
     */
    boolean canSuffer(Loss loss) {
        return bootsServed > 0
                && !lost
                && (loss != Loss.ROLLBACK || (copy.isPresent() && bootsServedWhenCopied < bootsServed));
    }

    /** Takes the data away from a store that can suffer it; the process ends, and somebody starts it again. */
    void lose(SimulatedNode node, Loss loss) {
        node.crash();
        boolean healable = loss == Loss.JOURNAL || loss == Loss.JOURNAL_BYTE || loss == Loss.VALUE_BYTE;
        lost = !healable;
        impaired = healable;
        running = Optional.empty();
        SimulatedDisk disk = node.disk();
        switch (loss) {
            case DISK -> disk.erase();
            case DISK_FORMATTED_AS_BEFORE -> {
                disk.erase();
                format(disk, identity);
                disk.crash();
            }
            case LEDGER_STORE -> disk.remove(LEDGERS);
            case JOURNAL -> disk.removeFileStore(JOURNAL);
            case JOURNAL_BYTE -> flipJournalByte(disk);
            case VALUE_BYTE -> disk.flipAnyValueByte(LEDGERS, List.of((byte) 'b', (byte) 'l'), random);
            case ROLLBACK -> disk.restore(copy.orElseThrow());
        }
    }

    /**
     * Inverts a byte of a segment that is not the youngest: what is the last thing in a journal nothing behind it speaks of,
     * so that nobody can tell it from a torn tail (R20).
     */
    private void flipJournalByte(SimulatedDisk disk) {
        Map<String, Long> generations = new TreeMap<>();
        try (FileStore journal = disk.openFileStore(JOURNAL)) {
            for (String name : journal.list()) {
                try (FileStore.StoreFile file = journal.open(name)) {
                    ByteBuffer head = ByteBuffer.allocate(SEGMENT_GENERATION + Long.BYTES);
                    file.read(0, head);
                    generations.put(name, head.hasRemaining() ? 0 : head.getLong(SEGMENT_GENERATION));
                }
            }
        }
        long youngest = generations.values().stream()
                .mapToLong(generation -> generation)
                .max()
                .orElse(0);
        generations.values().removeIf(generation -> generation == youngest);
        if (!generations.isEmpty()) {
            List<String> names = List.copyOf(generations.keySet());
            disk.flipAnyByte(JOURNAL, names.get(random.nextInt(names.size())), random);
        }
    }

    /** An operator gives up the store and formats a new one on an empty disk, with an id of its own, and starts it. */
    void formatAnew(SimulatedNode node, BookieId newIdentity) {
        node.crash();
        node.disk().erase();
        identity = newIdentity;
        lost = false;
        impaired = false;
        bootsServed = 0;
        copy = Optional.empty();
        node.start();
    }

    static void format(SimulatedDisk disk, BookieId identity) {
        try (KeyValueStore ledgers = disk.openKeyValueStore(LEDGERS);
                FileStore root = disk.openFileStore(ROOT)) {
            new StoreIdentity(identity, CLUSTER).format(root, ledgers);
        }
    }

    /** Opens the data; subclasses may give back something else. */
    protected BookieStore openStore(SimulatedNode node, BootEpoch bootEpoch, KeyValueStore ledgers) {
        BookieStore.Files files = BookieStore.Files.ofLmdb(node.disk().openFileStore(JOURNAL), ledgers);
        try {
            return BookieStore.open(identity, bootEpoch, plan.store(), files);
        } catch (DamagedJournalException e) {
            if (!impaired) {
                throw new IllegalStateException("R20: false damage: " + e.getMessage(), e);
            }
            BookieStore.salvage(identity, bootEpoch, plan.store(), files, e.getMessage());
            return BookieStore.open(identity, bootEpoch, plan.store(), files);
        }
    }

    /** Makes a group durable; subclasses may plant an error. */
    protected void append(BookieStore store, List<JournalRecord> records) {
        store.append(records);
    }

    @Override
    public final Consumer<Envelope> start(SimulatedNode node) {
        running = Optional.empty();
        try {
            if (!durability.isFormatted(identity)) {
                node.disk().erase();
                format(node.disk(), identity);
                durability.formatted(identity);
            }
            try (FileStore root = node.disk().openFileStore(ROOT)) {
                StoreIdentity.read(root);
            }
            Incarnation incarnation = new Incarnation(node, node.disk().openKeyValueStore(LEDGERS));
            incarnation.boot();
            return incarnation::received;
        } catch (StorageException e) {
            refused(node, e.getMessage());
            return envelope -> {};
        }
    }

    /** The store does not boot: for good if it has lost its data, otherwise until a little later. */
    private void refused(SimulatedNode node, String reason) {
        if (lost) {
            refusedBoots++;
            node.refuse(reason);
        } else {
            stop(node);
        }
    }

    /** What the running store holds as one entry; empty when it holds none, or is down. */
    Optional<Payload> copyOf(BookieId bookie, LedgerId ledgerId, long entryId) {
        return running.filter(store -> store.id().equals(bookie))
                .flatMap(store -> store.read(ledgerId, entryId, entryId, 1, 1).entries().stream()
                        .findFirst()
                        .map(encoded -> EntryFormat.decode(encoded).payload()));
    }

    /** What the running store knows of a ledger; empty when it knows nothing, or is down. */
    Optional<BookieStore.LedgerView> viewOf(LedgerId ledgerId) {
        return running.flatMap(store -> store.ledger(ledgerId));
    }

    /** Whether it has booted. */
    boolean isServing() {
        return running.isPresent();
    }

    private void stop(SimulatedNode node) {
        node.crashFor((long) (random.nextDouble() * RESTART_MAX_NANOS));
    }

    private long upTo(long nanos) {
        return (long) (random.nextDouble() * nanos);
    }

    private record Queued(JournalRecord record, Runnable whenDurable) {}

    private record Client(String address, long requestId) {}

    private record Recovery(Client client, EntryBatch entries) {}

    private record Fence(Client client, Runnable whenFenced) {}

    private final class Incarnation {
        private final SimulatedNode node;
        private final KeyValueStore ledgers;
        private final SimulatedRegistryClient registry;
        private final Map<LedgerId, LedgerReplica> replicas = new TreeMap<>();
        private final Map<LedgerId, SimulatedTails> tails = new TreeMap<>();
        private final Map<Long, LedgerId> sessions = new HashMap<>();
        private final Map<Long, Client> clients = new HashMap<>();
        private final Map<Long, Fence> fences = new HashMap<>();
        private final Deque<Queued> queue = new ArrayDeque<>();
        /** Sessions whose register was not read yet when their ledger was known to be deleted. */
        private final Set<Long> openingsOfDeleted = new HashSet<>();

        private final Map<Long, Consumer<Boolean>> drops = new HashMap<>();
        private long lastDrop;
        private BootRecord record;
        private BookieStore store;
        private BootEpoch bootEpoch;
        private SimulatedRepair repair;
        private boolean syncing;
        private boolean flushing;
        private long lastSession;
        private final Map<Long, Recovery> recoveries = new HashMap<>();
        private long lastFence;
        private long lastRecovery;

        Incarnation(SimulatedNode node, KeyValueStore ledgers) {
            this.node = node;
            this.ledgers = ledgers;
            this.registry = new SimulatedRegistryClient(
                    node, plan.voters(), plan.registry(), () -> new ProposerId(randomUuid()));
            this.record = readIntent();
        }

        private BootRecord readIntent() {
            BootRecord found = BootRecord.read(ledgers);
            if (found.intent().isEmpty()) {
                found = found.withIntent(new OpId(randomUuid()));
                found.write(ledgers);
            }
            return found;
        }

        private UUID randomUuid() {
            return new UUID(random.nextLong(), random.nextLong());
        }

        void boot() {
            RegistryKey key = RegistryKey.ofBookie(identity);
            Continuation.of(registry.read(key), node, (value, failure) -> {
                if (failure != null) {
                    node.schedule(BOOT_RETRY_NANOS, this::boot);
                } else {
                    follow(key, value);
                }
            });
        }

        private void follow(RegistryKey key, RegisterValue value) {
            OpId opId = record.intent().orElseThrow();
            Optional<BookieRegistration> registered =
                    value.isAbsent() ? Optional.empty() : Optional.of(BookieRegistration.decode(value.value()));
            boolean ours = value.versionWrittenBy(opId)
                    .filter(version -> version == value.version())
                    .isPresent();
            BootSequence.Decision decision = BootSequence.decide(
                    new BootSequence.Situation(record.confirmed(), opId, value.version(), registered, ours),
                    new BookieRegistration(
                            identity,
                            CLUSTER,
                            BootEpoch.NEVER_BOOTED,
                            BookieLife.ACTIVE,
                            node.address(),
                            node.address()));
            if (decision instanceof BootSequence.Decision.Register register) {
                Continuation.of(
                        registry.compareAndSet(
                                key,
                                register.expectedVersion(),
                                register.registration().encode(),
                                opId),
                        node,
                        (result, failure) -> node.schedule(BOOT_RETRY_NANOS / 10, this::boot));
            } else if (decision instanceof BootSequence.Decision.Boot boot) {
                serve(boot.bootEpoch());
            } else if (decision instanceof BootSequence.Decision.Refuse refuse) {
                if (!lost) {
                    throw new IllegalStateException("R7: a good store may not boot: " + refuse.reason());
                }
                refused(node, refuse.reason());
            }
        }

        private void serve(BootEpoch epoch) {
            try {
                BookieStore opened = openStore(node, epoch, ledgers);
                record.withConfirmedIntent(CLUSTER).write(ledgers);
                bootEpoch = epoch;
                store = opened;
                running = Optional.of(opened);
                node.scheduleEvery(
                        plan.tails().heartbeatNanos(), () -> tails.values().forEach(SimulatedTails::tick));
                node.disk().endReadFaults();
                durability.verify(identity, store, impaired);
                repair = new SimulatedRepair(node, identity, store, registry, random, new RepairShell());
                store.whenDamaged(ledgerId -> {
                    if (!impaired) {
                        throw new IllegalStateException("R19: false damage of ledger " + ledgerId);
                    }
                    node.schedule(0, this::limboChanged);
                });
                if (lost) {
                    throw new IllegalStateException("R7: bookie " + identity + " serves though its disk was lost");
                }
                bootsServed++;
                garbage.ifPresent(how -> new SimulatedGarbage(identity, node, how, registry, new GarbageStore()));
            } catch (StorageException e) {
                if (!lost
                        && !impaired
                        && (e.getMessage().contains("damaged") || e.getMessage().contains("missing"))) {
                    throw new IllegalStateException("R20: false damage: " + e.getMessage(), e);
                }
                refused(node, e.getMessage());
            }
        }

        void received(Envelope envelope) {
            if (registry.received(envelope) || store == null) {
                return;
            }
            try {
                handle(envelope);
            } catch (StorageException e) {
                stop(node);
            }
        }

        private void handle(Envelope envelope) {
            Object message = envelope.message();
            if (message instanceof BookieReply reply) {
                repair.replied(reply);
            } else if (message instanceof BookieRequest request
                    && !request.target().equals(identity)) {
                SimulatedRefusals.of(request, Refusal.WRONG_BOOKIE, "this is bookie " + identity)
                        .forEach(refusal -> reply(envelope.from(), refusal));
            } else if (message instanceof BookieRequest.OpenSession open) {
                long counter = ++lastSession;
                sessions.put(counter, open.ledgerId());
                clients.put(counter, new Client(envelope.from(), open.requestId()));
                run(
                        open.ledgerId(),
                        replica(open.ledgerId()).openSession(counter, open.fragmentVersion(), open.proof()));
            } else if (message instanceof BookieRequest.AddEntries add) {
                add.batches().forEach(batch -> add(envelope.from(), batch));
            } else if (message instanceof BookieRequest.ProbeSession probe) {
                probe(envelope.from(), probe.session());
            } else if (message instanceof BookieRequest.CloseSession close && isOurs(close.session())) {
                LedgerId ledgerId = sessions.get(close.session().counter());
                replica(ledgerId).closeSession(close.session().counter());
            } else if (message instanceof BookieRequest.RecoveryAddEntries add) {
                long token = ++lastRecovery;
                recoveries.put(token, new Recovery(new Client(envelope.from(), add.requestId()), add.entries()));
                run(
                        add.ledgerId(),
                        replica(add.ledgerId()).recoveries().add(token, add.version(), add.proof(), add.entries()));
            } else if (message instanceof BookieRequest.SubscribeLedger subscribe) {
                tails(subscribe.ledgerId()).subscribe(envelope.from(), subscribe);
            } else if (message instanceof BookieRequest.GrantCredit grant) {
                tails(grant.ledgerId()).grant(envelope.from(), grant);
            } else if (message instanceof BookieRequest.UnsubscribeLedger unsubscribe) {
                tails(unsubscribe.ledgerId()).unsubscribe(envelope.from(), unsubscribe.requestId());
            } else if (message instanceof BookieRequest.ReadEntries read) {
                read(envelope.from(), read);
            } else if (message instanceof BookieRequest.ReadLastAddConfirmed read) {
                answer(
                        envelope.from(),
                        read.requestId(),
                        () -> new BookieReply.LastAddConfirmedRead(
                                identity,
                                bootEpoch,
                                read.requestId(),
                                read.ledgerId(),
                                lastAddConfirmed(read.ledgerId())));
            } else if (message instanceof BookieRequest.ConfirmDropped confirm) {
                node.schedule(upTo(READ_MAX_NANOS), guarded(() -> confirmDropped(envelope.from(), confirm)));
            } else if (message instanceof BookieRequest.FenceLedger fence) {
                fence(
                        fence.ledgerId(),
                        fence.proof(),
                        new Client(envelope.from(), fence.requestId()),
                        () -> reply(
                                envelope.from(),
                                new BookieReply.LedgerFenced(
                                        identity,
                                        bootEpoch,
                                        fence.requestId(),
                                        fence.ledgerId(),
                                        replica(fence.ledgerId()).lastAddConfirmed())));
            }
        }

        /** Whoever asks for another store is refused (H29); what is never answered goes without a word. */
        private void add(String from, BookieRequest.Batch batch) {
            if (!isOurs(batch.session())) {
                reply(from, new BookieReply.SessionEnded(batch.session(), Refusal.UNKNOWN_SESSION, "unknown"));
                return;
            }
            long counter = batch.session().counter();
            LedgerId ledgerId = sessions.get(counter);
            clients.putIfAbsent(counter, new Client(from, 0));
            run(
                    ledgerId,
                    replica(ledgerId)
                            .addBatch(
                                    counter,
                                    batch.number(),
                                    batch.endOffset(),
                                    batch.lastAddConfirmed(),
                                    batch.entries(),
                                    batch.receipt()));
        }

        private void probe(String from, SessionId session) {
            if (!isOurs(session)) {
                reply(from, new BookieReply.SessionEnded(session, Refusal.UNKNOWN_SESSION, "unknown"));
                return;
            }
            LedgerId ledgerId = sessions.get(session.counter());
            run(ledgerId, replica(ledgerId).probe(session.counter()));
        }

        private void read(String from, BookieRequest.ReadEntries read) {
            Runnable answer =
                    () -> node.schedule(upTo(READ_MAX_NANOS), () -> answer(from, read.requestId(), () -> found(read)));
            if (read.fencing()) {
                fence(read.ledgerId(), read.proof(), new Client(from, read.requestId()), answer);
            } else {
                answer.run();
            }
        }

        private BookieReply found(BookieRequest.ReadEntries read) {
            boolean inLimbo = store.limbo().contains(read.ledgerId());
            if (read.fencing() && !inLimbo) {
                store.requireWhole(read.ledgerId());
            }
            BookieStore.EntryRange range = store.read(
                    read.ledgerId(), read.firstEntryId(), read.lastEntryId(), read.entriesMax(), read.bytesMax());
            if (inLimbo) {
                range = range.heldInARowFrom(read.firstEntryId());
                if (range.entries().isEmpty()) {
                    return new BookieReply.RequestRefused(identity, read.requestId(), Refusal.IN_LIMBO, "in limbo");
                }
            }
            durability.requireNotDenied(
                    identity, read.ledgerId(), read.firstEntryId(), range.coveredTo(), range.entries());
            return new BookieReply.EntriesRead(
                    identity,
                    bootEpoch,
                    read.requestId(),
                    read.ledgerId(),
                    EntryBatch.of(range.entries()),
                    range.coveredTo(),
                    lastAddConfirmed(read.ledgerId()));
        }

        /** A read that fails is refused: unknown, never a negative (H4). */
        private void answer(String from, long requestId, Supplier<BookieReply> read) {
            BookieReply reply;
            try {
                reply = read.get();
            } catch (StorageException e) {
                if (e.getMessage().contains("lost something") && !impaired && !durability.isDestroyed(identity)) {
                    throw new IllegalStateException("R19: false loss: " + e.getMessage(), e);
                }
                Refusal refusal =
                        e instanceof StorageException.DamagedException ? Refusal.IN_LIMBO : Refusal.UNAVAILABLE;
                reply = new BookieReply.RequestRefused(identity, requestId, refusal, e.getMessage());
            }
            reply(from, reply);
        }

        private void confirmDropped(String from, BookieRequest.ConfirmDropped confirm) {
            List<LedgerId> gone = confirm.ledgerIds().stream()
                    .filter(ledgerId -> replicas.containsKey(ledgerId)
                            ? replicas.get(ledgerId).holdsNothing()
                            : store.ledger(ledgerId).isEmpty())
                    .toList();
            garbage.orElseThrow().checker().confirmed(identity, gone);
            reply(from, new BookieReply.DropsConfirmed(identity, bootEpoch, confirm.requestId(), gone));
        }

        /** What the garbage collector does with the store. */
        private final class GarbageStore implements SimulatedGarbage.Store {
            @Override
            public void list(long first, int max, Consumer<List<LedgerId>> found) {
                guarded(() -> found.accept(store.ledgerIds(first, max))).run();
            }

            @Override
            public void drop(LedgerId ledgerId, OptionalLong supersededAt, Consumer<Boolean> done) {
                long token = ++lastDrop;
                drops.put(token, done);
                if (supersededAt.isEmpty()) {
                    garbage.orElseThrow().checker().goneForEver(identity, ledgerId);
                }
                run(
                        ledgerId,
                        supersededAt.isPresent()
                                ? replica(ledgerId).dropSuperseded(token, supersededAt.getAsLong())
                                : replica(ledgerId).drop(token));
            }

            @Override
            public void letGoOfIdle() {
                List<LedgerId> idle = replicas.entrySet().stream()
                        .filter(replica -> replica.getValue().isIdle() && random.nextInt(3) == 0)
                        .map(Map.Entry::getKey)
                        .toList();
                replicas.keySet().removeAll(idle);
                tails.keySet().removeAll(idle);
                sessions.values().removeAll(idle);
            }
        }

        private void fence(LedgerId ledgerId, Payload proof, Client client, Runnable whenFenced) {
            long token = ++lastFence;
            fences.put(token, new Fence(client, whenFenced));
            run(ledgerId, replica(ledgerId).fence(token, proof));
        }

        private long lastAddConfirmed(LedgerId ledgerId) {
            return store.ledger(ledgerId)
                    .map(BookieStore.LedgerView::lastAddConfirmed)
                    .orElse(-1L);
        }

        private boolean isOurs(SessionId session) {
            return session.bookie().equals(identity)
                    && session.bootEpoch().equals(bootEpoch)
                    && sessions.containsKey(session.counter());
        }

        private SimulatedTails tails(LedgerId ledgerId) {
            return tails.computeIfAbsent(
                    ledgerId,
                    id -> new SimulatedTails(
                            node,
                            identity,
                            bootEpoch,
                            id,
                            new TailFeed(plan.tails(), replica(id).lastAddConfirmed()),
                            (read, done) -> node.schedule(
                                    upTo(READ_MAX_NANOS),
                                    guarded(() -> done.accept(
                                            store.read(id, read.first(), read.last(), 100, read.bytesMax()))))));
        }

        private LedgerReplica replica(LedgerId ledgerId) {
            return replicas.computeIfAbsent(ledgerId, id -> {
                Optional<BookieStore.LedgerView> view = store.ledgerOrMended(id);
                boolean inLimbo = store.limbo().contains(id);
                if (view.filter(BookieStore.LedgerView::fenced).isPresent()) {
                    checkers.fences().fenced(identity, id);
                }
                return new LedgerReplica(
                        identity,
                        id,
                        view.map(known -> new LedgerReplica.Known(
                                        known.fenced(),
                                        known.lastAddConfirmed(),
                                        known.lastEntryId(),
                                        known.heldAt(),
                                        inLimbo))
                                .orElse(inLimbo ? LedgerReplica.Known.NOTHING_IN_LIMBO : LedgerReplica.Known.NOTHING),
                        plan.limits());
            });
        }

        private void limboChanged() {
            replicas.forEach((ledgerId, replica) ->
                    run(ledgerId, replica.limboChanged(store.limbo().contains(ledgerId))));
        }

        private final class RepairShell implements SimulatedRepair.Shell {
            @Override
            public void journal(
                    long requestId, LedgerId ledgerId, Versioned<LedgerMetadata> register, EntryBatch copies) {
                long token = ++lastRecovery;
                recoveries.put(token, new Recovery(new Client(node.address(), requestId), copies));
                run(ledgerId, replica(ledgerId).recoveries().repair(token, register, copies));
            }

            @Override
            public void repaired(LedgerId ledgerId, Optional<LedgerMetadata> register) {
                durability.repaired(identity, ledgerId, register, store);
            }

            @Override
            public void listingEnded() {
                durability.listed(identity, store);
            }

            @Override
            public void storeFailed() {
                stop(node);
            }

            @Override
            public void roundEnded(Map<LedgerId, String> left) {
                blocked = left;
            }

            @Override
            public void limboChanged() {
                Incarnation.this.limboChanged();
            }
        }

        private void journal(JournalRecord toJournal, Runnable whenDurable) {
            garbage.ifPresent(how -> how.checker().journaling(identity, toJournal));
            queue.add(new Queued(toJournal, whenDurable));
            sync();
        }

        private void sync() {
            if (!syncing) {
                syncing = true;
                node.schedule(upTo(SYNC_MAX_NANOS), this::writeGroup);
            }
        }

        private void writeGroup() {
            syncing = false;
            if (!node.effect()) {
                return;
            }
            List<JournalRecord> records = new ArrayList<>();
            queue.forEach(queued -> records.add(queued.record()));
            List<JournalRecord> group = records.subList(0, store.groupOf(records));
            long weight = group.stream().mapToLong(JournalRecord::weight).sum();
            if (store.hasRoomFor(weight)) {
                try {
                    append(store, group);
                } catch (StorageException e) {
                    stop(node);
                    return;
                }
                for (int i = group.size(); i > 0; i--) {
                    queue.remove().whenDurable().run();
                }
            }
            flush();
            if (!queue.isEmpty()) {
                sync();
            }
        }

        private void flush() {
            if (flushing || !store.needsFlush()) {
                return;
            }
            flushing = true;
            node.schedule(upTo(FLUSH_MAX_NANOS), () -> {
                flushing = false;
                if (!node.effect()) {
                    return;
                }
                try {
                    if (store.flushStep()) {
                        store.releaseJournal();
                    }
                } catch (StorageException e) {
                    stop(node);
                    return;
                }
                flush();
            });
        }

        private static Optional<Versioned<LedgerMetadata>> decode(RegisterValue value) {
            return value.isAbsent()
                    ? Optional.empty()
                    : Optional.of(new Versioned<>(value.version(), LedgerMetadata.decode(value.value())));
        }

        private void reply(String to, BookieReply reply) {
            node.send(to, reply);
        }

        private void run(LedgerId ledgerId, List<ReplicaEffect> effects) {
            Effects handler = new Effects(ledgerId);
            guarded(() -> effects.forEach(effect -> effect.accept(handler))).run();
        }

        /** An actor that cannot read what it must know ends the store. */
        private Runnable guarded(Runnable action) {
            return () -> {
                try {
                    action.run();
                } catch (StorageException e) {
                    stop(node);
                }
            };
        }

        /** Runs what a replica makes of an answer, unless it was let go of while it waited. */
        private void answered(LedgerId ledgerId, LedgerReplica asking, Supplier<List<ReplicaEffect>> answer) {
            if (replicas.get(ledgerId) == asking) {
                run(ledgerId, answer.get());
            }
        }

        /** What one ledger's replica wants done. */
        private final class Effects implements ReplicaEffect.Handler<Void> {
            private final LedgerId ledgerId;

            Effects(LedgerId ledgerId) {
                this.ledgerId = ledgerId;
            }

            @Override
            public Void readRegister(ReplicaEffect.ReadRegister effect) {
                if (checkers.states().isDeleted(ledgerId)) {
                    openingsOfDeleted.add(effect.counter());
                }
                LedgerReplica asking = replica(ledgerId);
                Continuation.of(
                        registry.read(RegistryKey.ofLedger(ledgerId)),
                        node,
                        (value, failure) -> answered(
                                ledgerId,
                                asking,
                                () -> failure == null
                                        ? asking.registerRead(
                                                effect.counter(), decode(value).map(Versioned::value))
                                        : asking.registerUnavailable(effect.counter(), "no majority")));
                return null;
            }

            @Override
            public Void sessionOpened(ReplicaEffect.SessionOpened effect) {
                if (openingsOfDeleted.contains(effect.counter())) {
                    throw new IllegalStateException("R14, R22: a session of ledger " + ledgerId
                            + " opened by a reading that was begun when the ledger was deleted already");
                }
                if (store.limbo().contains(ledgerId)) {
                    throw new IllegalStateException("R21: a session of ledger " + ledgerId + " opened in limbo");
                }
                Client client = clients.get(effect.counter());
                reply(
                        client.address(),
                        new BookieReply.SessionOpened(
                                client.requestId(), ledgerId, id(effect.counter()), effect.creditLimit()));
                return null;
            }

            @Override
            public Void sessionRefused(ReplicaEffect.SessionRefused effect) {
                Client client = clients.remove(effect.counter());
                reply(
                        client.address(),
                        new BookieReply.SessionRefused(
                                identity,
                                client.requestId(),
                                ledgerId,
                                Refusal.valueOf(effect.refusal().name()),
                                effect.detail()));
                return null;
            }

            @Override
            public Void sessionEnded(ReplicaEffect.SessionEnded effect) {
                Client client = clients.get(effect.counter());
                reply(
                        client.address(),
                        new BookieReply.SessionEnded(
                                id(effect.counter()),
                                Refusal.valueOf(effect.refusal().name()),
                                effect.detail()));
                return null;
            }

            @Override
            public Void batchRefused(ReplicaEffect.BatchRefused effect) {
                requireNoConflict(effect.refusal(), effect.detail());
                reply(
                        clients.get(effect.counter()).address(),
                        new BookieReply.BatchRefused(
                                id(effect.counter()),
                                effect.number(),
                                Refusal.valueOf(effect.refusal().name()),
                                effect.detail()));
                return null;
            }

            @Override
            public Void journalBatch(ReplicaEffect.JournalBatch effect) {
                journal(new JournalRecord.Added(ledgerId, effect.lastAddConfirmed(), effect.entries()), () -> {
                    run(
                            ledgerId,
                            replica(ledgerId)
                                    .batchJournaled(effect.counter(), effect.number(), effect.lastAddConfirmed()));
                    tails(ledgerId).confirmed(replica(ledgerId).lastAddConfirmed());
                });
                if (effect.receipt()) {
                    reply(
                            clients.get(effect.counter()).address(),
                            new BookieReply.BatchReceived(
                                    new SessionId(identity, bootEpoch, effect.counter()), effect.number()));
                }
                return null;
            }

            @Override
            public Void readVersion(ReplicaEffect.ReadVersion effect) {
                LedgerReplica asking = replica(ledgerId);
                Continuation.of(
                        registry.read(RegistryKey.ofLedger(ledgerId)),
                        node,
                        (value, failure) -> answered(
                                ledgerId,
                                asking,
                                () -> failure == null
                                        ? asking.recoveries().versionRead(effect.number(), decode(value))
                                        : asking.recoveries().versionUnavailable("no majority")));
                return null;
            }

            @Override
            public Void lookUp(ReplicaEffect.LookUp effect) {
                LedgerReplica asking = replica(ledgerId);
                node.schedule(upTo(READ_MAX_NANOS), () -> answered(ledgerId, asking, () -> lookedUp(effect)));
                return null;
            }

            private List<ReplicaEffect> lookedUp(ReplicaEffect.LookUp effect) {
                Map<Long, Payload> held;
                try {
                    held = store.held(ledgerId, effect.entries());
                } catch (StorageException e) {
                    return replica(ledgerId).lookUpFailed(effect.number(), e.getMessage());
                }
                return replica(ledgerId).lookedUp(effect.number(), held);
            }

            @Override
            public Void journalRecovered(ReplicaEffect.JournalRecovered effect) {
                journal(
                        new JournalRecord.Recovered(ledgerId, effect.version(), effect.entries()),
                        () -> run(ledgerId, replica(ledgerId).recoveries().journaled(effect.token())));
                return null;
            }

            @Override
            public Void entriesRecovered(ReplicaEffect.EntriesRecovered effect) {
                Recovery recovery = recoveries.remove(effect.token());
                durability.recovered(identity, recovery.entries());
                Client client = recovery.client();
                reply(
                        client.address(),
                        new BookieReply.EntriesRecovered(identity, bootEpoch, client.requestId(), ledgerId));
                return null;
            }

            @Override
            public Void recoveryRefused(ReplicaEffect.RecoveryRefused effect) {
                requireNoConflict(effect.refusal(), effect.detail());
                Client client = recoveries.remove(effect.token()).client();
                reply(
                        client.address(),
                        new BookieReply.RequestRefused(
                                identity,
                                client.requestId(),
                                Refusal.valueOf(effect.refusal().name()),
                                effect.detail()));
                return null;
            }

            /** R9: an entry has one content, whoever brings it. */
            private void requireNoConflict(ReplicaRefusal refusal, String detail) {
                if (refusal == ReplicaRefusal.CONFLICTING_BYTES) {
                    throw new IllegalStateException("H13, H38: ledger " + ledgerId + ": " + detail);
                }
            }

            @Override
            public Void journalFence(ReplicaEffect.JournalFence effect) {
                journal(new JournalRecord.Fenced(ledgerId), () -> {
                    checkers.fences().fenced(identity, ledgerId);
                    run(ledgerId, replica(ledgerId).fenceJournaled());
                });
                return null;
            }

            @Override
            public Void journalDrop(ReplicaEffect.JournalDrop effect) {
                garbage.orElseThrow().checker().dropping(identity, ledgerId);
                durability.dropping(identity, ledgerId);
                journal(new JournalRecord.Dropped(ledgerId), () -> {
                    tails(ledgerId).end();
                    run(ledgerId, replica(ledgerId).dropJournaled());
                });
                return null;
            }

            @Override
            public Void dropped(ReplicaEffect.Dropped effect) {
                drops.remove(effect.token()).accept(true);
                return null;
            }

            @Override
            public Void dropRefused(ReplicaEffect.DropRefused effect) {
                drops.remove(effect.token()).accept(false);
                return null;
            }

            @Override
            public Void ack(ReplicaEffect.Ack effect) {
                List<BookieReply.BatchRange> ranges = effect.ranges().stream()
                        .map(range -> new BookieReply.BatchRange(range.first(), range.last()))
                        .toList();
                BookieReply.SessionAck ack = new BookieReply.SessionAck(
                        id(effect.counter()), effect.cumulative(), ranges, effect.creditLimit());
                durability.acknowledged(ack);
                reply(clients.get(effect.counter()).address(), new BookieReply.EntriesAdded(List.of(ack)));
                return null;
            }

            @Override
            public Void fenced(ReplicaEffect.Fenced effect) {
                fences.remove(effect.token()).whenFenced().run();
                return null;
            }

            @Override
            public Void readTerms(ReplicaEffect.ReadTerms effect) {
                LedgerReplica asking = replica(ledgerId);
                Continuation.of(
                        registry.read(RegistryKey.ofLedger(ledgerId)),
                        node,
                        (value, failure) -> answered(
                                ledgerId,
                                asking,
                                () -> failure == null
                                        ? asking.termsRead(
                                                effect.token(), decode(value).map(Versioned::value))
                                        : asking.termsUnavailable(effect.token(), "no majority")));
                return null;
            }

            @Override
            public Void fenceRefused(ReplicaEffect.FenceRefused effect) {
                Client client = fences.remove(effect.token()).client();
                reply(
                        client.address(),
                        new BookieReply.RequestRefused(
                                identity,
                                client.requestId(),
                                Refusal.valueOf(effect.refusal().name()),
                                effect.detail()));
                return null;
            }

            private SessionId id(long counter) {
                return new SessionId(identity, bootEpoch, counter);
            }
        }
    }
}
