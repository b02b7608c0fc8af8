package io.quire.persistence;

import org.apache.pekko.persistence.CapabilityFlag;
import org.apache.pekko.persistence.japi.snapshot.JavaSnapshotStoreSpec;

/** The official compatibility kit of Pekko Persistence, against real bookies. */
public class LedgerSnapshotStoreTckTest extends JavaSnapshotStoreSpec {
    private static final long serialVersionUID = 1;

    private final transient TestNode node = new TestNode();

    public LedgerSnapshotStoreTckTest() {
        super(TestNode.PLUGINS);
    }

    @Override
    public void beforeAll() {
        node.serve(system());
        super.beforeAll();
    }

    @Override
    public void afterAll() {
        super.afterAll();
        node.close();
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
