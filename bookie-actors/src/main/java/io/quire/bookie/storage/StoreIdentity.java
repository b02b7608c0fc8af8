package io.quire.bookie.storage;

import io.quire.protocol.BookieId;
import io.quire.storage.FileStore;
import io.quire.storage.FileStore.StoreFile;
import io.quire.storage.KeyValueStore;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.NewerFormatException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;

/**
 * Which store a directory holds: a small text file, written once when the store is formatted. It never holds an address
 * or a path (H26).
 *
 * <pre>
 *   quire-store 1
 *   bookie 7c0e...
 *   cluster quire
 *   crc32c 9a0b1c2d        of all lines before it
 * </pre>
 *
 * @param bookieId minted by formatting
 * @param clusterName the cluster that the store was formatted for
 */
public record StoreIdentity(BookieId bookieId, String clusterName) {
    private static final String FILE_NAME = "IDENTITY";
    private static final String TEMPORARY_NAME = "IDENTITY.new";
    private static final int FORMAT_VERSION = 1;
    private static final String FIRST_WORD = "quire-store ";
    private static final String FIRST_LINE = FIRST_WORD + FORMAT_VERSION;
    private static final Pattern OTHER_VERSION = Pattern.compile(FIRST_WORD + "([0-9]{1,9})\n");
    private static final int FILE_BYTES_MAX = 4096;
    private static final int NAME_CHARACTERS_MAX = 200;

    public StoreIdentity {
        if (clusterName.isEmpty()
                || clusterName.length() > NAME_CHARACTERS_MAX
                || clusterName.chars().anyMatch(Character::isISOControl)) {
            throw new IllegalArgumentException("a cluster's name has 1 to " + NAME_CHARACTERS_MAX
                    + " characters, none of them a control character: '" + clusterName + "'");
        }
    }

    /** Whether the directory holds an identity file, whole or not. */
    public static boolean isFormatted(FileStore directory) {
        return directory.list().contains(FILE_NAME);
    }

    /**
     * Reads the identity.
     *
     * @throws StorageException when there is none, or it is damaged or of a newer version
     */
    public static StoreIdentity read(FileStore directory) {
        if (!isFormatted(directory)) {
            throw new StorageException("the directory holds no store; format it first");
        }
        try (StoreFile file = directory.open(FILE_NAME)) {
            ByteBuffer bytes = ByteBuffer.allocate(FILE_BYTES_MAX);
            int read = file.read(0, bytes);
            String text = new String(bytes.array(), 0, read, StandardCharsets.UTF_8);
            requireKnownVersion(text);
            return parse(text)
                    .orElseThrow(() -> new StorageException("the identity file " + FILE_NAME
                            + " is damaged; restore it from a copy, or format the directory as a new bookie"));
        }
    }

    /**
     * Makes a store of this identity, durably. The identity comes last: a directory that has one holds a whole store, and one
     * without it was never a bookie.
     *
     * @param directory where the identity is written
     * @param ledgers empty
     * @throws StorageException when the directory holds a store already
     */
    public void format(FileStore directory, KeyValueStore ledgers) {
        StoreChecks.format(ledgers, bookieId);
        write(directory);
    }

    /**
     * Writes the identity of a new store, durably, all or nothing.
     *
     * @throws StorageException when the directory has one already
     */
    public void write(FileStore directory) {
        List<String> names = directory.list();
        if (names.contains(FILE_NAME)) {
            throw new StorageException("the directory holds a store already");
        }
        if (names.contains(TEMPORARY_NAME)) {
            directory.delete(TEMPORARY_NAME);
        }
        byte[] text = format().getBytes(StandardCharsets.UTF_8);
        try (StoreFile file = directory.create(TEMPORARY_NAME, text.length)) {
            file.write(0, ByteBuffer.wrap(text));
            file.sync();
        }
        directory.rename(TEMPORARY_NAME, FILE_NAME);
    }

    private String format() {
        String lines = FIRST_LINE + "\nbookie " + bookieId + "\ncluster " + clusterName + "\n";
        return lines + "crc32c " + crcOf(lines) + "\n";
    }

    /** Of a newer version only the first line is known; with that one put right it must not be ours. */
    private static void requireKnownVersion(String text) {
        Matcher other = OTHER_VERSION.matcher(text);
        if (other.lookingAt() && !text.startsWith(FIRST_LINE + "\n")) {
            int version = Integer.parseInt(other.group(1));
            boolean damaged =
                    parse(FIRST_LINE + text.substring(other.end() - 1)).isPresent();
            if (version > FORMAT_VERSION && !damaged) {
                throw new NewerFormatException("the identity file " + FILE_NAME, version, FORMAT_VERSION);
            }
        }
    }

    private static Optional<StoreIdentity> parse(String text) {
        String[] lines = text.split("\n", -1);
        boolean shaped = lines.length == 5
                && lines[0].equals(FIRST_LINE)
                && lines[1].startsWith("bookie ")
                && lines[2].startsWith("cluster ")
                && lines[3].startsWith("crc32c ");
        if (!shaped) {
            return Optional.empty();
        }
        String covered = lines[0] + "\n" + lines[1] + "\n" + lines[2] + "\n";
        if (!lines[3].equals("crc32c " + crcOf(covered))) {
            return Optional.empty();
        }
        return Optional.of(new StoreIdentity(
                BookieId.parse(lines[1].substring("bookie ".length())), lines[2].substring("cluster ".length())));
    }

    private static String crcOf(String text) {
        CRC32C crc = new CRC32C();
        crc.update(text.getBytes(StandardCharsets.UTF_8));
        return String.format("%08x", crc.getValue());
    }
}
