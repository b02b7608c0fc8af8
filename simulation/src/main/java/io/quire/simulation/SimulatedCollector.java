package io.quire.simulation;

import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.RegistryTombstones.Collection;
import io.quire.registry.RegistrySettings;
import io.quire.registry.core.Effect.Outcome;
import io.quire.simulation.SimulatedNetwork.Envelope;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.Random;
import java.util.UUID;
import java.util.function.Consumer;

/** Somebody who deletes ledgers for ever and has their registers collected; in the end all of them. */
final class SimulatedCollector implements SimulatedNode.Program {
    private static final long THINK_MAX_NANOS = 300_000_000;

    private final NavigableMap<RegistryKey, RegisterJudge> judges;
    private final List<String> addresses;
    private final RegistrySettings settings;
    private final Random random;
    private final List<RegistryKey> left;
    private int collected;
    private boolean healthy;

    SimulatedCollector(
            NavigableMap<RegistryKey, RegisterJudge> judges,
            List<String> addresses,
            RegistrySettings settings,
            Random random) {
        this.judges = judges;
        this.addresses = List.copyOf(addresses);
        this.settings = settings;
        this.random = random;
        this.left = new ArrayList<>(judges.keySet());
    }

    /** From now on it does not tarry. */
    void nowHealthy() {
        healthy = true;
    }

    /** Whether all registers are collected at all voters, but for one that lives for ever. */
    boolean isDone() {
        return left.size() <= 1;
    }

    /** How many registers are collected at all voters. */
    int collected() {
        return collected;
    }

    @Override
    public Consumer<Envelope> start(SimulatedNode node) {
        SimulatedRegistryClient client = new SimulatedRegistryClient(
                node, addresses, settings, () -> new ProposerId(new UUID(random.nextLong(), random.nextLong())));
        think(node, client);
        return client::received;
    }

    private void think(SimulatedNode node, SimulatedRegistryClient client) {
        long most = healthy ? THINK_MAX_NANOS / 10 : THINK_MAX_NANOS;
        node.schedule((long) (random.nextDouble() * most), () -> {
            if (!isDone()) {
                look(left.get(random.nextInt(left.size() - 1)), client, () -> think(node, client));
            }
        });
    }

    private void look(RegistryKey key, SimulatedRegistryClient client, Runnable next) {
        client.operations().read(key, outcome -> {
            if (!(outcome instanceof Outcome.ReadValue read)) {
                next.run();
            } else if (RegisterJudge.isDeleted(read.value())) {
                judges.get(key).deleted(read.value());
                collect(key, client, next);
            } else if (healthy || random.nextInt(3) == 0) {
                purge(key, read.value().version(), client, next);
            } else {
                next.run();
            }
        });
    }

    /** What comes of it is seen by the next look; the judge is not told, so that it may come at any time, or never. */
    private void purge(RegistryKey key, long version, SimulatedRegistryClient client, Runnable next) {
        RegisterJudge judge = judges.get(key);
        OpId opId = new OpId(new UUID(random.nextLong(), random.nextLong()));
        int operation = judge.changeInvoked(version, RegisterJudge.PURGED);
        judge.gaveUp(operation);
        client.operations()
                .compareAndSet(key, version, Payload.ofUtf8(RegisterJudge.PURGED), opId, outcome -> next.run());
    }

    private void collect(RegistryKey key, SimulatedRegistryClient client, Runnable next) {
        client.operations().collect(key.ledgerId(), SimulatedCollector::isPurged, outcome -> {
            if (outcome instanceof Collection.Complete && left.remove(key)) {
                collected++;
                judges.get(key).collected();
            }
            next.run();
        });
    }

    private static boolean isPurged(RegisterValue value) {
        return RegisterJudge.isDeleted(value);
    }
}
