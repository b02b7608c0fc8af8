package io.quire.multijvm;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * What a writer process was told, kept outside of it: one record for each acknowledged append, in order. Written through
 * to the operating system at once, so that it survives the death of its process, but never synced.
 *
 * <pre>
 *   0  8  entry id
 *   8  4  the members that held it, as a mask of positions in the ensemble
 * </pre>
 */
final class AckLog implements AutoCloseable {
    private static final int RECORD_BYTES = 12;

    private final FileChannel file;
    private final ByteBuffer record = ByteBuffer.allocate(RECORD_BYTES);

    /** One acknowledged append. */
    record Ack(long entryId, int acknowledgedBy) {
        /** Whether the bookie at {@code position} had it. */
        boolean isBy(int position) {
            return (acknowledgedBy & (1 << position)) != 0;
        }
    }

    private AckLog(FileChannel file) {
        this.file = file;
    }

    static AckLog create(Path path) throws IOException {
        return new AckLog(FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
    }

    void add(long entryId, int acknowledgedBy) {
        record.clear().putLong(entryId).putInt(acknowledgedBy).flip();
        try {
            while (record.hasRemaining()) {
                file.write(record);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() throws IOException {
        file.close();
    }

    /** How many records a log holds; it may be being written. */
    static long size(Path path) {
        try {
            return Files.exists(path) ? Files.size(path) / RECORD_BYTES : 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The records of a log from number {@code from} on; it may be being written. */
    static List<Ack> read(Path path, long from) {
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ)) {
            long end = file.size() / RECORD_BYTES * RECORD_BYTES;
            ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(Math.max(0, end - from * RECORD_BYTES)));
            file.position(from * RECORD_BYTES);
            while (bytes.hasRemaining() && file.read(bytes) >= 0) {
                // Until all of it is there.
            }
            bytes.flip();
            List<Ack> acks = new ArrayList<>();
            while (bytes.remaining() >= RECORD_BYTES) {
                acks.add(new Ack(bytes.getLong(), bytes.getInt()));
            }
            return acks;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
