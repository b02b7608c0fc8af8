package io.quire.multijvm;

/** The seed of a test: {@code -Dseed=}, or a new one; printed first, so that a run can be repeated. */
final class Seeds {
    private Seeds() {}

    static long next(Class<?> test) {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println(test.getSimpleName() + " runs with -Dseed=" + seed);
        return seed;
    }
}
