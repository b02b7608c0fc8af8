package io.quire.persistence;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;

/** How an application's settings name the plugins. */
final class Plugins {
    static final Config CONFIG = ConfigFactory.parseString("""
            pekko.persistence.journal.plugin = "quire.persistence.journal"
            pekko.persistence.snapshot-store.plugin = "quire.persistence.snapshot-store"
            pekko.actor.allow-java-serialization = off
            """);

    private Plugins() {}
}
