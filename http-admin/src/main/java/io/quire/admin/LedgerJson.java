package io.quire.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.quire.client.LedgerClient.LedgerPage;
import io.quire.client.core.RecoveryReport;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.Fragment;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Versioned;
import java.time.Instant;
import java.util.Collection;
import java.util.Comparator;
import java.util.Map;
import java.util.OptionalLong;

/** How ledgers and bookies look as JSON under {@code /api/v2}. Stateless. */
final class LedgerJson {
    private LedgerJson() {}

    /** What is registered of a ledger, whatever its state, also if it is deleted. */
    static ObjectNode registered(Versioned<LedgerMetadata> metadata) {
        return metadata.value().isClosed()
                ? closedLedger(metadata)
                : ledger(metadata, OptionalLong.empty(), OptionalLong.empty());
    }

    /** A closed ledger, whose end and length are registered. */
    static ObjectNode closedLedger(Versioned<LedgerMetadata> metadata) {
        LedgerMetadata ledger = metadata.value();
        return ledger(metadata, OptionalLong.of(ledger.lastEntryId()), OptionalLong.of(ledger.length()));
    }

    /**
     * @param lastAddConfirmed -1 for none; left out where nobody could be asked
     * @param length the payload bytes up to there; left out likewise
     */
    static ObjectNode ledger(Versioned<LedgerMetadata> metadata, OptionalLong lastAddConfirmed, OptionalLong length) {
        LedgerMetadata ledger = metadata.value();
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("ledgerId", ledger.ledgerId().value());
        json.put("state", ledger.state().name());
        if (ledger.isDeleted()) {
            json.put("deletion", ledger.deletion().name());
        }
        json.put("ensembleSize", ledger.replication().ensembleSize());
        json.put("writeQuorum", ledger.replication().writeQuorum());
        json.put("ackQuorum", ledger.replication().ackQuorum());
        if (ledger.isClosed()) {
            json.put("lastEntryId", ledger.lastEntryId());
        }
        length.ifPresent(bytes -> json.put("length", bytes));
        lastAddConfirmed.ifPresent(entryId -> json.put("lastAddConfirmed", entryId));
        ArrayNode fragments = json.putArray("fragments");
        for (Fragment fragment : ledger.fragments()) {
            ObjectNode item = fragments.addObject();
            item.put("firstEntryId", fragment.firstEntryId());
            ArrayNode bookies = item.putArray("bookies");
            for (BookieId bookie : fragment.ensemble().bookies()) {
                bookies.add(bookie.toString());
            }
        }
        if (!ledger.acceptedLosses().isEmpty()) {
            ArrayNode losses = json.putArray("acceptedLosses");
            ledger.acceptedLosses().forEach(bookie -> losses.add(bookie.toString()));
        }
        putLabels(json, ledger.labels());
        json.put("createdAt", Instant.ofEpochMilli(ledger.createdMillis()).toString());
        json.put("version", metadata.version());
        return json;
    }

    /** A closed ledger, and how its recovery went. */
    static ObjectNode recovered(RecoveryReport report) {
        ObjectNode json = closedLedger(report.ledger());
        ObjectNode recovery = json.putObject("recovery");
        recovery.put("entriesRecovered", report.entriesRecovered());
        recovery.put("copiesWritten", report.copiesWritten());
        ArrayNode unheard = recovery.putArray("bookiesUnheard");
        report.bookiesUnheard().forEach(bookie -> unheard.add(bookie.toString()));
        return json;
    }

    static ObjectNode page(LedgerPage page) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ArrayNode ledgers = json.putArray("ledgers");
        for (LedgerMetadata ledger : page.ledgers()) {
            ObjectNode item = ledgers.addObject();
            item.put("ledgerId", ledger.ledgerId().value());
            item.put("state", ledger.state().name());
        }
        page.next().ifPresent(next -> json.put("next", next.value()));
        return json;
    }

    /** Ordered by name, then by id. */
    static ObjectNode bookies(Collection<BookieStatus> statuses) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ArrayNode bookies = json.putArray("bookies");
        statuses.stream()
                .sorted(Comparator.comparing(BookieStatus::name)
                        .thenComparing(status -> status.bookieId().toString()))
                .forEach(status -> {
                    ObjectNode item = bookies.addObject();
                    item.put("bookieId", status.bookieId().toString());
                    item.put("name", status.name());
                    item.put("address", status.address());
                    item.put("state", status.state().name());
                    item.put("freeBytes", status.freeBytes());
                    item.put("totalBytes", status.totalBytes());
                    putLabels(item, status.labels());
                    ArrayNode reasons = item.putArray("readOnlyReasons");
                    status.readOnlyReasons().forEach(reasons::add);
                });
        return json;
    }

    private static void putLabels(ObjectNode json, Map<String, String> labels) {
        ObjectNode object = json.putObject("labels");
        labels.forEach(object::put);
    }
}
