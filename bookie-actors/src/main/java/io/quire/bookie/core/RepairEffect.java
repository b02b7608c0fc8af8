package io.quire.bookie.core;

import io.quire.protocol.BookieId;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerId;
import io.quire.protocol.RegistryKey;
import java.util.List;
import java.util.Optional;

/** What a {@link StoreRepair} wants done, one thing at a time; what comes of it goes back as an input. */
public sealed interface RepairEffect {
    <R> R accept(Handler<R> handler);

    /** Read what is held of {@code [first, last]}, then call {@link StoreRepair#ownRead}. */
    record ReadOwn(long first, long last) implements RepairEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.readOwn(this);
        }
    }

    /** Ask another bookie for {@code [first, last]}, then call {@link StoreRepair#peerRead} or {@link StoreRepair#peerFailed}. */
    record AskPeer(BookieId bookie, long first, long last) implements RepairEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.askPeer(this);
        }
    }

    /** Journal these as copies held at the register's version, then call {@link StoreRepair#stored}. */
    record Store(EntryBatch entries) implements RepairEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.store(this);
        }
    }

    /** Find out which ledgers name the store, behind {@code after}; then call {@link StoreRepair#listed}. */
    record ListLedgers(Optional<RegistryKey> after) implements RepairEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.listLedgers(this);
        }
    }

    /** Write down that these are in limbo, then call {@link StoreRepair#marked}. */
    record MarkListed(List<LedgerId> ledgers) implements RepairEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.markListed(this);
        }
    }

    /** Write down that no others are in limbo, then call {@link StoreRepair#listingEnded}. */
    record EndListing() implements RepairEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.endListing(this);
        }
    }

    /** Look for the first ledger in limbo from {@code from} on, then call {@link StoreRepair#chosen}. */
    record ChooseLedger(long from) implements RepairEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.chooseLedger(this);
        }
    }

    /**
     * Remove what cannot be read of the ledger, read its register linearizably, then call {@link StoreRepair#registerRead}.
     */
    record Prepare(LedgerId ledgerId) implements RepairEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.prepare(this);
        }
    }

    /** Write down that the ledger is in limbo no more, then call {@link StoreRepair#ledgerCleared}. */
    record Clear(LedgerId ledgerId) implements RepairEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.clear(this);
        }
    }

    /** One method for each effect. */
    interface Handler<R> {
        R readOwn(ReadOwn effect);

        R askPeer(AskPeer effect);

        R store(Store effect);

        R listLedgers(ListLedgers effect);

        R markListed(MarkListed effect);

        R endListing(EndListing effect);

        R chooseLedger(ChooseLedger effect);

        R prepare(Prepare effect);

        R clear(Clear effect);
    }
}
