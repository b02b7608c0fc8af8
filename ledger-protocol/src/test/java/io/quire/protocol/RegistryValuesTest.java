package io.quire.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.RegisterValue.Write;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@link RegisterValue}, {@link RegistryKey}, {@link RegistryConfig} and {@link Ballot}. */
class RegistryValuesTest {
    @Test
    @DisplayName("R2: a register remembers exactly its last 16 writes")
    void history() {
        RegisterValue value = RegisterValue.ABSENT;
        assertThat(value.isAbsent()).isTrue();
        assertThat(value.remembersSince(0)).isTrue();
        for (int version = 1; version <= 40; version++) {
            value = value.changedTo(Payload.ofUtf8("value " + version), op(version));
            assertThat(value.version()).isEqualTo(version);
            assertThat(value.value().toUtf8()).isEqualTo("value " + version);
            for (int written = 1; written <= version; written++) {
                boolean remembered = written > version - RegisterValue.RECENT_MAX;
                assertThat(value.versionWrittenBy(op(written)).isPresent()).isEqualTo(remembered);
                // A retry that expected `written - 1` can be decided if its own write would be remembered.
                assertThat(value.remembersSince(written - 1)).isEqualTo(remembered);
                if (remembered) {
                    assertThat(value.versionWrittenBy(op(written))).contains((long) written);
                }
            }
        }
        assertThat(value.recent()).hasSize(RegisterValue.RECENT_MAX);
        assertThat(value.versionWrittenBy(op(41))).isEmpty();
    }

    @Test
    @DisplayName("a register's history is of versions in a row that end at its own")
    void historyInvariants() {
        Payload bytes = Payload.ofUtf8("x");
        assertThat(new RegisterValue(9, bytes, List.of(new Write(8, op(8)), new Write(9, op(9)))).isAbsent())
                .isFalse();
        List<Impossible> impossible = List.of(
                () -> new RegisterValue(-1, Payload.EMPTY, List.of()),
                () -> new RegisterValue(0, bytes, List.of()),
                () -> new RegisterValue(0, Payload.EMPTY, List.of(new Write(0, op(1)))),
                () -> new RegisterValue(1, bytes, List.of()),
                () -> new RegisterValue(2, bytes, List.of(new Write(1, op(1)))),
                () -> new RegisterValue(3, bytes, List.of(new Write(1, op(1)), new Write(3, op(3)))),
                () -> new RegisterValue(1, bytes, List.of(new Write(0, op(1)), new Write(1, op(3)))),
                () -> new RegisterValue(
                        17, bytes, Collections.nCopies(RegisterValue.RECENT_MAX + 1, new Write(17, op(1)))));
        impossible.forEach(make -> assertThatThrownBy(make::make).isInstanceOf(IllegalArgumentException.class));
    }

    @Test
    @DisplayName("the keys of ledgers are ordered like their ids, and tell the id")
    void keysOfLedgers() {
        List<Long> ids = new ArrayList<>(List.of(0L, 9L, 10L, 99L, 100L, Long.MAX_VALUE - 1, Long.MAX_VALUE));
        Random random = new Random(61);
        for (int i = 0; i < 500; i++) {
            ids.add(random.nextLong() >>> (1 + random.nextInt(62)));
        }
        for (long a : ids) {
            RegistryKey key = RegistryKey.ofLedger(new LedgerId(a));
            assertThat(key.path()).startsWith(RegistryKey.LEDGERS).hasSize(28);
            assertThat(key.ledgerId()).isEqualTo(new LedgerId(a));
            for (long b : ids) {
                int order = key.compareTo(RegistryKey.ofLedger(new LedgerId(b)));
                assertThat(Integer.signum(order)).isEqualTo(Long.compare(a, b));
            }
        }
    }

    @Test
    @DisplayName("the key of a ledger is the same in every locale")
    void keysInOtherLocales() {
        Locale before = Locale.getDefault(Locale.Category.FORMAT);
        try {
            Locale.setDefault(Locale.Category.FORMAT, Locale.forLanguageTag("ar-EG-u-nu-arab"));
            assertThat(RegistryKey.ofLedger(new LedgerId(17))).hasToString("/ledgers/0000000000000000017");
        } finally {
            Locale.setDefault(Locale.Category.FORMAT, before);
        }
    }

    @Test
    @DisplayName("a key is a path of visible ASCII characters")
    void keyInvariants() {
        assertThat(new RegistryKey("/" + "x".repeat(199)).path()).hasSize(RegistryKey.BYTES_MAX);
        for (String path : List.of("", "ids", "/a b", "/größe", "/a\n", "/\u007f", "/" + "x".repeat(200))) {
            assertThatThrownBy(() -> new RegistryKey(path)).isInstanceOf(IllegalArgumentException.class);
        }
        BookieId bookie = new BookieId(new UUID(1, 2));
        assertThat(RegistryKey.ofBookie(bookie)).hasToString("/bookies/" + bookie);
        assertThatThrownBy(() -> RegistryKey.ofBookie(bookie).ledgerId()).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> new RegistryKey("/ledgers/x").ledgerId()).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    @DisplayName("R6: the founding config does not depend on the order of voters, nor on repetitions")
    void foundingIsPure() {
        List<VoterId> voters = new ArrayList<>();
        RandomValues values = new RandomValues(63);
        for (int i = 0; i < 5; i++) {
            voters.add(values.voter());
        }
        RegistryConfig config = RegistryConfig.founding("orders", voters);
        assertThat(config.epoch()).isEqualTo(1);
        assertThat(config.clusterName()).isEqualTo("orders");
        assertThat(config.voters()).isSorted().containsExactlyInAnyOrderElementsOf(voters);
        assertThat(config.majority()).isEqualTo(3);
        Random random = new Random(64);
        for (int i = 0; i < 50; i++) {
            Collections.shuffle(voters, random);
            assertThat(RegistryConfig.founding("orders", voters)).isEqualTo(config);
        }
        List<VoterId> twice = new ArrayList<>(voters);
        twice.addAll(voters);
        assertThat(RegistryConfig.founding("orders", twice)).isEqualTo(config);
    }

    @Test
    @DisplayName("R6: another name or another voter founds another cluster")
    void foundingDiffers() {
        RandomValues values = new RandomValues(65);
        List<VoterId> voters = List.of(values.voter(), values.voter(), values.voter());
        String clusterId = RegistryConfig.founding("orders", voters).clusterId();
        assertThat(RegistryConfig.founding("Orders", voters).clusterId()).isNotEqualTo(clusterId);
        assertThat(RegistryConfig.founding("orders", voters.subList(0, 2)).clusterId())
                .isNotEqualTo(clusterId);
        assertThat(RegistryConfig.founding("orders", List.of(voters.get(0), voters.get(1), values.voter()))
                        .clusterId())
                .isNotEqualTo(clusterId);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7})
    @DisplayName("two majorities always meet, and no smaller count would do")
    void majorities(int size) {
        List<VoterId> voters = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            voters.add(new VoterId(new UUID(0, i)));
        }
        int majority = new RegistryConfig(1, "orders", "id", voters).majority();
        assertThat(2 * majority).isGreaterThan(size);
        assertThat(2 * (majority - 1)).isLessThanOrEqualTo(size);
    }

    @Test
    @DisplayName("a config has an epoch, a name and voters, and is read only as it is written")
    void configInvariants() {
        VoterId low = new VoterId(new UUID(0, 1));
        VoterId high = new VoterId(new UUID(0, 2));
        List<Impossible> impossible = List.of(
                () -> new RegistryConfig(0, "orders", "id", List.of(low)),
                () -> new RegistryConfig(1, "", "id", List.of(low)),
                () -> new RegistryConfig(1, "orders", "id", List.of()));
        impossible.forEach(make -> assertThatThrownBy(make::make).isInstanceOf(IllegalArgumentException.class));

        for (List<VoterId> voters : List.of(List.of(high, low), List.of(low, low))) {
            Payload wrong = Fields.encode(1, out -> {
                out.putLong(1);
                Fields.putString(out, "orders");
                Fields.putString(out, "id");
                Fields.putList(out, voters, (o, voter) -> Fields.putUuid(o, voter.value()));
            });
            ByteBuffer in = wrong.asByteBuffer();
            assertThatThrownBy(() -> Fields.decodeAll(in, RegistryConfig::decode))
                    .isInstanceOf(Fields.MalformedException.class)
                    .hasMessage("the voters of a registry config must ascend");
        }
    }

    @Test
    @DisplayName("R1: ballots are ordered by counter, then by proposer, and zero is below all")
    void ballots() {
        ProposerId low = new ProposerId(new UUID(0, 1));
        ProposerId high = new ProposerId(new UUID(0, 2));
        List<Ballot> ascending =
                List.of(Ballot.ZERO, new Ballot(1, low), new Ballot(1, high), new Ballot(2, low), new Ballot(10, low));
        for (int i = 0; i < ascending.size(); i++) {
            for (int j = 0; j < ascending.size(); j++) {
                assertThat(ascending.get(i).isBelow(ascending.get(j))).isEqualTo(i < j);
            }
        }
        assertThat(Ballot.ZERO.isZero()).isTrue();
        assertThat(ascending.get(1).isZero()).isFalse();
        assertThatThrownBy(() -> new Ballot(-1, low)).isInstanceOf(IllegalArgumentException.class);
    }

    private static OpId op(long number) {
        return new OpId(new UUID(0, number));
    }

    /** Makes something that must not be. */
    private interface Impossible {
        Object make();
    }
}
