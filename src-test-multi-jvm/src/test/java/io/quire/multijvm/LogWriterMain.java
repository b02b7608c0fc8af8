package io.quire.multijvm;

import com.typesafe.config.ConfigFactory;
import io.quire.bootstrap.QuireNode;
import io.quire.client.log.LogPosition;
import io.quire.client.log.LogWriter;
import io.quire.protocol.LedgerException;
import io.quire.protocol.Payload;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The process of an application that takes a named log over and appends to it, until it is displaced or told to {@code
 * stop}. It notes each acknowledged record as a line, which survives the death of the process: number and position.
 */
final class LogWriterMain {
    static final String LOG = "handed over";
    private static final int IN_FLIGHT = 64;

    private LogWriterMain() {}

    /** What record {@code number} of a writer holds. */
    static String content(String writer, long number) {
        return writer + "." + number;
    }

    /** @param arguments the configuration file, the file for notes, and the writer's name */
    public static void main(String[] arguments) throws Exception {
        QuireNode node = QuireNode.start(
                QuireNode.configOf(ConfigFactory.parseFile(Path.of(arguments[0]).toFile())));
        AtomicBoolean over = new AtomicBoolean();
        Lifeline.hold(command -> over.set(true));
        long before = System.nanoTime();
        LogWriter log = node.logs()
                .with(node.logs().settings().withRollBytes(20_000))
                .openForWrite(LOG)
                .toCompletableFuture()
                .join();
        Lifeline.say("OPENED " + (System.nanoTime() - before) / 1_000_000);
        append(log, Path.of(arguments[1]), arguments[2], over);
    }

    private static void append(LogWriter log, Path notes, String writer, AtomicBoolean over) throws Exception {
        Semaphore slots = new Semaphore(IN_FLIGHT);
        for (long number = 0; !over.get(); number++) {
            slots.acquire();
            long appended = number;
            log.appendAsync(Payload.ofUtf8(content(writer, number))).whenComplete((position, failure) -> {
                if (failure == null) {
                    note(notes, appended, position);
                } else if (over.compareAndSet(false, true)) {
                    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
                    Lifeline.say("FAILED " + (cause instanceof LedgerException ledger ? ledger.code() : cause));
                }
                slots.release();
            });
        }
        slots.acquire(IN_FLIGHT);
        Lifeline.say("DONE");
    }

    private static synchronized void note(Path notes, long number, LogPosition position) {
        try {
            Files.write(
                    notes,
                    (number + " " + position + "\n").getBytes(StandardCharsets.US_ASCII),
                    StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
