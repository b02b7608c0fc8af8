package io.quire.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.typesafe.config.ConfigFactory;
import io.quire.bookie.BookieSettings;
import io.quire.bookie.storage.StoreRebuild;
import io.quire.storage.StorageException;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code quire store rebuild}: the way on for a store whose ledger store cannot be opened. */
@Command(
        name = "rebuild",
        description = {
            "Gives a stopped store whose ledger store cannot be opened an empty one, in limbo: it denies nothing, and is"
                    + " repaired from other bookies when it is started.",
            "The files that cannot be read are set aside, in damaged-N. A store that can be opened is refused."
        })
final class StoreRebuildCommand extends QuireSubcommand {
    @Option(names = "--dir", paramLabel = "DIR", required = true, description = "The store's directory.")
    private Path directory;

    @Override
    public Integer call() {
        BookieSettings settings = BookieSettings.from(ConfigFactory.load());
        try {
            print(new StoreRebuild(directory, settings.ledgerFileBytesMax()).rebuild());
            return 0;
        } catch (StorageException e) {
            throw CommandFailure.of("cannot rebuild " + directory + ": " + e.getMessage(), e);
        }
    }

    private void print(StoreRebuild.Report report) {
        String aside = report.aside().map(Path::toString).orElse("");
        if (quire().isJson()) {
            ObjectNode json = JsonNodeFactory.instance.objectNode();
            json.put("bookieId", report.bookie().toString())
                    .put("kind", report.kind().text());
            json.put("reason", report.reason()).put("aside", aside);
            quire().printJson(json.put("journalSegments", report.journalSegments()));
            return;
        }
        terminal()
                .println(directory + ": bookie " + report.bookie() + " has an empty ledger store of kind "
                        + report.kind().text() + ", in limbo, since " + report.reason());
        if (!aside.isEmpty()) {
            terminal().println("what was there is in " + aside + "; delete it when the bookie is repaired");
        }
        terminal()
                .println(
                        report.journalSegments() < 0
                                ? "there is no journal here; the start needs its directory, or an empty one"
                                : report.journalSegments() + " segments of its journal are saved by the next start");
    }
}
