package io.quire.protocol.wire;

import static io.quire.protocol.wire.WireFields.SESSION_BYTES;
import static io.quire.protocol.wire.WireFields.getBookie;
import static io.quire.protocol.wire.WireFields.getEntries;
import static io.quire.protocol.wire.WireFields.getLedger;
import static io.quire.protocol.wire.WireFields.getSession;
import static io.quire.protocol.wire.WireFields.putBookie;
import static io.quire.protocol.wire.WireFields.putEntries;
import static io.quire.protocol.wire.WireFields.putLedger;
import static io.quire.protocol.wire.WireFields.putSession;

import io.quire.protocol.Fields;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieRequest.AddEntries;
import io.quire.protocol.wire.BookieRequest.Batch;
import io.quire.protocol.wire.BookieRequest.CloseSession;
import io.quire.protocol.wire.BookieRequest.ConfirmDropped;
import io.quire.protocol.wire.BookieRequest.FenceLedger;
import io.quire.protocol.wire.BookieRequest.GrantCredit;
import io.quire.protocol.wire.BookieRequest.IdentifyBookie;
import io.quire.protocol.wire.BookieRequest.OpenSession;
import io.quire.protocol.wire.BookieRequest.ProbeSession;
import io.quire.protocol.wire.BookieRequest.ReadEntries;
import io.quire.protocol.wire.BookieRequest.ReadLastAddConfirmed;
import io.quire.protocol.wire.BookieRequest.RecoveryAddEntries;
import io.quire.protocol.wire.BookieRequest.SubscribeLedger;
import io.quire.protocol.wire.BookieRequest.UnsubscribeLedger;
import java.nio.ByteBuffer;
import java.util.List;

/** The formats of {@link BookieRequest}; the layouts stand with {@link QuireSerializer}. Stateless. */
final class BookieRequestFormat {
    /** What a batch takes beside its entries. */
    private static final int BATCH_BYTES_MIN = SESSION_BYTES + 3 * Long.BYTES + Integer.BYTES + 1;

    static final List<MessageFormat<?>> ALL = List.of(
            MessageFormat.small(
                    "A",
                    OpenSession.class,
                    BookieRequestFormat::putOpenSession,
                    in -> new OpenSession(
                            getBookie(in), in.getLong(), getLedger(in), in.getLong(), Fields.getPayload(in))),
            new MessageFormat<>(
                    "B",
                    AddEntries.class,
                    BookieRequestFormat::addEntriesBytes,
                    BookieRequestFormat::putAddEntries,
                    BookieRequestFormat::getAddEntries),
            MessageFormat.small(
                    "C",
                    ProbeSession.class,
                    (out, probe) -> putTargetAndSession(out, probe, probe.session()),
                    in -> new ProbeSession(getBookie(in), getSession(in))),
            MessageFormat.small(
                    "D",
                    CloseSession.class,
                    (out, close) -> putTargetAndSession(out, close, close.session()),
                    in -> new CloseSession(getBookie(in), getSession(in))),
            MessageFormat.small(
                    "E",
                    FenceLedger.class,
                    BookieRequestFormat::putFenceLedger,
                    in -> new FenceLedger(getBookie(in), in.getLong(), getLedger(in), Fields.getPayload(in))),
            MessageFormat.small(
                    "F", ReadEntries.class, BookieRequestFormat::putReadEntries, BookieRequestFormat::getReadEntries),
            MessageFormat.small(
                    "G",
                    ReadLastAddConfirmed.class,
                    BookieRequestFormat::putReadLastAddConfirmed,
                    in -> new ReadLastAddConfirmed(getBookie(in), in.getLong(), getLedger(in))),
            MessageFormat.small(
                    "H",
                    IdentifyBookie.class,
                    BookieRequestFormat::putIdentifyBookie,
                    in -> new IdentifyBookie(getBookie(in), in.getLong())),
            new MessageFormat<>(
                    "I",
                    RecoveryAddEntries.class,
                    add -> 6 * Long.BYTES
                            + Integer.BYTES
                            + add.proof().length()
                            + add.entries().byteSize(),
                    BookieRequestFormat::putRecoveryAddEntries,
                    in -> new RecoveryAddEntries(
                            getBookie(in),
                            in.getLong(),
                            getLedger(in),
                            in.getLong(),
                            Fields.getPayload(in),
                            getEntries(in))),
            MessageFormat.small(
                    "J",
                    SubscribeLedger.class,
                    BookieRequestFormat::putSubscribeLedger,
                    in -> new SubscribeLedger(
                            getBookie(in), in.getLong(), getLedger(in), in.getLong(), in.getLong(), in.getLong())),
            MessageFormat.small(
                    "K",
                    GrantCredit.class,
                    BookieRequestFormat::putGrantCredit,
                    in -> new GrantCredit(getBookie(in), in.getLong(), getLedger(in), in.getLong(), in.getLong())),
            MessageFormat.small(
                    "L",
                    UnsubscribeLedger.class,
                    BookieRequestFormat::putUnsubscribeLedger,
                    in -> new UnsubscribeLedger(getBookie(in), in.getLong(), getLedger(in))),
            new MessageFormat<>(
                    "M",
                    ConfirmDropped.class,
                    confirm -> 3 * Long.BYTES
                            + Integer.BYTES
                            + Long.BYTES * confirm.ledgerIds().size(),
                    BookieRequestFormat::putConfirmDropped,
                    in -> new ConfirmDropped(
                            getBookie(in), in.getLong(), Fields.getList(in, Long.BYTES, WireFields::getLedger))));

    private BookieRequestFormat() {}

    private static void putOpenSession(ByteBuffer out, OpenSession open) {
        putBookie(out, open.target());
        out.putLong(open.requestId());
        putLedger(out, open.ledgerId());
        out.putLong(open.fragmentVersion());
        Fields.putPayload(out, open.proof());
    }

    private static int addEntriesBytes(AddEntries add) {
        int bytes = 2 * Long.BYTES + Integer.BYTES;
        for (Batch batch : add.batches()) {
            bytes = Math.addExact(bytes, BATCH_BYTES_MIN + batch.entries().byteSize());
        }
        return bytes;
    }

    private static void putAddEntries(ByteBuffer out, AddEntries add) {
        putBookie(out, add.target());
        Fields.putList(out, add.batches(), BookieRequestFormat::putBatch);
    }

    private static AddEntries getAddEntries(ByteBuffer in) {
        return new AddEntries(getBookie(in), Fields.getList(in, BATCH_BYTES_MIN, BookieRequestFormat::getBatch));
    }

    private static void putBatch(ByteBuffer out, Batch batch) {
        putSession(out, batch.session());
        out.putLong(batch.number()).putLong(batch.endOffset()).putLong(batch.lastAddConfirmed());
        putEntries(out, batch.entries());
        Fields.putBoolean(out, batch.receipt());
    }

    private static Batch getBatch(ByteBuffer in) {
        return new Batch(
                getSession(in), in.getLong(), in.getLong(), in.getLong(), getEntries(in), Fields.getBoolean(in));
    }

    private static void putTargetAndSession(ByteBuffer out, BookieRequest request, SessionId session) {
        putBookie(out, request.target());
        putSession(out, session);
    }

    private static void putFenceLedger(ByteBuffer out, FenceLedger fence) {
        putBookie(out, fence.target());
        out.putLong(fence.requestId());
        putLedger(out, fence.ledgerId());
        Fields.putPayload(out, fence.proof());
    }

    private static void putReadEntries(ByteBuffer out, ReadEntries read) {
        putBookie(out, read.target());
        out.putLong(read.requestId());
        putLedger(out, read.ledgerId());
        out.putLong(read.firstEntryId()).putLong(read.lastEntryId());
        out.putInt(read.entriesMax()).putInt(read.bytesMax());
        Fields.putBoolean(out, read.fencing());
        Fields.putPayload(out, read.proof());
    }

    private static ReadEntries getReadEntries(ByteBuffer in) {
        return new ReadEntries(
                getBookie(in),
                in.getLong(),
                getLedger(in),
                in.getLong(),
                in.getLong(),
                in.getInt(),
                in.getInt(),
                Fields.getBoolean(in),
                Fields.getPayload(in));
    }

    private static void putReadLastAddConfirmed(ByteBuffer out, ReadLastAddConfirmed read) {
        putBookie(out, read.target());
        out.putLong(read.requestId());
        putLedger(out, read.ledgerId());
    }

    private static void putRecoveryAddEntries(ByteBuffer out, RecoveryAddEntries add) {
        putBookie(out, add.target());
        out.putLong(add.requestId());
        putLedger(out, add.ledgerId());
        out.putLong(add.version());
        Fields.putPayload(out, add.proof());
        putEntries(out, add.entries());
    }

    private static void putSubscribeLedger(ByteBuffer out, SubscribeLedger subscribe) {
        putBookie(out, subscribe.target());
        out.putLong(subscribe.requestId());
        putLedger(out, subscribe.ledgerId());
        out.putLong(subscribe.firstEntryId());
        out.putLong(subscribe.lastAddConfirmed());
        out.putLong(subscribe.creditLimit());
    }

    private static void putGrantCredit(ByteBuffer out, GrantCredit grant) {
        putBookie(out, grant.target());
        out.putLong(grant.requestId());
        putLedger(out, grant.ledgerId());
        out.putLong(grant.lastAddConfirmed());
        out.putLong(grant.creditLimit());
    }

    private static void putUnsubscribeLedger(ByteBuffer out, UnsubscribeLedger unsubscribe) {
        putBookie(out, unsubscribe.target());
        out.putLong(unsubscribe.requestId());
        putLedger(out, unsubscribe.ledgerId());
    }

    private static void putConfirmDropped(ByteBuffer out, ConfirmDropped confirm) {
        putBookie(out, confirm.target());
        out.putLong(confirm.requestId());
        Fields.putList(out, confirm.ledgerIds(), WireFields::putLedger);
    }

    private static void putIdentifyBookie(ByteBuffer out, IdentifyBookie identify) {
        putBookie(out, identify.target());
        out.putLong(identify.requestId());
    }
}
