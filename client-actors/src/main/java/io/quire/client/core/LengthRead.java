package io.quire.client.core;

import io.quire.protocol.BookieId;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.WriteSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.LongSupplier;

/**
 * Finds how long a ledger is up to one entry, which carries that in its header: asks the members of its write set in turn,
 * until one has a sound copy. Not thread-safe.
 */
final class LengthRead {
    private final LedgerMetadata metadata;
    private final LedgerKey key;
    private final long entryId;
    private final RecoverySettings settings;
    private final RecoveryOutbox outbox;
    private final LongSupplier requests;
    private final List<Integer> positions;
    private int asked;
    private long request;
    private long askAgainNanos;
    private OptionalLong length = OptionalLong.empty();

    LengthRead(
            LedgerMetadata metadata,
            LedgerKey key,
            long entryId,
            RecoverySettings settings,
            RecoveryOutbox outbox,
            LongSupplier requests) {
        this.metadata = metadata;
        this.key = key;
        this.entryId = entryId;
        this.settings = settings;
        this.outbox = outbox;
        this.requests = requests;
        this.positions = WriteSet.of(entryId, metadata.replication()).positions();
    }

    void ask(long nowNanos) {
        BookieId bookie = metadata.fragmentOf(entryId).ensemble().at(positions.get(asked++ % positions.size()));
        request = requests.getAsLong();
        askAgainNanos = nowNanos + settings.requestTimeoutNanos();
        outbox.read(request, bookie, entryId, entryId, false);
    }

    boolean isFor(long answered) {
        return request == answered;
    }

    void answered(EntryBatch found) {
        for (Payload encoded : found.entries()) {
            try {
                EntryFormat.verify(encoded, metadata.digest(), key);
            } catch (EntryFormat.DamagedEntryException e) {
                continue;
            }
            if (EntryFormat.ledgerIdOf(encoded) == metadata.ledgerId().value()
                    && EntryFormat.entryIdOf(encoded) == entryId) {
                length = OptionalLong.of(EntryFormat.lengthOf(encoded));
            }
        }
    }

    void failed(long againNanos) {
        askAgainNanos = againNanos;
    }

    void tick(long nowNanos) {
        if (length.isEmpty() && nowNanos - askAgainNanos >= 0) {
            ask(nowNanos);
        }
    }

    OptionalLong length() {
        return length;
    }
}
