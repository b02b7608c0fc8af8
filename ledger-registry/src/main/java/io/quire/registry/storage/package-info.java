/**
 * What a voter keeps on disk: {@link io.quire.registry.storage.AcceptorStore}. {@link
 * io.quire.registry.storage.VoterDoctor} explains one that is stopped.
 */
package io.quire.registry.storage;
