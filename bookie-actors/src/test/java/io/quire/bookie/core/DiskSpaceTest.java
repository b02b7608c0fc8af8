package io.quire.bookie.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.bookie.core.DiskSpace.Waiter;
import io.quire.bookie.core.DiskSpace.Work;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class DiskSpaceTest {
    private static final DiskSpace.Limits LIMITS = new DiskSpace.Limits(500, 700, 200, 50);

    private final DiskSpace space = new DiskSpace(LIMITS);

    private List<Work> admittedWith(long freeBytes) {
        space.observed(freeBytes, 10_000);
        List<Work> admitted = new ArrayList<>();
        for (Work work : Work.values()) {
            if (space.admits(work)) {
                admitted.add(work);
            }
        }
        return admitted;
    }

    @Test
    @DisplayName("H61: as a disk fills, entries stop first, then copies, then fences; each comes back at its own mark")
    void marks() {
        assertThat(admittedWith(500)).containsExactly(Work.NORMAL, Work.RECOVERY, Work.FENCE);
        assertThat(admittedWith(499)).containsExactly(Work.RECOVERY, Work.FENCE);
        assertThat(admittedWith(200)).containsExactly(Work.RECOVERY, Work.FENCE);
        assertThat(admittedWith(199)).containsExactly(Work.FENCE);
        assertThat(admittedWith(50)).containsExactly(Work.FENCE);
        assertThat(admittedWith(49)).isEmpty();
        assertThat(admittedWith(0)).isEmpty();
        assertThat(admittedWith(50)).containsExactly(Work.FENCE);
        assertThat(admittedWith(200)).containsExactly(Work.RECOVERY, Work.FENCE);
        assertThat(admittedWith(699)).containsExactly(Work.RECOVERY, Work.FENCE);
        assertThat(admittedWith(700)).containsExactly(Work.NORMAL, Work.RECOVERY, Work.FENCE);
        assertThat(admittedWith(501)).containsExactly(Work.NORMAL, Work.RECOVERY, Work.FENCE);
    }

    @Test
    @DisplayName("H62: room that moves between the two marks never changes the state")
    void noFlapping() {
        Random random = new Random(11);
        for (int i = 0; i < 1000; i++) {
            assertThat(admittedWith(500 + random.nextInt(200))).contains(Work.NORMAL);
        }
        admittedWith(499);
        for (int i = 0; i < 1000; i++) {
            assertThat(admittedWith(500 + random.nextInt(200))).doesNotContain(Work.NORMAL);
        }
    }

    @Test
    @DisplayName("H61, P10: half of the room within the ledger store counts, as long as the disk has its reserves")
    void reusable() {
        admittedWith(300);
        assertThat(space.admits(Work.NORMAL)).isFalse();
        space.observed(300, 790, 10_000);
        assertThat(space.admits(Work.NORMAL)).isFalse();
        space.observed(300, 800, 10_000);
        assertThat(space.admits(Work.NORMAL)).isTrue();
        // It stays so down to the fences' reserve, and is so again only from that of the copies on.
        space.observed(50, 1000, 10_000);
        assertThat(space.admits(Work.NORMAL)).isTrue();
        assertThat(space.admits(Work.RECOVERY)).isTrue();
        space.observed(49, 100_000, 10_000);
        assertThat(space.admits(Work.NORMAL)).isFalse();
        assertThat(space.admits(Work.RECOVERY)).isFalse();
        space.observed(199, 100_000, 10_000);
        assertThat(space.admits(Work.NORMAL)).isFalse();
        assertThat(space.admits(Work.RECOVERY)).isTrue();
        space.observed(200, 100_000, 10_000);
        assertThat(space.admits(Work.NORMAL)).isTrue();
    }

    @Test
    @DisplayName("H62: reasons to be read-only are a set, and each is cleared on its own")
    void reasons() {
        space.observed(1000, 10_000);
        space.operatorWishes(true);
        assertThat(space.readOnlyReasons()).containsExactly(ReadOnlyReason.OPERATOR);
        assertThat(space.admits(Work.NORMAL)).isFalse();
        assertThat(space.admits(Work.RECOVERY)).isTrue();
        space.observed(100, 10_000);
        assertThat(space.readOnlyReasons()).containsExactly(ReadOnlyReason.DISK_FULL, ReadOnlyReason.OPERATOR);
        space.operatorWishes(false);
        assertThat(space.readOnlyReasons()).containsExactly(ReadOnlyReason.DISK_FULL);
        space.operatorWishes(true);
        space.observed(1000, 10_000);
        assertThat(space.readOnlyReasons()).containsExactly(ReadOnlyReason.OPERATOR);
        space.operatorWishes(false);
        assertThat(space.readOnlyReasons()).isEmpty();
        assertThat(space.admits(Work.NORMAL)).isTrue();
    }

    @Test
    @DisplayName(
            "H61: whoever found no room keeps entries and copies out until it has found some, whatever is observed")
    void waiters() {
        space.observed(1000, 10_000);
        space.foundNoRoom(Waiter.JOURNAL);
        space.foundNoRoom(Waiter.FLUSHER);
        assertThat(admittedWith(5000)).containsExactly(Work.FENCE);
        assertThat(space.readOnlyReasons()).containsExactly(ReadOnlyReason.DISK_FULL);
        space.foundRoom(Waiter.JOURNAL);
        assertThat(admittedWith(5000)).containsExactly(Work.FENCE);
        space.foundRoom(Waiter.FLUSHER);
        assertThat(admittedWith(600)).containsExactly(Work.NORMAL, Work.RECOVERY, Work.FENCE);
    }

    @Test
    @DisplayName("before the disk was looked at nothing is taken on, and it is not called full")
    void unknown() {
        for (Work work : Work.values()) {
            assertThat(space.admits(work)).isFalse();
        }
        assertThat(space.readOnlyReasons()).isEmpty();
        assertThat(space.freeBytes()).isZero();
    }

    @Test
    @DisplayName("marks that contradict each other, or the disk, are refused with the names of the settings")
    void contradictions() {
        assertThatThrownBy(() -> new DiskSpace.Limits(500, 500, 200, 50))
                .hasMessageContaining("quire.bookie.space.writable-above")
                .hasMessageContaining("quire.bookie.space.read-only-below");
        assertThatThrownBy(() -> new DiskSpace.Limits(500, 700, 501, 50))
                .hasMessageContaining("quire.bookie.space.recovery-reserve")
                .hasMessageContaining("quire.bookie.space.read-only-below");
        assertThatThrownBy(() -> new DiskSpace.Limits(500, 700, 200, 201))
                .hasMessageContaining("quire.bookie.space.fence-reserve")
                .hasMessageContaining("quire.bookie.space.recovery-reserve");
        assertThatThrownBy(() -> new DiskSpace.Limits(500, 700, 200, -1))
                .hasMessageContaining("quire.bookie.space.fence-reserve");
        assertThat(LIMITS.misfit(701)).isEmpty();
        assertThat(LIMITS.misfit(700)).hasValueSatisfying(misfit -> assertThat(misfit)
                .contains("700 bytes", "quire.bookie.space.writable-above"));
    }
}
