package io.quire.bookie.storage;

import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.GuardedValue;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * What a store cannot vouch for any more, because something that it acknowledged was damaged or lost (R21): everything, or
 * some ledgers. It serves what it has of them, and never says that it does not have an entry. It is durable before anything
 * is served, and ends ledger by ledger, when the ledger's register bounds what the store must hold and all of that is held
 * and verified.
 *
 * <p>Design note. After a loss in the journal nobody can tell which ledgers it was about. So at first everything is in
 * limbo; then the registry is asked which ledgers name the store; those are in limbo one by one, and the others never were.
 *
 * <pre>
 *   key               value, guarded
 *   m/limbo           bool salvaging, bool everything, string reason; absent: neither
 *   q, int64 ledger   string reason
 * </pre>
 *
 * <p>Every change is durable on return, and may wait for the flusher's commit. Thread-safe.
 */
public final class Limbo {
    private static final Payload STATE = Payload.ofUtf8("m/limbo");
    private static final byte LEDGER = 'q';
    private static final Payload LEDGERS_END = Payload.ofUtf8("r");

    private final KeyValueStore store;
    private final NavigableMap<Long, String> ledgers = new ConcurrentSkipListMap<>();
    private volatile State state;

    private record State(boolean salvaging, boolean everything, String reason) {
        static final State NONE = new State(false, false, "");
    }

    /** Reads what is written down in {@code store}, which the caller closes. */
    Limbo(KeyValueStore store) {
        this.store = store;
        try (Snapshot snapshot = store.openSnapshot()) {
            state = snapshot.get(STATE)
                    .map(value -> GuardedValue.decode(STATE, value, "the state of limbo", Limbo::decode))
                    .orElse(State.NONE);
            snapshot.scan(keyOf(0), LEDGERS_END, (key, value) -> {
                String reason = GuardedValue.decode(key, value, "a ledger's limbo", Fields::getString);
                ledgers.put(key.asByteBuffer().getLong(1), reason);
                return true;
            });
        }
    }

    /** Whether the store cannot vouch for what it does not hold of {@code ledgerId}. */
    public boolean contains(LedgerId ledgerId) {
        return state.everything() || ledgers.containsKey(ledgerId.value());
    }

    /** Whether it is not known yet which ledgers it is about: all. */
    public boolean isEverything() {
        return state.everything();
    }

    /** Whether anything is in limbo. */
    public boolean isEmpty() {
        return !state.everything() && ledgers.isEmpty();
    }

    /** How many ledgers are known to be in limbo. */
    public int size() {
        return ledgers.size();
    }

    /** Why everything is, or was last, in limbo; empty if it never was. */
    public String reason() {
        return state.reason();
    }

    /** Why a ledger is in limbo; empty when it is not, or only with everything else. */
    public Optional<String> reasonOf(LedgerId ledgerId) {
        return Optional.ofNullable(ledgers.get(ledgerId.value()));
    }

    /** Up to {@code max} ledgers in limbo, from {@code first} on, ascending. */
    public List<LedgerId> ledgers(long first, int max) {
        return ledgers.tailMap(first, true).keySet().stream()
                .limit(max)
                .map(LedgerId::new)
                .toList();
    }

    /** The store has lost something of one ledger; whether that is news. */
    public synchronized boolean enter(LedgerId ledgerId, String reason) {
        boolean news = !ledgers.containsKey(ledgerId.value());
        if (news) {
            put(List.of(ledgerId), reason);
        }
        return news;
    }

    /** Ledgers that the store may have lost something of, as the registry names them, while everything is in limbo. */
    public synchronized void listed(List<LedgerId> named) {
        put(named, state.reason());
    }

    /** All such ledgers are listed: the others are in limbo no more. */
    public synchronized void endListing() {
        write(new State(state.salvaging(), false, state.reason()));
    }

    /** What the store must hold of the ledger it holds, verified; or the ledger is deleted for ever. */
    public synchronized void clear(LedgerId ledgerId) {
        try (Transaction transaction = store.begin()) {
            transaction.delete(keyOf(ledgerId.value()));
            transaction.commit();
        }
        ledgers.remove(ledgerId.value());
    }

    /** Everything is in limbo, and what is left of the journal has to be saved before the store can be opened. */
    synchronized void startSalvage(String reason) {
        write(new State(true, true, reason));
    }

    /** Whether saving what is left of the journal was started and has not ended. */
    boolean isSalvaging() {
        return state.salvaging();
    }

    /** What was left of the journal is in the ledger store. */
    synchronized void endSalvage() {
        write(new State(false, true, state.reason()));
    }

    private void put(List<LedgerId> named, String reason) {
        try (Transaction transaction = store.begin()) {
            for (LedgerId ledgerId : named) {
                Payload key = keyOf(ledgerId.value());
                transaction.put(key, GuardedValue.encode(key, 64, out -> Fields.putString(out, reason)));
            }
            transaction.commit();
        }
        named.forEach(ledgerId -> ledgers.put(ledgerId.value(), reason));
    }

    private void write(State next) {
        try (Transaction transaction = store.begin()) {
            transaction.put(STATE, GuardedValue.encode(STATE, 64, out -> {
                Fields.putBoolean(out, next.salvaging());
                Fields.putBoolean(out, next.everything());
                Fields.putString(out, next.reason());
            }));
            transaction.commit();
        }
        state = next;
    }

    private static State decode(ByteBuffer in) {
        return new State(Fields.getBoolean(in), Fields.getBoolean(in), Fields.getString(in));
    }

    private static Payload keyOf(long ledgerId) {
        return Fields.encode(9, out -> out.put(LEDGER).putLong(ledgerId));
    }
}
