package io.quire.simulation;

import io.quire.protocol.EntryFormat;
import io.quire.protocol.wire.BookieRequest;
import io.quire.simulation.SimulatedNetwork.Envelope;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;

/** Some of the messages between the players of a {@link Stage}: what they are, and between whom. */
final class Traffic {
    private final Predicate<Envelope> predicate;

    private Traffic(Predicate<Envelope> predicate) {
        this.predicate = predicate;
    }

    /** Every message of that type. */
    static Traffic every(Class<?> type) {
        return new Traffic(envelope -> type.isInstance(envelope.message()));
    }

    /** Every message in which a writer brings one of these entries. */
    static Traffic addsOf(Long... entryIds) {
        Set<Long> wanted = new TreeSet<>(Arrays.asList(entryIds));
        return new Traffic(envelope -> envelope.message() instanceof BookieRequest.AddEntries add
                && add.batches().stream()
                        .flatMap(batch -> batch.entries().entries().stream())
                        .anyMatch(entry -> wanted.contains(EntryFormat.entryIdOf(entry))));
    }

    Traffic from(String... players) {
        Set<String> senders = Set.of(players);
        return new Traffic(predicate.and(envelope -> senders.contains(SimulatedNetwork.hostOf(envelope.from()))));
    }

    Traffic to(String... players) {
        Set<String> receivers = Set.of(players);
        return new Traffic(predicate.and(envelope -> receivers.contains(SimulatedNetwork.hostOf(envelope.to()))));
    }

    boolean contains(Envelope envelope) {
        return predicate.test(envelope);
    }
}
