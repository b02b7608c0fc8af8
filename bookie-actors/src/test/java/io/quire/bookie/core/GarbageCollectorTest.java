package io.quire.bookie.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.bookie.core.GarbageEffect.DropPurged;
import io.quire.bookie.core.GarbageEffect.DropSuperseded;
import io.quire.bookie.core.GarbageEffect.Ended;
import io.quire.bookie.core.GarbageEffect.ListLedgers;
import io.quire.bookie.core.GarbageEffect.ReadRegister;
import io.quire.protocol.BookieId;
import io.quire.protocol.Deletion;
import io.quire.protocol.Ensemble;
import io.quire.protocol.IncompleteRange;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Replication;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class GarbageCollectorTest {
    private static final BookieId SELF = new BookieId(new UUID(1, 1));
    private static final BookieId OTHER = new BookieId(new UUID(1, 2));
    private static final long SECOND = 1_000_000_000L;
    private static final GarbageCollector.Settings SETTINGS =
            new GarbageCollector.Settings(7, 5, 1000, 1000, 0.25, 3, 1000, 30 * SECOND);

    private final Map<Long, RegisterValue> registers = new HashMap<>();
    private final TreeSet<Long> store = new TreeSet<>();
    private final List<GarbageEffect> drops = new ArrayList<>();
    private final Set<Long> unreadable = new HashSet<>();
    private GarbageCollector collector = new GarbageCollector(SELF, SETTINGS);
    private long now = -3 * SECOND;

    private static LedgerMetadata ledger(long id, BookieId member) {
        return LedgerMetadata.create(
                new LedgerId(id), new Replication(1, 1, 1), new Ensemble(List.of(member)), Map.of(), 5);
    }

    private void held(long id, LedgerMetadata metadata) {
        store.add(id);
        registers.put(id, RegisterValue.ABSENT.changedTo(metadata.encode(), new OpId(new UUID(5, id))));
    }

    private void held(long id, Deletion deletion) {
        held(id, ledger(id, SELF).withDeletion(deletion));
    }

    /** Runs until the run is over, with everything done at once. */
    private GarbageCollector.Run run(boolean force) {
        Deque<GarbageEffect> effects = new ArrayDeque<>(collector.start(force, now));
        while (collector.isActive() || !effects.isEmpty()) {
            if (effects.isEmpty()) {
                now += SECOND / 10;
                effects.addAll(collector.tick(now));
                continue;
            }
            GarbageEffect effect = effects.remove();
            if (effect instanceof ListLedgers list) {
                effects.addAll(collector.listed(
                        store.tailSet(list.first()).stream()
                                .limit(list.max())
                                .map(LedgerId::new)
                                .toList(),
                        now));
            } else if (effect instanceof ReadRegister read) {
                long id = read.ledgerId().value();
                effects.addAll(
                        unreadable.contains(id)
                                ? collector.registerUnavailable(read.ledgerId(), now)
                                : collector.registerRead(
                                        read.ledgerId(), registers.getOrDefault(id, RegisterValue.ABSENT), now));
            } else if (effect instanceof DropPurged drop) {
                drops.add(drop);
                store.remove(drop.ledgerId().value());
                effects.addAll(collector.dropped(drop.ledgerId(), now));
            } else if (effect instanceof DropSuperseded drop) {
                drops.add(drop);
                effects.addAll(
                        drop.version() > 1
                                ? collector.dropped(drop.ledgerId(), now)
                                : collector.dropRefused(drop.ledgerId(), now));
            }
        }
        return collector.lastRun().orElseThrow();
    }

    @Test
    @DisplayName("R22: only what is purged or collected is dropped, nothing that is open, closed or deleted")
    void dropsByFact() {
        LongStream.range(0, 40).forEach(id -> held(id, Deletion.NONE));
        held(40, Deletion.DELETED);
        held(41, ledger(41, SELF).closed(-1, 0, List.of()));
        held(50, Deletion.PURGED);
        held(51, Deletion.PURGED);
        store.add(60L);
        registers.put(60L, RegisterValue.COLLECTED);

        GarbageCollector.Run run = run(false);
        assertThat(drops)
                .containsExactlyInAnyOrder(
                        new DropPurged(new LedgerId(50)),
                        new DropPurged(new LedgerId(51)),
                        new DropPurged(new LedgerId(60)));
        assertThat(run.examined()).isEqualTo(45);
        assertThat(run.dropped()).isEqualTo(3);
        assertThat(run.reason()).isEmpty();
        assertThat(store).hasSize(42);
    }

    @Test
    @DisplayName("H67: a register that was never written, or cannot be read, drops nothing; the first kind is reported")
    void absenceIsNoFact() {
        LongStream.range(0, 12).forEach(store::add);
        held(20, Deletion.PURGED);
        unreadable.add(20L);
        store.add(21L);
        registers.put(
                21L, RegisterValue.ABSENT.changedTo(Payload.ofUtf8("of a newer version"), new OpId(new UUID(1, 1))));
        store.add(22L);
        registers.put(
                22L,
                RegisterValue.ABSENT.changedTo(
                        ledger(23, SELF).withDeletion(Deletion.PURGED).encode(), new OpId(new UUID(1, 2))));

        GarbageCollector.Run run = run(true);
        assertThat(drops).isEmpty();
        assertThat(run.orphans()).isEqualTo(12);
        assertThat(run.someOrphans()).hasSize(10);
        assertThat(run.unread()).isEqualTo(3);
    }

    @Test
    @DisplayName("H67: more than a share of the ledgers at once are held back, until a run is forced")
    void heldBack() {
        LongStream.range(0, 12).forEach(id -> held(id, Deletion.NONE));
        LongStream.range(20, 25).forEach(id -> held(id, Deletion.PURGED));

        GarbageCollector.Run held = run(false);
        assertThat(drops).isEmpty();
        assertThat(held.heldBack()).isEqualTo(5);
        assertThat(held.reason()).contains("5 of 17 ledgers").contains("force");

        GarbageCollector.Run forced = run(true);
        assertThat(forced.dropped()).isEqualTo(5);
        assertThat(forced.forced()).isTrue();
        LongStream.range(20, 25).forEach(id -> held(id, Deletion.PURGED));
        assertThat(run(false).heldBack()).as("only that run was forced").isEqualTo(5);
    }

    @Test
    @DisplayName("H67: a few ledgers always may go, however few there are")
    void fewMayGo() {
        LongStream.range(0, 3).forEach(id -> held(id, Deletion.PURGED));
        assertThat(run(false).dropped()).isEqualTo(3);
        assertThat(run(false).examined()).isZero();
    }

    @Test
    @DisplayName("a run under way can be forced until it decides")
    void forcedMeanwhile() {
        LongStream.range(0, 10).forEach(id -> held(id, Deletion.PURGED));
        collector.start(false, now);
        assertThat(collector.start(true, now)).isEmpty();
        assertThat(collector.isForced()).isTrue();
        List<LedgerId> ids = store.stream().map(LedgerId::new).toList();
        List<GarbageEffect> reads = new ArrayList<>(collector.listed(ids, now));
        List<GarbageEffect> wanted = new ArrayList<>(collector.listed(List.of(), now));
        for (int i = 0; i < reads.size(); i++) {
            LedgerId ledgerId = ((ReadRegister) reads.get(i)).ledgerId();
            wanted.clear();
            wanted.addAll(collector.registerRead(ledgerId, registers.get(ledgerId.value()), now));
            wanted.stream().filter(ReadRegister.class::isInstance).forEach(reads::add);
        }
        assertThat(wanted).hasSize(5).hasOnlyElementsOfType(DropPurged.class);
    }

    @Test
    @DisplayName(
            "R24, H69: a superseded copy is one of a closed ledger that names this store nowhere and misses nothing")
    void superseded() {
        LedgerMetadata elsewhere = ledger(1, OTHER);
        held(1, elsewhere);
        held(2, ledger(2, OTHER).closed(5, 10, List.of(new IncompleteRange(OTHER, 0, 3))));
        held(3, ledger(3, OTHER).closed(5, 10, List.of()).withAcceptedLosses(List.of(SELF)));
        held(4, ledger(4, OTHER).closed(5, 10, List.of()).withDeletion(Deletion.DELETED));
        held(5, ledger(5, OTHER).inRecovery());
        held(6, ledger(6, OTHER).closed(5, 10, List.of()));
        store.add(7L);
        registers.put(
                7L,
                registers
                        .get(6L)
                        .changedTo(ledger(7, OTHER).closed(5, 10, List.of()).encode(), new OpId(new UUID(9, 9))));

        GarbageCollector.Run run = run(false);
        assertThat(drops)
                .containsExactlyInAnyOrder(
                        new DropSuperseded(new LedgerId(6), 1), new DropSuperseded(new LedgerId(7), 2));
        assertThat(run.dropped()).isEqualTo(1);
        assertThat(run.superseded()).isEqualTo(1);
        assertThat(run.kept()).as("its replica refused").isEqualTo(1);
    }

    @Test
    @DisplayName("registers are read and ledgers dropped at their rates, whatever the clock does")
    void rates() {
        collector = new GarbageCollector(
                SELF, new GarbageCollector.Settings(1000, 1000, 10, 20, 1, 1000, 1000, 30 * SECOND));
        List<LedgerId> ids = LongStream.range(0, 50).mapToObj(LedgerId::new).toList();
        collector.start(false, now);
        List<GarbageEffect> first = collector.listed(ids, now);
        assertThat(first).hasSize(1);
        now += SECOND / 10;
        assertThat(collector.tick(now)).hasSize(1);
        now += 600 * SECOND;
        assertThat(collector.tick(now)).as("a leap is no licence").hasSize(1);
        assertThat(collector.isActive()).isTrue();
    }

    @Test
    @DisplayName("a drop that nobody answers counts as kept after a while, and the run ends")
    void lateDrop() {
        held(1, Deletion.PURGED);
        collector.start(false, now);
        collector.listed(List.of(new LedgerId(1)), now);
        collector.registerRead(new LedgerId(1), registers.get(1L), now);
        assertThat(collector.listed(List.of(), now)).containsExactly(new DropPurged(new LedgerId(1)));
        assertThat(collector.tick(now + 29 * SECOND)).isEmpty();
        assertThat(collector.tick(now + 30 * SECOND)).hasOnlyElementsOfType(Ended.class);
        assertThat(collector.lastRun().orElseThrow().kept()).isEqualTo(1);
        assertThat(collector.dropped(new LedgerId(1), now + 31 * SECOND)).isEmpty();
        assertThat(collector.dropRefused(new LedgerId(1), now + 31 * SECOND)).isEmpty();
    }

    @Test
    @DisplayName("H67: a run that cannot list all of the store's ledgers drops nothing")
    void listingFails() {
        held(1, Deletion.PURGED);
        collector.start(true, now);
        collector.listed(List.of(new LedgerId(1)), now);
        collector.registerRead(new LedgerId(1), registers.get(1L), now);
        assertThat(collector.listFailed("disk", now)).hasOnlyElementsOfType(Ended.class);
        assertThat(collector.lastRun().orElseThrow().reason()).contains("disk");
        assertThat(collector.lastRun().orElseThrow().heldBack()).isEqualTo(1);
    }

    @Test
    @DisplayName("settings that make no sense are refused")
    void settings() {
        assertThatThrownBy(() -> new GarbageCollector.Settings(1, 1, 0, 1, 0.5, 1, 1, 1))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new GarbageCollector.Settings(1, 1, 1, 1, 1.5, 1, 1, 1))
                .hasMessageContaining("[0, 1]");
    }
}
