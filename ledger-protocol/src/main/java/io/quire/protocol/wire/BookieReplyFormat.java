package io.quire.protocol.wire;

import static io.quire.protocol.wire.WireFields.SESSION_BYTES;
import static io.quire.protocol.wire.WireFields.getBookie;
import static io.quire.protocol.wire.WireFields.getEntries;
import static io.quire.protocol.wire.WireFields.getEpoch;
import static io.quire.protocol.wire.WireFields.getLedger;
import static io.quire.protocol.wire.WireFields.getSession;
import static io.quire.protocol.wire.WireFields.putBookie;
import static io.quire.protocol.wire.WireFields.putEntries;
import static io.quire.protocol.wire.WireFields.putEpoch;
import static io.quire.protocol.wire.WireFields.putLedger;
import static io.quire.protocol.wire.WireFields.putSession;

import io.quire.protocol.Fields;
import io.quire.protocol.wire.BookieReply.BatchRange;
import io.quire.protocol.wire.BookieReply.BatchReceived;
import io.quire.protocol.wire.BookieReply.BatchRefused;
import io.quire.protocol.wire.BookieReply.BookieIdentified;
import io.quire.protocol.wire.BookieReply.DropsConfirmed;
import io.quire.protocol.wire.BookieReply.EntriesAdded;
import io.quire.protocol.wire.BookieReply.EntriesPushed;
import io.quire.protocol.wire.BookieReply.EntriesRead;
import io.quire.protocol.wire.BookieReply.EntriesRecovered;
import io.quire.protocol.wire.BookieReply.LastAddConfirmedRead;
import io.quire.protocol.wire.BookieReply.LedgerFenced;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieReply.RequestRefused;
import io.quire.protocol.wire.BookieReply.SessionAck;
import io.quire.protocol.wire.BookieReply.SessionEnded;
import io.quire.protocol.wire.BookieReply.SessionOpened;
import io.quire.protocol.wire.BookieReply.SessionRefused;
import java.nio.ByteBuffer;
import java.util.List;

/** The formats of {@link BookieReply}; the layouts stand with {@link QuireSerializer}. Stateless. */
final class BookieReplyFormat {
    /** What an acknowledgement takes beside its ranges. */
    private static final int ACK_BYTES_MIN = SESSION_BYTES + 2 * Long.BYTES + Integer.BYTES;

    private static final int RANGE_BYTES = 2 * Long.BYTES;

    /** What an answer to a read takes beside its entries. */
    private static final int ENTRIES_READ_BYTES_MIN = 7 * Long.BYTES + 1 + Integer.BYTES;

    // values() copies, and refusals come in floods.
    private static final Refusal[] REFUSALS = Refusal.values();

    static final List<MessageFormat<?>> ALL = List.of(
            MessageFormat.small(
                    "a",
                    SessionOpened.class,
                    BookieReplyFormat::putSessionOpened,
                    in -> new SessionOpened(in.getLong(), getLedger(in), getSession(in), in.getLong())),
            new MessageFormat<>(
                    "b",
                    EntriesAdded.class,
                    BookieReplyFormat::entriesAddedBytes,
                    (out, added) -> Fields.putList(out, added.acks(), BookieReplyFormat::putAck),
                    in -> new EntriesAdded(Fields.getList(in, ACK_BYTES_MIN, BookieReplyFormat::getAck))),
            MessageFormat.small(
                    "c",
                    SessionRefused.class,
                    BookieReplyFormat::putSessionRefused,
                    in -> new SessionRefused(
                            getBookie(in), in.getLong(), getLedger(in), getRefusal(in), Fields.getString(in))),
            MessageFormat.small(
                    "d",
                    SessionEnded.class,
                    BookieReplyFormat::putSessionEnded,
                    in -> new SessionEnded(getSession(in), getRefusal(in), Fields.getString(in))),
            MessageFormat.small(
                    "e",
                    LedgerFenced.class,
                    BookieReplyFormat::putLedgerFenced,
                    in -> new LedgerFenced(getBookie(in), getEpoch(in), in.getLong(), getLedger(in), in.getLong())),
            new MessageFormat<>(
                    "f",
                    EntriesRead.class,
                    read -> ENTRIES_READ_BYTES_MIN + read.entries().byteSize(),
                    BookieReplyFormat::putEntriesRead,
                    BookieReplyFormat::getEntriesRead),
            MessageFormat.small(
                    "g",
                    LastAddConfirmedRead.class,
                    BookieReplyFormat::putLastAddConfirmedRead,
                    in -> new LastAddConfirmedRead(
                            getBookie(in), getEpoch(in), in.getLong(), getLedger(in), in.getLong())),
            MessageFormat.small(
                    "h",
                    BookieIdentified.class,
                    BookieReplyFormat::putBookieIdentified,
                    in -> new BookieIdentified(getBookie(in), getEpoch(in), in.getLong())),
            new MessageFormat<>(
                    "m",
                    DropsConfirmed.class,
                    confirmed -> 4 * Long.BYTES
                            + Integer.BYTES
                            + Long.BYTES * confirmed.ledgerIds().size(),
                    BookieReplyFormat::putDropsConfirmed,
                    in -> new DropsConfirmed(
                            getBookie(in),
                            getEpoch(in),
                            in.getLong(),
                            Fields.getList(in, Long.BYTES, WireFields::getLedger))),
            MessageFormat.small(
                    "i",
                    RequestRefused.class,
                    BookieReplyFormat::putRequestRefused,
                    in -> new RequestRefused(getBookie(in), in.getLong(), getRefusal(in), Fields.getString(in))),
            MessageFormat.small(
                    "j",
                    BatchRefused.class,
                    BookieReplyFormat::putBatchRefused,
                    in -> new BatchRefused(getSession(in), in.getLong(), getRefusal(in), Fields.getString(in))),
            MessageFormat.small(
                    "k",
                    EntriesRecovered.class,
                    BookieReplyFormat::putEntriesRecovered,
                    in -> new EntriesRecovered(getBookie(in), getEpoch(in), in.getLong(), getLedger(in))),
            MessageFormat.small(
                    "o",
                    BatchReceived.class,
                    (out, received) -> {
                        putSession(out, received.session());
                        out.putLong(received.number());
                    },
                    in -> new BatchReceived(getSession(in), in.getLong())),
            new MessageFormat<>(
                    "l",
                    EntriesPushed.class,
                    pushed -> ENTRIES_READ_BYTES_MIN
                            + 2 * Long.BYTES
                            + pushed.entries().byteSize(),
                    BookieReplyFormat::putEntriesPushed,
                    BookieReplyFormat::getEntriesPushed));

    private BookieReplyFormat() {}

    private static Refusal getRefusal(ByteBuffer in) {
        return Fields.getEnum(in, REFUSALS);
    }

    private static void putSessionOpened(ByteBuffer out, SessionOpened opened) {
        out.putLong(opened.requestId());
        putLedger(out, opened.ledgerId());
        putSession(out, opened.session());
        out.putLong(opened.creditLimit());
    }

    private static int entriesAddedBytes(EntriesAdded added) {
        int bytes = Integer.BYTES;
        for (SessionAck ack : added.acks()) {
            bytes = Math.addExact(
                    bytes, ACK_BYTES_MIN + RANGE_BYTES * ack.ranges().size());
        }
        return bytes;
    }

    private static void putAck(ByteBuffer out, SessionAck ack) {
        putSession(out, ack.session());
        out.putLong(ack.cumulative());
        Fields.putList(out, ack.ranges(), (o, range) -> o.putLong(range.first()).putLong(range.last()));
        out.putLong(ack.creditLimit());
    }

    private static SessionAck getAck(ByteBuffer in) {
        return new SessionAck(
                getSession(in),
                in.getLong(),
                Fields.getList(in, RANGE_BYTES, i -> new BatchRange(i.getLong(), i.getLong())),
                in.getLong());
    }

    private static void putSessionRefused(ByteBuffer out, SessionRefused refused) {
        putBookie(out, refused.bookie());
        out.putLong(refused.requestId());
        putLedger(out, refused.ledgerId());
        Fields.putEnum(out, refused.refusal());
        Fields.putString(out, refused.detail());
    }

    private static void putSessionEnded(ByteBuffer out, SessionEnded ended) {
        putSession(out, ended.session());
        Fields.putEnum(out, ended.refusal());
        Fields.putString(out, ended.detail());
    }

    private static void putBatchRefused(ByteBuffer out, BatchRefused refused) {
        putSession(out, refused.session());
        out.putLong(refused.number());
        Fields.putEnum(out, refused.refusal());
        Fields.putString(out, refused.detail());
    }

    private static void putLedgerFenced(ByteBuffer out, LedgerFenced fenced) {
        putBookie(out, fenced.bookie());
        putEpoch(out, fenced.bootEpoch());
        out.putLong(fenced.requestId());
        putLedger(out, fenced.ledgerId());
        out.putLong(fenced.lastAddConfirmed());
    }

    private static void putEntriesRead(ByteBuffer out, EntriesRead read) {
        putBookie(out, read.bookie());
        putEpoch(out, read.bootEpoch());
        out.putLong(read.requestId());
        putLedger(out, read.ledgerId());
        putEntries(out, read.entries());
        out.putLong(read.coveredTo());
        out.putLong(read.lastAddConfirmed());
    }

    private static EntriesRead getEntriesRead(ByteBuffer in) {
        return new EntriesRead(
                getBookie(in), getEpoch(in), in.getLong(), getLedger(in), getEntries(in), in.getLong(), in.getLong());
    }

    private static void putLastAddConfirmedRead(ByteBuffer out, LastAddConfirmedRead read) {
        putBookie(out, read.bookie());
        putEpoch(out, read.bootEpoch());
        out.putLong(read.requestId());
        putLedger(out, read.ledgerId());
        out.putLong(read.lastAddConfirmed());
    }

    private static void putEntriesRecovered(ByteBuffer out, EntriesRecovered recovered) {
        putBookie(out, recovered.bookie());
        putEpoch(out, recovered.bootEpoch());
        out.putLong(recovered.requestId());
        putLedger(out, recovered.ledgerId());
    }

    private static void putEntriesPushed(ByteBuffer out, EntriesPushed pushed) {
        putBookie(out, pushed.bookie());
        putEpoch(out, pushed.bootEpoch());
        out.putLong(pushed.requestId());
        putLedger(out, pushed.ledgerId());
        out.putLong(pushed.number()).putLong(pushed.endOffset());
        putEntries(out, pushed.entries());
        out.putLong(pushed.coveredTo()).putLong(pushed.lastAddConfirmed());
    }

    private static EntriesPushed getEntriesPushed(ByteBuffer in) {
        return new EntriesPushed(
                getBookie(in),
                getEpoch(in),
                in.getLong(),
                getLedger(in),
                in.getLong(),
                in.getLong(),
                getEntries(in),
                in.getLong(),
                in.getLong());
    }

    private static void putDropsConfirmed(ByteBuffer out, DropsConfirmed confirmed) {
        putBookie(out, confirmed.bookie());
        putEpoch(out, confirmed.bootEpoch());
        out.putLong(confirmed.requestId());
        Fields.putList(out, confirmed.ledgerIds(), WireFields::putLedger);
    }

    private static void putBookieIdentified(ByteBuffer out, BookieIdentified identified) {
        putBookie(out, identified.bookie());
        putEpoch(out, identified.bootEpoch());
        out.putLong(identified.requestId());
    }

    private static void putRequestRefused(ByteBuffer out, RequestRefused refused) {
        putBookie(out, refused.bookie());
        out.putLong(refused.requestId());
        Fields.putEnum(out, refused.refusal());
        Fields.putString(out, refused.detail());
    }
}
