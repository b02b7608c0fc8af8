package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.VoterId;
import io.quire.protocol.wire.RegistryReply;
import io.quire.protocol.wire.RegistryRequest;
import io.quire.registry.storage.AcceptorStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.LongFunction;
import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The scenario is worth as much as the errors that it finds: each of these is found within a few seeds. */
class VoterChangeErrorsTest {
    @Test
    @DisplayName("R5: a voter that serves without what it was given to copy is found")
    void lostCopies() {
        assertFoundWithin(20, seed -> new VoterChangeScenario(seed) {
            @Override
            protected SimulatedVoter newVoter(VoterId identity, Random random) {
                return new CopyLosingVoter(identity, random);
            }
        });
    }

    @Test
    @DisplayName("R5: a voter that says sealed and is not is found")
    void ignoredSeals() {
        assertFoundWithin(20, seed -> new VoterChangeScenario(seed) {
            @Override
            protected SimulatedVoter newVoter(VoterId identity, Random random) {
                return new SealIgnoringVoter(identity, random);
            }
        });
    }

    @Test
    @DisplayName("R5: a voter that serves before it has the whole copy is found")
    void hastyVoters() {
        assertFoundWithin(20, seed -> new VoterChangeScenario(seed) {
            @Override
            protected SimulatedVoter newVoter(VoterId identity, Random random) {
                return new HastyVoter(identity, random);
            }
        });
    }

    private static void assertFoundWithin(int seeds, LongFunction<RegistryScenario> scenario) {
        assertThat(LongStream.range(0, seeds)
                        .filter(seed -> scenario.apply(seed).run().violation().isPresent())
                        .findFirst())
                .as("a seed below %d that finds the error", seeds)
                .isPresent();
    }

    private static final class CopyLosingVoter extends SimulatedVoter {
        CopyLosingVoter(VoterId identity, Random random) {
            super(identity, random);
        }

        @Override
        protected List<RegistryReply> answer(AcceptorStore acceptors, List<RegistryRequest> requests) {
            List<RegistryRequest> asked = new ArrayList<>();
            for (RegistryRequest request : requests) {
                asked.add(
                        request instanceof RegistryRequest.StoreCopies copies
                                ? new RegistryRequest.StoreCopies(
                                        copies.target(), copies.requestId(), copies.next(), List.of(), List.of())
                                : request);
            }
            return super.answer(acceptors, asked);
        }
    }

    /** Says sealed, and goes on as before. */
    private static final class SealIgnoringVoter extends SimulatedVoter {
        SealIgnoringVoter(VoterId identity, Random random) {
            super(identity, random);
        }

        @Override
        protected List<RegistryReply> answer(AcceptorStore acceptors, List<RegistryRequest> requests) {
            List<RegistryReply> replies = new ArrayList<>();
            for (RegistryRequest request : requests) {
                replies.add(
                        request instanceof RegistryRequest.SealVoter seal && acceptors.isServing()
                                ? new RegistryReply.ConfigStored(acceptors.voter(), seal.requestId())
                                : super.answer(acceptors, List.of(request)).get(0));
            }
            return replies;
        }
    }

    /** Serves the next config as soon as it is sealed for it. */
    private static final class HastyVoter extends SimulatedVoter {
        HastyVoter(VoterId identity, Random random) {
            super(identity, random);
        }

        @Override
        protected List<RegistryReply> answer(AcceptorStore acceptors, List<RegistryRequest> requests) {
            List<RegistryReply> replies = new ArrayList<>(super.answer(acceptors, requests));
            for (RegistryRequest request : requests) {
                if (request instanceof RegistryRequest.SealVoter seal) {
                    super.answer(
                            acceptors,
                            List.of(new RegistryRequest.ActivateConfig(seal.target(), seal.requestId(), seal.next())));
                }
            }
            return replies;
        }
    }
}
