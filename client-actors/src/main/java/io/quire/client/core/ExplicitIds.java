package io.quire.client.core;

import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.Payload;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Puts appends whose callers chose their ids into the order of the ids: an entry behind a hole waits here, in the client,
 * until the hole is filled, and gets encoded and sent only then (R9). What still waits when the ledger is sealed or the
 * writer is closed was never sent, and ends as not applied.
 *
 * <p>Bounded in entries and bytes; an id too far ahead of the hole is refused. Not thread-safe.
 *
 * @param <T> whom to tell how the append ended
 */
public final class ExplicitIds<T> {
    private final int windowEntries;
    private final long bytesMax;
    private final TreeMap<Long, Waiting<T>> waiting = new TreeMap<>();
    private long next;
    private long bytes;

    /** An append that came before its turn. */
    public record Waiting<T>(long entryId, Payload payload, T caller, long deadlineNanos) {}

    /**
     * @param windowEntries how far an id may be ahead of the first hole
     * @param bytesMax payload bytes that may wait, except that one entry always may
     */
    public ExplicitIds(int windowEntries, long bytesMax) {
        if (windowEntries < 1) {
            throw new IllegalArgumentException("a window of " + windowEntries + " entries");
        }
        this.windowEntries = windowEntries;
        this.bytesMax = bytesMax;
    }

    /** Why an append with this id cannot be taken, if it cannot; it is not applied then. */
    public Optional<Failure> refusalOf(long entryId, int payloadBytes) {
        if (entryId < 0 || entryId > EntryId.MAX) {
            return Optional.of(Failure.notApplied(Code.InvalidRequest, "no valid entry id: " + entryId));
        }
        if (entryId < next || waiting.containsKey(entryId)) {
            return Optional.of(Failure.notApplied(Code.Conflict, "entry " + entryId + " was appended already"));
        }
        if (entryId - next >= windowEntries) {
            return Optional.of(Failure.notApplied(
                    Code.InvalidRequest,
                    "entry " + entryId + " is too far ahead: entry " + next + " is missing, at most " + windowEntries
                            + " may wait for it"));
        }
        if (entryId > next && !waiting.isEmpty() && bytes + payloadBytes > bytesMax) {
            return Optional.of(Failure.notApplied(
                    Code.Overloaded, bytes + " bytes wait for entry " + next + ", which is missing"));
        }
        return Optional.empty();
    }

    /** Takes an append for which {@link #refusalOf} is empty; it waits until {@link #drain}. */
    public void offer(long entryId, Payload payload, T caller, long deadlineNanos) {
        waiting.put(entryId, new Waiting<>(entryId, payload, caller, deadlineNanos));
        bytes += payload.length();
    }

    /**
     * Lets appends leave whose turn it is, in the order of their ids, as long as nothing is said against one. What may not
     * leave waits on, and so does everything behind it: its id is not given to another.
     *
     * @param refusalOf why the writer cannot take a payload now, if it cannot
     * @return why the append whose turn it is may not leave, if so
     */
    public Optional<Failure> drain(Function<Payload, Optional<Failure>> refusalOf, Consumer<Waiting<T>> leave) {
        while (!waiting.isEmpty() && waiting.firstKey() == next) {
            Optional<Failure> refusal = refusalOf.apply(waiting.get(next).payload());
            if (refusal.isPresent()) {
                return refusal;
            }
            leave.accept(remove(next++));
        }
        return Optional.empty();
    }

    /** The appends whose deadline has passed while they waited; their ids may be offered again. */
    public List<Waiting<T>> expire(long nowNanos) {
        List<Long> late = waiting.values().stream()
                .filter(entry -> nowNanos - entry.deadlineNanos() >= 0)
                .map(Waiting::entryId)
                .toList();
        return late.stream().map(this::remove).toList();
    }

    /** Everything that waits, which then no longer does. */
    public List<Waiting<T>> clear() {
        List<Waiting<T>> all = List.copyOf(waiting.values());
        waiting.clear();
        bytes = 0;
        return all;
    }

    public boolean isEmpty() {
        return waiting.isEmpty();
    }

    /** The first id that is missing. */
    public long next() {
        return next;
    }

    private Waiting<T> remove(long entryId) {
        Waiting<T> removed = waiting.remove(entryId);
        bytes -= removed.payload().length();
        return removed;
    }
}
