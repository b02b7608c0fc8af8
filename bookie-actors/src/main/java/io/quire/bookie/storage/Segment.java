package io.quire.bookie.storage;

import io.quire.protocol.Fields;
import io.quire.protocol.Payload;
import io.quire.storage.FileStore.StoreFile;
import io.quire.storage.GuardedValue;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.DamagedException;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * One segment of the ledger store, known by its generation, in one file. Its bytes can be read by any thread; everything
 * that changes belongs to the writer.
 *
 * <p>What is durable of it stands in the key-value store: {@code s}, int64 generation = guarded int64 file number, int64
 * file bytes, int64 end, int64 live bytes.
 */
final class Segment {
    static final byte PREFIX = 's';

    private final long generation;
    private final long fileNumber;
    private final long bytes;
    private final Optional<StoreFile> file;

    private long end = SegmentFormat.PAGE_BYTES;
    private long liveBytes;
    private boolean quarantined;

    /**
     * @param file empty when it is gone
     */
    Segment(long generation, long fileNumber, long bytes, Optional<StoreFile> file) {
        this.generation = generation;
        this.fileNumber = fileNumber;
        this.bytes = bytes;
        this.file = file;
    }

    /** What the key-value store knows of a segment. */
    record State(long fileNumber, long bytes, long end, long liveBytes) {}

    static final Payload KEYS_START = Payload.wrap(new byte[] {PREFIX});
    static final Payload KEYS_END = Payload.wrap(new byte[] {PREFIX + 1});

    private static Payload key(long generation) {
        return Fields.encode(9, out -> out.put(PREFIX).putLong(generation));
    }

    static long generationOf(Payload key) {
        return key.asByteBuffer().getLong(1);
    }

    static State decodeState(Payload key, ByteBuffer value) {
        return GuardedValue.decode(key, value, "the state of a segment", in -> {
            long number = in.getLong();
            long size = in.getLong();
            long end = in.getLong();
            return new State(number, size, end, in.getLong());
        });
    }

    Payload key() {
        return key(generation);
    }

    Payload encodeState(long newEnd, long newLiveBytes) {
        return GuardedValue.encode(
                key(),
                32,
                out -> out.putLong(fileNumber).putLong(bytes).putLong(newEnd).putLong(newLiveBytes));
    }

    long generation() {
        return generation;
    }

    long fileNumber() {
        return fileNumber;
    }

    /** Of the whole file. */
    long bytes() {
        return bytes;
    }

    boolean isMissing() {
        return file.isEmpty();
    }

    /**
     * @throws DamagedException when the file is gone
     */
    StoreFile file() {
        return file.orElseThrow(() ->
                new StorageException("segment " + generation + " is gone: its file " + fileNumber + " is missing"));
    }

    /** Where the next commit starts: nothing durable stands behind it. */
    long end() {
        return end;
    }

    /** Bytes of the records that the index leads to. */
    long liveBytes() {
        return liveBytes;
    }

    /** The key-value store says so. */
    void committed(long newEnd, long newLiveBytes) {
        end = newEnd;
        liveBytes = newLiveBytes;
    }

    /** Whether something in it cannot be read, so that it is left as it is (H60). */
    boolean isQuarantined() {
        return quarantined;
    }

    void quarantine(boolean value) {
        quarantined = value;
    }

    /**
     * Reads exactly {@code count} bytes.
     *
     * @throws DamagedException when the file is gone, too short or cannot be read
     */
    ByteBuffer read(long offset, int count) {
        if (offset < 0 || count < 0 || offset > bytes - count) {
            throw new DamagedException(
                    "[" + offset + ", " + (offset + count) + ") is not within segment " + generation);
        }
        ByteBuffer into = ByteBuffer.allocate(count);
        try {
            if (file().read(offset, into) < count) {
                throw new DamagedException(this + " is cut off before " + (offset + count));
            }
        } catch (DamagedException e) {
            throw e;
        } catch (StorageException e) {
            // A sector that cannot be read is lost like one that was overwritten: others have copies.
            throw new DamagedException(this + " cannot be read at " + offset + ": " + e.getMessage(), e);
        }
        return into.flip();
    }

    @Override
    public String toString() {
        return "segment " + generation + " in " + SegmentFiles.nameOf(fileNumber);
    }
}
