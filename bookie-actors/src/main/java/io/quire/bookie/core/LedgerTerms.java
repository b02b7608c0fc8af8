package io.quire.bookie.core;

import io.quire.protocol.Deletion;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import java.util.List;
import java.util.Optional;

/**
 * What a ledger's register says for ever: whose proof it takes to change the ledger here, and how its entries are guarded.
 * Known from the first reading of the register on, whatever it was made for. Not thread-safe.
 */
final class LedgerTerms {
    private Optional<Payload> verifier = Optional.empty();
    private Optional<DigestType> digest = Optional.empty();

    /**
     * The register was read. Of a purged ledger nothing is learnt: who then goes by the terms, without another look at the
     * register, would bring back what was dropped (R22).
     */
    void learn(LedgerMetadata metadata) {
        if (metadata.deletion() == Deletion.PURGED) {
            return;
        }
        verifier = Optional.of(metadata.verifier());
        digest = Optional.of(metadata.digest());
    }

    boolean areKnown() {
        return verifier.isPresent();
    }

    /** Whether who shows {@code proof} may change the ledger; the terms are known. */
    boolean isProof(Payload proof) {
        return LedgerKey.isProof(proof, verifier.orElseThrow());
    }

    /** Why these verified entries are not the ledger's, if so; the terms are known. */
    Optional<String> violationIn(EntryBatch entries) {
        DigestType expected = digest.orElseThrow();
        List<Payload> list = entries.entries();
        for (int i = 0; i < list.size(); i++) {
            if (!EntryFormat.isGuardedBy(list.get(i), expected)) {
                return Optional.of("entry " + EntryFormat.entryIdOf(list.get(i))
                        + " has a digest of another type than the ledger's, " + expected);
            }
        }
        return Optional.empty();
    }
}
