package io.quire.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.core.Failure;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Replication;
import io.quire.protocol.Versioned;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class SealsTest {
    private final List<String> told = new ArrayList<>();

    private LedgerWriterActor.SealListener listener(String name) {
        return new LedgerWriterActor.SealListener() {
            @Override
            public void sealed(Versioned<LedgerMetadata> metadata) {
                told.add(name + " " + metadata.value().lastEntryId());
            }

            @Override
            public void failed(Failure failure) {
                told.add(name + " " + failure.outcome());
            }
        };
    }

    @Test
    @DisplayName("who expected another end than the ledger has is told so; each is told once")
    void expectations() {
        Seals seals = new Seals();
        seals.add(OptionalLong.empty(), listener("any"));
        seals.add(OptionalLong.of(4), listener("four"));
        seals.add(OptionalLong.of(5), listener("five"));
        LedgerMetadata closed = LedgerMetadata.create(
                        new LedgerId(7), Replication.DEFAULT, ScriptedBookies.ensemble(3), Map.of(), 0)
                .closed(4, 10, List.of());
        seals.sealed(new Versioned<>(2, closed));
        assertThat(told).containsExactly("any 4", "four 4", "five " + Outcome.NOT_APPLIED);
        seals.sealed(new Versioned<>(2, closed));
        assertThat(told).hasSize(3);
    }
}
