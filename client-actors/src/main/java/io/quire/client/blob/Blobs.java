package io.quire.client.blob;

import io.quire.client.LedgerClient;
import io.quire.client.ReadHandle;
import io.quire.client.log.LogFailures;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Values of any size, each in a ledger of its own, whose id is the value's name: snapshots, attachments. A value is there
 * as a whole or not at all, and never changes. Thread-safe.
 */
public final class Blobs {
    /** Far below the largest entry. */
    private static final int CHUNK_BYTES = 256 * 1024;

    private static final Map<String, String> LABELS = Map.of("blob", "1");

    private final LedgerClient client;
    private final Replication replication;
    private final int chunkBytes;

    private Blobs(LedgerClient client, Replication replication, int chunkBytes) {
        this.client = client;
        this.replication = replication;
        this.chunkBytes = chunkBytes;
    }

    /** Blobs in the cluster of {@code client}, as ledgers of {@code replication}. */
    public static Blobs create(LedgerClient client, Replication replication) {
        return new Blobs(client, replication, Math.min(CHUNK_BYTES, client.entryBytesMax()));
    }

    /** Begins a new value. */
    public CompletionStage<BlobWriter> newBlob() {
        return client.newCreateLedgerOp()
                .withEnsembleSize(replication.ensembleSize())
                .withWriteQuorumSize(replication.writeQuorum())
                .withAckQuorumSize(replication.ackQuorum())
                .withLabels(LABELS)
                .execute()
                .thenApply(ledger -> new BlobWriter(ledger, chunkBytes));
    }

    /** Stores {@code value}, which must not change meanwhile. When it fails, what was written of it is deleted. */
    public CompletionStage<Blob> put(byte[] value) {
        return newBlob().thenCompose(writer -> write(writer, ByteBuffer.wrap(value))
                .thenCompose(written -> writer.finishAsync())
                .exceptionallyCompose(failure -> {
                    writer.close();
                    return delete(writer.ledgerId())
                            .handle((deleted, deletion) -> failure)
                            .thenCompose(CompletableFuture::failedStage);
                }));
    }

    /** A chunk at a time: a value may be larger than what a writer lets wait. */
    private CompletionStage<Void> write(BlobWriter writer, ByteBuffer rest) {
        if (!rest.hasRemaining()) {
            return CompletableFuture.completedStage(null);
        }
        int window = Math.min(rest.remaining(), 16 * chunkBytes);
        ByteBuffer piece = rest.slice(rest.position(), window);
        rest.position(rest.position() + window);
        return writer.write(piece).thenCompose(done -> write(writer, rest));
    }

    /** Reads a whole value and compares its digest; for values that fit into memory. */
    public CompletionStage<byte[]> get(LedgerId ledgerId) {
        return read(ledgerId, 0).thenCompose(reader -> collect(reader, new ByteArrayOutputStream()));
    }

    private static CompletionStage<byte[]> collect(BlobReader reader, ByteArrayOutputStream bytes) {
        return reader.nextAsync().thenCompose(chunk -> {
            if (chunk.isEmpty()) {
                return CompletableFuture.completedStage(bytes.toByteArray());
            }
            bytes.writeBytes(chunk.get().toByteArray());
            return collect(reader, bytes);
        });
    }

    /**
     * Reads a value from {@code offset} on. Fails with NoSuchLedger when there is no such ledger, with InvalidRequest when it
     * is not a whole blob or ends before the offset.
     */
    public CompletionStage<BlobReader> read(LedgerId ledgerId, long offset) {
        return client.newOpenLedgerOp().withLedgerId(ledgerId).execute().thenCompose(ledger -> describe(ledger)
                .thenApply(blob -> {
                    if (offset < 0 || offset > blob.length()) {
                        throw invalid("blob " + ledgerId + " has " + blob.length() + " bytes, and none at " + offset);
                    }
                    return new BlobReader(ledger, blob, offset);
                }));
    }

    private static CompletionStage<Blob> describe(ReadHandle ledger) {
        long last = ledger.getLastAddConfirmed();
        if (!ledger.isClosed() || last < 0) {
            return CompletableFuture.failedStage(
                    invalid("ledger " + ledger.getId() + " is no blob, or one that was never finished"));
        }
        return ledger.readAsync(last, last).thenApply(entries -> {
            Payload trailer = entries.entries().get(0).payload();
            try {
                Blob blob = Blob.ofTrailer(ledger.getId(), trailer);
                if (blob.trailerEntryId() == last) {
                    return blob;
                }
            } catch (Fields.MalformedException e) {
                throw invalid("ledger " + ledger.getId() + " is no blob: " + e.getMessage());
            }
            throw invalid("ledger " + ledger.getId() + " is no whole blob");
        });
    }

    /** Deletes a value; one that is gone already is no error. */
    public CompletionStage<Void> delete(LedgerId ledgerId) {
        return client.newDeleteLedgerOp()
                .withLedgerId(ledgerId)
                .execute()
                .exceptionallyCompose(failure -> LogFailures.codeOf(failure) == Code.NoSuchLedger
                        ? CompletableFuture.completedStage(null)
                        : CompletableFuture.failedStage(failure));
    }

    private static LedgerException invalid(String why) {
        return new LedgerException(Code.InvalidRequest, Outcome.NOT_APPLIED, why);
    }
}
