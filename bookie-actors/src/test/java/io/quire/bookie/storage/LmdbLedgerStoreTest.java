package io.quire.bookie.storage;

import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.FileStore;
import io.quire.storage.KeyValueStore;
import java.nio.file.Path;
import java.util.Optional;

/** The contract over real LMDB. */
class LmdbLedgerStoreTest extends LedgerStoreContract {
    @Override
    LedgerStore openStore(KeyValueStore keyValues) {
        return new LmdbLedgerStore(keyValues);
    }

    @Override
    Optional<FileStore> segmentsAt(Path storeDirectory) {
        return Optional.empty();
    }

    @Override
    StoreKind kind() {
        return StoreKind.LMDB;
    }

    @Override
    void damage(LedgerId ledgerId, long firstEntryId) {
        Payload key = StoreKeys.block(ledgerId, firstEntryId);
        try (KeyValueStore.Transaction transaction = files.begin()) {
            byte[] block = transaction.get(key).orElseThrow().toByteArray();
            block[block.length / 2] ^= 1;
            transaction.put(key, Payload.wrap(block));
            transaction.commit();
        }
    }
}
