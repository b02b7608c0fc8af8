package io.quire.simulation;

import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.VoterId;
import io.quire.registry.core.Acceptor;
import io.quire.registry.core.Effect;
import io.quire.registry.core.Effect.Outcome;
import io.quire.registry.core.RegisterProposer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;

/**
 * One register, three acceptors and a few proposers, the cores alone: messages are delivered in any order or lost, time
 * goes by in leaps. Finds what needs several half-done rounds at once, which whole clusters seldom get into. Judged is the
 * history of the register.
 *
 * <p>One run, once.
 */
final class RegisterRaceScenario {
    private static final int STEPS = 1000;
    private static final int TIMEOUT_MAX_NANOS = 60;
    private static final RegisterProposer.Settings SETTINGS = new RegisterProposer.Settings(40, 2, 4);

    private final long seed;
    private final Random random;
    private final List<VoterId> voters = new ArrayList<>();
    private final Map<VoterId, Acceptor.State> acceptors = new HashMap<>();
    private final List<Proposer> proposers = new ArrayList<>();
    private final List<Runnable> messages = new ArrayList<>();
    private final RegisterJudge judge = new RegisterJudge();
    private final int lossPercent;
    private long nowNanos;
    private long lastToken;

    RegisterRaceScenario(long seed) {
        this.seed = seed;
        random = new Random(seed * 15_485_863 + 11);
        random.nextInt();
        for (int i = 0; i < 3; i++) {
            voters.add(new VoterId(new UUID(1, i)));
            acceptors.put(voters.get(i), Acceptor.State.INITIAL);
        }
        int count = 2 + random.nextInt(3);
        for (int i = 0; i < count; i++) {
            proposers.add(new Proposer(i));
        }
        lossPercent = random.nextInt(70);
    }

    /** Runs it all. */
    public Verdict run() {
        for (int i = 0; i < STEPS; i++) {
            step();
        }
        proposers.forEach(Proposer::giveUp);
        return new Verdict(seed, judge.violation().map(what -> "seed " + seed + ": " + what));
    }

    private void step() {
        int choice = random.nextInt(10);
        if (choice < 7 && !messages.isEmpty()) {
            Runnable message = messages.remove(random.nextInt(messages.size()));
            if (random.nextInt(100) >= lossPercent) {
                message.run();
            }
        } else {
            nowNanos += choice == 9 ? random.nextInt(20) : 1;
            proposers.get(random.nextInt(proposers.size())).next();
        }
    }

    /** A proposer with one operation at a time. */
    private final class Proposer implements Effect.Handler<Void> {
        private final RegisterProposer core;
        private int operation;
        private boolean reading;
        private OpId opId;
        private long version;

        Proposer(int number) {
            core = new RegisterProposer(
                    new ProposerId(new UUID(2, number)), RegistryConfig.founding("race", voters), SETTINGS);
        }

        void next() {
            if (!core.isIdle()) {
                perform(core.tick(nowNanos));
                return;
            }
            long deadline = nowNanos + 1 + random.nextInt(TIMEOUT_MAX_NANOS);
            reading = random.nextInt(3) == 0;
            if (reading) {
                operation = judge.readInvoked();
                perform(core.read(++lastToken, deadline, nowNanos));
            } else {
                String value = "value " + ++lastToken;
                opId = new OpId(new UUID(3, lastToken));
                operation = judge.changeInvoked(version, value);
                perform(core.compareAndSet(lastToken, version, Payload.ofUtf8(value), opId, deadline, nowNanos));
            }
        }

        void giveUp() {
            if (!core.isIdle()) {
                judge.gaveUp(operation);
            }
        }

        private void perform(List<Effect> effects) {
            effects.forEach(effect -> effect.accept(this));
        }

        @Override
        public Void sendRead(Effect.SendRead effect) {
            messages.add(() -> {
                Acceptor.State state = acceptors.get(effect.to());
                messages.add(() -> perform(
                        core.registerRead(effect.to(), effect.round(), state.accepted(), state.value(), nowNanos)));
            });
            return null;
        }

        @Override
        public Void sendPrepare(Effect.SendPrepare effect) {
            messages.add(() -> {
                Acceptor.Step step = Acceptor.prepare(acceptors.get(effect.to()), effect.ballot());
                acceptors.put(effect.to(), step.state());
                messages.add(() -> perform(
                        step.agreed()
                                ? core.promised(
                                        effect.to(),
                                        effect.round(),
                                        effect.ballot(),
                                        step.state().accepted(),
                                        step.state().value(),
                                        nowNanos)
                                : core.rejected(
                                        effect.to(),
                                        effect.round(),
                                        effect.ballot(),
                                        step.state().promised(),
                                        nowNanos)));
            });
            return null;
        }

        @Override
        public Void sendAccept(Effect.SendAccept effect) {
            messages.add(() -> {
                Acceptor.Step step =
                        Acceptor.accept(acceptors.get(effect.to()), effect.ballot(), effect.value(), effect.next());
                acceptors.put(effect.to(), step.state());
                messages.add(() -> perform(
                        step.agreed()
                                ? core.accepted(effect.to(), effect.round(), effect.ballot(), nowNanos)
                                : core.rejected(
                                        effect.to(),
                                        effect.round(),
                                        effect.ballot(),
                                        step.state().promised(),
                                        nowNanos)));
            });
            return null;
        }

        @Override
        public Void completed(Effect.Completed effect) {
            Outcome outcome = effect.outcome();
            if (outcome instanceof Outcome.ReadValue read) {
                judge.readReturned(operation, seen(read.value()));
            } else if (outcome instanceof Outcome.Applied applied) {
                judge.applied(operation, opId, applied.version(), seen(applied.value()));
            } else if (outcome instanceof Outcome.Conflict conflict) {
                judge.conflicted(operation, opId, seen(conflict.current()));
            } else {
                if (outcome instanceof Outcome.Unavailable && !reading) {
                    judge.neverRegistered(opId);
                }
                judge.gaveUp(operation);
            }
            return null;
        }

        private RegisterValue seen(RegisterValue value) {
            version = Math.max(version, value.version());
            return value;
        }
    }
}
