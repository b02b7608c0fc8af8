package io.quire.bootstrap;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.quire.storage.DirectoryLock;
import io.quire.storage.Finding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DoctorTest {
    @TempDir
    private Path scratch;

    private final List<String> places = new ArrayList<>();
    private final List<Finding> wrong = new ArrayList<>();
    private final List<Finding> all = new ArrayList<>();

    private boolean examine(Path directory) {
        places.clear();
        wrong.clear();
        all.clear();
        return Doctor.examine(directory, 0, (place, finding) -> {
            String name = place.kind() + " " + place.directory().getFileName();
            if (!places.contains(name)) {
                places.add(name);
            }
            all.add(finding);
            if (finding.isWrong()) {
                wrong.add(finding);
            }
        });
    }

    private Path standalone() {
        Path data = scratch.resolve("data");
        Standalone.prepare(data, 2, 0, 0);
        return data;
    }

    private void assertOneWrong(Path directory, String words) {
        assertThat(examine(directory)).isFalse();
        assertThat(wrong).singleElement().satisfies(finding -> {
            assertThat(finding.what()).contains(words);
            assertThat(finding.advice()).isNotEmpty();
        });
    }

    @Test
    @DisplayName("a standalone directory is examined part by part, each of which may be named alone, too")
    void parts() {
        Path data = standalone();
        assertThat(examine(data)).as("%s", wrong).isTrue();
        assertThat(places)
                .containsExactly("standalone data", "store store-0", "store store-1", "voter voter-0", "voter voter-1");
        assertThat(examine(data.resolve("voter-1"))).isTrue();
        assertThat(places).containsExactly("voter voter-1");
        assertThat(examine(data.resolve("store-1"))).isTrue();
        assertThat(places).containsExactly("store store-1");
    }

    @Test
    @DisplayName("a part that is missing or in use is told, and the others are examined all the same")
    void badPart() throws IOException {
        Path data = standalone();
        Files.move(data.resolve("store-0"), scratch.resolve("away"));
        assertOneWrong(data, "store-0 is missing");
        assertThat(places).contains("store store-1", "voter voter-0");
        Files.move(scratch.resolve("away"), data.resolve("store-0"));
        try (DirectoryLock lock = DirectoryLock.acquire(data.resolve("voter-0"))) {
            assertThat(lock.directory()).exists();
            assertOneWrong(data, "voter-0 is in use by");
        }
        Files.delete(data.resolve("quire-standalone"));
        assertOneWrong(data, "quire-standalone is missing or damaged");
        Files.write(data.resolve("quire-standalone"), new byte[] {(byte) 0xff, (byte) 0xfe});
        assertThat(examine(data)).isFalse();
        assertThat(places).contains("store store-1", "voter voter-0");
    }

    @Test
    @DisplayName("what is no directory, is empty or holds something else is told apart")
    void nothingOfOurs() throws IOException {
        assertOneWrong(scratch.resolve("none"), "does not exist");
        Path file = Files.writeString(scratch.resolve("file"), "");
        assertOneWrong(file, "is not a directory");
        assertOneWrong(scratch, "holds no store; format it first");
        assertOneWrong(Files.createDirectory(scratch.resolve("empty")), "is empty");
        assertThat(scratch.resolve("empty")).isEmptyDirectory();
    }

    @Test
    @DisplayName("what a node left that was stopped in order can start, and is said to have been stopped so")
    void afterNode() {
        Path data = scratch.resolve("data");
        QuireNode.start(ConfigFactory.parseString("quire.node.start-timeout = 20 s\nquire.node.http = false")
                        .withFallback(Standalone.prepare(data, 1, 0, 0))
                        .resolve())
                .close();
        assertThat(examine(data)).as("%s", wrong).isTrue();
        assertThat(all.stream().map(Finding::what))
                .anyMatch(what -> what.contains("last boot 1,") && what.contains("stopped in order"))
                .anyMatch(what -> what.contains("config epoch 1 of cluster 'quire', 1 voters, serving"))
                .anyMatch(what ->
                        what.contains("process " + ProcessHandle.current().pid() + " was the last"));
    }
}
