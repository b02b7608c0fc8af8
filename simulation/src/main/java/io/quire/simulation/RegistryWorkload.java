package io.quire.simulation;

import io.quire.protocol.LedgerId;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.registry.RegistrySettings;
import io.quire.registry.core.Effect.Outcome;
import io.quire.simulation.SimulatedNetwork.Envelope;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * One user of the registry, with one operation at a time: reads, compare-and-sets on what it knows or on versions out of
 * the blue, lists. What stays ambiguous it repeats with the same opId or gives up, also after a crash.
 */
final class RegistryWorkload implements SimulatedNode.Program {
    /** A register has at most this many users at once. */
    static final int CLIENTS_MAX = 8;

    private final Random random;
    private final String name;
    private final Plan plan;
    private final NavigableMap<RegistryKey, RegisterJudge> judges;
    private final Supplier<ProposerId> proposerIds;
    private Optional<Change> ambiguous = Optional.empty();
    private Optional<Change> inFlight = Optional.empty();
    private List<Reading> readings = List.of();
    private Optional<String> violation = Optional.empty();
    private boolean healthy;
    private int changes;
    private int doneHealthy;

    /**
     * @param voterAddresses where to look for voters
     * @param thinkMaxNanos the longest time between two operations
     * @param blindAheadMax how far ahead of what is known a change may expect the register to be
     * @param healthyOperations how many have to succeed in the end
     */
    record Plan(
            List<String> voterAddresses,
            RegistrySettings settings,
            long thinkMaxNanos,
            int blindAheadMax,
            int healthyOperations) {}

    /** A compare-and-set over all its attempts. */
    private record Change(
            RegistryKey key, int operation, OpId opId, long expectedVersion, Payload value, boolean mayBeSent) {
        Change sent() {
            return new Change(key, operation, opId, expectedVersion, value, true);
        }
    }

    private record Reading(RegistryKey key, int operation) {}

    RegistryWorkload(
            String name,
            Random random,
            Plan plan,
            NavigableMap<RegistryKey, RegisterJudge> judges,
            Supplier<ProposerId> proposerIds) {
        this.name = name;
        this.random = random;
        this.plan = plan;
        this.judges = judges;
        this.proposerIds = proposerIds;
    }

    /** The key of register {@code number}. */
    static RegistryKey key(int number) {
        return RegistryKey.ofLedger(new LedgerId(number));
    }

    /** From now on every operation that starts has to succeed. */
    void nowHealthy() {
        healthy = true;
    }

    boolean isDone() {
        return doneHealthy >= plan.healthyOperations();
    }

    Optional<String> violation() {
        return violation;
    }

    @Override
    public Consumer<Envelope> start(SimulatedNode node) {
        readings.forEach(reading -> judges.get(reading.key()).gaveUp(reading.operation()));
        readings = List.of();
        inFlight.ifPresent(change -> ambiguous = Optional.of(change.sent()));
        inFlight = Optional.empty();
        SimulatedRegistryClient client =
                new SimulatedRegistryClient(node, plan.voterAddresses(), plan.settings(), proposerIds);
        new Incarnation(node, client).think();
        return client::received;
    }

    private final class Incarnation {
        private final SimulatedNode node;
        private final SimulatedRegistryClient client;
        private final Map<RegistryKey, RegisterValue> known = new HashMap<>();
        private boolean mustSucceed;

        Incarnation(SimulatedNode node, SimulatedRegistryClient client) {
            this.node = node;
            this.client = client;
        }

        void think() {
            if (!isDone()) {
                node.schedule((long) (random.nextDouble() * plan.thinkMaxNanos()), this::next);
            }
        }

        private void next() {
            mustSucceed = healthy;
            if (ambiguous.isPresent()) {
                Change change = ambiguous.get();
                ambiguous = Optional.empty();
                if (random.nextInt(3) != 0) {
                    attempt(change);
                    return;
                }
                judges.get(change.key()).gaveUp(change.operation());
            }
            RegistryKey key = key(random.nextInt(judges.size()));
            int choice = random.nextInt(100);
            if (choice < 10 || (mustSucceed && doneHealthy == plan.healthyOperations() - 1)) {
                list();
            } else if (choice < 40 || !known.containsKey(key)) {
                read(key);
            } else if (RegisterJudge.isDeleted(known.get(key))) {
                // Nobody changes what was deleted for ever, except by what was there before, or nothing.
                change(key, random.nextInt((int) Math.max(1, judges.get(key).lastVersion())));
            } else {
                change(key, known.get(key).version() + blindness(choice));
            }
        }

        /** How far beside what is known a version out of the blue lies. */
        private long blindness(int choice) {
            return choice < 46 ? Math.min(choice - 43, plan.blindAheadMax()) : 0;
        }

        private void done(boolean succeeded, String what) {
            if (mustSucceed && succeeded) {
                doneHealthy++;
            } else if (mustSucceed && violation.isEmpty()) {
                violation = Optional.of(name + ": " + what + " on a healthy cluster");
            }
            think();
        }

        private void read(RegistryKey key) {
            RegisterJudge judge = judges.get(key);
            int operation = judge.readInvoked();
            readings = List.of(new Reading(key, operation));
            client.operations().read(key, outcome -> {
                readings = List.of();
                if (outcome instanceof Outcome.ReadValue read) {
                    known.put(key, read.value());
                    judge.readReturned(operation, read.value());
                } else {
                    judge.gaveUp(operation);
                }
                done(outcome instanceof Outcome.ReadValue, outcome.toString());
            });
        }

        private void change(RegistryKey key, long expectedVersion) {
            String value = name + "-" + ++changes;
            OpId opId = new OpId(new UUID(random.nextLong(), random.nextLong()));
            long expected = Math.max(0, expectedVersion);
            int operation = judges.get(key).changeInvoked(expected, value);
            attempt(new Change(key, operation, opId, expected, Payload.ofUtf8(value), false));
        }

        private void attempt(Change change) {
            inFlight = Optional.of(change);
            client.operations()
                    .compareAndSet(
                            change.key(),
                            change.expectedVersion(),
                            change.value(),
                            change.opId(),
                            outcome -> ended(change, outcome));
        }

        private void ended(Change change, Outcome outcome) {
            inFlight = Optional.empty();
            RegisterJudge judge = judges.get(change.key());
            boolean decided = true;
            if (outcome instanceof Outcome.Applied applied) {
                known.put(change.key(), applied.value());
                judge.applied(change.operation(), change.opId(), applied.version(), applied.value());
            } else if (outcome instanceof Outcome.Conflict conflict
                    && conflict.current().isCollected()
                    && change.mayBeSent()) {
                // An earlier attempt may have been registered, and nobody remembers.
                known.put(change.key(), conflict.current());
                judge.gaveUp(change.operation());
            } else if (outcome instanceof Outcome.Unknown && judge.isDeleted()) {
                known.remove(change.key());
                judge.gaveUp(change.operation());
            } else if (outcome instanceof Outcome.Conflict conflict) {
                known.put(change.key(), conflict.current());
                judge.conflicted(change.operation(), change.opId(), conflict.current());
            } else if (outcome instanceof Outcome.Unavailable && !change.mayBeSent()) {
                judge.neverRegistered(change.opId());
                judge.gaveUp(change.operation());
                decided = false;
            } else if (judge.lastVersion() + unreported(outcome)
                    > change.expectedVersion() + RegisterValue.RECENT_MAX) {
                // A first attempt looks like a retry that nobody remembers: no attempt will ever be told more.
                known.remove(change.key());
                judge.gaveUp(change.operation());
            } else {
                ambiguous = Optional.of(change.sent());
                decided = false;
            }
            done(decided, outcome.toString());
        }

        /** How far a register that answers may be ahead of what its users have reported: by one change of each. */
        private static int unreported(Outcome outcome) {
            return outcome instanceof Outcome.Unknown ? CLIENTS_MAX : 0;
        }

        private void list() {
            Optional<RegistryKey> after = random.nextInt(3) == 0
                    ? Optional.of(random.nextBoolean() ? key(random.nextInt(judges.size())) : new RegistryKey("/a"))
                    : Optional.empty();
            List<Reading> behind = new ArrayList<>();
            judges.forEach((key, judge) -> {
                if (after.isEmpty() || key.compareTo(after.get()) > 0) {
                    behind.add(new Reading(key, judge.readInvoked()));
                }
            });
            readings = behind;
            client.operations().list(RegistryKey.LEDGERS, after, 1 + random.nextInt(3), listed -> {
                readings = List.of();
                listed.page().ifPresentOrElse(page -> judge(behind, page), () -> behind.forEach(this::giveUp));
                done(listed.page().isPresent(), listed.reason());
            });
        }

        /** What a page shows, or leaves out though it reaches behind it, is as good as a read (R3). */
        private void judge(List<Reading> behind, Registry.Page page) {
            Map<RegistryKey, RegisterValue> shown = new TreeMap<>();
            page.entries().forEach(item -> shown.put(item.key(), item.value()));
            for (Reading reading : behind) {
                if (page.next().isPresent()
                        && reading.key().compareTo(page.next().get()) > 0) {
                    giveUp(reading);
                } else {
                    boolean collected = judges.get(reading.key()).isDeleted();
                    RegisterValue value = shown.getOrDefault(
                            reading.key(), collected ? RegisterValue.COLLECTED : RegisterValue.ABSENT);
                    judges.get(reading.key()).readReturned(reading.operation(), value);
                }
                shown.remove(reading.key());
            }
            if (!shown.isEmpty() && violation.isEmpty()) {
                violation = Optional.of(name + ": a page shows what was not asked for: " + shown.keySet());
            }
        }

        private void giveUp(Reading reading) {
            judges.get(reading.key()).gaveUp(reading.operation());
        }
    }
}
