package io.quire.cli;

/** A command failed for a reason that people can act on; the message is one line: what, why and what to do. */
class CommandFailure extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int exitCode;

    CommandFailure(int exitCode, String message, Throwable cause) {
        super(message, cause);
        this.exitCode = exitCode;
    }

    /** It could not be done. */
    static CommandFailure of(String message) {
        return new CommandFailure(1, message, null);
    }

    /** It could not be done. */
    static CommandFailure of(String message, Throwable cause) {
        return new CommandFailure(1, message, cause);
    }

    /** It was asked for in the wrong way. */
    static CommandFailure ofUsage(String message) {
        return new CommandFailure(2, message, null);
    }

    int exitCode() {
        return exitCode;
    }
}
