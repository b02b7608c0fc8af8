package io.quire.storage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Looks at LMDB's data file before LMDB maps it. LMDB believes its pages: one that leads beyond the end of the file, or is
 * not what its parent says, kills the JVM with SIGBUS, SIGSEGV or an assertion of its own (P12), a page that is free and in use
 * is overwritten, and a file of no bytes would be taken for a new store (H25).
 *
 * <p>All pages of both trees are read: about 1.2 MB for each GB of blocks of 32 KiB. Each page must be reached once, name
 * itself, lie at the depth of its kind and hold nodes that lie within it, beside each other, in the order of their keys and
 * between the keys of its parent; no page that is in use may be free. Of values in pages of their own the first {@value
 * #VALUES_LOOKED_AT_MAX} are looked at, where they begin. LMDB has no page checksums: damage inside a value is for the checksums in the
 * values to find (P10). A file may rightly end before the last page that its header counts, since LMDB does not write
 * pages that a transaction both took and freed.
 *
 * <pre>
 * page      0  page number  8 | pad 2 | flags 2 | lower 2 (or 4: overflow pages) | upper 2 | offsets of nodes 2 each
 * meta page 16 magic 4 | version 4 | address 8 | map size 8 | free tree 48 | main tree 48 | last page 8 | transaction 8
 * tree      0  page size 4 (free tree) | flags 2 | depth 2 | branch, leaf, overflow pages, entries 8 each | root 8
 * node      0  low 2 | high 2 | flags 2 | key size 2 | key | data
 * free      key: transaction 8, data: count 8 | pages that it freed 8 each
 * </pre>
 *
 * All numbers are little-endian, as on every platform that LMDB is bundled for.
 */
final class LmdbFile {
    private static final int META_PAGE_BYTES_READ = 152;
    private static final int HEADER_BYTES = 16;
    private static final int MAGIC = 0xBEEFC0DE;
    private static final int VERSION = 1;
    private static final int BRANCH = 0x01;
    private static final int LEAF = 0x02;
    private static final int META = 0x08;
    private static final int BIG_DATA = 0x01;
    private static final int INTEGER_KEY = 0x08;
    private static final int NODE_HEADER_BYTES = 8;
    private static final int FREE_TREE = 40;
    private static final int MAIN_TREE = 88;
    private static final int DEPTH_MAX = 32;
    private static final long NO_PAGE = -1;
    private static final int VALUES_LOOKED_AT_MAX = 20_000;
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final Path path;
    private final FileChannel channel;
    private final long fileBytes;
    /** Those that are in use. */
    private final BitSet pages = new BitSet();

    private int pageBytes;
    private long lastPage;
    private int valuesLookedAt;

    /** One of the two trees: what it maps, and how its keys are ordered. */
    private interface Tree {
        int compare(byte[] key, byte[] other);

        /** Whether {@link #value} wants to see values. */
        boolean reads();

        void value(byte[] key, ByteBuffer value);
    }

    private LmdbFile(Path path, FileChannel channel) throws IOException {
        this.path = path;
        this.channel = channel;
        this.fileBytes = channel.size();
    }

    /**
     * Returns when LMDB can open {@code path} without reading beyond its end.
     *
     * @throws StorageException when it cannot; the message says what is wrong
     */
    static void requireWhole(Path path) {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            new LmdbFile(path, channel).requireWhole();
        } catch (IOException e) {
            throw IoFailures.of("read " + path, e);
        }
    }

    private void requireWhole() throws IOException {
        if (fileBytes == 0) {
            throw damaged("it is empty");
        }
        ByteBuffer first = readMeta(0);
        pageBytes = first.getInt(40);
        if (pageBytes < 512 || pageBytes > 1 << 16 || Integer.bitCount(pageBytes) != 1) {
            throw damaged("its page size is " + pageBytes);
        }
        ByteBuffer second = readMeta(pageBytes);
        ByteBuffer meta = first.getLong(144) < second.getLong(144) ? second : first;
        long commits = Math.abs(first.getLong(144) - second.getLong(144));
        if (commits > 1) {
            throw damaged("its two headers are " + commits + " commits apart");
        }
        lastPage = meta.getLong(136);
        if (lastPage < 1 || lastPage > Integer.MAX_VALUE) {
            throw damaged("its last page is " + lastPage);
        }
        walk(meta, MAIN_TREE, 0, new MainTree());
        FreeTree free = new FreeTree();
        walk(meta, FREE_TREE, INTEGER_KEY, free);
        free.requireNotInUse();
    }

    private void walk(ByteBuffer meta, int tree, int flags, Tree content) throws IOException {
        int depth = meta.getShort(tree + 6);
        long root = meta.getLong(tree + 40);
        if (meta.getShort(tree + 4) != flags || depth < 0 || depth > DEPTH_MAX || (root == NO_PAGE) != (depth == 0)) {
            throw damaged("the root of a tree is overwritten");
        }
        if (root != NO_PAGE) {
            walk(root, depth, Optional.empty(), Optional.empty(), content);
        }
    }

    /** Keys are opaque; the values carry their own checksums. */
    private static final class MainTree implements Tree {
        @Override
        public int compare(byte[] key, byte[] other) {
            return Arrays.compareUnsigned(key, other);
        }

        @Override
        public boolean reads() {
            return false;
        }

        @Override
        public void value(byte[] key, ByteBuffer value) {}
    }

    private final class FreeTree implements Tree {
        private final BitSet free = new BitSet();

        @Override
        public int compare(byte[] key, byte[] other) {
            return Long.compareUnsigned(transactionOf(key), transactionOf(other));
        }

        private long transactionOf(byte[] key) {
            if (key.length != Long.BYTES) {
                throw damaged("a list of free pages has a key of " + key.length + " bytes");
            }
            return ByteBuffer.wrap(key).order(ByteOrder.LITTLE_ENDIAN).getLong();
        }

        @Override
        public boolean reads() {
            return true;
        }

        @Override
        public void value(byte[] key, ByteBuffer value) {
            long count = value.remaining() < Long.BYTES ? -1 : value.getLong();
            if (count < 0 || count > value.remaining() / Long.BYTES) {
                throw damaged(
                        "the list of pages that transaction " + transactionOf(key) + " freed says it has " + count);
            }
            for (long i = 0; i < count; i++) {
                long page = value.getLong();
                if (page < 2 || page > lastPage || free.get((int) page)) {
                    throw damaged("page " + page + " is free twice, or is none");
                }
                free.set((int) page);
            }
        }

        void requireNotInUse() {
            if (free.intersects(pages)) {
                free.and(pages);
                throw damaged("page " + free.nextSetBit(0) + " is in use and free");
            }
        }
    }

    private ByteBuffer readMeta(long position) throws IOException {
        ByteBuffer meta = read(position, META_PAGE_BYTES_READ);
        if ((meta.getShort(10) & META) == 0 || meta.getInt(16) != MAGIC) {
            throw damaged("it is not an LMDB file, or its header is overwritten");
        }
        if (meta.getInt(20) != VERSION) {
            throw damaged("its format has version " + meta.getInt(20) + ", not " + VERSION);
        }
        return meta;
    }

    /**
     * @param depth of the tree from {@code page} on; 1 for a leaf
     * @param low the lowest key that may be below {@code page}
     * @param high the lowest key that is behind it
     */
    private void walk(long page, int depth, Optional<byte[]> low, Optional<byte[]> high, Tree tree) throws IOException {
        ByteBuffer content = readPage(page, pageBytes);
        use(page, 1);
        boolean leaf = depth == 1;
        if (content.getShort(10) != (leaf ? LEAF : BRANCH)) {
            throw damaged("page " + page + " is not of the tree that leads to it");
        }
        List<Integer> nodes = nodesOf(page, content, leaf);
        Optional<byte[]> before = low;
        for (int i = 0; i < nodes.size(); i++) {
            byte[] key = keyOf(content, nodes.get(i));
            // What is below the first node of a branch is bounded by the page's own key alone.
            boolean keyed = leaf || i > 0;
            if (keyed) {
                boolean inOrder = before.isEmpty() || tree.compare(before.get(), key) < (leaf && i == 0 ? 1 : 0);
                if (key.length == 0 || !inOrder || (high.isPresent() && tree.compare(key, high.get()) >= 0)) {
                    throw damaged("the keys of page " + page + " are not in order");
                }
                before = Optional.of(key);
            }
            if (leaf) {
                tree.value(key, valueOf(content, nodes.get(i), tree.reads()));
            } else {
                Optional<byte[]> end = i + 1 < nodes.size() ? Optional.of(keyOf(content, nodes.get(i + 1))) : high;
                walk(childOf(content, nodes.get(i)), depth - 1, keyed ? Optional.of(key) : low, end, tree);
            }
        }
    }

    /** Where the nodes of a page are, each within it and beside the others. */
    private List<Integer> nodesOf(long page, ByteBuffer content, boolean leaf) {
        int lower = content.getShort(12) & 0xFFFF;
        int upper = content.getShort(14) & 0xFFFF;
        int count = (lower - HEADER_BYTES) / 2;
        if (lower % 2 != 0 || lower > upper || upper > pageBytes || count < (leaf ? 1 : 2)) {
            throw damaged("page " + page + " is filled up to " + lower + " and from " + upper + " on");
        }
        List<Integer> nodes = new ArrayList<>(count);
        TreeMap<Integer, Integer> ends = new TreeMap<>();
        for (int i = 0; i < count; i++) {
            int node = content.getShort(HEADER_BYTES + 2 * i) & 0xFFFF;
            if (node % 2 != 0 || node < upper || node > pageBytes - NODE_HEADER_BYTES) {
                throw damaged("page " + page + " has a node outside of it");
            }
            nodes.add(node);
            ends.put(node, node + nodeBytes(content, node, leaf));
        }
        int end = upper;
        for (var node : ends.entrySet()) {
            if (node.getKey() < end || node.getValue() > pageBytes) {
                throw damaged("page " + page + " has a node that lies in another, or outside");
            }
            end = node.getValue();
        }
        if (ends.size() < count) {
            throw damaged("page " + page + " has a node twice");
        }
        return nodes;
    }

    private int nodeBytes(ByteBuffer content, int node, boolean leaf) {
        int bytes = NODE_HEADER_BYTES + (content.getShort(node + 6) & 0xFFFF);
        if (!leaf) {
            return bytes;
        }
        int flags = content.getShort(node + 4);
        if ((flags & ~BIG_DATA) != 0) {
            throw damaged("a value is of the kind " + flags);
        }
        long data = flags == BIG_DATA ? Long.BYTES : content.getInt(node) & 0xFFFFFFFFL;
        return (int) Math.min(bytes + data, 2L * pageBytes);
    }

    private static byte[] keyOf(ByteBuffer content, int node) {
        byte[] key = new byte[content.getShort(node + 6) & 0xFFFF];
        content.get(node + NODE_HEADER_BYTES, key);
        return key;
    }

    private static long childOf(ByteBuffer content, int node) {
        return (content.getInt(node) & 0xFFFFFFFFL) | (content.getShort(node + 4) & 0xFFFFL) << 32;
    }

    /** The value at a node of a leaf, whose pages are in use; nothing unless {@code read}. */
    private ByteBuffer valueOf(ByteBuffer content, int node, boolean read) throws IOException {
        int data = node + NODE_HEADER_BYTES + (content.getShort(node + 6) & 0xFFFF);
        long bytes = content.getInt(node) & 0xFFFFFFFFL;
        if (content.getShort(node + 4) != BIG_DATA) {
            return content.slice(data, (int) bytes).order(ByteOrder.LITTLE_ENDIAN);
        }
        long first = content.getLong(data);
        long needed = (HEADER_BYTES - 1 + bytes) / pageBytes + 1;
        if (first < 2 || first > fileBytes / pageBytes - needed) {
            throw truncated();
        }
        if (valuesLookedAt++ < VALUES_LOOKED_AT_MAX) {
            needed = Math.max(needed, pagesFreedWith(first));
        }
        use(first, needed);
        return read ? read(first * pageBytes + HEADER_BYTES, Math.toIntExact(bytes)) : NOTHING;
    }

    /**
     * How many pages LMDB will free with the value that begins at {@code first}: it goes by their first bytes. When these say
     * none, or too few, pages are lost, and nothing else.
     */
    private long pagesFreedWith(long first) throws IOException {
        ByteBuffer header = read(first * pageBytes, HEADER_BYTES);
        long freed = header.getInt(12) & 0xFFFFFFFFL;
        if (freed > 0 && (header.getLong(0) != first || freed > lastPage + 1 - first)) {
            throw damaged("page " + first + " is not of the value that leads to it");
        }
        return freed;
    }

    private void use(long page, long count) {
        int from = (int) page;
        int to = (int) (page + count);
        if (page + count > lastPage + 1 || (pages.nextSetBit(from) >= 0 && pages.nextSetBit(from) < to)) {
            throw damaged("page " + page + " has two uses, or is none");
        }
        pages.set(from, to);
    }

    private ByteBuffer readPage(long page, int bytes) throws IOException {
        if (page < 2 || page > lastPage) {
            throw damaged("page " + page + " is none of the tree that leads to it");
        }
        if (page >= fileBytes / pageBytes) {
            throw truncated();
        }
        ByteBuffer content = read(page * pageBytes, bytes);
        if (content.getLong(0) != page) {
            throw damaged("page " + page + " is overwritten");
        }
        return content;
    }

    private ByteBuffer read(long position, int bytes) throws IOException {
        ByteBuffer content = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (content.hasRemaining()) {
            if (channel.read(content, position + content.position()) < 0) {
                throw truncated();
            }
        }
        return content.flip();
    }

    private StorageException truncated() {
        return damaged("it is cut off after " + fileBytes + " bytes");
    }

    private StorageException damaged(String what) {
        return new StorageException(
                "the store in " + path.getParent() + " is damaged: " + path.getFileName() + ": " + what);
    }
}
