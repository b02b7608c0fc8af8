package io.quire.client.core;

/** When an append is acknowledged. */
public enum Durability {
    /** Once it and all before it are on the disks of an ack quorum; the default. */
    SYNCED,
    /**
     * Once it is in the memory of an ack quorum and everything before it is acknowledged. The bookies sync it all the
     * same, soon; until then it is lost when an ack quorum of them fails, or when its writer fails and the ledger is
     * recovered. A seal or a force makes it durable.
     */
    MEMORY_QUORUM
}
