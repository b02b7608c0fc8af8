package io.quire.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What this process, and the machine beside it, have used up so far. Zeros where the system does not tell.
 *
 * @param cpuNanos processor time of this process
 * @param busyNanos processor time of everything
 * @param writtenBytes to the device of a directory, by everybody: what the kernel accounts to one process counts large
 *     folios whole, however little of them is dirty
 */
record ProcessUse(long nanos, long cpuNanos, long busyNanos, long writtenBytes) {
    private static final long TICK_NANOS = 10_000_000;
    private static final int SECTOR_BYTES = 512;

    static ProcessUse now(Path directory) {
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return new ProcessUse(System.nanoTime(), system.getProcessCpuTime(), busy(), written(directory));
    }

    ProcessUse since(ProcessUse before) {
        return new ProcessUse(
                nanos - before.nanos,
                cpuNanos - before.cpuNanos,
                busyNanos - before.busyNanos,
                writtenBytes - before.writtenBytes);
    }

    /** Processors that others kept busy, on average: a run beside more than a small part of one tells little. */
    double otherCores() {
        return Math.max(0, (double) (busyNanos - cpuNanos) / nanos);
    }

    /** All but idle and waiting for disks. */
    private static long busy() {
        String[] fields =
                text("/proc/stat").lines().findFirst().orElse("").trim().split(" +", -1);
        long ticks = 0;
        for (int i = 1; i < Math.min(fields.length, 9); i++) {
            ticks += i == 4 || i == 5 ? 0 : Long.parseLong(fields[i]);
        }
        return ticks * TICK_NANOS;
    }

    private static long written(Path directory) {
        long device;
        try {
            device = ((Number) Files.getAttribute(directory, "unix:dev")).longValue();
        } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
            return 0;
        }
        String major = Long.toString((device >> 8) & 0xFFF);
        String minor = Long.toString((device & 0xFF) | ((device >> 12) & 0xFFF00));
        return text("/proc/diskstats")
                .lines()
                .map(line -> line.trim().split(" +", -1))
                .filter(fields -> fields.length > 9 && fields[0].equals(major) && fields[1].equals(minor))
                .mapToLong(fields -> Long.parseLong(fields[9]) * SECTOR_BYTES)
                .sum();
    }

    private static String text(String file) {
        try {
            return Files.readString(Path.of(file));
        } catch (IOException e) {
            return "";
        }
    }
}
