package io.quire.bookie.storage;

import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.Fields;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.storage.GuardedValue;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.StorageException;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * What a store remembers of its boots, in its ledger store (R7): {@code m/boot} = uuid bookie, int64 confirmed epoch,
 * int8 intent there, uuid operation, int8 clean, string cluster id; guarded by a CRC, see GuardedValue. The epoch is moved in three steps: the intent here,
 * the compare-and-set of the register, the confirmation here.
 *
 * <p>A store whose ledger store was lost and made anew ({@link StoreRebuild}) does not know its boots; one more int8, which is
 * there only then, says so. Before its next boot it takes over what the register says.
 *
 * @param bookieId whose; must agree with the identity file
 * @param confirmed the last epoch whose registration this store saw succeed
 * @param intent the operation that registers the epoch behind {@code confirmed}, when it was started
 * @param clean whether the last stop was an orderly one
 * @param clusterId the cluster that the store is registered in; empty before its first boot
 * @param rebuilt whether {@code confirmed} was lost and means nothing
 */
public record BootRecord(
        BookieId bookieId,
        BootEpoch confirmed,
        Optional<OpId> intent,
        boolean clean,
        String clusterId,
        boolean rebuilt) {
    private static final Payload KEY = Payload.ofUtf8("m/boot");

    /** Of a store that was formatted and never booted. */
    public static BootRecord formatted(BookieId bookieId) {
        return new BootRecord(bookieId, BootEpoch.NEVER_BOOTED, Optional.empty(), true, "", false);
    }

    /** Of a store that has lost its boot record with everything else. */
    static BootRecord lost(BookieId bookieId) {
        return new BootRecord(bookieId, BootEpoch.NEVER_BOOTED, Optional.empty(), false, "", true);
    }

    /** Goes on behind {@code registered}, which the register shows of a store that does not know its boots. */
    public BootRecord withAdopted(BootEpoch registered) {
        return new BootRecord(bookieId, registered, intent, false, clusterId, false);
    }

    /** The epoch that the intent is for. */
    public BootEpoch intended() {
        return confirmed.next();
    }

    public BootRecord withIntent(OpId opId) {
        return new BootRecord(bookieId, confirmed, Optional.of(opId), clean, clusterId, rebuilt);
    }

    /** The register has the intended epoch: this boot is the current one. */
    public BootRecord withConfirmedIntent(String clusterId) {
        return new BootRecord(bookieId, intended(), Optional.empty(), false, clusterId, false);
    }

    public BootRecord withClean(boolean clean) {
        return new BootRecord(bookieId, confirmed, intent, clean, clusterId, rebuilt);
    }

    /**
     * @throws StorageException when there is none or it is damaged
     */
    public static BootRecord read(KeyValueStore store) {
        try (Snapshot snapshot = store.openSnapshot()) {
            Payload encoded = snapshot.get(KEY)
                    .orElseThrow(() -> new StorageException("the ledger store was never formatted, or was emptied"));
            return GuardedValue.decode(KEY, encoded, "the store's boot record", BootRecord::decode);
        }
    }

    /** Durable on return. */
    public void write(KeyValueStore store) {
        try (Transaction transaction = store.begin()) {
            transaction.put(KEY, GuardedValue.encode(KEY, 128, this::encode));
            transaction.commit();
        }
    }

    private void encode(ByteBuffer out) {
        Fields.putUuid(out, bookieId.value());
        out.putLong(confirmed.value());
        Fields.putBoolean(out, intent.isPresent());
        Fields.putUuid(out, intent.map(OpId::value).orElse(new java.util.UUID(0, 0)));
        Fields.putBoolean(out, clean);
        Fields.putString(out, clusterId);
        if (rebuilt) {
            Fields.putBoolean(out, true);
        }
    }

    private static BootRecord decode(ByteBuffer in) {
        BookieId bookieId = new BookieId(Fields.getUuid(in));
        BootEpoch confirmed = new BootEpoch(in.getLong());
        boolean intended = Fields.getBoolean(in);
        OpId opId = new OpId(Fields.getUuid(in));
        return new BootRecord(
                bookieId,
                confirmed,
                intended ? Optional.of(opId) : Optional.empty(),
                Fields.getBoolean(in),
                Fields.getString(in),
                in.hasRemaining() && Fields.getBoolean(in));
    }
}
