package io.quire.persistence;

import org.apache.pekko.persistence.CapabilityFlag;
import org.apache.pekko.persistence.japi.journal.JavaJournalPerfSpec;

/** The official compatibility kit of Pekko Persistence, against real bookies. */
public class LedgerJournalPerfTckTest extends JavaJournalPerfSpec {
    private static final long serialVersionUID = 1;

    private final transient TestNode node = new TestNode();

    public LedgerJournalPerfTckTest() {
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

    /** The kit's 10000 take a minute; this is for what the plugin does, its speed is measured elsewhere. */
    @Override
    public int eventsCount() {
        return 500;
    }
}
