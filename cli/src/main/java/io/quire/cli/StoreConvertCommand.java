package io.quire.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.typesafe.config.ConfigFactory;
import io.quire.bookie.BookieSettings;
import io.quire.bookie.storage.StoreConversion;
import io.quire.bookie.storage.StoreKind;
import io.quire.storage.StorageException;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code quire store convert}: where a stopped store keeps its entries. */
@Command(
        name = "convert",
        description = {
            "Turns a stopped store into one that keeps its entries in LMDB, or in segment files.",
            "The copy is made beside and compared; a conversion that is cut short changes nothing."
        })
final class StoreConvertCommand extends QuireSubcommand {
    @Option(names = "--dir", paramLabel = "DIR", required = true, description = "The store's directory.")
    private Path directory;

    @Option(names = "--to", paramLabel = "KIND", required = true, description = "lmdb or segments.")
    private String to;

    @Override
    public Integer call() {
        StoreKind kind = kind();
        BookieSettings settings = BookieSettings.from(ConfigFactory.load());
        try {
            print(new StoreConversion(
                            directory,
                            kind,
                            settings.store().ledgerSegments(),
                            settings.ledgerFileBytesMax(),
                            terminal()::note)
                    .convert());
            return 0;
        } catch (StorageException e) {
            throw CommandFailure.of("cannot convert " + directory + ": " + e.getMessage(), e);
        }
    }

    private StoreKind kind() {
        try {
            return StoreKind.ofText(to);
        } catch (IllegalArgumentException e) {
            require(false, "--to: " + e.getMessage());
            throw e;
        }
    }

    private void print(StoreConversion.Report report) {
        if (quire().isJson()) {
            ObjectNode json = JsonNodeFactory.instance.objectNode();
            json.put("bookieId", report.bookie().toString());
            json.put("from", report.from().text()).put("to", report.to().text());
            json.put("ledgers", report.ledgers()).put("entries", report.entries());
            quire().printJson(json.put("bytes", report.bytes()));
        } else if (report.from() == report.to()) {
            terminal()
                    .println(directory + ": keeps its entries in " + report.to().text() + " already");
        } else {
            terminal()
                    .println(directory + ": bookie " + report.bookie() + " converted from "
                            + report.from().text() + " to " + report.to().text() + ": " + report.ledgers()
                            + " ledgers, " + report.entries() + " entries, " + report.bytes() + " bytes");
        }
    }
}
