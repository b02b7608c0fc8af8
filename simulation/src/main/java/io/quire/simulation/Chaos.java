package io.quire.simulation;

import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** The bad luck that scenarios share: networks of all kinds of badness, and ways to fall apart. Not thread-safe. */
final class Chaos {
    private static final long MILLI = 1_000_000;

    private final Simulation simulation;
    private final SimulatedNetwork network;
    private final Random random;

    Chaos(Simulation simulation, SimulatedNetwork network, Random random) {
        this.simulation = simulation;
        this.network = network;
        this.random = random;
    }

    <T> T any(List<T> list) {
        return list.get(random.nextInt(list.size()));
    }

    long upTo(long nanos) {
        return (long) (random.nextDouble() * nanos);
    }

    /** From now on the network behaves in another way. */
    void changeNetwork() {
        double badness = random.nextDouble();
        network.setFaults(
                switch (random.nextInt(4)) {
                    case 0 -> NetworkFaults.NONE;
                    case 1 -> new NetworkFaults(0.2 * badness, 0, 0, 50_000, 2 * MILLI, 2 * MILLI);
                    case 2 -> new NetworkFaults(0.05, 0.2 * badness, 0.2 * badness, 50_000, MILLI, 300 * MILLI);
                    default -> new NetworkFaults(0.1 * badness, 0.05, 0.05, 10_000, 20 * MILLI, 900 * MILLI);
                });
    }

    /** From now on every way may be slow, each on its own: what one side does comes long before it is heard of elsewhere. */
    void slowWays() {
        network.setFaults(new NetworkFaults(
                0.1 * random.nextDouble(),
                0.1,
                0.1 + 0.2 * random.nextDouble(),
                50_000,
                MILLI,
                (20 + random.nextInt(200)) * MILLI));
    }

    /**
     * From now on many fences are lost, and each batch of entries, and either what is asked of them or what is told, may
     * come late; all else is quick.
     */
    void loseFences() {
        long lateMaxNanos = (20 + random.nextInt(150)) * MILLI;
        network.endFaultsOfKinds();
        network.setFaults(new NetworkFaults(0, 0, 0.05 * random.nextDouble(), 50_000, MILLI, 50 * MILLI));
        network.setFaults(
                BookieRequest.FenceLedger.class,
                new NetworkFaults(0.2 + 0.4 * random.nextDouble(), 0, 0, 50_000, MILLI, MILLI));
        network.setFaults(
                BookieRequest.AddEntries.class,
                new NetworkFaults(0.05, 0, 0.4 + 0.4 * random.nextDouble(), 50_000, MILLI, lateMaxNanos));
        network.setFaults(
                random.nextBoolean() ? BookieRequest.ReadEntries.class : BookieReply.EntriesRead.class,
                new NetworkFaults(0.05, 0, 0.2 + 0.3 * random.nextDouble(), 50_000, MILLI, lateMaxNanos));
    }

    /** Cuts the nodes into two sides for a while, in both directions or in one. */
    void partition(List<SimulatedNode> nodes, long nanosMax) {
        List<String> oneSide = new ArrayList<>();
        List<String> otherSide = new ArrayList<>();
        nodes.forEach(node -> (random.nextBoolean() ? oneSide : otherSide).add(node.address()));
        if (random.nextBoolean()) {
            network.partition(oneSide, otherSide);
        } else {
            oneSide.forEach(from -> otherSide.forEach(to -> network.cut(from, to)));
        }
        simulation.schedule(upTo(nanosMax), network::heal);
    }

    /** Crashes {@code node} at one of its next effects, and starts it again later. */
    void crashAtEffect(SimulatedNode node, int effectsMax, long outageMaxNanos) {
        node.crashAtEffect(1 + random.nextInt(effectsMax));
        simulation.schedule(upTo(outageMaxNanos), node::start);
    }

    /** Ends all bad luck: everybody runs, and the network is good. */
    void end(List<SimulatedNode> nodes) {
        network.heal();
        network.setFaults(NetworkFaults.NONE);
        network.endFaultsOfKinds();
        nodes.forEach(node -> {
            node.cancelCrash();
            node.start();
        });
    }
}
