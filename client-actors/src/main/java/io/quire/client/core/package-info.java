/**
 * The client's side of the replication protocol, as pure state machines: {@link io.quire.client.core.LedgerWriter}
 * appends and seals, {@link io.quire.client.core.RangeRead} reads, {@link io.quire.client.core.Placement} chooses
 * bookies. Read the writer first.
 */
package io.quire.client.core;
