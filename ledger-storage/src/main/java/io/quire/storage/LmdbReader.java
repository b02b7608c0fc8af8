package io.quire.storage;

import io.quire.protocol.Payload;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Optional;

/**
 * Reads the data file of a {@link LmdbKeyValueStore} without LMDB: with plain reads of pages, of which every number is
 * checked before it is followed. So it needs no table of readers, changes nothing, works where nothing may be written,
 * and reports damage where LMDB would crash the JVM (P12). For looking into stores that nobody uses; it does not lock.
 * Layout of the pages: {@link LmdbFile}.
 *
 * <p>Beyond what LMDB itself looks at, it requires that a tree is as deep as its header says, and that keys lie between
 * those of the pages that lead to them; so a walk always ends. What is inside of values is for their readers to check.
 *
 * <p>For one thread. It holds one page per level of the tree, and one value.
 */
public final class LmdbReader implements KeyValueStore {
    private static final String DATA = "data.mdb";
    private static final int META_BYTES = 152;
    private static final int HEADER_BYTES = 16;
    private static final int NODE_HEADER_BYTES = 8;
    private static final int KIND_MASK = 0x6F;
    private static final int BRANCH = 0x01;
    private static final int LEAF = 0x02;
    private static final int OVERFLOW = 0x04;
    private static final int BIG_DATA = 0x01;
    private static final int DEPTH_MAX = 32;
    private static final int FREE_TREE = 40;
    private static final int MAIN_TREE = 88;
    private static final long NO_PAGE = -1;
    private static final byte[] LOWEST = {};

    private final Path path;
    private final FileChannel channel;
    private final long fileBytes;
    private final int pageBytes;
    private final long lastPage;
    private final Tree free;
    private final Tree main;

    /** Where a tree starts, how deep it is, and whether its keys are little-endian numbers. */
    private record Tree(long root, int depth, boolean ofNumbers) {}

    /** One page of a tree, and which of them it is. */
    private record Page(long number, ByteBuffer bytes, int nodes) {}

    /** Sees the nodes of leaves. */
    private interface NodeVisitor {
        boolean visit(byte[] key, Page leaf, int node) throws IOException;
    }

    private LmdbReader(Path path, FileChannel channel) throws IOException {
        this.path = path;
        this.channel = channel;
        this.fileBytes = channel.size();
        ByteBuffer first = readAt(0, META_BYTES);
        this.pageBytes = first.getInt(40);
        ByteBuffer second = readAt(pageBytes, META_BYTES);
        ByteBuffer meta = first.getLong(144) < second.getLong(144) ? second : first;
        this.lastPage = meta.getLong(136);
        this.free = treeAt(meta, FREE_TREE);
        this.main = treeAt(meta, MAIN_TREE);
        if ((meta.getShort(MAIN_TREE + 4) & 0x7FFF) != 0) {
            throw damaged("its header is overwritten");
        }
    }

    /**
     * Opens the store in {@code directory}.
     *
     * @throws StorageException when there is none, or when it is damaged so that LMDB would not open it; the message
     *     says the same then
     */
    public static LmdbReader open(Path directory) {
        Path path = directory.resolve(DATA);
        if (!Files.isRegularFile(path)) {
            throw new StorageException("there is no file " + path);
        }
        LmdbFile.requireWhole(path);
        try {
            FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
            try {
                return new LmdbReader(path, channel);
            } catch (IOException | RuntimeException e) {
                channel.close();
                throw e;
            }
        } catch (IOException e) {
            throw IoFailures.of("read " + path, e);
        }
    }

    /** Whether {@code directory} holds a store, damaged or not. */
    public static boolean isThere(Path directory) {
        return Files.exists(directory.resolve(DATA));
    }

    /**
     * Walks all pages of the trees; values of their own pages are not read, only where they are.
     *
     * @return how many keys there are
     * @throws StorageException when something leads nowhere
     */
    public long requireWholeTrees() {
        long[] keys = {0};
        try {
            walk(free, LOWEST, Optional.empty(), (key, leaf, node) -> {
                locate(leaf, node);
                return true;
            });
            walk(main, LOWEST, Optional.empty(), (key, leaf, node) -> {
                locate(leaf, node);
                keys[0]++;
                return true;
            });
        } catch (IOException e) {
            throw IoFailures.of("read " + path, e);
        }
        return keys[0];
    }

    @Override
    public Snapshot openSnapshot() {
        return new PageSnapshot();
    }

    /** Always throws: nothing can be written. */
    @Override
    public Transaction begin() {
        throw new UnsupportedOperationException(path + " is open for reading only");
    }

    @Override
    public long sizeBytes() {
        return fileBytes;
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw IoFailures.of("close " + path, e);
        }
    }

    private final class PageSnapshot implements Snapshot {
        @Override
        public Optional<Payload> get(Payload key) {
            byte[] wanted = KeyValueStore.requireKey(key).toByteArray();
            Payload[] found = new Payload[1];
            scanNodes(wanted, Optional.of(Arrays.copyOf(wanted, wanted.length + 1)), (at, leaf, node) -> {
                found[0] = Payload.copyOf(valueOf(leaf, node));
                return false;
            });
            return Optional.ofNullable(found[0]);
        }

        @Override
        public Optional<Payload> floorKey(Payload key) {
            byte[] most = KeyValueStore.requireKey(key).toByteArray();
            try {
                return main.root() == NO_PAGE ? Optional.empty() : floorIn(main, main.root(), 1, most);
            } catch (IOException e) {
                throw IoFailures.of("read " + path, e);
            }
        }

        @Override
        public void scan(Payload from, Payload to, Visitor visitor) {
            byte[] start = KeyValueStore.requireBound(from).toByteArray();
            byte[] end = KeyValueStore.requireBound(to).toByteArray();
            scanNodes(
                    start,
                    Optional.of(end),
                    (key, leaf, node) -> visitor.visit(Payload.wrap(key), valueOf(leaf, node)));
        }

        private void scanNodes(byte[] from, Optional<byte[]> to, NodeVisitor visitor) {
            try {
                walk(main, from, to, visitor);
            } catch (IOException e) {
                throw IoFailures.of("read " + path, e);
            }
        }

        @Override
        public void close() {}
    }

    private void walk(Tree tree, byte[] from, Optional<byte[]> to, NodeVisitor visitor) throws IOException {
        if (tree.root() != NO_PAGE) {
            walk(tree, tree.root(), 1, new Range(LOWEST, Optional.empty()), new Range(from, to), visitor);
        }
    }

    /** Keys in {@code [from, to)}; the end may be open. */
    private static final class Range {
        private final byte[] from;
        private final Optional<byte[]> to;

        Range(byte[] from, Optional<byte[]> to) {
            this.from = from;
            this.to = to;
        }

        boolean startsBehind(byte[] key) {
            return Arrays.compareUnsigned(from, key) > 0;
        }

        boolean startsBefore(Optional<byte[]> end) {
            return end.isEmpty() || Arrays.compareUnsigned(from, end.get()) < 0;
        }

        boolean endsAtOrBefore(byte[] key) {
            return to.isPresent() && Arrays.compareUnsigned(to.get(), key) <= 0;
        }
    }

    /** Whether the visitor wants more. */
    private boolean walk(Tree tree, long number, int level, Range bounds, Range wanted, NodeVisitor visitor)
            throws IOException {
        boolean leaf = level == tree.depth();
        Page page = pageOf(number, leaf ? LEAF : BRANCH);
        byte[] previous = bounds.from;
        for (int i = 0; i < page.nodes(); i++) {
            byte[] key = keyOf(tree, page, i, leaf || i > 0);
            boolean first = i == 0;
            if (!leaf && first) {
                key = bounds.from;
            } else if (bounds.startsBehind(key)
                    || bounds.endsAtOrBefore(key)
                    || (!first && Arrays.compareUnsigned(previous, key) >= 0)) {
                throw damaged("page " + number + " has keys that do not belong there");
            }
            previous = key;
            if (wanted.endsAtOrBefore(key)) {
                return false;
            }
            if (leaf) {
                if (!wanted.startsBehind(key) && !visitor.visit(key, page, i)) {
                    return false;
                }
            } else {
                Optional<byte[]> end = i + 1 < page.nodes() ? Optional.of(keyOf(tree, page, i + 1, true)) : bounds.to;
                if (wanted.startsBefore(end)
                        && !walk(tree, childOf(page, i), level + 1, new Range(key, end), wanted, visitor)) {
                    return false;
                }
            }
        }
        return true;
    }

    private Optional<Payload> floorIn(Tree tree, long number, int level, byte[] most) throws IOException {
        boolean leaf = level == tree.depth();
        Page page = pageOf(number, leaf ? LEAF : BRANCH);
        for (int i = page.nodes() - 1; i >= 0; i--) {
            byte[] key = keyOf(tree, page, i, leaf || i > 0);
            if (Arrays.compareUnsigned(key, most) > 0 && (leaf || i > 0)) {
                continue;
            }
            if (leaf) {
                return Optional.of(Payload.wrap(key));
            }
            Optional<Payload> found = floorIn(tree, childOf(page, i), level + 1, most);
            if (found.isPresent()) {
                return found;
            }
        }
        return Optional.empty();
    }

    private Tree treeAt(ByteBuffer meta, int at) {
        Tree tree = new Tree(meta.getLong(at + 40), meta.getShort(at + 6) & 0xFFFF, at == FREE_TREE);
        boolean empty = tree.root() == NO_PAGE;
        if (empty ? tree.depth() != 0 : tree.depth() < 1 || tree.depth() > DEPTH_MAX) {
            throw damaged("its header is overwritten");
        }
        return tree;
    }

    private Page pageOf(long number, int kind) throws IOException {
        requirePage(number, 1);
        ByteBuffer bytes = readAt(number * pageBytes, pageBytes);
        requireHeader(number, bytes, kind);
        int lower = bytes.getShort(12) & 0xFFFF;
        int upper = bytes.getShort(14) & 0xFFFF;
        if (lower < HEADER_BYTES + 2 || lower > upper || upper > pageBytes || lower % 2 != 0) {
            throw damaged("page " + number + " is overwritten");
        }
        return new Page(number, bytes, (lower - HEADER_BYTES) / 2);
    }

    private void requirePage(long number, long pages) {
        if (number < 2 || number > lastPage || pages < 1 || pages > lastPage - number + 1) {
            throw damaged("something leads to page " + number + ", the last one is " + lastPage);
        }
    }

    private void requireHeader(long number, ByteBuffer page, int kind) {
        if (page.getLong(0) != number) {
            throw damaged("page " + number + " is overwritten");
        }
        if ((page.getShort(10) & KIND_MASK) != kind) {
            throw damaged("page " + number + " is not of the tree that leads to it");
        }
    }

    private int nodeOf(Page page, int index) {
        int node = page.bytes().getShort(HEADER_BYTES + 2 * index) & 0xFFFF;
        if (node < HEADER_BYTES + 2 * page.nodes() || node > pageBytes - NODE_HEADER_BYTES) {
            throw damaged("page " + page.number() + " has a node outside of it");
        }
        return node;
    }

    /** Numbers are turned round, so that all keys are compared as unsigned bytes. */
    private byte[] keyOf(Tree tree, Page page, int index, boolean named) {
        int node = nodeOf(page, index);
        int bytes = page.bytes().getShort(node + 6) & 0xFFFF;
        if (bytes > pageBytes - node - NODE_HEADER_BYTES || (named && bytes == 0)) {
            throw damaged("page " + page.number() + " has a node outside of it");
        }
        byte[] key = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            key[i] = page.bytes().get(node + NODE_HEADER_BYTES + (tree.ofNumbers() ? bytes - 1 - i : i));
        }
        return key;
    }

    private long childOf(Page page, int index) {
        int node = nodeOf(page, index);
        return (page.bytes().getInt(node) & 0xFFFFFFFFL) | (page.bytes().getShort(node + 4) & 0xFFFFL) << 32;
    }

    private ByteBuffer valueOf(Page page, int index) throws IOException {
        Place place = locate(page, index);
        return place.onPage()
                ? page.bytes().slice((int) place.position(), place.bytes()).asReadOnlyBuffer()
                : readAt(place.position(), place.bytes())
                        .order(ByteOrder.BIG_ENDIAN)
                        .asReadOnlyBuffer();
    }

    /** Where a value is: on the page of its node, or in the file. */
    private record Place(boolean onPage, long position, int bytes) {}

    private Place locate(Page page, int index) throws IOException {
        int node = nodeOf(page, index);
        ByteBuffer bytes = page.bytes();
        long size = (bytes.getShort(node) & 0xFFFFL) | (bytes.getShort(node + 2) & 0xFFFFL) << 16;
        int flags = bytes.getShort(node + 4) & 0xFFFF;
        int data = node + NODE_HEADER_BYTES + (bytes.getShort(node + 6) & 0xFFFF);
        long room = pageBytes - (long) data;
        if (flags == 0 && size <= room) {
            return new Place(true, data, (int) size);
        }
        if (flags != BIG_DATA || room < Long.BYTES) {
            throw damaged("page " + page.number() + " has a node outside of it");
        }
        long number = bytes.getLong(data);
        requirePage(number, 1);
        ByteBuffer header = readAt(number * pageBytes, HEADER_BYTES);
        requireHeader(number, header, OVERFLOW);
        long pages = header.getInt(12) & 0xFFFFFFFFL;
        requirePage(number, pages);
        // A value that became smaller keeps its pages.
        if (HEADER_BYTES + size > pages * pageBytes || size > Integer.MAX_VALUE - HEADER_BYTES) {
            throw damaged("page " + number + " is overwritten");
        }
        long position = number * pageBytes + HEADER_BYTES;
        if (size > fileBytes - position) {
            throw damaged("it is cut off after " + fileBytes + " bytes");
        }
        return new Place(false, position, (int) size);
    }

    private ByteBuffer readAt(long position, int bytes) throws IOException {
        ByteBuffer content = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (content.hasRemaining()) {
            if (channel.read(content, position + content.position()) < 0) {
                throw damaged("it is cut off after " + fileBytes + " bytes");
            }
        }
        return content.flip();
    }

    private StorageException damaged(String what) {
        return new StorageException(
                "the store in " + path.getParent() + " is damaged: " + path.getFileName() + ": " + what);
    }
}
