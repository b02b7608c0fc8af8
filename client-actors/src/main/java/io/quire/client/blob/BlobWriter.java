package io.quire.client.blob;

import io.quire.client.WriteHandle;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Writes one blob, piece by piece. Until {@link #finishAsync()} completes there is no blob; what was written of an
 * unfinished one can be deleted by its ledger's id. Not thread-safe; pieces of any size.
 */
public final class BlobWriter implements AutoCloseable {
    private final WriteHandle ledger;
    private final int chunkBytes;
    private final BlobDigest digest = new BlobDigest();
    private final ByteBuffer chunk;
    private CompletionStage<Long> lastAppend = CompletableFuture.completedStage(-1L);
    private long length;
    private boolean finished;

    BlobWriter(WriteHandle ledger, int chunkBytes) {
        this.ledger = ledger;
        this.chunkBytes = chunkBytes;
        this.chunk = ByteBuffer.allocate(chunkBytes);
    }

    /** The ledger that the blob will be. */
    public LedgerId ledgerId() {
        return ledger.getId();
    }

    /**
     * Takes the bytes of {@code piece}; they are copied. The stage completes when what it filled is durable: wait for it
     * before the next piece, and no more than a chunk is held in memory.
     */
    public CompletionStage<Void> write(ByteBuffer piece) {
        requireUnfinished();
        while (piece.hasRemaining()) {
            int count = Math.min(piece.remaining(), chunk.remaining());
            chunk.put(piece.slice(piece.position(), count));
            piece.position(piece.position() + count);
            length += count;
            if (!chunk.hasRemaining()) {
                appendChunk();
            }
        }
        return lastAppend.thenApply(done -> null);
    }

    /** Writes what is left, then what describes the blob, and seals its ledger: from now on it is there. */
    public CompletionStage<Blob> finishAsync() {
        requireUnfinished();
        finished = true;
        if (chunk.position() > 0) {
            appendChunk();
        }
        Blob blob = new Blob(ledger.getId(), length, chunkBytes, digest.hex());
        CompletionStage<Long> before = lastAppend;
        return before.thenCompose(done -> ledger.appendAsync(blob.trailer()))
                .thenCompose(trailer -> ledger.sealAsync(trailer))
                .thenApply(closed -> {
                    ledger.close();
                    return blob;
                });
    }

    private void appendChunk() {
        Payload content = Payload.copyOf(chunk.flip());
        chunk.clear();
        digest.update(content);
        CompletionStage<Long> appended = ledger.appendAsync(content);
        lastAppend = lastAppend.thenCombine(appended, (earlier, last) -> last);
    }

    private void requireUnfinished() {
        if (finished) {
            throw new LedgerException(
                    Code.LedgerClosed, Outcome.NOT_APPLIED, "blob " + ledger.getId() + " is finished");
        }
    }

    /** Lets go of a blob that is not to be finished; its ledger stays until it is deleted. */
    @Override
    public void close() {
        finished = true;
        ledger.close();
    }
}
