package io.quire.multijvm;

import io.quire.bookie.storage.StoreKind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/** What somebody, or a disk, can do to the files of a store. */
enum StoreDamage {
    JOURNAL_FLIPPED {
        @Override
        String apply(Place place, Random random) throws IOException {
            return flip(place.any("journal", random), random);
        }
    },
    JOURNAL_ZEROED {
        @Override
        String apply(Place place, Random random) throws IOException {
            return zero(place.any("journal", random), random);
        }
    },
    JOURNAL_CUT {
        @Override
        String apply(Place place, Random random) throws IOException {
            return cut(place.any("journal", random), random);
        }
    },
    JOURNAL_MISSING {
        @Override
        String apply(Place place, Random random) throws IOException {
            return delete(place.any("journal", random));
        }
    },
    JOURNAL_OF_ANOTHER {
        @Override
        String apply(Place place, Random random) throws IOException {
            return replace(place.store(), place.other(), "journal");
        }
    },
    JOURNAL_ROLLED_BACK {
        @Override
        String apply(Place place, Random random) throws IOException {
            return replace(place.store(), place.older(), "journal");
        }
    },
    LEDGERS_FLIPPED {
        @Override
        String apply(Place place, Random random) throws IOException {
            return flip(place.ledgers(), random);
        }
    },
    /** In what LMDB goes by: mostly in the first bytes of a page. */
    LEDGERS_TREE_FLIPPED {
        @Override
        String apply(Place place, Random random) throws IOException {
            return flipTree(place.ledgers(), random);
        }
    },
    LEDGERS_ZEROED {
        @Override
        String apply(Place place, Random random) throws IOException {
            return zero(place.ledgers(), random);
        }
    },
    LEDGERS_CUT {
        @Override
        String apply(Place place, Random random) throws IOException {
            return cut(place.ledgers(), random);
        }
    },
    LEDGERS_MISSING {
        @Override
        String apply(Place place, Random random) throws IOException {
            return delete(place.ledgers());
        }
    },
    LEDGERS_OF_ANOTHER {
        @Override
        String apply(Place place, Random random) throws IOException {
            return replace(place.store(), place.other(), "ledgers");
        }
    },
    LEDGERS_ROLLED_BACK {
        @Override
        String apply(Place place, Random random) throws IOException {
            return replace(place.store(), place.older(), "ledgers");
        }
    },
    SEGMENTS_FLIPPED {
        @Override
        String apply(Place place, Random random) throws IOException {
            return flip(place.any("segments", random), random);
        }
    },
    SEGMENTS_ZEROED {
        @Override
        String apply(Place place, Random random) throws IOException {
            return zero(place.any("segments", random), random);
        }
    },
    SEGMENTS_CUT {
        @Override
        String apply(Place place, Random random) throws IOException {
            return cut(place.any("segments", random), random);
        }
    },
    SEGMENTS_MISSING {
        @Override
        String apply(Place place, Random random) throws IOException {
            return delete(place.any("segments", random));
        }
    },
    SEGMENTS_OF_ANOTHER {
        @Override
        String apply(Place place, Random random) throws IOException {
            return replace(place.store(), place.other(), "segments");
        }
    },
    SEGMENTS_ROLLED_BACK {
        @Override
        String apply(Place place, Random random) throws IOException {
            return replace(place.store(), place.older(), "segments");
        }
    },
    READERS_FLIPPED {
        @Override
        String apply(Place place, Random random) throws IOException {
            return flip(place.store().resolve("ledgers").resolve("lock.mdb"), random);
        }
    },
    READERS_MISSING {
        @Override
        String apply(Place place, Random random) throws IOException {
            return delete(place.store().resolve("ledgers").resolve("lock.mdb"));
        }
    },
    IDENTITY_FLIPPED {
        @Override
        String apply(Place place, Random random) throws IOException {
            return flip(place.store().resolve("IDENTITY"), random);
        }
    },
    IDENTITY_ZEROED {
        @Override
        String apply(Place place, Random random) throws IOException {
            return zero(place.store().resolve("IDENTITY"), random);
        }
    },
    IDENTITY_CUT {
        @Override
        String apply(Place place, Random random) throws IOException {
            return cut(place.store().resolve("IDENTITY"), random);
        }
    },
    IDENTITY_MISSING {
        @Override
        String apply(Place place, Random random) throws IOException {
            return delete(place.store().resolve("IDENTITY"));
        }
    },
    IDENTITY_OF_ANOTHER {
        @Override
        String apply(Place place, Random random) throws IOException {
            return replace(place.store(), place.other(), "IDENTITY");
        }
    },
    ALL_ROLLED_BACK {
        @Override
        String apply(Place place, Random random) throws IOException {
            for (String part : List.of("IDENTITY", "journal", "ledgers", "segments")) {
                replace(place.store(), place.older(), part);
            }
            return "all of it";
        }
    };

    private static final int PAGE_BYTES = 4096;
    private static final int PAGE_HEADER_BYTES = 16;
    private static final int NODES_BYTES = 200;
    private static final int ZEROED_BYTES_MAX = 9000;

    /**
     * @param store the one that is damaged
     * @param other a whole one with another identity
     * @param older what {@code store} was at an earlier boot
     */
    record Place(Path store, Path other, Path older) {
        Path ledgers() {
            return store.resolve("ledgers").resolve("data.mdb");
        }

        Path any(String part, Random random) throws IOException {
            try (Stream<Path> files = Files.list(store.resolve(part))) {
                List<Path> found = files.sorted().toList();
                return found.get(random.nextInt(found.size()));
            }
        }
    }

    /** What is done to a store of some kind. */
    record Case(StoreKind kind, StoreDamage damage) {
        /** All there are, one after the other, again and again. */
        static Case of(int number) {
            return ALL.get(number % ALL.size());
        }

        @Override
        public String toString() {
            return kind + ":" + damage;
        }
    }

    static final List<Case> ALL = Stream.of(StoreKind.values())
            .flatMap(kind -> Stream.of(values())
                    .filter(damage ->
                            kind == StoreKind.SEGMENTS || !damage.name().startsWith("SEGMENTS"))
                    .map(damage -> new Case(kind, damage)))
            .toList();

    /** Does it, and says to which bytes. */
    abstract String apply(Place place, Random random) throws IOException;

    private static String flip(Path file, Random random) throws IOException {
        return flip(file, random, (long) (random.nextDouble() * Files.size(file)));
    }

    private static String flipTree(Path file, Random random) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            while (true) {
                long page = random.nextInt((int) (channel.size() / PAGE_BYTES));
                ByteBuffer head = ByteBuffer.allocate(PAGE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
                channel.read(head, page * PAGE_BYTES);
                if (head.getLong(0) == page) {
                    int[] reaches = {PAGE_HEADER_BYTES, NODES_BYTES, PAGE_BYTES};
                    int reach = reaches[random.nextInt(reaches.length)];
                    return flip(file, random, page * PAGE_BYTES + random.nextInt(reach));
                }
            }
        }
    }

    private static String flip(Path file, Random random, long position) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, position);
            int bit = random.nextInt(8);
            one.put(0, (byte) (one.get(0) ^ (1 << bit)));
            channel.write(one.flip(), position);
            return "bit " + bit + " of byte " + position + " of " + file.getFileName();
        }
    }

    private static String zero(Path file, Random random) throws IOException {
        long size = Files.size(file);
        long from = (long) (random.nextDouble() * size);
        int bytes = (int) Math.min(1 + random.nextInt(ZEROED_BYTES_MAX), size - from);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.allocate(bytes), from);
        }
        return "bytes [" + from + ", " + (from + bytes) + ") of " + file.getFileName();
    }

    private static String cut(Path file, Random random) throws IOException {
        long size = (long) (random.nextDouble() * Files.size(file));
        long bytes = random.nextBoolean() ? size : size / PAGE_BYTES * PAGE_BYTES;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(bytes);
        }
        return file.getFileName() + " behind " + bytes + " bytes";
    }

    private static String delete(Path file) throws IOException {
        Files.delete(file);
        return file.getFileName().toString();
    }

    private static String replace(Path store, Path by, String part) throws IOException {
        FileTrees.delete(store.resolve(part));
        FileTrees.copy(by.resolve(part), store.resolve(part));
        return part;
    }
}
