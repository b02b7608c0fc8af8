package io.quire.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.quire.persistence.QuirePersistence;
import io.quire.testkit.QuireCluster;
import io.quire.testkit.QuireExtension;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** An event-sourced actor whose events are a named log. */
@ExtendWith(QuireExtension.class)
class ShoppingCartExample {
    /** What a cart is told. */
    private sealed interface Command {}

    private record AddItem(String item, ActorRef<List<String>> replyTo) implements Command {}

    /** A cart; its events are the items. */
    private static final class ShoppingCart extends EventSourcedBehavior<Command, String, List<String>> {
        ShoppingCart(String id) {
            super(PersistenceId.of("ShoppingCart", id));
        }

        static Behavior<Command> create(String id) {
            return new ShoppingCart(id);
        }

        @Override
        public List<String> emptyState() {
            return List.of();
        }

        @Override
        public CommandHandler<Command, String, List<String>> commandHandler() {
            return newCommandHandlerBuilder()
                    .forAnyState()
                    .onCommand(AddItem.class, (items, add) -> Effect()
                            .persist(add.item())
                            .thenRun(now -> add.replyTo().tell(now)))
                    .build();
        }

        @Override
        public EventHandler<List<String>, String> eventHandler() {
            return (items, item) -> {
                List<String> more = new ArrayList<>(items);
                more.add(item);
                return more;
            };
        }
    }

    @Test
    @DisplayName("a cart that starts again has its items")
    void cart(QuireCluster cluster) {
        ActorTestKit kit = ActorTestKit.create(ConfigFactory.parseString("""
                        pekko.persistence.journal.plugin = "quire.persistence.journal"
                        pekko.persistence.snapshot-store.plugin = "quire.persistence.snapshot-store"
                        """).withFallback(ConfigFactory.load()));
        try {
            QuirePersistence.get(kit.system()).use(cluster.node());

            ActorRef<Command> cart = kit.spawn(ShoppingCart.create("17"));
            TestProbe<List<String>> probe = kit.createTestProbe();
            cart.tell(new AddItem("tea", probe.getRef()));
            cart.tell(new AddItem("cups", probe.getRef()));
            probe.receiveMessage(Duration.ofSeconds(10));
            probe.receiveMessage(Duration.ofSeconds(10));
            kit.stop(cart);

            ActorRef<Command> again = kit.spawn(ShoppingCart.create("17"));
            again.tell(new AddItem("milk", probe.getRef()));
            assertThat(probe.receiveMessage(Duration.ofSeconds(10))).containsExactly("tea", "cups", "milk");
        } finally {
            kit.shutdownTestKit();
        }
    }
}
