package io.quire.registry;

import static io.quire.registry.FeedSamples.bookie;
import static io.quire.registry.FeedSamples.closed;
import static io.quire.registry.FeedSamples.open;
import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Versioned;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.cluster.typed.Leave;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Real actor systems in one process, clustered over loopback. */
class DistributedDataFeedTest {
    private static final Config CONFIG = ConfigFactory.parseString("""
                    pekko {
                      loglevel = WARNING
                      actor.provider = cluster
                      actor.allow-java-serialization = off
                      remote.artery.transport = tcp
                      remote.artery.canonical { hostname = "127.0.0.1", port = 0 }
                      cluster.jmx.multi-mbeans-in-same-jvm = on
                      cluster.gossip-interval = 100 ms
                      cluster.leader-actions-interval = 100 ms
                      cluster.periodic-tasks-initial-delay = 100 ms
                      cluster.distributed-data.gossip-interval = 100 ms
                      cluster.distributed-data.notify-subscribers-interval = 20 ms
                      coordinated-shutdown.exit-jvm = off
                    }
                    quire.registry.feed.buckets = 4
                    """).withFallback(ConfigFactory.load());
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final List<Node> nodes = new ArrayList<>();

    @AfterEach
    void stopAll() {
        nodes.forEach(node -> node.kit.shutdownTestKit());
    }

    @Test
    @DisplayName("P1: what one node publishes all see, versions never go back, and a late joiner learns everything")
    void spreads() {
        Node first = start(null);
        Node second = start(first);
        TestProbe<Versioned<LedgerMetadata>> heard = second.kit.createTestProbe();
        DistributedDataFeed.Subscription subscription = second.feed.onLedger(new LedgerId(5), heard.getRef()::tell);

        for (long id = 0; id < 40; id++) {
            first.feed.publish(open(id, 1));
        }
        second.awaitLedger(open(5, 1));
        assertThat(heard.receiveMessage(PATIENCE)).isEqualTo(open(5, 1));

        second.feed.publish(closed(5, 3));
        assertThat(heard.receiveMessage(PATIENCE)).isEqualTo(closed(5, 3));
        first.awaitLedger(closed(5, 3));
        first.feed.publish(open(5, 2));
        second.feed.publish(open(5, 2));

        Node third = start(first);
        for (long id = 0; id < 40; id++) {
            third.awaitLedger(id == 5 ? closed(5, 3) : open(id, 1));
        }
        subscription.close();
        third.feed.publish(open(6, 2));
        third.feed.publish(closed(5, 4));
        nodes.forEach(node -> node.awaitLedger(closed(5, 4)));
        nodes.forEach(node -> node.awaitLedger(open(6, 2)));
        heard.expectNoMessage(Duration.ZERO);
    }

    @Test
    @DisplayName("P3: the bookies of a member that left are shown as DOWN everywhere, also to a node that joins later")
    void bookiesOfGoneNodesAreDown() {
        Node first = start(null);
        Node second = start(first);
        TestProbe<String> changes = first.kit.createTestProbe();
        DistributedDataFeed.Subscription subscription =
                first.feed.onBookies(() -> changes.getRef().tell("changed"));
        changes.expectMessage(PATIENCE, "changed");

        BookieStatus stays = bookie(1, 1, 1, first.name());
        BookieStatus leaves = bookie(2, 1, 1, second.name());
        first.feed.publish(stays);
        second.feed.publish(leaves);
        nodes.forEach(node -> node.awaitBookies(stays, leaves));
        changes.expectMessage(PATIENCE, "changed");

        Cluster.get(second.kit.system())
                .manager()
                .tell(new Leave(Cluster.get(second.kit.system()).selfMember().address()));
        BookieStatus gone = withState(leaves, BookieStatus.State.DOWN);
        first.awaitBookies(stays, gone);
        Node third = start(first);
        third.awaitBookies(stays, gone);

        BookieStatus moved = bookie(2, 2, 0, third.name());
        third.feed.publish(moved);
        first.awaitBookies(stays, moved);
        subscription.close();
    }

    @Test
    @DisplayName("a publication is seen on its own node alone too; a listener that throws harms no other")
    void singleNode() {
        Node only = start(null);
        TestProbe<Versioned<LedgerMetadata>> heard = only.kit.createTestProbe();
        only.feed.publish(open(1, 1));
        only.awaitLedger(open(1, 1));
        try (DistributedDataFeed.Subscription failing = only.feed.onLedger(new LedgerId(1), ledger -> {
                    throw new IllegalStateException("a listener that fails on purpose");
                });
                DistributedDataFeed.Subscription working = only.feed.onLedger(new LedgerId(1), heard.getRef()::tell)) {
            assertThat(failing).isNotSameAs(working);
            assertThat(heard.receiveMessage(PATIENCE)).isEqualTo(open(1, 1));
            only.feed.publish(open(1, 1));
            only.feed.publish(open(1, 2));
            assertThat(heard.receiveMessage(PATIENCE)).isEqualTo(open(1, 2));
        }
        assertThat(only.feed.ledger(new LedgerId(2))).isEmpty();
    }

    private Node start(Node seed) {
        Node node = new Node(ActorTestKit.create("quire", CONFIG));
        nodes.add(node);
        Cluster cluster = Cluster.get(node.kit.system());
        Cluster seedCluster = seed == null ? cluster : Cluster.get(seed.kit.system());
        cluster.manager().tell(new Join(seedCluster.selfMember().address()));
        return node;
    }

    private static BookieStatus withState(BookieStatus status, BookieStatus.State state) {
        return new BookieStatus(
                status.bookieId(),
                status.bootEpoch(),
                status.sequence(),
                status.name(),
                status.node(),
                status.address(),
                state,
                status.freeBytes(),
                status.totalBytes(),
                status.labels());
    }

    private static final class Node {
        private final ActorTestKit kit;
        private final DistributedDataFeed feed;
        private final TestProbe<String> probe;

        Node(ActorTestKit kit) {
            this.kit = kit;
            feed = DistributedDataFeed.create(
                    kit.system(), FeedSettings.from(kit.system().settings().config()));
            probe = kit.createTestProbe();
        }

        String name() {
            return DistributedDataFeed.nodeOf(kit.system());
        }

        void awaitLedger(Versioned<LedgerMetadata> expected) {
            probe.awaitAssert(PATIENCE, () -> {
                assertThat(feed.ledger(expected.value().ledgerId())).contains(expected);
                return expected;
            });
        }

        void awaitBookies(BookieStatus... expected) {
            probe.awaitAssert(PATIENCE, () -> {
                assertThat(feed.bookies()).containsExactlyInAnyOrder(expected);
                return expected;
            });
        }
    }
}
