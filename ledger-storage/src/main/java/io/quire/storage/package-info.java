/**
 * How Quire reaches a disk: {@link io.quire.storage.FileStore} for journals and {@link io.quire.storage.KeyValueStore}
 * for everything ordered. The ports are narrow, so that journal, ledger store and registry run unchanged over a
 * simulated disk.
 *
 * <p>Read the two ports first; {@link io.quire.storage.NioFileStore} and {@link io.quire.storage.LmdbKeyValueStore} are
 * the real ones. {@link io.quire.storage.DirectoryLock} keeps others out of what they open. {@link
 * io.quire.storage.ReadOnlyFileStore} and {@link io.quire.storage.LmdbReader} are for looking into what nobody uses, and
 * change nothing.
 */
package io.quire.storage;
