package io.quire.admin;

import io.quire.protocol.BookieStatus;
import io.quire.protocol.ClusterFeed;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Versioned;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** A feed without a network. Thread-safe. */
final class MemoryFeed implements ClusterFeed {
    private final List<BookieStatus> bookies = new CopyOnWriteArrayList<>();
    private final Map<LedgerId, Versioned<LedgerMetadata>> ledgers = new ConcurrentHashMap<>();

    @Override
    public Collection<BookieStatus> bookies() {
        return List.copyOf(bookies);
    }

    @Override
    public Optional<Versioned<LedgerMetadata>> ledger(LedgerId ledgerId) {
        return Optional.ofNullable(ledgers.get(ledgerId));
    }

    @Override
    public void publish(BookieStatus status) {
        bookies.removeIf(known -> known.bookieId().equals(status.bookieId()));
        bookies.add(status);
    }

    @Override
    public void publish(Versioned<LedgerMetadata> metadata) {
        ledgers.merge(metadata.value().ledgerId(), metadata, (a, b) -> a.version() >= b.version() ? a : b);
    }
}
