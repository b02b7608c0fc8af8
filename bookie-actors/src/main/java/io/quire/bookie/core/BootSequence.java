package io.quire.bookie.core;

import io.quire.protocol.BookieId;
import io.quire.protocol.BookieLife;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.OpId;
import java.util.Locale;
import java.util.Optional;

/**
 * Decides whether a store may boot (R7). The store has written down that it wants to become boot n+1, with an operation
 * id; the register of the store says which boot is current:
 *
 * <ul>
 *   <li>no register, and the store never booted: register it, at epoch 1;
 *   <li>epoch n: move it to n+1 with our operation id;
 *   <li>epoch n+1, written by our operation id: we did that before we crashed; go on;
 *   <li>anything else: this directory is a clone, or an older state of the store that the register knows.
 * </ul>
 *
 * <p>A store that was rebuilt has lost n. It adopts the epoch of its register, once and durably, before the above; all that
 * it may have acknowledged is in limbo then, so that it can be taken for one that lost something only, never for a whole one.
 *
 * <p>Stateless.
 */
public final class BootSequence {
    private BootSequence() {}

    /** What to do about the register. */
    public sealed interface Decision {
        /** Create or change the register to this, at {@code expectedVersion}, then look again. */
        record Register(long expectedVersion, BookieRegistration registration) implements Decision {}

        /** This boot is the current one. */
        record Boot(BootEpoch bootEpoch) implements Decision {}

        /** Write down that the last boot was {@code registered}, durably, then decide anew; only for a rebuilt store. */
        record Adopt(BootEpoch registered) implements Decision {}

        /** The store must not serve. */
        record Refuse(String reason) implements Decision {}
    }

    /**
     * What a store and its register say of its boots.
     *
     * @param confirmed the last boot that the store saw registered
     * @param opId the operation with which it wants to register the next one
     * @param version of the register, 0 for none
     * @param registered the register's value
     * @param writtenByUs whether {@code opId} is known to have written the register
     */
    public record Situation(
            BootEpoch confirmed,
            OpId opId,
            long version,
            Optional<BookieRegistration> registered,
            boolean writtenByUs) {}

    /**
     * @param self what the store registers: identity, cluster, address and name
     */
    public static Decision decide(Situation situation, BookieRegistration self) {
        BookieId bookie = self.bookieId();
        BootEpoch next = situation.confirmed().next();
        if (situation.registered().isEmpty()) {
            if (!situation.confirmed().equals(BootEpoch.NEVER_BOOTED)) {
                return new Decision.Refuse("bookie " + bookie + " has booted " + situation.confirmed()
                        + " times, but this cluster does not know it: it belongs to another cluster");
            }
            return new Decision.Register(0, self.booted(next, self.address(), self.name()));
        }
        BookieRegistration registered = situation.registered().get();
        Optional<Decision> unfit = refusedAs(registered, self);
        if (unfit.isPresent()) {
            return unfit.get();
        }
        if (registered.bootEpoch().equals(next) && situation.writtenByUs()) {
            return new Decision.Boot(next);
        }
        if (registered.bootEpoch().equals(situation.confirmed())
                && !situation.confirmed().equals(BootEpoch.NEVER_BOOTED)) {
            return new Decision.Register(situation.version(), registered.booted(next, self.address(), self.name()));
        }
        return new Decision.Refuse("bookie " + bookie + " is registered at boot " + registered.bootEpoch()
                + ", this directory ends at boot " + situation.confirmed()
                + ": it is a clone or an old copy of the store");
    }

    /**
     * Whether a store that was rebuilt, and has forgotten its boots, may go on with those that its register counts.
     *
     * @param journaled a boot that it is known to have had, by what is left of its journal
     * @param self what the store registers
     */
    public static Decision decideRebuilt(
            BootEpoch journaled, Optional<BookieRegistration> registered, BookieRegistration self) {
        BookieId bookie = self.bookieId();
        if (registered.isEmpty()) {
            return new Decision.Refuse(
                    "bookie " + bookie + " was rebuilt and goes by the boots that are registered, but"
                            + " this cluster does not know it: it belongs to another cluster, or never booted");
        }
        Optional<Decision> unfit = refusedAs(registered.get(), self);
        if (unfit.isPresent()) {
            return unfit.get();
        }
        BootEpoch last = registered.get().bootEpoch();
        if (last.compareTo(journaled) < 0) {
            return new Decision.Refuse(
                    "bookie " + bookie + " is registered at boot " + last + ", its journal has records" + " of boot "
                            + journaled + ": the registry is an older one, or another cluster's");
        }
        return new Decision.Adopt(last);
    }

    private static Optional<Decision> refusedAs(BookieRegistration registered, BookieRegistration self) {
        if (registered.life() != BookieLife.ACTIVE) {
            return Optional.of(new Decision.Refuse("bookie " + self.bookieId() + " was "
                    + registered.life().name().toLowerCase(Locale.ROOT) + " and will never serve again"));
        }
        if (!registered.clusterId().equals(self.clusterId())) {
            return Optional.of(new Decision.Refuse("bookie " + self.bookieId() + " is registered in cluster "
                    + registered.clusterId() + ", not in " + self.clusterId()));
        }
        return Optional.empty();
    }
}
