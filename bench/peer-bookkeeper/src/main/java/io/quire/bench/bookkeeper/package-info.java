/** Apache BookKeeper as loads see it, by its own client. Runs in JVMs that have no class of Quire's product. */
package io.quire.bench.bookkeeper;
