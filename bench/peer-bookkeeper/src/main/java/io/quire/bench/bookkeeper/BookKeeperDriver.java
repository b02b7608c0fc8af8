package io.quire.bench.bookkeeper;

import io.netty.buffer.Unpooled;
import io.quire.bench.LedgerDriver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.stream.StreamSupport;
import org.apache.bookkeeper.client.api.BKException;
import org.apache.bookkeeper.client.api.BookKeeper;
import org.apache.bookkeeper.client.api.DigestType;
import org.apache.bookkeeper.client.api.LedgerEntries;
import org.apache.bookkeeper.client.api.LedgerEntry;
import org.apache.bookkeeper.client.api.ReadHandle;
import org.apache.bookkeeper.client.api.WriteHandle;
import org.apache.bookkeeper.conf.ClientConfiguration;

/** BookKeeper's public client API. Its throttle of 5000 appends per second and ledger is off. */
public final class BookKeeperDriver implements LedgerDriver {
    private static final byte[] PASSWORD = new byte[0];

    private final BookKeeper client;

    private BookKeeperDriver(BookKeeper client) {
        this.client = client;
    }

    /**
     * Connects.
     *
     * @param metadataServiceUri where the cluster's metadata is
     * @throws IOException when nothing answers there
     */
    public static BookKeeperDriver connect(String metadataServiceUri) throws IOException {
        ClientConfiguration configuration = new ClientConfiguration();
        configuration.setMetadataServiceUri(metadataServiceUri);
        configuration.setThrottleValue(0);
        try {
            return new BookKeeperDriver(BookKeeper.newBuilder(configuration).build());
        } catch (BKException e) {
            throw new IOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }

    @Override
    public CompletionStage<Writer> create(int ensembleSize, int writeQuorum, int ackQuorum) {
        return client.newCreateLedgerOp()
                .withEnsembleSize(ensembleSize)
                .withWriteQuorumSize(writeQuorum)
                .withAckQuorumSize(ackQuorum)
                .withDigestType(DigestType.CRC32C)
                .withPassword(PASSWORD)
                .execute()
                .thenApply(handle -> new BookKeeperWriter(client, handle));
    }

    @Override
    public CompletionStage<Reader> open(long ledgerId) {
        return open(client, ledgerId, false).thenApply(BookKeeperReader::new);
    }

    @Override
    public CompletionStage<Long> recover(long ledgerId) {
        return open(client, ledgerId, true).thenApply(ReadHandle::getLastAddConfirmed);
    }

    @Override
    public CompletionStage<Long> list() {
        return client.newListLedgersOp().execute().thenApplyAsync(found -> {
            try (found) {
                return StreamSupport.stream(found.toIterable().spliterator(), false)
                        .count();
            } catch (Exception e) {
                throw new CompletionException(e);
            }
        });
    }

    @Override
    public void close() {
        try {
            client.close();
        } catch (BKException e) {
            throw new UncheckedIOException(new IOException(e));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static CompletionStage<ReadHandle> open(BookKeeper client, long ledgerId, boolean recovery) {
        return client.newOpenLedgerOp()
                .withLedgerId(ledgerId)
                .withDigestType(DigestType.CRC32C)
                .withPassword(PASSWORD)
                .withRecovery(recovery)
                .execute();
    }

    /**
     * Asks for the last-add-confirmed again and again, and reads up to it. BookKeeper's long poll
     * (readLastAddConfirmedAndEntry) took a third of a second from append to arrival here; this is its fastest way.
     */
    private static void follow(ReadHandle handle, long next, Consumer<byte[]> entries) {
        CompletionStage<Long> poll = handle.readLastAddConfirmedAsync();
        poll.whenComplete((confirmed, failure) -> {
            if (failure != null) {
                failure.printStackTrace();
            } else if (next <= confirmed) {
                catchUp(handle, next, confirmed, entries);
            } else {
                follow(handle, next, entries);
            }
        });
    }

    private static void catchUp(ReadHandle handle, long first, long last, Consumer<byte[]> entries) {
        CompletionStage<LedgerEntries> read = handle.readAsync(first, last);
        read.whenComplete((answer, failure) -> {
            if (failure != null) {
                failure.printStackTrace();
                return;
            }
            try (answer) {
                for (LedgerEntry entry : answer) {
                    entries.accept(entry.getEntryBytes());
                }
            }
            follow(handle, last + 1, entries);
        });
    }

    private record BookKeeperWriter(BookKeeper client, WriteHandle handle) implements Writer {
        @Override
        public long ledgerId() {
            return handle.getId();
        }

        @Override
        public CompletionStage<?> append(byte[] payload) {
            return handle.appendAsync(Unpooled.wrappedBuffer(payload));
        }

        @Override
        public CompletionStage<?> seal() {
            return handle.closeAsync();
        }

        @Override
        public void tail(Consumer<byte[]> entries) {
            open(client, handle.getId(), false).thenAccept(reader -> follow(reader, 0, entries));
        }
    }

    private record BookKeeperReader(ReadHandle handle) implements Reader {
        @Override
        public long lastEntryId() {
            return handle.getLastAddConfirmed();
        }

        @Override
        public CompletionStage<Long> read(long first, long last) {
            return handle.readAsync(first, last).thenApply(BookKeeperReader::bytesOf);
        }

        private static long bytesOf(LedgerEntries entries) {
            try (entries) {
                long bytes = 0;
                for (LedgerEntry entry : entries) {
                    bytes += entry.getEntryBuffer().readableBytes();
                }
                return bytes;
            }
        }
    }
}
