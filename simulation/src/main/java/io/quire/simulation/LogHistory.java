package io.quire.simulation;

import io.quire.client.log.LogEntry;
import io.quire.client.log.LogMetadata.Segment;
import io.quire.client.log.LogPosition;
import io.quire.protocol.Entry;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What the writers of one log did and were told, by the simulation's own order of events, and what the log holds in the
 * end. It has to hold every record that was acknowledged, once, at its position, and in an order that agrees with what was
 * acknowledged before what (I9). Records are told apart by their text. Not thread-safe.
 */
final class LogHistory {
    private final Map<String, Long> called = new HashMap<>();
    private final Map<String, LogPosition> found = new HashMap<>();
    private final List<Ack> acks = new ArrayList<>();
    /** Records that were said to be in the log already. */
    private final Set<String> repeated = new HashSet<>();

    private long events;

    private record Ack(String text, long called, long heard, LogPosition position) {}

    /** Somebody appends a record, for the first time or once more. */
    void appending(String text) {
        called.putIfAbsent(text, ++events);
    }

    void acknowledged(String text, LogPosition position) {
        acks.add(new Ack(text, called.get(text), ++events, position));
    }

    void alreadyThere(String text) {
        repeated.add(text);
    }

    /** How many records were acknowledged. */
    int acknowledgements() {
        return acks.size();
    }

    /** Everything that a ledger of the log holds, in the end. */
    void holds(Segment segment, List<Entry> entries) {
        for (Entry entry : entries) {
            LogEntry decoded = LogEntry.decode(entry.payload());
            require(decoded.epoch() == segment.epoch(), "an entry of epoch " + decoded.epoch() + " in " + segment);
            if (decoded instanceof LogEntry.Appended record) {
                String text = record.payload().toUtf8();
                LogPosition position = new LogPosition(segment.epoch(), segment.ledgerId(), entry.entryId());
                LogPosition other = found.put(text, position);
                require(other == null, text + " is in the log twice, at " + other + " and " + position);
                require(called.containsKey(text), text + " is in the log, and nobody appended it");
            }
        }
    }

    /** Judges, once all of the log was seen. */
    void judge() {
        repeated.forEach(
                text -> require(found.containsKey(text), text + " was said to be in the log, and is not there"));
        for (Ack ack : acks) {
            require(
                    ack.position().equals(found.get(ack.text())),
                    ack + " was acknowledged, and the log has it at " + found.get(ack.text()));
        }
        List<Ack> inOrder = new ArrayList<>(acks);
        inOrder.sort(Comparator.comparing(Ack::position));
        Optional<Ack> firstHeard = Optional.empty(); // of those that stand behind
        for (int i = inOrder.size() - 1; i >= 0; i--) {
            Ack ack = inOrder.get(i);
            require(
                    firstHeard.filter(behind -> behind.heard() < ack.called()).isEmpty(),
                    firstHeard + " was acknowledged before " + ack + " was appended, and stands behind it");
            firstHeard =
                    firstHeard.filter(behind -> behind.heard() <= ack.heard()).or(() -> Optional.of(ack));
        }
    }

    private static void require(boolean holds, String what) {
        if (!holds) {
            throw new IllegalStateException("I9: " + what);
        }
    }
}
