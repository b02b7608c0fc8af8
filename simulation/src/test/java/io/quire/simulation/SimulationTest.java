package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.wire.RegistryRequest;
import io.quire.storage.KeyValueStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class SimulationTest {
    private static final NetworkFaults FAULTS = new NetworkFaults(0.1, 0.1, 0.1, 1_000, 50_000, 500_000);

    private final Simulation simulation = new Simulation(7, 1_000_000);
    private final SimulatedNetwork network = new SimulatedNetwork(simulation, NetworkFaults.NONE);
    private final List<Object> heard = new ArrayList<>();

    @Test
    @DisplayName("actions run by time, and in the order of scheduling at the same time")
    void order() {
        simulation.schedule(20, () -> heard.add("late"));
        simulation.schedule(10, () -> heard.add("first"));
        simulation.schedule(10, () -> {
            heard.add("second");
            simulation.schedule(0, () -> heard.add("third"));
        });
        simulation.runFor(15);
        assertThat(heard).containsExactly("first", "second", "third");
        assertThat(simulation.nowNanos()).isEqualTo(15);
        assertThat(simulation.runUntil(() -> heard.size() == 4, 100)).isTrue();
        assertThat(simulation.nowNanos()).isEqualTo(20);
    }

    @Test
    @DisplayName("a run that goes round in circles ends with an error")
    void stepLimit() {
        Simulation short10 = new Simulation(1, 10);
        Runnable[] again = new Runnable[1];
        again[0] = () -> short10.schedule(1, again[0]);
        again[0].run();
        assertThatThrownBy(() -> short10.runFor(1_000))
                .isInstanceOf(Simulation.TooManyStepsException.class)
                .hasMessageContaining("seed 1");
    }

    @Test
    @DisplayName("chance for one purpose does not depend on what others draw; neighbouring seeds differ")
    void streams() {
        Simulation same = new Simulation(7, 1);
        same.random("other").nextLong();
        assertThat(same.random("disk").nextLong())
                .isEqualTo(simulation.random("disk").nextLong());
        assertThat(new Simulation(8, 1).random("disk").nextLong())
                .isNotEqualTo(new Simulation(7, 1).random("disk").nextLong());
    }

    @Test
    @DisplayName("messages of a pair arrive in order when none is late, and vanish where nobody listens")
    void fifo() {
        network.register("b", envelope -> heard.add(envelope.message()));
        for (int i = 0; i < 100; i++) {
            network.send("a", "b", i);
            network.send("a", "nobody", i);
        }
        simulation.runFor(1_000_000_000);
        assertThat(heard).hasSize(100).isSortedAccordingTo((x, y) -> Integer.compare((int) x, (int) y));
    }

    @Test
    @DisplayName("a cut loses one direction, what is on its way too, until it heals")
    void cuts() {
        network.register("a", envelope -> heard.add(envelope.message()));
        network.register("b", envelope -> heard.add(envelope.message()));
        network.send("a", "b", "on its way");
        network.cut("a", "b");
        network.send("a", "b", "into the cut");
        network.send("b", "a", "back");
        simulation.runFor(1_000_000_000);
        assertThat(heard).containsExactly("back");
        network.heal();
        network.send("a", "b", "healed");
        simulation.runFor(1_000_000_000);
        assertThat(heard).containsExactly("back", "healed");
    }

    @Test
    @DisplayName("a node that crashes loses its timers and messages, keeps its durable data and starts anew")
    void crash() {
        SimulatedNode node = new SimulatedNode(simulation, network, "n", self -> {
            self.schedule(1_000, () -> heard.add("timer " + self.incarnation()));
            try (KeyValueStore store = self.disk().openKeyValueStore("s")) {
                heard.add("start " + self.incarnation() + ", " + store.sizeBytes());
            }
            return envelope -> heard.add(envelope.message());
        });
        node.start();
        network.send("x", "n", "for the first");
        node.crash();
        node.start();
        simulation.runFor(1_000);
        assertThat(heard).containsExactly("start 1, 0", "start 2, 0", "timer 2");
    }

    @Test
    @DisplayName("a paused node gets everything afterwards, in order")
    void pause() {
        SimulatedNode node = new SimulatedNode(simulation, network, "n", self -> {
            self.scheduleEvery(1_000_000, () -> heard.add("tick"));
            return envelope -> heard.add(envelope.message());
        });
        node.start();
        node.pause(900_000);
        network.send("x", "n", 1);
        network.send("x", "n", 2);
        simulation.runFor(800_000);
        assertThat(heard).isEmpty();
        simulation.runFor(250_000);
        assertThat(heard).containsExactly(1, 2, "tick");
    }

    @Test
    @DisplayName("a crash at an effect keeps what was sent before it and nothing after")
    void crashAtEffect() {
        network.register("peer", envelope -> heard.add(envelope.message()));
        SimulatedNode node = new SimulatedNode(simulation, network, "n", self -> envelope -> {
            self.send("peer", "one");
            self.send("peer", "two");
            self.send("peer", "three");
        });
        node.start();
        node.crashAtEffect(2);
        network.send("x", "n", "go");
        simulation.runFor(1_000_000_000);
        assertThat(heard).containsExactly("one");
        assertThat(node.isUp()).isFalse();
    }

    @Test
    @DisplayName("the same seed takes the same steps and leaves the same trace; another seed does not")
    void deterministic() {
        assertThat(gossip(3)).isEqualTo(gossip(3)).isNotEqualTo(gossip(4));
    }

    private static List<String> gossip(long seed) {
        Simulation simulation = new Simulation(seed, 100_000);
        SimulatedNetwork network = new SimulatedNetwork(simulation, FAULTS);
        Random random = simulation.random("gossip");
        List<SimulatedNode> nodes = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            SimulatedNode node = new SimulatedNode(simulation, network, "n" + i, self -> {
                self.scheduleEvery(
                        10_000,
                        () -> self.send("n" + random.nextInt(5), new RegistryRequest.DescribeVoter(random.nextInt())));
                return envelope -> {
                    if (random.nextInt(50) == 0) {
                        self.crashFor(100_000);
                    }
                };
            });
            nodes.add(node);
            node.start();
        }
        simulation.runFor(20_000_000);
        List<String> trace = new ArrayList<>(simulation.trace());
        trace.add(simulation.steps() + " steps");
        nodes.forEach(node -> trace.add(node.address() + " started " + node.incarnation() + " times"));
        return trace;
    }
}
