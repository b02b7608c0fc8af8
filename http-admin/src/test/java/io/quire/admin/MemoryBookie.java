package io.quire.admin;

import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Bundle;
import io.quire.protocol.wire.Envelope;
import io.quire.protocol.wire.WireMessage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/** A bookie that keeps entries in memory, and believes every writer. */
final class MemoryBookie extends AbstractBehavior<WireMessage> {
    private static final BootEpoch EPOCH = new BootEpoch(1);
    private static final long CREDIT = 1L << 40;

    private final BookieId id;
    private final long batchesMax;
    private final Map<LedgerId, TreeMap<Long, Payload>> entries = new HashMap<>();
    private final Map<LedgerId, Long> confirmed = new HashMap<>();
    private final Map<SessionId, LedgerId> sessions = new HashMap<>();
    private final Map<SessionId, Long> acknowledged = new HashMap<>();

    private final List<Tail> tails = new ArrayList<>();

    /** A reader that follows. */
    private static final class Tail {
        private final ActorRef<BookieReply> reader;
        private final BookieRequest.SubscribeLedger request;
        private long next;
        private long number;
        private long endOffset;

        Tail(ActorRef<BookieReply> reader, BookieRequest.SubscribeLedger request) {
            this.reader = reader;
            this.request = request;
            this.next = request.firstEntryId();
        }
    }

    private MemoryBookie(ActorContext<WireMessage> context, BookieId id, long batchesMax) {
        super(context);
        this.id = id;
        this.batchesMax = batchesMax;
    }

    /**
     * @param batchesMax later batches of a session are lost
     */
    static Behavior<WireMessage> create(BookieId id, long batchesMax) {
        return Behaviors.setup(context -> new MemoryBookie(context, id, batchesMax));
    }

    @Override
    public Receive<WireMessage> createReceive() {
        return newReceiveBuilder()
                .onMessage(BookieRequest.OpenSession.class, this::onOpen)
                .onMessage(BookieRequest.AddEntries.class, this::onAdd)
                .onMessage(BookieRequest.ProbeSession.class, probe -> answer(acknowledge(List.of(probe.session()))))
                .onMessage(
                        BookieRequest.IdentifyBookie.class,
                        identify -> answer(new BookieReply.BookieIdentified(id, EPOCH, identify.requestId())))
                .onMessage(BookieRequest.CloseSession.class, close -> this)
                .onMessage(BookieRequest.ReadEntries.class, this::onRead)
                .onMessage(BookieRequest.SubscribeLedger.class, this::onSubscribe)
                .onMessage(BookieRequest.GrantCredit.class, grant -> this)
                .onMessage(BookieRequest.UnsubscribeLedger.class, this::onUnsubscribe)
                .onMessage(
                        BookieRequest.ReadLastAddConfirmed.class,
                        read -> answer(new BookieReply.LastAddConfirmedRead(
                                id, EPOCH, read.requestId(), read.ledgerId(), confirmedOf(read.ledgerId()))))
                .onMessage(Bundle.class, this::onBundle)
                .build();
    }

    private Behavior<WireMessage> onBundle(Bundle bundle) {
        ActorRef<BookieReply> sender = Envelope.sender(getContext());
        bundle.messages().forEach(message -> Envelope.send(getContext().getSelf(), message, sender));
        return this;
    }

    private Behavior<WireMessage> onOpen(BookieRequest.OpenSession open) {
        SessionId session = new SessionId(id, EPOCH, sessions.size() + 1);
        sessions.put(session, open.ledgerId());
        return answer(new BookieReply.SessionOpened(open.requestId(), open.ledgerId(), session, CREDIT));
    }

    private Behavior<WireMessage> onAdd(BookieRequest.AddEntries add) {
        List<SessionId> touched = new ArrayList<>();
        for (BookieRequest.Batch batch : add.batches()) {
            LedgerId ledgerId = sessions.get(batch.session());
            if (batch.number() > batchesMax) {
                continue;
            }
            for (Payload entry : batch.entries().entries()) {
                entries.computeIfAbsent(ledgerId, key -> new TreeMap<>())
                        .put(EntryFormat.decode(entry).entryId(), entry);
            }
            confirmed.merge(ledgerId, batch.lastAddConfirmed(), Math::max);
            acknowledged.merge(batch.session(), batch.number(), Math::max);
            touched.add(batch.session());
        }
        tails.forEach(this::push);
        return answer(acknowledge(touched));
    }

    private Behavior<WireMessage> onSubscribe(BookieRequest.SubscribeLedger subscribe) {
        Tail tail = new Tail(Envelope.sender(getContext()), subscribe);
        tails.add(tail);
        push(tail);
        return this;
    }

    private Behavior<WireMessage> onUnsubscribe(BookieRequest.UnsubscribeLedger unsubscribe) {
        ActorRef<BookieReply> reader = Envelope.sender(getContext());
        tails.removeIf(tail -> tail.reader.equals(reader) && tail.request.requestId() == unsubscribe.requestId());
        return this;
    }

    private void push(Tail tail) {
        LedgerId ledgerId = tail.request.ledgerId();
        long end = Math.max(confirmedOf(ledgerId), tail.request.lastAddConfirmed()) + 1;
        if (end <= tail.next) {
            return;
        }
        EntryBatch found = EntryBatch.of(List.copyOf(entries.getOrDefault(ledgerId, new TreeMap<>())
                .subMap(tail.next, end)
                .values()));
        tail.next = end;
        tail.number++;
        tail.endOffset += found.byteSize();
        tail.reader.tell(new BookieReply.EntriesPushed(
                id,
                EPOCH,
                tail.request.requestId(),
                ledgerId,
                tail.number,
                tail.endOffset,
                found,
                end,
                confirmedOf(ledgerId)));
    }

    private Behavior<WireMessage> onRead(BookieRequest.ReadEntries read) {
        TreeMap<Long, Payload> held = entries.getOrDefault(read.ledgerId(), new TreeMap<>());
        List<Payload> found = new ArrayList<>();
        long next = read.firstEntryId();
        int bytes = 0;
        while (next <= read.lastEntryId()
                && held.containsKey(next)
                && found.size() < read.entriesMax()
                && (bytes == 0 || bytes + held.get(next).length() <= read.bytesMax())) {
            found.add(held.get(next));
            bytes += held.get(next).length();
            next++;
        }
        Long nextHeld = held.ceilingKey(next);
        long coveredTo = nextHeld == null || nextHeld > read.lastEntryId() ? read.lastEntryId() + 1 : nextHeld;
        return answer(new BookieReply.EntriesRead(
                id,
                EPOCH,
                read.requestId(),
                read.ledgerId(),
                EntryBatch.of(found),
                coveredTo,
                confirmedOf(read.ledgerId())));
    }

    private BookieReply acknowledge(List<SessionId> touched) {
        return new BookieReply.EntriesAdded(touched.stream()
                .distinct()
                .map(session ->
                        new BookieReply.SessionAck(session, acknowledged.getOrDefault(session, 0L), List.of(), CREDIT))
                .toList());
    }

    private long confirmedOf(LedgerId ledgerId) {
        return confirmed.getOrDefault(ledgerId, EntryId.NONE);
    }

    private Behavior<WireMessage> answer(BookieReply reply) {
        ActorRef<BookieReply> sender = Envelope.sender(getContext());
        sender.tell(reply);
        return this;
    }
}
