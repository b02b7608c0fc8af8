package io.quire.client.core;

import io.quire.protocol.BookieRegistration;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.RegistryKey;
import java.util.List;
import java.util.Optional;

/** What a {@link TombstoneKeeper} wants done. */
public sealed interface TombstoneEffect {
    <R> R accept(Handler<R> handler);

    /** List ledgers' registers; then call {@link TombstoneKeeper#ledgersListed} or {@link TombstoneKeeper#listFailed}. */
    record ListLedgers(Optional<RegistryKey> after, int limit) implements TombstoneEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.listLedgers(this);
        }
    }

    /** Register {@code purged} in place of exactly {@code version}; then call {@link TombstoneKeeper#purged}. */
    record Purge(LedgerMetadata purged, long version) implements TombstoneEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.purge(this);
        }
    }

    /** List bookies' registers; then call {@link TombstoneKeeper#bookiesListed} or {@link TombstoneKeeper#listFailed}. */
    record ListBookies(Optional<RegistryKey> after, int limit) implements TombstoneEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.listBookies(this);
        }
    }

    /**
     * Ask a bookie of which of these ledgers, all purged, it holds nothing; then call {@link TombstoneKeeper#confirmed}, with
     * none when it does not answer.
     */
    record Ask(BookieRegistration bookie, List<LedgerId> ledgerIds) implements TombstoneEffect {
        public Ask {
            ledgerIds = List.copyOf(ledgerIds);
        }

        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.ask(this);
        }
    }

    /** Collect the ledger's register (R4); then call {@link TombstoneKeeper#collected}. */
    record Collect(LedgerId ledgerId) implements TombstoneEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.collect(this);
        }
    }

    /** One method for each effect. */
    interface Handler<R> {
        R listLedgers(ListLedgers effect);

        R purge(Purge effect);

        R listBookies(ListBookies effect);

        R ask(Ask effect);

        R collect(Collect effect);
    }
}
