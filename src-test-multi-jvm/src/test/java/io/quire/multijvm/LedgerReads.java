package io.quire.multijvm;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.LedgerClient;
import io.quire.client.ReadHandle;
import io.quire.protocol.BookieId;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerId;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Reads ledgers whose entries are {@link EntryContent}, and compares every byte. */
final class LedgerReads {
    private static final int PAGE = 2000;
    private static final long PAGE_BYTES = 4 << 20;
    private static final int TIMEOUT_SECONDS = 30;

    private final LedgerClient client;
    private final long seed;

    LedgerReads(LedgerClient client, long seed) {
        this.client = client;
        this.seed = seed;
    }

    ReadHandle open(LedgerId ledgerId) {
        return get(client.newOpenLedgerOp().withLedgerId(ledgerId).execute());
    }

    /** Reads the entries {@code [first, last]} through the client. */
    void requireEqual(ReadHandle ledger, long first, long last) {
        long next = first;
        while (next <= last) {
            int count = (int) Math.min(PAGE, last - next + 1);
            List<Entry> entries =
                    get(ledger.batchReadAsync(next, count, PAGE_BYTES)).entries();
            assertThat(entries).isNotEmpty();
            for (Entry entry : entries) {
                requireEqual(entry, next);
                next++;
            }
        }
    }

    /** The entries of {@code [0, last]} that one bookie holds, all of them with the right bytes. */
    BitSet heldBy(BookieId bookie, LedgerId ledgerId, long last) {
        BitSet held = new BitSet();
        long next = 0;
        while (next <= last) {
            List<Entry> entries = get(client.readFrom(bookie, ledgerId, next, last));
            if (entries.isEmpty()) {
                return held;
            }
            for (Entry entry : entries) {
                requireEqual(entry, entry.entryId());
                held.set(Math.toIntExact(entry.entryId()));
                next = entry.entryId() + 1;
            }
        }
        return held;
    }

    private void requireEqual(Entry entry, long entryId) {
        assertThat(entry.entryId()).isEqualTo(entryId);
        if (!entry.payload().equals(EntryContent.of(seed, entryId))) {
            throw new AssertionError("entry " + entryId + " of ledger " + entry.ledgerId() + " has other bytes");
        }
    }

    static <T> T get(CompletionStage<T> stage) {
        try {
            return stage.toCompletableFuture().get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw new AssertionError("failed: " + e.getCause().getMessage(), e.getCause());
        } catch (TimeoutException e) {
            throw new AssertionError("no answer in " + TIMEOUT_SECONDS + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }
}
