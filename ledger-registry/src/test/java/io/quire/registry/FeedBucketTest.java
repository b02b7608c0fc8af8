package io.quire.registry;

import static io.quire.registry.FeedSamples.SETTINGS;
import static io.quire.registry.FeedSamples.bookie;
import static io.quire.registry.FeedSamples.closed;
import static io.quire.registry.FeedSamples.open;
import static io.quire.registry.FeedSamples.published;
import static io.quire.registry.FeedSamples.purged;
import static io.quire.registry.FeedSamples.randomBookie;
import static io.quire.registry.FeedSamples.randomBucket;
import static io.quire.registry.FeedSamples.randomLedger;
import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.LedgerId;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FeedBucketTest {
    private static final int ROUNDS = 3000;

    @Test
    @DisplayName("P1: merging is commutative, associative and idempotent, and an empty bucket changes nothing")
    void mergingFollowsTheLaws() {
        Random random = new Random(1);
        for (int i = 0; i < ROUNDS; i++) {
            FeedBucket a = randomBucket(random);
            FeedBucket b = randomBucket(random);
            FeedBucket c = randomBucket(random);
            assertThat(a.mergeData(b)).isEqualTo(b.mergeData(a));
            assertThat(a.mergeData(b).mergeData(c)).isEqualTo(a.mergeData(b.mergeData(c)));
            assertThat(a.mergeData(a)).isEqualTo(a);
            assertThat(a.mergeData(b).mergeData(b)).isEqualTo(a.mergeData(b));
            assertThat(a.mergeData(a.zero())).isEqualTo(a);
        }
    }

    @Test
    @DisplayName("a delta says to any other bucket what the whole bucket says, beyond what was there before")
    void deltaStandsForTheChange() {
        Random random = new Random(2);
        for (int i = 0; i < ROUNDS; i++) {
            FeedBucket before = randomBucket(random);
            FeedBucket elsewhere = randomBucket(random);
            FeedBucket after = before;
            for (int change = 1 + random.nextInt(4); change > 0; change--) {
                after = random.nextInt(4) == 0
                        ? after.with(randomBookie(random))
                        : published(after, randomLedger(random));
            }
            FeedBucket delta = after.deltaData().orElse(FeedBucket.EMPTY);
            assertThat(before.mergeDeltaData(delta)).isEqualTo(after);
            assertThat(elsewhere.mergeData(before).mergeDeltaData(delta))
                    .isEqualTo(elsewhere.mergeData(after.resetDelta()));
            assertThat(after.resetDelta().deltaData()).isEmpty();
        }
    }

    @Test
    @DisplayName("a publication that says nothing new has no delta")
    void oldNewsHaveNoDelta() {
        FeedBucket bucket = published(FeedBucket.EMPTY, open(1, 2))
                .with(bookie(1, 1, 5, "a:1"))
                .resetDelta();
        assertThat(published(bucket, open(1, 1)).deltaData()).isEmpty();
        assertThat(published(bucket, open(1, 2)).deltaData()).isEmpty();
        assertThat(bucket.with(bookie(1, 1, 5, "a:1")).deltaData()).isEmpty();
        assertThat(bucket.with(bookie(1, 1, 4, "a:1")).deltaData()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13, 14, 15, 16, 17, 18})
    @DisplayName("replicas that publish and forget on their own converge over lost, repeated and reordered messages")
    void replicasConverge(long seed) {
        Random random = new Random(seed);
        List<FeedBucket> replicas = new ArrayList<>(List.of(FeedBucket.EMPTY, FeedBucket.EMPTY, FeedBucket.EMPTY));
        List<FeedBucket> inFlight = new ArrayList<>();
        for (int step = 0; step < 2000; step++) {
            int at = random.nextInt(replicas.size());
            FeedBucket before = replicas.get(at);
            FeedBucket after;
            if (random.nextInt(3) == 0) {
                int ledgerId = step / 20 + random.nextInt(12);
                int version = 1 + random.nextInt(5);
                after = published(before, version <= 3 ? open(ledgerId, version) : closed(ledgerId, 4));
                after.deltaData().ifPresent(inFlight::add);
                inFlight.add(random.nextInt(8) == 0 ? after.resetDelta() : FeedBucket.EMPTY);
            } else if (!inFlight.isEmpty()) {
                FeedBucket message = inFlight.get(random.nextInt(inFlight.size()));
                after = before.mergeDeltaData(message);
            } else {
                after = before;
            }
            assertThatNoVersionWentBack(before, after);
            replicas.set(at, after.resetDelta());
        }
        FeedBucket a = replicas.get(0);
        FeedBucket b = replicas.get(1);
        FeedBucket c = replicas.get(2);
        assertThat(c.mergeData(a).mergeData(b)).isEqualTo(a.mergeData(b).mergeData(c));
        assertThat(a.forgottenUpTo()).isGreaterThan(0);
    }

    @Test
    @DisplayName("a bucket keeps the highest closed and purged ledgers and every open one")
    void endedLedgersAreForgotten() {
        FeedBucket bucket = published(FeedBucket.EMPTY, open(0, 1));
        for (long id = 1; id <= 100; id++) {
            bucket = published(bucket, open(id, 1));
            bucket = published(bucket, id % 2 == 0 ? closed(id, 2) : purged(id, 2));
            assertThat(bucket.ledgers()).hasSizeLessThanOrEqualTo(1 + SETTINGS.closedLedgersBeforeForgetting());
        }
        assertThat(bucket.ledgers().keySet())
                .containsExactly(new LedgerId(0), new LedgerId(98), new LedgerId(99), new LedgerId(100));
        assertThat(bucket.forgottenUpTo()).isEqualTo(97);
    }

    @Test
    @DisplayName("what was forgotten does not come back by an old message or a publication")
    void forgottenStaysForgotten() {
        FeedBucket late = published(FeedBucket.EMPTY, open(1, 1)).resetDelta();
        FeedBucket bucket = late;
        for (long id = 1; id <= 5; id++) {
            bucket = published(bucket, closed(id, 2));
        }
        assertThat(bucket.ledger(new LedgerId(1))).isEmpty();
        assertThat(bucket.mergeData(late).ledger(new LedgerId(1))).isEmpty();
        assertThat(published(bucket, open(1, 1)).ledger(new LedgerId(1))).isEmpty();
        assertThat(published(bucket, closed(1, 2)).ledger(new LedgerId(1))).isEmpty();
    }

    @Test
    @DisplayName("the end of a ledger that stayed open below the forgotten ones is heard of, and forgotten in turn")
    void oldLedgerEnds() {
        FeedBucket bucket = published(FeedBucket.EMPTY, open(0, 1));
        for (long id = 1; id <= 5; id++) {
            bucket = published(bucket, closed(id, 2));
        }
        FeedBucket stillOpen = bucket.resetDelta();
        assertThat(stillOpen.ledger(new LedgerId(0))).contains(open(0, 1));
        FeedBucket ended = published(stillOpen, closed(0, 2));
        assertThat(ended.ledger(new LedgerId(0))).contains(closed(0, 2));
        assertThat(stillOpen.mergeData(ended)).isEqualTo(ended);
        FeedBucket later = published(ended, closed(6, 2));
        assertThat(later.ledger(new LedgerId(0))).isEmpty();
        assertThat(later.mergeData(stillOpen).ledger(new LedgerId(0))).isEmpty();
    }

    @Test
    @DisplayName("open ledgers beyond the limit are not taken, closed ones and news of known ones are")
    void openLedgersAreLimited() {
        FeedBucket bucket = FeedBucket.EMPTY;
        for (long id = 0; id < 20; id++) {
            bucket = published(bucket, open(id, 1));
        }
        assertThat(bucket.ledgers()).hasSize(SETTINGS.openLedgersPerBucket());
        bucket = published(bucket, open(3, 2));
        assertThat(bucket.ledger(new LedgerId(3))).contains(open(3, 2));
        bucket = published(bucket, closed(15, 2));
        assertThat(bucket.ledger(new LedgerId(15))).contains(closed(15, 2));
    }

    @Test
    @DisplayName("a status of a later boot wins over a higher sequence of an earlier one")
    void newerBookieWins() {
        FeedBucket bucket = FeedBucket.EMPTY.with(bookie(1, 1, 9, "a:1")).with(bookie(1, 2, 0, "b:1"));
        assertThat(bucket.bookies().values()).containsExactly(bookie(1, 2, 0, "b:1"));
        assertThat(bucket.with(bookie(1, 1, 10, "a:1")).bookies().values()).containsExactly(bookie(1, 2, 0, "b:1"));
    }

    private static void assertThatNoVersionWentBack(FeedBucket before, FeedBucket after) {
        assertThat(after.forgottenUpTo()).isGreaterThanOrEqualTo(before.forgottenUpTo());
        before.ledgers().forEach((ledgerId, known) -> {
            if (after.ledger(ledgerId).isPresent()) {
                assertThat(after.ledger(ledgerId).get().version()).isGreaterThanOrEqualTo(known.version());
            } else {
                assertThat(ledgerId.value()).isLessThanOrEqualTo(after.forgottenUpTo());
            }
        });
    }
}
