package io.quire.multijvm;

/**
 * What a writer process does.
 *
 * @param seed of its entries, see {@link EntryContent}
 * @param entries how many it appends, unless it is stopped before
 * @param outstanding appends that are not answered, at most
 * @param perSecond appends in a second, at most
 */
record WriterLoad(long seed, long entries, int outstanding, int perSecond) {
    static final int UNLIMITED = Integer.MAX_VALUE;

    static WriterLoad parse(String text) {
        String[] parts = text.split(",", -1);
        return new WriterLoad(
                Long.parseLong(parts[0]),
                Long.parseLong(parts[1]),
                Integer.parseInt(parts[2]),
                Integer.parseInt(parts[3]));
    }

    String format() {
        return seed + "," + entries + "," + outstanding + "," + perSecond;
    }
}
