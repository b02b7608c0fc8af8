/**
 * The registry on Pekko: the actors around the registers, and the feed that spreads
 * what they decided.
 *
 * <p>For the feed read {@link io.quire.registry.FeedBucket} first, then {@link io.quire.registry.DistributedDataFeed}.
 */
package io.quire.registry;
