package io.quire.simulation;

import io.quire.protocol.Payload;
import io.quire.simulation.SimulatedDisk.Operation;
import io.quire.storage.KeyValueStore;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.OutOfSpaceException;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;

/**
 * A {@link KeyValueStore} on a {@link SimulatedDisk}. After a crash of the disk it throws IllegalStateException. One
 * thread uses it, so that nothing ever waits: a second transaction is refused.
 *
 * <p>As with LMDB each change, a deletion too, needs room for a new page until the commit (P10).
 */
public final class SimulatedKeyValueStore implements KeyValueStore {
    private static final int PAGE_BYTES = 4096;

    private final SimulatedDisk disk;
    private final SimulatedMap map;
    private final int crashes;
    private int openHandles;
    private boolean inTransaction;
    private boolean commitFailed;
    private boolean closed;

    SimulatedKeyValueStore(SimulatedDisk disk, SimulatedMap map) {
        this.disk = disk;
        this.map = map;
        this.crashes = disk.crashes();
    }

    @Override
    public Snapshot openSnapshot() {
        requireOpen();
        return new View();
    }

    @Override
    public Transaction begin() {
        requireOpen();
        if (inTransaction) {
            throw new IllegalStateException("a transaction is open");
        }
        if (commitFailed) {
            throw new StorageException("a commit has failed before; the state is unknown");
        }
        return new Change();
    }

    @Override
    public long sizeBytes() {
        requireOpen();
        return map.bytes();
    }

    @Override
    public void close() {
        if (closed || crashed()) {
            return;
        }
        if (openHandles > 0) {
            throw new IllegalStateException("a snapshot or transaction is open");
        }
        closed = true;
        map.close();
    }

    private boolean crashed() {
        return crashes != disk.crashes();
    }

    private void requireOpen() {
        if (crashed()) {
            throw new IllegalStateException("the disk has crashed since this was opened");
        }
        if (closed) {
            throw new IllegalStateException("the store is closed");
        }
    }

    /** A committed state with changes over it; a null value is a deletion, and a snapshot has none. */
    private class View implements Snapshot {
        final NavigableMap<byte[], Payload> changes = SimulatedMap.newMap();
        private final SimulatedMap.State state = map.state();
        private int scans;
        private boolean ended;

        private View() {
            state.opened();
            openHandles++;
        }

        @Override
        public Optional<Payload> get(Payload key) {
            requireUsable();
            disk.requireReadable();
            byte[] bytes = KeyValueStore.requireKey(key).toByteArray();
            NavigableMap<byte[], Payload> top = changes.containsKey(bytes) ? changes : state.content();
            return Optional.ofNullable(top.get(bytes));
        }

        @Override
        public Optional<Payload> floorKey(Payload key) {
            requireUsable();
            disk.requireReadable();
            byte[] bound = KeyValueStore.requireKey(key).toByteArray();
            Map.Entry<byte[], Payload> changed = changes.floorEntry(bound);
            Map.Entry<byte[], Payload> below = state.content().floorEntry(bound);
            while (changed != null && (below == null || compare(changed, below) >= 0)) {
                if (changed.getValue() != null) {
                    return Optional.of(Payload.copyOf(changed.getKey()));
                }
                below = state.content().lowerEntry(changed.getKey());
                changed = changes.lowerEntry(changed.getKey());
            }
            return Optional.ofNullable(below).map(found -> Payload.copyOf(found.getKey()));
        }

        @Override
        public void scan(Payload from, Payload to, Visitor visitor) {
            requireUsable();
            disk.requireReadable();
            byte[] first = KeyValueStore.requireBound(from).toByteArray();
            byte[] end = KeyValueStore.requireBound(to).toByteArray();
            if (Arrays.compareUnsigned(first, end) >= 0) {
                return;
            }
            scans++;
            try {
                Iterator<Map.Entry<byte[], Payload>> changed =
                        changes.subMap(first, end).entrySet().iterator();
                Iterator<Map.Entry<byte[], Payload>> below =
                        state.content().subMap(first, end).entrySet().iterator();
                scan(changed, below, visitor);
            } finally {
                scans--;
            }
        }

        private static void scan(
                Iterator<Map.Entry<byte[], Payload>> changed,
                Iterator<Map.Entry<byte[], Payload>> below,
                Visitor visitor) {
            Map.Entry<byte[], Payload> a = next(changed);
            Map.Entry<byte[], Payload> b = next(below);
            while (a != null || b != null) {
                int order = a == null ? 1 : b == null ? -1 : compare(a, b);
                Map.Entry<byte[], Payload> top = order <= 0 ? a : b;
                if (top.getValue() != null && !show(top, visitor)) {
                    return;
                }
                a = order <= 0 ? next(changed) : a;
                b = order >= 0 ? next(below) : b;
            }
        }

        private static Map.Entry<byte[], Payload> next(Iterator<Map.Entry<byte[], Payload>> entries) {
            return entries.hasNext() ? entries.next() : null;
        }

        private static boolean show(Map.Entry<byte[], Payload> entry, Visitor visitor) {
            return visitor.visit(Payload.wrap(entry.getKey()), entry.getValue().asByteBuffer());
        }

        private static int compare(Map.Entry<byte[], Payload> a, Map.Entry<byte[], Payload> b) {
            return Arrays.compareUnsigned(a.getKey(), b.getKey());
        }

        @Override
        public void close() {
            if (!ended && !crashed()) {
                requireIdle();
                end();
            }
        }

        void end() {
            ended = true;
            openHandles--;
            state.closed();
        }

        final void requireIdle() {
            requireUsable();
            if (scans > 0) {
                throw new IllegalStateException("a scan is under way");
            }
        }

        private void requireUsable() {
            requireOpen();
            if (ended) {
                throw new IllegalStateException("this snapshot or transaction is closed");
            }
        }
    }

    private final class Change extends View implements Transaction {
        private long changedBytes;
        private boolean changeFailed;

        private Change() {
            inTransaction = true;
        }

        @Override
        public void put(Payload key, Payload value) {
            requireChangeable();
            byte[] bytes = KeyValueStore.requireKey(key).toByteArray();
            reserve(bytes.length + value.length());
            changes.put(bytes, Payload.wrap(value.toByteArray()));
        }

        @Override
        public boolean delete(Payload key) {
            requireChangeable();
            boolean found = get(key).isPresent();
            if (found) {
                reserve(0);
                changes.put(key.toByteArray(), null);
            }
            return found;
        }

        private void reserve(long bytes) {
            changedBytes += bytes;
            try {
                disk.requireFree(changedBytes + PAGE_BYTES);
            } catch (OutOfSpaceException e) {
                changeFailed = true;
                throw e;
            }
        }

        @Override
        public void commit() {
            requireChangeable();
            // Before anything is changed: while it is open its own view would have the state copied.
            end();
            if (changes.isEmpty()) {
                return;
            }
            if (disk.nextCommitFails()) {
                commitFailed = true;
                if (disk.chance()) {
                    map.applyWhenOpenedAnew(changes);
                }
                throw new StorageException("could not commit: simulated failure");
            }
            try {
                disk.requireFree(changedBytes);
            } catch (OutOfSpaceException e) {
                commitFailed = true;
                throw e;
            }
            disk.operate(
                    new SimulatedDisk.Change(Operation.COMMIT, map.name(), "", 0), () -> disk.use(map.apply(changes)));
        }

        private void requireChangeable() {
            requireIdle();
            if (changeFailed) {
                throw new IllegalStateException("a change in this transaction has failed; close it");
            }
        }

        @Override
        void end() {
            super.end();
            inTransaction = false;
        }
    }
}
