package io.quire.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The quorum arithmetic of {@link Replication}, {@link WriteSet}, {@link AckSet} and {@link FenceCoverage} against plain
 * sets, for every replication of up to seven bookies.
 */
class ReplicationTest {
    private static final int ENSEMBLE_SIZE_MAX = 7;

    static Stream<Replication> all() {
        List<Replication> all = new ArrayList<>();
        for (int e = 1; e <= ENSEMBLE_SIZE_MAX; e++) {
            for (int qw = 1; qw <= e; qw++) {
                for (int qa = 1; qa <= qw; qa++) {
                    all.add(new Replication(e, qw, qa));
                }
            }
        }
        return all.stream();
    }

    @ParameterizedTest
    @MethodSource("all")
    @DisplayName("a write set is Qw consecutive members from entry mod E, as a list and as a mask")
    void writeSets(Replication replication) {
        for (long entryId : entryIds(replication)) {
            List<Integer> expected = writeSet(entryId, replication);
            WriteSet writeSet = WriteSet.of(entryId, replication);
            assertThat(writeSet.positions())
                    .isEqualTo(expected)
                    .hasSize(replication.writeQuorum())
                    .doesNotHaveDuplicates();
            assertThat(membersOf(replication.writeSetMask(entryId))).isEqualTo(new HashSet<>(expected));
            for (int position = 0; position < replication.ensembleSize(); position++) {
                assertThat(writeSet.contains(position)).isEqualTo(expected.contains(position));
                assertThat(replication.isInWriteSet(entryId, position)).isEqualTo(expected.contains(position));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("all")
    @DisplayName("each member is in Qw of E consecutive write sets")
    void writeSetsAreFair(Replication replication) {
        int[] times = new int[replication.ensembleSize()];
        for (long entryId = 100; entryId < 100 + replication.ensembleSize(); entryId++) {
            WriteSet.of(entryId, replication).positions().forEach(position -> times[position]++);
        }
        assertThat(times).containsOnly(replication.writeQuorum());
        assertThat(membersOf(replication.allMask())).hasSize(replication.ensembleSize());
        assertThat(replication.writesToAll()).isEqualTo(replication.writeSetMask(0) == replication.allMask());
    }

    @ParameterizedTest
    @MethodSource("all")
    @DisplayName("ack quorums and full writes count members of the write set only")
    void ackSets(Replication replication) {
        for (long entryId : entryIds(replication)) {
            List<Integer> writeSet = writeSet(entryId, replication);
            for (int ackMask = 0; ackMask <= replication.allMask(); ackMask++) {
                Set<Integer> acked = membersOf(ackMask);
                acked.retainAll(writeSet);
                assertThat(replication.isAckQuorum(entryId, ackMask))
                        .isEqualTo(acked.size() >= replication.ackQuorum());
                assertThat(replication.isFullyWritten(entryId, ackMask)).isEqualTo(acked.size() == writeSet.size());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("all")
    @DisplayName("so many negatives disprove an entry as leave no ack quorum, and not one more")
    void negatives(Replication replication) {
        for (int start = 0; start < replication.ensembleSize(); start++) {
            int writeSet = replication.writeSetMaskFrom(start);
            for (int negative = 0; negative <= replication.allMask(); negative++) {
                if ((negative & ~writeSet) == 0) {
                    boolean disproved = !replication.isAckQuorum(start, writeSet & ~negative);
                    assertThat(membersOf(negative).size() >= replication.negativesToDisprove())
                            .isEqualTo(disproved);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("all")
    @DisplayName("H3: fences cover a fragment exactly if no ack quorum of any entry is left among the other members")
    void fenceCoverage(Replication replication) {
        for (int fenced = 0; fenced <= replication.allMask(); fenced++) {
            FenceCoverage coverage = new FenceCoverage(replication);
            for (int position : membersOf(fenced)) {
                coverage.fenced(position);
                coverage.fenced(position);
            }
            assertThat(coverage.isCovered())
                    .as("%s with %s fenced", replication, membersOf(fenced))
                    .isEqualTo(!canStillAcknowledge(replication, membersOf(fenced)));
        }
    }

    @Test
    @DisplayName("H3: only members can be fenced")
    void onlyMembersAreFenced() {
        FenceCoverage coverage = new FenceCoverage(new Replication(3, 3, 2));
        for (int position : new int[] {-1, 3, 32}) {
            assertThatThrownBy(() -> coverage.fenced(position)).isInstanceOf(IllegalArgumentException.class);
        }
        assertThat(coverage.isCovered()).isFalse();
    }

    @Test
    @DisplayName("the largest ensembles fit into masks")
    void largestEnsembles() {
        for (int qw = 1; qw <= Replication.ENSEMBLE_SIZE_MAX; qw++) {
            Replication replication = new Replication(Replication.ENSEMBLE_SIZE_MAX, qw, qw);
            for (long entryId : entryIds(replication)) {
                assertThat(membersOf(replication.writeSetMask(entryId)))
                        .isEqualTo(new HashSet<>(writeSet(entryId, replication)));
            }
            assertThat(membersOf(replication.allMask())).hasSize(Replication.ENSEMBLE_SIZE_MAX);
        }
    }

    @ParameterizedTest
    @CsvSource({"0,0,0", "-1,1,1", "32,3,2", "3,0,0", "3,4,2", "3,-1,-1", "3,3,4", "3,3,0", "3,2,3", "5,3,-1"})
    @DisplayName("E >= Qw >= Qa >= 1 and E <= 31, nothing else")
    void impossibleQuorums(int ensembleSize, int writeQuorum, int ackQuorum) {
        assertThatThrownBy(() -> new Replication(ensembleSize, writeQuorum, ackQuorum))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("must lie in");
    }

    @Test
    @DisplayName("acknowledgements are added and voided one by one")
    void ackSet() {
        int acks = AckSet.with(AckSet.with(AckSet.EMPTY, 0), 30);
        assertThat(membersOf(acks)).containsExactlyInAnyOrder(0, 30);
        assertThat(AckSet.contains(acks, 30)).isTrue();
        assertThat(AckSet.contains(acks, 1)).isFalse();
        assertThat(AckSet.with(acks, 30)).isEqualTo(acks);
        assertThat(AckSet.without(acks, 30)).isEqualTo(AckSet.with(AckSet.EMPTY, 0));
        assertThat(AckSet.without(acks, 5)).isEqualTo(acks);
    }

    @Test
    @DisplayName("there is no write set of no entry")
    void noEntryNoWriteSet() {
        assertThatThrownBy(() -> WriteSet.of(EntryId.NONE, Replication.DEFAULT))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /** Whether some set of members that are not fenced is an ack quorum of some entry, by trying all of them. */
    private static boolean canStillAcknowledge(Replication replication, Set<Integer> fenced) {
        for (int entryId = 0; entryId < replication.ensembleSize(); entryId++) {
            List<Integer> writeSet = writeSet(entryId, replication);
            for (int mask = 0; mask <= replication.allMask(); mask++) {
                Set<Integer> acking = membersOf(mask);
                if (acking.size() == replication.ackQuorum()
                        && writeSet.containsAll(acking)
                        && acking.stream().noneMatch(fenced::contains)) {
                    return true;
                }
            }
        }
        return false;
    }

    private static List<Long> entryIds(Replication replication) {
        List<Long> entryIds = new ArrayList<>(List.of((long) Integer.MAX_VALUE, 1L << 32, EntryId.MAX));
        for (long entryId = 0; entryId < 2L * replication.ensembleSize(); entryId++) {
            entryIds.add(entryId);
        }
        return entryIds;
    }

    private static List<Integer> writeSet(long entryId, Replication replication) {
        List<Integer> positions = new ArrayList<>();
        for (long i = entryId % replication.ensembleSize(); positions.size() < replication.writeQuorum(); i++) {
            positions.add((int) (i % replication.ensembleSize()));
        }
        return positions;
    }

    private static Set<Integer> membersOf(int mask) {
        Set<Integer> members = new HashSet<>();
        for (int position = 0; position < Integer.SIZE; position++) {
            if ((mask >>> position & 1) == 1) {
                members.add(position);
            }
        }
        return members;
    }
}
