package io.quire.bookie.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.core.TailEffect.Ended;
import io.quire.bookie.core.TailEffect.Push;
import io.quire.bookie.core.TailEffect.Read;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class TailFeedTest {
    private static final TailFeed.Limits LIMITS = new TailFeed.Limits(2, 500, 2000, 100, 1000);

    private final TailFeed feed = new TailFeed(LIMITS, -1);

    private static EntryBatch batch(long first, long last) {
        List<Payload> entries = new ArrayList<>();
        for (long id = first; id <= last; id++) {
            entries.add(EntryFormat.encode(new LedgerId(3), id, -1, 10, Payload.ofUtf8("entry"), DigestType.CRC32C));
        }
        return EntryBatch.of(entries);
    }

    @Test
    @DisplayName("R25: what is durable and confirmed is read and pushed, numbered, one read at a time")
    void pushes() {
        assertThat(feed.subscribe(1, 0, -1, 1000, 0)).isEmpty();
        assertThat(feed.confirmed(4)).containsExactly(new Read(1, 0, 4, 500));
        assertThat(feed.confirmed(9)).isEmpty();
        EntryBatch first = batch(0, 4);
        assertThat(feed.entriesRead(1, first, 5, 10))
                .containsExactly(new Push(1, 1, first.byteSize(), first, 5, 9), new Read(1, 5, 9, 500));
        EntryBatch second = batch(7, 9);
        assertThat(feed.entriesRead(1, second, 10, 20))
                .containsExactly(new Push(1, 2, first.byteSize() + second.byteSize(), second, 10, 9));
        assertThat(feed.confirmed(9)).isEmpty();
        assertThat(feed.confirmed(8)).isEmpty();
    }

    @Test
    @DisplayName("H45: nothing above what is confirmed here, or was seen to be confirmed by the reader, is read")
    void upToWhatTheReaderSaw() {
        assertThat(feed.subscribe(1, 3, 7, 1000, 0)).containsExactly(new Read(1, 3, 7, 500));
        assertThat(feed.entriesRead(1, batch(3, 7), 8, 0)).hasOnlyElementsOfType(Push.class);
        assertThat(feed.grant(1, 1000, 9, 0)).containsExactly(new Read(1, 8, 9, 500));
        // What a reader saw elsewhere is not told to others.
        assertThat(feed.subscribe(2, 0, -1, 1000, 0)).isEmpty();
    }

    @Test
    @DisplayName("R25: without credit nothing is pushed; credit is an absolute offset, bounded by the store")
    void credit() {
        feed.confirmed(99);
        assertThat(feed.subscribe(1, 0, -1, 100, 0)).containsExactly(new Read(1, 0, 99, 100));
        EntryBatch first = batch(0, 2);
        assertThat(feed.entriesRead(1, first, 3, 0)).hasSize(1).hasOnlyElementsOfType(Push.class);
        assertThat(feed.grant(1, 100, -1, 0)).isEmpty();
        assertThat(feed.grant(1, first.byteSize(), -1, 0)).isEmpty();
        assertThat(feed.grant(1, first.byteSize() + 1, -1, 0)).containsExactly(new Read(1, 3, 99, 1));
        EntryBatch second = batch(3, 3);
        assertThat(feed.entriesRead(1, second, 4, 0)).hasSize(1);
        feed.grant(1, Long.MAX_VALUE, -1, 0);
        int pushed = 0;
        long next = 4;
        List<TailEffect> effects = List.of(new Read(1, 4, 99, 500));
        while (effects.get(effects.size() - 1) instanceof Read) {
            EntryBatch more = batch(next, next);
            pushed += more.byteSize();
            effects = feed.entriesRead(1, more, ++next, 0);
        }
        assertThat(pushed).isBetween(2000, 2100);
    }

    @Test
    @DisplayName("R25: an idle subscription gets heartbeats with its last number; a silent reader is dropped")
    void heartbeats() {
        feed.subscribe(1, 0, -1, 1000, 0);
        assertThat(feed.tick(99)).isEmpty();
        assertThat(feed.tick(100)).containsExactly(new Push(1, 0, 0, EntryBatch.EMPTY, 0, -1));
        assertThat(feed.tick(150)).isEmpty();
        feed.confirmed(0);
        EntryBatch first = batch(0, 0);
        feed.entriesRead(1, first, 1, 160);
        assertThat(feed.tick(259)).isEmpty();
        assertThat(feed.tick(260)).containsExactly(new Push(1, 1, first.byteSize(), EntryBatch.EMPTY, 1, 0));
        feed.grant(1, 1000, -1, 900);
        assertThat(feed.tick(1899)).hasSize(1);
        assertThat(feed.isEmpty()).isFalse();
        assertThat(feed.tick(1900)).isEmpty();
        assertThat(feed.isEmpty()).isTrue();
        assertThat(feed.grant(1, 2000, -1, 1900)).hasOnlyElementsOfType(Ended.class);
    }

    @Test
    @DisplayName("H63: subscriptions are bounded; one that ends, or whose read fails, makes room")
    void bounded() {
        feed.confirmed(5);
        feed.subscribe(1, 0, -1, 1000, 0);
        feed.subscribe(2, 0, -1, 1000, 0);
        assertThat(refusalOf(feed.subscribe(3, 0, -1, 1000, 0))).isEqualTo(ReplicaRefusal.OVERLOADED);
        feed.unsubscribe(1);
        assertThat(feed.entriesRead(1, batch(0, 5), 6, 0)).isEmpty();
        assertThat(feed.subscribe(3, 0, -1, 1000, 0)).hasSize(1);
        assertThat(refusalOf(feed.readFailed(2, "the disk failed"))).isEqualTo(ReplicaRefusal.UNAVAILABLE);
        assertThat(feed.readFailed(2, "the disk failed")).isEmpty();
        assertThat(feed.contains(2)).isFalse();
        assertThat(feed.contains(3)).isTrue();
    }

    private static ReplicaRefusal refusalOf(List<TailEffect> effects) {
        assertThat(effects).hasSize(1);
        return ((Ended) effects.get(0)).refusal();
    }

    @Test
    @DisplayName("R22: the readers of a ledger that was dropped are sent away, and no other may follow it here")
    void droppedLedger() {
        feed.subscribe(1, 0, -1, 100, 0);
        feed.subscribe(2, 5, -1, 100, 0);
        assertThat(feed.end()).hasSize(2).allSatisfy(effect -> assertThat(effect)
                .isInstanceOfSatisfying(TailEffect.Ended.class, ended -> assertThat(ended.refusal())
                        .isEqualTo(ReplicaRefusal.NOT_OPEN)));
        assertThat(feed.isEmpty()).isTrue();
        assertThat(feed.subscribe(3, 0, -1, 100, 1)).hasOnlyElementsOfType(TailEffect.Ended.class);
        assertThat(feed.isEmpty()).isTrue();
    }
}
