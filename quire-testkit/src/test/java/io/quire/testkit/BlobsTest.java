package io.quire.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.client.LedgerClient;
import io.quire.client.WriteHandle;
import io.quire.client.blob.Blob;
import io.quire.client.blob.BlobReader;
import io.quire.client.blob.BlobWriter;
import io.quire.client.blob.Blobs;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Large values. */
@ExtendWith(QuireExtension.class)
class BlobsTest {
    private static final int CHUNK = 256 * 1024;

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    private static void assertFails(CompletionStage<?> stage, Code code) {
        assertThatThrownBy(() -> QuireCluster.await(stage))
                .cause()
                .isInstanceOfSatisfying(LedgerException.class, failure -> assertThat(failure.code())
                        .isEqualTo(code));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK, 20_000_000})
    @DisplayName("a value of any size comes back as it was")
    void sizes(int length, Blobs blobs) {
        byte[] value = random(length);
        Blob blob = QuireCluster.await(blobs.put(value));
        assertThat(blob.length()).isEqualTo(length);
        assertThat(Arrays.equals(QuireCluster.await(blobs.get(blob.ledgerId())), value))
                .isTrue();
        QuireCluster.await(blobs.delete(blob.ledgerId()));
        QuireCluster.await(blobs.delete(blob.ledgerId()));
        QuireCluster.await(blobs.delete(new LedgerId(987_654_321)));
        assertFails(blobs.get(blob.ledgerId()), Code.NoSuchLedger);
    }

    @Test
    @DisplayName("a value is written in pieces, and read from any offset on")
    void piecesAndOffsets(Blobs blobs) {
        byte[] value = random(3 * CHUNK + 1000);
        BlobWriter writer = QuireCluster.await(blobs.newBlob());
        for (int at = 0; at < value.length; at += 70_001) {
            QuireCluster.await(writer.write(ByteBuffer.wrap(value, at, Math.min(70_001, value.length - at))));
        }
        Blob blob = QuireCluster.await(writer.finishAsync());
        assertThatThrownBy(() -> writer.write(ByteBuffer.allocate(1))).isInstanceOf(LedgerException.class);
        for (int offset : new int[] {0, 1, CHUNK, 2 * CHUNK + 17, value.length}) {
            BlobReader reader = QuireCluster.await(blobs.read(blob.ledgerId(), offset));
            ByteArrayOutputStream read = new ByteArrayOutputStream();
            for (Optional<Payload> chunk = QuireCluster.await(reader.nextAsync());
                    chunk.isPresent();
                    chunk = QuireCluster.await(reader.nextAsync())) {
                read.writeBytes(chunk.get().toByteArray());
            }
            assertThat(read.toByteArray()).isEqualTo(Arrays.copyOfRange(value, offset, value.length));
        }
        assertFails(blobs.read(blob.ledgerId(), value.length + 1), Code.InvalidRequest);
    }

    @Test
    @DisplayName("what was not finished, and what is no blob, is refused")
    void noBlob(Blobs blobs, LedgerClient client) {
        BlobWriter unfinished = QuireCluster.await(blobs.newBlob());
        QuireCluster.await(unfinished.write(ByteBuffer.wrap(random(2 * CHUNK))));
        assertFails(blobs.get(unfinished.ledgerId()), Code.InvalidRequest);
        unfinished.close();
        QuireCluster.await(client.recover(unfinished.ledgerId()));
        assertFails(blobs.get(unfinished.ledgerId()), Code.InvalidRequest);

        WriteHandle other = QuireCluster.await(client.newCreateLedgerOp().execute());
        other.append(Payload.ofUtf8("no blob"));
        LedgerId ledgerId = other.getId();
        QuireCluster.await(other.sealAsync());
        assertFails(blobs.get(ledgerId), Code.InvalidRequest);
    }
}
