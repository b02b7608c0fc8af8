package io.quire.multijvm;

import com.typesafe.config.ConfigFactory;
import io.quire.bootstrap.QuireNode;
import io.quire.protocol.LedgerId;
import java.nio.file.Path;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Props;

/**
 * The process of an application that writes one ledger, and keeps an {@link AckLog} of what it was told. Commands:
 * {@code stop} (append no more), {@code seal}, {@code recover ID} (any ledger, also its own).
 */
final class WriterMain {
    private WriterMain() {}

    /** @param arguments the configuration file, the ack log, and what {@link WriterLoad#parse} takes */
    public static void main(String[] arguments) throws Exception {
        QuireNode node = QuireNode.start(
                QuireNode.configOf(ConfigFactory.parseFile(Path.of(arguments[0]).toFile())));
        AckLog acks = AckLog.create(Path.of(arguments[1]));
        ActorRef<WriterDriver.Command> driver = node.system()
                .systemActorOf(
                        WriterDriver.create(node.client(), WriterLoad.parse(arguments[2]), acks),
                        "driver",
                        Props.empty());
        Lifeline.hold(command -> {
            String[] words = command.split(" ", -1);
            switch (words[0]) {
                case "stop" -> driver.tell(WriterDriver.StopAppending.INSTANCE);
                case "seal" -> driver.tell(WriterDriver.SealLedger.INSTANCE);
                case "recover" -> recover(node, new LedgerId(Long.parseLong(words[1])));
                default -> Lifeline.say("NO SUCH COMMAND " + command);
            }
        });
        Lifeline.say("READY");
        node.terminated().toCompletableFuture().join();
        Lifeline.say("ENDED by itself");
        Runtime.getRuntime().halt(NodeMain.ENDED);
    }

    private static void recover(QuireNode node, LedgerId ledgerId) {
        node.client()
                .recover(ledgerId)
                .whenComplete((report, failure) -> Lifeline.say(
                        failure == null
                                ? "RECOVERED " + report.ledger().value().lastEntryId()
                                : "NOT RECOVERED " + failure));
    }
}
