/** Ledgers and named logs as Pekko Streams: back-pressured down to the bookies. */
package io.quire.client.stream;
