package io.quire.registry;

import java.util.List;
import java.util.stream.IntStream;
import org.apache.pekko.cluster.ddata.Key;

/**
 * Where the replicator keeps one bucket. The name holds the number of buckets too: nodes that hash differently must not
 * mix their buckets.
 */
final class FeedBucketKey extends Key<FeedBucket> {
    private static final long serialVersionUID = 1;

    private FeedBucketKey(int index, int buckets) {
        super("quire-feed/" + buckets + "/" + index);
    }

    /** The keys of all buckets, by index. */
    static List<FeedBucketKey> all(int buckets) {
        return IntStream.range(0, buckets)
                .mapToObj(index -> new FeedBucketKey(index, buckets))
                .toList();
    }
}
