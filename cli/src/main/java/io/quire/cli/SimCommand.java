package io.quire.cli;

import io.quire.simulation.CollectionScenario;
import io.quire.simulation.DeleteUnderWriteScenario;
import io.quire.simulation.DuelScenario;
import io.quire.simulation.GarbageScenario;
import io.quire.simulation.LedgerScenario;
import io.quire.simulation.LogScenario;
import io.quire.simulation.LostFencesScenario;
import io.quire.simulation.RecoveryScenario;
import io.quire.simulation.RegistryScenario;
import io.quire.simulation.VoterChangeScenario;
import io.quire.simulation.WipedBookieScenario;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.LongFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code quire sim}: runs seeded simulations of whole clusters. */
@Command(
        name = "sim",
        description = {
            "Runs simulated clusters, each from a seed, with crashes, failing disks and bad networks, and judges them.",
            "The last line is: runs=N steps=M violations=K. A run is replayed by its seed."
        })
final class SimCommand extends QuireSubcommand {
    private static final Map<String, LongFunction<Run>> SCENARIOS = new TreeMap<>(Map.ofEntries(
            Map.entry("append-and-read", seed -> runOf(new LedgerScenario(seed))),
            Map.entry("collection", seed -> {
                RegistryScenario.Result result = new CollectionScenario(seed).run();
                return new Run(result.steps(), result.violation());
            }),
            Map.entry("delete-under-write", seed -> runOf(new DeleteUnderWriteScenario(seed))),
            Map.entry("duel", seed -> runOf(new DuelScenario(seed))),
            Map.entry("garbage", seed -> runOf(new GarbageScenario(seed))),
            Map.entry("log-fight", seed -> {
                LogScenario.Result result = new LogScenario(seed).run();
                return new Run(result.steps(), result.violation());
            }),
            Map.entry("lost-fences", seed -> runOf(new LostFencesScenario(seed))),
            Map.entry("recovery", seed -> runOf(new RecoveryScenario(seed))),
            Map.entry("registry", seed -> {
                RegistryScenario.Result result = new RegistryScenario(seed).run();
                return new Run(result.steps(), result.violation());
            }),
            Map.entry("voter-change", seed -> {
                RegistryScenario.Result result = new VoterChangeScenario(seed).run();
                return new Run(result.steps(), result.violation());
            }),
            Map.entry("wiped-bookie", seed -> runOf(new WipedBookieScenario(seed)))));

    @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "The first seed; 0 unless given.")
    private long seed;

    @Option(names = "--runs", paramLabel = "N", defaultValue = "1", description = "How many seeds; 1 unless given.")
    private int runs;

    @Option(
            names = "--scenario",
            paramLabel = "NAME",
            description =
                    "append-and-read, collection, delete-under-write, duel, garbage, log-fight, lost-fences, recovery,"
                            + " registry, voter-change or wiped-bookie; all unless given.")
    private String scenario;

    private record Run(long steps, Optional<String> violation) {}

    private static Run runOf(LedgerScenario scenario) {
        LedgerScenario.Result result = scenario.run();
        return new Run(result.steps(), result.violation());
    }

    @Override
    public Integer call() {
        require(runs > 0, "--runs must be positive: " + runs);
        require(
                scenario == null || SCENARIOS.containsKey(scenario),
                "--scenario must be one of " + SCENARIOS.keySet() + ": " + scenario);
        long done = 0;
        long steps = 0;
        long violations = 0;
        for (Map.Entry<String, LongFunction<Run>> candidate : SCENARIOS.entrySet()) {
            if (scenario != null && !scenario.equals(candidate.getKey())) {
                continue;
            }
            for (long next = seed; next < seed + runs; next++) {
                Run run = candidate.getValue().apply(next);
                done++;
                steps += run.steps();
                if (run.violation().isPresent()) {
                    violations++;
                    terminal().println(run.violation().get());
                    terminal().println("replay: ./quire sim --scenario " + candidate.getKey() + " --seed " + next);
                }
            }
        }
        terminal().println("runs=" + done + " steps=" + steps + " violations=" + violations);
        return violations == 0 ? 0 : 1;
    }
}
