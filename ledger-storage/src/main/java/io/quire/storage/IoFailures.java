package io.quire.storage;

import io.quire.storage.StorageException.OutOfSpaceException;
import java.io.IOException;
import java.nio.file.FileSystemException;

/** Tells a full disk from a failing one (H61). */
final class IoFailures {
    /** What strerror says for ENOSPC and EDQUOT; java.io hands on no error number. */
    private static final String NO_SPACE = "No space left on device";

    private static final String NO_QUOTA = "Disk quota exceeded";

    private IoFailures() {}

    /** @param what completes "could not ..." */
    static StorageException of(String what, IOException e) {
        String message = "could not " + what + ": " + reason(e);
        return isOutOfSpace(e) ? new OutOfSpaceException(message, e) : new StorageException(message, e);
    }

    private static boolean isOutOfSpace(IOException e) {
        String reason = reason(e);
        return reason.contains(NO_SPACE) || reason.contains(NO_QUOTA);
    }

    private static String reason(IOException e) {
        // The message of a FileSystemException without a reason is only the file's name.
        if (e instanceof FileSystemException failure && failure.getReason() == null) {
            return e.getClass().getSimpleName();
        }
        return String.valueOf(e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage());
    }
}
