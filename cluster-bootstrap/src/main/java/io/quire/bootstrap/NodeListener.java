package io.quire.bootstrap;

import io.quire.protocol.BookieId;

/** Told what becomes of a node's parts, on the guardian's thread. */
interface NodeListener {
    void bookieStarted(BookieId bookie);

    /**
     * @param last whether no other bookie of this node is left
     */
    void bookieFailed(String reason, boolean last);

    void voterFailed();
}
