package io.quire.persistence;

import io.quire.testkit.QuireCluster;
import org.apache.pekko.persistence.CapabilityFlag;
import org.apache.pekko.persistence.japi.snapshot.JavaSnapshotStoreSpec;

/** The official compatibility kit of Pekko Persistence, against real bookies. */
public class LedgerSnapshotStoreTckTest extends JavaSnapshotStoreSpec {
    private static final long serialVersionUID = 1;

    private final transient QuireCluster cluster = QuireCluster.start();

    public LedgerSnapshotStoreTckTest() {
        super(Plugins.CONFIG);
    }

    @Override
    public void beforeAll() {
        QuirePersistence.get(system()).use(cluster.node());
        super.beforeAll();
    }

    @Override
    public void afterAll() {
        super.afterAll();
        cluster.close();
    }

    @Override
    public CapabilityFlag supportsSerialization() {
        return CapabilityFlag.on();
    }

    @Override
    public CapabilityFlag supportsMetadata() {
        return CapabilityFlag.on();
    }
}
