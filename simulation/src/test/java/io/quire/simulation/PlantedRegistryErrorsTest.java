package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.ProposerId;
import io.quire.protocol.VoterId;
import io.quire.protocol.wire.RegistryReply;
import io.quire.protocol.wire.RegistryRequest;
import io.quire.registry.storage.AcceptorStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.function.LongFunction;
import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The scenario is worth as much as the errors that it finds: each of these is found within a few seeds. */
class PlantedRegistryErrorsTest {
    @Test
    @DisplayName("a voter that does not keep its promises is found")
    void forgottenPromises() {
        assertFoundWithin(10, seed -> new RegistryScenario(seed) {
            @Override
            protected SimulatedVoter newVoter(VoterId identity, Random random) {
                return new PromiseForgettingVoter(identity, random);
            }
        });
    }

    @Test
    @DisplayName("a voter that says accepted before its store has is found")
    void answersBeforeCommit() {
        assertFoundWithin(20, seed -> new RegistryScenario(seed) {
            @Override
            protected SimulatedVoter newVoter(VoterId identity, Random random) {
                return new LateCommittingVoter(identity, random);
            }
        });
    }

    @Test
    @DisplayName("R1: a proposer id that several processes have is found")
    void sharedProposerId() {
        assertFoundWithin(20, seed -> new RegistryScenario(seed) {
            @Override
            protected ProposerId newProposerId(int number, Random random) {
                return new ProposerId(new UUID(0, 1));
            }
        });
    }

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

    private static final class PromiseForgettingVoter extends SimulatedVoter {
        PromiseForgettingVoter(VoterId identity, Random random) {
            super(identity, random);
        }

        @Override
        protected List<RegistryReply> answer(AcceptorStore acceptors, List<RegistryRequest> requests) {
            List<RegistryRequest> asked = new ArrayList<>();
            for (RegistryRequest request : requests) {
                asked.add(
                        request instanceof RegistryRequest.Prepare prepare
                                ? new RegistryRequest.ReadRegister(
                                        prepare.target(), prepare.configEpoch(), prepare.requestId(), prepare.key())
                                : request);
            }
            List<RegistryReply> replies = new ArrayList<>();
            for (RegistryReply reply : super.answer(acceptors, asked)) {
                RegistryRequest request = requests.get(replies.size());
                replies.add(
                        request instanceof RegistryRequest.Prepare prepare
                                        && reply instanceof RegistryReply.RegisterRead read
                                ? new RegistryReply.Promised(
                                        read.voter(), read.requestId(), prepare.ballot(), read.accepted(), read.value())
                                : reply);
            }
            return replies;
        }
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
                                        copies.target(), copies.requestId(), copies.next(), List.of())
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

    /** Says accepted to everything and shows it to its store with the next group only, unless it crashes before. */
    private static final class LateCommittingVoter extends SimulatedVoter {
        private final List<RegistryRequest> notCommitted = new ArrayList<>();
        private AcceptorStore owner;

        LateCommittingVoter(VoterId identity, Random random) {
            super(identity, random);
        }

        @Override
        protected List<RegistryReply> answer(AcceptorStore acceptors, List<RegistryRequest> requests) {
            if (owner != acceptors) {
                owner = acceptors;
                notCommitted.clear();
            }
            List<RegistryRequest> group = new ArrayList<>(notCommitted);
            notCommitted.clear();
            List<RegistryReply> early = new ArrayList<>();
            for (RegistryRequest request : requests) {
                if (acceptors.isServing() && request instanceof RegistryRequest.Accept accept) {
                    notCommitted.add(accept);
                    early.add(new RegistryReply.Accepted(accept.target(), accept.requestId(), accept.ballot()));
                } else {
                    group.add(request);
                    early.add(null);
                }
            }
            List<RegistryReply> replies = super.answer(acceptors, group);
            int next = group.size()
                    - (int) early.stream().filter(reply -> reply == null).count();
            for (int i = 0; i < early.size(); i++) {
                if (early.get(i) == null) {
                    early.set(i, replies.get(next++));
                }
            }
            return early;
        }
    }
}
