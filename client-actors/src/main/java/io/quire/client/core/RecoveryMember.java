package io.quire.client.core;

import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import java.util.Optional;

/**
 * One position of the last fragment in a {@link LedgerRecovery}: the registered bookie there, which is fenced and read,
 * and the one that copies are written to, which is another once it is replaced (R23). One read and one write are under
 * way at most. Not thread-safe.
 */
final class RecoveryMember {
    private final int position;
    private final BookieId source;
    private final RecoverySettings settings;
    private final RecoveryOutbox outbox;
    private BookieId target;
    private Optional<BootEpoch> registeredEpoch = Optional.empty();
    private final boolean lost;
    private boolean inLimbo;
    private boolean fenced;
    private long askAtNanos;

    private long readRequest;
    private long readFrom;
    private boolean reading;
    private long readDueNanos;

    private long writeRequest;
    private Optional<EntryBatch> writing = Optional.empty();
    private long writeDueNanos;
    /** When the target was last known to be there, and to take copies if it gets any. */
    private long heardNanos;

    private boolean refusing;

    /**
     * @param lost whether the source was destroyed: nothing is asked of it
     */
    RecoveryMember(
            int position,
            BookieId source,
            boolean lost,
            RecoverySettings settings,
            RecoveryOutbox outbox,
            long nowNanos) {
        this.position = position;
        this.source = source;
        this.target = source;
        this.settings = settings;
        this.outbox = outbox;
        this.askAtNanos = nowNanos + settings.requestTimeoutNanos();
        this.readDueNanos = nowNanos;
        this.writeDueNanos = nowNanos;
        this.heardNanos = nowNanos;
        this.lost = lost;
        if (!lost) {
            outbox.readRegistration(source);
        }
    }

    int position() {
        return position;
    }

    /** The bookie that the register names here. */
    BookieId source() {
        return source;
    }

    /** The bookie that gets copies. */
    BookieId target() {
        return target;
    }

    boolean isReplaced() {
        return !target.equals(source);
    }

    /** The source has lost something, and cannot tell what it holds. */
    void inLimbo() {
        inLimbo = true;
    }

    /** Whether the target may lack any entry, though nobody says that it does. */
    boolean lacksAnything() {
        return isReplaced() || inLimbo;
    }

    /** Whether the source was destroyed. */
    boolean isLost() {
        return lost;
    }

    boolean isFenced() {
        return fenced;
    }

    /** Whether an answer of the source at {@code bootEpoch} counts: a boot before the registered one is a clone's (R7). */
    boolean counts(BootEpoch bootEpoch) {
        return registeredEpoch.filter(least -> bootEpoch.compareTo(least) >= 0).isPresent();
    }

    void registered(BootEpoch epoch, long nowNanos) {
        if (registeredEpoch.isEmpty()) {
            registeredEpoch = Optional.of(epoch);
            askAtNanos = nowNanos + settings.requestTimeoutNanos();
            outbox.fence(source);
        }
    }

    void fenced(long nowNanos) {
        fenced = true;
        heard(nowNanos);
    }

    boolean mayRead(long nowNanos) {
        return registeredEpoch.isPresent() && !reading && nowNanos - readDueNanos >= 0;
    }

    void read(long request, long first, long last, long nowNanos) {
        reading = true;
        readRequest = request;
        readFrom = first;
        readDueNanos = nowNanos + settings.requestTimeoutNanos();
        outbox.read(request, source, first, last, true);
    }

    boolean isReading(long request) {
        return reading && readRequest == request;
    }

    /** The first entry of the read under way. */
    long readFrom() {
        return readFrom;
    }

    /** The source answered a read, which fenced it too. */
    void readAnswered(long nowNanos) {
        reading = false;
        readDueNanos = nowNanos;
        fenced(nowNanos);
    }

    void readFailed(long againNanos) {
        reading = false;
        readDueNanos = againNanos;
    }

    boolean mayWrite(long nowNanos) {
        return writing.isEmpty() && (!lost || isReplaced()) && nowNanos - writeDueNanos >= 0;
    }

    void write(long request, long version, EntryBatch batch, long nowNanos) {
        writing = Optional.of(batch);
        writeRequest = request;
        writeDueNanos = nowNanos + settings.requestTimeoutNanos();
        outbox.write(request, target, version, batch);
    }

    boolean isWriting(long request) {
        return writing.isPresent() && writeRequest == request;
    }

    EntryBatch writeAnswered(long nowNanos) {
        EntryBatch written = writing.orElseThrow();
        writing = Optional.empty();
        writeDueNanos = nowNanos;
        refusing = false;
        heardNanos = nowNanos;
        return written;
    }

    EntryBatch writeFailed(long againNanos) {
        EntryBatch lost = writing.orElseThrow();
        writing = Optional.empty();
        writeDueNanos = againNanos;
        refusing = true;
        return lost;
    }

    /** Whether the target has done nothing for long. */
    boolean isStuck(long nowNanos) {
        return (lost && !isReplaced()) || nowNanos - heardNanos >= settings.bookieTimeoutNanos();
    }

    /** From now on {@code other} gets the copies. */
    void replace(BookieId other, long nowNanos) {
        target = other;
        writing = Optional.empty();
        writeDueNanos = nowNanos;
        refusing = false;
        heardNanos = nowNanos;
    }

    /**
     * Asks again what was not answered.
     *
     * @return copies of which nobody knows whether they arrived
     */
    Optional<EntryBatch> tick(long nowNanos) {
        if (!fenced && !lost && nowNanos - askAtNanos >= 0) {
            askAtNanos = nowNanos + settings.requestTimeoutNanos();
            if (registeredEpoch.isPresent()) {
                outbox.fence(source);
            } else {
                outbox.readRegistration(source);
            }
        }
        if (reading && nowNanos - readDueNanos >= 0) {
            readFailed(nowNanos);
        }
        if (writing.isPresent() && nowNanos - writeDueNanos >= 0) {
            return Optional.of(writeFailed(nowNanos));
        }
        return Optional.empty();
    }

    private void heard(long nowNanos) {
        if (!isReplaced() && !refusing) {
            heardNanos = nowNanos;
        }
    }
}
