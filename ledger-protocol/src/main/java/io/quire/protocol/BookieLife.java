package io.quire.protocol;

/** What is registered of a bookie id's life. It only goes forward. */
public enum BookieLife {
    /** It serves, or will again. */
    ACTIVE,
    /** It will never serve again; nothing needs its data. */
    RETIRED,
    /** It will never serve again, and its data is lost: an operator said so. */
    DESTROYED
}
