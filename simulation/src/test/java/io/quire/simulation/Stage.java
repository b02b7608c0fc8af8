package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.core.LedgerReplica;
import io.quire.bookie.core.TailFeed;
import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.BootRecord;
import io.quire.client.core.RecoverySettings;
import io.quire.client.core.WriterSettings;
import io.quire.protocol.AckSet;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.Deletion;
import io.quire.protocol.DigestType;
import io.quire.protocol.Ensemble;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerPassword;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
import io.quire.protocol.Versioned;
import io.quire.protocol.VoterId;
import io.quire.registry.RegistrySettings;
import io.quire.simulation.SimulatedNetwork.Envelope;
import io.quire.storage.KeyValueStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;

/**
 * A small cluster on which a test plays a story step by step: who falls silent, which message is late, whose disk is gone.
 * The players are the production cores of the simulation. The bookies are {@code b0}, {@code b1} and so on; the first of
 * them are the first ensemble of the one ledger, in that order, and the next ones replace them in that order. Its writer
 * is {@code writer}; a batch holds one entry.
 *
 * <p>A member that gets nowhere for {@value #MEMBER_TIMEOUT_MILLIS} ms is replaced; nothing is sent again before twice
 * that time. Times are virtual. Whatever checker of the simulation finds something ends the story with an exception.
 */
final class Stage {
    static final String WRITER = "writer";
    static final long MEMBER_TIMEOUT_MILLIS = 1_000;

    private static final long MILLI = 1_000_000;
    private static final long STEPS_MAX = 1_000_000;
    private static final long PATIENCE_MILLIS = 30_000;
    private static final int VOTERS = 3;
    private static final long FREE_BYTES = 8_000;
    private static final String LEDGERS = "ledgers";
    private static final String JOURNAL = "journal";
    private static final BookieStore.Settings STORE_SETTINGS =
            new BookieStore.Settings(64 << 10, 16 << 10, 2, 16 << 10, 3, 2);

    private final Simulation simulation = new Simulation(Long.getLong("seed", 1), STEPS_MAX);
    private final SimulatedNetwork network = new SimulatedNetwork(simulation, NetworkFaults.NONE);
    private final RegistrySettings registrySettings = new RegistrySettings(
            Duration.ofMillis(600), Duration.ofMillis(60), Duration.ofMillis(4), 64, 100, 10, Duration.ofMillis(100));
    private final Random random = simulation.random("stage");
    private final Replication replication;
    private final List<String> voterAddresses = new ArrayList<>();
    private final Map<String, SimulatedNode> nodes = new LinkedHashMap<>();
    private final Map<String, SimulatedBookie> bookies = new LinkedHashMap<>();
    /** What each machine runs from its next start on. */
    private final Map<String, SimulatedNode.Program> programs = new LinkedHashMap<>();

    /** What writer and recoverers choose from; a bookie formatted anew is not among them. */
    private final BookieDirectory directory = new BookieDirectory();

    private final FenceChecker fences = new FenceChecker();

    private final SimulatedBookie.Plan bookiePlan;
    private final AckDurabilityChecker durability = new AckDurabilityChecker();
    private final LedgerContentChecker content = new LedgerContentChecker();
    private final LedgerStateChecker states = new LedgerStateChecker();
    private final List<Rule> rules = new ArrayList<>();
    private final SimulatedWriter writer;
    private SimulatedRegistryClient registry;

    /** Something done to messages until it is ended. */
    final class Rule {
        private final Traffic traffic;
        private final boolean holds;
        private final List<Envelope> stopped = new ArrayList<>();

        private Rule(Traffic traffic, boolean holds) {
            this.traffic = traffic;
            this.holds = holds;
        }

        /** How many messages were stopped. */
        int count() {
            return stopped.size();
        }

        /** Lets messages through again; those that were held arrive now, those that were lost stay lost. */
        void end() {
            if (rules.remove(this) && holds) {
                stopped.forEach(network::deliver);
            }
        }
    }

    /**
     * A cluster that runs, and its writer with a new ledger.
     *
     * @param bookieCount at most seven
     */
    Stage(Replication replication, int bookieCount) {
        this.replication = replication;
        network.setGate(this::mayArrive);
        for (int i = 0; i < VOTERS; i++) {
            voterAddresses.add("voter" + i);
        }
        bookiePlan = new SimulatedBookie.Plan(
                voterAddresses,
                registrySettings,
                STORE_SETTINGS,
                new LedgerReplica.Limits(1 << 20, 3, 8),
                new TailFeed.Limits(20, 2_000, 10_000, 40 * MILLI, 500 * MILLI));
        for (String voter : voterAddresses) {
            start(voter, new SimulatedVoter(new VoterId(uuid()), simulation.random(voter)));
        }
        start("founder", new SimulatedFounder("simulated", VOTERS, voterAddresses));
        start("observer", node -> {
            registry = registryOf(node);
            return registry::received;
        });
        for (int i = 0; i < bookieCount; i++) {
            BookieId identity = new BookieId(uuid());
            // More free bytes come first, so that the order of the ensemble is known.
            directory.add(new BookieStatus(
                    identity,
                    new BootEpoch(1),
                    1,
                    "b" + i,
                    "b" + i,
                    "b" + i,
                    BookieStatus.State.WRITABLE,
                    FREE_BYTES - i * FREE_BYTES / 8,
                    FREE_BYTES,
                    Map.of()));
            startBookie("b" + i, newBookie(identity, durability));
        }
        until("all bookies serve", () -> bookies.values().stream().allMatch(SimulatedBookie::isServing));
        writer = new SimulatedWriter(
                simulation.random(WRITER),
                new SimulatedWriter.Plan(
                        voterAddresses,
                        registrySettings,
                        directory,
                        replication,
                        DigestType.CRC32C,
                        LedgerPassword.NONE,
                        new WriterSettings(
                                1 << 20,
                                1,
                                10_000,
                                100,
                                100_000,
                                100_000,
                                60_000 * MILLI,
                                2 * MEMBER_TIMEOUT_MILLIS * MILLI,
                                100 * MILLI,
                                20 * MILLI,
                                100 * MILLI,
                                2_000 * MILLI,
                                new WriterSettings.Members(MEMBER_TIMEOUT_MILLIS * MILLI, false)),
                        SimulatedWriter.WHEN_TOLD,
                        0,
                        SimulatedWriter.Pace.STEADY,
                        ledgerId -> {}),
                new SimulatedWriter.Checkers(durability, content, states));
        start(WRITER, writer);
        until("the ledger is created", () -> writer.ledger().isPresent());
        run(50); // its sessions open
    }

    // What happens to messages.

    private boolean mayArrive(Envelope envelope) {
        for (Rule rule : rules) {
            if (rule.traffic.contains(envelope)) {
                rule.stopped.add(envelope);
                return false;
            }
        }
        return true;
    }

    /** From now on these messages are lost. */
    Rule lose(Traffic traffic) {
        return rule(traffic, false);
    }

    /** From now on these messages are late: they arrive when the rule ends. */
    Rule hold(Traffic traffic) {
        return rule(traffic, true);
    }

    private Rule rule(Traffic traffic, boolean holds) {
        Rule rule = new Rule(traffic, holds);
        rules.add(rule);
        return rule;
    }

    /** Parts {@code player} and the registry until {@link #heal}. */
    void partFromRegistry(String player) {
        network.partition(List.of(player), voterAddresses);
    }

    /** Everybody reaches everybody again; rules stay. */
    void heal() {
        network.heal();
    }

    // What happens to machines.

    /** Bookies that are down are not chosen as replacements. */
    void crash(String... players) {
        for (String player : players) {
            nodes.get(player).crash();
            choose(player, false);
        }
    }

    /** Starts what is down; bookies serve on return. */
    void start(String... players) {
        for (String player : players) {
            nodes.get(player).start();
            choose(player, true);
        }
        for (String player : players) {
            if (bookies.containsKey(player)) {
                until(player + " serves", bookies.get(player)::isServing);
            }
        }
    }

    /** Nobody chooses these bookies any more. */
    void avoid(String... players) {
        for (String player : players) {
            choose(player, false);
        }
    }

    private void choose(String player, boolean writable) {
        directory.replaceAll(status -> status.address().equals(player)
                ? new BookieStatus(
                        status.bookieId(),
                        status.bootEpoch(),
                        status.sequence(),
                        player,
                        player,
                        player,
                        writable ? BookieStatus.State.WRITABLE : BookieStatus.State.READ_ONLY,
                        status.freeBytes(),
                        status.totalBytes(),
                        Map.of())
                : status);
    }

    /** A majority of the registry's voters goes down: it takes nothing. */
    void stallRegistry() {
        crash("voter0", "voter1");
    }

    void resumeRegistry() {
        start("voter0", "voter1");
    }

    /** The writer stands still; what arrives there, and its timers, are late. */
    void pauseWriter(long millis) {
        nodes.get(WRITER).pause(millis * MILLI);
    }

    /** The disk is gone, and somebody starts the bookie on an empty directory. */
    void startOnEmptyDisk(String bookie) {
        BookieId identity = destroy(bookie);
        AckDurabilityChecker knowsItAsFormatted = new AckDurabilityChecker();
        knowsItAsFormatted.formatted(identity);
        startBookie(bookie, newBookie(identity, knowsItAsFormatted));
    }

    /** The disk is gone, and somebody formats another one under the old identity; soon an exception says why not. */
    void formatUnderOldIdentity(String bookie) {
        startBookie(bookie, newBookie(destroy(bookie), new AckDurabilityChecker()));
    }

    /** The disk is gone, and an operator formats another one: a new bookie at the old address. */
    void formatAnew(String bookie) {
        destroy(bookie);
        startBookie(bookie, newBookie(new BookieId(uuid()), durability));
        until(bookie + " serves", bookies.get(bookie)::isServing);
    }

    /**
     * All entries and fences are gone, and nothing shows it: the disk is a copy from before the ledger, with the count of
     * boots of today. No store can notice that by itself.
     */
    void forgetEverything(String bookie) {
        BookieId identity = destroy(bookie);
        BookieRegistration registration =
                BookieRegistration.decode(read(RegistryKey.ofBookie(identity)).value());
        SimulatedNode node = nodes.get(bookie);
        node.crash();
        SimulatedBookie.format(node.disk(), identity);
        try (KeyValueStore ledgers = node.disk().openKeyValueStore(LEDGERS)) {
            new BootRecord(identity, registration.bootEpoch(), Optional.empty(), true, registration.clusterId(), false)
                    .write(ledgers);
            BookieStore.open(
                            identity,
                            BootEpoch.NEVER_BOOTED.next(),
                            STORE_SETTINGS,
                            BookieStore.Files.ofLmdb(node.disk().openFileStore(JOURNAL), ledgers))
                    .close();
        }
        startBookie(bookie, newBookie(identity, durability));
        until(bookie + " serves", bookies.get(bookie)::isServing);
    }

    /** The disk is gone for ever. */
    BookieId destroy(String bookie) {
        crash(bookie);
        BookieId identity = identityOf(bookie);
        nodes.get(bookie).disk().erase();
        durability.destroyed(identity);
        programs.put(bookie, node -> envelope -> {});
        bookies.remove(bookie);
        return identity;
    }

    /** A byte of the ledger's first block on the disk flips, once it is there. */
    void flipStoredByte(String bookie) {
        bookies.get(bookie).mayBeDamaged();
        nodes.get(bookie).disk().flipValueByte(LEDGERS, firstBlock(), 40);
    }

    /** The ledger's first block vanishes from the disk. */
    void loseStoredBlock(String bookie) {
        bookies.get(bookie).mayBeDamaged();
        crash(bookie);
        try (KeyValueStore ledgers = nodes.get(bookie).disk().openKeyValueStore(LEDGERS);
                KeyValueStore.Transaction transaction = ledgers.begin()) {
            assertThat(transaction.delete(firstBlock())).isTrue();
            transaction.commit();
        }
        durability.destroyed(identityOf(bookie));
        start(bookie);
    }

    private Payload firstBlock() {
        return Fields.encode(
                17, out -> out.put((byte) 'b').putLong(ledgerId().value()).putLong(0));
    }

    // Who does something.

    /** Appends entries, which are sent at once. */
    void append(int count) {
        writer.append(count);
    }

    /** Appends entries and waits until they are acknowledged, and all copies are where they can get. */
    void appendAndWait(int count) {
        int acknowledged = acknowledged().size() + count;
        append(count);
        until("they are acknowledged", () -> acknowledged().size() == acknowledged);
        run(20);
    }

    /** Somebody begins to recover the ledger, and tries until it is closed. */
    SimulatedRecoverer recover(String player) {
        SimulatedRecoverer recoverer = new SimulatedRecoverer(
                simulation.random(player),
                new SimulatedRecoverer.Plan(
                        voterAddresses,
                        registrySettings,
                        directory,
                        LedgerPassword.NONE,
                        new RecoverySettings(
                                20,
                                100_000,
                                10,
                                10_000,
                                60 * MILLI,
                                20 * MILLI,
                                300 * MILLI,
                                100 * MILLI,
                                3_000 * MILLI),
                        MILLI,
                        content::ledgers),
                content,
                states,
                fences);
        recoverer.finish();
        start(player, recoverer);
        return recoverer;
    }

    /** Somebody recovers the ledger, which is closed on return. */
    void recoverAndWait(String player) {
        until("recovered", recover(player)::isFinished);
    }

    /** Somebody who has not read before reads all that is confirmed, and gets it: so many entries. */
    long readAll(String player) {
        SimulatedReader reader = new SimulatedReader(
                simulation.random(player),
                new SimulatedReader.Plan(voterAddresses, registrySettings, directory, LedgerPassword.NONE),
                content,
                states);
        long before = content.reads();
        reader.finish();
        start(player, reader);
        until("read", reader::isFinished);
        return content.reads() - before;
    }

    /** Deletes the ledger, for ever. */
    void purge() {
        Versioned<LedgerMetadata> current = registered();
        AtomicReference<Registry.CasResult> result = new AtomicReference<>();
        await(
                registry.compareAndSet(
                        RegistryKey.ofLedger(ledgerId()),
                        current.version(),
                        current.value().withDeletion(Deletion.PURGED).encode(),
                        new OpId(uuid())),
                result);
        assertThat(result.get()).isInstanceOf(Registry.CasResult.Applied.class);
    }

    // Time.

    void run(long millis) {
        simulation.runFor(millis * MILLI);
    }

    void until(String what, BooleanSupplier condition) {
        assertThat(simulation.runUntil(condition, PATIENCE_MILLIS * MILLI))
                .as(() -> what + ": never\n" + String.join("\n", simulation.trace()))
                .isTrue();
    }

    // What can be seen.

    LedgerId ledgerId() {
        return ledger().ledgerId();
    }

    /** The ledger as its writer knows it. */
    LedgerMetadata ledger() {
        return writer.ledger().orElseThrow();
    }

    /** The ledger as it is registered. */
    Versioned<LedgerMetadata> registered() {
        return LedgerMetadata.registered(read(RegistryKey.ofLedger(ledgerId()))).orElseThrow();
    }

    /** The entries whose appends were acknowledged. */
    List<Long> acknowledged() {
        return content.acknowledgedIn(ledgerId());
    }

    /** How many appends have not ended. */
    long pending() {
        return content.pending(ledgerId());
    }

    /** The bookies that hold an entry, and run. */
    List<String> holders(long entryId) {
        return bookies.keySet().stream()
                .filter(name -> nodes.get(name).isUp())
                .filter(name -> bookies.get(name)
                        .copyOf(identityOf(name), ledgerId(), entryId)
                        .isPresent())
                .toList();
    }

    /** The version of the register at which recovery brought something to a bookie, or 0. */
    long heldAt(String bookie) {
        return bookies.get(bookie)
                .viewOf(ledgerId())
                .map(BookieStore.LedgerView::heldAt)
                .orElse(0L);
    }

    boolean isServing(String bookie) {
        return bookies.get(bookie).isServing();
    }

    List<String> namesOf(Ensemble ensemble) {
        return ensemble.bookies().stream()
                .map(member -> directory.statuses().stream()
                        .filter(status -> status.bookieId().equals(member))
                        .findFirst()
                        .orElseThrow()
                        .address())
                .toList();
    }

    /**
     * The end of every story: late messages arrive, what is down comes back, somebody closes the ledger if nobody has, and
     * all that was ever acknowledged is read (I1, I2, I4), with nothing behind the end.
     */
    void everythingAcknowledgedIsReadable() {
        List.copyOf(rules).forEach(Rule::end);
        heal();
        // A writer that comes back would write another ledger.
        nodes.values().stream().filter(node -> !node.address().equals(WRITER)).forEach(SimulatedNode::start);
        run(2 * MEMBER_TIMEOUT_MILLIS);
        recoverAndWait("last recoverer");
        LedgerMetadata closed = registered().value();
        assertThat(readAll("last reader")).isEqualTo(closed.lastEntryId() + 1);
        assertThat(nodes.get(WRITER).isUp() && pending() > 0)
                .as("H97: a writer that lives has been told the end of every append")
                .isFalse();
    }

    /** The same, and no disk was lost: every entry is on an ack quorum of its registered fragment (I3). */
    void everyEntryIsOnAnAckQuorum() {
        everythingAcknowledgedIsReadable();
        LedgerMetadata closed = registered().value();
        for (long entryId = 0; entryId <= closed.lastEntryId(); entryId++) {
            List<String> members = namesOf(closed.fragmentOf(entryId).ensemble());
            int ackMask = AckSet.EMPTY;
            for (String holder : holders(entryId)) {
                int position = members.indexOf(holder);
                ackMask = position < 0 ? ackMask : AckSet.with(ackMask, position);
            }
            assertThat(replication.isAckQuorum(entryId, ackMask))
                    .as("entry %d is on %s of %s", entryId, holders(entryId), closed)
                    .isTrue();
        }
    }

    private BookieId identityOf(String bookie) {
        return directory.statuses().stream()
                .filter(status -> status.address().equals(bookie))
                .findFirst()
                .orElseThrow()
                .bookieId();
    }

    private RegisterValue read(RegistryKey key) {
        AtomicReference<RegisterValue> value = new AtomicReference<>();
        await(registry.read(key), value);
        return value.get();
    }

    private <T> void await(CompletionStage<T> stage, AtomicReference<T> result) {
        Continuation.of(stage, nodes.get("observer"), (value, failure) -> {
            assertThat(failure).isNull();
            result.set(value);
        });
        until("the registry answers", () -> result.get() != null);
    }

    private SimulatedRegistryClient registryOf(SimulatedNode node) {
        return new SimulatedRegistryClient(node, voterAddresses, registrySettings, () -> new ProposerId(uuid()));
    }

    private SimulatedBookie newBookie(BookieId identity, AckDurabilityChecker checker) {
        return new SimulatedBookie(
                identity,
                simulation.random(identity.toString()),
                bookiePlan,
                new SimulatedBookie.Checkers(checker, states, fences));
    }

    private void startBookie(String name, SimulatedBookie bookie) {
        bookies.put(name, bookie);
        start(name, bookie);
    }

    /** Starts another program on a machine, a new one if there is none of that name. */
    private void start(String name, SimulatedNode.Program program) {
        programs.put(name, program);
        SimulatedNode node = nodes.computeIfAbsent(
                name,
                key -> new SimulatedNode(
                        simulation, network, key, self -> programs.get(key).start(self)));
        node.crash();
        node.start();
    }

    private UUID uuid() {
        return new UUID(random.nextLong(), random.nextLong());
    }
}
