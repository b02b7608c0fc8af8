/**
 * What a bookie decides, as pure state machines: {@link io.quire.bookie.core.LedgerReplica} for one ledger of one store,
 * {@link io.quire.bookie.core.BootSequence} for a store's boot.
 */
package io.quire.bookie.core;
