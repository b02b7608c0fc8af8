package io.quire.admin;

import com.typesafe.config.Config;
import java.time.Duration;

/**
 * How the HTTP interface behaves; section {@code quire.http} of the configuration, whose {@code reference.conf} explains
 * each key.
 *
 * @param port in {@code [0, 65535]}; 0 takes any free one
 * @param advertisedUrl how other nodes reach this one; empty where it follows from host and port
 * @param bodies how much of requests is held in memory
 * @param readPageBytes payload bytes of one page of a streamed read, positive
 * @param writers the ledgers' writers that live here
 */
public record HttpSettings(
        String host,
        int port,
        String advertisedUrl,
        Duration requestTimeout,
        Bodies bodies,
        long readPageBytes,
        Writers writers) {
    private static final String SECTION = "quire.http.";

    public HttpSettings {
        require(port >= 0 && port <= 65_535, "port", "must lie in [0, 65535]: " + port);
        require(!requestTimeout.isNegative() && !requestTimeout.isZero(), "request-timeout", "must be positive");
        require(readPageBytes > 0, "read-page-bytes", "must be positive: " + readPageBytes);
    }

    /**
     * @param requestBytesMax bytes of one body, positive
     * @param requestEntriesMax lines of one body, positive
     * @param totalBytesMax bytes of all bodies, not below {@code requestBytesMax}
     */
    public record Bodies(int requestBytesMax, int requestEntriesMax, long totalBytesMax) {
        public Bodies {
            require(requestBytesMax > 0, "request-bytes-max", "must be positive: " + requestBytesMax);
            require(requestEntriesMax > 0, "request-entries-max", "must be positive: " + requestEntriesMax);
            require(
                    totalBytesMax >= requestBytesMax,
                    "bodies-bytes-max",
                    "must not be below request-bytes-max: " + totalBytesMax);
        }
    }

    /**
     * @param max writers at once, positive
     * @param idleTimeout after this long without an append a writer is dropped
     * @param findTimeout how long to wait for other nodes
     * @param pendingBytesMax encoded bytes of one ledger that may wait to be acknowledged; a request that would exceed
     *     them is refused as a whole
     */
    public record Writers(int max, Duration idleTimeout, Duration findTimeout, long pendingBytesMax) {
        public Writers {
            require(max > 0, "writers-max", "must be positive: " + max);
            require(idleTimeout.toMillis() > 0, "writer-idle-timeout", "must be positive");
            require(findTimeout.toMillis() > 0, "find-writer-timeout", "must be positive");
        }
    }

    /**
     * Reads the settings from a whole node's configuration.
     *
     * @throws com.typesafe.config.ConfigException when a key is missing or of another type
     * @throws IllegalArgumentException when a value is out of its range; names the key
     */
    public static HttpSettings from(Config root) {
        Config http = root.getConfig("quire.http");
        long requestBytesMax = http.getMemorySize("request-bytes-max").toBytes();
        long pendingBytesMax =
                root.getMemorySize("quire.client.writer.pending-bytes-max").toBytes();
        int requestEntriesMax = http.getInt("request-entries-max");
        long costMax = requestBytesMax + (long) requestEntriesMax * HostedWriter.ENTRY_OVERHEAD_BYTES;
        require(
                costMax <= pendingBytesMax && requestBytesMax <= Integer.MAX_VALUE,
                "request-bytes-max",
                "and " + HostedWriter.ENTRY_OVERHEAD_BYTES
                        + " bytes for each of request-entries-max must fit into quire.client.writer.pending-bytes-max ("
                        + pendingBytesMax + "): " + costMax);
        return new HttpSettings(
                http.getString("host"),
                http.getInt("port"),
                http.getString("advertised-url"),
                http.getDuration("request-timeout"),
                new Bodies(
                        (int) requestBytesMax,
                        requestEntriesMax,
                        http.getMemorySize("bodies-bytes-max").toBytes()),
                http.getMemorySize("read-page-bytes").toBytes(),
                new Writers(
                        http.getInt("writers-max"),
                        http.getDuration("writer-idle-timeout"),
                        http.getDuration("find-writer-timeout"),
                        pendingBytesMax));
    }

    private static void require(boolean holds, String key, String what) {
        if (!holds) {
            throw new IllegalArgumentException(SECTION + key + " " + what);
        }
    }
}
