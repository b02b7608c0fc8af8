package io.quire.registry;

import io.quire.protocol.BookieStatus;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Versioned;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReferenceArray;

/** What this node knows of the feed. Written by the {@link FeedActor} alone, read by any thread. */
final class FeedView {
    private final FeedSettings settings;
    private final AtomicReferenceArray<FeedBucket> buckets;
    private volatile List<BookieStatus> bookies = List.of();

    FeedView(FeedSettings settings) {
        this.settings = settings;
        buckets = new AtomicReferenceArray<>(settings.buckets());
        for (int i = 0; i < settings.buckets(); i++) {
            buckets.set(i, FeedBucket.EMPTY);
        }
    }

    FeedBucket bucket(int index) {
        return buckets.get(index);
    }

    Optional<Versioned<LedgerMetadata>> ledger(LedgerId ledgerId) {
        return bucket(settings.bucketOf(ledgerId)).ledger(ledgerId);
    }

    /** As people and placement should see them, gone ones as DOWN. */
    List<BookieStatus> bookies() {
        return bookies;
    }

    void setBucket(int index, FeedBucket bucket) {
        buckets.set(index, bucket);
    }

    void setBookies(List<BookieStatus> shown) {
        bookies = List.copyOf(shown);
    }
}
