/** Large values in ledgers, a ledger each: {@link io.quire.client.blob.Blobs}. */
package io.quire.client.blob;
