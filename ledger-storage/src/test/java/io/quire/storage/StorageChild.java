package io.quire.storage;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.quire.protocol.Payload;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.StorageException.DirectoryInUseException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;

/** What runs in the processes that tests start and kill: {@code lock DIRECTORY} or {@code commit DIRECTORY}. */
final class StorageChild {
    static final Payload HEAD = Payload.ofUtf8("head");

    private StorageChild() {}

    public static void main(String[] arguments) throws IOException {
        Path directory = Path.of(arguments[1]);
        switch (arguments[0]) {
            case "lock" -> lock(directory);
            case "commit" -> commit(directory);
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    /** Tries, prints why not, and tries again with each line it is sent; keeps the lock until it is killed. */
    private static void lock(Path directory) throws IOException {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        do {
            try {
                DirectoryLock.acquire(directory);
                System.out.println("locked");
            } catch (DirectoryInUseException e) {
                System.out.println(e.getMessage());
            }
        } while (input.readLine() != null);
    }

    /** Commits one numbered transaction after the other and prints each number when it is durable, until killed. */
    private static void commit(Path directory) {
        KeyValueStore store = LmdbKeyValueStore.open(directory);
        long number = head(store);
        while (!System.out.checkError()) {
            number++;
            try (Transaction transaction = store.begin()) {
                for (int part = 0; part < parts(number); part++) {
                    transaction.put(key(number, part), value(number, part));
                }
                transaction.put(
                        HEAD,
                        Payload.wrap(ByteBuffer.allocate(8).putLong(number).array()));
                transaction.commit();
            }
            System.out.println(number);
        }
    }

    static long head(KeyValueStore store) {
        try (Snapshot snapshot = store.openSnapshot()) {
            Optional<Payload> head = snapshot.get(HEAD);
            return head.map(value -> value.asByteBuffer().getLong()).orElse(0L);
        }
    }

    static int parts(long number) {
        return 1 + (int) (number % 7);
    }

    /** Scattered over the tree, so that a transaction touches many pages. */
    static Payload key(long number, int part) {
        return Payload.wrap(ByteBuffer.allocate(12)
                .putInt(part)
                .putLong(Long.reverse(number))
                .array());
    }

    static Payload value(long number, int part) {
        Random random = new Random(31 * number + part);
        byte[] bytes = new byte[random.nextInt(10) == 0 ? 100_000 : random.nextInt(3000)];
        random.nextBytes(bytes);
        return Payload.wrap(bytes);
    }
}
