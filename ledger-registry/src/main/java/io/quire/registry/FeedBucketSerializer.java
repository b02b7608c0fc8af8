package io.quire.registry;

import io.quire.protocol.BookieStatus;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.Versioned;
import java.io.NotSerializableException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Function;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * Reads and writes a {@link FeedBucket}, whole or delta; the manifest names the format.
 *
 * <pre>
 *   manifest "1", big endian
 *   int64   the last forgotten ledger id, -1 for none
 *   list of ledgers, ids strictly rising
 *     int64   version, positive
 *     bytes   metadata, in its registered form
 *   list of bookies, ids strictly rising
 *     the fields of BookieStatus
 * </pre>
 *
 * <p>Equal buckets have equal bytes: the replicator compares digests of them. Reading never allocates more than a small
 * multiple of the bytes. Stateless and thread-safe. Pekko creates it from {@code reference.conf}.
 */
public final class FeedBucketSerializer extends SerializerWithStringManifest {
    /** Names this codec in each frame, in all nodes. */
    public static final int IDENTIFIER = 7142;

    private static final String FORMAT_1 = "1";
    private static final int LEDGER_BYTES_MIN = 12;
    private static final int LEDGER_BYTES_LIKELY = 192;
    private static final int BOOKIE_BYTES_MIN = 69;

    @Override
    public int identifier() {
        return IDENTIFIER;
    }

    @Override
    public String manifest(Object bucket) {
        return FORMAT_1;
    }

    /**
     * @throws IllegalArgumentException when {@code data} is no {@link FeedBucket}
     */
    @Override
    public byte[] toBinary(Object data) {
        if (!(data instanceof FeedBucket bucket)) {
            throw new IllegalArgumentException("not a bucket of the feed: " + data.getClass());
        }
        int likelyBytes = 64
                + LEDGER_BYTES_LIKELY
                        * (bucket.ledgers().size() + bucket.bookies().size());
        return Fields.encode(likelyBytes, out -> {
                    out.putLong(bucket.forgottenUpTo());
                    Fields.putList(out, List.copyOf(bucket.ledgers().values()), (o, ledger) -> {
                        o.putLong(ledger.version());
                        Fields.putPayload(o, ledger.value().encode());
                    });
                    Fields.putList(out, List.copyOf(bucket.bookies().values()), (o, bookie) -> bookie.encode(o));
                })
                .toByteArray();
    }

    /**
     * @throws NotSerializableException when the manifest is of a newer format
     * @throws Fields.MalformedException when the bytes are not exactly one bucket
     */
    @Override
    public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
        if (!FORMAT_1.equals(manifest)) {
            throw new NotSerializableException("a bucket of the feed in unknown format " + manifest);
        }
        return Fields.decodeAll(ByteBuffer.wrap(bytes), FeedBucketSerializer::decode);
    }

    private static FeedBucket decode(ByteBuffer in) {
        long forgottenUpTo = in.getLong();
        if (forgottenUpTo < FeedBucket.NOTHING_FORGOTTEN) {
            throw new IllegalArgumentException("the last forgotten ledger has no id: " + forgottenUpTo);
        }
        List<Versioned<LedgerMetadata>> ledgers =
                Fields.getList(in, LEDGER_BYTES_MIN, FeedBucketSerializer::decodeLedger);
        List<BookieStatus> bookies = Fields.getList(in, BOOKIE_BYTES_MIN, BookieStatus::decode);
        requireRising(ledgers, ledger -> ledger.value().ledgerId());
        requireRising(bookies, BookieStatus::bookieId);
        return FeedBucket.of(forgottenUpTo, ledgers, bookies);
    }

    private static Versioned<LedgerMetadata> decodeLedger(ByteBuffer in) {
        long version = in.getLong();
        Payload metadata = Fields.getPayload(in);
        return new Versioned<>(version, LedgerMetadata.decode(metadata));
    }

    private static <T, I extends Comparable<I>> void requireRising(List<T> elements, Function<T, I> idOf) {
        for (int i = 1; i < elements.size(); i++) {
            if (idOf.apply(elements.get(i - 1)).compareTo(idOf.apply(elements.get(i))) >= 0) {
                throw new IllegalArgumentException("ids do not rise at element " + i);
            }
        }
    }
}
