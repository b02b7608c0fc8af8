package io.quire.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.client.LedgerClient;
import io.quire.client.ReadHandle;
import io.quire.client.WriteHandle;
import io.quire.client.log.LogPosition;
import io.quire.client.log.LogWriter;
import io.quire.client.log.Logs;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The cluster that the extension gives is a real one, and can be broken. */
@ExtendWith(QuireExtension.class)
class QuireExtensionTest {
    private static QuireCluster first;

    @Test
    @DisplayName("entries survive bookies that stop, and the restart of everything")
    void survives(QuireCluster cluster) {
        first = cluster;
        WriteHandle writer =
                QuireCluster.await(cluster.client().newCreateLedgerOp().execute());
        writer.append(Payload.ofUtf8("one"));
        cluster.stopBookie(1);
        writer.append(Payload.ofUtf8("two"));
        cluster.startBookie(1);
        cluster.stopBookie(0);
        writer.append(Payload.ofUtf8("three"));
        LedgerId ledgerId = writer.getId();
        cluster.startBookie(0);
        cluster.restart();
        ReadHandle reader = QuireCluster.await(cluster.client()
                .newOpenLedgerOp()
                .withLedgerId(ledgerId)
                .withRecovery(true)
                .execute());
        assertThat(QuireCluster.await(reader.readAsync(0, 2)).entries())
                .extracting(entry -> entry.payload().toUtf8())
                .containsExactly("one", "two", "three");
    }

    @Test
    @DisplayName(
            "with one of three bookies paused or cut off appends go on; with two they wait, and end when one is healed")
    void faults(QuireCluster cluster) {
        WriteHandle writer = QuireCluster.await(cluster.client()
                .newCreateLedgerOp()
                .withEnsembleSize(3)
                .withWriteQuorumSize(3)
                .withAckQuorumSize(2)
                .execute());
        writer.append(Payload.ofUtf8("0"));
        cluster.pauseBookie(0);
        writer.append(Payload.ofUtf8("1"));
        cluster.cutBookie(1);
        CompletableFuture<Long> waiting =
                writer.appendAsync(Payload.ofUtf8("2")).toCompletableFuture();
        assertThatThrownBy(() -> waiting.get(300, TimeUnit.MILLISECONDS)).isInstanceOf(TimeoutException.class);
        cluster.healBookie(0);
        assertThat(waiting.join()).isEqualTo(2);
        cluster.healBookie(1);
        assertThat(writer.append(Payload.ofUtf8("3"))).isEqualTo(3);
        QuireCluster.await(writer.sealAsync());

        cluster.cutBookie(2);
        ReadHandle reader = QuireCluster.await(
                cluster.client().newOpenLedgerOp().withLedgerId(writer.getId()).execute());
        assertThat(QuireCluster.await(reader.readAsync(0, 3)).entries()).hasSize(4);
        cluster.healBookie(2);
    }

    @Test
    @DisplayName("each part of a cluster can be a parameter")
    void parameters(LedgerClient client, Logs logs, QuireCluster cluster) {
        assertThat(client).isSameAs(cluster.client());
        try (LogWriter writer = QuireCluster.await(logs.openForWrite("log"))) {
            QuireCluster.await(writer.appendAsync(Payload.ofUtf8("a")));
        }
        assertThat(QuireCluster.await(logs.reader("log").readAsync(LogPosition.START, 10, 1000))
                        .records())
                .hasSize(1);
    }

    /** Tests in a class within. */
    @Nested
    class Inner {
        @Test
        @DisplayName("a nested class has the cluster of the one around it")
        void sameCluster(QuireCluster cluster) {
            assertThat(first == null || first == cluster).isTrue();
        }
    }
}
