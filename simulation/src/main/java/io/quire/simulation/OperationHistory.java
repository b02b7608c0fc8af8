package io.quire.simulation;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What clients asked of one object and what they were told, in the order of real time. A client has at most one
 * operation in flight; one that it gave up, or that is in flight at the end, may take effect at any time after it was
 * invoked, or never. Not thread-safe.
 *
 * @param <I> what an operation asks for
 * @param <O> what it answers
 */
public final class OperationHistory<I, O> {
    private final List<Event<I, O>> events = new ArrayList<>();
    private final Map<Integer, Integer> inFlight = new HashMap<>();
    private int operations;

    /**
     * One step of one operation.
     *
     * @param client who
     * @param operation counts the operations from 0, by their invocations
     * @param input empty except when the operation is invoked
     * @param output empty except when it is answered
     */
    record Event<I, O>(int client, int operation, Optional<I> input, Optional<O> output) {
        boolean isInvocation() {
            return input.isPresent();
        }
    }

    /**
     * A client starts an operation.
     *
     * @throws IllegalStateException when its last one is still in flight
     */
    public void invoked(int client, I input) {
        if (inFlight.putIfAbsent(client, operations) != null) {
            throw new IllegalStateException("client " + client + " has an operation in flight");
        }
        events.add(new Event<>(client, operations, Optional.of(input), Optional.empty()));
        operations++;
    }

    /**
     * A client's operation is answered.
     *
     * @throws IllegalStateException when it has none in flight
     */
    public void returned(int client, O output) {
        events.add(new Event<>(client, takeInFlight(client), Optional.empty(), Optional.of(output)));
    }

    /**
     * A client stops to wait for its operation, whose outcome stays unknown, and may start another one.
     *
     * @throws IllegalStateException when it has none in flight
     */
    public void gaveUp(int client) {
        takeInFlight(client);
    }

    /** How many invocations and answers there are; a prefix is named by their number. */
    public int size() {
        return events.size();
    }

    int operations() {
        return operations;
    }

    /** Unmodifiable. */
    List<Event<I, O>> events() {
        return Collections.unmodifiableList(events);
    }

    private int takeInFlight(int client) {
        Integer operation = inFlight.remove(client);
        if (operation == null) {
            throw new IllegalStateException("client " + client + " has no operation in flight");
        }
        return operation;
    }
}
