package io.quire.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.Registry.CasResult;
import io.quire.protocol.RegistryKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** What every {@link Registry} does. One registry may serve all tests: each has keys of its own. */
public abstract class RegistryContract {
    private static final AtomicLong LAST = new AtomicLong();

    private final String prefix = "/contract" + LAST.incrementAndGet() + "/";
    private final RegistryKey key = new RegistryKey(prefix + "k");

    /** The registry under test. */
    protected abstract Registry registry();

    /** Waits for a stage of it. */
    protected abstract <T> T await(CompletionStage<T> stage);

    @Test
    @DisplayName("a register that was never written is absent")
    void absent() {
        assertThat(await(registry().read(key))).isEqualTo(RegisterValue.ABSENT);
    }

    @Test
    @DisplayName("versions rise by one from 1, and a read shows the last change")
    void changes() {
        assertThat(cas(key, 0, "one", newOp())).isEqualTo(new CasResult.Applied(1));
        OpId last = newOp();
        assertThat(cas(key, 1, "two", last)).isEqualTo(new CasResult.Applied(2));
        RegisterValue value = await(registry().read(key));
        assertThat(value.version()).isEqualTo(2);
        assertThat(value.value().toUtf8()).isEqualTo("two");
        assertThat(value.versionWrittenBy(last)).contains(2L);
    }

    @Test
    @DisplayName("H84: a change that expects another version changes nothing and shows what is there")
    void conflict() {
        cas(key, 0, "one", newOp());
        for (long expected : List.of(0L, 2L, 7L)) {
            assertThat(cas(key, expected, "other", newOp()))
                    .isInstanceOfSatisfying(
                            CasResult.Conflict.class,
                            c -> assertThat(c.current().value().toUtf8()).isEqualTo("one"));
        }
        assertThat(await(registry().read(key)).version()).isEqualTo(1);
    }

    @Test
    @DisplayName("R2, H85: a retry with the same opId is answered with the version that it made, also after others")
    void retry() {
        OpId op = newOp();
        assertThat(cas(key, 0, "one", op)).isEqualTo(new CasResult.Applied(1));
        assertThat(cas(key, 0, "one", op)).isEqualTo(new CasResult.Applied(1));
        assertThat(cas(key, 1, "two", newOp())).isEqualTo(new CasResult.Applied(2));
        assertThat(cas(key, 0, "one", op)).isEqualTo(new CasResult.Applied(1));
        assertThat(await(registry().read(key)).version()).isEqualTo(2);
    }

    @Test
    @DisplayName("an empty value is a value: it has a version and is listed")
    void tombstone() {
        cas(key, 0, "alive", newOp());
        assertThat(cas(key, 1, "", newOp())).isEqualTo(new CasResult.Applied(2));
        RegisterValue value = await(registry().read(key));
        assertThat(value.isAbsent()).isFalse();
        assertThat(value.value().isEmpty()).isTrue();
        assertThat(list(Optional.empty(), 10)).containsExactly("k");
    }

    @Test
    @DisplayName("R3: pages are in order, hold the prefix only and lead to each other")
    void pages() {
        for (String name : List.of("d", "b", "a", "e", "c")) {
            cas(new RegistryKey(prefix + name), 0, name, newOp());
        }
        await(registry().read(new RegistryKey(prefix + "bb")));
        assertThat(list(Optional.empty(), 1000)).containsExactly("a", "b", "c", "d", "e");
        List<String> paged = new ArrayList<>();
        Optional<RegistryKey> after = Optional.empty();
        do {
            Registry.Page page = await(registry().list(prefix, after, 2));
            assertThat(page.entries()).hasSizeLessThanOrEqualTo(2);
            page.entries().forEach(item -> paged.add(item.key().path().substring(prefix.length())));
            after = page.next();
        } while (after.isPresent());
        assertThat(paged).containsExactly("a", "b", "c", "d", "e");
        assertThat(list(Optional.of(new RegistryKey(prefix + "cc")), 1000)).containsExactly("d", "e");
        assertThat(list(Optional.of(new RegistryKey("/a")), 1000)).containsExactly("a", "b", "c", "d", "e");
    }

    @Test
    @DisplayName("increments by several users at once lose nothing")
    void increments() {
        long users = 4;
        int each = 5;
        List<CompletableFuture<Void>> done = new ArrayList<>();
        for (int i = 0; i < users; i++) {
            done.add(increment(each).toCompletableFuture());
        }
        await(CompletableFuture.allOf(done.toArray(new CompletableFuture<?>[0])));
        RegisterValue value = await(registry().read(key));
        assertThat(value.value().toUtf8()).isEqualTo(Long.toString(users * each));
        assertThat(value.version()).isEqualTo(users * each);
    }

    private CompletionStage<Void> increment(int times) {
        if (times == 0) {
            return CompletableFuture.completedFuture(null);
        }
        return registry().read(key).thenCompose(current -> {
            int next = current.isAbsent() ? 1 : Integer.parseInt(current.value().toUtf8()) + 1;
            return registry()
                    .compareAndSet(key, current.version(), Payload.ofUtf8(Integer.toString(next)), newOp())
                    .thenCompose(result -> increment(result instanceof CasResult.Applied ? times - 1 : times));
        });
    }

    private CasResult cas(RegistryKey changed, long expected, String value, OpId op) {
        return await(registry().compareAndSet(changed, expected, Payload.ofUtf8(value), op));
    }

    private List<String> list(Optional<RegistryKey> after, int limit) {
        return await(registry().list(prefix, after, limit)).entries().stream()
                .map(item -> item.key().path().substring(prefix.length()))
                .toList();
    }

    private static OpId newOp() {
        return new OpId(new UUID(17, LAST.incrementAndGet()));
    }
}
