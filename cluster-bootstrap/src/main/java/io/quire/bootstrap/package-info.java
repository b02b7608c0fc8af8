/**
 * A node: one JVM with any of the roles bookie, registry, admin and client, put together from its configuration. {@link
 * io.quire.bootstrap.QuireNode} starts and stops one; the actors hang under {@link io.quire.bootstrap.NodeActor}.
 */
package io.quire.bootstrap;
