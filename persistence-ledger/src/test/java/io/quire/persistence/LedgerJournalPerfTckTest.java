package io.quire.persistence;

import io.quire.testkit.QuireCluster;
import org.apache.pekko.persistence.CapabilityFlag;
import org.apache.pekko.persistence.japi.journal.JavaJournalPerfSpec;

/** The official compatibility kit of Pekko Persistence, against real bookies. */
public class LedgerJournalPerfTckTest extends JavaJournalPerfSpec {
    private static final long serialVersionUID = 1;

    private final transient QuireCluster cluster = QuireCluster.start();

    public LedgerJournalPerfTckTest() {
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
    public CapabilityFlag supportsRejectingNonSerializableObjects() {
        return CapabilityFlag.on();
    }

    @Override
    public CapabilityFlag supportsSerialization() {
        return CapabilityFlag.on();
    }

    @Override
    public CapabilityFlag supportsMetadata() {
        return CapabilityFlag.on();
    }

    /** The kit's 10000 ({@code -Dtck.events=10000}) take a minute; this is for what the plugin does, its speed is measured elsewhere. */
    @Override
    public int eventsCount() {
        return Integer.getInteger("tck.events", 500);
    }
}
