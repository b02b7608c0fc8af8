package io.quire.bench;

import com.typesafe.config.ConfigFactory;
import io.quire.bootstrap.QuireNode;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/**
 * The main class of a spawned node: serves until its standard input ends, which happens also when the load generator
 * dies. Prints {@code ready} when it serves.
 */
public final class BenchNode {
    private BenchNode() {}

    /**
     * @param args the configuration file
     */
    public static void main(String[] args) throws IOException {
        try (QuireNode node = QuireNode.start(QuireNode.configOf(ConfigFactory.parseFile(new File(args[0]))))) {
            System.out.write("ready\n".getBytes(StandardCharsets.US_ASCII));
            System.out.flush();
            System.in.transferTo(OutputStream.nullOutputStream());
        }
        System.exit(0);
    }
}
