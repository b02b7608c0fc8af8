package io.quire.bookie.core;

import io.quire.protocol.LedgerId;

/** What a {@link GarbageCollector} wants done. */
public sealed interface GarbageEffect {
    <R> R accept(Handler<R> handler);

    /**
     * Look up the ids of up to {@code max} ledgers that the store holds something of, from {@code first} on, ascending;
     * then call {@link GarbageCollector#listed} or {@link GarbageCollector#listFailed}.
     */
    record ListLedgers(long first, int max) implements GarbageEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.listLedgers(this);
        }
    }

    /**
     * Read the ledger's register linearizably, then call {@link GarbageCollector#registerRead} or {@link
     * GarbageCollector#registerUnavailable}.
     */
    record ReadRegister(LedgerId ledgerId) implements GarbageEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.readRegister(this);
        }
    }

    /**
     * Drop what is held of a ledger that is purged or collected ({@link LedgerReplica#drop}), then call {@link
     * GarbageCollector#dropped} or {@link GarbageCollector#dropRefused}.
     */
    record DropPurged(LedgerId ledgerId) implements GarbageEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.dropPurged(this);
        }
    }

    /**
     * Drop the copy of a ledger that is closed and does not name this store, by {@code version} of its register ({@link
     * LedgerReplica#dropSuperseded}); then as for {@link DropPurged}.
     */
    record DropSuperseded(LedgerId ledgerId, long version) implements GarbageEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.dropSuperseded(this);
        }
    }

    /** A run is over. */
    record Ended(GarbageCollector.Run run) implements GarbageEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.ended(this);
        }
    }

    /** One method for each effect. */
    interface Handler<R> {
        R listLedgers(ListLedgers effect);

        R readRegister(ReadRegister effect);

        R dropPurged(DropPurged effect);

        R dropSuperseded(DropSuperseded effect);

        R ended(Ended effect);
    }
}
