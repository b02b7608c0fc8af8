package io.quire.client;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import io.quire.client.core.Placement;
import io.quire.client.core.RecoverySettings;
import io.quire.client.core.TailRead;
import io.quire.client.core.WriterSettings;
import java.time.Duration;
import java.util.Locale;

/**
 * How a client behaves; sections {@code quire.client} and {@code quire.placement} of the configuration, whose {@code
 * reference.conf} explains each key.
 */
public record ClientSettings(
        WriterSettings writer,
        Duration tickInterval,
        int explicitIdsWindow,
        Duration quarantine,
        Reader reader,
        Channel channel,
        RecoverySettings recovery,
        TailRead.Settings tail,
        Placement.Distinct distinct) {
    /**
     * Section {@code quire.client.reader}.
     *
     * @param hedgeShare of all questions may be asked of another bookie too, in {@code [0, 1]}
     */
    public record Reader(
            int requestEntriesMax,
            int requestBytesMax,
            Duration requestTimeout,
            Duration hedgeDelayMin,
            double hedgeShare,
            Duration retryInterval,
            Duration readTimeout,
            int readsMax,
            int batchEntriesMax,
            long batchBytesMax) {}

    /** Section {@code quire.client.channel}. */
    public record Channel(int messagesInFlightMax, int messageBytesMax, long bytesMax, Duration messageTimeout) {}

    /** Reads the sections from {@code root}. */
    public static ClientSettings from(Config root) {
        Config writer = root.getConfig("quire.client.writer");
        Config reader = root.getConfig("quire.client.reader");
        Config channel = root.getConfig("quire.client.channel");
        Config recovery = root.getConfig("quire.client.recovery");
        Config tail = root.getConfig("quire.client.tail");
        return new ClientSettings(
                new WriterSettings(
                        bytes(writer, "entry-bytes-max"),
                        writer.getInt("batch-entries-max"),
                        bytes(writer, "batch-bytes-max"),
                        writer.getInt("batches-in-flight-max"),
                        writer.getMemorySize("pending-bytes-max").toBytes(),
                        writer.getMemorySize("retained-bytes-max").toBytes(),
                        writer.getDuration("append-timeout").toNanos(),
                        writer.getDuration("resend-interval").toNanos(),
                        writer.getDuration("open-timeout").toNanos(),
                        writer.getDuration("retry-interval").toNanos(),
                        writer.getDuration("seal-grace").toNanos(),
                        writer.getDuration("seal-timeout").toNanos(),
                        new WriterSettings.Members(
                                writer.getDuration("bookie-timeout").toNanos(),
                                writer.getBoolean("delay-ensemble-change"))),
                writer.getDuration("tick-interval"),
                writer.getInt("explicit-ids-window"),
                root.getDuration("quire.client.quarantine-time"),
                new Reader(
                        reader.getInt("request-entries-max"),
                        bytes(reader, "request-bytes-max"),
                        reader.getDuration("request-timeout"),
                        reader.getDuration("hedge-delay-min"),
                        share(reader, "hedge-share"),
                        reader.getDuration("retry-interval"),
                        reader.getDuration("read-timeout"),
                        reader.getInt("reads-max"),
                        reader.getInt("batch-entries-max"),
                        reader.getMemorySize("batch-bytes-max").toBytes()),
                new Channel(
                        channel.getInt("messages-in-flight-max"),
                        bytes(channel, "message-bytes-max"),
                        channel.getMemorySize("bytes-max").toBytes(),
                        channel.getDuration("message-timeout")),
                new RecoverySettings(
                        recovery.getInt("window-entries-max"),
                        recovery.getMemorySize("window-bytes-max").toBytes(),
                        recovery.getInt("batch-entries-max"),
                        bytes(recovery, "batch-bytes-max"),
                        recovery.getDuration("request-timeout").toNanos(),
                        recovery.getDuration("retry-interval").toNanos(),
                        recovery.getDuration("bookie-timeout").toNanos(),
                        recovery.getDuration("grace").toNanos(),
                        recovery.getDuration("timeout").toNanos()),
                new TailRead.Settings(
                        tail.getMemorySize("credit-bytes").toBytes(),
                        tail.getDuration("silence-timeout").toNanos(),
                        tail.getDuration("avoid-interval").toNanos(),
                        tail.getDuration("refresh-interval").toNanos()),
                distinct(root.getString("quire.placement.distinct")));
    }

    private static int bytes(Config config, String key) {
        return Math.toIntExact(config.getMemorySize(key).toBytes());
    }

    private static double share(Config config, String key) {
        double share = config.getDouble(key);
        if (!(share >= 0 && share <= 1)) {
            throw new ConfigException.BadValue(config.origin(), key, "it must lie in [0, 1]: " + share);
        }
        return share;
    }

    private static Placement.Distinct distinct(String text) {
        try {
            return Placement.Distinct.valueOf(text.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("quire.placement.distinct must be node or store: " + text, e);
        }
    }
}
