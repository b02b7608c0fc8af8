package io.quire.bookie.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.bookie.storage.StoreInspection.HeldEntry;
import io.quire.bookie.storage.StoreInspection.HeldLedger;
import io.quire.bookie.storage.StoreInspection.JournalSegment;
import io.quire.bookie.storage.StoreInspection.SegmentEnd;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.DirectoryLock;
import io.quire.storage.Finding;
import io.quire.storage.GuardedValue;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.NewerFormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is said of a small store that somebody did something to. */
class StoreDoctorTest {
    private static final Path IDENTITY = Path.of("IDENTITY");
    private static final Path DATA = Path.of("ledgers", "data.mdb");
    private static final Path OLD_SEGMENT = Path.of("journal", "segment-00000000");
    private static final Path SEGMENT = Path.of("journal", "segment-00000002");
    private static final int PAGE = 4096;

    @TempDir
    private Path scratch;

    private Path directory;

    @BeforeEach
    void unpack() {
        directory = GoldenStore.unpack(scratch.resolve("store"));
    }

    private List<Finding> findings() {
        return StoreDoctor.examine(directory, 0);
    }

    /** Requires that one thing is wrong, and something is to be done about it. */
    private void assertWrong(String part, String... words) {
        assertThat(findings().stream().filter(Finding::isWrong)).singleElement().satisfies(finding -> {
            assertThat(finding.part()).isEqualTo(part);
            assertThat(finding.what()).contains(words).doesNotContain("\n");
            assertThat(finding.advice()).isNotEmpty();
        });
    }

    /** What a boot says, as far as it comes. */
    private String bootFailure() {
        try {
            try (KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), 1 << 20)) {
                StoreChecks.bootRecordOf(directory, StoreIdentity.read(NioFileStore.open(directory)), ledgers);
                BookieStore.open(
                                GoldenStore.BOOKIE,
                                new BootEpoch(3),
                                GoldenStore.SETTINGS,
                                BookieStore.Files.ofLmdb(NioFileStore.open(directory.resolve("journal")), ledgers))
                        .close();
            }
            return "";
        } catch (StorageException e) {
            return e.getMessage();
        }
    }

    private byte[] bytesOf(Path file) throws IOException {
        return Files.readAllBytes(directory.resolve(file));
    }

    private void write(Path file, byte[] bytes) throws IOException {
        Files.write(directory.resolve(file), bytes);
    }

    private void flip(Path file, int at) throws IOException {
        byte[] bytes = bytesOf(file);
        bytes[at] ^= 1;
        write(file, bytes);
    }

    private void deleteSegments() throws IOException {
        try (Stream<Path> segments = Files.list(directory.resolve("journal"))) {
            for (Path segment : segments.toList()) {
                Files.delete(segment);
            }
        }
    }

    private void truncate(Path file, int length) throws IOException {
        write(file, Arrays.copyOf(bytesOf(file), length));
    }

    private Path otherStore() throws IOException {
        Path other = GoldenStore.unpack(scratch.resolve("other"));
        BookieId bookie = new BookieId(new UUID(9, 9));
        Files.delete(other.resolve(IDENTITY));
        new StoreIdentity(bookie, "quire").write(NioFileStore.open(other));
        Files.delete(other.resolve(DATA));
        try (KeyValueStore ledgers = LmdbKeyValueStore.open(other.resolve("ledgers"), 1 << 20)) {
            StoreChecks.format(ledgers, bookie);
        }
        return other;
    }

    private void putMeta(String key, Payload value) {
        try (KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), 1 << 20);
                KeyValueStore.Transaction transaction = ledgers.begin()) {
            transaction.put(Payload.ofUtf8(key), value);
            transaction.commit();
        }
    }

    @Test
    @DisplayName("a good store can start; what each file holds is told, and no byte is changed")
    void good() throws IOException {
        Map<Path, byte[]> before = content();
        assertThat(findings()).noneMatch(Finding::isWrong);
        assertThat(findings().stream().map(finding -> finding.part() + ": " + finding.what()))
                .anyMatch(line -> line.startsWith("LOCK: not there"))
                .anyMatch(line -> line.equals("IDENTITY: bookie " + GoldenStore.BOOKIE + " of cluster 'quire'"))
                .anyMatch(line -> line.equals("ledgers: of bookie " + GoldenStore.BOOKIE
                        + ", last boot 2, in cluster cluster-1; not stopped in order: it was killed, or copied"))
                .anyMatch(line -> line.startsWith("ledgers: 4 ledgers, journal applied up to record 7, "))
                .anyMatch(line -> line.equals("journal: 3 segments, the last record is 12; the next start repeats 5"));
        try (StoreInspection store = StoreInspection.open(directory)) {
            store.ledgers(ledger -> {});
            store.entries(new LedgerId(3), 0, EntryId.MAX, entry -> {});
            store.segments().forEach(segment -> store.records(segment, record -> {}));
            StoreVerification.run(store, finding -> {});
        }
        Map<Path, byte[]> after = content();
        assertThat(after.keySet()).isEqualTo(before.keySet());
        after.forEach((file, bytes) -> assertThat(bytes).as("%s", file).isEqualTo(before.get(file)));
    }

    private Map<Path, byte[]> content() throws IOException {
        Map<Path, byte[]> content = new HashMap<>();
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                content.put(directory.relativize(file), Files.readAllBytes(file));
            }
        }
        return content;
    }

    @Test
    @DisplayName("P11: a store in use is refused with its process, and nothing else is looked at")
    void inUse() {
        try (DirectoryLock lock = DirectoryLock.acquire(directory)) {
            assertThat(lock.directory()).isEqualTo(directory);
            assertThat(findings()).hasSize(1);
            assertWrong("LOCK", "in use by");
            assertThatThrownBy(() -> StoreInspection.open(directory)).hasMessageContaining("in use by");
        }
        assertThat(findings().get(0).what())
                .contains("process " + ProcessHandle.current().pid() + " was the last");
    }

    @Test
    @DisplayName("H25: half formatted stores are told apart: cut off while formatting, identity lost, data lost")
    void halfFormatted() throws IOException {
        Files.delete(directory.resolve(IDENTITY));
        assertWrong("IDENTITY", "holds data but no identity");
        assertThat(findings().stream()
                        .filter(Finding::isWrong)
                        .findFirst()
                        .orElseThrow()
                        .advice())
                .contains("put back");

        directory = otherStore();
        Files.delete(directory.resolve(IDENTITY));
        deleteSegments();
        assertWrong("IDENTITY", "holds data but no identity");
        assertThat(findings().stream()
                        .filter(Finding::isWrong)
                        .findFirst()
                        .orElseThrow()
                        .advice())
                .contains("formatting was cut off");
    }

    @Test
    @DisplayName("an identity alone, without ledger store and journal, cannot start")
    void identityAlone() throws IOException {
        Path alone = Files.createDirectory(scratch.resolve("alone"));
        Files.copy(directory.resolve(IDENTITY), alone.resolve(IDENTITY));
        directory = alone;
        assertThat(findings().stream().filter(Finding::isWrong).map(Finding::what))
                .hasSize(2)
                .anyMatch(what -> what.contains("there is no ledger store"))
                .anyMatch(what -> what.contains("there is no journal"));
    }

    @Test
    @DisplayName("H25: a damaged identity is damage in the words of a boot, whatever byte of it is bad")
    void damagedIdentity() throws IOException {
        byte[] whole = bytesOf(IDENTITY);
        for (int at = 0; at < whole.length; at++) {
            flip(IDENTITY, at);
            assertWrong("IDENTITY", "the identity file IDENTITY is damaged");
            assertThat(findings()).anyMatch(finding -> finding.what().equals(bootFailureOfIdentity()));
            write(IDENTITY, whole);
        }
        truncate(IDENTITY, 0);
        assertWrong("IDENTITY", "the identity file IDENTITY is damaged");
    }

    private String bootFailureOfIdentity() {
        try {
            return StoreIdentity.read(NioFileStore.open(directory)).toString();
        } catch (StorageException e) {
            return e.getMessage();
        }
    }

    @Test
    @DisplayName("R7, H28: parts of two stores are told apart, in the words of a boot")
    void swapped() throws IOException {
        Path other = otherStore();
        Files.copy(other.resolve(IDENTITY), directory.resolve(IDENTITY), StandardCopyOption.REPLACE_EXISTING);
        assertThat(findings().stream().filter(Finding::isWrong).map(Finding::what))
                .anyMatch(what -> what.contains("is put together from two stores"))
                .anyMatch(what -> what.contains("belongs to store " + GoldenStore.BOOKIE))
                .contains(bootFailure());

        directory = other;
        assertWrong("journal", "belongs to store " + GoldenStore.BOOKIE);
    }

    @Test
    @DisplayName("R20, H5: a journal that is gone, missing, cut short, damaged or torn is told in the words of a boot")
    void journals() throws IOException {
        byte[] whole = bytesOf(SEGMENT);
        flip(SEGMENT, PAGE + 70);
        assertWrong("journal", "record 8 of the journal is damaged (segment segment-00000002)", bootFailure());
        write(SEGMENT, whole);

        truncate(SEGMENT, PAGE);
        assertWrong("journal", "segment-00000002 is cut short", bootFailure());
        write(SEGMENT, whole);

        flip(SEGMENT, 30);
        assertWrong("journal", "the header of segment segment-00000002 is damaged", bootFailure());

        deleteSegments();
        assertWrong("journal", "the journal is gone", bootFailure());
        Files.delete(directory.resolve("journal"));
        assertWrong("journal", "there is no journal");
    }

    @Test
    @DisplayName("R20: a torn tail is told, and is no reason not to start")
    void tornTail() throws IOException {
        // The last group has records 9 to 12; the bad one is 12.
        byte[] bytes = bytesOf(SEGMENT);
        int last = lastStart(bytes);
        flip(SEGMENT, last + 64);
        assertThat(findings()).noneMatch(Finding::isWrong);
        assertThat(findings())
                .anyMatch(finding -> finding.kind() == Finding.Kind.NOTE
                        && finding.what().contains("segment-00000002: what follows record 11 at byte " + last));
        try (StoreInspection store = StoreInspection.open(directory)) {
            JournalSegment segment = store.segments().get(2);
            assertThat(segment.end()).isEqualTo(SegmentEnd.TORN);
            assertThat(segment.lastSequence()).isEqualTo(11);
            assertThat(store.unapplied()).isEqualTo(4);
            List<Finding> found = new ArrayList<>();
            assertThat(StoreVerification.run(store, found::add)).isTrue();
            assertThat(found).hasSize(2);
        }
    }

    private static int lastStart(byte[] segment) {
        for (int at = segment.length - 4; at > 0; at--) {
            if (segment[at] == 'Q' && segment[at + 1] == 'J' && segment[at + 2] == 'R') {
                return at;
            }
        }
        throw new IllegalStateException("no record");
    }

    @Test
    @DisplayName("damage in a segment that no start needs any more is shown, and is none")
    void damagedOldSegment() throws IOException {
        flip(OLD_SEGMENT, PAGE + 70);
        assertThat(findings()).noneMatch(Finding::isWrong);
        try (StoreInspection store = StoreInspection.open(directory)) {
            assertThat(store.segments().get(0).end()).isEqualTo(SegmentEnd.DAMAGED);
            assertThat(store.segments().get(0).needed()).isFalse();
            assertThat(StoreVerification.run(store, finding -> {})).isTrue();
        }
    }

    @Test
    @DisplayName("H25, P12: an LMDB file that is gone, empty, cut off or overwritten is told in the words of a boot")
    void ledgerStore() throws IOException {
        byte[] whole = bytesOf(DATA);
        truncate(DATA, 0);
        assertWrong("ledgers", "data.mdb: it is empty", bootFailure());
        write(DATA, whole);
        truncate(DATA, PAGE);
        assertWrong("ledgers", "data.mdb: it is cut off after 4096 bytes", bootFailure());
        write(DATA, "this is not LMDB".repeat(1000).getBytes(StandardCharsets.US_ASCII));
        assertWrong("ledgers", "it is not an LMDB file, or its header is overwritten", bootFailure());
        write(DATA, whole);
        Files.delete(directory.resolve(DATA));
        assertWrong("ledgers", "the ledger store was never formatted, or was emptied");
        assertThat(bootFailure()).isEqualTo("the ledger store was never formatted, or was emptied");
    }

    @Test
    @DisplayName(
            "a newer version's identity, ledger store or journal is refused as such, not taken for damage or nothing")
    void newerVersions() throws IOException {
        byte[] identity = bytesOf(IDENTITY);
        write(IDENTITY, "quire-store 2\nanything\n".getBytes(StandardCharsets.UTF_8));
        assertWrong("IDENTITY", "IDENTITY was written by a newer version of Quire (format 2, this one reads 1)");
        write(IDENTITY, identity);

        byte[] segment = bytesOf(SEGMENT);
        ByteBuffer header = ByteBuffer.wrap(segment.clone());
        header.putInt(4, 2);
        CRC32C crc = new CRC32C();
        crc.update(header.array(), 0, 48);
        header.putInt(48, (int) crc.getValue());
        write(SEGMENT, header.array());
        assertWrong("journal", "segment-00000002 was written by a newer version of Quire", bootFailure());
        assertThatThrownBy(() -> new JournalScan(NioFileStore.open(directory.resolve("journal")), GoldenStore.BOOKIE)
                        .replay(7, (sequence, record) -> {}, ReplayProgress.UNHEARD))
                .isInstanceOf(NewerFormatException.class);
        write(SEGMENT, segment);
        assertThat(findings()).noneMatch(Finding::isWrong);

        Payload key = Payload.ofUtf8("m/format");
        putMeta("m/format", GuardedValue.encode(key, 4, out -> out.putInt(3)));
        assertThat(findings().stream().filter(Finding::isWrong).map(Finding::what))
                .containsExactly(
                        "the ledger store was written by a newer version of Quire (format 3, this one reads 1);"
                                + " start it with that version again")
                .contains(bootFailure());
    }

    @Test
    @DisplayName("a disk that is nearly full is told, with the words of a boot when it is too full to start")
    void fullDisk() {
        assertThat(StoreDoctor.examine(directory, Long.MAX_VALUE / 4).stream().filter(Finding::isWrong))
                .singleElement()
                .satisfies(finding -> assertThat(finding.what())
                        .contains("bytes free, a bookie needs", "quire.bookie.free-bytes-min"));
    }

    @Test
    @DisplayName("R18, R19: verify finds bad blocks, bad digests and wrong counts, and entries shows what is left")
    void verify() {
        putMeta("m/limbo-of-another-kind", Payload.ofUtf8("unknown keys are left alone"));
        Payload first = GoldenStore.entry(3, 0, 50, io.quire.protocol.DigestType.CRC32C);
        byte[] bad =
                GoldenStore.entry(3, 1, 50, io.quire.protocol.DigestType.CRC32C).toByteArray();
        bad[50] ^= 1;
        Payload block = BlockFormat.encode(List.of(first, Payload.wrap(bad)));
        putMeta("b\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\0", block);
        byte[] broken = block.toByteArray();
        broken[20] ^= 1;
        putMeta("b\0\0\0\0\0\0\0\6\0\0\0\0\0\0\0\0", Payload.wrap(broken));
        try (StoreInspection store = StoreInspection.open(directory)) {
            List<Finding> found = new ArrayList<>();
            assertThat(StoreVerification.run(store, found::add)).isFalse();
            assertThat(found.stream().filter(Finding::isWrong).map(finding -> finding.part() + " " + finding.what()))
                    .hasSize(3)
                    .anyMatch(line -> line.startsWith("ledger 3 the block of entries 0 on is damaged"))
                    .anyMatch(line -> line.startsWith("ledger 6 the block of entries 0 on is damaged: a block's CRC"))
                    .anyMatch(line -> line.endsWith("findings of damage: 2"));
            List<HeldEntry> entries = new ArrayList<>();
            assertThat(store.entries(new LedgerId(3), 0, EntryId.MAX, entries::add))
                    .isTrue();
            assertThat(entries).extracting(HeldEntry::isGood).containsExactly(true, false);
            entries.clear();
            assertThat(store.entries(new LedgerId(6), 0, 1, entries::add)).isTrue();
            assertThat(entries).singleElement().satisfies(entry -> {
                assertThat(entry.isGood()).isFalse();
                assertThat(entry.lastEntryId()).isEqualTo(EntryId.MAX);
            });
            assertThat(store.entries(new LedgerId(99), 0, 1, entries::add)).isFalse();
            List<HeldLedger> ledgers = new ArrayList<>();
            store.ledgers(ledgers::add);
            assertThat(ledgers).extracting(HeldLedger::damaged).containsExactly(1, 0, 0, 1);
        }
    }

    @Test
    @DisplayName("R19: blocks of a ledger whose state is gone are found")
    void stateGone() {
        try (KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), 1 << 20);
                KeyValueStore.Transaction transaction = ledgers.begin()) {
            assertThat(transaction.delete(Payload.ofUtf8("l\0\0\0\0\0\0\0\5"))).isTrue();
            transaction.commit();
        }
        try (StoreInspection store = StoreInspection.open(directory)) {
            List<Finding> found = new ArrayList<>();
            assertThat(StoreVerification.run(store, found::add)).isFalse();
            assertThat(found.get(0).part()).isEqualTo("ledger 5");
            assertThat(found.get(0).what()).contains("its state is gone");
        }
    }

    @Test
    @DisplayName("a ledger whose state counts other entries than its blocks hold is found")
    void wrongCount() {
        putMeta(
                "b\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\0",
                BlockFormat.encode(List.of(GoldenStore.entry(3, 0, 50, io.quire.protocol.DigestType.CRC32C))));
        try (StoreInspection store = StoreInspection.open(directory)) {
            List<Finding> found = new ArrayList<>();
            assertThat(StoreVerification.run(store, found::add)).isFalse();
            assertThat(found.get(0).what()).isEqualTo("its blocks hold 1 entries, its state says 5");
        }
    }

    @Test
    @DisplayName("P12: flipped bits and cut ends of any file end in a report, which agrees with what a boot does")
    void garbage() throws IOException {
        Map<Path, byte[]> whole = content();
        List<Path> files = whole.keySet().stream().sorted().toList();
        Random random = new Random(77);
        int wrong = 0;
        for (int round = 0; round < 300; round++) {
            restore(whole);
            boolean bootable = true;
            for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
                Path file = files.get(random.nextInt(files.size()));
                spoil(file, random);
                // LMDB takes the JVM with it when it is led astray.
                bootable &= !file.equals(DATA);
            }
            List<Finding> findings = findings();
            boolean damaged = findings.stream().anyMatch(Finding::isWrong);
            wrong += damaged ? 1 : 0;
            assertThat(findings)
                    .isNotEmpty()
                    .noneMatch(finding ->
                            finding.what().contains("\n") || finding.what().contains("Exception"));
            try (StoreInspection store = StoreInspection.open(directory)) {
                List<Finding> found = new ArrayList<>();
                StoreVerification.run(store, found::add);
                assertThat(found).isNotEmpty().noneMatch(finding -> finding.what()
                        .contains("Exception"));
                store.unapplied();
            }
            if (bootable) {
                String failure = bootFailure();
                assertThat(failure.isEmpty())
                        .as("%s, but %s", findings, failure)
                        .isNotEqualTo(damaged);
            }
        }
        assertThat(wrong).isBetween(100, 300);
    }

    private void restore(Map<Path, byte[]> whole) throws IOException {
        for (Path file : content().keySet()) {
            Files.delete(directory.resolve(file));
        }
        for (Map.Entry<Path, byte[]> file : whole.entrySet()) {
            write(file.getKey(), file.getValue());
        }
    }

    private void spoil(Path file, Random random) throws IOException {
        byte[] bytes = bytesOf(file);
        if (random.nextInt(4) == 0 || bytes.length == 0) {
            truncate(file, random.nextInt(bytes.length + 1));
            return;
        }
        for (int flips = 1 + random.nextInt(8); flips > 0; flips--) {
            int at = random.nextInt(bytes.length);
            at = random.nextBoolean() ? at / PAGE * PAGE + random.nextInt(Math.min(120, bytes.length)) : at;
            bytes[Math.min(at, bytes.length - 1)] ^= (byte) (1 << random.nextInt(8));
        }
        write(file, bytes);
    }
}
