package io.quire.simulation;

import io.quire.bookie.core.LedgerRepair;
import io.quire.bookie.core.RepairEffect;
import io.quire.bookie.core.StoreRepair;
import io.quire.bookie.storage.BookieStore;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.storage.StorageException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** The production {@link StoreRepair} of one boot of a simulated bookie, and around it what RepairActor does. */
final class SimulatedRepair implements RepairEffect.Handler<Void> {
    private static final long MILLI = 1_000_000;
    private static final long ROUND_NANOS = 150 * MILLI;
    private static final long TIMEOUT_NANOS = 60 * MILLI;
    private static final long DISK_MAX_NANOS = 2 * MILLI;
    private static final int IDS_MAX = 20;
    private static final int BYTES_MAX = 3_000;
    private static final int LIST_PAGE = 10;

    private final SimulatedNode node;
    private final BookieStore store;
    private final SimulatedRegistryClient registry;
    private final Random random;
    private final Shell shell;
    private final StoreRepair core;
    private boolean running;
    private long lastRequest;
    /** The request that is waited for; 0 for none. */
    private long awaited;

    private boolean storing;

    /** What the rest of the bookie does for its repair. */
    interface Shell {
        /** Journals copies; answered to this node as a recovery add with that request id would be. */
        void journal(long requestId, LedgerId ledgerId, Versioned<LedgerMetadata> register, EntryBatch copies);

        /** A ledger is about to leave limbo; empty: deleted for ever. */
        void repaired(LedgerId ledgerId, Optional<LedgerMetadata> register);

        /** What is in limbo is known, ledger by ledger. */
        void listingEnded();

        /** A round has ended; what could not be repaired, and why. */
        void roundEnded(Map<LedgerId, String> left);

        /** Something could not be written. */
        void storeFailed();

        /** What is in limbo has changed. */
        void limboChanged();
    }

    SimulatedRepair(
            SimulatedNode node,
            BookieId bookie,
            BookieStore store,
            SimulatedRegistryClient registry,
            Random random,
            Shell shell) {
        this.node = node;
        this.store = store;
        this.registry = registry;
        this.random = random;
        this.shell = shell;
        this.core = new StoreRepair(bookie, new LedgerRepair.Limits(IDS_MAX, BYTES_MAX));
        node.scheduleEvery(ROUND_NANOS, this::round);
    }

    private void round() {
        if (!running && !store.limbo().isEmpty()) {
            running = true;
            advance(core.begin(store.limbo().isEverything()));
        }
    }

    private void advance(Optional<RepairEffect> next) {
        if (next.isPresent()) {
            next.get().accept(this);
        } else {
            running = false;
            shell.roundEnded(core.blocked());
        }
    }

    private void later(Runnable action) {
        node.schedule((long) (random.nextDouble() * DISK_MAX_NANOS), () -> {
            try {
                action.run();
            } catch (StorageException e) {
                shell.storeFailed();
            }
        });
    }

    /** What fails here has to do with the ledger alone. */
    private void tryLater(Supplier<Optional<RepairEffect>> action) {
        later(() -> {
            Optional<RepairEffect> next;
            try {
                next = action.get();
            } catch (StorageException e) {
                next = core.failed(e.getMessage());
            }
            advance(next);
        });
    }

    private <T> void then(CompletionStage<T> stage, java.util.function.Consumer<T> action) {
        Continuation.of(stage, node, (value, failure) -> {
            if (failure == null) {
                action.accept(value);
            } else {
                running = false;
            }
        });
    }

    /** Whether {@code reply} answers a request of the repair. */
    boolean replied(BookieReply reply) {
        if (reply instanceof BookieReply.EntriesRead read && isAwaited(read.requestId())) {
            advance(core.peerRead(read.entries()));
            return true;
        }
        if (reply instanceof BookieReply.EntriesRecovered recovered && isAwaited(recovered.requestId())) {
            storing = false;
            advance(core.stored());
            return true;
        }
        if (reply instanceof BookieReply.RequestRefused refused && isAwaited(refused.requestId())) {
            advance(answerFailed(refused.detail()));
            return true;
        }
        return reply instanceof BookieReply.EntriesRead
                || reply instanceof BookieReply.EntriesRecovered
                || reply instanceof BookieReply.RequestRefused;
    }

    private boolean isAwaited(long requestId) {
        boolean is = requestId == awaited;
        awaited = is ? 0 : awaited;
        return is;
    }

    private Optional<RepairEffect> answerFailed(String reason) {
        boolean own = storing;
        storing = false;
        return own ? core.failed(reason) : core.peerFailed();
    }

    private long await() {
        long requestId = ++lastRequest;
        awaited = requestId;
        node.schedule(TIMEOUT_NANOS, () -> {
            if (isAwaited(requestId)) {
                advance(answerFailed("no answer"));
            }
        });
        return requestId;
    }

    @Override
    public Void listLedgers(RepairEffect.ListLedgers effect) {
        then(
                registry.list(RegistryKey.LEDGERS, effect.after(), LIST_PAGE),
                page -> advance(core.listed(
                        page.entries().stream()
                                .filter(item -> !item.value().isAbsent()
                                        && !item.value().isCollected())
                                .map(item -> LedgerMetadata.decode(item.value().value()))
                                .toList(),
                        page.next())));
        return null;
    }

    @Override
    public Void markListed(RepairEffect.MarkListed effect) {
        later(() -> {
            store.limbo().listed(effect.ledgers());
            advance(core.marked());
        });
        return null;
    }

    @Override
    public Void endListing(RepairEffect.EndListing effect) {
        later(() -> {
            store.limbo().endListing();
            shell.listingEnded();
            shell.limboChanged();
            advance(core.listingEnded());
        });
        return null;
    }

    @Override
    public Void chooseLedger(RepairEffect.ChooseLedger effect) {
        List<LedgerId> next = store.limbo().ledgers(effect.from(), 1);
        later(() -> advance(core.chosen(next.stream().findFirst())));
        return null;
    }

    @Override
    public Void prepare(RepairEffect.Prepare effect) {
        later(() -> {
            store.prune(effect.ledgerId());
            then(registry.read(RegistryKey.ofLedger(effect.ledgerId())), value -> advance(core.registerRead(value)));
        });
        return null;
    }

    @Override
    public Void readOwn(RepairEffect.ReadOwn effect) {
        tryLater(() -> {
            BookieStore.EntryRange range =
                    store.read(core.ledgerId(), effect.first(), effect.last(), IDS_MAX, BYTES_MAX);
            return core.ownRead(EntryBatch.of(range.entries()), range.coveredTo());
        });
        return null;
    }

    @Override
    public Void askPeer(RepairEffect.AskPeer effect) {
        then(registry.read(RegistryKey.ofBookie(effect.bookie())), value -> ask(effect, value));
        return null;
    }

    private void ask(RepairEffect.AskPeer effect, RegisterValue value) {
        if (value.isAbsent()) {
            advance(core.peerFailed());
            return;
        }
        node.send(
                BookieRegistration.decode(value.value()).address(),
                new BookieRequest.ReadEntries(
                        effect.bookie(),
                        await(),
                        core.ledgerId(),
                        effect.first(),
                        effect.last(),
                        IDS_MAX,
                        BYTES_MAX,
                        false,
                        Payload.EMPTY));
    }

    @Override
    public Void store(RepairEffect.Store effect) {
        storing = true;
        shell.journal(await(), core.ledgerId(), core.register(), effect.entries());
        return null;
    }

    @Override
    public Void clear(RepairEffect.Clear effect) {
        later(() -> {
            boolean judged = core.register() != null
                    && core.register().value().ledgerId().equals(effect.ledgerId());
            shell.repaired(
                    effect.ledgerId(), judged ? Optional.of(core.register().value()) : Optional.empty());
            store.limbo().clear(effect.ledgerId());
            shell.limboChanged();
            advance(core.ledgerCleared());
        });
        return null;
    }
}
