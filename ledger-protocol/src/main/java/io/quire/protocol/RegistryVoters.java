package io.quire.protocol;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/** Who votes in the registry, and how that is changed (R5). Implemented by {@code ledger-registry}. Thread-safe. */
public interface RegistryVoters {
    /** The most voters that a registry has. */
    int VOTERS_MAX = 9;

    /**
     * What is known of the voters, the strangers among them too. A picture for people: nothing may be decided by it.
     *
     * <p>Fails with {@link Registry.UnavailableException} when no registry was found.
     */
    CompletionStage<Status> describe();

    /**
     * Changes the set of voters, or says what that would be. When it is refused nothing has changed.
     *
     * @param voters the whole next set
     * @param dryRun checks and plans only
     */
    CompletionStage<Change> change(List<VoterId> voters, boolean dryRun);

    /**
     * @param config the config that is served
     * @param voters those of the config, and any other that was heard of, ascending
     */
    record Status(RegistryConfig config, List<Voter> voters) {
        public Status {
            voters = List.copyOf(voters);
        }
    }

    /**
     * @param votes whether the config that is served names it
     * @param address where its node listens, as far as known; a hint
     * @param epoch the last config epoch that it has stored, 0 for none
     */
    record Voter(VoterId id, boolean votes, VoterState state, Optional<String> address, long epoch) {}

    /** What a voter said of itself. */
    enum VoterState {
        /** It takes part in decisions. */
        SERVING,
        /** Its epoch is over; a next one is to be completed, or it is no voter any more. */
        SEALED,
        /** It takes copies of the registers and does not serve yet. */
        JOINING,
        /** It has stored a first config that is not served yet. */
        FOUNDING,
        /** It was formatted and belongs to no registry. */
        FREE,
        /** It did not answer. */
        SILENT
    }

    /** How a change ended. */
    sealed interface Change {
        /** A dry run: this would be the next config. */
        record Planned(RegistryConfig next) implements Change {}

        /** A majority of the voters of {@code config} serves it. */
        record Changed(RegistryConfig config) implements Change {}

        /** The change is chosen and will be completed by whoever can; it was not in time. */
        record UnderWay(RegistryConfig next, String reason) implements Change {}

        /** Nothing was changed. */
        record Refused(String reason) implements Change {}

        /** Nobody knows whether the change was chosen; asking for it again finds out. */
        record Unknown(String reason) implements Change {}
    }
}
