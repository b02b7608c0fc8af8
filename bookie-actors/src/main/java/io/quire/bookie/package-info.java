/**
 * A bookie: one formatted store that serves the cluster. {@link io.quire.bookie.BookieActor} boots it and is what others
 * talk to; {@link io.quire.bookie.LedgerActor} is one ledger of it; {@link io.quire.bookie.JournalActor} and {@link
 * io.quire.bookie.FlusherActor} own its disk. What is decided is in {@code io.quire.bookie.core}.
 */
package io.quire.bookie;
