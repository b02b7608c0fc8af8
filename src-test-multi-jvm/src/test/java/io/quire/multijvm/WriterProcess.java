package io.quire.multijvm;

import io.quire.protocol.LedgerId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A process that runs {@link WriterMain}, seen from the test. */
final class WriterProcess {
    private final ChildProcess process;
    private final Path acks;
    private final int place;

    /**
     * How the appending ended.
     *
     * @param slowestMillis the longest that an append took to be answered
     */
    record End(long acknowledged, long failed, long slowestMillis) {}

    WriterProcess(ChildProcess process, Path acks, int place) {
        this.process = process;
        this.acks = acks;
        this.place = place;
    }

    ChildProcess process() {
        return process;
    }

    /** Where it is in a {@link DivisibleNetwork}. */
    int place() {
        return place;
    }

    /** The ledger, once its first append is acknowledged. */
    LedgerId awaitLedger(Duration deadline) {
        return new LedgerId(Long.parseLong(process.awaitSaid("LEDGER", deadline)));
    }

    /** Waits until so many appends are acknowledged; fails when one has failed. */
    void awaitAcknowledged(long count, Duration deadline) {
        Await.until(count + " appends are acknowledged", deadline, () -> {
            process.lastSaid("FIRST FAILURE").ifPresent(failure -> {
                throw new AssertionError("an append failed: " + failure);
            });
            return AckLog.size(acks) >= count;
        });
    }

    long acknowledged() {
        return AckLog.size(acks);
    }

    List<AckLog.Ack> acks(long from) {
        return AckLog.read(acks, from);
    }

    /** Tells it to append no more. */
    void stop() {
        process.tell("stop");
    }

    /** Waits until every append is answered, after the last one or after {@link #stop}. */
    End awaitEnd(Duration deadline) {
        String[] end = process.awaitSaid("DONE", deadline).split(" ", -1);
        return new End(Long.parseLong(end[0]), Long.parseLong(end[1]), Long.parseLong(end[2]));
    }

    /** Tells it to seal its ledger; does not wait. */
    void askToSeal() {
        process.tell("seal");
    }

    /** Seals the ledger and returns its last entry. */
    long seal(Duration deadline) {
        askToSeal();
        return Long.parseLong(process.awaitSaid("SEALED", deadline));
    }

    /** Tells it to recover a ledger; does not wait. */
    void recover(LedgerId ledgerId) {
        process.tell("recover " + ledgerId.value());
    }

    /** Waits until it has recovered a ledger, and returns its last entry. */
    long awaitRecovered(Duration deadline) {
        return Long.parseLong(process.awaitSaid("RECOVERED", deadline));
    }

    void kill() {
        process.kill();
    }
}
