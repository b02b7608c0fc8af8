package io.quire.client.log;

/**
 * A log as its register has it.
 *
 * @param version of the register; 0 when nobody has written it
 */
record RegisteredLog(long version, LogMetadata value) {}
