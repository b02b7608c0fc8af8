package io.quire.client.blob;

import io.quire.protocol.Payload;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** A SHA-256 that grows chunk by chunk. Not thread-safe. */
final class BlobDigest {
    private final MessageDigest digest;

    BlobDigest() {
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    void update(Payload chunk) {
        digest.update(chunk.asByteBuffer());
    }

    /** Of all chunks; once. */
    String hex() {
        return HexFormat.of().formatHex(digest.digest());
    }
}
