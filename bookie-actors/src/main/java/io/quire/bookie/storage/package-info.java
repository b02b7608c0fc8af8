/**
 * What a bookie keeps: a journal that acknowledgements wait for, memtables that hold what is not flushed yet, and a
 * ledger store that keeps the rest. {@link io.quire.bookie.storage.BookieStore} puts them together; read it first.
 */
package io.quire.bookie.storage;
