package io.quire.client.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.core.TombstoneEffect.Ask;
import io.quire.client.core.TombstoneEffect.Collect;
import io.quire.client.core.TombstoneEffect.ListBookies;
import io.quire.client.core.TombstoneEffect.ListLedgers;
import io.quire.client.core.TombstoneEffect.Purge;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieLife;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.Deletion;
import io.quire.protocol.Ensemble;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class TombstoneKeeperTest {
    private static final long WINDOW = 3600;
    private static final BookieRegistration ONE = bookie(1, BookieLife.ACTIVE);
    private static final BookieRegistration TWO = bookie(2, BookieLife.ACTIVE);

    private final TombstoneKeeper keeper = new TombstoneKeeper(new TombstoneKeeper.Settings(WINDOW, 60, 1, 100, 50));
    private long now = -1000;

    private static BookieRegistration bookie(long number, BookieLife life) {
        return new BookieRegistration(
                new BookieId(new UUID(0, number)), "c", new BootEpoch(1), life, "address " + number, "b");
    }

    private static LedgerMetadata ledger(long id, Deletion deletion) {
        return LedgerMetadata.create(
                        new LedgerId(id), new Replication(1, 1, 1), new Ensemble(List.of(ONE.bookieId())), Map.of(), 0)
                .withDeletion(deletion);
    }

    private static Registry.Item item(LedgerMetadata metadata, int version) {
        RegisterValue value = RegisterValue.ABSENT;
        for (int i = 0; i < version; i++) {
            value = value.changedTo(metadata.encode(), new OpId(new UUID(i, 1)));
        }
        return new Registry.Item(RegistryKey.ofLedger(metadata.ledgerId()), value);
    }

    private static Registry.Page page(Registry.Item... items) {
        return new Registry.Page(List.of(items), Optional.empty());
    }

    private static Registry.Page bookies(BookieRegistration... bookies) {
        return new Registry.Page(
                Arrays.stream(bookies)
                        .map(bookie -> new Registry.Item(
                                RegistryKey.ofBookie(bookie.bookieId()),
                                RegisterValue.ABSENT.changedTo(bookie.encode(), new OpId(new UUID(1, 1)))))
                        .toList(),
                Optional.empty());
    }

    /** Begins the next walk and shows it one page. */
    private List<TombstoneEffect> walk(Registry.Page page) {
        now += 60;
        assertThat(keeper.tick(true, now)).containsExactly(new ListLedgers(Optional.empty(), 100));
        return keeper.ledgersListed(page, now);
    }

    private static List<LedgerId> ids(long... ids) {
        return LongStream.of(ids).mapToObj(LedgerId::new).toList();
    }

    @Test
    @DisplayName("R22: a deleted ledger is purged after the window, by its version; one that changed meanwhile is not")
    void purgesAfterWindow() {
        Registry.Item deleted = item(ledger(1, Deletion.DELETED), 3);
        assertThat(walk(page(deleted, item(ledger(2, Deletion.NONE), 1)))).isEmpty();
        now += WINDOW - 61;
        assertThat(walk(page(deleted))).isEmpty();
        assertThat(walk(page(deleted))).containsExactly(new Purge(ledger(1, Deletion.PURGED), 3));
        assertThat(keeper.purged(new LedgerId(1), false, now)).isEmpty();

        Registry.Item deletedAgain = item(ledger(1, Deletion.DELETED), 5);
        assertThat(walk(page(deletedAgain))).isEmpty();
        now += WINDOW;
        assertThat(walk(page(deletedAgain))).containsExactly(new Purge(ledger(1, Deletion.PURGED), 5));
        keeper.purged(new LedgerId(1), true, now);
        assertThat(keeper.purges()).isEqualTo(1);
        assertThat(keeper.deleted()).isZero();
    }

    @Test
    @DisplayName("R22: a deletion that was taken back and is there again waits for the whole window")
    void takenBack() {
        walk(page(item(ledger(1, Deletion.DELETED), 3)));
        now += WINDOW;
        assertThat(walk(page(item(ledger(1, Deletion.NONE), 4)))).isEmpty();
        assertThat(keeper.deleted()).isZero();
        assertThat(walk(page(item(ledger(1, Deletion.DELETED), 5)))).isEmpty();
    }

    @Test
    @DisplayName("R4: a purged ledger is collected when every active bookie has confirmed it")
    void collects() {
        assertThat(walk(page(item(ledger(1, Deletion.PURGED), 2), item(ledger(2, Deletion.PURGED), 2))))
                .containsExactly(new ListBookies(Optional.empty(), 100));
        assertThat(keeper.bookiesListed(bookies(ONE, TWO), now))
                .containsExactly(new Ask(ONE, ids(1, 2)), new Ask(TWO, ids(1, 2)));
        assertThat(keeper.confirmed(ONE.bookieId(), ids(1, 2), now)).isEmpty();
        assertThat(keeper.confirmed(TWO.bookieId(), ids(2), now)).containsExactly(new Collect(new LedgerId(2)));
        assertThat(keeper.collected(new LedgerId(2), true, now)).isEmpty();
        assertThat(keeper.collections()).isEqualTo(1);
        assertThat(keeper.postponed()).isEqualTo(1);
    }

    @Test
    @DisplayName("R4: a bookie that is down postpones the collection, one that is retired or destroyed does not")
    void bookieIsDown() {
        BookieRegistration gone = bookie(3, BookieLife.DESTROYED);
        BookieRegistration retired = bookie(4, BookieLife.RETIRED);
        walk(page(item(ledger(1, Deletion.PURGED), 2)));
        assertThat(keeper.bookiesListed(bookies(ONE, gone, TWO, retired), now)).hasSize(2);
        keeper.confirmed(ONE.bookieId(), ids(1), now);
        assertThat(keeper.confirmed(TWO.bookieId(), List.of(), now)).isEmpty();
        assertThat(keeper.postponed()).isEqualTo(1);

        walk(page(item(ledger(1, Deletion.PURGED), 2)));
        keeper.bookiesListed(bookies(ONE, gone, retired), now);
        assertThat(keeper.confirmed(ONE.bookieId(), ids(1), now)).containsExactly(new Collect(new LedgerId(1)));
    }

    @Test
    @DisplayName("R4: all pages of bookies are asked, and one that is not understood postpones")
    void pagesOfBookies() {
        walk(page(item(ledger(1, Deletion.PURGED), 2)));
        Registry.Page first =
                new Registry.Page(bookies(ONE).entries(), Optional.of(RegistryKey.ofBookie(ONE.bookieId())));
        assertThat(keeper.bookiesListed(first, now)).containsExactly(new ListBookies(first.next(), 100));
        assertThat(keeper.bookiesListed(bookies(TWO), now)).hasSize(2).hasOnlyElementsOfType(Ask.class);
        keeper.confirmed(TWO.bookieId(), ids(1), now);
        keeper.confirmed(ONE.bookieId(), ids(), now);

        walk(page(item(ledger(1, Deletion.PURGED), 2)));
        Registry.Item strange = new Registry.Item(
                RegistryKey.ofBookie(ONE.bookieId()),
                RegisterValue.ABSENT.changedTo(Payload.ofUtf8("new"), new OpId(new UUID(1, 1))));
        assertThat(keeper.bookiesListed(page(strange), now)).isEmpty();
        assertThat(keeper.postponed()).isEqualTo(1);
    }

    @Test
    @DisplayName("R4: a collection that not all voters stored is repeated, also when the ledger is not listed any more")
    void incompleteCollection() {
        walk(page(item(ledger(1, Deletion.PURGED), 2)));
        keeper.bookiesListed(bookies(ONE), now);
        keeper.confirmed(ONE.bookieId(), ids(1), now);
        assertThat(keeper.collected(new LedgerId(1), false, now)).isEmpty();
        assertThat(walk(page())).containsExactly(new Collect(new LedgerId(1)));
        keeper.collected(new LedgerId(1), true, now);
        assertThat(walk(page())).isEmpty();
    }

    @Test
    @DisplayName("who is not in charge begins nothing; pages come one by one, with pauses")
    void inCharge() {
        assertThat(keeper.tick(false, now)).isEmpty();
        assertThat(keeper.tick(true, now)).hasSize(1);
        assertThat(keeper.tick(true, now + 1000)).as("one at a time").isEmpty();
        Registry.Item last = item(ledger(9, Deletion.NONE), 1);
        keeper.ledgersListed(new Registry.Page(List.of(last), Optional.of(last.key())), now);
        assertThat(keeper.tick(true, now)).isEmpty();
        assertThat(keeper.tick(false, now + 1)).isEmpty();
        assertThat(keeper.tick(true, now + 1)).containsExactly(new ListLedgers(Optional.of(last.key()), 100));
        keeper.listFailed(now + 1);
        assertThat(keeper.tick(true, now + 2)).containsExactly(new ListLedgers(Optional.of(last.key()), 100));
        keeper.ledgersListed(page(), now + 2);
        assertThat(keeper.tick(true, now + 61)).isEmpty();
        assertThat(keeper.tick(true, now + 62)).hasSize(1);
    }

    @Test
    @DisplayName("what is under way and what is remembered is bounded")
    void bounded() {
        List<Registry.Item> items = new ArrayList<>();
        LongStream.range(0, 70).forEach(id -> items.add(item(ledger(id, Deletion.DELETED), 1)));
        Registry.Page page = new Registry.Page(items, Optional.empty());
        walk(page);
        assertThat(keeper.deleted()).isEqualTo(50);
        now += WINDOW;
        assertThat(walk(page)).hasSize(16);
        assertThat(keeper.purged(new LedgerId(0), true, now)).hasSize(1);
    }

    @Test
    @DisplayName("a register that is not understood is left alone")
    void notUnderstood() {
        Registry.Item strange = new Registry.Item(
                RegistryKey.ofLedger(new LedgerId(1)),
                RegisterValue.ABSENT.changedTo(Payload.ofUtf8("new"), new OpId(new UUID(1, 1))));
        Registry.Item collected = new Registry.Item(RegistryKey.ofLedger(new LedgerId(2)), RegisterValue.COLLECTED);
        assertThat(walk(page(strange, collected))).isEmpty();
    }
}
