package io.quire.admin;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** What can be done with the bookies of this node. Thread-safe. */
@FunctionalInterface
public interface NodeBookies {
    /** A node without bookies. */
    NodeBookies NONE = readOnly -> CompletableFuture.completedStage(false);

    /**
     * Has them take no new entries, or no longer so; other reasons for that stay.
     *
     * @return whether all of them are read-only then; false when there are none
     */
    CompletionStage<Boolean> setReadOnly(boolean readOnly);
}
