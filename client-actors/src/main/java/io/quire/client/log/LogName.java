package io.quire.client.log;

import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.RegistryKey;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * The name of a log, or of a cursor: any text without control characters, slashes and spaces included.
 *
 * <p>{@link RegistryKey#ofName} says how it becomes a register's key.
 *
 * @param value 1 to {@value #BYTES_MAX} bytes of UTF-8
 */
public record LogName(String value) {
    /** The longest name, in bytes of UTF-8. */
    public static final int BYTES_MAX = 1024;

    static final String LOGS = "/logs/";
    static final String CURSORS = "/cursors/";
    private static final int ESCAPED_MAX = 150;
    private static final int ESCAPED_IN_CURSOR_MAX = 90;

    /**
     * @throws LedgerException InvalidRequest when it is empty, too long, has a control character or is no text
     */
    public LogName {
        requireValid(value);
    }

    private static void requireValid(String value) {
        byte[] bytes = bytesOf(value);
        if (bytes.length == 0 || bytes.length > BYTES_MAX) {
            throw invalid("a name has 1 to " + BYTES_MAX + " bytes, not " + bytes.length);
        }
        if (value.chars().anyMatch(Character::isISOControl)) {
            throw invalid("a name has no control characters");
        }
    }

    private static byte[] bytesOf(String value) {
        try {
            ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(value));
            byte[] bytes = new byte[encoded.remaining()];
            encoded.get(bytes);
            return bytes;
        } catch (CharacterCodingException e) {
            throw new LedgerException(
                    Code.InvalidRequest, Outcome.NOT_APPLIED, "a name is text: it has half a character", e);
        }
    }

    private static LedgerException invalid(String why) {
        return new LedgerException(Code.InvalidRequest, Outcome.NOT_APPLIED, why);
    }

    /** The register of the log of this name. */
    public RegistryKey key() {
        return new RegistryKey(LOGS + escaped(ESCAPED_MAX));
    }

    /** What the keys of all cursors of the log of this name begin with. */
    String cursorPrefix() {
        return CURSORS + escaped(ESCAPED_IN_CURSOR_MAX) + "//";
    }

    /** The register of the cursor of this name. */
    RegistryKey cursorKey(LogName log) {
        return new RegistryKey(log.cursorPrefix() + escaped(ESCAPED_IN_CURSOR_MAX));
    }

    private String escaped(int charsMax) {
        return RegistryKey.escaped(value, charsMax);
    }

    @Override
    public String toString() {
        return value;
    }
}
