package io.quire.multijvm;

import static io.quire.multijvm.LedgerReads.get;

import io.quire.client.LedgerClient;
import io.quire.client.WriteHandle;
import io.quire.protocol.LedgerId;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;

/**
 * A thread that makes ledgers of one entry, one after the other: creates, appends, seals. The first that fails ends it,
 * and fails whoever waits for more.
 */
final class LedgerMaker implements AutoCloseable {
    private static final long PAUSE_NANOS = Duration.ofMillis(20).toNanos();

    private final LedgerClient client;
    private final long seed;
    private final List<LedgerId> made = new CopyOnWriteArrayList<>();
    private final Thread thread = new Thread(this::run, "ledger-maker");
    private volatile boolean stopped;
    private volatile Throwable failure;

    private LedgerMaker(LedgerClient client, long seed) {
        this.client = client;
        this.seed = seed;
    }

    /** @param seed of the ledgers' entries, see {@link #seedOf} */
    static LedgerMaker start(LedgerClient client, long seed) {
        LedgerMaker maker = new LedgerMaker(client, seed);
        maker.thread.setDaemon(true);
        maker.thread.start();
        return maker;
    }

    /** Of the entry of one ledger, for {@link EntryContent}. */
    static long seedOf(long seed, LedgerId ledgerId) {
        return seed + ledgerId.value();
    }

    /** Waits until so many ledgers more are made; fails when one has failed. */
    void awaitMore(int count, Duration deadline) {
        int enough = made.size() + count;
        Await.until(count + " more ledgers are made", deadline, () -> {
            requireNoFailure();
            return made.size() >= enough;
        });
    }

    /** Makes no more, and returns those that were made; fails when one has failed. */
    List<LedgerId> stop(Duration deadline) {
        stopped = true;
        Await.until("the last ledger is made", deadline, () -> !thread.isAlive());
        requireNoFailure();
        return List.copyOf(made);
    }

    /** Makes no more; does not wait. */
    @Override
    public void close() {
        stopped = true;
    }

    private void requireNoFailure() {
        if (failure != null) {
            throw new AssertionError("ledger number " + made.size() + " was not made", failure);
        }
    }

    private void run() {
        try {
            while (!stopped) {
                made.add(make());
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        } catch (RuntimeException | AssertionError e) {
            failure = e;
        }
    }

    private LedgerId make() {
        try (WriteHandle ledger = get(client.newCreateLedgerOp().execute())) {
            get(ledger.appendAsync(EntryContent.of(seedOf(seed, ledger.getId()), 0)));
            get(ledger.sealAsync());
            return ledger.getId();
        }
    }
}
