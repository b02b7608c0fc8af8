package io.quire.simulation;

import io.quire.protocol.OpId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegisterValue.Write;
import io.quire.simulation.RegisterModel.Applied;
import io.quire.simulation.RegisterModel.CompareAndSet;
import io.quire.simulation.RegisterModel.Conflict;
import io.quire.simulation.RegisterModel.Input;
import io.quire.simulation.RegisterModel.Output;
import io.quire.simulation.RegisterModel.Read;
import io.quire.simulation.RegisterModel.State;
import io.quire.simulation.RegisterModel.Value;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Judges one register by what its users saw: the history is linearizable; each version has one writer and each operation
 * at most one version (R2, H85); and an operation said not to be registered never shows up. Not thread-safe.
 */
final class RegisterJudge {
    private static final LinearizabilityChecker<State<String>, Input<String>, Output<String>> CHECKER =
            new LinearizabilityChecker<>(new RegisterModel<>(new State<>(0, "")), LinearizabilityChecker.STEPS_DEFAULT);

    private final OperationHistory<Input<String>, Output<String>> history = new OperationHistory<>();
    private final Map<Long, OpId> writers = new HashMap<>();
    private final Map<OpId, Long> versions = new HashMap<>();
    private final Set<OpId> neverRegistered = new HashSet<>();
    private final Set<Integer> afterCollection = new HashSet<>();
    private Optional<String> violation = Optional.empty();
    private Optional<State<String>> lastState = Optional.empty();
    private boolean collected;
    private int lastOperation;

    /** The value of a ledger that was deleted for ever; nobody changes it. */
    static final String PURGED = "purged";

    /** Whether the value says that the ledger was deleted for ever. */
    static boolean isDeleted(RegisterValue value) {
        return value.isCollected() || value.value().toUtf8().equals(PURGED);
    }

    /** Somebody read that the ledger was deleted for ever. */
    void deleted(RegisterValue value) {
        seen(value);
    }

    /** Whether it is known that the ledger was deleted for ever. */
    boolean isDeleted() {
        return lastState.isPresent();
    }

    /** Every voter has collected the register: nobody may see anything else of it any more (R4). */
    void collected() {
        collected = true;
    }

    /** A read starts; gives the number to end it with. */
    int readInvoked() {
        history.invoked(++lastOperation, new Read<>());
        if (collected) {
            afterCollection.add(lastOperation);
        }
        return lastOperation;
    }

    /** A change starts; its attempts with the same opId are one operation. */
    int changeInvoked(long expectedVersion, String value) {
        history.invoked(++lastOperation, new CompareAndSet<>(expectedVersion, value));
        return lastOperation;
    }

    void readReturned(int operation, RegisterValue value) {
        seen(value);
        if (afterCollection.contains(operation) && !value.isCollected()) {
            violated("R4: " + stateOf(value) + " was read after all voters had collected the register");
        }
        history.returned(operation, new Value<>(stateOf(value)));
    }

    void applied(int operation, OpId opId, long version, RegisterValue value) {
        seen(value);
        wrote(version, opId);
        history.returned(operation, new Applied<>(version));
    }

    void conflicted(int operation, OpId opId, RegisterValue current) {
        seen(current);
        neverRegistered(opId);
        history.returned(operation, new Conflict<>(stateOf(current)));
    }

    /** Whoever asked does not wait any longer; the operation may have any effect, or none. */
    void gaveUp(int operation) {
        history.gaveUp(operation);
    }

    /** {@code opId} was said to have no effect, now and for ever. */
    void neverRegistered(OpId opId) {
        neverRegistered.add(opId);
        if (versions.containsKey(opId)) {
            violated("operation " + opId + " was said not to be registered, but wrote version " + versions.get(opId));
        }
    }

    /** The highest version that anybody has seen. */
    long lastVersion() {
        return writers.keySet().stream().mapToLong(version -> version).max().orElse(0);
    }

    int operations() {
        return lastOperation;
    }

    /** What is wrong, if anything; searches for an order, so that it takes a while. */
    Optional<String> violation() {
        if (violation.isPresent()) {
            return violation;
        }
        LinearizabilityChecker.Verdict verdict = CHECKER.check(history);
        if (verdict instanceof LinearizabilityChecker.Verdict.NotLinearizable bad) {
            return Optional.of(bad.explanation());
        } else if (verdict instanceof LinearizabilityChecker.Verdict.Undecided undecided) {
            return Optional.of("undecided after " + undecided.steps() + " steps");
        }
        return Optional.empty();
    }

    private void seen(RegisterValue value) {
        for (Write write : value.recent()) {
            wrote(write.version(), write.opId());
        }
        if (value.isCollected() && lastState.isEmpty()) {
            violated("R4: the register is collected, and nobody has deleted the ledger");
        } else if (!value.isCollected() && isDeleted(value)) {
            lastState = Optional.of(stateOf(value));
        }
    }

    private void wrote(long version, OpId opId) {
        OpId other = writers.putIfAbsent(version, opId);
        if (other != null && !other.equals(opId)) {
            violated("version " + version + " was written by " + other + " and by " + opId);
        }
        Long before = versions.putIfAbsent(opId, version);
        if (before != null && before != version) {
            violated("operation " + opId + " wrote version " + before + " and version " + version);
        }
        if (neverRegistered.contains(opId)) {
            violated("operation " + opId + " was said not to be registered, but wrote version " + version);
        }
    }

    private void violated(String what) {
        if (violation.isEmpty()) {
            violation = Optional.of(what);
        }
    }

    private State<String> stateOf(RegisterValue value) {
        // A collected register stands for the last state that it had.
        return value.isCollected() && lastState.isPresent()
                ? lastState.get()
                : new State<>(value.version(), value.value().toUtf8());
    }
}
