package io.quire.bench;

import java.nio.file.Path;
import java.util.List;

/** The processes of a system that is measured, on this machine, with their data in one directory. Not thread-safe. */
interface Servers extends AutoCloseable {
    List<Long> pids();

    Path directory();

    /** The class path and the driver of a client JVM, and what the driver connects to. */
    Client client();

    /** Stops them in order. */
    void stop();

    /** Starts them again over what they had stored, and returns while they come up. */
    void launch();

    /** Waits until they serve, for what was launched. */
    void awaitReady();

    /** Stops them and removes their directory. */
    @Override
    void close();

    /**
     * @param driver a class with a static method {@code connect(String)}
     * @param jvmOptions of its JVM, beside those of all systems
     */
    record Client(String classPath, String driver, String connection, List<String> jvmOptions) {
        public Client {
            jvmOptions = List.copyOf(jvmOptions);
        }
    }
}
