/**
 * The {@code quire} command: parses, calls, prints; nothing else. {@link io.quire.cli.QuireCommand} names the commands.
 * Those of a client talk HTTP through {@link io.quire.cli.NodeConnection} and load no actor system, so that they start
 * fast; what runs inside this JVM begins at {@link io.quire.cli.NodeProcess}.
 */
package io.quire.cli;
