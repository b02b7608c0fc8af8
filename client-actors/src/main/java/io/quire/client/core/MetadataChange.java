package io.quire.client.core;

import io.quire.protocol.IncompleteRange;
import io.quire.protocol.LedgerMetadata;
import java.util.List;

/**
 * A compare-and-set of a ledger's metadata that its writer has composed and whose outcome is not resolved. There is one
 * at a time, and while there is one nothing completes (R11). Immutable but for the time of the next attempt.
 */
final class MetadataChange {
    /** What it is for. */
    enum Kind {
        SEAL,
        ENSEMBLE
    }

    private final Kind kind;
    private final List<WriterMember> replacements;
    private final List<IncompleteRange> incomplete;
    private final long expectedVersion;
    private final LedgerMetadata proposed;
    private long retryNanos;
    private boolean retrying;

    /**
     * @param replacements who takes the places of failed members
     * @param incomplete what it registers as incomplete beside what is registered already
     */
    MetadataChange(
            Kind kind,
            List<WriterMember> replacements,
            List<IncompleteRange> incomplete,
            long expectedVersion,
            LedgerMetadata proposed) {
        this.kind = kind;
        this.replacements = replacements;
        this.incomplete = incomplete;
        this.expectedVersion = expectedVersion;
        this.proposed = proposed;
    }

    Kind kind() {
        return kind;
    }

    List<WriterMember> replacements() {
        return replacements;
    }

    List<IncompleteRange> incomplete() {
        return incomplete;
    }

    long expectedVersion() {
        return expectedVersion;
    }

    LedgerMetadata proposed() {
        return proposed;
    }

    /** To be asked again at {@code atNanos}: the same operation, with the same bytes. */
    void retryAt(long atNanos) {
        retrying = true;
        retryNanos = atNanos;
    }

    void stopRetrying() {
        retrying = false;
    }

    /** Whether it is time to ask again; true once. */
    boolean isDue(long nowNanos) {
        boolean due = retrying && nowNanos - retryNanos >= 0;
        if (due) {
            retrying = false;
        }
        return due;
    }
}
