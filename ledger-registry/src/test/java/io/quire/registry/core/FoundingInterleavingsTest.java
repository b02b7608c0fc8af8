package io.quire.registry.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.RegistryConfig;
import io.quire.protocol.VoterId;
import io.quire.registry.core.Founding.Step;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Several initiators, each of which sees some of the formatted voters only; messages take any order, or get lost. */
class FoundingInterleavingsTest {
    private static final int SEEDS = 3_000;
    private static final int STEPS = 400;

    @Test
    @DisplayName("R6: whatever sets of voters the initiators see, never are two configs served")
    void neverTwoConfigs() {
        int founded = 0;
        int contested = 0;
        for (long seed = 0; seed < SEEDS; seed++) {
            Play play = new Play(new Random(seed));
            play.run();
            Set<RegistryConfig> served = play.servedConfigs();
            assertThat(served).as("seed %d", seed).hasSizeLessThanOrEqualTo(1);
            founded += served.size();
            contested += play.storedConfigs().size() > 1 ? 1 : 0;
        }
        // Plays in which nothing is founded, or nobody competes, prove nothing.
        assertThat(founded).isGreaterThan(SEEDS / 4);
        assertThat(contested).isGreaterThan(SEEDS / 20);
    }

    /** A voter: the first config is stored for ever, and served once somebody says so. */
    private static final class Voter {
        private Optional<RegistryConfig> stored = Optional.empty();
        private boolean serving;
    }

    private static final class Initiator {
        private final Founding founding;
        private final List<VoterId> visible;

        Initiator(int votersExpected, List<VoterId> visible) {
            this.founding = new Founding("c", votersExpected);
            this.visible = visible;
        }
    }

    private static final class Play {
        private final Random random;
        private final Map<VoterId, Voter> voters = new TreeMap<>();
        private final List<Initiator> initiators = new ArrayList<>();
        private final List<Runnable> onTheWay = new ArrayList<>();

        Play(Random random) {
            this.random = random;
            int votersExpected = 1 + random.nextInt(5);
            // Any two sets of voters overlap then; foundings with no voter in common are two clusters.
            int formatted = votersExpected + random.nextInt(votersExpected);
            for (int i = 0; i < formatted; i++) {
                voters.put(new VoterId(new UUID(0, i)), new Voter());
            }
            for (int i = 0; i < 2 + random.nextInt(3); i++) {
                List<VoterId> visible = new ArrayList<>(voters.keySet());
                int strangers = formatted - votersExpected - random.nextInt(2);
                for (int stranger = 0; stranger < strangers; stranger++) {
                    visible.remove(random.nextInt(visible.size()));
                }
                initiators.add(new Initiator(votersExpected, visible));
            }
        }

        void run() {
            for (int i = 0; i < STEPS; i++) {
                if (!onTheWay.isEmpty() && random.nextInt(4) != 0) {
                    onTheWay.remove(random.nextInt(onTheWay.size())).run();
                } else {
                    describe(initiators.get(random.nextInt(initiators.size())));
                }
            }
        }

        Set<RegistryConfig> servedConfigs() {
            Set<RegistryConfig> configs = new HashSet<>();
            voters.values().stream().filter(voter -> voter.serving).forEach(voter -> configs.add(voter.stored.get()));
            return configs;
        }

        Set<RegistryConfig> storedConfigs() {
            Set<RegistryConfig> configs = new HashSet<>();
            voters.values().forEach(voter -> voter.stored.ifPresent(configs::add));
            return configs;
        }

        private void describe(Initiator initiator) {
            VoterId id = initiator.visible.get(random.nextInt(initiator.visible.size()));
            Voter voter = voters.get(id);
            Optional<RegistryConfig> config = voter.stored;
            boolean serving = voter.serving;
            send(() -> follow(initiator, initiator.founding.voterDescribed(id, config, serving)));
        }

        private void follow(Initiator initiator, Step step) {
            if (step instanceof Step.Propose propose) {
                propose.config().voters().forEach(id -> send(() -> store(initiator, id, propose.config())));
            } else if (step instanceof Step.Activate activate) {
                activate.config().voters().forEach(id -> send(() -> activate(id, activate.config())));
            }
        }

        private void store(Initiator initiator, VoterId id, RegistryConfig config) {
            Voter voter = voters.get(id);
            if (voter.stored.isEmpty()) {
                voter.stored = Optional.of(config);
            }
            if (voter.stored.get().equals(config)) {
                send(() -> follow(initiator, initiator.founding.configStored(id, config)));
            }
        }

        private void activate(VoterId id, RegistryConfig config) {
            Voter voter = voters.get(id);
            voter.serving |= voter.stored.filter(config::equals).isPresent();
        }

        private void send(Runnable message) {
            if (random.nextInt(10) != 0) {
                onTheWay.add(message);
            }
        }
    }
}
