package io.quire.registry.core;

import io.quire.protocol.Ballot;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.VoterId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A client's part in one register: reads and compare-and-sets, one after the other, each by a majority of the voters.
 *
 * <p>Design note. An operation goes through phases:
 *
 * <ul>
 *   <li>READING: what did each voter accept last? A majority with the same ballot is the answer of a read (R2);
 *       otherwise the read goes on as an identity change.
 *   <li>PREPARING: a majority promises a ballot; the value accepted at the highest ballot among them is current.
 *   <li>ACCEPTING: a majority accepts the changed value, or the current one unchanged when the operation is a read or
 *       its condition does not hold. Only what a majority has accepted at one ballot is ever answered.
 *   <li>BACKING_OFF: somebody promised a higher ballot; wait, then prepare above it.
 * </ul>
 *
 * <p>Each accept carries the next ballot, which the acceptors promise in the same commit. Once a majority has accepted,
 * the next change may skip PREPARING, once, on that held promise (R1); anything but a full success makes it void.
 *
 * <p>Registers that voters copied from an older config epoch are as good as a minority's: what they hold is answered only
 * once a majority has accepted it in this epoch. Ballots of this epoch are above all older ones (R5).
 *
 * <p>A change that was sent to be accepted is <em>ambiguous</em> until a prepare and accept above every ballot it used
 * has succeeded: then it either shows among the recent writes of the current value, or it will never be registered
 * (R2).
 *
 * <p>Not thread-safe. Time comes in with each input; there is no other.
 */
public final class RegisterProposer {
    private static final int LEAP_MAX_LOG = 8;

    private enum Phase {
        IDLE,
        READING,
        PREPARING,
        ACCEPTING,
        BACKING_OFF
    }

    /** A majority's promise for {@code ballot}, made when it accepted {@code value}. */
    private record HeldPromise(Ballot ballot, RegisterValue value) {}

    /**
     * @param resendNanos ask those that did not answer again after this long
     * @param backOffNanos the shortest wait after a rejected ballot; it doubles up to 32 times of it
     * @param waitingMax operations that may wait behind the current one
     */
    public record Settings(long resendNanos, long backOffNanos, int waitingMax) {}

    private final ProposerId proposer;
    private RegistryConfig config;
    private final Settings settings;
    private final Deque<Operation> waiting = new ArrayDeque<>();

    private Phase phase = Phase.IDLE;
    private Operation current;
    private boolean ambiguous;
    private int attempts;
    private long round;
    private long phaseStartNanos;
    private long wakeNanos;
    private long highestCounter;
    private HeldPromise held;

    // Of the current round.
    private Ballot ballot = Ballot.ZERO;
    private Ballot nextBallot = Ballot.ZERO;
    private RegisterValue proposed = RegisterValue.ABSENT;
    private final Set<VoterId> answered = new HashSet<>();
    private final Map<Ballot, Integer> readBallots = new HashMap<>();
    private Ballot highestAccepted = Ballot.ZERO;
    private RegisterValue highestValue = RegisterValue.ABSENT;
    private boolean promisesAgree;

    /**
     * @param proposer unique to this process incarnation
     * @param config who decides
     */
    public RegisterProposer(ProposerId proposer, RegistryConfig config, Settings settings) {
        this.proposer = proposer;
        this.config = config;
        this.settings = settings;
        this.highestCounter = Ballot.floorOf(config.epoch());
    }

    /**
     * Others decide from now on (R5): promises held are void, and the operation under way begins anew with them. If it
     * was ambiguous it stays so: only a prepare and accept in the new epoch tells.
     */
    public List<Effect> configChanged(RegistryConfig next, long nowNanos) {
        if (next.epoch() <= config.epoch()) {
            throw new IllegalArgumentException("epoch " + next.epoch() + " does not follow " + config.epoch());
        }
        config = next;
        held = null;
        highestCounter = Math.max(highestCounter, Ballot.floorOf(next.epoch()));
        List<Effect> effects = new ArrayList<>();
        if (phase != Phase.IDLE) {
            attempts = 0;
            if (phase == Phase.READING) {
                readFrom(effects, nowNanos);
            } else {
                prepare(effects, nowNanos);
            }
        }
        return effects;
    }

    /** Whether nothing is under way. */
    public boolean isIdle() {
        return phase == Phase.IDLE;
    }

    /** Reads the register; ends with {@link Effect.Completed} of {@code token}. */
    public List<Effect> read(long token, long deadlineNanos, long nowNanos) {
        return start(new Operation(token, null, deadlineNanos), nowNanos);
    }

    /** Changes the register if its version is {@code expectedVersion}; ends with {@link Effect.Completed}. */
    public List<Effect> compareAndSet(
            long token, long expectedVersion, Payload value, OpId opId, long deadlineNanos, long nowNanos) {
        return start(new Operation(token, new Operation.Change(expectedVersion, value, opId), deadlineNanos), nowNanos);
    }

    /** A voter answered a read of round {@code round}. */
    public List<Effect> registerRead(VoterId voter, long round, Ballot accepted, RegisterValue value, long nowNanos) {
        List<Effect> effects = new ArrayList<>();
        if (phase != Phase.READING || !isFirstAnswer(voter, round)) {
            return effects;
        }
        seen(accepted);
        int same = readBallots.merge(accepted, 1, Integer::sum);
        // A ballot of an older epoch was copied: that a majority has it does not mean that one accepted it (R5).
        boolean ofThisEpoch = accepted.isZero() || accepted.epoch() == config.epoch();
        if (same >= config.majority() && ofThisEpoch) {
            complete(new Effect.Outcome.ReadValue(value), effects, nowNanos);
        } else if (same >= config.majority()) {
            prepare(effects, nowNanos);
        } else if (answered.size() == config.voters().size() || cannotAgree()) {
            prepare(effects, nowNanos);
        }
        return effects;
    }

    /** A voter promised {@code ballot}. */
    public List<Effect> promised(
            VoterId voter, long round, Ballot ballot, Ballot accepted, RegisterValue value, long nowNanos) {
        List<Effect> effects = new ArrayList<>();
        if (phase != Phase.PREPARING || !ballot.equals(this.ballot) || !isFirstAnswer(voter, round)) {
            return effects;
        }
        seen(accepted);
        if (answered.size() == 1) {
            highestAccepted = accepted;
            highestValue = value;
            promisesAgree = accepted.epoch() == config.epoch();
        } else {
            promisesAgree &= accepted.equals(highestAccepted);
            if (highestAccepted.isBelow(accepted)) {
                highestAccepted = accepted;
                highestValue = value;
            }
        }
        if (answered.size() == config.majority()) {
            decide(highestValue, effects, nowNanos);
        }
        return effects;
    }

    /** A voter accepted the value of {@code ballot}. */
    public List<Effect> accepted(VoterId voter, long round, Ballot ballot, long nowNanos) {
        List<Effect> effects = new ArrayList<>();
        if (phase != Phase.ACCEPTING || !ballot.equals(this.ballot) || !isFirstAnswer(voter, round)) {
            return effects;
        }
        if (answered.size() == config.majority()) {
            held = new HeldPromise(nextBallot, proposed);
            complete(outcomeOf(proposed), effects, nowNanos);
        }
        return effects;
    }

    /** A voter has promised more than {@code ballot}. */
    public List<Effect> rejected(VoterId voter, long round, Ballot ballot, Ballot promised, long nowNanos) {
        List<Effect> effects = new ArrayList<>();
        seen(promised);
        boolean ours = round == this.round
                && ballot.equals(this.ballot)
                && config.voters().contains(voter);
        if (ours) {
            held = null;
        }
        if (ours && (phase == Phase.PREPARING || phase == Phase.ACCEPTING)) {
            attempts++;
            phase = Phase.BACKING_OFF;
            phaseStartNanos = nowNanos;
            wakeNanos = nowNanos + backOffNanos();
        }
        return effects;
    }

    /**
     * A voter of the config knows the register as collected: what was decided last is that its ledger is deleted for ever,
     * whatever others still hold (R4). Whether an ambiguous change was registered before nobody knows any more.
     */
    public List<Effect> collected(VoterId voter, long nowNanos) {
        List<Effect> effects = new ArrayList<>();
        if (phase == Phase.IDLE || !config.voters().contains(voter)) {
            return effects;
        }
        held = null;
        Effect.Outcome outcome;
        if (current.isRead()) {
            outcome = new Effect.Outcome.ReadValue(RegisterValue.COLLECTED);
        } else if (ambiguous) {
            outcome = new Effect.Outcome.Unknown("the register was collected");
        } else {
            outcome = new Effect.Outcome.Conflict(RegisterValue.COLLECTED);
        }
        complete(outcome, effects, nowNanos);
        return effects;
    }

    /** Time went on: resends, goes on after a wait, and ends what is past its deadline. */
    public List<Effect> tick(long nowNanos) {
        List<Effect> effects = new ArrayList<>();
        expireWaiting(effects, nowNanos);
        if (phase == Phase.IDLE) {
            return effects;
        }
        if (nowNanos - current.deadlineNanos() >= 0) {
            held = null;
            String reason = "only " + answered.size() + " of " + config.voters().size() + " voters answered in time";
            complete(
                    ambiguous ? new Effect.Outcome.Unknown(reason) : new Effect.Outcome.Unavailable(reason),
                    effects,
                    nowNanos);
        } else if (phase == Phase.BACKING_OFF) {
            if (nowNanos - wakeNanos >= 0) {
                prepare(effects, nowNanos);
            }
        } else if (nowNanos - phaseStartNanos >= settings.resendNanos()) {
            phaseStartNanos = nowNanos;
            if (phase == Phase.READING && answered.size() >= config.majority()) {
                prepare(effects, nowNanos);
            } else {
                sendToMissing(effects);
            }
        }
        return effects;
    }

    private List<Effect> start(Operation operation, long nowNanos) {
        List<Effect> effects = new ArrayList<>();
        if (phase != Phase.IDLE) {
            if (waiting.size() >= settings.waitingMax()) {
                effects.add(new Effect.Completed(
                        operation.token(),
                        new Effect.Outcome.Unavailable(waiting.size() + " operations wait for this register already")));
            } else {
                waiting.add(operation);
            }
            return effects;
        }
        begin(operation, effects, nowNanos);
        return effects;
    }

    private void begin(Operation operation, List<Effect> effects, long nowNanos) {
        current = operation;
        ambiguous = false;
        attempts = 0;
        if (operation.isRead()) {
            readFrom(effects, nowNanos);
        } else if (held != null && mayFollow(held.value(), operation.change())) {
            HeldPromise promise = held;
            held = null;
            accept(
                    promise.ballot(),
                    promise.value()
                            .changedTo(
                                    operation.change().value(),
                                    operation.change().opId()),
                    effects,
                    nowNanos);
        } else {
            prepare(effects, nowNanos);
        }
    }

    private void readFrom(List<Effect> effects, long nowNanos) {
        newRound(Phase.READING, nowNanos);
        readBallots.clear();
        sendToMissing(effects);
    }

    private void prepare(List<Effect> effects, long nowNanos) {
        held = null;
        newRound(Phase.PREPARING, nowNanos);
        if (attempts > 0) {
            // While this one waited others went on; a ballot just above the one it lost to would lose again, for ever.
            highestCounter = Math.addExact(highestCounter, 1L << Math.min(attempts, LEAP_MAX_LOG));
        }
        ballot = newBallot();
        highestAccepted = Ballot.ZERO;
        highestValue = RegisterValue.ABSENT;
        promisesAgree = true;
        sendToMissing(effects);
    }

    /** A majority has promised: what shall be accepted, or answered at once? */
    private void decide(RegisterValue currentValue, List<Effect> effects, long nowNanos) {
        if (current.isRead()) {
            accept(ballot, currentValue, effects, nowNanos);
            return;
        }
        Operation.Change change = current.change();
        // Below the expected version a lost attempt, perhaps another proposer's, may still become registered.
        boolean behind = currentValue.version() < change.expectedVersion();
        if (mayFollow(currentValue, change)) {
            accept(ballot, currentValue.changedTo(change.value(), change.opId()), effects, nowNanos);
        } else if (promisesAgree && !ambiguous && !behind) {
            complete(outcomeOf(currentValue), effects, nowNanos);
        } else {
            accept(ballot, currentValue, effects, nowNanos);
        }
    }

    private static boolean mayFollow(RegisterValue value, Operation.Change change) {
        return value.version() == change.expectedVersion()
                && value.versionWrittenBy(change.opId()).isEmpty();
    }

    private void accept(Ballot ballot, RegisterValue value, List<Effect> effects, long nowNanos) {
        newRound(Phase.ACCEPTING, nowNanos);
        this.ballot = ballot;
        nextBallot = newBallot();
        proposed = value;
        if (!current.isRead() && value.versionWrittenBy(current.change().opId()).isPresent()) {
            ambiguous = true;
        }
        sendToMissing(effects);
    }

    /** What the current operation is answered, given that {@code value} is registered. */
    private Effect.Outcome outcomeOf(RegisterValue value) {
        if (current.isRead()) {
            return new Effect.Outcome.ReadValue(value);
        }
        Operation.Change change = current.change();
        Optional<Long> mine = value.versionWrittenBy(change.opId());
        if (mine.isPresent()) {
            return new Effect.Outcome.Applied(mine.get(), value);
        }
        if (!value.remembersSince(change.expectedVersion())) {
            return new Effect.Outcome.Unknown("the register was changed more than " + RegisterValue.RECENT_MAX
                    + " times since version " + change.expectedVersion());
        }
        return new Effect.Outcome.Conflict(value);
    }

    private void complete(Effect.Outcome outcome, List<Effect> effects, long nowNanos) {
        effects.add(new Effect.Completed(current.token(), outcome));
        phase = Phase.IDLE;
        current = null;
        proposed = RegisterValue.ABSENT;
        highestValue = RegisterValue.ABSENT;
        if (!waiting.isEmpty()) {
            begin(waiting.poll(), effects, nowNanos);
        }
    }

    private void expireWaiting(List<Effect> effects, long nowNanos) {
        waiting.removeIf(operation -> {
            boolean late = nowNanos - operation.deadlineNanos() >= 0;
            if (late) {
                effects.add(new Effect.Completed(
                        operation.token(), new Effect.Outcome.Unavailable("waited too long for its turn")));
            }
            return late;
        });
    }

    private void newRound(Phase phase, long nowNanos) {
        this.phase = phase;
        round++;
        phaseStartNanos = nowNanos;
        answered.clear();
    }

    private void sendToMissing(List<Effect> effects) {
        for (VoterId voter : config.voters()) {
            if (answered.contains(voter)) {
                continue;
            }
            switch (phase) {
                case READING -> effects.add(new Effect.SendRead(voter, round));
                case PREPARING -> effects.add(new Effect.SendPrepare(voter, round, ballot));
                case ACCEPTING -> effects.add(new Effect.SendAccept(voter, round, ballot, proposed, nextBallot));
                case IDLE, BACKING_OFF -> throw new IllegalStateException("nothing to send while " + phase);
            }
        }
    }

    private boolean isFirstAnswer(VoterId voter, long round) {
        return round == this.round && config.voters().contains(voter) && answered.add(voter);
    }

    /** Whether no ballot can reach a majority any more among the answers of this read. */
    private boolean cannotAgree() {
        int missing = config.voters().size() - answered.size();
        return readBallots.values().stream().allMatch(count -> count + missing < config.majority());
    }

    private void seen(Ballot ballot) {
        highestCounter = Math.max(highestCounter, ballot.counter());
    }

    private Ballot newBallot() {
        highestCounter = Math.addExact(highestCounter, 1);
        return new Ballot(highestCounter, proposer);
    }

    /** Grows with the attempts and differs between proposers, so that two that collide part. */
    private long backOffNanos() {
        long longest = settings.backOffNanos() << Math.min(attempts, 5);
        long mixed = (proposer.value().getLeastSignificantBits() + round) * 0x9E3779B97F4A7C15L;
        return settings.backOffNanos() / 2 + (mixed >>> 1) % longest;
    }
}
