package io.quire.simulation;

import io.quire.client.LedgerDeletion;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.OpId;
import io.quire.protocol.ProposerId;
import io.quire.simulation.SimulatedNetwork.Envelope;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;

/**
 * An application that deletes ledgers of others, whatever is done with them at the moment: the production {@link
 * LedgerDeletion}. It is the only one, so that what it was told not to have deleted must stay.
 */
final class SimulatedDeleter implements SimulatedNode.Program {
    private final Random random;
    private final Plan plan;
    private final LedgerContentChecker content;
    private final LedgerStateChecker states;
    /** Ledgers that a deletion was begun for and may have reached. */
    private final Set<LedgerId> mayBeDeleted = new HashSet<>();

    private boolean finished;

    /**
     * @param clients where the registry is
     * @param percent of the ledgers that it looks at and deletes
     * @param thinkMaxNanos the longest time between two looks
     */
    record Plan(SimulatedReader.Plan clients, int percent, long thinkMaxNanos) {}

    SimulatedDeleter(Random random, Plan plan, LedgerContentChecker content, LedgerStateChecker states) {
        this.random = random;
        this.plan = plan;
        this.content = content;
        this.states = states;
    }

    /** From now on nothing more is deleted. */
    void finish() {
        finished = true;
    }

    /** Requires that nothing is deleted that it never deleted, or was told to be as it was. */
    void judge() {
        for (LedgerId ledgerId : content.ledgers()) {
            if (states.isDeleted(ledgerId) && !mayBeDeleted.contains(ledgerId)) {
                throw new IllegalStateException("R22: ledger " + ledgerId + " is deleted, and nobody did that");
            }
        }
    }

    @Override
    public Consumer<Envelope> start(SimulatedNode node) {
        Incarnation incarnation = new Incarnation(node);
        incarnation.think();
        return envelope -> {
            if (!incarnation.registry.received(envelope)) {
                throw new IllegalStateException("nobody else talks to who deletes: " + envelope);
            }
        };
    }

    private final class Incarnation {
        private final SimulatedNode node;
        private final SimulatedRegistryClient registry;

        Incarnation(SimulatedNode node) {
            this.node = node;
            this.registry = new SimulatedRegistryClient(
                    node, plan.clients().voters(), plan.clients().registry(), () -> new ProposerId(randomUuid()));
        }

        private UUID randomUuid() {
            return new UUID(random.nextLong(), random.nextLong());
        }

        void think() {
            node.schedule((long) (random.nextDouble() * plan.thinkMaxNanos()), this::next);
        }

        /** Mostly one of the newest, which somebody may be writing. */
        private void next() {
            List<LedgerId> ledgers = content.ledgers();
            if (finished || ledgers.isEmpty() || random.nextInt(100) >= plan.percent()) {
                think();
                return;
            }
            int newest = random.nextInt(3) == 0 ? ledgers.size() : Math.min(3, ledgers.size());
            delete(ledgers.get(ledgers.size() - 1 - random.nextInt(newest)));
        }

        private void delete(LedgerId ledgerId) {
            boolean before = !mayBeDeleted.add(ledgerId);
            Continuation.of(
                    LedgerDeletion.delete(registry, ledgerId, () -> new OpId(randomUuid())),
                    node,
                    (deleted, failure) -> {
                        if (failure == null) {
                            states.observed(deleted);
                        } else if (!before && outcomeOf(failure) == Outcome.NOT_APPLIED) {
                            mayBeDeleted.remove(ledgerId);
                        }
                        think();
                    });
        }

        /** As the client says it to its application. */
        private Outcome outcomeOf(Throwable failure) {
            Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
            return cause instanceof LedgerException ledger ? ledger.outcome() : Outcome.NOT_APPLIED;
        }
    }
}
