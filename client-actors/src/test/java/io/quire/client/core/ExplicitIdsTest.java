package io.quire.client.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.core.ExplicitIds.Waiting;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.Payload;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class ExplicitIdsTest {
    private final ExplicitIds<String> ids = new ExplicitIds<>(10, 5);

    private List<Long> offer(long entryId) {
        assertThat(ids.refusalOf(entryId, 1)).isEmpty();
        ids.offer(entryId, Payload.ofUtf8("x"), "caller of " + entryId, 100);
        List<Long> left = new ArrayList<>();
        assertThat(ids.drain(payload -> Optional.empty(), ready -> left.add(ready.entryId())))
                .isEmpty();
        return left;
    }

    private Failure refused(long entryId) {
        Failure failure = ids.refusalOf(entryId, 1).orElseThrow();
        assertThat(failure.outcome()).isEqualTo(Outcome.NOT_APPLIED);
        return failure;
    }

    @Test
    @DisplayName("R9: an entry behind a hole waits until the hole is filled")
    void waitsForTheHole() {
        assertThat(offer(2)).isEmpty();
        assertThat(offer(1)).isEmpty();
        assertThat(offer(0)).containsExactly(0L, 1L, 2L);
        assertThat(offer(3)).containsExactly(3L);
        assertThat(ids.isEmpty()).isTrue();
    }

    @Test
    @DisplayName("R9: whatever the order of the callers, entries leave in the order of their ids, each once")
    void anyOrder() {
        Random random = new Random(7);
        List<Long> order = new ArrayList<>(LongStream.range(0, 10).boxed().toList());
        for (int round = 0; round < 200; round++) {
            ExplicitIds<String> some = new ExplicitIds<>(10, 100);
            Collections.shuffle(order, random);
            List<Long> left = new ArrayList<>();
            order.forEach(id -> {
                some.offer(id, Payload.ofUtf8("x"), "", 100);
                some.drain(payload -> Optional.empty(), ready -> left.add(ready.entryId()));
            });
            assertThat(left)
                    .containsExactlyElementsOf(LongStream.range(0, 10).boxed().toList());
        }
    }

    @Test
    @DisplayName("H21: negative, duplicate and far ids are refused as not applied")
    void refusals() {
        assertThat(refused(-1).code()).isEqualTo(Code.InvalidRequest);
        assertThat(refused(Long.MAX_VALUE).code()).isEqualTo(Code.InvalidRequest);
        assertThat(refused(10).code()).isEqualTo(Code.InvalidRequest);
        offer(3);
        assertThat(refused(3).code()).isEqualTo(Code.Conflict);
        offer(0);
        assertThat(refused(0).code()).isEqualTo(Code.Conflict);
        assertThat(ids.refusalOf(10, 1)).isEmpty();
    }

    @Test
    @DisplayName("bytes that wait are bounded, and the entry that fills the hole is always taken")
    void bounded() {
        for (long entryId = 1; entryId <= 5; entryId++) {
            offer(entryId);
        }
        assertThat(refused(6).code()).isEqualTo(Code.Overloaded);
        assertThat(offer(0)).hasSize(6);
    }

    @Test
    @DisplayName(
            "an entry that the writer has no room for keeps its id, and those behind it theirs, until there is room")
    void noRoom() {
        List<Long> left = new ArrayList<>();
        Failure full = Failure.notApplied(Code.Overloaded, "full");
        ids.offer(1, Payload.ofUtf8("x"), "", 100);
        ids.offer(0, Payload.ofUtf8("x"), "", 100);
        assertThat(ids.drain(
                        payload -> left.isEmpty() ? Optional.empty() : Optional.of(full),
                        ready -> left.add(ready.entryId())))
                .contains(full);
        assertThat(left).containsExactly(0L);
        assertThat(ids.next()).isEqualTo(1);
        assertThat(refused(1).code()).isEqualTo(Code.Conflict);
        assertThat(offer(2)).containsExactly(1L, 2L);
    }

    @Test
    @DisplayName("H97: what waits for too long, or until the end, is given back to be answered")
    void givenBack() {
        offer(2);
        assertThat(ids.expire(99)).isEmpty();
        assertThat(ids.expire(100)).extracting(Waiting::caller).containsExactly("caller of 2");
        offer(2);
        offer(4);
        assertThat(ids.clear()).extracting(Waiting::entryId).containsExactly(2L, 4L);
        assertThat(ids.isEmpty()).isTrue();
        assertThat(ids.next()).isZero();
    }
}
