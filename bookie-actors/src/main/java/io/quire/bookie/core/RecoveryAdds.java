package io.quire.bookie.core;

import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import io.quire.protocol.Payload;
import io.quire.protocol.Versioned;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The entries that recovery and re-replication bring to one ledger of one store (R24); no session and no membership is
 * needed, but a version of the ledger's register at which it is IN_RECOVERY or CLOSED.
 *
 * <p>Design note. An add names a version. A linearizable read must show the register at that version; one read serves all
 * adds that wait. A version once confirmed stays confirmed for as long as this object lives: versions never come back, the
 * add and a later change of the register race anyhow, and whoever sends the add counts it only if its own compare-and-set
 * finds the register still at that version. Then the entries are compared with what is held: equal bytes are held
 * already, other bytes are refused and an alarm (H13, H38). What is missing is journaled together with the version, so
 * that the copy is <em>held at</em> it; the answer waits for that.
 *
 * <p>A drop of the ledger voids that: what was confirmed before says nothing afterwards (R22).
 *
 * <p>An add also shows a proof of the ledger's password. What it is checked against comes with the same readings.
 *
 * <p>Not thread-safe.
 */
public final class RecoveryAdds {
    private final LedgerId ledgerId;
    private final HeldEntries held;
    private final LedgerTerms terms;
    private final long bytesMax;
    private final Map<Long, Add> adds = new LinkedHashMap<>();
    /** Those whose version is not confirmed. */
    private final Set<Long> waiting = new LinkedHashSet<>();

    private final Map<Long, Long> lookUps = new LinkedHashMap<>();
    private long bytes;
    private long confirmedVersion;
    private long heldAt;
    private long lastReading;
    private boolean reading;
    /** Why nothing is taken any more, if so. */
    private Optional<ReplicaRefusal> ended = Optional.empty();

    private String endedBecause = "";

    /**
     * @param reading the first reading of the register that was started after the add came
     */
    private record Add(long version, Payload proof, EntryBatch entries, long reading) {}

    /**
     * @param terms learnt here too
     * @param heldAt the highest version at which something is held, durably
     * @param bytesMax of the entries under way; one add always may be
     */
    RecoveryAdds(LedgerId ledgerId, HeldEntries held, LedgerTerms terms, long heldAt, long bytesMax) {
        this.ledgerId = ledgerId;
        this.held = held;
        this.terms = terms;
        this.heldAt = heldAt;
        this.bytesMax = bytesMax;
    }

    /** Whether none is under way. */
    boolean isIdle() {
        return adds.isEmpty();
    }

    /** The highest version at which something is held, durably. */
    long heldAt() {
        return heldAt;
    }

    /** Refuses everything from now on, and what is not in the journal. */
    List<ReplicaEffect> end(ReplicaRefusal refusal, String detail) {
        ended = Optional.of(refusal);
        endedBecause = detail;
        confirmedVersion = 0;
        lookUps.clear();
        return List.copyOf(adds.keySet()).stream()
                .filter(token -> !held.isJournaling(new HeldEntries.RecordKey(0, token)))
                .map(token -> refused(token, refusal, detail))
                .toList();
    }

    /** Takes nothing until {@link #dropped}. */
    void pause(ReplicaRefusal refusal, String detail) {
        ended = Optional.of(refusal);
        endedBecause = detail;
    }

    /** Nothing was dropped: takes copies again. */
    void resume() {
        ended = Optional.empty();
    }

    /** Everything that was held is dropped, durably. */
    void dropped() {
        heldAt = 0;
        confirmedVersion = 0;
        ended = ended.filter(refusal -> refusal == ReplicaRefusal.NOT_OPEN);
    }

    /**
     * Somebody brings entries; answered by {@link ReplicaEffect.EntriesRecovered} or {@link
     * ReplicaEffect.RecoveryRefused} with {@code token}, which names no other add.
     *
     * @param proof of the ledger's password, empty for none
     */
    public List<ReplicaEffect> add(long token, long version, Payload proof, EntryBatch entries) {
        if (ended.isPresent()) {
            return List.of(new ReplicaEffect.RecoveryRefused(token, ended.get(), endedBecause));
        }
        Optional<String> damage = held.damageOf(entries);
        if (damage.isPresent()) {
            return List.of(new ReplicaEffect.RecoveryRefused(token, ReplicaRefusal.DAMAGED, damage.get()));
        }
        if (!adds.isEmpty() && bytes + entries.byteSize() > bytesMax) {
            return List.of(new ReplicaEffect.RecoveryRefused(
                    token, ReplicaRefusal.OVERLOADED, adds.size() + " recovery adds are under way already"));
        }
        adds.put(token, new Add(version, proof, entries, lastReading + 1));
        bytes += entries.byteSize();
        if (terms.areKnown() && !terms.isProof(proof)) {
            return List.of(unauthorized(token));
        }
        if (version == confirmedVersion) {
            return List.of(confirmed(token));
        }
        waiting.add(token);
        return reading ? List.of() : List.of(startReading());
    }

    /**
     * The store itself brings copies that it got from others, of entries that were confirmed (R21); answered like an add.
     *
     * @param register as a linearizable read gave it
     */
    public List<ReplicaEffect> repair(long token, Versioned<LedgerMetadata> register, EntryBatch entries) {
        if (ended.isPresent()) {
            return List.of(new ReplicaEffect.RecoveryRefused(token, ended.get(), endedBecause));
        }
        Optional<String> damage = held.damageOf(entries);
        if (damage.isPresent()) {
            return List.of(new ReplicaEffect.RecoveryRefused(token, ReplicaRefusal.DAMAGED, damage.get()));
        }
        terms.learn(register.value());
        adds.put(token, new Add(register.version(), Payload.EMPTY, entries, 0));
        bytes += entries.byteSize();
        return List.of(confirmed(token));
    }

    /** The register was read; empty: there is no such ledger. */
    public List<ReplicaEffect> versionRead(long number, Optional<Versioned<LedgerMetadata>> register) {
        reading = false;
        List<ReplicaEffect> effects = new ArrayList<>();
        register.map(Versioned::value).ifPresent(terms::learn);
        if (ended.isEmpty()
                && register.isPresent()
                && refusalOf(register.get().version(), register).isEmpty()) {
            confirmedVersion = Math.max(confirmedVersion, register.get().version());
        }
        boolean again = false;
        for (long token : List.copyOf(waiting)) {
            Add add = adds.get(token);
            Optional<ReplicaRefusal> refusal = refusalOf(add.version(), register);
            if (terms.areKnown() && register.isPresent() && !terms.isProof(add.proof())) {
                effects.add(unauthorized(token));
            } else if (refusal.isEmpty()) {
                waiting.remove(token);
                effects.add(confirmed(token));
            } else if (add.reading() <= number) {
                effects.add(refused(
                        token,
                        refusal.get(),
                        "the register of ledger " + ledgerId + " is "
                                + register.map(RecoveryAdds::describe).orElse("absent") + ", the add names version "
                                + add.version()));
            } else {
                again = true;
            }
        }
        if (again) {
            effects.add(startReading());
        }
        return effects;
    }

    /** The register could not be read. */
    public List<ReplicaEffect> versionUnavailable(String reason) {
        reading = false;
        List<ReplicaEffect> effects = new ArrayList<>();
        List.copyOf(waiting).forEach(token -> effects.add(refused(token, ReplicaRefusal.UNAVAILABLE, reason)));
        return effects;
    }

    /** What an add brought is durable, and applied. */
    public List<ReplicaEffect> journaled(long token) {
        held.journaled(new HeldEntries.RecordKey(0, token));
        Add add = remove(token);
        heldAt = Math.max(heldAt, add.version());
        return List.of(new ReplicaEffect.EntriesRecovered(token));
    }

    /** What an add brought found no room in the journal; nothing of it was kept (H61). */
    public List<ReplicaEffect> notJournaled(long token, String reason) {
        held.notJournaled(new HeldEntries.RecordKey(0, token));
        return List.of(refused(token, ReplicaRefusal.READ_ONLY, reason));
    }

    /** A look-up is done; empty if it is not one of a recovery add. */
    Optional<List<ReplicaEffect>> lookedUp(long lookUp, Map<Long, Payload> durable) {
        Long token = lookUps.remove(lookUp);
        if (token == null) {
            return Optional.empty();
        }
        HeldEntries.Comparison comparison = held.compare(lookUp, durable);
        if (comparison.conflict().isPresent()) {
            return Optional.of(List.of(refused(
                    token,
                    ReplicaRefusal.CONFLICTING_BYTES,
                    "entry " + comparison.conflict().getAsLong() + " is held with other bytes")));
        }
        Add add = adds.get(token);
        if (comparison.missing().isEmpty() && add.version() <= heldAt) {
            remove(token);
            return Optional.of(List.of(new ReplicaEffect.EntriesRecovered(token)));
        }
        return Optional.of(List.of(journal(token, add.version(), comparison.missing())));
    }

    /** A look-up failed; empty if it is not one of a recovery add. */
    Optional<List<ReplicaEffect>> lookUpFailed(long lookUp, String reason) {
        Long token = lookUps.remove(lookUp);
        return token == null
                ? Optional.empty()
                : Optional.of(List.of(refused(token, ReplicaRefusal.UNAVAILABLE, reason)));
    }

    private ReplicaEffect confirmed(long token) {
        Add add = adds.get(token);
        Optional<String> violation = terms.violationIn(add.entries());
        if (violation.isPresent()) {
            return refused(token, ReplicaRefusal.DAMAGED, violation.get());
        }
        if (held.mayHold(add.entries())) {
            long lookUp = held.lookUp(add.entries());
            lookUps.put(lookUp, token);
            return new ReplicaEffect.LookUp(lookUp, add.entries());
        }
        return journal(token, add.version(), add.entries());
    }

    private ReplicaEffect journal(long token, long version, EntryBatch entries) {
        held.journaling(new HeldEntries.RecordKey(0, token), entries);
        return new ReplicaEffect.JournalRecovered(token, version, entries);
    }

    private ReplicaEffect startReading() {
        reading = true;
        return new ReplicaEffect.ReadVersion(++lastReading);
    }

    private ReplicaEffect unauthorized(long token) {
        return refused(token, ReplicaRefusal.UNAUTHORIZED, "the ledger's password is another one");
    }

    private ReplicaEffect refused(long token, ReplicaRefusal refusal, String detail) {
        remove(token);
        return new ReplicaEffect.RecoveryRefused(token, refusal, detail);
    }

    private Add remove(long token) {
        waiting.remove(token);
        Add add = adds.remove(token);
        bytes -= add.entries().byteSize();
        return add;
    }

    private static Optional<ReplicaRefusal> refusalOf(long version, Optional<Versioned<LedgerMetadata>> register) {
        if (register.isEmpty()) {
            return Optional.of(ReplicaRefusal.NO_SUCH_LEDGER);
        }
        LedgerMetadata metadata = register.get().value();
        if (metadata.isDeleted()) {
            return Optional.of(ReplicaRefusal.NOT_OPEN);
        }
        boolean recovering = metadata.state() != LedgerState.OPEN;
        return recovering && register.get().version() == version
                ? Optional.empty()
                : Optional.of(ReplicaRefusal.NOT_RECOVERING);
    }

    private static String describe(Versioned<LedgerMetadata> register) {
        return "at version " + register.version() + ", "
                + (register.value().isDeleted() ? "deleted" : register.value().state());
    }
}
