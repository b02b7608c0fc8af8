package io.quire.simulation;

import io.quire.protocol.Payload;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.OutOfSpaceException;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

/**
 * A disk of one machine, in memory, that holds any number of named file stores and key-value stores and fails them as
 * real disks do. What it does by chance follows from the one number that it takes from the {@link Random} it is built
 * with: the same calls in the same order give the same bytes. Not thread-safe; the stores on it belong to the same thread.
 *
 * <p>A crash ends everything open on the disk. Then each write to a file that no sync has covered is kept, lost, or
 * torn at a 512-byte sector boundary, in any combination and regardless of order; a file's name is durable once
 * create, rename or delete has returned. Of a key-value store the committed transactions are kept whole and the
 * others are lost. Everything can then be opened anew.
 *
 * <p>Faults hit what is called after they are set. A failed sync leaves the writes it should have covered as a crash
 * would find them, also when a later sync succeeds; a failed commit is durable or not, by chance, which shows when the
 * store is opened anew.
 *
 * <p>Whatever changes the medium, or could, is an {@link Operation}; power may fail right before or right behind any of them.
 */
public final class SimulatedDisk {
    private static final long TOTAL_BYTES = 1L << 40;

    /** One that mixes its seed: generators of Random with neighbouring seeds all begin with the same boolean. */
    private final RandomGenerator random;

    private final Map<String, Map<String, SimulatedFile>> fileStores = new TreeMap<>();
    private final Map<String, SimulatedMap> keyValueStores = new TreeMap<>();
    private int crashes;
    private long usedBytes;
    /** What others than our stores take. */
    private long foreignBytes;
    /** How many succeed before one fails; none fails when negative. */
    private int syncsToFailure = -1;

    private int commitsToFailure = -1;
    private int readsToFailure = -1;

    /** How many operations before the one at which power fails; it does not when negative. */
    private int operationsToPowerFailure = -1;

    private Moment powerFailure = Moment.BEFORE;
    private Consumer<Change> changeListener = change -> {};

    /** What can be done to the medium, one at a time. */
    public enum Operation {
        /** A file's name comes to be; it is empty. */
        CREATE,
        /** The new file gets its zeros; without all of them it is shorter. */
        ZERO_FILL,
        WRITE,
        SYNC,
        RENAME,
        DELETE,
        /** Of a transaction that changes something. */
        COMMIT
    }

    /**
     * One operation and what it is done to.
     *
     * @param store the name of the file store or key-value store
     * @param file in a file store, with the name that it has before; empty in a key-value store
     * @param position where a write begins; otherwise 0
     */
    public record Change(Operation operation, String store, String file, long position) {}

    /** When, as an operation goes, power fails: before it has done anything, or when it is done and has not returned. */
    public enum Moment {
        BEFORE,
        AFTER
    }

    /** The machine lost power in the middle of a call. The disk has crashed; whoever called is no more. */
    public static final class PowerFailure extends RuntimeException {
        private static final long serialVersionUID = 1;

        private PowerFailure(Change change, Moment moment) {
            super("simulated power failure " + moment + " a " + change.operation() + " in " + change.store());
        }
    }

    /** What a disk held at one moment, whole: a snapshot, or a backup. */
    public static final class Copy {
        private final Map<String, Map<String, SimulatedFile>> fileStores = new TreeMap<>();
        private final Map<String, SimulatedMap> keyValueStores = new TreeMap<>();

        private Copy(Map<String, Map<String, SimulatedFile>> fileStores, Map<String, SimulatedMap> keyValueStores) {
            fileStores.forEach((name, files) -> {
                Map<String, SimulatedFile> copied = new TreeMap<>();
                files.forEach((file, content) -> copied.put(file, content.copy()));
                this.fileStores.put(name, copied);
            });
            keyValueStores.forEach((name, map) -> this.keyValueStores.put(name, map.copy()));
        }
    }

    /** A healthy, empty disk of 1 TiB. */
    public SimulatedDisk(Random random) {
        this.random = new SplittableRandom(random.nextLong());
    }

    /** Opens the file store {@code name}, empty if there is none. */
    public SimulatedFileStore openFileStore(String name) {
        return new SimulatedFileStore(this, name, fileStores.computeIfAbsent(name, key -> new TreeMap<>()));
    }

    /**
     * Opens the key-value store {@code name}, empty if there is none.
     *
     * @throws StorageException.DirectoryInUseException when it is open
     * @throws StorageException when it is damaged
     */
    public SimulatedKeyValueStore openKeyValueStore(String name) {
        SimulatedMap map = keyValueStores.computeIfAbsent(name, SimulatedMap::new);
        usedBytes += map.open();
        return new SimulatedKeyValueStore(this, map);
    }

    /** Loses power: ends everything open and decides what the medium holds. */
    public void crash() {
        crashes++;
        usedBytes = 0;
        for (Map<String, SimulatedFile> files : fileStores.values()) {
            for (SimulatedFile file : files.values()) {
                file.crash(random);
                usedBytes += file.size();
            }
        }
        for (SimulatedMap map : keyValueStores.values()) {
            map.crash();
            usedBytes += map.bytes();
        }
    }

    /** Lets the {@code nth} sync of a file from now on fail, 1 being the next; syncs after it succeed again. */
    public void failSync(int nth) {
        syncsToFailure = requirePositive(nth) - 1;
    }

    /** Lets the {@code nth} commit that changes anything from now on fail, 1 being the next. */
    public void failCommit(int nth) {
        commitsToFailure = requirePositive(nth) - 1;
    }

    /** Lets the {@code nth} read of a key-value store from now on fail, 1 being the next; reads after it succeed again. */
    public void failRead(int nth) {
        readsToFailure = requirePositive(nth) - 1;
    }

    /** Lets no read fail, whatever was set: for judges that look at what is there. */
    public void endReadFaults() {
        readsToFailure = -1;
    }

    private static int requirePositive(int nth) {
        if (nth < 1) {
            throw new IllegalArgumentException("1 is the next, not " + nth);
        }
        return nth;
    }

    /**
     * Lets power fail at the {@code nth} operation from now on, 1 being the next: the disk crashes, and the call ends with a
     * {@link PowerFailure}. Until then every operation counts.
     */
    public void failPower(int nth, Moment moment) {
        operationsToPowerFailure = requirePositive(nth) - 1;
        powerFailure = moment;
    }

    /** Lets power last, whatever was set. */
    public void endPowerFailures() {
        operationsToPowerFailure = -1;
    }

    /** Has {@code listener} told of each operation, before it does anything. */
    public void whenOperated(Consumer<Change> listener) {
        changeListener = listener;
    }

    /** Leaves room for {@code bytes} more, 0 for none; what the stores give back from now on is free again. */
    public void limitFreeBytes(long bytes) {
        if (bytes < 0 || bytes > TOTAL_BYTES - usedBytes) {
            throw new IllegalArgumentException("cannot leave " + bytes + " bytes free");
        }
        foreignBytes = TOTAL_BYTES - usedBytes - bytes;
    }

    /** Bytes that may still be written. */
    public long freeBytes() {
        return Math.max(0, TOTAL_BYTES - usedBytes - foreignBytes);
    }

    /** Bytes of the whole disk. */
    public long totalBytes() {
        return TOTAL_BYTES;
    }

    /** Inverts the byte at {@code position} of a file, on the medium and for whoever has it open. */
    public void flipByte(String fileStore, String file, long position) {
        file(fileStore, file).flip(position);
    }

    /** Cuts a file off after {@code bytes}, on the medium and for whoever has it open. */
    public void truncate(String fileStore, String file, long bytes) {
        SimulatedFile damaged = file(fileStore, file);
        usedBytes -= damaged.size() - bytes;
        damaged.truncate(bytes);
    }

    /** Removes a file from the medium. */
    public void remove(String fileStore, String file) {
        usedBytes -= file(fileStore, file).size();
        fileStores.get(fileStore).remove(file);
    }

    /** Inverts byte {@code index} of the value that {@code key} has in the last committed state. */
    public void flipValueByte(String keyValueStore, Payload key, int index) {
        map(keyValueStore).flip(key, index);
    }

    /** Inverts some byte of a file. */
    public void flipAnyByte(String fileStore, String name, Random choice) {
        SimulatedFile file = file(fileStore, name);
        file.flip((long) (choice.nextDouble() * file.size()));
    }

    /** Inverts a byte of some value whose key begins with one of {@code prefixes}, if there is one. */
    public void flipAnyValueByte(String keyValueStore, List<Byte> prefixes, Random choice) {
        SimulatedMap map = map(keyValueStore);
        List<Payload> keys = map.state().content().entrySet().stream()
                .filter(entry -> prefixes.contains(entry.getKey()[0])
                        && !entry.getValue().isEmpty())
                .map(entry -> Payload.wrap(entry.getKey()))
                .toList();
        if (!keys.isEmpty()) {
            Payload key = keys.get(choice.nextInt(keys.size()));
            int bytes = map.state().content().get(key.toByteArray()).length();
            map.flip(key, choice.nextInt(bytes));
        }
    }

    /** Makes a key-value store, which is not open, unreadable: opening it throws until it is removed. */
    public void damage(String keyValueStore) {
        map(keyValueStore).damage();
    }

    /** Removes a key-value store, which is not open: it is opened as an empty one. */
    public void remove(String keyValueStore) {
        SimulatedMap map = map(keyValueStore);
        map.requireNotOpen();
        usedBytes -= map.bytes();
        keyValueStores.remove(keyValueStore);
    }

    /** Takes a copy of everything as the process sees it, written back or not. */
    public Copy copy() {
        return new Copy(fileStores, keyValueStores);
    }

    /** Another, empty disk stands in place of this one. Nothing is open on it, and no fault is set. */
    public void erase() {
        crash();
        fileStores.clear();
        keyValueStores.clear();
        usedBytes = 0;
        syncsToFailure = -1;
        commitsToFailure = -1;
        readsToFailure = -1;
        operationsToPowerFailure = -1;
    }

    /** What {@code copy} holds takes the place of everything; the copy stays as it is. */
    public void restore(Copy copy) {
        erase();
        Copy content = new Copy(copy.fileStores, copy.keyValueStores);
        fileStores.putAll(content.fileStores);
        keyValueStores.putAll(content.keyValueStores);
        fileStores.values().forEach(files -> files.values().forEach(file -> usedBytes += file.size()));
        keyValueStores.values().forEach(map -> usedBytes += map.bytes());
    }

    /** Removes a file store with all its files. */
    public void removeFileStore(String name) {
        fileStores.getOrDefault(name, Map.of()).values().forEach(file -> usedBytes -= file.size());
        fileStores.remove(name);
    }

    private SimulatedFile file(String fileStore, String name) {
        SimulatedFile file = fileStores.getOrDefault(fileStore, Map.of()).get(name);
        if (file == null) {
            throw new IllegalArgumentException("no file " + name + " in " + fileStore);
        }
        return file;
    }

    private SimulatedMap map(String name) {
        SimulatedMap map = keyValueStores.get(name);
        if (map == null) {
            throw new IllegalArgumentException("no key-value store " + name);
        }
        return map;
    }

    /** Tells a handle whether there was a crash since it was opened. */
    int crashes() {
        return crashes;
    }

    boolean nextSyncFails() {
        return syncsToFailure >= 0 && syncsToFailure-- == 0;
    }

    boolean nextCommitFails() {
        return commitsToFailure >= 0 && commitsToFailure-- == 0;
    }

    void requireReadable() {
        if (readsToFailure >= 0 && readsToFailure-- == 0) {
            throw new StorageException("could not read: simulated failure");
        }
    }

    /** Does {@code effect}, unless power fails before. */
    void operate(Change change, Runnable effect) {
        operate(change, () -> {}, effect);
    }

    /**
     * Does {@code effect}, unless power fails before.
     *
     * @param part what has been done of it when power fails before it is done
     */
    void operate(Change change, Runnable part, Runnable effect) {
        changeListener.accept(change);
        boolean fails = operationsToPowerFailure >= 0 && operationsToPowerFailure-- == 0;
        if (fails && powerFailure == Moment.BEFORE) {
            part.run();
            failPower(change);
        }
        effect.run();
        if (fails) {
            failPower(change);
        }
    }

    private void failPower(Change change) {
        crash();
        throw new PowerFailure(change, powerFailure);
    }

    /** Some number of {@code [0, bound)}. */
    long chanceBelow(long bound) {
        return random.nextLong(bound);
    }

    boolean chance() {
        return random.nextBoolean();
    }

    void requireFree(long bytes) {
        if (bytes > freeBytes()) {
            throw new OutOfSpaceException(bytes + " bytes asked for, " + freeBytes() + " free", null);
        }
    }

    /** Counts {@code bytes} as used, or as free again when negative. */
    void use(long bytes) {
        usedBytes += bytes;
    }
}
