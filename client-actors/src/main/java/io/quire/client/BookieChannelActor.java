package io.quire.client;

import io.quire.protocol.BookieId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Bundle;
import io.quire.protocol.wire.Bundler;
import io.quire.protocol.wire.Envelope;
import io.quire.protocol.wire.WireMessage;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * What the writers, readers and recoveries of one process send to one bookie. What several have at once travels in one
 * message: batches, and questions, gather until the mailbox is drained, there is no timer. Messages of batches that the
 * bookie has not answered are bounded; what is beyond waits here. The bytes that wait or are not answered are bounded too,
 * over all sessions: beyond them a batch is refused as if the bookie had no room, and its writer, who keeps it, offers it
 * again.
 *
 * <p>One per bookie and process, for the life of the process. Keeps no state that others rely on: what is lost they send
 * again, and whoever asks bounds the wait for the answer.
 */
final class BookieChannelActor extends AbstractBehavior<BookieChannelActor.Command> {
    private static final Duration TICK = Duration.ofMillis(250);
    private static final int OPENINGS_MAX = 10_000;
    /** Far more than wait at once; those beyond were not answered. */
    private static final int QUESTIONS_MAX = 100_000;

    private final BookieId bookie;
    private final Supplier<Optional<ActorRef<BookieRequest>>> address;
    private final ClientSettings.Channel settings;
    private final LongSupplier nanoClock;
    private final ActorRef<BookieReply> replies;
    private final Map<Long, ActorRef<BookieReply>> openings = new LinkedHashMap<>();
    private final Map<Long, Asked> questions = new LinkedHashMap<>();
    private final Bundler outgoing = new Bundler();
    private final Map<SessionId, Owner> owners = new HashMap<>();
    private final Deque<BookieRequest.Batch> queue = new ArrayDeque<>();
    private final Deque<Message> inFlight = new ArrayDeque<>();
    private int inFlightCount;
    /** Encoded bytes of batches that wait, or are in flight. */
    private long bytes;

    private boolean flushScheduled;
    private long lastRequest;
    private ActorRef<BookieRequest> target;

    sealed interface Command {}

    /** Opens a session for {@code owner}, with a proof of the ledger's password. */
    record Open(LedgerId ledgerId, long fragmentVersion, Payload proof, ActorRef<BookieReply> owner)
            implements Command {}

    record Send(BookieRequest.Batch batch) implements Command {}

    record Probe(SessionId session) implements Command {}

    record Close(SessionId session) implements Command {}

    /** Asks the bookie; its answer, or a refusal when it cannot be reached, goes to {@code replyTo}, if any comes. */
    record Ask(BookieRequest.Question question, ActorRef<BookieReply> replyTo) implements Command {}

    private record Replied(BookieReply reply) implements Command {}

    private record RepliedTogether(Bundle bundle) implements Command {}

    /** A writer is gone, perhaps without a word. */
    private record OwnerGone(ActorRef<BookieReply> owner) implements Command {}

    private enum Flush implements Command {
        INSTANCE
    }

    private enum Tick implements Command {
        INSTANCE
    }

    /** @param requestId what who asked calls the question */
    private record Asked(ActorRef<BookieReply> replyTo, long requestId) {}

    /** One message on its way. */
    private static final class Message {
        private final long sentNanos;
        private final long bytes;
        private int unanswered;
        private boolean counted = true;

        Message(int batches, long bytes, long sentNanos) {
            this.bytes = bytes;
            this.unanswered = batches;
            this.sentNanos = sentNanos;
        }
    }

    /** A batch and the message that it last travelled in. */
    private record Sent(long number, Message message) {}

    private static final class Owner {
        private final ActorRef<BookieReply> ref;
        private final Deque<Sent> sent = new ArrayDeque<>();

        Owner(ActorRef<BookieReply> ref) {
            this.ref = ref;
        }
    }

    private BookieChannelActor(
            ActorContext<Command> context,
            BookieId bookie,
            Supplier<Optional<ActorRef<BookieRequest>>> address,
            ClientSettings.Channel settings,
            LongSupplier nanoClock) {
        super(context);
        this.bookie = bookie;
        this.address = address;
        this.settings = settings;
        this.nanoClock = nanoClock;
        this.replies = context.messageAdapter(BookieReply.class, Replied::new);
        // The same address: what comes there is told apart by its class.
        context.messageAdapter(Bundle.class, RepliedTogether::new);
    }

    /**
     * @param address where the bookie is now; asked often, since a reference to an actor of this process stands for one
     *     incarnation of it
     */
    static Behavior<Command> create(
            BookieId bookie,
            Supplier<Optional<ActorRef<BookieRequest>>> address,
            ClientSettings.Channel settings,
            LongSupplier nanoClock) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            timers.startTimerWithFixedDelay(Tick.INSTANCE, TICK);
            return new BookieChannelActor(context, bookie, address, settings, nanoClock);
        }));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Send.class, this::onSend)
                .onMessage(Ask.class, this::onAsk)
                .onMessage(Replied.class, replied -> onReply(replied.reply()))
                .onMessage(RepliedTogether.class, this::onRepliedTogether)
                .onMessage(Flush.class, flush -> onFlush())
                .onMessage(Open.class, this::onOpen)
                .onMessage(Probe.class, this::onProbe)
                .onMessage(Close.class, this::onClose)
                .onMessage(OwnerGone.class, this::onOwnerGone)
                .onMessage(Tick.class, tick -> onTick())
                .build();
    }

    private Behavior<Command> onSend(Send send) {
        BookieRequest.Batch batch = send.batch();
        Owner owner = owners.get(batch.session());
        int size = batch.entries().byteSize();
        if (owner != null && size > 0 && bytes > 0 && bytes + size > settings.bytesMax()) {
            owner.ref.tell(new BookieReply.BatchRefused(
                    batch.session(),
                    batch.number(),
                    BookieReply.Refusal.OVERLOADED,
                    bytes + " bytes of this process wait for bookie " + bookie + " already"));
            return this;
        }
        bytes += size;
        queue.add(batch);
        scheduleFlushIfWaiting();
        return this;
    }

    private void scheduleFlush() {
        if (!flushScheduled) {
            flushScheduled = true;
            getContext().getSelf().tell(Flush.INSTANCE);
        }
    }

    private Behavior<Command> onFlush() {
        flushScheduled = false;
        for (WireMessage message : outgoing.take()) {
            if (target != null) {
                Envelope.send(target.unsafeUpcast(), message, replies);
            }
        }
        while (!queue.isEmpty() && inFlightCount < settings.messagesInFlightMax()) {
            List<BookieRequest.Batch> batches = new ArrayList<>();
            long size = 0;
            while (!queue.isEmpty()
                    && (batches.isEmpty() || size + queue.peek().entries().byteSize() <= settings.messageBytesMax())) {
                BookieRequest.Batch batch = queue.poll();
                if (owners.containsKey(batch.session())) {
                    size += batch.entries().byteSize();
                    batches.add(batch);
                } else {
                    bytes -= batch.entries().byteSize();
                }
            }
            if (!batches.isEmpty()) {
                send(batches, size);
            }
        }
        return this;
    }

    private void send(List<BookieRequest.Batch> batches, long size) {
        Message message = new Message(batches.size(), size, nanoClock.getAsLong());
        inFlight.add(message);
        inFlightCount++;
        for (BookieRequest.Batch batch : batches) {
            owners.get(batch.session()).sent.add(new Sent(batch.number(), message));
        }
        if (target != null) {
            Envelope.send(target, new BookieRequest.AddEntries(bookie, batches), replies);
        }
    }

    private Behavior<Command> onOpen(Open open) {
        resolve();
        if (target == null) {
            open.owner()
                    .tell(new BookieReply.SessionRefused(
                            bookie, 0, open.ledgerId(), BookieReply.Refusal.UNAVAILABLE, "its address is not known"));
            return this;
        }
        long request = ++lastRequest;
        getContext().watchWith(open.owner(), new OwnerGone(open.owner()));
        openings.put(request, open.owner());
        if (openings.size() > OPENINGS_MAX) {
            openings.remove(openings.keySet().iterator().next());
        }
        tell(new BookieRequest.OpenSession(bookie, request, open.ledgerId(), open.fragmentVersion(), open.proof()));
        return this;
    }

    private Behavior<Command> onAsk(Ask ask) {
        resolve();
        if (target == null) {
            ask.replyTo()
                    .tell(new BookieReply.RequestRefused(
                            bookie,
                            ask.question().requestId(),
                            BookieReply.Refusal.UNAVAILABLE,
                            "its address is not known"));
            return this;
        }
        long request = ++lastRequest;
        questions.put(request, new Asked(ask.replyTo(), ask.question().requestId()));
        if (questions.size() > QUESTIONS_MAX) {
            questions.remove(questions.keySet().iterator().next());
        }
        tell(ask.question().withRequestId(request));
        return this;
    }

    private Behavior<Command> onProbe(Probe probe) {
        tell(new BookieRequest.ProbeSession(bookie, probe.session()));
        return this;
    }

    private Behavior<Command> onClose(Close close) {
        forget(close.session());
        tell(new BookieRequest.CloseSession(bookie, close.session()));
        return this;
    }

    /** Its sessions would be kept here and at the bookie for ever; one that opens later finds nobody who asked for it. */
    private Behavior<Command> onOwnerGone(OwnerGone gone) {
        openings.values().removeIf(gone.owner()::equals);
        List<SessionId> orphans = owners.entrySet().stream()
                .filter(owner -> owner.getValue().ref.equals(gone.owner()))
                .map(Map.Entry::getKey)
                .toList();
        orphans.forEach(session -> onClose(new Close(session)));
        return this;
    }

    private Behavior<Command> onRepliedTogether(RepliedTogether together) {
        for (WireMessage message : together.bundle().messages()) {
            if (message instanceof BookieReply reply) {
                onReply(reply);
            }
        }
        return this;
    }

    private Behavior<Command> onReply(BookieReply reply) {
        if (reply instanceof BookieReply.Answer answer) {
            Asked asked = questions.remove(answer.requestId());
            if (asked != null) {
                asked.replyTo().tell(answer.withRequestId(asked.requestId()));
            }
        } else if (reply instanceof BookieReply.EntriesAdded added) {
            added.acks().forEach(this::acked);
        } else if (reply instanceof BookieReply.SessionOpened opened) {
            ActorRef<BookieReply> owner = openings.remove(opened.requestId());
            if (owner != null) {
                owners.put(opened.session(), new Owner(owner));
                owner.tell(opened);
            } else {
                tell(new BookieRequest.CloseSession(bookie, opened.session()));
            }
        } else if (reply instanceof BookieReply.SessionRefused refused) {
            ActorRef<BookieReply> owner = openings.remove(refused.requestId());
            if (owner != null) {
                owner.tell(refused);
            }
        } else if (reply instanceof BookieReply.SessionEnded ended) {
            Owner owner = owners.get(ended.session());
            if (owner != null) {
                forget(ended.session());
                owner.ref.tell(ended);
            }
        } else if (reply instanceof BookieReply.BatchReceived received) {
            Owner owner = owners.get(received.session());
            if (owner != null) {
                owner.ref.tell(received);
            }
        } else if (reply instanceof BookieReply.BatchRefused refused) {
            Owner owner = owners.get(refused.session());
            if (owner != null) {
                owner.sent.removeIf(sent -> sent.number() == refused.number() && answered(sent.message()));
                owner.ref.tell(refused);
            }
        }
        scheduleFlushIfWaiting();
        return this;
    }

    private void acked(BookieReply.SessionAck ack) {
        Owner owner = owners.get(ack.session());
        if (owner == null) {
            return;
        }
        for (Iterator<Sent> sent = owner.sent.iterator(); sent.hasNext(); ) {
            Sent batch = sent.next();
            boolean durable = batch.number() <= ack.cumulative()
                    || ack.ranges().stream()
                            .anyMatch(range -> batch.number() >= range.first() && batch.number() <= range.last());
            if (durable) {
                answered(batch.message());
                sent.remove();
            }
        }
        owner.ref.tell(new BookieReply.EntriesAdded(List.of(ack)));
    }

    /** Counts one answer; always true. */
    private boolean answered(Message message) {
        message.unanswered--;
        if (message.unanswered == 0) {
            over(message);
        }
        return true;
    }

    /** Answered, or lost: counts no more. */
    private void over(Message message) {
        if (message.counted) {
            message.counted = false;
            inFlightCount--;
            bytes -= message.bytes;
        }
    }

    private void forget(SessionId session) {
        Owner owner = owners.remove(session);
        if (owner != null) {
            owner.sent.forEach(sent -> answered(sent.message()));
        }
    }

    private void scheduleFlushIfWaiting() {
        while (!inFlight.isEmpty() && !inFlight.peek().counted) {
            inFlight.poll();
        }
        if (!queue.isEmpty() && inFlightCount < settings.messagesInFlightMax()) {
            scheduleFlush();
        }
    }

    private Behavior<Command> onTick() {
        long now = nanoClock.getAsLong();
        while (!inFlight.isEmpty()
                && now - inFlight.peek().sentNanos >= settings.messageTimeout().toNanos()) {
            over(inFlight.poll());
        }
        scheduleFlushIfWaiting();
        return this;
    }

    private void tell(BookieRequest request) {
        outgoing.add(request);
        scheduleFlush();
    }

    private void resolve() {
        target = address.get().orElse(target);
    }
}
