package io.quire.simulation;

/**
 * What a {@link SimulatedNetwork} does to messages. Probabilities are in {@code [0, 1]}, times are nanoseconds.
 *
 * @param loss that a message vanishes
 * @param duplication that a message arrives a second time, late
 * @param lateness that a message is late and is overtaken by others of its pair
 * @param delayMinNanos the shortest way, positive
 * @param delayMaxNanos the longest way of a message that is not late, at least {@code delayMinNanos}
 * @param lateMaxNanos the longest way of one that is late, at least {@code delayMaxNanos}
 */
public record NetworkFaults(
        double loss, double duplication, double lateness, long delayMinNanos, long delayMaxNanos, long lateMaxNanos) {
    /** Nothing is lost, repeated or overtaken; a way takes 50 to 500 us. */
    public static final NetworkFaults NONE = new NetworkFaults(0, 0, 0, 50_000, 500_000, 500_000);

    public NetworkFaults {
        requireProbability(loss);
        requireProbability(duplication);
        requireProbability(lateness);
        if (delayMinNanos < 1 || delayMaxNanos < delayMinNanos || lateMaxNanos < delayMaxNanos) {
            throw new IllegalArgumentException(
                    "delays must ascend: " + delayMinNanos + ", " + delayMaxNanos + ", " + lateMaxNanos);
        }
    }

    private static void requireProbability(double value) {
        if (!(value >= 0 && value <= 1)) {
            throw new IllegalArgumentException("a probability is in [0, 1]: " + value);
        }
    }
}
