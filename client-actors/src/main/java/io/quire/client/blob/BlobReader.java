package io.quire.client.blob;

import io.quire.client.ReadHandle;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.Payload;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Reads one blob, chunk by chunk, from any offset on. A read from the beginning compares the digest of everything at the
 * end; one from an offset has that of the entries alone. Not thread-safe; one call at a time.
 */
public final class BlobReader {
    private final ReadHandle ledger;
    private final Blob blob;
    private final BlobDigest digest = new BlobDigest();
    private final boolean isWhole;
    private long offset;

    BlobReader(ReadHandle ledger, Blob blob, long offset) {
        this.ledger = ledger;
        this.blob = blob;
        this.offset = offset;
        this.isWhole = offset == 0;
    }

    public Blob blob() {
        return blob;
    }

    /** Where the next bytes begin: from here another reader can go on. */
    public long offset() {
        return offset;
    }

    /** The next bytes; empty behind the last. Fails with Conflict when they are not those that were written. */
    public CompletionStage<Optional<Payload>> nextAsync() {
        if (offset >= blob.length()) {
            if (isWhole && offset == blob.length()) {
                offset++; // the digest is told once
                if (!digest.hex().equals(blob.sha256())) {
                    return CompletableFuture.failedStage(damaged("its digest is another one"));
                }
            }
            return CompletableFuture.completedStage(Optional.empty());
        }
        long chunk = offset / blob.chunkBytes();
        return ledger.readAsync(chunk, chunk).thenApply(entries -> {
            Payload content = entries.entries().get(0).payload();
            long begin = chunk * blob.chunkBytes();
            if (content.length() != Math.min(blob.chunkBytes(), blob.length() - begin)) {
                throw damaged("chunk " + chunk + " has " + content.length() + " bytes");
            }
            int skipped = (int) (offset - begin);
            if (isWhole) {
                digest.update(content);
            }
            offset = begin + content.length();
            return Optional.of(content.slice(skipped, content.length() - skipped));
        });
    }

    private LedgerException damaged(String why) {
        return new LedgerException(
                Code.Conflict, Outcome.NOT_APPLIED, "blob " + blob.ledgerId() + " is damaged: " + why);
    }
}
