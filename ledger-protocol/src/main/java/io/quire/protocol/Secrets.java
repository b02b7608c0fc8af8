package io.quire.protocol;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** The hash functions behind passwords and keys; every Java platform has them. Stateless. */
final class Secrets {
    /** The size of a SHA-256 hash, and of an HMAC made with it. */
    static final int HASH_BYTES = 32;

    private static final String HMAC = "HmacSHA256";

    private Secrets() {}

    /** SHA-256 over a domain, which ends in a zero byte so that none is the start of another, and {@code parts}. */
    static byte[] hash(String domain, byte[]... parts) {
        MessageDigest sha = sha256();
        sha.update(domain.getBytes(StandardCharsets.US_ASCII));
        sha.update((byte) 0);
        for (byte[] part : parts) {
            sha.update(part);
        }
        return sha.digest();
    }

    /** SHA-256 over {@code bytes}. */
    static Payload hash(Payload bytes) {
        MessageDigest sha = sha256();
        sha.update(bytes.asByteBuffer());
        return Payload.wrap(sha.digest());
    }

    /** A fresh HMAC-SHA-256 with {@code key}. */
    static byte[] hmac(byte[] key, ByteBuffer bytes) {
        try {
            Mac mac = Mac.getInstance(HMAC);
            mac.init(new SecretKeySpec(key, HMAC));
            mac.update(bytes);
            return mac.doFinal();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this Java platform has no " + HMAC, e);
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java platform has no SHA-256", e);
        }
    }
}
