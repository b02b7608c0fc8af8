package io.quire.admin;

import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryVoters;
import io.quire.protocol.VoterId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Three voters; what becomes of a change is given in advance. For one request at a time. */
final class MemoryVoters implements RegistryVoters {
    static final RegistryConfig CONFIG = RegistryConfig.founding("test", List.of(voter(1), voter(2), voter(3)));

    final List<List<VoterId>> asked = new ArrayList<>();
    Change answer = new Change.Refused("nothing is expected");

    static VoterId voter(long number) {
        return new VoterId(new UUID(0, number));
    }

    @Override
    public CompletionStage<Status> describe() {
        return CompletableFuture.completedStage(new Status(
                CONFIG,
                List.of(
                        new Voter(voter(1), true, VoterState.SERVING, Optional.of("h:1"), 1),
                        new Voter(voter(9), false, VoterState.FREE, Optional.empty(), 0))));
    }

    @Override
    public CompletionStage<Change> change(List<VoterId> voters, boolean dryRun) {
        asked.add(voters);
        return CompletableFuture.completedStage(dryRun ? new Change.Planned(CONFIG.changedTo(voters)) : answer);
    }
}
