package io.quire.bookie.core;

import io.quire.protocol.BookieId;
import io.quire.protocol.Deletion;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.RegisterValue;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Finds the ledgers that one store holds and need not hold any more, and has them dropped (R22).
 *
 * <p>Design note. A run has two phases. First it walks the store's own ledger ids, a page at a time, and reads the register
 * of each linearizably; ids are looked up before their registers are read, so that nothing is judged that came later (H68).
 * A ledger may go only by a positive fact (H67): its register says PURGED, or was collected. A register that was never
 * written says nothing: such a ledger is an orphan, is counted, and stays for ever; so does one whose register cannot be
 * read or understood. One more kind may go: a copy that is superseded, of a ledger that is CLOSED, not deleted, has nothing
 * noted as incomplete or lost, and names this store in no fragment. Whether it is held at a later version, by somebody who
 * is just bringing a copy, the ledger's replica knows and refuses then (R24, H69).
 *
 * <p>Then everything that was found goes, or nothing: when it is more than a share of what the store holds, and more than a
 * few ledgers, the run is held back and says so, until an operator forces one (H67). Registers are read and ledgers dropped
 * at bounded rates.
 *
 * <p>What was found stays true while it waits: PURGED is terminal, and the replica checks superseded copies again.
 *
 * <p>Not thread-safe.
 */
public final class GarbageCollector {
    private static final int ORPHANS_NAMED_MAX = 10;

    private final BookieId bookie;
    private final Settings settings;
    private final Rate reads;
    private final Rate drops;
    private final Deque<LedgerId> toRead = new ArrayDeque<>();
    private final Deque<Map.Entry<LedgerId, OptionalLong>> toDrop = new ArrayDeque<>();
    /** Since when they are under way. */
    private final Map<LedgerId, Long> dropping = new HashMap<>();
    /** What may go, with the version by which a copy is superseded, or none where the ledger is gone for ever. */
    private final Map<LedgerId, OptionalLong> candidates = new LinkedHashMap<>();

    private Phase phase = Phase.IDLE;
    private boolean forced;
    private boolean listing;
    private boolean allListed;
    private long nextId;
    private int reading;
    private Tally tally = new Tally(0);
    private Optional<Run> lastRun = Optional.empty();

    private enum Phase {
        IDLE,
        EXAMINING,
        DROPPING
    }

    /**
     * @param pageLedgers ids that are looked up at once
     * @param readsMax register reads under way at once; also drops
     * @param readsPerSecond of registers
     * @param dropsPerSecond of ledgers
     * @param shareMax of the store's ledgers that one run may drop, in {@code [0, 1]}
     * @param ledgersMin so many may always go
     * @param candidatesMax remembered at once; what is beyond goes with the next run
     * @param dropTimeoutNanos after that a drop counts as refused
     */
    public record Settings(
            int pageLedgers,
            int readsMax,
            int readsPerSecond,
            int dropsPerSecond,
            double shareMax,
            int ledgersMin,
            int candidatesMax,
            long dropTimeoutNanos) {
        public Settings {
            if (pageLedgers < 1 || readsMax < 1 || readsPerSecond < 1 || dropsPerSecond < 1 || candidatesMax < 1) {
                throw new IllegalArgumentException("pages, rates and limits of garbage collection must be positive");
            }
            if (!(shareMax >= 0 && shareMax <= 1) || ledgersMin < 0) {
                throw new IllegalArgumentException("the share of ledgers that may go at once is in [0, 1]: " + shareMax
                        + ", and so many may always go: " + ledgersMin);
            }
        }
    }

    /**
     * How a run went.
     *
     * @param examined ledgers that were held when it looked
     * @param dropped those that are gone now
     * @param superseded how many of the dropped were superseded copies
     * @param kept those that should have gone, and whose replica refused or did not answer
     * @param orphans those whose register was never written
     * @param someOrphans a few of them
     * @param unread those whose register could not be read or understood
     * @param heldBack those that could go, and did not because they are too many
     * @param reason why it was held back or broken off; empty otherwise
     */
    public record Run(
            boolean forced,
            long durationNanos,
            long endedNanos,
            long examined,
            long dropped,
            long superseded,
            long kept,
            long orphans,
            List<LedgerId> someOrphans,
            long unread,
            long heldBack,
            String reason) {
        public Run {
            someOrphans = List.copyOf(someOrphans);
        }
    }

    /** What a run counts. */
    private static final class Tally {
        private final long startNanos;
        private final List<LedgerId> someOrphans = new ArrayList<>();
        private long examined;
        private long found;
        private long dropped;
        private long superseded;
        private long kept;
        private long orphans;
        private long unread;
        private long heldBack;
        private String reason = "";

        Tally(long startNanos) {
            this.startNanos = startNanos;
        }
    }

    /** Lets so many things happen in a second, evenly; a tenth of a second's worth may come at once. */
    private static final class Rate {
        private final int perSecond;
        private final double burst;
        private double available;
        private long lastNanos;

        Rate(int perSecond) {
            this.perSecond = perSecond;
            this.burst = Math.max(1, perSecond / 10.0);
        }

        void startAt(long nowNanos) {
            lastNanos = nowNanos;
            available = burst;
        }

        boolean take(long nowNanos) {
            available = Math.min(burst, available + (nowNanos - lastNanos) * 1e-9 * perSecond);
            lastNanos = nowNanos;
            if (available < 1) {
                return false;
            }
            available--;
            return true;
        }
    }

    public GarbageCollector(BookieId bookie, Settings settings) {
        this.bookie = bookie;
        this.settings = settings;
        this.reads = new Rate(settings.readsPerSecond());
        this.drops = new Rate(settings.dropsPerSecond());
    }

    /** Whether a run is under way; {@link #tick} is needed then, about ten times a second. */
    public boolean isActive() {
        return phase != Phase.IDLE;
    }

    /** Whether the run under way is not held back, however much it finds. */
    public boolean isForced() {
        return isActive() && forced;
    }

    public Optional<Run> lastRun() {
        return lastRun;
    }

    /**
     * Starts a run unless one is under way.
     *
     * @param force whether this run may drop any number of ledgers; the one under way, if it has not decided yet
     */
    public List<GarbageEffect> start(boolean force, long nowNanos) {
        if (isActive()) {
            forced |= force;
            return List.of();
        }
        phase = Phase.EXAMINING;
        forced = force;
        listing = false;
        allListed = false;
        nextId = 0;
        tally = new Tally(nowNanos);
        candidates.clear();
        reads.startAt(nowNanos);
        return advance(nowNanos);
    }

    /** A page of the ids that the store holds; an empty one is the end. */
    public List<GarbageEffect> listed(List<LedgerId> ledgerIds, long nowNanos) {
        listing = false;
        toRead.addAll(ledgerIds);
        tally.examined += ledgerIds.size();
        long last = ledgerIds.isEmpty()
                ? Long.MAX_VALUE
                : ledgerIds.get(ledgerIds.size() - 1).value();
        allListed = last == Long.MAX_VALUE;
        nextId = allListed ? nextId : last + 1;
        return advance(nowNanos);
    }

    /** The store's ids could not be looked up: nothing is dropped in this run. */
    public List<GarbageEffect> listFailed(String reason, long nowNanos) {
        listing = false;
        allListed = true;
        tally.reason = "the store's ledgers could not be listed: " + reason;
        return advance(nowNanos);
    }

    /** A register was read. */
    public List<GarbageEffect> registerRead(LedgerId ledgerId, RegisterValue value, long nowNanos) {
        reading--;
        judge(ledgerId, value);
        return advance(nowNanos);
    }

    /** A register could not be read; its ledger stays. */
    public List<GarbageEffect> registerUnavailable(LedgerId ledgerId, long nowNanos) {
        reading--;
        tally.unread++;
        return advance(nowNanos);
    }

    /** Nothing is held of a ledger any more, durably. */
    public List<GarbageEffect> dropped(LedgerId ledgerId, long nowNanos) {
        if (dropping.remove(ledgerId) == null) {
            return List.of();
        }
        tally.dropped++;
        tally.superseded += candidates.get(ledgerId).isPresent() ? 1 : 0;
        return advance(nowNanos);
    }

    /** A ledger stays. */
    public List<GarbageEffect> dropRefused(LedgerId ledgerId, long nowNanos) {
        if (dropping.remove(ledgerId) == null) {
            return List.of();
        }
        tally.kept++;
        return advance(nowNanos);
    }

    /** Time went on. */
    public List<GarbageEffect> tick(long nowNanos) {
        boolean any = dropping.values().removeIf(since -> {
            boolean late = nowNanos - since >= settings.dropTimeoutNanos();
            tally.kept += late ? 1 : 0;
            return late;
        });
        return any || isActive() ? advance(nowNanos) : List.of();
    }

    private void judge(LedgerId ledgerId, RegisterValue value) {
        if (value.isCollected()) {
            found(ledgerId, OptionalLong.empty());
            return;
        }
        if (value.isAbsent()) {
            tally.orphans++;
            if (tally.someOrphans.size() < ORPHANS_NAMED_MAX) {
                tally.someOrphans.add(ledgerId);
            }
            return;
        }
        LedgerMetadata metadata;
        try {
            metadata = LedgerMetadata.decode(value.value());
        } catch (Fields.MalformedException e) {
            // Written by a newer version perhaps.
            tally.unread++;
            return;
        }
        if (!metadata.ledgerId().equals(ledgerId)) {
            tally.unread++;
        } else if (metadata.deletion() == Deletion.PURGED) {
            found(ledgerId, OptionalLong.empty());
        } else if (isSuperseded(metadata)) {
            found(ledgerId, OptionalLong.of(value.version()));
        }
    }

    private boolean isSuperseded(LedgerMetadata metadata) {
        return metadata.isClosed()
                && !metadata.isDeleted()
                && metadata.incomplete().isEmpty()
                && metadata.acceptedLosses().isEmpty()
                && metadata.fragments().stream()
                        .noneMatch(fragment -> fragment.ensemble().contains(bookie));
    }

    private void found(LedgerId ledgerId, OptionalLong supersededAt) {
        tally.found++;
        if (candidates.size() < settings.candidatesMax()) {
            candidates.put(ledgerId, supersededAt);
        }
    }

    private List<GarbageEffect> advance(long nowNanos) {
        List<GarbageEffect> effects = new ArrayList<>();
        if (phase == Phase.EXAMINING) {
            while (reading < settings.readsMax() && !toRead.isEmpty() && reads.take(nowNanos)) {
                reading++;
                effects.add(new GarbageEffect.ReadRegister(toRead.remove()));
            }
            if (toRead.isEmpty() && !allListed && !listing) {
                listing = true;
                effects.add(new GarbageEffect.ListLedgers(nextId, settings.pageLedgers()));
            }
            if (toRead.isEmpty() && allListed && reading == 0) {
                decide(nowNanos);
            }
        }
        if (phase == Phase.DROPPING) {
            while (dropping.size() < settings.readsMax() && !toDrop.isEmpty() && drops.take(nowNanos)) {
                Map.Entry<LedgerId, OptionalLong> next = toDrop.remove();
                dropping.put(next.getKey(), nowNanos);
                effects.add(drop(next.getKey(), next.getValue()));
            }
            if (toDrop.isEmpty() && dropping.isEmpty()) {
                effects.add(end(nowNanos));
            }
        }
        return effects;
    }

    private static GarbageEffect drop(LedgerId ledgerId, OptionalLong supersededAt) {
        return supersededAt.isPresent()
                ? new GarbageEffect.DropSuperseded(ledgerId, supersededAt.getAsLong())
                : new GarbageEffect.DropPurged(ledgerId);
    }

    private void decide(long nowNanos) {
        phase = Phase.DROPPING;
        drops.startAt(nowNanos);
        boolean many = tally.found > settings.ledgersMin() && tally.found > settings.shareMax() * tally.examined;
        if (!tally.reason.isEmpty()) {
            tally.heldBack = tally.found;
        } else if (many && !forced) {
            tally.heldBack = tally.found;
            tally.reason = tally.found + " of " + tally.examined + " ledgers would go at once, more than the share of "
                    + settings.shareMax() + " that may; if they were really deleted, force a run";
        } else {
            toDrop.addAll(candidates.entrySet());
        }
    }

    private GarbageEffect end(long nowNanos) {
        phase = Phase.IDLE;
        candidates.clear();
        Run run = new Run(
                forced,
                nowNanos - tally.startNanos,
                nowNanos,
                tally.examined,
                tally.dropped,
                tally.superseded,
                tally.kept,
                tally.orphans,
                tally.someOrphans,
                tally.unread,
                tally.heldBack,
                tally.reason);
        lastRun = Optional.of(run);
        return new GarbageEffect.Ended(run);
    }
}
