/**
 * The vocabulary of Quire: ledgers, entries, quorums, ledger metadata and the ports that the roles share. Nothing here
 * knows Pekko, files or clocks, so that the protocol cores may use all of it.
 *
 * <p>Read {@link io.quire.protocol.Replication} first, then {@link io.quire.protocol.LedgerMetadata} and {@link
 * io.quire.protocol.EntryFormat}.
 */
package io.quire.protocol;
