package io.quire.cli;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigValueFactory;
import io.quire.bookie.BookieSettings;
import io.quire.bootstrap.Formatting;
import io.quire.bootstrap.NodeSettings;
import io.quire.bootstrap.QuireNode;
import io.quire.bootstrap.QuireNode.NodeStartException;
import io.quire.bootstrap.Standalone;
import io.quire.storage.StorageException;
import java.net.URI;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * A node as this process: started, announced, and stopped by a signal or by its own failure.
 *
 * <p>A JVM that a signal ends exits with the signal's number, whatever its hooks do. So the one hook there is stops the
 * node and then halts with 0; no other hook may have work that must be done. A signal during the start halts at once,
 * which the stores take like any crash; only formatting is waited for, so that no half of it stays behind.
 */
final class NodeProcess {
    private final Terminal terminal;
    private final Object formatting = new Object();
    private volatile QuireNode node;
    private volatile boolean signalled;

    NodeProcess(Terminal terminal) {
        this.terminal = terminal;
    }

    /** Returns the exit code when the node has failed; a signal ends the process instead. */
    int runStandalone(Path directory, int bookies, int httpPort) {
        return run(() -> Standalone.prepare(directory, bookies, 0, httpPort));
    }

    /** Returns the exit code when the node has failed; a signal ends the process instead. */
    int runNode(Path file, Optional<String> name) {
        return run(() -> configOf(file, name));
    }

    /** Formats what {@code file} names; one line for each directory. */
    List<String> format(Path file, boolean leaveFormatted) {
        Config config = configOf(file, Optional.empty());
        try {
            return Formatting.format(NodeSettings.from(config), BookieSettings.from(config), leaveFormatted);
        } catch (ConfigException | IllegalArgumentException e) {
            throw wrongConfig(file, e);
        } catch (StorageException e) {
            throw CommandFailure.of(reasonOf(e), e);
        }
    }

    private int run(Supplier<Config> preparation) {
        Thread stopper = new Thread(this::onSignal, "quire-stop");
        Runtime.getRuntime().addShutdownHook(stopper);
        try {
            Config config;
            synchronized (formatting) {
                config = preparation.get();
            }
            try (QuireNode started = QuireNode.start(config)) {
                node = started;
                terminal.println(
                        "quire ready http=" + started.http().map(URI::toString).orElse("off") + " bookies="
                                + started.settings().stores().size());
                String reason = endOf(started);
                throw CommandFailure.of("the node stops: " + reason);
            }
        } catch (NodeStartException | StorageException e) {
            throw CommandFailure.of("cannot start: " + reasonOf(e), e);
        } finally {
            removeHook(stopper);
        }
    }

    /**
     * Waits until the node cannot serve any more, and says why. After a signal that never comes: the hook stops the node
     * and ends the process.
     */
    private String endOf(QuireNode started) {
        CompletableFuture<String> terminated = started.terminated()
                .toCompletableFuture()
                .thenApply(done -> "it is no member of the cluster any more, see the log");
        CompletableFuture<String> never = new CompletableFuture<>();
        return CompletableFuture.anyOf(started.failed().toCompletableFuture(), terminated)
                .thenCompose(reason -> signalled ? never : CompletableFuture.completedFuture((String) reason))
                .join();
    }

    private void onSignal() {
        signalled = true;
        synchronized (formatting) {
            QuireNode running = node;
            if (running != null) {
                terminal.note("stopping");
                running.close();
            }
            Runtime.getRuntime().halt(0);
        }
    }

    private static void removeHook(Thread stopper) {
        try {
            Runtime.getRuntime().removeShutdownHook(stopper);
        } catch (IllegalStateException e) {
            // It runs already, and ends the process.
        }
    }

    private static Config configOf(Path file, Optional<String> name) {
        if (!Files.isReadable(file) || Files.isDirectory(file)) {
            throw CommandFailure.of("cannot read the configuration " + file + ": no such readable file");
        }
        try {
            Config own = ConfigFactory.parseFile(
                    file.toFile(), ConfigParseOptions.defaults().setAllowMissing(false));
            Config named = name.map(given ->
                            own.withValue("quire.node.name", ConfigValueFactory.fromAnyRef(given, "option --name")))
                    .orElse(own);
            return QuireNode.configOf(named);
        } catch (ConfigException | IllegalArgumentException e) {
            throw wrongConfig(file, e);
        }
    }

    /** Some failures of files say no more than which file it was. */
    private static String reasonOf(RuntimeException failure) {
        Throwable cause = failure.getCause();
        if (cause instanceof AccessDeniedException) {
            return failure.getMessage() + " (permission denied)";
        } else if (cause instanceof NoSuchFileException) {
            return failure.getMessage() + " (no such file or directory)";
        } else if (cause instanceof FileAlreadyExistsException || cause instanceof NotDirectoryException) {
            return failure.getMessage() + " (not a directory)";
        }
        return failure.getMessage();
    }

    private static CommandFailure wrongConfig(Path file, RuntimeException cause) {
        return CommandFailure.of("wrong configuration in " + file + ": " + cause.getMessage(), cause);
    }
}
