package io.quire.registry.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.RegistryConfig;
import io.quire.protocol.VoterId;
import io.quire.registry.core.Founding.Step;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class FoundingTest {
    private static final Optional<RegistryConfig> NOTHING = Optional.empty();
    private static final RegistryConfig CONFIG = RegistryConfig.founding("c", List.of(voter(1), voter(2), voter(3)));

    private final Founding founding = new Founding("c", 3);

    @Test
    @DisplayName(
            "R6: everybody proposes the same config once all voters are there, and activates it when all have stored it")
    void founds() {
        assertThat(founding.voterDescribed(voter(3), NOTHING, false)).isInstanceOf(Step.Wait.class);
        assertThat(founding.voterDescribed(voter(1), NOTHING, false)).isInstanceOf(Step.Wait.class);
        assertThat(founding.voterDescribed(voter(2), NOTHING, false)).isEqualTo(new Step.Propose(CONFIG));
        assertThat(founding.configStored(voter(1), CONFIG)).isEqualTo(new Step.Propose(CONFIG));
        assertThat(founding.configStored(voter(2), CONFIG)).isEqualTo(new Step.Propose(CONFIG));
        assertThat(founding.configStored(voter(3), CONFIG)).isEqualTo(new Step.Activate(CONFIG));
    }

    @Test
    @DisplayName("R6: of two sets of voters that overlap only one can be activated")
    void overlapping() {
        Founding left = new Founding("c", 3);
        Founding right = new Founding("c", 3);
        for (int i = 1; i <= 3; i++) {
            left.voterDescribed(voter(i), NOTHING, false);
            right.voterDescribed(voter(i + 2), NOTHING, false);
        }
        RegistryConfig other = RegistryConfig.founding("c", List.of(voter(3), voter(4), voter(5)));
        right.configStored(voter(4), other);
        assertThat(right.configStored(voter(5), other)).isEqualTo(new Step.Propose(other));
        left.configStored(voter(1), CONFIG);
        left.configStored(voter(2), CONFIG);
        assertThat(left.configStored(voter(3), CONFIG)).isEqualTo(new Step.Activate(CONFIG));
        assertThat(right.voterDescribed(voter(3), Optional.of(CONFIG), false)).isInstanceOf(Step.Refuse.class);
    }

    @Test
    @DisplayName("a repeated answer starts no new round of messages")
    void repetition() {
        founding.voterDescribed(voter(1), Optional.of(CONFIG), false);
        founding.configStored(voter(2), CONFIG);
        assertThat(founding.configStored(voter(2), CONFIG)).isEqualTo(new Step.NothingNew());
        assertThat(founding.configStored(voter(1), CONFIG)).isEqualTo(new Step.NothingNew());
    }

    @Test
    @DisplayName("R6: a voter that stored another config does not count for this one")
    void countsPerConfig() {
        RegistryConfig other = RegistryConfig.founding("c", List.of(voter(1), voter(2), voter(3), voter(4), voter(5)));
        founding.voterDescribed(voter(1), NOTHING, false);
        founding.voterDescribed(voter(2), NOTHING, false);
        founding.voterDescribed(voter(3), NOTHING, false);
        founding.configStored(voter(1), CONFIG);
        assertThat(founding.voterDescribed(voter(2), Optional.of(other), false)).isInstanceOf(Step.Refuse.class);
        assertThat(founding.configStored(voter(3), other)).isInstanceOf(Step.Refuse.class);
    }

    @Test
    @DisplayName("R6: a half-done founding waits until all its voters are back, then goes on with what is stored")
    void resumes() {
        assertThat(founding.voterDescribed(voter(2), Optional.of(CONFIG), false))
                .isInstanceOf(Step.Wait.class);
        assertThat(founding.voterDescribed(voter(3), Optional.of(CONFIG), false))
                .isInstanceOf(Step.Wait.class);
        assertThat(founding.voterDescribed(voter(1), NOTHING, false)).isEqualTo(new Step.Propose(CONFIG));
        assertThat(founding.configStored(voter(1), CONFIG)).isEqualTo(new Step.Activate(CONFIG));
    }

    @Test
    @DisplayName("R6: a voter that missed the founding still gets the config and is activated")
    void latecomer() {
        founding.voterDescribed(voter(1), Optional.of(CONFIG), true);
        assertThat(founding.voterDescribed(voter(2), Optional.of(CONFIG), false))
                .isEqualTo(new Step.Activate(CONFIG));
        assertThat(founding.voterDescribed(voter(2), Optional.of(CONFIG), true)).isInstanceOf(Step.Wait.class);
        assertThat(founding.voterDescribed(voter(3), NOTHING, false)).isEqualTo(new Step.Propose(CONFIG));
        assertThat(founding.configStored(voter(3), CONFIG)).isEqualTo(new Step.Activate(CONFIG));
        assertThat(founding.voterDescribed(voter(3), Optional.of(CONFIG), true)).isEqualTo(new Step.Exists(CONFIG));
    }

    @Test
    @DisplayName("R6: no founding with a voter of another cluster, with too many voters, or with strangers")
    void refuses() {
        RegistryConfig foreign = RegistryConfig.founding("other", List.of(voter(1)));
        assertThat(new Founding("c", 3).voterDescribed(voter(1), Optional.of(foreign), true))
                .isInstanceOf(Step.Refuse.class);
        for (int i = 1; i <= 3; i++) {
            founding.voterDescribed(voter(i), NOTHING, false);
        }
        assertThat(founding.voterDescribed(voter(4), NOTHING, false)).isInstanceOf(Step.Refuse.class);
        Founding second = new Founding("c", 3);
        second.voterDescribed(voter(9), NOTHING, false);
        assertThat(second.voterDescribed(voter(1), Optional.of(CONFIG), false)).isInstanceOf(Step.Refuse.class);
    }

    private static VoterId voter(long id) {
        return new VoterId(new UUID(0, id));
    }
}
