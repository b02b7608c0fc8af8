package io.quire.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NodeCommandsTest {
    @TempDir
    private Path scratch;

    private Path config(String text) throws IOException {
        return Files.writeString(scratch.resolve("node.conf"), text);
    }

    private Path wholeConfig() throws IOException {
        return config("quire.node { stores = [{ directory = \"" + scratch.resolve("store")
                + "\" }], registry.directories = [\"" + scratch.resolve("voter") + "\"] }");
    }

    @Test
    @DisplayName("H25: format mints identities once and refuses a second time")
    void formatOnce() throws IOException {
        String file = wholeConfig().toString();
        CommandRun first = CommandRun.of("format", "--config", file);
        assertThat(first.exitCode()).isZero();
        assertThat(first.out())
                .contains("formatted as bookie", "formatted as registry voter")
                .hasLineCount(2);
        CommandRun second = CommandRun.of("format", "--config", file);
        assertThat(second.exitCode()).isEqualTo(1);
        assertThat(second.out()).isEmpty();
        assertThat(second.err()).contains("already").hasLineCount(1);
        CommandRun lenient = CommandRun.of("format", "--config", file, "--if-unformatted");
        assertThat(lenient.exitCode()).isZero();
        assertThat(lenient.out()).contains("left alone").hasLineCount(2);
    }

    @Test
    @DisplayName("a store is converted there and back, once each; wrong kinds and directories are one line")
    void convertStore() throws IOException {
        CommandRun.of("format", "--config", wholeConfig().toString());
        String store = scratch.resolve("store").toString();
        CommandRun there = CommandRun.of("store", "convert", "--dir", store, "--to", "segments");
        assertThat(there.exitCode()).isZero();
        assertThat(there.out()).contains("converted from lmdb to segments").hasLineCount(1);
        CommandRun again = CommandRun.of("store", "convert", "--dir", store, "--to", "segments");
        assertThat(again.out()).contains("already").hasLineCount(1);
        CommandRun back = CommandRun.of("--output", "json", "store", "convert", "--dir", store, "--to", "lmdb");
        assertThat(back.out()).contains("\"from\":\"segments\"", "\"entries\":0");
        assertThat(CommandRun.of("store", "convert", "--dir", store, "--to", "tape")
                        .exitCode())
                .isEqualTo(2);
        CommandRun none = CommandRun.of(
                "store", "convert", "--dir", scratch.resolve("voter").toString(), "--to", "lmdb");
        assertThat(none.exitCode()).isEqualTo(1);
        assertThat(none.err()).contains("holds no store").hasLineCount(1);
    }

    @ParameterizedTest
    @DisplayName("a configuration that is not there is one line")
    @ValueSource(strings = {"node", "format"})
    void missingFile(String command) {
        CommandRun run =
                CommandRun.of(command, "--config", scratch.resolve("none.conf").toString());
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.err()).contains("none.conf").hasLineCount(1);
    }

    @ParameterizedTest
    @DisplayName("a configuration that says nothing sensible is one line that names the place")
    @ValueSource(
            strings = {
                "quire.node { stores = [",
                "quire.node.stores = 7",
                "quire.node.formation = maybe",
                "quire.node.start-timeout = soon",
                "quire.node.name = ${nowhere}",
                "include required(\"nowhere.conf\")"
            })
    void wrongFile(String text) throws IOException {
        for (String command : new String[] {"node", "format"}) {
            CommandRun run = CommandRun.of(command, "--config", config(text).toString());
            assertThat(run.exitCode()).isEqualTo(1);
            assertThat(run.err()).contains("node.conf").hasLineCount(1);
        }
    }

    @Test
    @DisplayName("a directory of another kind is refused with its reason, and left as it was")
    void foreignDirectory() throws IOException {
        config("");
        CommandRun run = CommandRun.of("standalone", "--dir", scratch.toString(), "--http-port", "0");
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).contains("no standalone cluster", "--dir").hasLineCount(1);
        assertThat(scratch).isDirectoryContaining("glob:**/node.conf");
    }
}
