package io.quire.bookie;

import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.ClusterFeed;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Versioned;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** A feed of one process, in memory, that keeps the newest of everything. Thread-safe. */
public final class LocalFeed implements ClusterFeed {
    private final ConcurrentHashMap<BookieId, BookieStatus> bookies = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<LedgerId, Versioned<LedgerMetadata>> ledgers = new ConcurrentHashMap<>();

    @Override
    public Collection<BookieStatus> bookies() {
        return List.copyOf(bookies.values());
    }

    @Override
    public Optional<Versioned<LedgerMetadata>> ledger(LedgerId ledgerId) {
        return Optional.ofNullable(ledgers.get(ledgerId));
    }

    @Override
    public void publish(BookieStatus status) {
        bookies.merge(status.bookieId(), status, (old, next) -> next.isNewerThan(old) ? next : old);
    }

    @Override
    public void publish(Versioned<LedgerMetadata> metadata) {
        ledgers.merge(
                metadata.value().ledgerId(), metadata, (old, next) -> next.version() > old.version() ? next : old);
    }
}
