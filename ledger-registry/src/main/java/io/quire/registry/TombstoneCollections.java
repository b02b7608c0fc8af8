package io.quire.registry;

import io.quire.protocol.LedgerId;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryTombstones.Collection;
import io.quire.protocol.VoterId;
import io.quire.protocol.wire.RegistryReply;
import io.quire.protocol.wire.RegistryRequest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Tells all voters that the registers of ledgers are collected (R4). Each of them needs no majority for it: that the ledger
 * is purged was decided before. Not thread-safe; part of {@link RegistryOperations}.
 */
final class TombstoneCollections {
    private final LongSupplier nanoClock;
    private final long resendNanos;
    private final LongSupplier requestIds;
    private final RegistryOperations.Outbox outbox;
    /** By the request id that all its requests carry. */
    private final Map<Long, Collecting> running = new LinkedHashMap<>();

    private static final class Collecting {
        private final LedgerId ledgerId;
        private final long deadlineNanos;
        private final Consumer<Collection> callback;
        private final Set<VoterId> stored = new HashSet<>();
        private long sentNanos;

        Collecting(LedgerId ledgerId, long deadlineNanos, Consumer<Collection> callback) {
            this.ledgerId = ledgerId;
            this.deadlineNanos = deadlineNanos;
            this.callback = callback;
        }
    }

    TombstoneCollections(
            LongSupplier nanoClock, long resendNanos, LongSupplier requestIds, RegistryOperations.Outbox outbox) {
        this.nanoClock = nanoClock;
        this.resendNanos = resendNanos;
        this.requestIds = requestIds;
        this.outbox = outbox;
    }

    /** The register of {@code ledgerId} was read as purged, or as collected. */
    void start(LedgerId ledgerId, long deadlineNanos, RegistryConfig config, Consumer<Collection> callback) {
        Collecting collecting = new Collecting(ledgerId, deadlineNanos, callback);
        long id = requestIds.getAsLong();
        running.put(id, collecting);
        send(id, collecting, config);
    }

    /** Others vote now: what the voters of older configs have stored counts only if they have said so in this one. */
    void configChanged(RegistryConfig config) {
        for (Map.Entry<Long, Collecting> entry : List.copyOf(running.entrySet())) {
            Collecting collecting = entry.getValue();
            running.remove(entry.getKey());
            collecting.stored.clear();
            long id = requestIds.getAsLong();
            running.put(id, collecting);
            send(id, collecting, config);
        }
    }

    /** Whether {@code reply} answers a request of a collection. */
    boolean replied(RegistryReply reply, Optional<RegistryConfig> config) {
        Collecting collecting = running.get(reply.requestId());
        if (collecting == null) {
            return false;
        }
        List<VoterId> voters = config.orElseThrow().voters();
        if (reply instanceof RegistryReply.LedgerCollected collected && voters.contains(collected.voter())) {
            collecting.stored.add(collected.voter());
        }
        if (collecting.stored.size() == voters.size()) {
            end(reply.requestId(), collecting, voters.size());
        }
        return true;
    }

    void tick(Optional<RegistryConfig> config) {
        long now = nanoClock.getAsLong();
        for (Map.Entry<Long, Collecting> entry : new ArrayList<>(running.entrySet())) {
            Collecting collecting = entry.getValue();
            if (now - collecting.deadlineNanos >= 0) {
                end(entry.getKey(), collecting, config.orElseThrow().voters().size());
            } else if (now - collecting.sentNanos >= resendNanos) {
                send(entry.getKey(), collecting, config.orElseThrow());
            }
        }
    }

    private void end(long id, Collecting collecting, int voters) {
        running.remove(id);
        int stored = collecting.stored.size();
        collecting.callback.accept(
                stored == voters ? new Collection.Complete() : new Collection.Incomplete(voters, stored));
    }

    private void send(long id, Collecting collecting, RegistryConfig config) {
        collecting.sentNanos = nanoClock.getAsLong();
        for (VoterId voter : config.voters()) {
            if (!collecting.stored.contains(voter)) {
                outbox.send(voter, new RegistryRequest.CollectLedger(voter, config.epoch(), id, collecting.ledgerId));
            }
        }
    }
}
