package io.quire.protocol.wire;

/** Everything that {@link QuireSerializer} can write. Each kind has a one-letter manifest. */
public sealed interface WireMessage permits BookieRequest, BookieReply, RegistryRequest, RegistryReply, Bundle {}
