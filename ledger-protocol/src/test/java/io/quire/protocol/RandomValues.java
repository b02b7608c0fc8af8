package io.quire.protocol;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Supplier;

/** Valid values drawn from a seeded source. Not thread-safe. */
public final class RandomValues {
    private static final String[] TEXTS = {"", "a", "rack-1", "größer", "ledger \u65e5\u672c", "\ud83d\udcd6", "\ufffd"
    };

    private final Random random;

    public RandomValues(long seed) {
        this.random = new Random(seed);
    }

    public int below(int bound) {
        return random.nextInt(bound);
    }

    public boolean coin() {
        return random.nextBoolean();
    }

    /** Small, large and border numbers that are not negative. */
    public long number() {
        return switch (random.nextInt(4)) {
            case 0 -> 0;
            case 1 -> random.nextInt(1000);
            case 2 -> random.nextLong() >>> (1 + random.nextInt(62));
            default -> Long.MAX_VALUE;
        };
    }

    public long entryIdOrNone() {
        return random.nextInt(4) == 0 ? EntryId.NONE : Math.min(number(), EntryId.MAX);
    }

    public long entryId() {
        return Math.min(number(), EntryId.MAX);
    }

    public UUID uuid() {
        return new UUID(random.nextLong(), random.nextLong());
    }

    public BookieId bookie() {
        return new BookieId(uuid());
    }

    public VoterId voter() {
        return new VoterId(uuid());
    }

    public BootEpoch epoch() {
        return new BootEpoch(number());
    }

    public LedgerId ledger() {
        return new LedgerId(number());
    }

    public SessionId session() {
        return new SessionId(bookie(), epoch(), number());
    }

    public Ballot ballot() {
        return random.nextInt(4) == 0 ? Ballot.ZERO : new Ballot(1 + number() / 2, new ProposerId(uuid()));
    }

    public String text() {
        return TEXTS[random.nextInt(TEXTS.length)];
    }

    public byte[] bytes(int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }

    /** A slice of a larger array more often than not. */
    public Payload payload(int bytesMax) {
        byte[] bytes = bytes(random.nextInt(bytesMax + 1));
        int from = random.nextInt(bytes.length + 1);
        return Payload.wrap(bytes).slice(from, bytes.length - from);
    }

    public <T> List<T> list(int sizeMax, Supplier<T> element) {
        int size = random.nextInt(sizeMax + 1);
        List<T> list = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            list.add(element.get());
        }
        return list;
    }

    public <T> Optional<T> optional(Supplier<T> value) {
        return coin() ? Optional.of(value.get()) : Optional.empty();
    }

    public <E> E oneOf(E[] values) {
        return values[random.nextInt(values.length)];
    }

    public Entry entry() {
        long entryId = entryId();
        long lastAddConfirmed = entryId - 1 - random.nextInt((int) Math.min(entryId + 1, 100));
        Payload payload = payload(100);
        return new Entry(ledger(), entryId, lastAddConfirmed, Math.max(payload.length(), number()), payload);
    }

    public EntryBatch batch() {
        LedgerKey key = LedgerPassword.of(bytes(8)).keyOf(ledger());
        return EntryBatch.of(list(4, () -> EntryFormat.encode(entry(), oneOf(DigestType.values()), key)));
    }

    /** What stands for a proof or a verifier, or nothing. */
    public Payload proof() {
        return coin() ? Payload.EMPTY : Payload.wrap(bytes(LedgerKey.PROOF_BYTES));
    }

    public RegistryKey key() {
        return switch (random.nextInt(3)) {
            case 0 -> RegistryKey.ofLedger(ledger());
            case 1 -> RegistryKey.ofBookie(bookie());
            default -> RegistryKey.IDS;
        };
    }

    public RegisterValue register() {
        RegisterValue value = RegisterValue.ABSENT;
        int changes = random.nextInt(2 * RegisterValue.RECENT_MAX);
        for (int i = 0; i < changes; i++) {
            value = value.changedTo(payload(80), new OpId(uuid()));
        }
        return value;
    }

    public RegistryConfig config() {
        List<VoterId> voters = list(6, this::voter);
        voters.add(voter());
        return new RegistryConfig(1 + number() / 2, "name" + text(), text(), voters);
    }

    public Map<String, String> labels() {
        Map<String, String> labels = new TreeMap<>();
        int size = random.nextInt(5);
        for (int i = 0; i < size; i++) {
            labels.put(random.nextInt(50) + text(), text());
        }
        return labels;
    }

    public Ensemble ensemble(int size) {
        List<BookieId> bookies = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            bookies.add(bookie());
        }
        return new Ensemble(bookies);
    }

    public LedgerMetadata metadata() {
        int ensembleSize = 1 + random.nextInt(7);
        int writeQuorum = 1 + random.nextInt(ensembleSize);
        Replication replication = new Replication(ensembleSize, writeQuorum, 1 + random.nextInt(writeQuorum));
        List<Fragment> fragments = new ArrayList<>(List.of(new Fragment(0, 1, ensemble(ensembleSize))));
        int changes = random.nextInt(4);
        for (int i = 0; i < changes; i++) {
            Fragment last = fragments.get(i);
            fragments.add(new Fragment(
                    last.firstEntryId() + 1 + random.nextInt(1000),
                    last.fragmentVersion() + 1,
                    ensemble(ensembleSize)));
        }
        LedgerState state = oneOf(LedgerState.values());
        boolean filled = state == LedgerState.CLOSED && coin();
        Payload verifier = proof();
        return new LedgerMetadata(
                ledger(),
                "namespace" + text(),
                replication,
                verifier.isEmpty() ? DigestType.CRC32 : oneOf(DigestType.values()),
                verifier,
                state,
                oneOf(Deletion.values()),
                fragments,
                filled ? entryId() : EntryId.NONE,
                filled ? number() : 0,
                number(),
                labels(),
                list(3, () -> {
                    long first = entryId() / 2;
                    return new IncompleteRange(bookie(), first, first + random.nextInt(100));
                }),
                list(2, this::bookie));
    }

    public BookieRegistration registration() {
        return new BookieRegistration(bookie(), text(), epoch(), oneOf(BookieLife.values()), text(), text());
    }

    public BookieStatus status() {
        return new BookieStatus(
                bookie(),
                epoch(),
                number(),
                text(),
                text(),
                text(),
                oneOf(BookieStatus.State.values()),
                number(),
                number(),
                labels(),
                list(2, this::text));
    }
}
