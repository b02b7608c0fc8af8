package io.quire.registry;

import static io.quire.registry.FeedSamples.bookie;
import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.BookieStatus;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class BookiePresenceTest {
    private final BookiePresence presence = new BookiePresence("self:1");
    private final BookieStatus said = bookie(1, 4, 7, "far:1");

    @Test
    @DisplayName("before this node is a member it shows what it heard")
    void knowsNobodyYet() {
        assertThat(presence.shown(said)).isEqualTo(said);
    }

    @Test
    @DisplayName("P3: a bookie of a node that is no member is shown as DOWN, and as it said once the node is one")
    void nodeIsNoMember() {
        presence.memberSeen("self:1");
        assertThat(presence.shown(said).state()).isEqualTo(BookieStatus.State.DOWN);
        presence.memberSeen("far:1");
        assertThat(presence.shown(said)).isEqualTo(said);
    }

    @Test
    @DisplayName("P4: after a removal the same address alone does not revive a bookie, only a newer status does")
    void nodeComesBack() {
        presence.memberSeen("self:1");
        presence.memberSeen("far:1");
        presence.memberRemoved("far:1", List.of(said, bookie(2, 1, 1, "self:1")));
        presence.memberSeen("far:1");
        assertThat(presence.shown(said).state()).isEqualTo(BookieStatus.State.DOWN);
        assertThat(presence.shown(said).sequence()).isEqualTo(7);
        BookieStatus rebooted = bookie(1, 5, 0, "far:1");
        assertThat(presence.shown(rebooted)).isEqualTo(rebooted);
        assertThat(presence.shown(bookie(2, 1, 1, "self:1")).state()).isEqualTo(BookieStatus.State.WRITABLE);
    }

    @Test
    @DisplayName("a store that was moved to another node is up there")
    void storeMoves() {
        presence.memberSeen("self:1");
        presence.memberSeen("far:1");
        presence.memberRemoved("far:1", List.of(said));
        BookieStatus moved = bookie(1, 5, 0, "self:1");
        assertThat(presence.shown(moved)).isEqualTo(moved);
    }
}
