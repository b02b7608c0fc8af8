package io.quire.bench;

import java.util.List;

/** What is compared, in groups; every group has fresh servers. */
final class ComparisonPlan {
    /** Which figure of a result is compared, and whether more of it is better. */
    enum Figure {
        RATE("operations/s", true),
        P50("p50 ms", false),
        P99("p99 ms", false),
        CPU("CPU us/operation", false),
        DEVICE("device bytes/byte", false);

        final String label;
        final boolean moreIsBetter;

        Figure(String label, boolean moreIsBetter) {
            this.label = label;
            this.moreIsBetter = moreIsBetter;
        }

        double of(BenchResult result) {
            return switch (this) {
                case RATE -> result.addsPerSecond();
                case P50 -> result.p50Millis();
                case P99 -> result.p99Millis();
                case CPU -> result.cpuMicrosPerAdd();
                case DEVICE -> result.deviceBytesPerByte();
            };
        }
    }

    /**
     * @param line a load, or one of {@code restart}, {@code dropcaches}, {@code sleep S}, {@code rss LABEL}, {@code start}
     * @param figures none for what only prepares
     */
    record Step(String name, String line, List<Figure> figures) {}

    record Group(String name, List<Step> steps) {}

    private ComparisonPlan() {}

    static List<Group> all() {
        return List.of(writes(), reads(), ledgers(), start());
    }

    private static Group writes() {
        List<Figure> rate = List.of(Figure.RATE, Figure.P50, Figure.P99, Figure.CPU, Figure.DEVICE);
        return new Group(
                "writes",
                List.of(
                        new Step("RSS idle, MiB", "rss", List.of()),
                        new Step("", "append out=200 warm=5 secs=25", List.of()),
                        new Step("append 1 KiB, 1 x 1", "append out=1", rate),
                        new Step("append 1 KiB, 1 x 100", "append out=100", rate),
                        new Step("append 1 KiB, 1 x 1000", "append out=1000", rate),
                        new Step("append 1 KiB, 1 x 1000, E3/Qw2/Qa2", "append out=1000 qw=2", rate),
                        new Step("append 1 KiB, 100 x 10", "append ledgers=100 out=10", rate),
                        new Step("append 1 KiB, 1000 x 1", "append ledgers=1000 out=1", rate),
                        new Step("append 100 B, 1 x 100", "append size=100 out=100", rate),
                        new Step("append 64 KiB, 1 x 100", "append size=65536 out=100", rate),
                        new Step("RSS after load, MiB", "rss", List.of())));
    }

    private static Group reads() {
        List<Figure> rate = List.of(Figure.RATE, Figure.P50, Figure.P99, Figure.CPU);
        return new Group(
                "reads",
                List.of(
                        new Step("", "append out=200 warm=2 secs=3", List.of()),
                        new Step("", "fill ledgers=1 n=200000", List.of()),
                        new Step("sequential read, hot", "readseq passes=2", rate),
                        new Step("random read, hot, 16 in flight", "readrand out=16 warm=10 secs=8", rate),
                        new Step("random read, hot, 1 in flight", "readrand out=1 warm=3 secs=5", rate),
                        new Step("", "restart", List.of()),
                        new Step("", "dropcaches", List.of()),
                        new Step("sequential read, cold", "readseq", rate),
                        new Step("", "fill ledgers=1000 n=400", List.of()),
                        new Step("", "restart", List.of()),
                        new Step("", "dropcaches", List.of()),
                        new Step("sequential read, cold, of 100 ledgers among 1000", "readseq ledgers=100", rate)));
    }

    private static Group ledgers() {
        List<Figure> rate = List.of(Figure.RATE, Figure.P50, Figure.P99);
        return new Group(
                "ledgers",
                List.of(
                        new Step("", "createseal n=6000 conc=64", List.of()),
                        new Step("create+seal, 1 at a time", "createseal n=300 conc=1 first=100", rate),
                        new Step("create+seal, 64 at a time", "createseal n=3000 conc=64", rate),
                        new Step("", "recover n=1500 conc=32", List.of()),
                        new Step("recover, 1 at a time", "recover n=200 conc=1", rate),
                        new Step("recover, 32 at a time", "recover n=1000 conc=32", rate),
                        new Step(
                                "tail: append to arrival, 1000/s", "tail rate=1000", List.of(Figure.P50, Figure.P99))));
    }

    private static Group start() {
        return new Group(
                "start",
                List.of(
                        new Step("start to first ack, ms", "start", List.of()),
                        new Step("start to first ack, ms", "start", List.of())));
    }
}
