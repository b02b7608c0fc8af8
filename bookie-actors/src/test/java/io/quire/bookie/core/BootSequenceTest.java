package io.quire.bookie.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.core.BootSequence.Decision;
import io.quire.bookie.core.BootSequence.Situation;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieLife;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.OpId;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BootSequenceTest {
    private static final BookieId BOOKIE = new BookieId(new UUID(1, 2));
    private static final OpId OP = new OpId(new UUID(3, 4));
    private static final BookieRegistration SELF =
            new BookieRegistration(BOOKIE, "cluster-1", BootEpoch.NEVER_BOOTED, BookieLife.ACTIVE, "here", "b1");

    private static BookieRegistration registered(long bootEpoch, boolean retired, String cluster) {
        return new BookieRegistration(
                BOOKIE,
                cluster,
                new BootEpoch(bootEpoch),
                retired ? BookieLife.RETIRED : BookieLife.ACTIVE,
                "there",
                "old name");
    }

    private static Decision decide(long confirmed, long version, BookieRegistration registered, boolean byUs) {
        return BootSequence.decide(
                new Situation(new BootEpoch(confirmed), OP, version, Optional.ofNullable(registered), byUs), SELF);
    }

    @Test
    @DisplayName("R7: a store that never booted and is not registered registers itself at boot 1")
    void firstBoot() {
        assertThat(decide(0, 0, null, false))
                .isEqualTo(new Decision.Register(0, SELF.booted(new BootEpoch(1), "here", "b1")));
    }

    @Test
    @DisplayName("R7: a store that booted before and is not registered belongs to another cluster")
    void unknownToTheCluster() {
        assertThat(decide(4, 0, null, false)).isInstanceOf(Decision.Refuse.class);
    }

    @Test
    @DisplayName("R7: registered at n it goes to n+1 at the version it saw, with its present address and name")
    void nextBoot() {
        assertThat(decide(4, 9, registered(4, false, "cluster-1"), false))
                .isEqualTo(new Decision.Register(9, SELF.booted(new BootEpoch(5), "here", "b1")));
    }

    @ParameterizedTest
    @CsvSource({"0, 1", "4, 5"})
    @DisplayName("R7: registered at n+1 by its own operation it boots; by another it is a clone or an old copy")
    void registeredBefore(long confirmed, long registered) {
        assertThat(decide(confirmed, 9, registered(registered, false, "cluster-1"), true))
                .isEqualTo(new Decision.Boot(new BootEpoch(registered)));
        assertThat(decide(confirmed, 9, registered(registered, false, "cluster-1"), false))
                .isInstanceOf(Decision.Refuse.class);
    }

    @ParameterizedTest
    @CsvSource({"4, 3", "4, 6", "4, 100", "4, 1", "0, 2", "0, 0"})
    @DisplayName("R7, H24: any other epoch is a rollback or a clone, whoever wrote it")
    void anyOtherEpoch(long confirmed, long registered) {
        for (boolean byUs : new boolean[] {false, true}) {
            assertThat(decide(confirmed, 9, registered(registered, false, "cluster-1"), byUs))
                    .isInstanceOf(Decision.Refuse.class);
        }
    }

    @Test
    @DisplayName("R7: a retired id and a store of another cluster never serve")
    void retiredOrForeign() {
        assertThat(decide(4, 9, registered(4, true, "cluster-1"), false)).isInstanceOf(Decision.Refuse.class);
        assertThat(decide(4, 9, registered(5, true, "cluster-1"), true)).isInstanceOf(Decision.Refuse.class);
        assertThat(decide(4, 9, registered(4, false, "cluster-2"), false)).isInstanceOf(Decision.Refuse.class);
        assertThat(decide(4, 9, registered(5, false, "cluster-2"), true)).isInstanceOf(Decision.Refuse.class);
    }

    @Test
    @DisplayName("R7: a store that was rebuilt goes on behind the boot that is registered, and then as any other")
    void rebuilt() {
        Decision decision =
                BootSequence.decideRebuilt(new BootEpoch(3), Optional.of(registered(4, false, "cluster-1")), SELF);
        assertThat(decision).isEqualTo(new Decision.Adopt(new BootEpoch(4)));
        assertThat(decide(4, 9, registered(4, false, "cluster-1"), false))
                .isEqualTo(new Decision.Register(9, SELF.booted(new BootEpoch(5), "here", "b1")));
    }

    @Test
    @DisplayName("R7, H24: a rebuilt store that is not registered, retired, of another cluster, or younger than its"
            + " registration is refused")
    void rebuiltButUnfit() {
        assertThat(BootSequence.decideRebuilt(BootEpoch.NEVER_BOOTED, Optional.empty(), SELF))
                .isInstanceOf(Decision.Refuse.class);
        for (BookieRegistration unfit : new BookieRegistration[] {
            registered(4, true, "cluster-1"), registered(4, false, "cluster-2"), registered(2, false, "cluster-1")
        }) {
            assertThat(BootSequence.decideRebuilt(new BootEpoch(3), Optional.of(unfit), SELF))
                    .isInstanceOf(Decision.Refuse.class);
        }
    }
}
