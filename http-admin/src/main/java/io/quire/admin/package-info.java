/**
 * The HTTP interface of a node: ledgers and bookies under {@code /api/v2}, what BookKeeper's operators know under {@code
 * /api/v1}, metrics and a heartbeat. Start reading at {@link io.quire.admin.HttpAdmin}; {@code LedgerRoutes} has the
 * operations on ledgers, {@code LedgerWriters} the writers of the ledgers that were made here.
 */
package io.quire.admin;
