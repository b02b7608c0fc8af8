package io.quire.client;

import io.quire.client.core.Failure;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Versioned;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** Who waits for a ledger to be sealed, and at which entry, if they said. Not thread-safe. */
final class Seals {
    private final List<Waiting> waiting = new ArrayList<>();

    private record Waiting(OptionalLong expectedLastEntryId, LedgerWriterActor.SealListener listener) {}

    void add(OptionalLong expectedLastEntryId, LedgerWriterActor.SealListener listener) {
        waiting.add(new Waiting(expectedLastEntryId, listener));
    }

    /** The ledger is sealed; whoever wanted another end is told that it is not so, since somebody else's seal won. */
    void sealed(Versioned<LedgerMetadata> metadata) {
        long last = metadata.value().lastEntryId();
        for (Waiting one : taken()) {
            if (one.expectedLastEntryId().orElse(last) == last) {
                one.listener().sealed(metadata);
            } else {
                one.listener()
                        .failed(new Failure(
                                Code.InvalidRequest,
                                Outcome.NOT_APPLIED,
                                "ledger " + metadata.value().ledgerId() + " was to be sealed behind entry "
                                        + one.expectedLastEntryId().getAsLong() + ", it ends at " + last));
            }
        }
    }

    void failed(Failure failure) {
        taken().forEach(one -> one.listener().failed(failure));
    }

    private List<Waiting> taken() {
        List<Waiting> taken = List.copyOf(waiting);
        waiting.clear();
        return taken;
    }
}
