package io.quire.registry.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.RegistryConfig;
import io.quire.protocol.VoterId;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class VoterStateTest {
    private static final RegistryConfig FIRST = RegistryConfig.founding("c", List.of(voter(1), voter(2), voter(3)));
    private static final RegistryConfig SECOND = FIRST.changedTo(List.of(voter(1), voter(2), voter(4)));
    private static final RegistryConfig THIRD = SECOND.changedTo(List.of(voter(1), voter(4)));
    private static final VoterState FREE = VoterState.formatted(voter(1));
    private static final VoterState SERVING =
            FREE.found(FIRST).state().activate(FIRST).state();
    private static final VoterState SEALED = SERVING.seal(SECOND).state();

    @Test
    @DisplayName("R5: a sealed voter serves no epoch, and is sealed for one config only")
    void sealed() {
        assertThat(SERVING.refusalOfEpoch(1)).isEmpty();
        assertThat(SEALED.isActive()).isFalse();
        assertThat(SEALED.refusalOfEpoch(1)).isPresent();
        assertThat(SEALED.refusalOfEpoch(2)).isPresent();
        assertThat(SEALED.seal(SECOND)).isEqualTo(new VoterState.Step(SEALED, java.util.Optional.empty()));
        RegistryConfig other = FIRST.changedTo(List.of(voter(1), voter(9)));
        assertThat(SEALED.seal(other).granted()).isFalse();
        assertThat(SEALED.activate(FIRST).granted()).isFalse();
        assertThat(SEALED.found(FIRST).granted()).isFalse();
    }

    @Test
    @DisplayName(
            "R5: a voter is activated for what it is sealed for only, then takes no copies and goes on to later epochs")
    void activated() {
        assertThat(SERVING.activate(SECOND).granted()).isFalse();
        assertThat(SEALED.refusalOfCopies(SECOND)).isEmpty();
        assertThat(SEALED.activate(THIRD).granted()).isFalse();
        VoterState second = SEALED.activate(SECOND).state();
        assertThat(second.isActive()).isTrue();
        assertThat(second.refusalOfEpoch(2)).isEmpty();
        assertThat(second.refusalOfEpoch(1)).isPresent();
        assertThat(second.refusalOfCopies(SECOND)).isPresent();
        assertThat(second.activate(SECOND).state()).isEqualTo(second);
        assertThat(second.seal(SECOND).state()).isEqualTo(second);
        assertThat(second.seal(FIRST).granted()).isFalse();
        assertThat(second.seal(THIRD).state().activate(THIRD).state().isActive())
                .isTrue();
    }

    @Test
    @DisplayName("R5: copies come from voters behind the epoch before, or from those that serve the next one")
    void sources() {
        assertThat(SERVING.refusalOfCopying(SECOND)).isPresent();
        assertThat(SEALED.refusalOfCopying(SECOND)).isEmpty();
        assertThat(SEALED.activate(SECOND).state().refusalOfCopying(SECOND)).isEmpty();
        VoterState skipped = SERVING.seal(THIRD).state();
        assertThat(skipped.refusalOfCopying(THIRD)).isPresent();
        assertThat(SEALED.seal(THIRD).state().refusalOfCopying(THIRD)).isPresent();
        VoterState joining = VoterState.formatted(voter(4)).seal(SECOND).state();
        assertThat(joining.refusalOfCopying(SECOND)).isPresent();
        assertThat(joining.refusalOfCopies(SECOND)).isEmpty();
    }

    @Test
    @DisplayName(
            "R5, R6: a voter of another cluster, or that nobody names, is not sealed; one that joins founds nothing")
    void strangers() {
        RegistryConfig foreign =
                RegistryConfig.founding("other", List.of(voter(1))).changedTo(List.of(voter(1)));
        assertThat(SERVING.seal(foreign).granted()).isFalse();
        assertThat(SEALED.seal(foreign.changedTo(List.of(voter(1)))).granted()).isFalse();
        assertThat(VoterState.formatted(voter(9)).seal(SECOND).granted()).isFalse();
        VoterState joining = FREE.seal(SECOND).state();
        assertThat(joining.found(FIRST).granted()).isFalse();
        VoterState removed = VoterState.formatted(voter(3))
                .found(FIRST)
                .state()
                .activate(FIRST)
                .state()
                .seal(SECOND)
                .state();
        assertThat(removed.refusalOfCopies(SECOND)).isPresent();
        assertThat(removed.activate(SECOND).granted()).isFalse();
    }

    private static VoterId voter(long id) {
        return new VoterId(new UUID(0, id));
    }
}
