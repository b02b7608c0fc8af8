package io.quire.storage;

/**
 * What somebody who looked into a directory has to say of a part of it, for people.
 *
 * @param part which one: a file or directory within the one that was looked into, or what lies in it
 * @param what one sentence without a full stop
 * @param advice what to do about it; empty when nothing has to be done
 */
public record Finding(Kind kind, String part, String what, String advice) {
    /** How bad it is. */
    public enum Kind {
        /** As it should be. */
        GOOD,
        /** Nothing that keeps anybody from starting. */
        NOTE,
        /** Damaged, or reason enough not to start. */
        WRONG
    }

    public static Finding good(String part, String what) {
        return new Finding(Kind.GOOD, part, what, "");
    }

    public static Finding note(String part, String what) {
        return new Finding(Kind.NOTE, part, what, "");
    }

    public static Finding wrong(String part, String what, String advice) {
        return new Finding(Kind.WRONG, part, what, advice);
    }

    /** Whether something is damaged, or nothing can start here. */
    public boolean isWrong() {
        return kind == Kind.WRONG;
    }
}
