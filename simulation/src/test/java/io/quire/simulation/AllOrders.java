package io.quire.simulation;

import io.quire.simulation.OperationHistory.Event;
import io.quire.simulation.RegisterModel.Input;
import io.quire.simulation.RegisterModel.Output;
import io.quire.simulation.RegisterModel.State;
import java.util.List;
import java.util.Optional;

/** The definition of linearizability as a program: tries all orders, for histories of a handful of operations. */
final class AllOrders {
    private final List<Event<Input<String>, Output<String>>> events;
    private final int operations;

    private AllOrders(OperationHistory<Input<String>, Output<String>> history) {
        events = history.events();
        operations = history.operations();
    }

    static boolean isLinearizable(OperationHistory<Input<String>, Output<String>> history) {
        return new AllOrders(history).canFinish(0, RegisterHistories.MODEL.initial());
    }

    private boolean canFinish(int doneMask, State<String> state) {
        boolean allAnswered = true;
        for (int next = 0; next < operations; next++) {
            if ((doneMask & (1 << next)) != 0) {
                continue;
            }
            Optional<Output<String>> output = answer(next);
            allAnswered &= output.isEmpty();
            if (mayBeNext(next, doneMask)) {
                Optional<State<String>> after = output.isPresent()
                        ? RegisterHistories.MODEL.answered(state, input(next), output.get())
                        : Optional.of(RegisterHistories.MODEL.unanswered(state, input(next)));
                if (after.isPresent() && canFinish(doneMask | (1 << next), after.get())) {
                    return true;
                }
            }
        }
        return allAnswered;
    }

    /** Whether no operation outside {@code doneMask} was answered before {@code operation} was invoked. */
    private boolean mayBeNext(int operation, int doneMask) {
        for (Event<Input<String>, Output<String>> event : events) {
            if (event.isInvocation() && event.operation() == operation) {
                return true;
            }
            if (!event.isInvocation() && (doneMask & (1 << event.operation())) == 0) {
                return false;
            }
        }
        return false;
    }

    private Input<String> input(int operation) {
        return events.stream()
                .filter(event -> event.operation() == operation && event.isInvocation())
                .flatMap(event -> event.input().stream())
                .findFirst()
                .orElseThrow();
    }

    private Optional<Output<String>> answer(int operation) {
        return events.stream()
                .filter(event -> event.operation() == operation && !event.isInvocation())
                .flatMap(event -> event.output().stream())
                .findFirst();
    }
}
