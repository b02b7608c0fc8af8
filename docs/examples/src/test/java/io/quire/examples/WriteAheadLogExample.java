package io.quire.examples;

import static io.quire.testkit.QuireCluster.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.client.log.LogBatch;
import io.quire.client.log.LogPosition;
import io.quire.client.log.LogReader;
import io.quire.client.log.LogRecord;
import io.quire.client.log.LogWriter;
import io.quire.client.log.Logs;
import io.quire.protocol.Payload;
import io.quire.testkit.QuireExtension;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The write-ahead log of a service of which one instance leads, the name node's job in HDFS: an operation is logged before
 * it is done, a new leader takes the log over and replays it, and an old one that still believes it leads can do nothing.
 */
@ExtendWith(QuireExtension.class)
class WriteAheadLogExample {
    private static final String LOG = "namespace/edits";

    /** A map of files that survives its leader. */
    private static final class NameNode {
        private final LogWriter log;
        private final Map<String, String> files = new TreeMap<>();

        private NameNode(LogWriter log) {
            this.log = log;
        }

        /** Becomes the leader. */
        static NameNode lead(Logs logs) {
            NameNode leader = new NameNode(await(logs.openForWrite(LOG)));
            LogReader reader = logs.reader(LOG);
            LogBatch batch = await(reader.readAsync(LogPosition.START, 1000, 1 << 20));
            while (!batch.isAtEnd()) {
                batch.records().forEach(leader::apply);
                batch = await(reader.readAsync(batch.next(), 1000, 1 << 20));
            }
            return leader;
        }

        void put(String path, String content) {
            await(log.appendAsync(Payload.ofUtf8(path + "=" + content)));
            files.put(path, content);
        }

        private void apply(LogRecord logged) {
            String[] edit = logged.payload().toUtf8().split("=", 2);
            files.put(edit[0], edit[1]);
        }
    }

    @Test
    @DisplayName("a new leader has everything, and the old one can do nothing any more")
    void handOver(Logs logs) {
        NameNode first = NameNode.lead(logs);
        first.put("/a", "1");
        first.put("/b", "2");

        NameNode second = NameNode.lead(logs);
        assertThat(second.files).containsOnly(Map.entry("/a", "1"), Map.entry("/b", "2"));
        second.put("/c", "3");

        assertThatThrownBy(() -> first.put("/c", "other")).isInstanceOf(CompletionException.class);
        assertThat(NameNode.lead(logs).files).containsEntry("/c", "3").hasSize(3);
    }
}
