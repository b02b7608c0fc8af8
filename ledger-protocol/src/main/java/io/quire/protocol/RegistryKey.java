package io.quire.protocol;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;

/**
 * The name of a register: a path whose order as text is the order of listings.
 *
 * <pre>
 *   /ledgers/0000000000000000017   metadata of ledger 17, the id padded to 19 digits
 *   /bookies/UUID                  identity and boot epoch of one store
 *   /ids                           the next block of ledger ids
 *   /logs/NAME                     a named log's ledgers
 *   /cursors/NAME//CURSOR          a consumer's place in a named log
 *   /snapshots/NAME                snapshots of an event-sourced actor
 *   /config/NAME                   facts about the cluster
 * </pre>
 *
 * @param path starts with a slash, at most {@value #BYTES_MAX} ASCII characters
 */
public record RegistryKey(String path) implements Comparable<RegistryKey> {
    /** The longest path: LMDB keys are short. */
    public static final int BYTES_MAX = 200;

    public static final String LEDGERS = "/ledgers/";
    private static final int LEDGER_DIGITS = 19;
    private static final String PLAIN = "._-/";
    private static final String LAST_LEDGER = LEDGERS + Long.MAX_VALUE;
    public static final String BOOKIES = "/bookies/";

    /** The register from which blocks of ledger ids are reserved. */
    public static final RegistryKey IDS = new RegistryKey("/ids");

    /** Where the next voters are chosen (R5): version n, chosen in config epoch n, is the config of epoch n + 1. */
    public static final RegistryKey VOTERS = new RegistryKey("/config/voters");

    public RegistryKey {
        if (!path.startsWith("/") || path.length() > BYTES_MAX || !path.chars().allMatch(c -> c > ' ' && c < 127)) {
            throw new IllegalArgumentException(
                    "a register's key is a path of at most " + BYTES_MAX + " visible ASCII characters: '" + path + "'");
        }
    }

    public static RegistryKey ofLedger(LedgerId ledgerId) {
        return new RegistryKey(String.format(Locale.ROOT, "%s%019d", LEDGERS, ledgerId.value()));
    }

    public static RegistryKey ofBookie(BookieId bookieId) {
        return new RegistryKey(BOOKIES + bookieId);
    }

    /**
     * A register that is named by any text. Letters, digits and {@code . _ - /} stand for themselves, every other byte of the
     * name's UTF-8 is {@code %} and two hex digits; what is too long ends in {@code ~} and the name's SHA-256. Different names
     * have different keys.
     *
     * @param prefix starts with a slash
     * @param charsMax how long the name's part may get, at least 80
     */
    public static RegistryKey ofName(String prefix, String name, int charsMax) {
        return new RegistryKey(prefix + escaped(name, charsMax));
    }

    /** The part of {@link #ofName} that stands for the name. */
    public static String escaped(String name, int charsMax) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        StringBuilder escaped = new StringBuilder();
        for (byte b : bytes) {
            char c = (char) (b & 0xff);
            if ((c < 128 && Character.isLetterOrDigit(c)) || PLAIN.indexOf(c) >= 0) {
                escaped.append(c);
            } else {
                escaped.append('%').append(HexFormat.of().withUpperCase().toHexDigits(b));
            }
        }
        if (escaped.length() <= charsMax) {
            return escaped.toString();
        }
        String digest = HexFormat.of().formatHex(sha256(bytes));
        return escaped.substring(0, charsMax - 1 - digest.length()) + "~" + digest;
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    /** Whether this is the register of a ledger. */
    public boolean isOfLedger() {
        return path.length() == LEDGERS.length() + LEDGER_DIGITS
                && path.startsWith(LEDGERS)
                && path.chars().skip(LEDGERS.length()).allMatch(c -> c >= '0' && c <= '9')
                && path.compareTo(LAST_LEDGER) <= 0;
    }

    /** The ledger whose metadata this register holds. */
    public LedgerId ledgerId() {
        if (!path.startsWith(LEDGERS)) {
            throw new IllegalStateException(path + " is not a ledger's register");
        }
        return LedgerId.parse(path.substring(LEDGERS.length()));
    }

    @Override
    public int compareTo(RegistryKey other) {
        return path.compareTo(other.path);
    }

    @Override
    public String toString() {
        return path;
    }
}
