package io.quire.bench;

import com.typesafe.config.ConfigFactory;
import io.quire.bootstrap.QuireNode;
import io.quire.client.LedgerClient;
import io.quire.client.LedgerTail;
import io.quire.client.ReadHandle;
import io.quire.client.WriteHandle;
import io.quire.client.log.LogPosition;
import io.quire.client.log.LogTail;
import io.quire.client.log.LogWriter;
import io.quire.client.log.Logs;
import io.quire.protocol.DigestType;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/** Quire's own client, in a node without stores. */
public final class QuireDriver implements LedgerDriver {
    private static final int TAIL_ENTRIES = 1000;
    private static final long TAIL_BYTES = 1 << 20;
    private static final int LISTED_AT_ONCE = 500;

    private final QuireNode node;
    private final String config;

    private QuireDriver(QuireNode node, String config) {
        this.node = node;
        this.config = config;
    }

    /**
     * Joins a cluster and waits until it has heard of its bookies.
     *
     * @param config text of the node's configuration, with the number of bookies to wait for as {@code bench.bookies}
     */
    public static QuireDriver connect(String config) {
        QuireDriver driver =
                new QuireDriver(QuireNode.start(QuireNode.configOf(ConfigFactory.parseString(config))), config);
        driver.awaitBookies(ConfigFactory.parseString(config).getInt("bench.bookies"));
        return driver;
    }

    private void awaitBookies(int bookies) {
        long deadlineNanos = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (node.feed().bookies().size() < bookies) {
            if (System.nanoTime() - deadlineNanos > 0) {
                throw new QuireNode.NodeStartException("gossip did not bring all bookies");
            }
            LockSupport.parkNanos(Duration.ofMillis(5).toNanos());
        }
    }

    @Override
    public CompletionStage<Writer> create(int ensembleSize, int writeQuorum, int ackQuorum) {
        return client().newCreateLedgerOp()
                .withEnsembleSize(ensembleSize)
                .withWriteQuorumSize(writeQuorum)
                .withAckQuorumSize(ackQuorum)
                .withDigestType(DigestType.CRC32C)
                .execute()
                .thenApply(QuireWriter::new);
    }

    @Override
    public CompletionStage<Reader> open(long ledgerId) {
        return client().newOpenLedgerOp()
                .withLedgerId(new LedgerId(ledgerId))
                .execute()
                .thenApply(QuireReader::new);
    }

    @Override
    public CompletionStage<Writer> openLog(String name) {
        return node.logs().openForWrite(name).thenApply(log -> new QuireLogWriter(node.logs(), log));
    }

    @Override
    public CompletionStage<Long> recover(long ledgerId) {
        return client().newOpenLedgerOp()
                .withLedgerId(new LedgerId(ledgerId))
                .withRecovery(true)
                .execute()
                .thenApply(ReadHandle::getLastAddConfirmed);
    }

    @Override
    public CompletionStage<Long> list() {
        return list(client().newListLedgersOp().withLimit(LISTED_AT_ONCE), 0);
    }

    private CompletionStage<Long> list(LedgerClient.ListBuilder page, long before) {
        return page.execute().thenCompose(found -> {
            long listed = before + found.ledgers().size();
            return found.next().isEmpty()
                    ? CompletableFuture.completedStage(listed)
                    : list(
                            client().newListLedgersOp()
                                    .withLimit(LISTED_AT_ONCE)
                                    .withAfter(found.next().get()),
                            listed);
        });
    }

    @Override
    public LedgerDriver another() {
        return connect(config + "\nquire.node { name = another, port = 0 }");
    }

    @Override
    public void close() {
        node.close();
    }

    private LedgerClient client() {
        return node.client();
    }

    private static void follow(LedgerTail tail, Consumer<byte[]> entries) {
        tail.nextAsync(TAIL_ENTRIES, TAIL_BYTES).whenComplete((next, failure) -> {
            if (failure == null && !next.entries().isEmpty()) {
                for (Entry entry : next.entries()) {
                    entries.accept(entry.payload().toByteArray());
                }
                follow(tail, entries);
            }
        });
    }

    private record QuireWriter(WriteHandle handle) implements Writer {
        @Override
        public long ledgerId() {
            return handle.getId().value();
        }

        @Override
        public CompletionStage<?> append(byte[] payload) {
            return handle.appendAsync(Payload.wrap(payload));
        }

        @Override
        public CompletionStage<?> seal() {
            return handle.sealAsync();
        }

        @Override
        public void tail(Consumer<byte[]> entries) {
            follow(handle.tail(0), entries);
        }
    }

    private record QuireLogWriter(Logs logs, LogWriter log) implements Writer {
        @Override
        public long ledgerId() {
            throw new UnsupportedOperationException("a log has many ledgers");
        }

        @Override
        public CompletionStage<?> append(byte[] payload) {
            return log.appendAsync(Payload.wrap(payload));
        }

        @Override
        public CompletionStage<?> seal() {
            return log.closeAsync();
        }

        @Override
        public void tail(Consumer<byte[]> entries) {
            follow(logs.tail(log.name().value(), LogPosition.START), entries);
        }

        private static void follow(LogTail tail, Consumer<byte[]> entries) {
            tail.nextAsync(TAIL_ENTRIES, TAIL_BYTES).whenComplete((next, failure) -> {
                if (failure == null) {
                    next.records()
                            .forEach(found -> entries.accept(found.payload().toByteArray()));
                    follow(tail, entries);
                }
            });
        }
    }

    private record QuireReader(ReadHandle handle) implements Reader {
        @Override
        public long lastEntryId() {
            return handle.getLastAddConfirmed();
        }

        @Override
        public CompletionStage<Long> read(long first, long last) {
            return handle.readAsync(first, last).thenApply(answer -> {
                long bytes = 0;
                for (Entry entry : answer.entries()) {
                    bytes += entry.payload().length();
                }
                return bytes;
            });
        }
    }
}
