package io.quire.protocol.wire;

import java.util.List;

/**
 * Messages from one sender to one receiver, in order, that travel as one: the network costs per message. The receiver
 * treats each as if it had come alone.
 *
 * @param messages at least one; none is a bundle
 */
public record Bundle(List<WireMessage> messages) implements WireMessage {
    public Bundle {
        messages = List.copyOf(messages);
        if (messages.isEmpty()) {
            throw new IllegalArgumentException("a bundle without messages");
        }
        for (WireMessage message : messages) {
            if (message instanceof Bundle) {
                throw new IllegalArgumentException("a bundle in a bundle");
            }
        }
    }
}
