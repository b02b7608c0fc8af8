package io.quire.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;

/**
 * Bytes that a format made once and must make for ever, as hex text, 32 bytes a line. A deliberate change of a format
 * rewrites them with {@code -Dgolden.rewrite=true}; the difference is then reviewed like code.
 */
public final class GoldenFiles {
    public static final Path DIRECTORY = Path.of("src", "test", "resources", "golden");

    private static final String SUFFIX = ".hex";
    private static final int LINE_BYTES = 32;

    private GoldenFiles() {}

    /** Requires that the golden file {@code name} holds exactly {@code encoded}, and returns its bytes. */
    public static byte[] require(String name, byte[] encoded) {
        Path file = DIRECTORY.resolve(name + SUFFIX);
        try {
            if (Boolean.getBoolean("golden.rewrite")) {
                Files.createDirectories(DIRECTORY);
                Files.writeString(file, format(encoded), StandardCharsets.US_ASCII);
            }
            assertThat(file).as("golden file of %s", name).exists();
            String golden = Files.readString(file, StandardCharsets.US_ASCII);
            assertThat(format(encoded)).as("bytes of %s", name).isEqualTo(golden);
            return HexFormat.of().parseHex(golden.replaceAll("\\s", ""));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String format(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < bytes.length; i += LINE_BYTES) {
            text.append(HexFormat.of().formatHex(bytes, i, Math.min(i + LINE_BYTES, bytes.length)))
                    .append('\n');
        }
        return text.toString();
    }
}
