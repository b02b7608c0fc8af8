package io.quire.protocol;

/**
 * Names one writer's session at one bookie; never used again (R10). A reboot of the bookie voids all its sessions.
 *
 * @param bookie the store that opened the session
 * @param bootEpoch the boot of that store in which it was opened
 * @param counter counts the sessions of that boot, from 1
 */
public record SessionId(BookieId bookie, BootEpoch bootEpoch, long counter) {}
