/**
 * Ledgers for applications: the Java API is {@link io.quire.client.LedgerClient}, the actor API {@link
 * io.quire.client.LedgerWriterActor}. The protocol is in {@code io.quire.client.core}.
 */
package io.quire.client;
