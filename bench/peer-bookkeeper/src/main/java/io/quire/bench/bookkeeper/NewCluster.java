package io.quire.bench.bookkeeper;

import org.apache.bookkeeper.client.BookKeeperAdmin;
import org.apache.bookkeeper.conf.ServerConfiguration;

/** A main class: writes an empty cluster's metadata into ZooKeeper. */
public final class NewCluster {
    private NewCluster() {}

    /**
     * @param args the metadata service's URI
     */
    public static void main(String[] args) throws Exception {
        ServerConfiguration configuration = new ServerConfiguration();
        configuration.setMetadataServiceUri(args[0]);
        boolean made = BookKeeperAdmin.initNewCluster(configuration);
        Runtime.getRuntime().halt(made ? 0 : 1);
    }
}
