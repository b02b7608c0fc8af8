package io.quire.persistence;

import com.typesafe.config.Config;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.persistence.query.ReadJournalProvider;

/** Makes the read journals of an actor system; Pekko creates it. */
public final class LedgerReadJournalProvider implements ReadJournalProvider {
    private final LedgerReadJournal javaReadJournal;
    private final LedgerScalaReadJournal scalaReadJournal;

    /**
     * @param config the plugin's own section
     */
    public LedgerReadJournalProvider(ExtendedActorSystem system, Config config) {
        javaReadJournal = new LedgerReadJournal(system, config.getInt("batch"), config.getDuration("refresh-interval"));
        scalaReadJournal = new LedgerScalaReadJournal(javaReadJournal);
    }

    @Override
    public LedgerScalaReadJournal scaladslReadJournal() {
        return scalaReadJournal;
    }

    @Override
    public LedgerReadJournal javadslReadJournal() {
        return javaReadJournal;
    }
}
