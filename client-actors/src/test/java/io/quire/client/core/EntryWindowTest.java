package io.quire.client.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.client.core.EntryWindow.PendingEntry;
import io.quire.protocol.Payload;
import java.util.ArrayDeque;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class EntryWindowTest {
    private final EntryWindow window = new EntryWindow();

    private static PendingEntry entry(long entryId) {
        return new PendingEntry(entryId, Payload.ofUtf8("entry " + entryId), entryId, 0, false);
    }

    @Test
    @DisplayName("a new window is empty and begins with entry 0")
    void empty() {
        assertThat(window.isEmpty()).isTrue();
        assertThat(window.first()).isZero();
        assertThat(window.end()).isZero();
        assertThat(window.contains(0)).isFalse();
        assertThatThrownBy(() -> window.get(0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(window::removeFirst).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    @DisplayName("ids are dense: an entry that is not the next one is refused")
    void dense() {
        window.add(entry(0));
        assertThatThrownBy(() -> window.add(entry(0))).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> window.add(entry(2))).isInstanceOf(IllegalStateException.class);
        window.add(entry(1));
        assertThat(window.end()).isEqualTo(2);
    }

    @Test
    @DisplayName("what was removed is not in the window any more, what follows is")
    void bounds() {
        for (long id = 0; id < 5; id++) {
            window.add(entry(id));
        }
        assertThat(window.removeFirst().entryId).isZero();
        assertThat(window.removeFirst().entryId).isEqualTo(1);
        assertThat(window.contains(1)).isFalse();
        assertThat(window.contains(2)).isTrue();
        assertThat(window.contains(4)).isTrue();
        assertThat(window.contains(5)).isFalse();
        assertThatThrownBy(() -> window.get(1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> window.get(5)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    @DisplayName("it holds what a plain queue holds while it grows, shrinks and wraps around")
    void asAQueue() {
        for (long seed = 0; seed < 50; seed++) {
            Random random = new Random(seed);
            EntryWindow tried = new EntryWindow();
            ArrayDeque<PendingEntry> queue = new ArrayDeque<>();
            long next = 0;
            for (int step = 0; step < 2_000; step++) {
                boolean grows = random.nextInt(1_000) < (step < 1_000 ? 600 : 450);
                if (grows || queue.isEmpty()) {
                    PendingEntry entry = entry(next++);
                    tried.add(entry);
                    queue.add(entry);
                } else {
                    assertThat(tried.removeFirst()).isSameAs(queue.poll());
                }
                assertThat(tried.end() - tried.first()).isEqualTo(queue.size());
            }
            long id = tried.first();
            for (PendingEntry entry : queue) {
                assertThat(tried.get(id++)).as("seed %d", seed).isSameAs(entry);
            }
            assertThat(id).isEqualTo(tried.end());
        }
    }
}
