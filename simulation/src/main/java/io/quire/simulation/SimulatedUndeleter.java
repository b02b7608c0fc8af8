package io.quire.simulation;

import io.quire.client.LedgerUndeletion;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerState;
import io.quire.protocol.OpId;
import io.quire.protocol.ProposerId;
import io.quire.simulation.SimulatedNetwork.Envelope;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.function.Consumer;

/** An operator who takes deletions back: the production {@link LedgerUndeletion}. */
final class SimulatedUndeleter implements SimulatedNode.Program {
    private final Random random;
    private final SimulatedReader.Plan plan;
    private final long thinkMaxNanos;
    private final LedgerStateChecker states;
    private boolean finished;
    private long undeletions;

    SimulatedUndeleter(Random random, SimulatedReader.Plan plan, long thinkMaxNanos, LedgerStateChecker states) {
        this.random = random;
        this.plan = plan;
        this.thinkMaxNanos = thinkMaxNanos;
        this.states = states;
    }

    /** From now on nothing more is taken back. */
    void finish() {
        finished = true;
    }

    /** How many deletions were taken back, also by others. */
    long undeletions() {
        return undeletions;
    }

    @Override
    public Consumer<Envelope> start(SimulatedNode node) {
        SimulatedRegistryClient registry =
                new SimulatedRegistryClient(node, plan.voters(), plan.registry(), () -> new ProposerId(randomUuid()));
        think(node, registry);
        return registry::received;
    }

    private UUID randomUuid() {
        return new UUID(random.nextLong(), random.nextLong());
    }

    private void think(SimulatedNode node, SimulatedRegistryClient registry) {
        node.schedule((long) (random.nextDouble() * thinkMaxNanos), () -> next(node, registry));
    }

    private void next(SimulatedNode node, SimulatedRegistryClient registry) {
        List<LedgerId> deleted = states.deletedLedgers();
        if (finished || deleted.isEmpty()) {
            think(node, registry);
            return;
        }
        LedgerId ledgerId = deleted.get(random.nextInt(deleted.size()));
        Continuation.of(
                LedgerUndeletion.undelete(registry, ledgerId, () -> new OpId(randomUuid())), node, (back, failure) -> {
                    if (failure == null) {
                        states.observed(back);
                        undeletions++;
                        if (back.value().state() == LedgerState.OPEN) {
                            throw new IllegalStateException("R22: a ledger that was deleted is open again: " + back);
                        }
                    }
                    think(node, registry);
                });
    }
}
