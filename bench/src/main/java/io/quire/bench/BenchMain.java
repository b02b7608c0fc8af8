package io.quire.bench;
/** tmp */
public final class BenchMain {
    private BenchMain() {}
    public static void main(String[] a) throws Exception {
        BenchOptions o = new BenchOptions(3, Integer.parseInt(a[0]), Integer.parseInt(a[1]), Integer.parseInt(a[2]), new io.quire.protocol.Replication(3,3,2), Integer.parseInt(a[3]), Integer.parseInt(a[4]));
        System.out.println(new com.fasterxml.jackson.databind.ObjectMapper().writeValueAsString(LoadGenerator.write(o, java.nio.file.Path.of("/tmp"), System.err::println)));
        System.exit(0);
    }
}
