package io.quire.storage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Looks at LMDB's data file before LMDB maps it: a tree that leads beyond the end of a mapped file kills the JVM with
 * SIGBUS instead of raising an error (P12), and a file of no bytes would be taken for a new store (H25).
 *
 * <p>A file may rightly end before the last page that its header counts, since LMDB does not write pages that a
 * transaction both took and freed. Only then the whole tree is walked. LMDB has no page checksums: damage inside a page
 * is for the checksums in the values to find (P10).
 *
 * <pre>
 * page      0  page number  8 | pad 2 | flags 2 | lower 2 (or 4: overflow pages) | upper 2 | entries 2 each
 * meta page 16 magic 4 | version 4 | address 8 | map size 8 | free tree 48 | main tree 48 | last page 8 | transaction 8
 * tree      0  page size 4 (free tree) | flags 2 | depth 2 | branch, leaf, overflow pages, entries 8 each | root 8
 * node      0  low 2 | high 2 | flags 2 | key size 2 | key | data
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
    private static final int OVERFLOW = 0x04;
    private static final int META = 0x08;
    private static final int BIG_DATA = 0x01;
    private static final int NODE_HEADER_BYTES = 8;
    private static final int DEPTH_MAX = 32;
    private static final long NO_PAGE = -1;

    private final Path path;
    private final FileChannel channel;
    private final long fileBytes;
    private int pageBytes;

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
        long lastPage = meta.getLong(136);
        if (lastPage < 1) {
            throw damaged("its last page is " + lastPage);
        }
        if (fileBytes / pageBytes <= lastPage) {
            walk(meta.getLong(80), 0);
            walk(meta.getLong(128), 0);
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

    private void walk(long page, int depth) throws IOException {
        if (page == NO_PAGE) {
            return;
        }
        if (depth > DEPTH_MAX) {
            throw damaged("its tree has a cycle through page " + page);
        }
        ByteBuffer content = readPage(page, pageBytes);
        int flags = content.getShort(10);
        if ((flags & (BRANCH | LEAF)) == 0) {
            throw damaged("page " + page + " is not of the tree that leads to it");
        }
        int nodes = ((content.getShort(12) & 0xFFFF) - HEADER_BYTES) / 2;
        if (nodes < 0 || nodes > (pageBytes - HEADER_BYTES) / 2) {
            throw damaged("page " + page + " has " + nodes + " nodes");
        }
        for (int i = 0; i < nodes; i++) {
            int node = content.getShort(HEADER_BYTES + 2 * i) & 0xFFFF;
            if (node < HEADER_BYTES || node > pageBytes - NODE_HEADER_BYTES) {
                throw damaged("page " + page + " has a node outside of it");
            }
            if ((flags & BRANCH) != 0) {
                long child = (content.getInt(node) & 0xFFFFFFFFL) | (content.getShort(node + 4) & 0xFFFFL) << 32;
                walk(child, depth + 1);
            } else if ((content.getShort(node + 4) & BIG_DATA) != 0) {
                int data = node + NODE_HEADER_BYTES + (content.getShort(node + 6) & 0xFFFF);
                if (data > pageBytes - Long.BYTES) {
                    throw damaged("page " + page + " has a node outside of it");
                }
                requireOverflow(content.getLong(data));
            }
        }
    }

    private void requireOverflow(long page) throws IOException {
        ByteBuffer header = readPage(page, HEADER_BYTES);
        long pages = header.getInt(12) & 0xFFFFFFFFL;
        if ((header.getShort(10) & OVERFLOW) == 0) {
            throw damaged("page " + page + " is not of the value that leads to it");
        }
        if (pages > fileBytes / pageBytes - page) {
            throw truncated();
        }
    }

    private ByteBuffer readPage(long page, int bytes) throws IOException {
        if (page < 0 || page >= fileBytes / pageBytes) {
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
