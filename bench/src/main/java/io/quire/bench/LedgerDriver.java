package io.quire.bench;

import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/**
 * A ledger store's client, as loads see it: the same load runs over Quire's client and over another system's. Drivers are
 * thread-safe and answer on threads of their own.
 */
public interface LedgerDriver extends AutoCloseable {
    /** A new ledger, E/Qw/Qa as given, digest CRC32C. */
    CompletionStage<Writer> create(int ensembleSize, int writeQuorum, int ackQuorum);

    /** A closed ledger, for reading. */
    CompletionStage<Reader> open(long ledgerId);

    /**
     * Takes a named log over, which is written like a ledger; to seal it is to close its writer.
     *
     * @throws UnsupportedOperationException when the system has none
     */
    default CompletionStage<Writer> openLog(String name) {
        throw new UnsupportedOperationException("this system has no named logs");
    }

    /** Ends a ledger whose writer is somebody else; its last entry. */
    CompletionStage<Long> recover(long ledgerId);

    /**
     * Lists all ledgers; how many there are.
     *
     * @throws UnsupportedOperationException when that is not measured over this driver
     */
    default CompletionStage<Long> list() {
        throw new UnsupportedOperationException("listing is not measured over this driver");
    }

    /**
     * Another client of the same servers in this process, connected as this one was. Blocks until it is of use.
     *
     * @throws UnsupportedOperationException when a process can have one only
     */
    default LedgerDriver another() {
        throw new UnsupportedOperationException("one client for each process");
    }

    @Override
    void close();

    /** The writer of a ledger. */
    interface Writer {
        long ledgerId();

        /** Complete once an ack quorum has synced it. The array is not to be changed any more. */
        CompletionStage<?> append(byte[] payload);

        CompletionStage<?> seal();

        /** Follows the ledger from its first entry on, as another reader of it would, until the driver is closed. */
        void tail(Consumer<byte[]> entries);
    }

    /** A ledger open for reading. */
    interface Reader {
        long lastEntryId();

        /** Reads entries, both ends included; their payload bytes. */
        CompletionStage<Long> read(long first, long last);
    }
}
