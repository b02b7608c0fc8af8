package io.quire.client.log;

import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import java.nio.ByteBuffer;

/**
 * A place in a log. Positions of one log compare in the order of its records; those of different logs mean nothing to one
 * another. There are positions without a record, too: entry 0 of each ledger is the log's own.
 *
 * @param epoch of the ledger in the log; each ledger has a higher one than those before it
 * @param ledgerId the ledger; the epoch determines it
 * @param entryId in the ledger
 */
public record LogPosition(long epoch, LedgerId ledgerId, long entryId) implements Comparable<LogPosition> {
    /** Encoded size in bytes. */
    public static final int BYTES = 3 * Long.BYTES;

    /** Before every record of every log. */
    public static final LogPosition START = new LogPosition(0, new LedgerId(0), 0);

    public LogPosition {
        if (epoch < 0 || entryId < 0) {
            throw new LedgerException(
                    Code.InvalidRequest, Outcome.NOT_APPLIED, "no position: " + epoch + ":" + ledgerId + ":" + entryId);
        }
    }

    /** The next place, where the next record is unless a new ledger begins. */
    public LogPosition next() {
        return new LogPosition(epoch, ledgerId, entryId + 1);
    }

    @Override
    public int compareTo(LogPosition other) {
        int byEpoch = Long.compare(epoch, other.epoch);
        return byEpoch != 0 ? byEpoch : Long.compare(entryId, other.entryId);
    }

    /** Writes {@value #BYTES} bytes. */
    public void encode(ByteBuffer out) {
        out.putLong(epoch).putLong(ledgerId.value()).putLong(entryId);
    }

    public static LogPosition decode(ByteBuffer in) {
        return new LogPosition(in.getLong(), new LedgerId(in.getLong()), in.getLong());
    }

    /**
     * Reads what {@link #toString()} wrote.
     *
     * @throws LedgerException InvalidRequest when it is something else
     */
    public static LogPosition parse(String text) {
        String[] parts = text.split(":", -1);
        try {
            if (parts.length == 3) {
                return new LogPosition(
                        Long.parseLong(parts[0]), new LedgerId(Long.parseLong(parts[1])), Long.parseLong(parts[2]));
            }
        } catch (IllegalArgumentException e) {
            throw unparsable(text, e);
        }
        throw unparsable(text, null);
    }

    private static LedgerException unparsable(String text, IllegalArgumentException cause) {
        return new LedgerException(
                Code.InvalidRequest,
                Outcome.NOT_APPLIED,
                "a position is EPOCH:LEDGER:ENTRY, not '" + text + "'",
                cause);
    }

    @Override
    public String toString() {
        return epoch + ":" + ledgerId + ":" + entryId;
    }
}
