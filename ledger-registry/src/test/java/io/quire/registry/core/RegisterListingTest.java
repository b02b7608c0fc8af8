package io.quire.registry.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.Ballot;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.VoterId;
import io.quire.registry.core.RegisterListing.Listed;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class RegisterListingTest {
    private final RegisterListing listing =
            new RegisterListing(RegistryConfig.founding("c", List.of(voter(1), voter(2), voter(3))));

    @Test
    @DisplayName("R3: a page ends at the smallest last key among truncated answers")
    void endsAtTruncation() {
        assertThat(listing.listed(voter(1), List.of(at("/a", 1), at("/c", 1)), true))
                .isFalse();
        assertThat(listing.listed(voter(2), List.of(at("/a", 1), at("/b", 1), at("/c", 1), at("/d", 1)), true))
                .isTrue();
        RegisterListing.Page page = listing.page(10);
        assertThat(page.settled()).containsExactly(at("/a", 1), at("/c", 1));
        assertThat(page.unsettled()).containsExactly(key("/b"));
        assertThat(page.next()).contains(key("/c"));
    }

    @Test
    @DisplayName("R3: registers whose states differ, or that one voter lacks, have to be read on their own")
    void unsettled() {
        listing.listed(voter(1), List.of(at("/a", 1), at("/b", 1)), false);
        listing.listed(voter(2), List.of(at("/b", 2), at("/c", 2)), false);
        RegisterListing.Page page = listing.page(10);
        assertThat(page.settled()).isEmpty();
        assertThat(page.unsettled()).containsExactly(key("/a"), key("/b"), key("/c"));
        assertThat(page.next()).isEmpty();
    }

    @Test
    @DisplayName("a page has no more registers than asked for and says where to go on")
    void limit() {
        List<Listed> all = List.of(at("/a", 1), at("/b", 1), at("/c", 1));
        listing.listed(voter(1), all, false);
        listing.listed(voter(2), all, false);
        assertThat(listing.page(2).settled()).containsExactly(at("/a", 1), at("/b", 1));
        assertThat(listing.page(2).next()).contains(key("/b"));
        assertThat(listing.page(3).next()).isEmpty();
    }

    @Test
    @DisplayName("a voter counts once; answers after a majority change nothing")
    void countsOnce() {
        listing.listed(voter(1), List.of(at("/a", 1)), false);
        assertThat(listing.listed(voter(1), List.of(at("/a", 1)), false)).isFalse();
        assertThat(listing.listed(voter(2), List.of(at("/a", 1)), false)).isTrue();
        assertThat(listing.listed(voter(3), List.of(at("/z", 1)), false)).isTrue();
        assertThat(listing.page(5).unsettled()).isEmpty();
    }

    @Test
    @DisplayName("a register that a majority holds as never written is left out")
    void absent() {
        Listed absent = new Listed(key("/a"), ballot(4), RegisterValue.ABSENT);
        listing.listed(voter(1), List.of(absent), false);
        listing.listed(voter(2), List.of(absent), false);
        assertThat(listing.page(5)).isEqualTo(new RegisterListing.Page(List.of(), List.of(), Optional.empty()));
    }

    private static Listed at(String path, long counter) {
        RegisterValue value = RegisterValue.ABSENT.changedTo(Payload.ofUtf8(path), new OpId(new UUID(0, counter)));
        return new Listed(key(path), ballot(counter), value);
    }

    private static Ballot ballot(long counter) {
        return new Ballot(counter, new ProposerId(new UUID(0, 1)));
    }

    private static RegistryKey key(String path) {
        return new RegistryKey(path);
    }

    private static VoterId voter(long id) {
        return new VoterId(new UUID(0, id));
    }
}
