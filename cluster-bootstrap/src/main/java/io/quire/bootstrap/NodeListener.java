package io.quire.bootstrap;

import io.quire.protocol.BookieId;

/** Told what becomes of a node's parts, on the guardian's thread. */
interface NodeListener {
    /**
     * @param name of the bookie's actor
     */
    void bookieStarted(String name, BookieId bookie);

    /** The bookie does not serve for want of room on its disk; it is started again later, and again. */
    void bookieWaits(String name, String reason);

    /**
     * @param last whether no other bookie of this node is left
     */
    void bookieFailed(String reason, boolean last);

    void voterFailed();
}
