/**
 * Named logs: unbounded logs of records with one writer at a time, each a list of ledgers under one register. {@link
 * io.quire.client.log.Logs} is where to begin.
 *
 * <p>What decides who writes, and what the log consists of, is the register alone, by compare-and-set. What makes an
 * earlier writer harmless is that its ledger is sealed before the next one is registered.
 */
package io.quire.client.log;
