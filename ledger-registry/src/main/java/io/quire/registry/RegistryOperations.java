package io.quire.registry;

import io.quire.protocol.LedgerId;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.RegistryTombstones.Collection;
import io.quire.protocol.RegistryVoters;
import io.quire.protocol.VoterId;
import io.quire.protocol.wire.RegistryReply;
import io.quire.protocol.wire.RegistryRequest;
import io.quire.registry.core.Effect;
import io.quire.registry.core.RegisterListing;
import io.quire.registry.core.RegisterProposer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * The registry operations of one process: keeps a {@link RegisterProposer} for each register in use and turns what they
 * want into requests. Operations that come before the config is known wait for it, until their deadline. Whoever owns
 * it finds the voters, carries the messages, and calls {@link #tick} every few milliseconds.
 *
 * <p>Callbacks are called once, from within any method, and may start further operations. Not thread-safe.
 */
public final class RegistryOperations {
    private static final int IN_FLIGHT_MAX = 100_000;

    private final RegistrySettings settings;
    private final Supplier<ProposerId> proposerIds;
    private final LongSupplier nanoClock;
    private final Outbox outbox;
    /** The register used last stands last. */
    private final Map<RegistryKey, RegisterProposer> proposers = new LinkedHashMap<>(64, 0.75f, true);

    /** The registers whose proposers have something to do. */
    private final Set<RegistryKey> busy = new LinkedHashSet<>();

    private final Map<Long, InFlight> inFlight = new LinkedHashMap<>();
    private final Map<Long, Consumer<Effect.Outcome>> callbacks = new HashMap<>();
    private final Map<Long, Listing> listings = new LinkedHashMap<>();
    private List<Waiting> waiting = new ArrayList<>();
    private Optional<RegistryConfig> config = Optional.empty();
    private final VoterChanges changes;
    private final TombstoneCollections collections;
    private ProposerId proposerId;
    private boolean refused;
    private long lastId;

    /** Takes requests to voters. They may be lost. */
    @FunctionalInterface
    public interface Outbox {
        void send(VoterId to, RegistryRequest request);
    }

    /** A page, or why there is none. */
    public record Listed(Optional<Registry.Page> page, String reason) {}

    /** A request of one proposer: another one that follows it for the same register counts its rounds anew. */
    private record InFlight(RegistryKey key, RegisterProposer proposer, long round) {}

    /** An operation that waits for the config. */
    private record Waiting(long deadlineNanos, Runnable start, Consumer<String> refuse) {}

    private static final class Listing {
        private final String prefix;
        private final Optional<RegistryKey> after;
        private final int limit;
        private final long deadlineNanos;
        private final Consumer<Listed> callback;
        private RegisterListing core;
        private long sentNanos;

        private Listing(
                String prefix,
                Optional<RegistryKey> after,
                int limit,
                long deadlineNanos,
                Consumer<Listed> callback,
                RegisterListing core) {
            this.prefix = prefix;
            this.after = after;
            this.limit = limit;
            this.deadlineNanos = deadlineNanos;
            this.callback = callback;
            this.core = core;
        }
    }

    /**
     * @param proposerIds gives another one each time, unique over all processes and incarnations (R1)
     * @param nanoClock for intervals, with any origin
     */
    public RegistryOperations(
            RegistrySettings settings, Supplier<ProposerId> proposerIds, LongSupplier nanoClock, Outbox outbox) {
        this.settings = settings;
        this.proposerIds = proposerIds;
        this.nanoClock = nanoClock;
        this.outbox = outbox;
        this.proposerId = proposerIds.get();
        this.changes = new VoterChanges(this, settings, nanoClock, () -> ++lastId, outbox, patienceNanos());
        this.collections =
                new TombstoneCollections(nanoClock, settings.resendInterval().toNanos(), () -> ++lastId, outbox);
    }

    /** Differs between processes, so that not all of them finish a change that somebody left. */
    private long patienceNanos() {
        long timeout = settings.operationTimeout().toNanos();
        long mixed = proposerId.value().getLeastSignificantBits() * 0x9E3779B97F4A7C15L;
        return timeout / 2 + (mixed >>> 1) % timeout;
    }

    /** The config that operations work with. */
    public Optional<RegistryConfig> config() {
        return config;
    }

    /** Whether whoever owns this should ask all voters who they are, soon. */
    public boolean wantsDescriptions() {
        return config.isEmpty() || refused || changes.wantDescriptions();
    }

    /** A voter said who it is. */
    public void voterDescribed(RegistryReply.VoterDescribed described) {
        if (isForeign(described)) {
            return;
        }
        if (described.serving()) {
            described.config().ifPresent(this::configFound);
        }
        changes.described(described);
    }

    /** Whether the voter belongs to another cluster than the one that was found: it is nobody here. */
    private boolean isForeign(RegistryReply.VoterDescribed described) {
        String clusterId = config.map(RegistryConfig::clusterId).orElse("");
        return config.isPresent()
                && described
                        .next()
                        .or(described::config)
                        .filter(other -> !other.clusterId().equals(clusterId))
                        .isPresent();
    }

    /**
     * A voter that serves has this config; starts what waits for one. With a newer one than before everything under way
     * begins anew with its voters (R5).
     */
    public void configFound(RegistryConfig found) {
        if (config.isPresent() && config.get().epoch() >= found.epoch()) {
            return;
        }
        config = Optional.of(found);
        refused = false;
        inFlight.clear();
        for (Map.Entry<RegistryKey, RegisterProposer> proposer : new ArrayList<>(proposers.entrySet())) {
            run(proposer.getKey(), proposer.getValue().configChanged(found, nanoClock.getAsLong()));
        }
        collections.configChanged(found);
        for (Map.Entry<Long, Listing> entry : new ArrayList<>(listings.entrySet())) {
            // Under another token: an answer of the old epoch must not be counted in the new one.
            listings.remove(entry.getKey());
            startListing(entry.getValue(), found);
        }
        List<Waiting> ready = waiting;
        waiting = new ArrayList<>();
        ready.forEach(waited -> waited.start().run());
    }

    /** Reads a register; answered with ReadValue or Unavailable. */
    public void read(RegistryKey key, Consumer<Effect.Outcome> callback) {
        long deadline = deadlineNanos();
        whenConfigured(
                deadline,
                () -> startRead(key, deadline, callback),
                reason -> callback.accept(new Effect.Outcome.Unavailable(reason)));
    }

    /** Changes a register; answered with Applied, Conflict, Unknown or Unavailable. */
    public void compareAndSet(
            RegistryKey key, long expectedVersion, Payload value, OpId opId, Consumer<Effect.Outcome> callback) {
        long deadline = deadlineNanos();
        whenConfigured(
                deadline,
                () -> {
                    long token = ++lastId;
                    callbacks.put(token, callback);
                    run(
                            key,
                            proposerOf(key)
                                    .compareAndSet(
                                            token, expectedVersion, value, opId, deadline, nanoClock.getAsLong()));
                },
                reason -> callback.accept(new Effect.Outcome.Unavailable(reason)));
    }

    /**
     * Lists a page of registers as {@link Registry#list} does.
     *
     * @param limit in {@code [1, 1000]}
     */
    public void list(String prefix, Optional<RegistryKey> after, int limit, Consumer<Listed> callback) {
        long deadline = deadlineNanos();
        whenConfigured(
                deadline,
                () -> {
                    RegistryConfig known = config.orElseThrow();
                    startListing(
                            new Listing(prefix, after, limit, deadline, callback, new RegisterListing(known)), known);
                },
                reason -> callback.accept(new Listed(Optional.empty(), reason)));
    }

    /**
     * Collects the register of a ledger (R4): reads it and, if it may be collected, tells all voters to.
     *
     * @param mayCollect whether this value says that the ledger is deleted for ever
     */
    public void collect(LedgerId ledgerId, Predicate<RegisterValue> mayCollect, Consumer<Collection> callback) {
        read(RegistryKey.ofLedger(ledgerId), outcome -> {
            if (!(outcome instanceof Effect.Outcome.ReadValue read)) {
                callback.accept(new Collection.Unavailable(RegistryClientActor.reasonOf(outcome)));
            } else if (read.value().isCollected() || mayCollect.test(read.value())) {
                collections.start(ledgerId, deadlineNanos(), config.orElseThrow(), callback);
            } else {
                callback.accept(new Collection.NotPurged());
            }
        });
    }

    /**
     * Changes who votes (R5), or plans it; see {@link io.quire.protocol.RegistryVoters#change}.
     *
     * @param opId names the change in the register that chooses it
     */
    public void changeVoters(
            List<VoterId> voters, OpId opId, boolean dryRun, Consumer<RegistryVoters.Change> callback) {
        changes.start(voters, opId, dryRun, callback);
    }

    /** What is known of the voters; empty before any that serves was found. */
    public Optional<RegistryVoters.Status> voterStatus() {
        return config.map(changes::status);
    }

    private void startListing(Listing listing, RegistryConfig known) {
        long token = ++lastId;
        listing.core = new RegisterListing(known);
        listings.put(token, listing);
        send(token, listing);
    }

    /** A voter answered a request. */
    public void replied(RegistryReply reply) {
        if (changes.replied(reply)) {
            return;
        }
        refused |= reply instanceof RegistryReply.VoterRefused;
        if (collections.replied(reply, config)) {
            return;
        }
        if (reply instanceof RegistryReply.RegistersListed listed) {
            listed(listed);
            return;
        }
        InFlight request = inFlight.remove(reply.requestId());
        RegisterProposer proposer = request == null ? null : proposers.get(request.key());
        if (proposer == null || proposer != request.proposer()) {
            return;
        }
        long now = nanoClock.getAsLong();
        long round = request.round();
        List<Effect> effects = List.of();
        if (reply instanceof RegistryReply.Promised promised) {
            effects = proposer.promised(
                    promised.voter(), round, promised.ballot(), promised.accepted(), promised.value(), now);
        } else if (reply instanceof RegistryReply.Accepted accepted) {
            effects = proposer.accepted(accepted.voter(), round, accepted.ballot(), now);
        } else if (reply instanceof RegistryReply.BallotRejected rejected) {
            effects = proposer.rejected(rejected.voter(), round, rejected.ballot(), rejected.promised(), now);
        } else if (reply instanceof RegistryReply.RegisterRead read) {
            effects = proposer.registerRead(read.voter(), round, read.accepted(), read.value(), now);
        } else if (reply instanceof RegistryReply.LedgerCollected collected) {
            effects = proposer.collected(collected.voter(), now);
        }
        run(request.key(), effects);
    }

    /** Time went on: asks again, and ends what is past its deadline. */
    public void tick() {
        long now = nanoClock.getAsLong();
        List<Waiting> late =
                waiting.stream().filter(w -> now - w.deadlineNanos() >= 0).toList();
        waiting.removeAll(late);
        late.forEach(waited -> waited.refuse().accept("no serving registry voter was found in time"));
        for (Map.Entry<Long, Listing> entry : new ArrayList<>(listings.entrySet())) {
            Listing listing = entry.getValue();
            if (now - listing.deadlineNanos >= 0) {
                listings.remove(entry.getKey());
                listing.callback.accept(new Listed(Optional.empty(), "no majority of voters answered in time"));
            } else if (now - listing.sentNanos >= settings.resendInterval().toNanos()) {
                send(entry.getKey(), listing);
            }
        }
        for (RegistryKey key : List.copyOf(busy)) {
            RegisterProposer proposer = proposers.get(key);
            if (proposer != null) {
                run(key, proposer.tick(now));
            }
        }
        collections.tick(config);
        changes.tick();
    }

    private long deadlineNanos() {
        return nanoClock.getAsLong() + settings.operationTimeout().toNanos();
    }

    private void whenConfigured(long deadlineNanos, Runnable start, Consumer<String> refuse) {
        if (config.isPresent()) {
            start.run();
        } else if (waiting.size() < settings.waitingMax()) {
            waiting.add(new Waiting(deadlineNanos, start, refuse));
        } else {
            refuse.accept("too many operations wait for the registry's voters to be found");
        }
    }

    private void startRead(RegistryKey key, long deadlineNanos, Consumer<Effect.Outcome> callback) {
        long token = ++lastId;
        callbacks.put(token, callback);
        run(key, proposerOf(key).read(token, deadlineNanos, nanoClock.getAsLong()));
    }

    private RegisterProposer proposerOf(RegistryKey key) {
        RegisterProposer known = proposers.get(key);
        if (known != null) {
            return known;
        }
        if (proposers.size() >= settings.registersMax()) {
            forgetIdle();
        }
        RegisterProposer proposer = new RegisterProposer(
                proposerId,
                config.orElseThrow(),
                new RegisterProposer.Settings(
                        settings.resendInterval().toNanos(), settings.backOff().toNanos(), settings.waitingMax()));
        proposers.put(key, proposer);
        return proposer;
    }

    /**
     * Drops a quarter of the proposers, those that were not used for longest. A new one for the same register needs a
     * proposer id of its own, since it does not remember which ballots were used; so all to come take a new id.
     */
    private void forgetIdle() {
        int left = settings.registersMax() - Math.max(1, settings.registersMax() / 4);
        Iterator<RegisterProposer> oldestFirst = proposers.values().iterator();
        while (proposers.size() > left && oldestFirst.hasNext()) {
            if (oldestFirst.next().isIdle()) {
                oldestFirst.remove();
            }
        }
        proposerId = proposerIds.get();
    }

    private void listed(RegistryReply.RegistersListed listed) {
        Listing listing = listings.get(listed.requestId());
        if (listing == null) {
            return;
        }
        List<RegisterListing.Listed> registers = listed.registers().stream()
                .map(register -> new RegisterListing.Listed(register.key(), register.accepted(), register.value()))
                .toList();
        if (listing.core.listed(listed.voter(), registers, listed.more())) {
            listings.remove(listed.requestId());
            settle(listing, listing.core.page(listing.limit));
        }
    }

    /** Reads what the voters differ about; then the page is whole (R3). */
    private void settle(Listing listing, RegisterListing.Page page) {
        List<Registry.Item> items = new ArrayList<>();
        page.settled().forEach(register -> items.add(new Registry.Item(register.key(), register.value())));
        if (page.unsettled().isEmpty()) {
            listing.callback.accept(pageOf(items, page.next()));
            return;
        }
        List<Effect.Outcome> outcomes = new ArrayList<>();
        for (RegistryKey key : page.unsettled()) {
            startRead(key, listing.deadlineNanos, outcome -> {
                outcomes.add(outcome);
                if (outcome instanceof Effect.Outcome.ReadValue read) {
                    items.add(new Registry.Item(key, read.value()));
                }
                if (outcomes.size() == page.unsettled().size()) {
                    listing.callback.accept(
                            items.size() == page.settled().size() + outcomes.size()
                                    ? pageOf(items, page.next())
                                    : new Listed(Optional.empty(), "a register of the page could not be read"));
                }
            });
        }
    }

    private static Listed pageOf(List<Registry.Item> items, Optional<RegistryKey> next) {
        List<Registry.Item> present = items.stream()
                .filter(item -> !item.value().isAbsent())
                .sorted(Comparator.comparing(Registry.Item::key))
                .toList();
        return new Listed(Optional.of(new Registry.Page(present, next)), "");
    }

    private void send(long token, Listing listing) {
        listing.sentNanos = nanoClock.getAsLong();
        RegistryConfig known = config.orElseThrow();
        known.voters()
                .forEach(voter -> outbox.send(
                        voter,
                        new RegistryRequest.ListRegisters(
                                voter, known.epoch(), token, listing.prefix, listing.after, listing.limit)));
    }

    private void run(RegistryKey key, List<Effect> effects) {
        Perform perform = new Perform(key);
        effects.forEach(effect -> effect.accept(perform));
        RegisterProposer proposer = proposers.get(key);
        if (proposer == null || proposer.isIdle()) {
            busy.remove(key);
        } else {
            busy.add(key);
        }
    }

    /** Turns the effects of one register's proposer into requests. */
    private final class Perform implements Effect.Handler<Void> {
        private final RegistryKey key;

        Perform(RegistryKey key) {
            this.key = key;
        }

        @Override
        public Void sendRead(Effect.SendRead effect) {
            long id = track(effect.round());
            outbox.send(effect.to(), new RegistryRequest.ReadRegister(effect.to(), epoch(), id, key));
            return null;
        }

        @Override
        public Void sendPrepare(Effect.SendPrepare effect) {
            long id = track(effect.round());
            outbox.send(effect.to(), new RegistryRequest.Prepare(effect.to(), epoch(), id, key, effect.ballot()));
            return null;
        }

        @Override
        public Void sendAccept(Effect.SendAccept effect) {
            long id = track(effect.round());
            outbox.send(
                    effect.to(),
                    new RegistryRequest.Accept(
                            effect.to(), epoch(), id, key, effect.ballot(), effect.value(), effect.next()));
            return null;
        }

        @Override
        public Void completed(Effect.Completed effect) {
            callbacks.remove(effect.token()).accept(effect.outcome());
            return null;
        }

        private long epoch() {
            return config.orElseThrow().epoch();
        }

        private long track(long round) {
            long id = ++lastId;
            inFlight.put(id, new InFlight(key, proposers.get(key), round));
            if (inFlight.size() > IN_FLIGHT_MAX) {
                inFlight.remove(inFlight.keySet().iterator().next());
            }
            return id;
        }
    }
}
