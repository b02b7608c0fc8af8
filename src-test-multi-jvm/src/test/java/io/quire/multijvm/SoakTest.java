package io.quire.multijvm;

import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What takes hours; {@code -Psoak} runs it. */
@Tag("soak")
class SoakTest {
    private static final int ROUNDS = Integer.getInteger("soak.rounds", 20);

    @RegisterExtension
    private final ClusterProcesses cluster = new ClusterProcesses();

    private final long seed = Seeds.next(getClass());

    @Test
    @DisplayName("R10, R13, R17, R20: stores that died many times keep what they acknowledged")
    void storesThatDieAgainAndAgain() {
        Random random = new Random(seed);
        cluster.start();
        for (int round = 0; round < ROUNDS; round++) {
            new DeathOfAll(cluster, random.nextLong()).run(1 + random.nextInt(60_000));
        }
    }
}
