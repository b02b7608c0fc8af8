package io.quire.multijvm;

import com.typesafe.config.ConfigFactory;
import io.quire.bootstrap.QuireNode;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;

/** The process of one node: starts it, says READY, and stops it in order on SIGTERM. */
final class NodeMain {
    /** How a process ends that cannot go on, or is no member of the cluster any more. */
    static final int ENDED = 2;

    private NodeMain() {}

    /** @param arguments the node's configuration file */
    public static void main(String[] arguments) {
        Lifeline.hold(command -> {});
        QuireNode node;
        try {
            node = QuireNode.start(QuireNode.configOf(
                    ConfigFactory.parseFile(Path.of(arguments[0]).toFile())));
        } catch (QuireNode.NodeStartException e) {
            Lifeline.say("REFUSED " + e.getMessage());
            Runtime.getRuntime().halt(1);
            return;
        }
        AtomicBoolean stopping = new AtomicBoolean();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stopping.set(true);
            node.close();
            Lifeline.say("STOPPED");
            Runtime.getRuntime().halt(0);
        }));
        node.failed().thenAccept(reason -> end("FAILED " + reason, stopping));
        node.terminated().thenAccept(done -> end("ENDED by itself", stopping));
        Lifeline.say("READY");
        node.terminated().toCompletableFuture().join();
    }

    private static void end(String why, AtomicBoolean stopping) {
        if (!stopping.get()) {
            Lifeline.say(why);
            Runtime.getRuntime().halt(ENDED);
        }
    }
}
