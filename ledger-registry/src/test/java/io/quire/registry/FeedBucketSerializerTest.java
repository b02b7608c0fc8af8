package io.quire.registry;

import static io.quire.registry.FeedSamples.bookie;
import static io.quire.registry.FeedSamples.closed;
import static io.quire.registry.FeedSamples.open;
import static io.quire.registry.FeedSamples.purged;
import static io.quire.registry.FeedSamples.randomBucket;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.quire.protocol.Fields;
import java.io.IOException;
import java.io.NotSerializableException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class FeedBucketSerializerTest {
    /** {@code -Dsurefire.args=-Dgolden.rewrite=true} writes the golden file anew. */
    private static final boolean REWRITE = Boolean.getBoolean("golden.rewrite");

    private static final Path GOLDEN =
            Path.of(System.getProperty("basedir", "."), "src/test/resources/golden/feed/bucket-format-1.hex");

    private final FeedBucketSerializer serializer = new FeedBucketSerializer();

    @Test
    @DisplayName("P8: a bucket has the bytes that other releases wrote, and is read from them")
    void bytesAreThoseOfTheGoldenFile() throws IOException {
        FeedBucket bucket = FeedBucket.of(
                41,
                List.of(open(7, 3), closed(1L << 40, 2), purged(42, 9)),
                List.of(bookie(1, 1, 17, "10.0.0.1:2551"), bookie(2, 3, 4, "10.0.0.2:2551")));
        String hex = HexFormat.of().formatHex(serializer.toBinary(bucket)).replaceAll("(.{64})", "$1\n");
        if (REWRITE) {
            Files.writeString(GOLDEN, hex + "\n", StandardCharsets.US_ASCII);
        }
        String golden = Files.readString(GOLDEN, StandardCharsets.US_ASCII);
        assertThat(hex + "\n").isEqualTo(golden);
        assertThat(serializer.fromBinary(HexFormat.of().parseHex(golden.replace("\n", "")), "1"))
                .isEqualTo(bucket);
    }

    @Test
    @DisplayName("every bucket is read as it was written, and equal buckets have equal bytes")
    void readsWhatItWrote() throws NotSerializableException {
        Random random = new Random(21);
        for (int i = 0; i < 500; i++) {
            FeedBucket one = randomBucket(random);
            FeedBucket other = randomBucket(random);
            FeedBucket merged = one.mergeData(other);
            byte[] bytes = serializer.toBinary(merged);
            assertThat(serializer.fromBinary(bytes, serializer.manifest(merged)))
                    .isEqualTo(merged);
            assertThat(serializer.toBinary(other.mergeData(one))).isEqualTo(bytes);
        }
    }

    @Test
    @DisplayName("P8: damaged, cut and lengthened bytes are refused as malformed or read as some other bucket")
    void damagedBytesDoNoHarm() throws NotSerializableException {
        Random random = new Random(22);
        int refused = 0;
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = damaged(serializer.toBinary(randomBucket(random)), random);
            try {
                FeedBucket read = (FeedBucket) serializer.fromBinary(bytes, "1");
                assertThat(serializer.fromBinary(serializer.toBinary(read), "1"))
                        .isEqualTo(read);
            } catch (Fields.MalformedException e) {
                refused++;
            }
        }
        assertThat(refused).isGreaterThan(1000);
    }

    @Test
    @DisplayName("another format, a foreign object and ledgers out of order are refused")
    void refusesWhatItDoesNotKnow() {
        byte[] bytes = serializer.toBinary(FeedBucket.EMPTY);
        assertThatThrownBy(() -> serializer.fromBinary(bytes, "2")).isInstanceOf(NotSerializableException.class);
        assertThatThrownBy(() -> serializer.toBinary("no bucket")).isInstanceOf(IllegalArgumentException.class);
        byte[] one = serializer.toBinary(FeedBucket.of(-1, List.of(open(1, 1)), List.of()));
        byte[] twice = new byte[2 * (one.length - 16) + 16];
        int ledgerBytes = one.length - 16;
        System.arraycopy(one, 0, twice, 0, 12 + ledgerBytes);
        System.arraycopy(one, 12, twice, 12 + ledgerBytes, ledgerBytes + 4);
        twice[11] = 2;
        assertThatThrownBy(() -> serializer.fromBinary(twice, "1"))
                .isInstanceOf(Fields.MalformedException.class)
                .hasMessageContaining("ids do not rise");
    }

    @Test
    @DisplayName("the configuration binds the codec under its own number, and the settings name a key out of range")
    void isConfigured() {
        Config config = ConfigFactory.load();
        assertThat(config.getInt(
                        "pekko.actor.serialization-identifiers.\"" + FeedBucketSerializer.class.getName() + "\""))
                .isEqualTo(FeedBucketSerializer.IDENTIFIER)
                .isEqualTo(serializer.identifier());
        assertThat(FeedSettings.from(config)).isEqualTo(new FeedSettings(64, 32, 256, 8192));
        Config wrong =
                ConfigFactory.parseString("quire.registry.feed.buckets = 0").withFallback(config);
        assertThatThrownBy(() -> FeedSettings.from(wrong)).hasMessageContaining("quire.registry.feed.buckets");
    }

    private static byte[] damaged(byte[] bytes, Random random) {
        switch (random.nextInt(3)) {
            case 0 -> bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            case 1 -> bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            default -> {
                return Arrays.copyOf(bytes, random.nextInt(bytes.length + 8));
            }
        }
        return bytes;
    }
}
