/** What a voter keeps on disk: {@link io.quire.registry.storage.AcceptorStore}. */
package io.quire.registry.storage;
