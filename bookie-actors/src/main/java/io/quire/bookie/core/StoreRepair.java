package io.quire.bookie.core;

import io.quire.protocol.BookieId;
import io.quire.protocol.Deletion;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Versioned;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Brings a store out of limbo (R21), ledger by ledger, in rounds.
 *
 * <p>Design note. When everything is in limbo a round begins by listing the registers of all ledgers: those that name the
 * store, or are in recovery, are in limbo one by one. No ledger is missed: for what the store may have forgotten it was
 * registered before it booted into limbo, or had copies from a recovery that was under way, and until the listing has ended
 * it takes no adds for any. Then each ledger in limbo is repaired by a {@link
 * LedgerRepair}, and cleared if that succeeds, or if the ledger is deleted for ever. A ledger whose repair is blocked waits
 * for the next round, and so does everything when something failed that has nothing to do with a ledger.
 *
 * <p>There is one thing under way at a time; an input that gives nothing ends the round. Not thread-safe.
 */
public final class StoreRepair {
    private final BookieId self;
    private final LedgerRepair.Limits limits;
    private final Map<LedgerId, String> blocked = new TreeMap<>();
    private Optional<RegistryKey> listFrom = Optional.empty();
    private LedgerId ledgerId;
    private Versioned<LedgerMetadata> register;
    private LedgerRepair repair;
    private long cleared;
    private long copies;

    public StoreRepair(BookieId self, LedgerRepair.Limits limits) {
        this.self = self;
        this.limits = limits;
    }

    /**
     * Starts a round.
     *
     * @param everything whether everything is in limbo
     */
    public Optional<RepairEffect> begin(boolean everything) {
        blocked.clear();
        listFrom = Optional.empty();
        return Optional.of(everything ? new RepairEffect.ListLedgers(listFrom) : new RepairEffect.ChooseLedger(0));
    }

    /** The ledger that is being repaired; only between {@link #registerRead} and the next choice. */
    public LedgerId ledgerId() {
        return ledgerId;
    }

    /** Its register, as it was read. */
    public Versioned<LedgerMetadata> register() {
        return register;
    }

    /** The ledgers that the round could not repair, and why. */
    public Map<LedgerId, String> blocked() {
        return Map.copyOf(blocked);
    }

    /** How many ledgers have left limbo, in all rounds. */
    public long cleared() {
        return cleared;
    }

    /** How many copies came from other bookies, in all rounds. */
    public long copies() {
        return copies;
    }

    /**
     * A page of registers was read.
     *
     * @param next where to go on; empty at the end
     */
    public Optional<RepairEffect> listed(Collection<LedgerMetadata> page, Optional<RegistryKey> next) {
        listFrom = next;
        List<LedgerId> named = page.stream()
                .filter(metadata -> metadata.deletion() != Deletion.PURGED)
                .filter(this::concerns)
                .map(LedgerMetadata::ledgerId)
                .toList();
        return named.isEmpty() ? marked() : Optional.of(new RepairEffect.MarkListed(named));
    }

    /**
     * Whether the store may have had anything of a ledger. A recovery gives copies to a bookie before any register names it,
     * and registers it at the end: as long as one may be under way, the store may yet be named for what it has forgotten.
     */
    private boolean concerns(LedgerMetadata metadata) {
        return metadata.state() == LedgerState.IN_RECOVERY
                || metadata.fragments().stream()
                        .anyMatch(fragment -> fragment.ensemble().contains(self));
    }

    public Optional<RepairEffect> marked() {
        return Optional.of(
                listFrom.isPresent() ? new RepairEffect.ListLedgers(listFrom) : new RepairEffect.EndListing());
    }

    public Optional<RepairEffect> listingEnded() {
        return Optional.of(new RepairEffect.ChooseLedger(0));
    }

    /** Empty: there are no more in limbo. */
    public Optional<RepairEffect> chosen(Optional<LedgerId> next) {
        next.ifPresent(chosen -> ledgerId = chosen);
        return next.map(RepairEffect.Prepare::new);
    }

    /** The register of the chosen ledger was read. */
    public Optional<RepairEffect> registerRead(RegisterValue value) {
        if (value.isCollected()) {
            return Optional.of(new RepairEffect.Clear(ledgerId));
        }
        if (value.isAbsent()) {
            return skip("the register knows no such ledger");
        }
        register = new Versioned<>(value.version(), LedgerMetadata.decode(value.value()));
        if (register.value().deletion() == Deletion.PURGED) {
            return Optional.of(new RepairEffect.Clear(ledgerId));
        }
        repair = new LedgerRepair(self, register.value(), limits);
        return orEnd(repair.start());
    }

    /** The ledger cannot be repaired now, for a reason that the repair itself does not see. */
    public Optional<RepairEffect> failed(String reason) {
        return skip(reason);
    }

    /** The ledger is in limbo no more. */
    public Optional<RepairEffect> ledgerCleared() {
        cleared++;
        return chooseBehind();
    }

    /** See {@link LedgerRepair#ownRead}. */
    public Optional<RepairEffect> ownRead(EntryBatch entries, long coveredTo) {
        return orEnd(repair.ownRead(entries, coveredTo));
    }

    /** See {@link LedgerRepair#peerRead}. */
    public Optional<RepairEffect> peerRead(EntryBatch entries) {
        return orEnd(repair.peerRead(entries));
    }

    /** See {@link LedgerRepair#peerFailed}. */
    public Optional<RepairEffect> peerFailed() {
        return orEnd(repair.peerFailed());
    }

    /** See {@link LedgerRepair#stored}. */
    public Optional<RepairEffect> stored() {
        return orEnd(repair.stored());
    }

    private Optional<RepairEffect> orEnd(Optional<RepairEffect> next) {
        if (next.isPresent()) {
            return next;
        }
        copies += repair.copies();
        Optional<String> reason = repair.blockedBecause();
        return reason.isPresent() ? skip(reason.get()) : Optional.of(new RepairEffect.Clear(ledgerId));
    }

    private Optional<RepairEffect> skip(String reason) {
        blocked.put(ledgerId, reason);
        return chooseBehind();
    }

    private Optional<RepairEffect> chooseBehind() {
        return ledgerId.value() == Long.MAX_VALUE
                ? Optional.empty()
                : Optional.of(new RepairEffect.ChooseLedger(ledgerId.value() + 1));
    }
}
