/**
 * What a bookie keeps: a journal that acknowledgements wait for, memtables that hold what is not flushed yet, and a
 * ledger store that keeps the rest. {@link io.quire.bookie.storage.BookieStore} puts them together; read it first.
 *
 * <p>{@link io.quire.bookie.storage.StoreInspection}, {@link io.quire.bookie.storage.StoreVerification} and {@link
 * io.quire.bookie.storage.StoreDoctor} look into a store that nobody uses, and change nothing.
 */
package io.quire.bookie.storage;
