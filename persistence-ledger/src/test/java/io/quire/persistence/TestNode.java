package io.quire.persistence;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.quire.bootstrap.QuireNode;
import io.quire.bootstrap.Standalone;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.apache.pekko.actor.ClassicActorSystemProvider;

/** A cluster of three stores and three voters in the test's JVM, in a directory of its own. */
final class TestNode implements AutoCloseable {
    /** What makes an actor system persist to Quire. */
    static final Config PLUGINS = ConfigFactory.parseString("""
            pekko.persistence.journal.plugin = "quire.persistence.journal"
            pekko.persistence.snapshot-store.plugin = "quire.persistence.snapshot-store"
            pekko.actor.allow-java-serialization = off
            """);

    private final Path directory;
    private final QuireNode node;

    TestNode() {
        try {
            directory = Files.createTempDirectory("quire-persistence-");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        node = QuireNode.start(Standalone.prepare(directory.resolve("data"), 3, 0, 0));
    }

    QuireNode node() {
        return node;
    }

    /** Has the plugins of {@code system} use it. */
    void serve(ClassicActorSystemProvider system) {
        QuirePersistence.get(system).use(node);
    }

    @Override
    public void close() {
        node.close();
        try (Stream<Path> content = Files.walk(directory)) {
            List<Path> all = content.sorted(Comparator.reverseOrder()).toList();
            for (Path path : all) {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
