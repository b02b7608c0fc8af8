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
        if (registered.life() != BookieLife.ACTIVE) {
            return new Decision.Refuse("bookie " + bookie + " was "
                    + registered.life().name().toLowerCase(Locale.ROOT) + " and will never serve again");
        }
        if (!registered.clusterId().equals(self.clusterId())) {
            return new Decision.Refuse("bookie " + bookie + " is registered in cluster " + registered.clusterId()
                    + ", not in " + self.clusterId());
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
}
