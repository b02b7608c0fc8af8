/**
 * The protocol of one register, CASPaxos (Rystsov 2018), as pure state machines: {@link
 * io.quire.registry.core.Acceptor} is what a voter does, {@link io.quire.registry.core.RegisterProposer} what a client
 * does. Read them in this order; then {@link io.quire.registry.core.VoterChange}, how the voters themselves change.
 */
package io.quire.registry.core;
