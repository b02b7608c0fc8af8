package io.quire.client.log;

import io.quire.client.LedgerClient;
import io.quire.client.ReadHandle;
import io.quire.client.WriteHandle;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Ledgers of a cluster, by its {@link LedgerClient}. */
final class ClientLogLedgers implements LogLedgers {
    /** The label that says which log a ledger was created for. */
    private static final String LABEL = "log";

    private static final int LABEL_CHARS_MAX = 128;

    private final LedgerClient client;
    private final Replication replication;

    ClientLogLedgers(LedgerClient client, Replication replication) {
        this.client = client;
        this.replication = replication;
    }

    private record HandleWriting(WriteHandle handle) implements Writing {
        @Override
        public LedgerId ledgerId() {
            return handle.getId();
        }

        @Override
        public CompletionStage<Long> append(Payload entry) {
            return handle.appendAsync(entry);
        }

        @Override
        public CompletionStage<?> seal() {
            return handle.sealAsync();
        }

        @Override
        public void close() {
            handle.close();
        }
    }

    @Override
    public CompletionStage<Writing> create(LogName name) {
        String label = name.value().length() <= LABEL_CHARS_MAX
                ? name.value()
                : name.value().substring(0, LABEL_CHARS_MAX);
        return client.newCreateLedgerOp()
                .withEnsembleSize(replication.ensembleSize())
                .withWriteQuorumSize(replication.writeQuorum())
                .withAckQuorumSize(replication.ackQuorum())
                .withLabels(Map.of(LABEL, label))
                .execute()
                .thenApply(HandleWriting::new);
    }

    @Override
    public CompletionStage<OptionalLong> seal(LedgerId ledgerId) {
        return client.recover(ledgerId)
                .thenApply(report -> OptionalLong.of(report.ledger().value().lastEntryId()))
                .exceptionallyCompose(failure -> LogFailures.isNoSuchLedger(failure)
                        ? CompletableFuture.completedStage(OptionalLong.empty())
                        : CompletableFuture.failedStage(failure));
    }

    @Override
    public CompletionStage<List<Entry>> read(LedgerId ledgerId, long firstEntryId, long lastEntryId) {
        return client.newOpenLedgerOp()
                .withLedgerId(ledgerId)
                .execute()
                .thenCompose(handle -> handle.readAsync(firstEntryId, lastEntryId))
                .thenApply(ReadHandle.LedgerEntries::entries);
    }

    @Override
    public CompletionStage<Void> delete(LedgerId ledgerId) {
        return client.newDeleteLedgerOp()
                .withLedgerId(ledgerId)
                .execute()
                .exceptionallyCompose(failure -> LogFailures.codeOf(failure) == Code.NoSuchLedger
                        ? CompletableFuture.completedStage(null)
                        : CompletableFuture.failedStage(LogFailures.of(failure)));
    }
}
