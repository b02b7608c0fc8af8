/**
 * Registers that decide everything, and the gossip feed that spreads what was decided. {@link
 * io.quire.registry.VoterActor} serves a voter's part, {@link io.quire.registry.RegistryClient} is the {@code Registry}
 * that the rest of Quire sees. The protocol is in {@code io.quire.registry.core}; start there.
 *
 * <p>For the feed read {@link io.quire.registry.FeedBucket} first, then {@link io.quire.registry.DistributedDataFeed}.
 */
package io.quire.registry;
