package io.quire.bookie;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.quire.bookie.storage.StoreRebuild;
import io.quire.protocol.BookieId;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Envelope;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A bookie that has lost something, and another one that has it. */
class LimboTest extends BookieStory {
    private static final LedgerId SHARED = new LedgerId(9);
    private static final int ENTRIES = 120;
    private static final BookieSettings IMPATIENT =
            BookieSettings.from(ConfigFactory.parseString("""
                    quire.bookie.repair { interval = 30 ms, timeout = 2 s, entries-max = 20 }
                    quire.bookie.scrub.start-delay = 1 h
                    """).withFallback(CONFIG));

    @TempDir
    Path elsewhere;

    private BookieId other;
    private LedgerMetadata open;

    @BeforeEach
    void registerShared() {
        other = BookieBoot.format(elsewhere.resolve("other"), "quire", IMPATIENT);
        open = LedgerMetadata.create(
                SHARED, new Replication(2, 2, 1), new Ensemble(List.of(bookie, other)), Map.of(), 0);
        register(RegistryKey.ofLedger(SHARED), open.encode());
    }

    @Test
    @DisplayName(
            "R21, H5: a store without its journal denies nothing and takes no adds, until others have made it whole")
    void journalGone() throws IOException {
        Running whole = startOther();
        Running running = start(directory, IMPATIENT);
        running.requireStarted(1);
        fill(running, bookie);
        running.kill();
        deleteJournal();

        running = start(directory, IMPATIENT);
        running.requireStarted(2);
        assertThat(readOf(running, 0, ENTRIES))
                .isInstanceOfSatisfying(BookieReply.RequestRefused.class, refused -> assertThat(refused.refusal())
                        .isEqualTo(Refusal.IN_LIMBO));
        assertThat(ask(running, new BookieRequest.OpenSession(bookie, 5, SHARED, 1), BookieReply.SessionRefused.class)
                        .refusal())
                .isEqualTo(Refusal.IN_LIMBO);
        assertThat(ask(running, new BookieRequest.FenceLedger(bookie, 6, SHARED), BookieReply.LedgerFenced.class)
                        .requestId())
                .isEqualTo(6);
        requireNoDenial(running);

        close();
        requireWhole(running);
        running.stop();
        whole.stop();
    }

    @Test
    @DisplayName(
            "R7, R21, H5: a store whose ledger store was rebuilt goes on with the next boot, denies nothing and takes"
                    + " no adds, also after another restart, until others have made it whole")
    void rebuilt() throws IOException {
        Running whole = startOther();
        Running running = start(directory, IMPATIENT);
        running.requireStarted(1);
        running.stop();
        running = start(directory, IMPATIENT);
        running.requireStarted(2);
        fill(running, bookie);
        running.kill();
        deleteJournal();
        damageLedgers();
        assertThat(start(directory, IMPATIENT).failure()).contains("data.mdb");
        rebuild();

        running = start(directory, IMPATIENT);
        running.requireStarted(3);
        requireInLimbo(running);
        running.kill();
        running = start(directory, IMPATIENT);
        running.requireStarted(4);
        requireInLimbo(running);

        close();
        requireWhole(running);
        running.stop();
        whole.stop();
    }

    private void requireInLimbo(Running running) {
        assertThat(readOf(running, 0, ENTRIES))
                .isInstanceOfSatisfying(BookieReply.RequestRefused.class, refused -> assertThat(refused.refusal())
                        .isEqualTo(Refusal.IN_LIMBO));
        assertThat(ask(running, new BookieRequest.OpenSession(bookie, 5, SHARED, 1), BookieReply.SessionRefused.class)
                        .refusal())
                .isEqualTo(Refusal.IN_LIMBO);
        requireNoDenial(running);
    }

    @Test
    @DisplayName("R7, H24: a copy of a rebuilt store is found out once one of both has booted, or while one runs")
    void copyOfARebuilt() throws IOException {
        Running running = start(directory, IMPATIENT);
        running.requireStarted(1);
        running.kill();
        damageLedgers();
        rebuild();
        Path copy = elsewhere.resolve("copy");
        Path early = elsewhere.resolve("early");
        copyTo(early);
        running = start(directory, IMPATIENT);
        running.requireStarted(2);
        assertThat(start(early, IMPATIENT).failure()).contains("is in use at");
        running.kill();
        copyTo(copy);
        running = start(directory, IMPATIENT);
        running.requireStarted(3);
        running.stop();
        assertThat(start(copy, IMPATIENT).failure()).contains("clone or an old copy");
    }

    private void copyTo(Path copy) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(directory.relativize(file).toString()));
            }
        }
    }

    private void damageLedgers() throws IOException {
        Files.write(directory.resolve("ledgers").resolve("data.mdb"), new byte[8192]);
    }

    private void rebuild() {
        new StoreRebuild(directory, IMPATIENT.ledgerFileBytesMax()).rebuild();
    }

    @Test
    @DisplayName("R21: what is left of a damaged journal is served, also what lies behind the damage")
    void damagedJournal() throws IOException {
        Running running = start(directory, IMPATIENT);
        running.requireStarted(1);
        fill(running, bookie);
        running.kill();
        flipFirstRecord();

        running = start(directory, IMPATIENT);
        running.requireStarted(2);
        BookieReply reply = readOf(running, ENTRIES - 10, ENTRIES);
        assertThat(reply).isInstanceOfSatisfying(BookieReply.EntriesRead.class, read -> assertThat(idsOf(read))
                .isEqualTo(range(ENTRIES - 10, ENTRIES)));
        requireNoDenial(running);
        running.kill();

        // The journal begins anew; limbo outlives the restart.
        running = start(directory, IMPATIENT);
        running.requireStarted(3);
        requireNoDenial(running);
        running.stop();
    }

    @Test
    @DisplayName("R19, R21, H50: a damaged block is noticed when it is read, and others' copies take its place")
    void damagedBlock() {
        Running whole = startOther();
        Running running = start(directory, IMPATIENT);
        running.requireStarted(1);
        fill(running, bookie);
        running.stop();
        close();
        flip(key -> key.byteAt(0) == 'b' && key.asByteBuffer().getLong(1) == SHARED.value(), 1000);

        running = start(directory, IMPATIENT);
        running.requireStarted(2);
        requireNoDenial(running);
        requireWhole(running);
        running.stop();
        whole.stop();
    }

    @Test
    @DisplayName("R21, H60: a damaged state of one ledger puts that ledger into limbo, and no other")
    void damagedState() {
        Running whole = startOther();
        Running running = start(directory, IMPATIENT);
        running.requireStarted(1);
        fill(running, bookie);
        add(running, LEDGER, 0, 5);
        running.stop();
        flip(key -> key.byteAt(0) == 'l' && key.asByteBuffer().getLong(1) == SHARED.value(), 9);

        running = start(directory, IMPATIENT);
        running.requireStarted(2);
        assertThat(ask(running, new BookieRequest.OpenSession(bookie, 5, SHARED, 1), BookieReply.SessionRefused.class)
                        .refusal())
                .isIn(Refusal.IN_LIMBO, Refusal.FENCED);
        assertThat(idsOf(read(running, 0, 7, 20, false))).isEqualTo(range(0, 5));
        openSession(running, LEDGER);

        close();
        requireWhole(running);
        running.stop();
        whole.stop();
    }

    @Test
    @DisplayName("R18, R21: a damaged block that a flush would merge with does not stop the store")
    void damagedBlockInTheWayOfAFlush() {
        Running whole = startOther();
        Running running = start(directory, IMPATIENT);
        running.requireStarted(1);
        fill(running, bookie, 0, 20);
        fill(running, bookie, 40, 60);
        running.stop();
        running = start(directory, IMPATIENT);
        running.requireStarted(2);
        fill(running, bookie, 20, 40);
        running.kill();
        flip(key -> key.byteAt(0) == 'b' && key.asByteBuffer().getLong(1) == SHARED.value(), 300);

        running = start(directory, IMPATIENT);
        running.requireStarted(3);
        BookieReply.EntriesRead kept = (BookieReply.EntriesRead) readOf(running, 20, 40);
        assertThat(idsOf(kept)).isEqualTo(range(20, 40));
        requireNoDenial(running);
        close();
        requireWhole(running);
        running.stop();
        whole.stop();
    }

    @Test
    @DisplayName("R21: the scrub finds what nobody reads, and has it repaired")
    void scrubbed() {
        Running whole = startOther();
        Running running = start(directory, IMPATIENT);
        running.requireStarted(1);
        fill(running, bookie);
        running.stop();
        close();
        flip(key -> key.byteAt(0) == 'b' && key.asByteBuffer().getLong(1) == SHARED.value(), 1000);

        BookieSettings scrubbing =
                BookieSettings.from(ConfigFactory.parseString("""
                        quire.bookie.repair { interval = 30 ms, timeout = 2 s }
                        quire.bookie.scrub { start-delay = 1 ms, step-bytes = 4 KiB }
                        """).withFallback(CONFIG));
        running = start(directory, scrubbing);
        running.requireStarted(2);
        awaitMetric("bookie.scrub.damage", 1);
        awaitMetric("bookie.scrub.passes", 1);
        requireWhole(running);
        running.stop();
        whole.stop();
    }

    private Running startOther() {
        Running whole = start(elsewhere.resolve("other"), IMPATIENT);
        whole.requireStarted(1);
        fill(whole, other);
        return whole;
    }

    private void fill(Running running, BookieId target) {
        fill(running, target, 0, ENTRIES);
    }

    private void fill(Running running, BookieId target, long from, long to) {
        SessionId session = ask(
                        running, new BookieRequest.OpenSession(target, 77, SHARED, 1), BookieReply.SessionOpened.class)
                .session();
        List<BookieRequest.Batch> batches = new ArrayList<>();
        for (long id = from; id < to; id++) {
            batches.add(batch(session, id - from + 1, SHARED, id));
        }
        Envelope.send(running.actor(), new BookieRequest.AddEntries(target, batches), client.getRef());
        long acknowledged = 0;
        while (acknowledged < to - from) {
            BookieReply.EntriesAdded added = client.expectMessageClass(BookieReply.EntriesAdded.class, PATIENCE);
            acknowledged = added.acks().get(added.acks().size() - 1).cumulative();
        }
    }

    private void close() {
        register(
                RegistryKey.ofLedger(SHARED),
                open.closed(ENTRIES - 1, 100, List.of()).encode());
    }

    private BookieReply readOf(Running running, long from, long to) {
        return ask(
                running,
                new BookieRequest.ReadEntries(bookie, 7, SHARED, from, to - 1, 100, 1 << 20, false, Payload.EMPTY),
                BookieReply.class);
    }

    /** Whatever is asked for, the store never says of an entry that it does not have it. */
    private void requireNoDenial(Running running) {
        for (long from = 0; from < ENTRIES + 10; from++) {
            BookieReply reply = readOf(running, from, ENTRIES + 10);
            if (reply instanceof BookieReply.EntriesRead read) {
                assertThat(idsOf(read)).containsAll(range(from, Math.min(read.coveredTo(), ENTRIES)));
            }
        }
    }

    /** In the end the store has everything, and says so of what never was. */
    private void requireWhole(Running running) {
        BookieReply reply = readOf(running, ENTRIES, ENTRIES + 5);
        for (int i = 0; i < 200 && !(reply instanceof BookieReply.EntriesRead); i++) {
            client.expectNoMessage(Duration.ofMillis(50)); // the repair takes as long as it takes
            reply = readOf(running, ENTRIES, ENTRIES + 5);
        }
        assertThat(((BookieReply.EntriesRead) reply).coveredTo()).isEqualTo(ENTRIES + 5);
        for (long from = 0; from < ENTRIES; from += 20) {
            BookieReply.EntriesRead read = (BookieReply.EntriesRead) readOf(running, from, from + 20);
            assertThat(idsOf(read)).isEqualTo(range(from, from + 20));
            read.entries().entries().forEach(entry -> assertThat(entry)
                    .isEqualTo(entry(SHARED, EntryFormat.entryIdOf(entry), 100)));
        }
        BookieReply.EntriesRead fencing = ask(
                running,
                new BookieRequest.ReadEntries(bookie, 8, SHARED, 0, ENTRIES, 20, 1 << 20, true, Payload.EMPTY),
                BookieReply.EntriesRead.class);
        assertThat(fencing.entries()).isNotEqualTo(EntryBatch.EMPTY);
    }

    private void awaitMetric(String name, double atLeast) {
        for (int i = 0; i < 200 && countOf(name) < atLeast; i++) {
            client.expectNoMessage(Duration.ofMillis(50));
        }
        assertThat(countOf(name)).isGreaterThanOrEqualTo(atLeast);
    }

    private double countOf(String name) {
        return meters.get(name).tag("bookie", bookie.toString()).counter().count();
    }

    private void deleteJournal() throws IOException {
        try (Stream<Path> files = Files.list(directory.resolve("journal"))) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
    }

    private void flipFirstRecord() throws IOException {
        Path segment = directory.resolve("journal").resolve("segment-00000000");
        byte[] bytes = Files.readAllBytes(segment);
        bytes[4096 + 100] ^= 1;
        Files.write(segment, bytes, StandardOpenOption.WRITE);
    }

    /** Flips one byte of the first value whose key is wanted. */
    private void flip(Predicate<Payload> wanted, int at) {
        try (KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), 64 << 20);
                KeyValueStore.Transaction transaction = ledgers.begin()) {
            List<Payload> keys = new ArrayList<>();
            transaction.scan(Payload.ofUtf8("a"), Payload.ofUtf8("z"), (key, value) -> {
                if (wanted.test(key)) {
                    keys.add(key);
                }
                return true;
            });
            byte[] value = transaction.get(keys.get(0)).orElseThrow().toByteArray();
            value[at] ^= 4;
            transaction.put(keys.get(0), Payload.wrap(value));
            transaction.commit();
        }
    }
}
