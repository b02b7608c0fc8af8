package io.quire.client.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.BookieId;
import io.quire.protocol.DigestType;
import io.quire.protocol.Ensemble;
import io.quire.protocol.Entry;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.Fragment;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerPassword;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class RangeReadTest {
    private static final long TIMEOUT = 1000;
    private static final long HEDGE = 300;
    private static final LedgerId LEDGER = new LedgerId(7);
    private static final BookieId FIRST = new BookieId(new UUID(0, 1));
    private static final BookieId SECOND = new BookieId(new UUID(0, 2));
    private static final BookieId THIRD = new BookieId(new UUID(0, 3));

    private final LedgerMetadata metadata = LedgerMetadata.create(
            LEDGER, Replication.DEFAULT, new Ensemble(List.of(FIRST, SECOND, THIRD)), Map.of(), 0);
    private final Outbox outbox = new Outbox();

    /** Notes what the read wants. */
    private static final class Outbox implements ReadOutbox {
        private final List<BookieId> asked = new ArrayList<>();
        private final List<BookieId> silent = new ArrayList<>();
        private final Set<BookieId> suspects = new HashSet<>();
        private List<Entry> result = List.of();
        private long request;
        private int registerReads;
        private int hedges;
        private Failure failure;

        @Override
        public void read(
                long request, BookieId bookie, long firstEntryId, long lastEntryId, int entriesMax, int bytesMax) {
            this.request = request;
            asked.add(bookie);
        }

        @Override
        public void readRegister() {
            registerReads++;
        }

        @Override
        public boolean mayHedge() {
            return hedges-- > 0;
        }

        @Override
        public void silent(BookieId bookie) {
            silent.add(bookie);
        }

        @Override
        public boolean isSuspect(BookieId bookie) {
            return suspects.contains(bookie);
        }

        @Override
        public void done(List<Entry> entries) {
            result = entries;
        }

        @Override
        public void failed(Failure failure) {
            this.failure = failure;
        }
    }

    private RangeRead started(long first, long last) {
        return started(metadata, LedgerKey.NONE, first, last);
    }

    private RangeRead started(LedgerMetadata metadata, LedgerKey key, long first, long last) {
        RangeRead read = new RangeRead(
                metadata,
                key,
                first,
                last,
                false,
                new RangeRead.Limits(1000, 1 << 20, 1000, 1 << 20, TIMEOUT, HEDGE, 200, 10_000),
                outbox);
        read.start(0);
        return read;
    }

    private static EntryBatch entries(LedgerMetadata metadata, long first, long last) {
        List<Payload> encoded = new ArrayList<>();
        for (long id = first; id <= last; id++) {
            encoded.add(EntryFormat.encode(LEDGER, id, id - 1, id + 1, Payload.ofUtf8("x"), metadata.digest()));
        }
        return EntryBatch.of(encoded);
    }

    @Test
    @DisplayName("a member that is not expected to answer is asked only when no other is left")
    void suspectIsAskedLast() {
        outbox.suspects.add(FIRST);
        RangeRead read = started(0, 9);
        read.refused(outbox.request, "cannot", 0);
        read.refused(outbox.request, "cannot", 0);
        read.entriesRead(outbox.request, entries(metadata, 0, 9), 10, 0);
        assertThat(outbox.asked).containsExactly(SECOND, THIRD, FIRST);
        assertThat(outbox.result).hasSize(10);
    }

    @Test
    @DisplayName("a member that answers no more loses its preference")
    void preferredSuspectIsLeft() {
        RangeRead read = started(0, 9);
        outbox.suspects.add(FIRST);
        read.entriesRead(outbox.request, entries(metadata, 0, 4), 5, 0);
        assertThat(outbox.asked).hasSize(2).doesNotHaveDuplicates();
    }

    @Test
    @DisplayName("a member that does not answer in time is reported, and the next one asked")
    void silenceIsReported() {
        RangeRead read = started(0, 9);
        read.tick(TIMEOUT - 1);
        assertThat(outbox.silent).isEmpty();
        read.tick(TIMEOUT);
        assertThat(outbox.silent).containsExactly(FIRST);
        assertThat(outbox.asked).containsExactly(FIRST, SECOND);
    }

    @Test
    @DisplayName("a slow member gets company once, within the budget, and the first answer is taken")
    void hedged() {
        outbox.hedges = 5;
        RangeRead read = started(0, 9);
        read.tick(HEDGE - 1);
        assertThat(outbox.asked).containsExactly(FIRST);
        read.tick(HEDGE);
        read.tick(HEDGE + 1);
        read.tick(2 * HEDGE);
        assertThat(outbox.asked).containsExactly(FIRST, SECOND);
        long second = outbox.request;
        read.entriesRead(second, entries(metadata, 0, 4), 5, HEDGE);
        assertThat(outbox.asked).containsExactly(FIRST, SECOND, SECOND);
        read.entriesRead(second - 1, entries(metadata, 0, 9), 10, HEDGE);
        assertThat(outbox.result).isEmpty();
        read.entriesRead(outbox.request, entries(metadata, 5, 9), 10, HEDGE);
        assertThat(outbox.result).hasSize(10);
    }

    @Test
    @DisplayName("B0: when the slow member and the other one both end without the entry, the third decides")
    void hedgeFails() {
        outbox.hedges = 1;
        RangeRead read = started(0, 9);
        long first = outbox.request;
        read.tick(HEDGE);
        read.entriesRead(outbox.request, EntryBatch.EMPTY, 10, HEDGE);
        assertThat(outbox.asked).containsExactly(FIRST, SECOND);
        read.refused(first, "cannot", HEDGE);
        assertThat(outbox.asked).containsExactly(FIRST, SECOND, THIRD);
        read.entriesRead(outbox.request, entries(metadata, 0, 9), 10, HEDGE);
        assertThat(outbox.result).hasSize(10);
    }

    @Test
    @DisplayName("without a budget, or with suspects alone, nobody is asked early")
    void noHedge() {
        RangeRead read = started(0, 9);
        read.tick(HEDGE);
        assertThat(outbox.asked).containsExactly(FIRST);
        outbox.hedges = 1;
        outbox.suspects.addAll(List.of(SECOND, THIRD));
        read.tick(HEDGE + 1);
        assertThat(outbox.asked).containsExactly(FIRST);
        assertThat(outbox.hedges).isEqualTo(1);
    }

    @Test
    @DisplayName("B0: an entry that no member of its write set has does not exist")
    void explicitNegatives() {
        RangeRead read = started(0, 9);
        for (int i = 0; i < 3; i++) {
            read.entriesRead(outbox.request, EntryBatch.EMPTY, 10, 0);
        }
        assertThat(outbox.failure).isNull();
        assertThat(outbox.registerReads).isEqualTo(1);
        read.registerRead(Optional.of(metadata), 0);
        assertThat(outbox.failure.code()).isEqualTo(LedgerException.Code.NoSuchEntry);
    }

    @Test
    @DisplayName("H48: a read by metadata that is out of date asks the bookies that the register names now")
    void staleMetadata() {
        BookieId fourth = new BookieId(new UUID(0, 4));
        RangeRead read = started(3, 3);
        for (int i = 0; i < 3; i++) {
            read.entriesRead(outbox.request, EntryBatch.EMPTY, 4, 0);
        }
        LedgerMetadata changed =
                metadata.withFragment(new Fragment(2, 2, new Ensemble(List.of(fourth, SECOND, THIRD))), List.of());
        read.registerRead(Optional.of(changed), 0);
        assertThat(outbox.asked).last().isEqualTo(fourth);
        read.entriesRead(outbox.request, entries(metadata, 3, 3), 4, 0);
        assertThat(outbox.result).hasSize(1);
    }

    @Test
    @DisplayName("H49: two negatives and a time-out do not say that an entry does not exist")
    void unknownIsNoNegative() {
        RangeRead read = started(0, 9);
        read.entriesRead(outbox.request, EntryBatch.EMPTY, 10, 0);
        read.entriesRead(outbox.request, EntryBatch.EMPTY, 10, 0);
        read.refused(outbox.request, "cannot", 0);
        assertThat(outbox.failure).isNull();
        read.tick(10_000);
        assertThat(outbox.failure.code()).isEqualTo(LedgerException.Code.TimedOut);
    }

    @Test
    @DisplayName("H49: an answer that does not reach as far as the entry is no negative")
    void uncoveredIsNoNegative() {
        RangeRead read = started(0, 9);
        for (int i = 0; i < 3; i++) {
            read.entriesRead(outbox.request, EntryBatch.EMPTY, 0, 0);
        }
        assertThat(outbox.failure).isNull();
    }

    @Test
    @DisplayName(
            "H4, H50: a damaged copy is no negative; the verified ones before it are kept, the rest is read elsewhere")
    void damagedCopy() {
        byte[] bytes = entries(metadata, 5, 5).entries().get(0).toByteArray();
        bytes[bytes.length - 1] ^= 1;
        List<Payload> partly = new ArrayList<>(entries(metadata, 0, 4).entries());
        partly.add(Payload.wrap(bytes));
        RangeRead read = started(0, 9);
        read.entriesRead(outbox.request, EntryBatch.of(partly), 10, 0);
        for (int i = 0; i < 2; i++) {
            read.entriesRead(outbox.request, EntryBatch.of(List.of(Payload.wrap(bytes))), 10, 0);
        }
        assertThat(outbox.failure).isNull();
        read.entriesRead(outbox.request, entries(metadata, 5, 9), 10, 0);
        assertThat(outbox.failure).isNull();
        assertThat(outbox.result).hasSize(10);
    }

    @Test
    @DisplayName("an entry that was made without the ledger's password is never delivered, and is no negative either")
    void forgedEntry() {
        LedgerKey key = LedgerPassword.of(new byte[] {1}).keyOf(LEDGER);
        LedgerKey forger = LedgerPassword.of(new byte[] {2}).keyOf(LEDGER);
        LedgerMetadata guarded = metadata.guardedBy(DigestType.HMAC_SHA256, key.verifier());
        Entry mine = new Entry(LEDGER, 0, -1, 4, Payload.ofUtf8("mine"));
        Entry forged = new Entry(LEDGER, 0, -1, 6, Payload.ofUtf8("forged"));
        RangeRead read = started(guarded, key, 0, 0);
        read.entriesRead(
                outbox.request,
                EntryBatch.of(List.of(EntryFormat.encode(forged, DigestType.HMAC_SHA256, forger))),
                1,
                0);
        read.entriesRead(outbox.request, EntryBatch.of(List.of(EntryFormat.encode(forged, DigestType.CRC32C))), 1, 0);
        assertThat(outbox.result).isEmpty();
        read.entriesRead(
                outbox.request, EntryBatch.of(List.of(EntryFormat.encode(mine, DigestType.HMAC_SHA256, key))), 1, 0);
        assertThat(outbox.result).containsExactly(mine);
        assertThat(outbox.asked).containsExactly(FIRST, SECOND, THIRD);

        read = started(guarded, key, 0, 0);
        for (int i = 0; i < 3; i++) {
            read.entriesRead(
                    outbox.request, EntryBatch.of(List.of(EntryFormat.encode(forged, DigestType.DUMMY))), 1, 0);
        }
        read.registerRead(Optional.of(guarded), 0);
        assertThat(outbox.failure).isNull();
        read.tick(10_000);
        assertThat(outbox.failure.code()).isEqualTo(LedgerException.Code.TimedOut);
    }
}
