package io.quire.examples;

import static io.quire.testkit.QuireCluster.await;
import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.LedgerClient;
import io.quire.client.LedgerTail;
import io.quire.client.ReadHandle;
import io.quire.client.WriteHandle;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.testkit.QuireExtension;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A ledger: append, read, follow. */
@ExtendWith(QuireExtension.class)
class LedgerExample {
    @Test
    @DisplayName("append and read")
    void appendAndRead(LedgerClient client) {
        WriteHandle writer = await(client.newCreateLedgerOp().execute());
        await(writer.appendAsync(Payload.ofUtf8("hello")));
        await(writer.appendAsync(Payload.ofUtf8("world")));
        await(writer.sealAsync());

        LedgerId id = writer.getId();
        ReadHandle reader = await(client.newOpenLedgerOp().withLedgerId(id).execute());
        for (Entry entry : await(reader.readAsync(0, 1)).entries()) {
            System.out.println(entry.entryId() + ": " + entry.payload().toUtf8());
        }
        assertThat(reader.getLastAddConfirmed()).isEqualTo(1);
    }

    @Test
    @DisplayName("follow a ledger while it is written")
    void tail(LedgerClient client) {
        WriteHandle writer = await(client.newCreateLedgerOp().execute());
        ReadHandle reader =
                await(client.newOpenLedgerOp().withLedgerId(writer.getId()).execute());
        List<String> seen = new ArrayList<>();
        try (LedgerTail tail = reader.tail(0)) {
            for (String text : List.of("a", "b", "c")) {
                await(writer.appendAsync(Payload.ofUtf8(text)));
                await(tail.nextAsync(100, 1 << 20))
                        .entries()
                        .forEach(entry -> seen.add(entry.payload().toUtf8()));
            }
        }
        assertThat(seen).containsExactly("a", "b", "c");
    }
}
