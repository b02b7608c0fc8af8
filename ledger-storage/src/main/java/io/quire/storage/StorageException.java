package io.quire.storage;

/**
 * The disk did not do what it was asked to. What was being written may or may not be there; nobody may go on as if it
 * were (H53).
 */
public class StorageException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public StorageException(String message) {
        super(message);
    }

    public StorageException(String message, Throwable cause) {
        super(message, cause);
    }

    /** There is no room left; what was asked for was not done. */
    public static final class OutOfSpaceException extends StorageException {
        private static final long serialVersionUID = 1;

        public OutOfSpaceException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** What was read is not what was written: it tells nothing of what was there. */
    public static final class DamagedException extends StorageException {
        private static final long serialVersionUID = 1;

        public DamagedException(String message) {
            super(message);
        }

        public DamagedException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** Another store, of this process or of another, works in the directory. */
    public static final class DirectoryInUseException extends StorageException {
        private static final long serialVersionUID = 1;

        public DirectoryInUseException(String message) {
            super(message);
        }
    }

    /** What is on disk was written by a later version of Quire, which this one must not guess at. */
    public static final class NewerFormatException extends StorageException {
        private static final long serialVersionUID = 1;

        /**
         * @param what was found: "the identity file IDENTITY"
         * @param version its format
         * @param known the format that this version reads
         */
        public NewerFormatException(String what, long version, int known) {
            super(what + " was written by a newer version of Quire (format " + version + ", this one reads " + known
                    + "); start it with that version again");
        }
    }
}
