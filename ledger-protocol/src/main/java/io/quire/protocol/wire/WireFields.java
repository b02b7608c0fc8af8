package io.quire.protocol.wire;

import io.quire.protocol.Ballot;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.SessionId;
import io.quire.protocol.VoterId;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Function;

/** The values that messages are made of, in terms of {@link Fields}. Stateless. */
final class WireFields {
    /** What a session takes; the layouts stand with {@link QuireSerializer}. */
    static final int SESSION_BYTES = 32;

    private WireFields() {}

    static void putBookie(ByteBuffer out, BookieId bookie) {
        Fields.putUuid(out, bookie.value());
    }

    static BookieId getBookie(ByteBuffer in) {
        return new BookieId(Fields.getUuid(in));
    }

    static void putEpoch(ByteBuffer out, BootEpoch epoch) {
        out.putLong(epoch.value());
    }

    static BootEpoch getEpoch(ByteBuffer in) {
        return new BootEpoch(in.getLong());
    }

    static void putSession(ByteBuffer out, SessionId session) {
        putBookie(out, session.bookie());
        putEpoch(out, session.bootEpoch());
        out.putLong(session.counter());
    }

    static SessionId getSession(ByteBuffer in) {
        return new SessionId(getBookie(in), getEpoch(in), in.getLong());
    }

    static void putLedger(ByteBuffer out, LedgerId ledgerId) {
        out.putLong(ledgerId.value());
    }

    static LedgerId getLedger(ByteBuffer in) {
        return new LedgerId(in.getLong());
    }

    /** Writes each encoded entry straight into the buffer: nothing is gathered first. */
    static void putEntries(ByteBuffer out, EntryBatch batch) {
        out.putInt(batch.byteSize());
        List<Payload> entries = batch.entries();
        for (int i = 0; i < entries.size(); i++) {
            entries.get(i).writeTo(out);
        }
    }

    /** Copies the entries out of the buffer, which is reused, as one slab that they share. */
    static EntryBatch getEntries(ByteBuffer in) {
        return EntryBatch.ofSlab(Fields.getPayload(in));
    }

    static void putVoter(ByteBuffer out, VoterId voter) {
        Fields.putUuid(out, voter.value());
    }

    static VoterId getVoter(ByteBuffer in) {
        return new VoterId(Fields.getUuid(in));
    }

    static void putBallot(ByteBuffer out, Ballot ballot) {
        out.putLong(ballot.counter());
        Fields.putUuid(out, ballot.proposer().value());
    }

    static Ballot getBallot(ByteBuffer in) {
        return new Ballot(in.getLong(), new ProposerId(Fields.getUuid(in)));
    }

    static void putKey(ByteBuffer out, RegistryKey key) {
        Fields.putString(out, key.path());
    }

    static RegistryKey getKey(ByteBuffer in) {
        return new RegistryKey(Fields.getString(in));
    }

    static <T> void putOptional(ByteBuffer out, Optional<T> value, BiConsumer<ByteBuffer, T> put) {
        Fields.putBoolean(out, value.isPresent());
        value.ifPresent(present -> put.accept(out, present));
    }

    static <T> Optional<T> getOptional(ByteBuffer in, Function<ByteBuffer, T> get) {
        return Fields.getBoolean(in) ? Optional.of(get.apply(in)) : Optional.empty();
    }
}
