package io.quire.client.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.core.LedgerRecovery.WriteRefusal;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.DigestType;
import io.quire.protocol.Ensemble;
import io.quire.protocol.Entry;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.Fragment;
import io.quire.protocol.IncompleteRange;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerPassword;
import io.quire.protocol.LedgerState;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import io.quire.protocol.Versioned;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class LedgerRecoveryTest {
    private static final LedgerId LEDGER = new LedgerId(7);
    private static final BootEpoch EPOCH = new BootEpoch(3);
    private static final long REQUEST_TIMEOUT = 100;
    private static final long BOOKIE_TIMEOUT = 1_000;
    private static final long TIMEOUT = 10_000;
    private static final BookieId SPARE = new BookieId(new UUID(9, 9));

    private record Read(long request, BookieId bookie, long first, long last, boolean fencing) {}

    private record Written(long request, BookieId bookie, long version, EntryBatch entries) {
        List<Long> ids() {
            return entries.entries().stream().map(EntryFormat::entryIdOf).toList();
        }
    }

    private record Proposal(long expectedVersion, LedgerMetadata value) {}

    private static final class Outbox implements RecoveryOutbox {
        private final List<Proposal> proposals = new ArrayList<>();
        private final List<BookieId> registrations = new ArrayList<>();
        private final List<BookieId> fences = new ArrayList<>();
        private final List<Read> reads = new ArrayList<>();
        private final List<Written> writes = new ArrayList<>();
        private final List<RecoveryReport> reports = new ArrayList<>();
        private final List<Failure> failures = new ArrayList<>();
        private final List<BookieId> spares = new ArrayList<>();
        private int registerReads;

        @Override
        public void readRegister() {
            registerReads++;
        }

        @Override
        public void register(long expectedVersion, LedgerMetadata proposed) {
            proposals.add(new Proposal(expectedVersion, proposed));
        }

        @Override
        public void readRegistration(BookieId bookie) {
            registrations.add(bookie);
        }

        @Override
        public void fence(BookieId bookie) {
            fences.add(bookie);
        }

        @Override
        public void read(long request, BookieId bookie, long first, long last, boolean fencing) {
            reads.add(new Read(request, bookie, first, last, fencing));
        }

        @Override
        public void write(long request, BookieId bookie, long version, EntryBatch entries) {
            writes.add(new Written(request, bookie, version, entries));
        }

        @Override
        public Optional<BookieId> replacementOf(BookieId failed, Ensemble ensemble) {
            return spares.stream().filter(spare -> !ensemble.contains(spare)).findFirst();
        }

        @Override
        public void recovered(RecoveryReport report) {
            reports.add(report);
        }

        @Override
        public void failed(Failure failure) {
            failures.add(failure);
        }
    }

    private static final LedgerKey KEY = LedgerPassword.of(new byte[] {1}).keyOf(LEDGER);

    private final Outbox outbox = new Outbox();
    private LedgerMetadata open;
    private Set<BookieId> destroyed = Set.of();
    private LedgerRecovery recovery;

    @BeforeEach
    void create() {
        create(Replication.DEFAULT);
    }

    private void create(Replication replication) {
        create(replication, LedgerKey.NONE);
    }

    /** With the password of {@code KEY}, for who has {@code key}. */
    private void createGuarded(LedgerKey key) {
        create(Replication.DEFAULT, key);
        open = open.guardedBy(DigestType.HMAC_SHA256, KEY.verifier());
    }

    private void create(Replication replication, LedgerKey key) {
        List<BookieId> bookies = new ArrayList<>();
        for (int i = 0; i < replication.ensembleSize(); i++) {
            bookies.add(new BookieId(new UUID(0, i + 1)));
        }
        open = LedgerMetadata.create(LEDGER, replication, new Ensemble(bookies), Map.of(), 0);
        recovery = new LedgerRecovery(
                LEDGER,
                key,
                destroyed,
                new RecoverySettings(10, 1 << 20, 4, 1 << 16, REQUEST_TIMEOUT, 50, BOOKIE_TIMEOUT, 200, TIMEOUT),
                outbox,
                0);
        recovery.start(0);
    }

    private BookieId bookie(int position) {
        return open.lastFragment().ensemble().at(position);
    }

    /** Entries 0 to {@code last} with payloads of one byte each. */
    private static Payload entry(long entryId) {
        return EntryFormat.encode(
                new Entry(LEDGER, entryId, entryId - 1, entryId + 1, Payload.ofUtf8("x")), DigestType.CRC32C);
    }

    private static EntryBatch entries(long... ids) {
        List<Payload> encoded = new ArrayList<>();
        for (long id : ids) {
            encoded.add(entry(id));
        }
        return EntryBatch.of(encoded);
    }

    /** Claims the open ledger, with every bookie registered. */
    private void claim() {
        recovery.registerRead(Optional.of(new Versioned<>(1, open)), 0);
        assertThat(outbox.proposals).hasSize(1);
        assertThat(outbox.proposals.get(0).value.state()).isEqualTo(LedgerState.IN_RECOVERY);
        recovery.registered(2, 0);
        for (int position = 0; position < open.replication().ensembleSize(); position++) {
            recovery.bookieRegistered(bookie(position), Optional.of(EPOCH), 0);
        }
    }

    private void fence(int position, long lastAddConfirmed) {
        recovery.fenced(bookie(position), EPOCH, lastAddConfirmed, 0);
    }

    /** The newest read of the bookie is answered with what it holds, of all that was asked for. */
    private void answer(int position, EntryBatch held, long now) {
        answer(position, held, EPOCH, now);
    }

    private void answer(int position, EntryBatch held, BootEpoch epoch, long now) {
        Read read = newest(position);
        recovery.entriesRead(read.request, read.bookie, epoch, held, read.last + 1, now);
    }

    private Read newest(int position) {
        List<Read> own = outbox.reads.stream()
                .filter(read -> read.bookie.equals(bookie(position)))
                .toList();
        assertThat(own).isNotEmpty();
        return own.get(own.size() - 1);
    }

    private LedgerMetadata closing() {
        LedgerMetadata last = outbox.proposals.get(outbox.proposals.size() - 1).value;
        assertThat(last.isClosed()).isTrue();
        return last;
    }

    private void assertNotClosing() {
        assertThat(outbox.proposals).noneMatch(proposal -> proposal.value.isClosed());
    }

    @Test
    @DisplayName("R23: an empty ledger is closed empty once no ack quorum is left unfenced")
    void emptyLedger() {
        claim();
        fence(0, -1);
        assertThat(outbox.reads).isEmpty();
        fence(1, -1);
        answer(0, EntryBatch.EMPTY, 0);
        answer(1, EntryBatch.EMPTY, 0);
        assertThat(closing().lastEntryId()).isEqualTo(-1);
        assertThat(outbox.proposals.get(1).expectedVersion).isEqualTo(2);
        recovery.registered(3, 0);
        RecoveryReport report = outbox.reports.get(0);
        assertThat(report.entriesRecovered()).isZero();
        assertThat(report.bookiesUnheard()).containsExactly(bookie(2));
    }

    @Test
    @DisplayName("H1: every read of a recovery fences")
    void readsFence() {
        claim();
        fence(0, -1);
        fence(1, -1);
        assertThat(outbox.reads).isNotEmpty().allMatch(Read::fencing);
    }

    @Test
    @DisplayName("R23: an entry that one bookie holds exists, is written back to an ack quorum, and only then counts")
    void writesBack() {
        claim();
        fence(0, -1);
        fence(1, -1);
        answer(0, entries(0), 0);
        answer(1, EntryBatch.EMPTY, 0);
        assertThat(outbox.writes).extracting(Written::ids).containsExactly(List.of(0L));
        Written write = outbox.writes.get(0);
        assertThat(write.bookie).isEqualTo(bookie(1));
        assertThat(write.version).isEqualTo(2);
        assertNotClosing();
        recovery.entriesRecovered(write.request, write.bookie, 0);
        recovery.tick(50);
        answer(0, EntryBatch.EMPTY, 50);
        answer(1, EntryBatch.EMPTY, 50);
        recovery.tick(300);
        assertThat(closing().lastEntryId()).isZero();
        assertThat(closing().length()).isEqualTo(1);
        recovery.registered(3, 300);
        assertThat(outbox.reports.get(0).entriesRecovered()).isEqualTo(1);
        assertThat(outbox.reports.get(0).copiesWritten()).isEqualTo(1);
    }

    @Test
    @DisplayName("R21: a bookie in limbo denies nothing, and gets copies of all that others hold")
    void memberInLimbo() {
        claim();
        fence(0, -1);
        fence(1, -1);
        answer(0, entries(0), 0);
        recovery.readInLimbo(newest(1).request, bookie(1), 0);
        assertThat(outbox.writes).extracting(Written::ids).containsExactly(List.of(0L));
        Written write = outbox.writes.get(0);
        assertThat(write.bookie).isEqualTo(bookie(1));
        recovery.entriesRecovered(write.request, write.bookie, 0);
        recovery.tick(50);
        answer(0, EntryBatch.EMPTY, 50);
        recovery.tick(100);
        assertNotClosing();
        fence(2, -1);
        recovery.tick(150);
        answer(2, EntryBatch.EMPTY, 150);
        recovery.tick(600);
        assertThat(closing().lastEntryId()).isZero();
    }

    @Test
    @DisplayName("B0: too few explicit negatives are no proof; the recovery waits, and fails at its deadline")
    void waitsForNegatives() {
        create(new Replication(3, 3, 1));
        claim();
        fence(0, -1);
        fence(1, -1);
        fence(2, -1);
        answer(0, EntryBatch.EMPTY, 0);
        answer(1, EntryBatch.EMPTY, 0);
        recovery.tick(500);
        assertNotClosing();
        recovery.tick(TIMEOUT);
        assertThat(outbox.failures).extracting(Failure::code).containsExactly(Code.TimedOut);
        assertThat(outbox.failures).extracting(Failure::outcome).containsExactly(Outcome.UNKNOWN);
        assertNotClosing();
    }

    @Test
    @DisplayName("H4: a damaged copy is neither a copy nor a negative")
    void damagedCopy() {
        claim();
        fence(0, -1);
        fence(1, -1);
        byte[] bytes = entry(0).toByteArray();
        bytes[bytes.length - 1] ^= 1;
        answer(0, EntryBatch.of(List.of(Payload.wrap(bytes))), 0);
        answer(1, EntryBatch.EMPTY, 0);
        recovery.tick(500);
        assertNotClosing();
        fence(2, -1);
        answer(2, entries(0), 500);
        recovery.entriesRecovered(outbox.writes.get(0).request, outbox.writes.get(0).bookie, 500);
        assertThat(outbox.writes.get(0).ids()).containsExactly(0L);
    }

    @Test
    @DisplayName("H2: recovery begins in the last fragment, also when no bookie of it knows a last-add-confirmed")
    void floorIsTheLastFragment() {
        Fragment second = new Fragment(5, 2, open.lastFragment().ensemble().with(2, SPARE));
        LedgerMetadata changed = open.withFragment(second, List.of());
        recovery.registerRead(Optional.of(new Versioned<>(2, changed)), 0);
        recovery.registered(3, 0);
        for (BookieId member : second.ensemble().bookies()) {
            recovery.bookieRegistered(member, Optional.of(EPOCH), 0);
        }
        fence(0, -1);
        fence(1, -1);
        assertThat(outbox.reads).allMatch(read -> read.first == 5);
        answer(0, EntryBatch.EMPTY, 0);
        answer(1, EntryBatch.EMPTY, 0);
        assertNotClosing();
        Read length = outbox.reads.get(outbox.reads.size() - 1);
        assertThat(length.first).isEqualTo(4);
        assertThat(length.last).isEqualTo(4);
        recovery.entriesRead(length.request, length.bookie, EPOCH, entries(4), 5, 0);
        assertThat(closing().lastEntryId()).isEqualTo(4);
        assertThat(closing().length()).isEqualTo(5);
        assertThat(closing().fragments()).hasSize(1);
    }

    @Test
    @DisplayName("R7: what a bookie says in a boot before the registered one does not count")
    void olderBootDoesNotCount() {
        claim();
        recovery.fenced(bookie(0), new BootEpoch(2), -1, 0);
        fence(1, -1);
        assertThat(outbox.reads).isEmpty();
        recovery.fenced(bookie(2), new BootEpoch(4), -1, 0);
        assertThat(outbox.reads).isNotEmpty();
        answer(1, EntryBatch.EMPTY, 0);
        answer(2, EntryBatch.EMPTY, new BootEpoch(2), 0);
        assertNotClosing();
    }

    @Test
    @DisplayName("R23: who finds a ledger in recovery joins at the same version, without a write")
    void joins() {
        recovery.registerRead(Optional.of(new Versioned<>(6, open.inRecovery())), 0);
        assertThat(outbox.proposals).isEmpty();
        assertThat(outbox.registrations).hasSize(3);
    }

    @Test
    @DisplayName("H17: who loses the close takes what is registered")
    void loserAdopts() {
        claim();
        fence(0, -1);
        fence(1, -1);
        answer(0, EntryBatch.EMPTY, 0);
        answer(1, EntryBatch.EMPTY, 0);
        LedgerMetadata theirs = open.inRecovery().closed(4, 5, List.of());
        recovery.registerConflict(Optional.of(new Versioned<>(3, theirs)), 0);
        assertThat(outbox.reports.get(0).ledger()).isEqualTo(new Versioned<>(3L, theirs));
        assertThat(outbox.reports.get(0).entriesRecovered()).isZero();
    }

    @Test
    @DisplayName("R2: a claim whose outcome is unknown is asked for again as it was")
    void unknownClaim() {
        recovery.registerRead(Optional.of(new Versioned<>(1, open)), 0);
        recovery.registerUnknown(0);
        recovery.tick(60);
        assertThat(outbox.proposals).hasSize(2);
        assertThat(outbox.proposals.get(1)).isEqualTo(outbox.proposals.get(0));
    }

    @Test
    @DisplayName("H19: a closed ledger is recovered already; an unknown or deleted one is not there")
    void nothingToRecover() {
        LedgerMetadata closed = open.closed(3, 4, List.of());
        recovery.registerRead(Optional.of(new Versioned<>(2, closed)), 0);
        assertThat(outbox.reports.get(0).ledger().value()).isEqualTo(closed);
        create();
        recovery.registerRead(Optional.empty(), 0);
        assertThat(outbox.failures).extracting(Failure::code).containsExactly(Code.NoSuchLedger);
    }

    @Test
    @DisplayName("H15: a confirmed entry that too many bookies lack fails the recovery; it never closes lower")
    void confirmedEntryLost() {
        claim();
        fence(0, 0);
        fence(1, -1);
        answer(0, EntryBatch.EMPTY, 0);
        answer(1, EntryBatch.EMPTY, 0);
        assertNotClosing();
        assertThat(outbox.failures).extracting(Failure::code).containsExactly(Code.Conflict);
    }

    @Test
    @DisplayName("H13: different bytes under one id stop the recovery")
    void conflictingCopies() {
        claim();
        fence(0, -1);
        fence(1, -1);
        answer(0, entries(0), 0);
        Payload other = EntryFormat.encode(new Entry(LEDGER, 0, -1, 1, Payload.ofUtf8("y")), DigestType.CRC32C);
        answer(1, EntryBatch.of(List.of(other)), 0);
        assertThat(outbox.failures).extracting(Failure::code).containsExactly(Code.Conflict);
    }

    @Test
    @DisplayName(
            "R23, H16: a bookie that takes no copies is replaced in the closing change only, where an ack quorum needs it")
    void replacesStuckBookie() {
        outbox.spares.add(SPARE);
        create(new Replication(2, 2, 2));
        claim();
        fence(0, -1);
        answer(0, entries(0), 0);
        long now = 0;
        while (now < BOOKIE_TIMEOUT + 100) {
            now += 50;
            recovery.tick(now);
        }
        Written write = outbox.writes.get(outbox.writes.size() - 1);
        assertThat(write.bookie).isEqualTo(SPARE);
        assertThat(outbox.proposals).hasSize(1);
        recovery.entriesRecovered(write.request, SPARE, now);
        assertThat(closing().lastEntryId()).isZero();
        assertThat(closing().fragments()).hasSize(1);
        assertThat(closing().lastFragment().ensemble().bookies()).containsExactly(bookie(0), SPARE);
        assertThat(closing().lastFragment().fragmentVersion()).isEqualTo(3);
    }

    @Test
    @DisplayName(
            "R23: a destroyed bookie whose loss is accepted is not asked, counts as negative, and stands in the metadata")
    void acceptedLoss() {
        destroyed = Set.of(bookie(0));
        create();
        claim();
        assertThat(outbox.registrations).doesNotContain(bookie(0));
        fence(1, 0);
        answer(1, entries(0), 0);
        assertThat(outbox.reads).noneMatch(read -> read.bookie.equals(bookie(0)));
        answer(2, EntryBatch.EMPTY, 0);
        Written copy = outbox.writes.get(0);
        assertThat(copy.bookie).isEqualTo(bookie(2));
        recovery.entriesRecovered(copy.request, copy.bookie, 0);
        recovery.tick(50);
        answer(1, EntryBatch.EMPTY, 50);
        recovery.tick(300);
        assertThat(closing().lastEntryId()).isZero();
        assertThat(closing().acceptedLosses()).containsExactly(bookie(0));
        assertThat(closing().incomplete()).contains(new IncompleteRange(bookie(0), 0, 0));
    }

    @Test
    @DisplayName("R23: with too many accepted losses for any proof, what survivors hold still counts")
    void survivorsAreHeard() {
        destroyed = Set.of(bookie(0), bookie(1));
        create();
        outbox.spares.add(SPARE);
        claim();
        assertNotClosing();
        assertThat(outbox.reads).isEmpty();
        fence(2, -1);
        assertNotClosing();
        answer(2, entries(0, 1), 0);
        assertThat(outbox.writes).extracting(Written::bookie).containsExactly(SPARE);
        Written copies = outbox.writes.get(0);
        assertThat(copies.ids()).containsExactly(0L, 1L);
        recovery.entriesRecovered(copies.request, copies.bookie, 0);
        recovery.tick(50);
        answer(2, EntryBatch.EMPTY, 50);
        recovery.tick(300);
        assertThat(closing().lastEntryId()).isEqualTo(1);
        assertThat(closing().acceptedLosses()).containsExactlyInAnyOrder(bookie(0), bookie(1));
        assertThat(closing().lastFragment().ensemble().contains(SPARE)).isTrue();
    }

    @Test
    @DisplayName("R24: a bookie that knows another version makes the recovery read the register again")
    void otherVersionRestarts() {
        claim();
        fence(0, -1);
        fence(1, -1);
        answer(0, entries(0), 0);
        answer(1, EntryBatch.EMPTY, 0);
        int before = outbox.registerReads;
        recovery.writeRefused(outbox.writes.get(0).request, bookie(1), WriteRefusal.NOT_RECOVERING, 0);
        assertThat(outbox.registerReads).isEqualTo(before + 1);
        recovery.registerRead(Optional.of(new Versioned<>(9, open.inRecovery())), 0);
        assertThat(outbox.registrations).hasSize(6);
    }

    @Test
    @DisplayName("R12: what members lack beyond the ack quorum, and who was not heard, is registered as incomplete")
    void incompleteIsNoted() {
        claim();
        fence(0, 1);
        fence(1, 1);
        answer(0, entries(1), 0);
        answer(1, entries(1), 0);
        recovery.tick(10);
        answer(0, EntryBatch.EMPTY, 10);
        answer(1, EntryBatch.EMPTY, 10);
        recovery.tick(300);
        assertThat(closing().lastEntryId()).isEqualTo(1);
        assertThat(closing().incomplete()).contains(new IncompleteRange(bookie(2), 0, 1));
    }

    @Test
    @DisplayName(
            "a member that answers after the end was found is heard: nothing is waited for, nothing is noted as lacking")
    void lateAnswer() {
        claim();
        fence(0, 1);
        fence(1, 1);
        fence(2, 1);
        answer(0, entries(1), 0);
        answer(1, entries(1), 0);
        assertNotClosing();
        // What it holds beyond the end was never acknowledged.
        answer(2, entries(1, 2), 10);
        assertThat(closing().lastEntryId()).isEqualTo(1);
        assertThat(closing().incomplete()).isEmpty();
    }

    @Test
    @DisplayName("a member that says after the end was found that it lacks entries gets copies of them")
    void lateNegative() {
        claim();
        fence(0, 1);
        fence(1, 1);
        fence(2, 1);
        answer(0, entries(1), 0);
        answer(1, entries(1), 0);
        answer(2, EntryBatch.EMPTY, 10);
        assertNotClosing();
        Written write = outbox.writes.get(0);
        assertThat(write.bookie).isEqualTo(bookie(2));
        assertThat(write.ids()).containsExactly(1L);
        recovery.entriesRecovered(write.request, write.bookie, 20);
        assertThat(closing().incomplete()).isEmpty();
    }

    @Test
    @DisplayName("H14: a silent bookie does not hold up what the others can decide")
    void silentBookie() {
        create(new Replication(5, 3, 2));
        claim();
        for (int position = 0; position < 4; position++) {
            fence(position, -1);
        }
        answer(0, EntryBatch.EMPTY, 0);
        assertNotClosing();
        answer(1, EntryBatch.EMPTY, 0);
        assertThat(closing().lastEntryId()).isEqualTo(-1);
    }

    @Test
    @DisplayName("H47: with striping the last-add-confirmed needs coverage of every write set")
    void stripingNeedsCoverage() {
        create(new Replication(4, 2, 2));
        claim();
        fence(0, -1);
        assertThat(outbox.reads).isEmpty();
        fence(2, -1);
        assertThat(outbox.reads).isNotEmpty();
    }

    @Test
    @DisplayName("H99: a recovery with a wrong password ends before it claims or fences anything, whatever the state")
    void wrongPassword() {
        for (int state = 0; state < 3; state++) {
            for (LedgerKey wrong :
                    List.of(LedgerKey.NONE, LedgerPassword.of(new byte[] {2}).keyOf(LEDGER))) {
                createGuarded(wrong);
                LedgerMetadata found =
                        state == 0 ? open : state == 1 ? open.inRecovery() : open.closed(-1, 0, List.of());
                recovery.registerRead(Optional.of(new Versioned<>(3, found)), 0);
                assertThat(recovery.isOver()).isTrue();
            }
        }
        assertThat(outbox.failures)
                .hasSize(6)
                .allMatch(failure -> failure.code() == Code.Unauthorized && failure.outcome() == Outcome.NOT_APPLIED);
        assertThat(outbox.proposals).isEmpty();
        assertThat(outbox.registrations).isEmpty();
        assertThat(outbox.fences).isEmpty();
        assertThat(outbox.reports).isEmpty();
    }

    @Test
    @DisplayName("a bookie that says the password is another one ends the recovery, and what it did is not known")
    void unauthorized() {
        createGuarded(KEY);
        claim();
        recovery.unauthorized(bookie(0));
        recovery.unauthorized(bookie(1));
        assertThat(outbox.failures).hasSize(1);
        assertThat(outbox.failures.get(0).code()).isEqualTo(Code.Unauthorized);
        assertThat(outbox.failures.get(0).outcome()).isEqualTo(Outcome.UNKNOWN);
    }

    @Test
    @DisplayName("H4, H22: a copy that was made without the password is unknown: neither a copy nor a negative")
    void forgedCopy() {
        createGuarded(KEY);
        claim();
        fence(0, -1);
        fence(1, -1);
        Entry entry = new Entry(LEDGER, 0, -1, 1, Payload.ofUtf8("x"));
        LedgerKey forger = LedgerPassword.of(new byte[] {2}).keyOf(LEDGER);
        answer(0, EntryBatch.of(List.of(EntryFormat.encode(entry, DigestType.HMAC_SHA256, forger))), 0);
        answer(1, EntryBatch.EMPTY, 0);
        recovery.tick(500);
        answer(0, EntryBatch.of(List.of(EntryFormat.encode(entry, DigestType.CRC32C))), 500);
        assertThat(outbox.writes).isEmpty();
        assertNotClosing();

        fence(2, -1);
        Payload sound = EntryFormat.encode(entry, DigestType.HMAC_SHA256, KEY);
        answer(2, EntryBatch.of(List.of(sound)), 500);
        assertThat(outbox.writes)
                .isNotEmpty()
                .allMatch(write -> write.entries.entries().equals(List.of(sound)));
    }

    @Test
    @DisplayName("a bookie whose copy is damaged is asked again after a while, not at once")
    void damagedCopyIsNotAskedForAtOnce() {
        claim();
        fence(0, -1);
        fence(1, -1);
        byte[] bytes = entry(0).toByteArray();
        bytes[bytes.length - 1] ^= 1;
        int before = outbox.reads.size();
        answer(0, EntryBatch.of(List.of(Payload.wrap(bytes))), 0);
        assertThat(outbox.reads).hasSize(before);
        recovery.tick(50);
        assertThat(outbox.reads).hasSizeGreaterThan(before);
    }

    @Test
    @DisplayName("H22: the length of a ledger is not taken from a forged entry")
    void forgedLength() {
        createGuarded(KEY);
        LengthRead length = new LengthRead(
                open,
                KEY,
                0,
                new RecoverySettings(10, 1 << 20, 4, 1 << 16, REQUEST_TIMEOUT, 50, BOOKIE_TIMEOUT, 200, TIMEOUT),
                outbox,
                () -> 1);
        LedgerKey forger = LedgerPassword.of(new byte[] {2}).keyOf(LEDGER);
        Entry entry = new Entry(LEDGER, 0, -1, 1, Payload.ofUtf8("x"));
        length.answered(EntryBatch.of(List.of(EntryFormat.encode(entry, DigestType.HMAC_SHA256, forger))));
        assertThat(length.length()).isEmpty();
        length.answered(EntryBatch.of(List.of(EntryFormat.encode(entry, DigestType.HMAC_SHA256, KEY))));
        assertThat(length.length()).hasValue(1);
    }
}
