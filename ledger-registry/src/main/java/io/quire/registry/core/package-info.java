/**
 * The protocol of one register, CASPaxos (Rystsov 2018), as pure state machines: {@link
 * io.quire.registry.core.Acceptor} is what a voter does, {@link io.quire.registry.core.RegisterProposer} what a client
 * does. Read them in this order.
 */
package io.quire.registry.core;
