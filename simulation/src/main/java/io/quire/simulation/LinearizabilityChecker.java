package io.quire.simulation;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Judges whether a history of concurrent operations on one object is linearizable: whether each operation can be given
 * one moment between its invocation and its answer at which it took effect, so that all answers are those of a {@link
 * SequentialModel}.
 *
 * <p>Design. A depth-first search for an order. Invocations and answers not yet dealt with form a list in real time; the
 * next operation of the order may be any whose invocation stands before the first answer in the list, since all later
 * ones started after somebody had finished. When the list starts with an answer that no order can give, the last choice
 * is taken back. What was reached before (the same operations done, in whatever order, and the same state) is not
 * searched again. An operation without an answer may take effect or not, so it need not be in the order; it is tried only
 * where it would change the state.
 *
 * <p>The search is that of J. M. Wing and C. Gong, "Testing and Verifying Concurrent Objects", Journal of Parallel and
 * Distributed Computing 17 (1993); the memory of configurations is due to G. Lowe, "Testing for Linearizability",
 * Concurrency and Computation: Practice and Experience 29 (2017). Deciding is NP-complete in general, hence the budget;
 * histories of registers with versions take hardly more steps than they have events.
 *
 * <p>Immutable and thread-safe, if the model is.
 *
 * @param <S> the object's state
 * @param <I> what an operation asks for
 * @param <O> what it answers
 */
public final class LinearizabilityChecker<S, I, O> {
    /** Steps that are plenty for a few hundred operations of ten clients; some seconds. */
    public static final long STEPS_DEFAULT = 5_000_000;

    /** How much of an order an explanation tells. */
    private static final int TOLD_MAX = 12;

    private final SequentialModel<S, I, O> model;
    private final long stepsMax;

    /**
     * @param stepsMax how many places to look at in one search, positive; each may cost some hundred bytes
     */
    public LinearizabilityChecker(SequentialModel<S, I, O> model, long stepsMax) {
        if (stepsMax < 1) {
            throw new IllegalArgumentException("stepsMax must be positive: " + stepsMax);
        }
        this.model = model;
        this.stepsMax = stepsMax;
    }

    /** What the checker found. Only {@link Linearizable} is a success. */
    public sealed interface Verdict {
        /**
         * @param order the numbers of operations, by their invocations from 0, in an order that explains all answers;
         *     without those that had no answer and no effect
         */
        record Linearizable(List<Integer> order) implements Verdict {
            public Linearizable {
                order = List.copyOf(order);
            }
        }

        /**
         * @param prefix how many events from the start suffice to show it
         * @param explanation in words, some lines
         */
        record NotLinearizable(int prefix, String explanation) implements Verdict {}

        /**
         * @param steps the budget, all of which was used up
         */
        record Undecided(long steps) implements Verdict {}
    }

    /** Judges a whole history. */
    public Verdict check(OperationHistory<I, O> history) {
        Search search = new Search(history, history.size());
        return switch (search.run()) {
            case FOUND -> new Verdict.Linearizable(search.order());
            case IMPOSSIBLE -> shortest(history);
            case OUT_OF_STEPS -> new Verdict.Undecided(stepsMax);
        };
    }

    /** Each prefix of a linearizable history is linearizable, so the first bad one is found by halving. */
    private Verdict shortest(OperationHistory<I, O> history) {
        int good = 0;
        int bad = history.size();
        boolean exact = true;
        while (bad - good > 1) {
            int middle = (good + bad) >>> 1;
            Outcome outcome = new Search(history, middle).run();
            if (outcome == Outcome.IMPOSSIBLE) {
                bad = middle;
            } else {
                good = middle;
                exact &= outcome == Outcome.FOUND;
            }
        }
        return new Verdict.NotLinearizable(bad, explanation(history, bad, exact));
    }

    private String explanation(OperationHistory<I, O> history, int prefix, boolean exact) {
        Search before = new Search(history, prefix - 1);
        Search with = new Search(history, prefix);
        int last = history.events().get(prefix - 1).operation();
        StringBuilder text = new StringBuilder();
        text.append("No order of the operations explains the first ")
                .append(prefix)
                .append(" events");
        text.append(exact ? ", and no shorter start shows it" : "; a shorter start may show it too")
                .append(".\n");
        text.append("The last answer: ").append(with.describe(last)).append('\n');
        if (before.run() == Outcome.FOUND) {
            List<Integer> order = before.order();
            int skipped = Math.max(0, order.size() - TOLD_MAX);
            text.append("Without it, this order explains all answers");
            text.append(skipped == 0 ? ":\n" : " (the last " + TOLD_MAX + " of " + order.size() + "):\n");
            order.stream()
                    .skip(skipped)
                    .forEach(o -> text.append("  ").append(before.describe(o)).append('\n'));
            text.append("  which leaves ").append(before.state).append('\n');
        }
        text.append("Unanswered until then: ").append(with.describeUnanswered());
        return text.toString();
    }

    private enum Outcome {
        FOUND,
        IMPOSSIBLE,
        OUT_OF_STEPS
    }

    /** One search over a prefix of a history; runs once. */
    private final class Search {
        private final List<Operation<I, O>> operations = new ArrayList<>();
        private final Node head = new Node(-1, false);
        private final BitSet done = new BitSet();
        private final Set<Configuration<S>> seen = new HashSet<>();
        private final Deque<Choice<S>> choices = new ArrayDeque<>();
        private S state = model.initial();
        private int answersLeft;

        Search(OperationHistory<I, O> history, int prefix) {
            Node last = head;
            List<Node> invocations = new ArrayList<>();
            for (OperationHistory.Event<I, O> event : history.events().subList(0, prefix)) {
                Node node = new Node(event.operation(), event.isInvocation());
                if (event.isInvocation()) {
                    operations.add(new Operation<>(event.client(), event.input().orElseThrow(), Optional.empty()));
                    invocations.add(node);
                } else {
                    Operation<I, O> invoked = operations.get(event.operation());
                    operations.set(
                            event.operation(), new Operation<>(invoked.client(), invoked.input(), event.output()));
                    invocations.get(event.operation()).answer = node;
                    answersLeft++;
                }
                node.previous = last;
                last.next = node;
                last = node;
            }
        }

        Outcome run() {
            Node node = head.next;
            for (long steps = 0; answersLeft > 0; steps++) {
                if (steps == stepsMax) {
                    return Outcome.OUT_OF_STEPS;
                }
                if (node.isInvocation) {
                    node = choose(node) ? head.next : node.next;
                } else if (choices.isEmpty()) {
                    return Outcome.IMPOSSIBLE;
                } else {
                    node = takeBack().next;
                }
            }
            return Outcome.FOUND;
        }

        List<Integer> order() {
            List<Integer> order = new ArrayList<>();
            choices.descendingIterator().forEachRemaining(choice -> order.add(choice.node().operation));
            return order;
        }

        private boolean choose(Node node) {
            Optional<S> next = stateAfter(operations.get(node.operation));
            if (next.isEmpty()) {
                return false;
            }
            done.set(node.operation);
            if (!seen.add(new Configuration<>((BitSet) done.clone(), next.get()))) {
                done.clear(node.operation);
                return false;
            }
            choices.push(new Choice<>(node, state));
            state = next.get();
            node.unlink();
            if (node.answer != null) {
                node.answer.unlink();
                answersLeft--;
            }
            return true;
        }

        private Node takeBack() {
            Choice<S> choice = choices.pop();
            Node node = choice.node();
            if (node.answer != null) {
                node.answer.relink();
                answersLeft++;
            }
            node.relink();
            done.clear(node.operation);
            state = choice.stateBefore();
            return node;
        }

        private Optional<S> stateAfter(Operation<I, O> operation) {
            if (operation.output().isPresent()) {
                return model.answered(
                        state, operation.input(), operation.output().get());
            }
            S next = model.unanswered(state, operation.input());
            return next.equals(state) ? Optional.empty() : Optional.of(next);
        }

        String describe(int operation) {
            return "#" + operation + " " + operations.get(operation);
        }

        String describeUnanswered() {
            List<String> unanswered = new ArrayList<>();
            for (int i = 0; i < operations.size(); i++) {
                if (operations.get(i).output().isEmpty()) {
                    unanswered.add(describe(i));
                }
            }
            return unanswered.isEmpty()
                    ? "nothing"
                    : unanswered.stream().collect(Collectors.joining("\n  ", "\n  ", ""));
        }
    }

    /** An operation as a prefix shows it; no output when it is not answered in there. */
    private record Operation<I, O>(int client, I input, Optional<O> output) {
        @Override
        public String toString() {
            return "client " + client + ": " + input + " -> "
                    + output.map(Object::toString).orElse("unknown");
        }
    }

    /** Which operations are done, and what state that left. */
    private record Configuration<S>(BitSet done, S state) {}

    /** An operation that was put next in the order, and the state before it. */
    private record Choice<S>(Node node, S stateBefore) {}

    /** An invocation or an answer in the list of those not yet dealt with. */
    private static final class Node {
        private final int operation;
        private final boolean isInvocation;
        private Node answer;
        private Node previous;
        private Node next;

        Node(int operation, boolean isInvocation) {
            this.operation = operation;
            this.isInvocation = isInvocation;
        }

        void unlink() {
            previous.next = next;
            if (next != null) {
                next.previous = previous;
            }
        }

        /** Undoes the last unlinking; nodes go back in the opposite order. */
        void relink() {
            previous.next = this;
            if (next != null) {
                next.previous = this;
            }
        }
    }
}
