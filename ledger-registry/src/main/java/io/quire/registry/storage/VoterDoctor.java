package io.quire.registry.storage;

import io.quire.storage.DirectoryLock;
import io.quire.storage.Finding;
import io.quire.storage.LmdbReader;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.DirectoryInUseException;
import io.quire.storage.StorageException.NewerFormatException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Explains what a directory holds as a registry voter, and what keeps it from starting, with the checks of a start and in
 * its words. Changes nothing, and answers whatever bytes it meets. Reads every register.
 */
public final class VoterDoctor {
    /** The directory of the registers, within a voter's. */
    public static final String REGISTERS = "registers";

    private static final String DAMAGED =
            "never put back an older copy: it would break promises; while a majority of the"
                    + " other voters is there, format a new voter and './quire registry change --add NEW --remove THIS'";

    private final Path directory;
    private final List<Finding> findings = new ArrayList<>();

    private VoterDoctor(Path directory) {
        this.directory = directory;
    }

    /** Whether {@code directory} holds anything of a voter. */
    public static boolean isVoter(Path directory) {
        return Files.exists(directory.resolve(REGISTERS));
    }

    /**
     * Examines the voter in {@code directory}, which exists.
     *
     * @return at least one finding; the voter can start if none {@link Finding#isWrong}
     */
    public static List<Finding> examine(Path directory) {
        VoterDoctor doctor = new VoterDoctor(directory);
        doctor.examine();
        return List.copyOf(doctor.findings);
    }

    private void examine() {
        try (DirectoryLock lock = DirectoryLock.acquireForReading(directory)) {
            findings.add(Finding.good(
                    "LOCK",
                    lock.lastUser()
                            .map(pid -> "nobody holds it; process " + pid + " was the last")
                            .orElse("not there: nobody has used this directory, or it was copied without")));
            guarded("disk", () -> DirectoryLock.requireLocal(directory));
            guarded(REGISTERS, this::registers);
        } catch (DirectoryInUseException e) {
            findings.add(Finding.wrong("LOCK", e.getMessage(), "stop that process first; nothing else was looked at"));
        } catch (StorageException e) {
            findings.add(Finding.wrong("LOCK", e.getMessage(), "let the user that runs the node own the directory"));
        }
    }

    /** Damage is an answer here, of whatever kind the exception is that it causes. */
    private void guarded(String part, Runnable check) {
        try {
            check.run();
        } catch (NewerFormatException e) {
            findings.add(Finding.wrong(part, e.getMessage(), "start it with the version that wrote it"));
        } catch (StorageException e) {
            findings.add(Finding.wrong(part, e.getMessage(), DAMAGED));
        } catch (RuntimeException e) {
            findings.add(Finding.wrong(part, "it cannot be read: " + e, DAMAGED));
        }
    }

    private void registers() {
        Path place = directory.resolve(REGISTERS);
        if (!Files.isWritable(directory) || (Files.exists(place) && !Files.isWritable(place))) {
            findings.add(Finding.wrong(
                    "disk",
                    directory + " may not be written by this user",
                    "let the user that runs the node own the directory, or mount the disk for writing"));
        }
        if (!LmdbReader.isThere(place)) {
            throw new StorageException("the registry directory holds no voter; format it first");
        }
        try (LmdbReader files = LmdbReader.open(place)) {
            guarded(REGISTERS, files::requireWholeTrees);
            AcceptorStore acceptors = AcceptorStore.open(files);
            String config = acceptors
                    .config()
                    .map(known -> "config epoch " + known.epoch() + " of cluster '" + known.clusterName() + "', "
                            + known.voters().size() + " voters")
                    .orElse("of no registry yet");
            String state = acceptors.sealedFor().isPresent()
                    ? "sealed for the next config"
                    : acceptors.isServing() ? "serving" : "not serving";
            findings.add(Finding.good(REGISTERS, "voter " + acceptors.voter() + ", " + config + ", " + state));
            findings.add(Finding.good(
                    REGISTERS, acceptors.countRegisters() + " registers, " + files.sizeBytes() + " bytes"));
        }
    }
}
