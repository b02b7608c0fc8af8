package io.quire.protocol.wire;

import java.util.ArrayList;
import java.util.List;

/** Gathers messages for one receiver, to be sent together. Not thread-safe. */
public final class Bundler {
    /** Far below the size of a frame. */
    private static final int BUNDLE_BYTES_MAX = 256 * 1024;

    private final List<WireMessage> gathered = new ArrayList<>();

    public void add(WireMessage message) {
        gathered.add(message);
    }

    /** What was added since the last call, in order, in as few messages as fit into frames. */
    public List<WireMessage> take() {
        List<WireMessage> taken = new ArrayList<>();
        List<WireMessage> next = new ArrayList<>();
        int bytes = 0;
        for (WireMessage message : gathered) {
            int likely = QuireSerializer.likelyBytes(message);
            if (!next.isEmpty() && bytes + likely > BUNDLE_BYTES_MAX) {
                taken.add(together(next));
                next.clear();
                bytes = 0;
            }
            next.add(message);
            bytes += likely;
        }
        if (!next.isEmpty()) {
            taken.add(together(next));
        }
        gathered.clear();
        return taken;
    }

    private static WireMessage together(List<WireMessage> messages) {
        return messages.size() == 1 ? messages.get(0) : new Bundle(messages);
    }
}
