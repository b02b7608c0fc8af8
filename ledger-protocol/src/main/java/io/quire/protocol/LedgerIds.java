package io.quire.protocol;

import java.util.concurrent.CompletionStage;

/** Hands out ledger ids that nobody else gets, ever. Thread-safe. */
public interface LedgerIds {
    /** A fresh id; fails with {@link Registry.UnavailableException} when no block could be reserved. */
    CompletionStage<LedgerId> next();
}
