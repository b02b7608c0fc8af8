package io.quire.bookie;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/**
 * A real file system of a few MiB, mounted as long as it is open. Where that cannot be done, for want of rights or tools,
 * the test is skipped with the reason.
 */
public final class SmallDisk implements AutoCloseable {
    private static final int BLOCK_BYTES = 64 << 10;

    private final Path mountPoint;
    private final Path filler;

    private SmallDisk(Path mountPoint) {
        this.mountPoint = mountPoint;
        this.filler = mountPoint.resolve("filler");
    }

    /** An ext4 file system in a file beside the mount point, both in {@code scratch}. */
    public static SmallDisk ext4(Path scratch, int mebibytes) throws IOException {
        Path image = scratch.resolve("disk.img");
        try (OutputStream out = Files.newOutputStream(image)) {
            byte[] mebibyte = new byte[1 << 20];
            for (int i = 0; i < mebibytes; i++) {
                out.write(mebibyte);
            }
        }
        Path mountPoint = Files.createDirectory(scratch.resolve("disk"));
        orSkip("mkfs.ext4", "-q", "-F", "-m", "0", image.toString());
        orSkip("mount", "-o", "loop", image.toString(), mountPoint.toString());
        return new SmallDisk(mountPoint);
    }

    /** A file system in memory. */
    public static SmallDisk inMemory(Path scratch, int mebibytes) throws IOException {
        Path mountPoint = Files.createDirectory(scratch.resolve("disk"));
        orSkip("mount", "-t", "tmpfs", "-o", "size=" + mebibytes + "m", "tmpfs", mountPoint.toString());
        return new SmallDisk(mountPoint);
    }

    /** Where it is mounted. */
    public Path root() {
        return mountPoint;
    }

    public long freeBytes() {
        try {
            return Files.getFileStore(mountPoint).getUsableSpace();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Fills it from a file of its own until about {@code bytes} are left. */
    public void fillUpTo(long bytes) throws IOException {
        try (OutputStream out = Files.newOutputStream(
                filler, java.nio.file.StandardOpenOption.CREATE, java.nio.file.StandardOpenOption.APPEND)) {
            byte[] block = new byte[BLOCK_BYTES];
            while (freeBytes() > bytes + BLOCK_BYTES) {
                out.write(block);
            }
        }
    }

    /** Gives the room back. */
    public void empty() throws IOException {
        Files.deleteIfExists(filler);
    }

    @Override
    public void close() throws IOException {
        Result unmounted = run("umount", mountPoint.toString());
        if (unmounted.exitCode() != 0) {
            // Somebody still has a file open; it goes away with the last one.
            unmounted = run("umount", "-l", mountPoint.toString());
        }
        assertThat(unmounted.exitCode()).as(unmounted.output()).isZero();
    }

    private record Result(int exitCode, String output) {}

    private static void orSkip(String... command) throws IOException {
        Result result;
        try {
            result = run(command);
        } catch (IOException e) {
            Assumptions.abort("no small disk here: " + e.getMessage());
            return;
        }
        Assumptions.assumeTrue(
                result.exitCode() == 0,
                () -> "no small disk here: " + String.join(" ", command) + ": " + result.output());
    }

    private static Result run(String... command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (!process.waitFor(30, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IOException(command[0] + " does not end");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
        return new Result(process.exitValue(), output.strip());
    }
}
