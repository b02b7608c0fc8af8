package io.quire.bookie;

import io.quire.bookie.core.LedgerReplica;
import io.quire.bookie.core.ReplicaEffect;
import io.quire.bookie.core.ReplicaRefusal;
import io.quire.bookie.storage.JournalRecord;
import io.quire.protocol.LedgerId;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.ActorContext;

/**
 * Does what a {@link LedgerReplica} wants done: journals, reads, and answers those who asked, whom it remembers. Part of a
 * {@link LedgerActor}, on whose thread it is used.
 */
final class LedgerEffects implements ReplicaEffect.Handler<Void> {
    private final ActorContext<LedgerActor.Command> context;
    private final LedgerActor.Store store;
    private final LedgerId ledgerId;
    private final Map<Long, Client> clients = new HashMap<>();
    private final Map<Long, LedgerActor.FenceWaiter> fences = new HashMap<>();
    private final Map<Long, Client> recoveries = new HashMap<>();
    private final Map<Long, LedgerActor.DropWaiter> drops = new HashMap<>();
    private long lastFence;
    private long lastDrop;
    private long lastRecovery;

    private record Client(ActorRef<BookieReply> ref, long requestId) {}

    LedgerEffects(ActorContext<LedgerActor.Command> context, LedgerActor.Store store, LedgerId ledgerId) {
        this.context = context;
        this.store = store;
        this.ledgerId = ledgerId;
    }

    /** The session {@code counter} is asked for. */
    void opening(long counter, ActorRef<BookieReply> client, long requestId) {
        clients.put(counter, new Client(client, requestId));
    }

    /** The session's writer needs it no more, and hears nothing more. */
    void closed(long counter) {
        clients.remove(counter);
    }

    /** A fence is asked for; its token. */
    long fencing(LedgerActor.FenceWaiter waiter) {
        fences.put(++lastFence, waiter);
        return lastFence;
    }

    /** A drop is asked for; its token. */
    long dropping(LedgerActor.DropWaiter waiter) {
        drops.put(++lastDrop, waiter);
        return lastDrop;
    }

    /** A recovery add came; its token. */
    long recovering(ActorRef<BookieReply> client, long requestId) {
        recoveries.put(++lastRecovery, new Client(client, requestId));
        return lastRecovery;
    }

    @Override
    public Void readRegister(ReplicaEffect.ReadRegister effect) {
        context.pipeToSelf(
                store.registry().read(RegistryKey.ofLedger(ledgerId)),
                (value, failure) -> new LedgerActor.RegisterRead(effect.counter(), value, failure));
        return null;
    }

    @Override
    public Void sessionOpened(ReplicaEffect.SessionOpened effect) {
        Client client = clients.get(effect.counter());
        reply(
                client,
                new BookieReply.SessionOpened(
                        client.requestId(), ledgerId, sessionId(effect.counter()), effect.creditLimit()));
        return null;
    }

    @Override
    public Void sessionRefused(ReplicaEffect.SessionRefused effect) {
        Client client = clients.remove(effect.counter());
        ended(effect.counter());
        reply(
                client,
                new BookieReply.SessionRefused(
                        store.id(), client.requestId(), ledgerId, wire(effect.refusal()), effect.detail()));
        return null;
    }

    @Override
    public Void sessionEnded(ReplicaEffect.SessionEnded effect) {
        Client client = clients.remove(effect.counter());
        ended(effect.counter());
        if (client != null) {
            reply(
                    client,
                    new BookieReply.SessionEnded(sessionId(effect.counter()), wire(effect.refusal()), effect.detail()));
        }
        return null;
    }

    @Override
    public Void batchRefused(ReplicaEffect.BatchRefused effect) {
        alarm(effect.refusal(), effect.detail());
        reply(
                clients.get(effect.counter()),
                new BookieReply.BatchRefused(
                        sessionId(effect.counter()), effect.number(), wire(effect.refusal()), effect.detail()));
        return null;
    }

    @Override
    public Void journalBatch(ReplicaEffect.JournalBatch effect) {
        journal(
                new JournalRecord.Added(ledgerId, effect.lastAddConfirmed(), effect.entries()),
                new LedgerActor.BatchJournaled(effect.counter(), effect.number(), effect.lastAddConfirmed()));
        if (effect.receipt()) {
            reply(
                    clients.get(effect.counter()),
                    new BookieReply.BatchReceived(sessionId(effect.counter()), effect.number()));
        }
        return null;
    }

    @Override
    public Void journalRecovered(ReplicaEffect.JournalRecovered effect) {
        journal(
                new JournalRecord.Recovered(ledgerId, effect.version(), effect.entries()),
                new LedgerActor.RecoveryJournaled(effect.token()));
        return null;
    }

    @Override
    public Void readVersion(ReplicaEffect.ReadVersion effect) {
        context.pipeToSelf(
                store.registry().read(RegistryKey.ofLedger(ledgerId)),
                (value, failure) -> new LedgerActor.VersionRead(effect.number(), value, failure));
        return null;
    }

    @Override
    public Void lookUp(ReplicaEffect.LookUp effect) {
        context.pipeToSelf(
                CompletableFuture.supplyAsync(() -> store.data().held(ledgerId, effect.entries()), store.blocking()),
                (durable, failure) -> new LedgerActor.LookedUp(effect.number(), durable, failure));
        return null;
    }

    @Override
    public Void entriesRecovered(ReplicaEffect.EntriesRecovered effect) {
        Client client = recoveries.remove(effect.token());
        reply(client, new BookieReply.EntriesRecovered(store.id(), store.bootEpoch(), client.requestId(), ledgerId));
        return null;
    }

    @Override
    public Void recoveryRefused(ReplicaEffect.RecoveryRefused effect) {
        alarm(effect.refusal(), effect.detail());
        Client client = recoveries.remove(effect.token());
        reply(
                client,
                new BookieReply.RequestRefused(
                        store.id(), client.requestId(), wire(effect.refusal()), effect.detail()));
        return null;
    }

    @Override
    public Void journalFence(ReplicaEffect.JournalFence effect) {
        journal(new JournalRecord.Fenced(ledgerId), LedgerActor.FenceJournaled.INSTANCE);
        return null;
    }

    @Override
    public Void ack(ReplicaEffect.Ack effect) {
        List<BookieReply.BatchRange> ranges = effect.ranges().stream()
                .map(range -> new BookieReply.BatchRange(range.first(), range.last()))
                .toList();
        store.acks()
                .tell(new BookieActor.AckReady(
                        clients.get(effect.counter()).ref(),
                        new BookieReply.SessionAck(
                                sessionId(effect.counter()), effect.cumulative(), ranges, effect.creditLimit())));
        return null;
    }

    @Override
    public Void fenced(ReplicaEffect.Fenced effect) {
        fences.remove(effect.token()).fenced(effect.lastAddConfirmed());
        return null;
    }

    @Override
    public Void readTerms(ReplicaEffect.ReadTerms effect) {
        context.pipeToSelf(
                store.registry().read(RegistryKey.ofLedger(ledgerId)),
                (value, failure) -> new LedgerActor.TermsRead(effect.token(), value, failure));
        return null;
    }

    @Override
    public Void fenceRefused(ReplicaEffect.FenceRefused effect) {
        fences.remove(effect.token()).refused(wire(effect.refusal()), effect.detail());
        return null;
    }

    @Override
    public Void journalDrop(ReplicaEffect.JournalDrop effect) {
        journal(new JournalRecord.Dropped(ledgerId), LedgerActor.DropJournaled.INSTANCE);
        return null;
    }

    @Override
    public Void dropped(ReplicaEffect.Dropped effect) {
        drops.remove(effect.token()).dropped();
        return null;
    }

    @Override
    public Void dropRefused(ReplicaEffect.DropRefused effect) {
        drops.remove(effect.token()).refused(effect.detail());
        return null;
    }

    private void journal(JournalRecord record, LedgerActor.Command whenDurable) {
        store.journalQueuedBytes().addAndGet(record.entries().byteSize());
        store.journal().tell(new JournalActor.Append(record, context.getSelf(), whenDurable));
    }

    /** Two contents under one id: somebody writes who must not, or a copy was damaged before it was sealed. */
    private void alarm(ReplicaRefusal refusal, String detail) {
        if (refusal == ReplicaRefusal.CONFLICTING_BYTES) {
            store.data().conflictRefused();
            context.getLog().error("Ledger {}: {}; the new bytes were refused", ledgerId, detail);
        }
    }

    /** A session may go on under another reference, that of a coalescer that was started anew. */
    void answerTo(long counter, ActorRef<BookieReply> client) {
        Client known = clients.get(counter);
        if (known == null || !known.ref().equals(client)) {
            clients.put(counter, new Client(client, 0));
        }
    }

    /** The session is not open any more, or was never opened. */
    private void ended(long counter) {
        store.acks().tell(new BookieActor.SessionEnded(counter));
    }

    private void reply(Client client, BookieReply reply) {
        store.acks().tell(new BookieActor.ReplyReady(client.ref(), reply));
    }

    private SessionId sessionId(long counter) {
        return new SessionId(store.id(), store.bootEpoch(), counter);
    }

    private static BookieReply.Refusal wire(ReplicaRefusal refusal) {
        return BookieReply.Refusal.valueOf(refusal.name());
    }
}
