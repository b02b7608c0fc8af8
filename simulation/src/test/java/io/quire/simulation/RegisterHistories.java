package io.quire.simulation;

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
import java.util.Optional;
import java.util.Random;

/** Random histories of a register that is truly linearizable, and steps to spoil them. */
final class RegisterHistories {
    static final RegisterModel<String> MODEL = new RegisterModel<>(new State<>(0, ""));

    /** One event of a script; neither input nor output: the client gives up. */
    record Step(int client, Optional<Input<String>> input, Optional<Output<String>> output) {
        static Step invoked(int client, Input<String> input) {
            return new Step(client, Optional.of(input), Optional.empty());
        }

        static Step returned(int client, Output<String> output) {
            return new Step(client, Optional.empty(), Optional.of(output));
        }

        static Step gaveUp(int client) {
            return new Step(client, Optional.empty(), Optional.empty());
        }
    }

    private RegisterHistories() {}

    static OperationHistory<Input<String>, Output<String>> history(List<Step> steps) {
        OperationHistory<Input<String>, Output<String>> history = new OperationHistory<>();
        for (Step step : steps) {
            if (step.input().isPresent()) {
                history.invoked(step.client(), step.input().get());
            } else if (step.output().isPresent()) {
                history.returned(step.client(), step.output().get());
            } else {
                history.gaveUp(step.client());
            }
        }
        return history;
    }

    /**
     * What clients of a correct register may see: each operation takes effect at a random moment, some answers are lost,
     * and some lost operations take effect much later or never.
     */
    static List<Step> linearizable(Random random, int operations, int clients) {
        List<Step> steps = new ArrayList<>();
        List<Optional<Input<String>>> waiting = new ArrayList<>();
        List<Optional<Output<String>>> answers = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
            waiting.add(Optional.empty());
            answers.add(Optional.empty());
        }
        List<Input<String>> lost = new ArrayList<>();
        State<String> state = MODEL.initial();
        int started = 0;
        while (started < operations) {
            int client = random.nextInt(clients);
            if (!lost.isEmpty() && random.nextInt(40) == 0) {
                state = MODEL.unanswered(state, lost.remove(random.nextInt(lost.size())));
            } else if (answers.get(client).isPresent()) {
                steps.add(
                        random.nextInt(20) == 0
                                ? Step.gaveUp(client)
                                : Step.returned(client, answers.get(client).get()));
                answers.set(client, Optional.empty());
            } else if (waiting.get(client).isPresent()) {
                Input<String> input = waiting.get(client).get();
                if (random.nextInt(20) == 0) {
                    steps.add(Step.gaveUp(client));
                    lost.add(input);
                } else {
                    answers.set(client, Optional.of(answer(state, input)));
                    state = MODEL.unanswered(state, input);
                }
                waiting.set(client, Optional.empty());
            } else {
                Input<String> input = random.nextInt(3) == 0
                        ? new Read<>()
                        : new CompareAndSet<>(Math.max(0, state.version() - random.nextInt(2)), "v" + started);
                steps.add(Step.invoked(client, input));
                waiting.set(client, Optional.of(input));
                started++;
            }
        }
        return steps;
    }

    private static Output<String> answer(State<String> state, Input<String> input) {
        if (!(input instanceof CompareAndSet<String> change)) {
            return new Value<>(state);
        }
        return change.expectedVersion() == state.version() ? new Applied<>(state.version() + 1) : new Conflict<>(state);
    }

    /** Every place where a read's answer can be changed to a state that had been overwritten before it started. */
    static List<List<Step>> withStaleRead(List<Step> steps) {
        List<List<Step>> spoiled = new ArrayList<>();
        State<String> newest = MODEL.initial();
        State<String> older = MODEL.initial();
        List<State<String>> staleForClient = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            staleForClient.add(MODEL.initial());
        }
        for (int i = 0; i < steps.size(); i++) {
            Step step = steps.get(i);
            if (step.input().isPresent()) {
                staleForClient.set(step.client(), older);
            } else if (step.output().orElse(null) instanceof Value<String> value) {
                State<String> stale = staleForClient.get(step.client());
                if (!stale.equals(MODEL.initial())) {
                    List<Step> copy = new ArrayList<>(steps);
                    copy.set(i, Step.returned(step.client(), new Value<>(stale)));
                    spoiled.add(copy);
                }
                if (value.current().version() > newest.version()) {
                    older = newest;
                    newest = value.current();
                }
            }
        }
        return spoiled;
    }

    /** Every place where a conflict can be changed to a success at a version that somebody else made. */
    static List<List<Step>> withSecondWinner(List<Step> steps) {
        List<List<Step>> spoiled = new ArrayList<>();
        for (int i = 0; i < steps.size(); i++) {
            if (steps.get(i).output().orElse(null) instanceof Conflict<String>) {
                int client = steps.get(i).client();
                Applied<String> won = new Applied<>(lastExpected(steps, i, client) + 1);
                if (steps.stream()
                        .anyMatch(step -> step.output().filter(won::equals).isPresent())) {
                    List<Step> copy = new ArrayList<>(steps);
                    copy.set(i, Step.returned(client, won));
                    spoiled.add(copy);
                }
            }
        }
        return spoiled;
    }

    private static long lastExpected(List<Step> steps, int before, int client) {
        long expected = -1;
        for (Step step : steps.subList(0, before)) {
            if (step.client() == client && step.input().orElse(null) instanceof CompareAndSet<String> change) {
                expected = change.expectedVersion();
            }
        }
        return expected;
    }
}
