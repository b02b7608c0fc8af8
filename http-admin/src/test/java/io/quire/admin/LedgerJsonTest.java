package io.quire.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.Ensemble;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Replication;
import io.quire.protocol.Versioned;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class LedgerJsonTest {
    private static final LedgerMetadata OPEN = LedgerMetadata.create(
            new LedgerId(Long.MAX_VALUE),
            new Replication(2, 2, 1),
            new Ensemble(List.of(TestNode.bookieId(1), TestNode.bookieId(2))),
            Map.of("b", "2", "a", "\"1\""),
            TestNode.CREATED_MILLIS);

    private static final String REST = "\"fragments\":[{\"firstEntryId\":0,\"bookies\":["
            + "\"00000000-0000-0000-0000-000000000001\",\"00000000-0000-0000-0000-000000000002\"]}],"
            + "\"labels\":{\"a\":\"\\\"1\\\"\",\"b\":\"2\"},\"createdAt\":\"2023-11-14T22:13:20Z\",\"version\":3}";

    @Test
    @DisplayName("an open ledger has no last entry")
    void open() {
        assertThat(LedgerJson.ledger(new Versioned<>(3, OPEN), OptionalLong.of(4), OptionalLong.of(50))
                        .toString())
                .isEqualTo("{\"ledgerId\":9223372036854775807,\"state\":\"OPEN\",\"ensembleSize\":2,"
                        + "\"writeQuorum\":2,\"ackQuorum\":1,\"length\":50,\"lastAddConfirmed\":4," + REST);
    }

    @Test
    @DisplayName("a closed ledger has a last entry, -1 when it is empty")
    void closed() {
        assertThat(LedgerJson.closedLedger(new Versioned<>(3, OPEN.closed(-1, 0, List.of())))
                        .toString())
                .isEqualTo("{\"ledgerId\":9223372036854775807,\"state\":\"CLOSED\",\"ensembleSize\":2,"
                        + "\"writeQuorum\":2,\"ackQuorum\":1,\"lastEntryId\":-1,\"length\":0,\"lastAddConfirmed\":-1,"
                        + REST);
    }
}
