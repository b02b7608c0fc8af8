package io.quire.admin;

import io.quire.client.ReadHandle;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.Done;
import org.apache.pekko.NotUsed;
import org.apache.pekko.japi.Pair;
import org.apache.pekko.stream.javadsl.Source;

/** Streams the entries of a range, a page at a time, as fast as they are taken. Stateless but for its page size. */
final class EntryRange {
    private static final int PAGE_ENTRIES_MAX = 10_000;

    private final long pageBytes;

    /**
     * @param pageBytes about how many payload bytes are held for one stream
     */
    EntryRange(long pageBytes) {
        this.pageBytes = pageBytes;
    }

    /** Which entries are wanted; without {@code to}, all up to the end. */
    record Bounds(long from, OptionalLong to) {
        Bounds {
            if (to.isPresent() && from > to.getAsLong()) {
                throw Problem.invalid("from must not be above to: " + from + " and " + to.getAsLong());
            }
        }

        /**
         * The last entry to read of a ledger that can be read up to {@code end}; below {@code from} for nothing. Asking
         * beyond the end is an error, except that a closed ledger may be read to an end that lies before {@code to}.
         *
         * @throws LedgerException NoSuchEntry of a closed ledger, NotConfirmed of an open one
         */
        long last(String ledger, boolean isClosed, long end) {
            long firstMissing = to.isPresent() ? from : Math.max(from - 1, 0);
            boolean startsBeyond = firstMissing > end && (to.isPresent() || from > 0);
            if (isClosed && startsBeyond) {
                throw new LedgerException(
                        Code.NoSuchEntry,
                        Outcome.NOT_APPLIED,
                        "ledger " + ledger + " has no entry " + from + ", it ends at " + end);
            }
            if (!isClosed && (startsBeyond || to.orElse(-1) > end)) {
                throw new LedgerException(
                        Code.NotConfirmed,
                        Outcome.NOT_APPLIED,
                        "entry " + to.orElse(from) + " is above the last confirmed " + end
                                + " of an open ledger; recover it to read on");
            }
            return Math.min(to.orElse(end), end);
        }
    }

    /**
     * The entries {@code bounds} of {@code ledger} in pages. The stage fails where nothing can be read; a failure later
     * on fails the stream.
     */
    CompletionStage<Source<List<Entry>, NotUsed>> read(OpenLedger ledger, Bounds bounds) {
        return ledger.end().thenCompose(end -> {
            long last = bounds.last(ledger.metadata().value().ledgerId().toString(), ledger.isClosed(), end);
            if (last < bounds.from()) {
                return CompletableFuture.completedStage(Source.<List<Entry>>empty());
            }
            return page(ledger.reader(), bounds.from(), last)
                    .thenApply(first -> Source.single(first).concat(rest(ledger.reader(), first, last)));
        });
    }

    /** The entries of a ledger from {@code from} on, as they come, until it is closed or nobody listens any more. */
    Source<List<Entry>, NotUsed> follow(ReadHandle reader, long from) {
        return Source.unfoldResourceAsync(
                () -> CompletableFuture.completedStage(reader.tail(from)),
                tail -> tail.nextAsync(PAGE_ENTRIES_MAX, pageBytes)
                        .thenApply(next -> next.entries().isEmpty() ? Optional.empty() : Optional.of(next.entries())),
                tail -> {
                    tail.close();
                    return CompletableFuture.completedStage(Done.getInstance());
                });
    }

    private Source<List<Entry>, NotUsed> rest(ReadHandle reader, List<Entry> first, long last) {
        return Source.unfoldAsync(next(first), from -> {
            if (from > last) {
                return CompletableFuture.completedStage(Optional.<Pair<Long, List<Entry>>>empty());
            }
            return page(reader, from, last).thenApply(page -> Optional.of(Pair.create(next(page), page)));
        });
    }

    private CompletionStage<List<Entry>> page(ReadHandle reader, long from, long last) {
        int count = (int) Math.min(PAGE_ENTRIES_MAX, last - from + 1);
        return reader.batchReadAsync(from, count, pageBytes).thenApply(ReadHandle.LedgerEntries::entries);
    }

    private static long next(List<Entry> page) {
        return page.get(page.size() - 1).entryId() + 1;
    }
}
