package io.quire.persistence;

import org.apache.pekko.persistence.CapabilityFlag;
import org.apache.pekko.persistence.japi.journal.JavaJournalSpec;

/** The official compatibility kit of Pekko Persistence, against real bookies. */
public class LedgerJournalTckTest extends JavaJournalSpec {
    private static final long serialVersionUID = 1;

    private final transient TestNode node = new TestNode();

    public LedgerJournalTckTest() {
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
}
