/**
 * The messages that cross the network and their one codec. No message holds an actor reference: an answer goes to the
 * sender that the envelope names ({@link io.quire.protocol.wire.Envelope}), so that batches stay plain data.
 *
 * <p>Read {@link io.quire.protocol.wire.BookieRequest} first, then {@link io.quire.protocol.wire.BookieReply}.
 */
package io.quire.protocol.wire;
