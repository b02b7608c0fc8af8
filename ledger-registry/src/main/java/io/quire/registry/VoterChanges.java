package io.quire.registry;

import io.quire.protocol.Fields;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.RegistryVoters;
import io.quire.protocol.RegistryVoters.Change;
import io.quire.protocol.RegistryVoters.Status;
import io.quire.protocol.RegistryVoters.Voter;
import io.quire.protocol.RegistryVoters.VoterState;
import io.quire.protocol.VoterId;
import io.quire.protocol.wire.RegistryReply;
import io.quire.protocol.wire.RegistryReply.VoterDescribed;
import io.quire.protocol.wire.RegistryRequest;
import io.quire.registry.core.Acceptor;
import io.quire.registry.core.Effect;
import io.quire.registry.core.VoterChange;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.Stream;

/**
 * Changes of the set of voters that one process asks for, or meets half done and finishes (R5). The next config is chosen
 * by a compare-and-set of {@link RegistryKey#VOTERS} in the epoch that ends; the rest is {@link VoterChange}.
 *
 * <p>Not thread-safe; a part of {@link RegistryOperations}.
 */
final class VoterChanges {
    /** How many resend intervals voters have to say who they are before a change is judged. */
    private static final int DESCRIBING_RESENDS = 5;

    /** How many resend intervals a description is good for. */
    private static final int DESCRIBED_RESENDS = 40;

    /** A change is asked for its outcome that many operation timeouts; it goes on behind that. */
    private static final int TIMEOUTS = 3;

    private static final int WISHES_MAX = 16;
    private static final int ASKS_MAX = 1000;
    private static final byte FORMAT = 1;

    private final RegistryOperations operations;
    private final RegistrySettings settings;
    private final LongSupplier nanoClock;
    private final LongSupplier requestIds;
    private final RegistryOperations.Outbox outbox;
    private final long patienceNanos;
    private final Map<VoterId, Heard> heard = new TreeMap<>();
    private final Map<Long, VoterChange.Ask> asked = new LinkedHashMap<>();
    private final List<Wish> wishes = new ArrayList<>();
    private Optional<VoterChange> change = Optional.empty();
    private Optional<Unfinished> unfinished = Optional.empty();

    private record Heard(VoterDescribed description, long nanos) {}

    /** A change that somebody seems to have left. */
    private record Unfinished(RegistryConfig next, long sinceNanos) {}

    private static final class Wish {
        private final List<VoterId> voters;
        private final OpId opId;
        private final boolean dryRun;
        private final Consumer<Change> callback;
        private final long startNanos;
        private Optional<RegistryConfig> chosen = Optional.empty();
        private boolean judged;
        private boolean over;

        Wish(List<VoterId> voters, OpId opId, boolean dryRun, Consumer<Change> callback, long startNanos) {
            this.voters = List.copyOf(voters);
            this.opId = opId;
            this.dryRun = dryRun;
            this.callback = callback;
            this.startNanos = startNanos;
        }

        void end(Change outcome) {
            if (!over) {
                over = true;
                callback.accept(outcome);
            }
        }
    }

    /**
     * @param patienceNanos how long a change that stands still is left to whoever began it
     */
    VoterChanges(
            RegistryOperations operations,
            RegistrySettings settings,
            LongSupplier nanoClock,
            LongSupplier requestIds,
            RegistryOperations.Outbox outbox,
            long patienceNanos) {
        this.operations = operations;
        this.settings = settings;
        this.nanoClock = nanoClock;
        this.requestIds = requestIds;
        this.outbox = outbox;
        this.patienceNanos = patienceNanos;
    }

    /** The register's value that chooses {@code config}. */
    static Payload encode(RegistryConfig config) {
        return Fields.encode(256, out -> {
            out.put(FORMAT);
            config.encode(out);
        });
    }

    private static RegistryConfig decode(Payload value) {
        return Fields.decodeAll(value.asByteBuffer(), in -> {
            byte format = in.get();
            if (format != FORMAT) {
                throw new IllegalArgumentException("format " + format + " of a registry config is not known");
            }
            return RegistryConfig.decode(in);
        });
    }

    /** Whether descriptions of all voters are needed now. */
    boolean wantDescriptions() {
        return change.isPresent() || unfinished.isPresent() || !wishes.isEmpty();
    }

    void start(List<VoterId> voters, OpId opId, boolean dryRun, Consumer<Change> callback) {
        if (wishes.size() >= WISHES_MAX) {
            callback.accept(new Change.Refused("too many changes of voters are asked for at once"));
            return;
        }
        wishes.add(new Wish(voters, opId, dryRun, callback, nanoClock.getAsLong()));
    }

    Status status(RegistryConfig config) {
        long now = nanoClock.getAsLong();
        TreeSet<VoterId> all = new TreeSet<>(config.voters());
        all.addAll(heard.keySet());
        List<Voter> voters = all.stream()
                .map(id -> {
                    Optional<VoterDescribed> description = recently(id, now);
                    return new Voter(
                            id,
                            config.voters().contains(id),
                            description.map(VoterChanges::stateOf).orElse(VoterState.SILENT),
                            Optional.empty(),
                            Optional.ofNullable(heard.get(id))
                                    .flatMap(last -> last.description().config())
                                    .map(RegistryConfig::epoch)
                                    .orElse(0L));
                })
                .toList();
        return new Status(config, voters);
    }

    private static VoterState stateOf(VoterDescribed voter) {
        if (voter.serving()) {
            return VoterState.SERVING;
        } else if (voter.next().isPresent()) {
            boolean joining = voter.next().get().voters().contains(voter.voter());
            return joining ? VoterState.JOINING : VoterState.SEALED;
        }
        return voter.config().isPresent() ? VoterState.FOUNDING : VoterState.FREE;
    }

    void described(VoterDescribed voter) {
        long now = nanoClock.getAsLong();
        heard.put(voter.voter(), new Heard(voter, now));
        change.ifPresent(
                running -> send(running.described(voter.voter(), voter.config(), voter.serving(), voter.next(), now)));
        lookForUnfinished(now);
    }

    /** Whether {@code reply} answers a request of a change. */
    boolean replied(RegistryReply reply) {
        VoterChange.Ask ask = asked.remove(reply.requestId());
        if (ask == null) {
            return false;
        }
        long now = nanoClock.getAsLong();
        change.ifPresent(running -> {
            if (reply instanceof RegistryReply.ConfigStored) {
                send(running.done(ask, now));
            } else if (reply instanceof RegistryReply.RegistersCopied copied
                    && ask instanceof VoterChange.Ask.Copy copy) {
                List<VoterChange.Copied> registers = copied.registers().stream()
                        .map(register -> new VoterChange.Copied(
                                register.key(),
                                new Acceptor.State(register.promised(), register.accepted(), register.value())))
                        .toList();
                send(running.copied(copy, new VoterChange.Page(registers, copied.collected(), copied.next()), now));
            } else {
                send(running.refused(ask, now));
            }
        });
        return true;
    }

    void tick() {
        long now = nanoClock.getAsLong();
        heard.values().removeIf(last -> now - last.nanos() >= 10 * DESCRIBED_RESENDS * resendNanos());
        change.ifPresent(running -> send(running.tick(now)));
        settle();
        if (change.filter(VoterChange::isOver).isPresent()) {
            change = Optional.empty();
            asked.clear();
        }
        if (change.isEmpty()
                && unfinished.filter(u -> now - u.sinceNanos() >= patienceNanos).isPresent()) {
            run(unfinished.get().next());
        }
        for (Wish wish : List.copyOf(wishes)) {
            if (!wish.judged && now - wish.startNanos >= DESCRIBING_RESENDS * resendNanos()) {
                wish.judged = true;
                judge(wish);
            } else if (now - wish.startNanos
                    >= TIMEOUTS * settings.operationTimeout().toNanos()) {
                wish.end(
                        wish.chosen.isPresent()
                                ? new Change.UnderWay(wish.chosen.get(), "too few of its voters serve it yet")
                                : new Change.Unknown("no answer in time"));
            }
        }
        wishes.removeIf(wish -> wish.over);
    }

    /** Tells whoever waits, and this process, that a majority serves the next config. */
    private void settle() {
        Optional<RegistryConfig> active = change.filter(VoterChange::isActive).map(VoterChange::next);
        active.ifPresent(operations::configFound);
        long epoch = operations.config().map(RegistryConfig::epoch).orElse(0L);
        for (Wish wish : wishes) {
            if (wish.chosen.isPresent()
                    && (active.equals(wish.chosen) || epoch > wish.chosen.get().epoch())) {
                wish.end(new Change.Changed(wish.chosen.get()));
            }
        }
    }

    private void judge(Wish wish) {
        RegistryConfig current = operations.config().orElse(null);
        if (current == null) {
            wish.end(new Change.Refused("no serving registry voter was found"));
            return;
        }
        Optional<String> refusal = refusalOf(wish, current);
        if (refusal.isPresent()) {
            wish.end(new Change.Refused(refusal.get()));
            return;
        }
        operations.read(RegistryKey.VOTERS, outcome -> {
            if (outcome instanceof Effect.Outcome.ReadValue read) {
                choose(wish, read.value());
            } else {
                wish.end(new Change.Refused("the voters of today do not answer: " + reasonOf(outcome)));
            }
        });
    }

    private void choose(Wish wish, RegisterValue registered) {
        RegistryConfig current = operations.config().orElseThrow();
        if (chosenBefore(wish, registered, current)) {
            return;
        }
        RegistryConfig next = current.changedTo(wish.voters);
        if (wish.dryRun) {
            wish.end(new Change.Planned(next));
            return;
        }
        operations.compareAndSet(RegistryKey.VOTERS, current.epoch() - 1, encode(next), wish.opId, outcome -> {
            if (outcome instanceof Effect.Outcome.Applied) {
                wish.chosen = Optional.of(next);
                run(next);
            } else if (outcome instanceof Effect.Outcome.Conflict conflict) {
                chosenBefore(wish, conflict.current(), current);
            } else if (outcome instanceof Effect.Outcome.Unknown) {
                wish.end(new Change.Unknown(reasonOf(outcome)));
            } else {
                wish.end(new Change.Refused("the voters of today do not answer: " + reasonOf(outcome)));
            }
        });
    }

    /** Whether another change than {@code wish} was chosen already; then that one is finished first. */
    private boolean chosenBefore(Wish wish, RegisterValue registered, RegistryConfig current) {
        if (registered.version() == current.epoch() - 1) {
            return false;
        }
        RegistryConfig chosen = decode(registered.value());
        if (chosen.voters().equals(current.changedTo(wish.voters).voters())) {
            wish.chosen = Optional.of(chosen);
        } else {
            wish.end(new Change.Refused("another change was chosen before, to " + chosen.voters()
                    + "; it is being finished, try again behind it"));
        }
        if (chosen.epoch() > current.epoch() && !wish.dryRun) {
            run(chosen);
        } else if (wish.dryRun) {
            wish.end(new Change.Planned(chosen));
        }
        return true;
    }

    /** Only voters that answered since the change was asked for count: one may have died a moment ago. */
    private Optional<String> refusalOf(Wish wish, RegistryConfig current) {
        List<VoterId> voters = wish.voters;
        if (voters.isEmpty()) {
            return Optional.of("a registry needs at least one voter");
        } else if (voters.size() > RegistryVoters.VOTERS_MAX) {
            return Optional.of("a registry has at most " + RegistryVoters.VOTERS_MAX + " voters");
        } else if (new HashSet<>(voters).size() != voters.size()) {
            return Optional.of("a voter is named twice");
        }
        RegistryConfig next = current.changedTo(voters);
        if (next.voters().equals(current.voters())) {
            return Optional.of("these are the voters already");
        }
        int reachable = 0;
        for (VoterId voter : next.voters()) {
            Heard last = heard.get(voter);
            boolean answered = last != null && last.nanos() - wish.startNanos >= 0;
            boolean added = !current.voters().contains(voter);
            if (added && !answered) {
                return Optional.of(
                        "voter " + voter + " is not known here: does its node run, and belong to no other cluster?");
            }
            reachable += answered ? 1 : 0;
        }
        return reachable >= next.majority()
                ? Optional.empty()
                : Optional.of("only " + reachable + " of the " + next.voters().size()
                        + " voters answer; the registry would stand still");
    }

    private void run(RegistryConfig next) {
        if (change.filter(running -> running.next().epoch() >= next.epoch()).isPresent()) {
            return;
        }
        VoterChange starting = new VoterChange(next, resendNanos());
        change = Optional.of(starting);
        asked.clear();
        heard.values()
                .forEach(last -> send(starting.described(
                        last.description().voter(),
                        last.description().config(),
                        last.description().serving(),
                        last.description().next(),
                        last.nanos())));
    }

    private void lookForUnfinished(long now) {
        Optional<RegistryConfig> latest = heard.values().stream()
                .map(Heard::description)
                .flatMap(voter -> Stream.of(voter.next(), voter.config().filter(config -> voter.serving()))
                        .flatMap(Optional::stream))
                .max(Comparator.comparingLong(RegistryConfig::epoch))
                .filter(config -> config.epoch() > 1);
        boolean behind = latest.isPresent()
                && latest.get().voters().stream()
                        .map(heard::get)
                        .anyMatch(last -> last != null
                                && !(last.description().serving()
                                        && last.description().config().equals(latest)));
        if (!behind) {
            unfinished = Optional.empty();
        } else if (unfinished.isEmpty() || !unfinished.get().next().equals(latest.get())) {
            unfinished = Optional.of(new Unfinished(latest.get(), now));
        }
    }

    private Optional<VoterDescribed> recently(VoterId voter, long now) {
        return Optional.ofNullable(heard.get(voter))
                .filter(last -> now - last.nanos() < DESCRIBED_RESENDS * resendNanos())
                .map(Heard::description);
    }

    private void send(List<VoterChange.Ask> asks) {
        for (VoterChange.Ask ask : asks) {
            long id = requestIds.getAsLong();
            asked.put(id, ask);
            if (asked.size() > ASKS_MAX) {
                asked.remove(asked.keySet().iterator().next());
            }
            outbox.send(ask.to(), requestOf(ask, id, change.orElseThrow().next()));
        }
    }

    private static RegistryRequest requestOf(VoterChange.Ask ask, long id, RegistryConfig next) {
        if (ask instanceof VoterChange.Ask.Seal seal) {
            return new RegistryRequest.SealVoter(seal.to(), id, next);
        } else if (ask instanceof VoterChange.Ask.Copy copy) {
            return new RegistryRequest.CopyRegisters(copy.to(), id, next, copy.after());
        } else if (ask instanceof VoterChange.Ask.Store store) {
            List<RegistryReply.Copied> registers = store.page().registers().stream()
                    .map(register -> new RegistryReply.Copied(
                            register.key(),
                            register.state().promised(),
                            register.state().accepted(),
                            register.state().value()))
                    .toList();
            return new RegistryRequest.StoreCopies(
                    store.to(), id, next, registers, store.page().collected());
        }
        return new RegistryRequest.ActivateConfig(ask.to(), id, next);
    }

    private long resendNanos() {
        return settings.resendInterval().toNanos();
    }

    private static String reasonOf(Effect.Outcome outcome) {
        return RegistryClientActor.reasonOf(outcome);
    }
}
