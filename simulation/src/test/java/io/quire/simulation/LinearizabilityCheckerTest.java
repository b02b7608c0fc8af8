package io.quire.simulation;

import static io.quire.simulation.RegisterHistories.MODEL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.simulation.LinearizabilityChecker.Verdict;
import io.quire.simulation.RegisterHistories.Step;
import io.quire.simulation.RegisterModel.Applied;
import io.quire.simulation.RegisterModel.CompareAndSet;
import io.quire.simulation.RegisterModel.Conflict;
import io.quire.simulation.RegisterModel.Input;
import io.quire.simulation.RegisterModel.Output;
import io.quire.simulation.RegisterModel.Read;
import io.quire.simulation.RegisterModel.State;
import io.quire.simulation.RegisterModel.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LinearizabilityCheckerTest {
    /** Small on purpose: a few steps an event have to do. */
    private static final long STEPS_MAX = 20_000;

    private final OperationHistory<Input<String>, Output<String>> history = new OperationHistory<>();

    @Test
    @DisplayName("an empty history and one of operations in flight alone are linearizable")
    void nothingAnswered() {
        assertLinearizable();
        history.invoked(1, cas(0, "a"));
        history.invoked(2, read());
        assertLinearizable();
    }

    @Test
    @DisplayName("a read during a write may see it or not")
    void concurrentReads() {
        history.invoked(1, cas(0, "a"));
        history.invoked(2, read());
        history.invoked(3, read());
        history.returned(3, value(0, ""));
        history.returned(2, value(1, "a"));
        history.returned(1, new Applied<>(1));
        assertLinearizable(2, 0, 1);
    }

    @Test
    @DisplayName("R2: of two concurrent writes from one version one wins and the other is told who did")
    void oneWinner() {
        history.invoked(1, cas(0, "a"));
        history.invoked(2, cas(0, "b"));
        history.returned(1, new Conflict<>(new State<>(1, "b")));
        history.returned(2, new Applied<>(1));
        assertLinearizable(1, 0);
    }

    @Test
    @DisplayName("a read that misses a write which had ended before it is caught")
    void staleRead() {
        history.invoked(1, cas(0, "a"));
        history.returned(1, new Applied<>(1));
        history.invoked(2, read());
        history.returned(2, value(0, ""));
        assertNotLinearizable(4, "client 2: read -> version 0");
    }

    @Test
    @DisplayName("a read older than what another read had returned before is caught while the write is in flight")
    void newThenOld() {
        history.invoked(1, cas(0, "a"));
        history.invoked(2, read());
        history.returned(2, value(1, "a"));
        history.invoked(3, read());
        history.returned(3, value(0, ""));
        history.returned(1, new Applied<>(1));
        assertNotLinearizable(5, "client 3: read -> version 0");
    }

    @Test
    @DisplayName("H85: an acknowledged write that is gone afterwards is caught")
    void lostUpdate() {
        history.invoked(1, cas(0, "a"));
        history.returned(1, new Applied<>(1));
        history.invoked(2, cas(0, "b"));
        history.returned(2, new Applied<>(1));
        assertNotLinearizable(4, "client 2: compareAndSet(0, 'b') -> applied as version 1");
    }

    @Test
    @DisplayName("two concurrent winners of one version are caught")
    void twoWinners() {
        history.invoked(1, cas(0, "a"));
        history.invoked(2, cas(0, "b"));
        history.returned(1, new Applied<>(1));
        history.returned(2, new Applied<>(1));
        history.invoked(1, read());
        history.returned(1, value(1, "a"));
        assertNotLinearizable(4, "applied as version 1");
    }

    @Test
    @DisplayName("a value that nobody has written is caught, and one that is written only later too")
    void valueFromNowhere() {
        history.invoked(1, read());
        history.returned(1, value(1, "a"));
        history.invoked(2, cas(0, "a"));
        history.returned(2, new Applied<>(1));
        assertNotLinearizable(2, "client 1: read -> version 1 'a'");
    }

    @Test
    @DisplayName("a conflict with the very version that was expected is caught")
    void conflictWithoutReason() {
        history.invoked(1, cas(0, "a"));
        history.returned(1, new Conflict<>(new State<>(0, "")));
        assertNotLinearizable(2, "conflict with version 0");
    }

    @Test
    @DisplayName("R2: a write of unknown outcome may be seen much later")
    void ambiguousWriteSeenLater() {
        history.invoked(1, cas(0, "a"));
        history.gaveUp(1);
        history.invoked(1, read());
        history.returned(1, value(0, ""));
        history.invoked(2, read());
        history.returned(2, value(1, "a"));
        history.invoked(1, cas(1, "b"));
        history.returned(1, new Applied<>(2));
        assertLinearizable(1, 0, 2, 3);
    }

    @Test
    @DisplayName("R2: a write of unknown outcome may never be seen")
    void ambiguousWriteNeverSeen() {
        history.invoked(1, cas(0, "a"));
        history.gaveUp(1);
        history.invoked(2, cas(0, "b"));
        history.returned(2, new Applied<>(1));
        history.invoked(2, read());
        history.returned(2, value(1, "b"));
        assertLinearizable(1, 2);
    }

    @Test
    @DisplayName("R2: a write of unknown outcome that was seen must not be unseen afterwards")
    void ambiguousWriteUnseen() {
        history.invoked(1, cas(0, "a"));
        history.gaveUp(1);
        history.invoked(2, read());
        history.returned(2, value(1, "a"));
        history.invoked(2, read());
        history.returned(2, value(0, ""));
        assertNotLinearizable(5, "client 1: compareAndSet(0, 'a') -> unknown");
    }

    @Test
    @DisplayName("a history too hard for the budget is undecided, never a success")
    void budget() {
        for (int client = 0; client < 12; client++) {
            history.invoked(client, read());
        }
        history.invoked(12, cas(0, "a"));
        history.returned(12, new Applied<>(1));
        for (int client = 0; client < 12; client++) {
            history.returned(client, value(client % 2, client % 2 == 0 ? "" : "a"));
        }
        assertThat(new LinearizabilityChecker<>(MODEL, 10).check(history)).isEqualTo(new Verdict.Undecided(10));
        assertThat(check(history)).isInstanceOf(Verdict.Linearizable.class);
    }

    @Test
    @DisplayName("a client has one operation in flight")
    void historyIsWellFormed() {
        history.invoked(1, read());
        assertThatThrownBy(() -> history.invoked(1, read())).isInstanceOf(IllegalStateException.class);
        history.gaveUp(1);
        assertThatThrownBy(() -> history.returned(1, value(0, ""))).isInstanceOf(IllegalStateException.class);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    @DisplayName("300 operations of 8 clients on a correct register pass within a few steps an event")
    void correctRegistersPass(long seed) {
        Random random = new Random(seed);
        for (int i = 0; i < 20; i++) {
            List<Step> steps = RegisterHistories.linearizable(random, 300, 8);
            assertThat(check(RegisterHistories.history(steps))).isInstanceOf(Verdict.Linearizable.class);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    @DisplayName("one stale read or one second winner anywhere is caught, at the first event that shows it")
    void spoiledHistoriesAreCaught(long seed) {
        Random random = new Random(seed);
        int caught = 0;
        for (int i = 0; i < 3; i++) {
            List<Step> steps = RegisterHistories.linearizable(random, 120, 8);
            List<List<Step>> spoiled = new ArrayList<>(RegisterHistories.withStaleRead(steps));
            spoiled.addAll(RegisterHistories.withSecondWinner(steps));
            for (List<Step> bad : spoiled) {
                Verdict verdict = check(RegisterHistories.history(bad));
                assertThat(verdict).isInstanceOf(Verdict.NotLinearizable.class);
                assertThatPrefixIsShortest(bad, ((Verdict.NotLinearizable) verdict).prefix());
                caught++;
            }
        }
        assertThat(caught).isGreaterThan(20);
    }

    @Test
    @DisplayName("on small histories with random answers the verdict is that of trying all orders")
    void agreesWithTryingAllOrders() {
        Random random = new Random(99);
        int bad = 0;
        int good = 0;
        for (int i = 0; i < 30_000; i++) {
            OperationHistory<Input<String>, Output<String>> small =
                    RegisterHistories.history(randomAnswers(random, 2 + random.nextInt(4)));
            boolean expected = AllOrders.isLinearizable(small);
            Verdict verdict = check(small);
            assertThat(verdict instanceof Verdict.Linearizable)
                    .as("%s %s", small.events(), verdict)
                    .isEqualTo(expected);
            if (expected) {
                good++;
            } else {
                bad++;
            }
        }
        assertThat(good).isGreaterThan(1000);
        assertThat(bad).isGreaterThan(1000);
    }

    private static List<Step> randomAnswers(Random random, int operations) {
        List<Step> steps = new ArrayList<>();
        List<Integer> idle = new ArrayList<>(List.of(0, 1, 2));
        List<Step> inFlight = new ArrayList<>();
        int started = 0;
        while (started < operations || (!inFlight.isEmpty() && random.nextInt(4) > 0)) {
            if (started < operations && !idle.isEmpty() && random.nextBoolean()) {
                int client = idle.remove(random.nextInt(idle.size()));
                Input<String> input = random.nextInt(3) == 0 ? read() : cas(random.nextInt(2), "v" + started);
                Step invoked = Step.invoked(client, input);
                steps.add(invoked);
                inFlight.add(invoked);
                started++;
            } else if (!inFlight.isEmpty()) {
                Step invoked = inFlight.remove(random.nextInt(inFlight.size()));
                int client = invoked.client();
                steps.add(
                        random.nextInt(5) == 0
                                ? Step.gaveUp(client)
                                : Step.returned(
                                        client,
                                        randomAnswer(random, invoked.input().orElseThrow(), started)));
                idle.add(client);
            }
        }
        return steps;
    }

    private static Output<String> randomAnswer(Random random, Input<String> input, int started) {
        int version = random.nextInt(3);
        State<String> state = version == 0 ? MODEL.initial() : new State<>(version, "v" + random.nextInt(started));
        if (input instanceof CompareAndSet<String> change) {
            return random.nextBoolean() ? new Applied<>(change.expectedVersion() + 1) : new Conflict<>(state);
        }
        return new Value<>(state);
    }

    private static void assertThatPrefixIsShortest(List<Step> steps, int prefix) {
        List<Step> shorter = new ArrayList<>();
        int events = 0;
        for (Step step : steps) {
            boolean counts = step.input().isPresent() || step.output().isPresent();
            if (counts && events == prefix - 1) {
                assertThat(check(RegisterHistories.history(shorter))).isInstanceOf(Verdict.Linearizable.class);
                shorter.add(step);
                assertThat(check(RegisterHistories.history(shorter))).isInstanceOf(Verdict.NotLinearizable.class);
                return;
            }
            shorter.add(step);
            events += counts ? 1 : 0;
        }
        throw new AssertionError("the history has fewer than " + prefix + " events");
    }

    private void assertLinearizable(Integer... order) {
        assertThat(check(history)).isEqualTo(new Verdict.Linearizable(List.of(order)));
    }

    private void assertNotLinearizable(int prefix, String said) {
        Verdict verdict = check(history);
        assertThat(verdict).isInstanceOf(Verdict.NotLinearizable.class);
        Verdict.NotLinearizable bad = (Verdict.NotLinearizable) verdict;
        assertThat(bad.prefix()).as(bad.explanation()).isEqualTo(prefix);
        assertThat(bad.explanation()).contains(said);
    }

    private static Verdict check(OperationHistory<Input<String>, Output<String>> history) {
        return new LinearizabilityChecker<>(MODEL, STEPS_MAX).check(history);
    }

    private static Read<String> read() {
        return new Read<>();
    }

    private static CompareAndSet<String> cas(long expectedVersion, String value) {
        return new CompareAndSet<>(expectedVersion, value);
    }

    private static Value<String> value(long version, String value) {
        return new Value<>(new State<>(version, value));
    }
}
