package io.quire.examples;

import static io.quire.testkit.QuireCluster.await;
import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.blob.Blob;
import io.quire.client.blob.BlobReader;
import io.quire.client.blob.BlobWriter;
import io.quire.client.blob.Blobs;
import io.quire.protocol.Payload;
import io.quire.testkit.QuireExtension;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A snapshot that is larger than anybody would hold in memory. */
@ExtendWith(QuireExtension.class)
class BlobExample {
    private static final int PIECES = 40;

    @Test
    @DisplayName("write a snapshot piece by piece, and read it so")
    void snapshot(Blobs blobs) {
        CRC32C written = new CRC32C();
        BlobWriter snapshot = await(blobs.newBlob());
        for (int i = 0; i < PIECES; i++) {
            byte[] piece = ("state of part " + i + ' ').repeat(10_000).getBytes(StandardCharsets.UTF_8);
            written.update(piece);
            await(snapshot.write(ByteBuffer.wrap(piece)));
        }
        Blob blob = await(snapshot.finishAsync());

        CRC32C read = new CRC32C();
        BlobReader reader = await(blobs.read(blob.ledgerId(), 0));
        for (Optional<Payload> piece = await(reader.nextAsync());
                piece.isPresent();
                piece = await(reader.nextAsync())) {
            read.update(piece.get().asByteBuffer());
        }
        assertThat(read.getValue()).isEqualTo(written.getValue());
    }
}
