package io.quire.protocol.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.Fields;
import io.quire.protocol.GoldenFiles;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.protocol.RandomValues;
import io.quire.protocol.wire.BookieReply.Refusal;
import java.io.IOException;
import java.io.NotSerializableException;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@link QuireSerializer} writes what it promises and reads what it wrote. */
class QuireSerializerTest {
    private final QuireSerializer serializer = new QuireSerializer();

    static Stream<WireMessage> fixed() {
        return WireSamples.fixed().stream();
    }

    @ParameterizedTest
    @MethodSource("fixed")
    @DisplayName("each message has the bytes of its golden file, both ways")
    void goldenFiles(WireMessage message) throws Exception {
        byte[] golden = GoldenFiles.require(message.getClass().getSimpleName(), serializer.toBinary(message));
        assertThat(serializer.fromBinary(golden, serializer.manifest(message))).isEqualTo(message);
    }

    @Test
    @DisplayName("each kind of the sealed families has samples, a manifest and a format")
    void everyKindIsCovered() {
        List<Class<?>> kinds = WireSamples.kinds();
        assertThat(kinds).hasSizeGreaterThan(30).doesNotHaveDuplicates();
        assertThat(classesOf(WireSamples.fixed())).containsExactlyInAnyOrderElementsOf(kinds);
        assertThat(classesOf(WireSamples.random(new RandomValues(1)))).containsExactlyInAnyOrderElementsOf(kinds);

        Set<String> manifests = new HashSet<>();
        WireSamples.fixed().forEach(message -> manifests.add(serializer.manifest(message)));
        assertThat(manifests).hasSize(kinds.size()).allMatch(manifest -> manifest.length() == 1);
    }

    @Test
    @DisplayName("no golden file is left of a message that is gone")
    void noStrayGoldenFile() throws IOException {
        Set<String> known = new HashSet<>(Set.of(
                "LedgerMetadata", "BookieRegistration", "BookieStatus", "RegistryConfig", "RegisterValue", "Entry"));
        known.addAll(Set.of("LedgerMetadata-password", "LedgerMetadata-loss", "LedgerKey-proof", "LedgerKey-verifier"));
        known.addAll(Set.of("Entry-CRC32", "Entry-HMAC_SHA256", "Entry-DUMMY"));
        WireSamples.fixed().forEach(message -> known.add(message.getClass().getSimpleName()));
        try (Stream<Path> files = Files.list(GoldenFiles.DIRECTORY)) {
            assertThat(files.map(file -> file.getFileName().toString().replace(".hex", "")))
                    .isSubsetOf(known);
        }
    }

    @Test
    @DisplayName("the manifests of messages never move")
    void manifestsAreFixed() {
        StringBuilder manifests = new StringBuilder();
        WireSamples.fixed().forEach(message -> manifests
                .append(serializer.manifest(message))
                .append(' ')
                .append(message.getClass().getSimpleName())
                .append('\n'));
        assertThat(manifests.toString()).isEqualTo("""
                        A OpenSession
                        B AddEntries
                        C ProbeSession
                        D CloseSession
                        E FenceLedger
                        F ReadEntries
                        G ReadLastAddConfirmed
                        H IdentifyBookie
                        I RecoveryAddEntries
                        J SubscribeLedger
                        K GrantCredit
                        L UnsubscribeLedger
                        M ConfirmDropped
                        a SessionOpened
                        c SessionRefused
                        b EntriesAdded
                        d SessionEnded
                        j BatchRefused
                        e LedgerFenced
                        f EntriesRead
                        g LastAddConfirmedRead
                        h BookieIdentified
                        k EntriesRecovered
                        o BatchReceived
                        l EntriesPushed
                        m DropsConfirmed
                        i RequestRefused
                        P Prepare
                        Q Accept
                        R ReadRegister
                        S ListRegisters
                        T DescribeVoter
                        U FoundCluster
                        V ActivateConfig
                        W SealVoter
                        X CopyRegisters
                        Y StoreCopies
                        Z CollectLedger
                        x RegistersCopied
                        y LedgerCollected
                        p Promised
                        q Accepted
                        w BallotRejected
                        r RegisterRead
                        s RegistersListed
                        t VoterDescribed
                        u ConfigStored
                        v VoterRefused
                        N Bundle
                        """);
    }

    @Test
    @DisplayName("the codes of refusals never move; new ones are added behind")
    void refusalCodesAreFixed() {
        assertThat(Refusal.values())
                .startsWith(
                        Refusal.WRONG_BOOKIE,
                        Refusal.UNKNOWN_SESSION,
                        Refusal.FENCED,
                        Refusal.NOT_OPEN,
                        Refusal.NO_SUCH_LEDGER,
                        Refusal.NOT_A_MEMBER,
                        Refusal.IN_LIMBO,
                        Refusal.READ_ONLY,
                        Refusal.OVERLOADED,
                        Refusal.UNAVAILABLE,
                        Refusal.DAMAGED,
                        Refusal.CONFLICTING_BYTES);
    }

    @ParameterizedTest
    @EnumSource(Refusal.class)
    @DisplayName("each refusal survives the way")
    void everyRefusal(Refusal refusal) throws Exception {
        RandomValues values = new RandomValues(2);
        WireMessage message = new BookieReply.SessionEnded(values.session(), refusal, "why");
        assertThat(serializer.fromBinary(serializer.toBinary(message), serializer.manifest(message)))
                .isEqualTo(message);
    }

    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13, 14})
    @DisplayName("random messages of all kinds come back equal, through arrays and through buffers of either order")
    void randomRoundTrips(long seed) throws Exception {
        RandomValues values = new RandomValues(seed);
        for (int round = 0; round < 100; round++) {
            for (WireMessage message : WireSamples.random(values)) {
                byte[] bytes = serializer.toBinary(message);
                assertThat(serializer.fromBinary(bytes, serializer.manifest(message)))
                        .isEqualTo(message);
                assertThat(throughBuffer(message, bytes, values.below(50), ByteOrder.LITTLE_ENDIAN))
                        .isEqualTo(message);
                assertThat(throughBuffer(message, bytes, values.below(50), ByteOrder.BIG_ENDIAN))
                        .isEqualTo(message);
            }
        }
    }

    @Test
    @DisplayName("what was read does not change when its buffer is reused")
    void readMessagesOwnTheirBytes() throws Exception {
        for (WireMessage message : WireSamples.fixed()) {
            byte[] bytes = serializer.toBinary(message);
            ByteBuffer frame =
                    ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
            Object read = serializer.fromBinary(frame, serializer.manifest(message));
            frame.clear();
            frame.put(new byte[frame.capacity()]);
            assertThat(read).isEqualTo(message);
        }
    }

    @Test
    @DisplayName("a message that does not fit overflows, and its buffer keeps its order")
    void overflow() {
        for (WireMessage message : WireSamples.fixed()) {
            int bytes = serializer.toBinary(message).length;
            ByteBuffer small = ByteBuffer.allocateDirect(bytes - 1).order(ByteOrder.LITTLE_ENDIAN);
            assertThatThrownBy(() -> serializer.toBinary(message, small)).isInstanceOf(BufferOverflowException.class);
            assertThat(small.order()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
        }
    }

    @Test
    @DisplayName("large batches, answers and values fit into an array at once")
    void largeMessages() throws Exception {
        Payload large = Payload.wrap(new byte[3 << 20]);
        LedgerId ledger = new LedgerId(1);
        List<Payload> encoded = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            encoded.add(EntryFormat.encode(ledger, i, -1, (long) (i + 1) * large.length(), large, DigestType.CRC32C));
        }
        EntryBatch batch = EntryBatch.of(encoded);
        RandomValues values = new RandomValues(3);
        WireMessage add = new BookieRequest.AddEntries(
                values.bookie(), List.of(new BookieRequest.Batch(values.session(), 1, batch.byteSize(), -1, batch)));
        assertThat(serializer.fromBinary(serializer.toBinary(add), "B")).isEqualTo(add);
    }

    @Test
    @DisplayName("a bundle holds neither nothing, nor another bundle, nor what is no message")
    void bundles() {
        RandomValues values = new RandomValues(4);
        WireMessage inner = new RegistryRequest.DescribeVoter(values.number());
        assertThatThrownBy(() -> new Bundle(List.of())).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Bundle(List.of(inner, new Bundle(List.of(inner)))))
                .isInstanceOf(IllegalArgumentException.class);
        byte[] bytes = serializer.toBinary(new Bundle(List.of(inner)));
        int letterAt = 1 + Integer.BYTES;
        assertThat(bytes[letterAt]).isEqualTo((byte) 'T');
        for (char other : new char[] {'N', '?'}) {
            bytes[letterAt] = (byte) other;
            assertThatThrownBy(() -> serializer.fromBinary(bytes, "N"))
                    .isInstanceOf(Fields.MalformedException.class)
                    .hasMessageContaining("'" + other + "'");
        }
    }

    @Test
    @DisplayName("what gathers is sent in order, in messages that fit into frames")
    void bundler() {
        Bundler bundler = new Bundler();
        assertThat(bundler.take()).isEmpty();
        WireMessage small = new RegistryRequest.DescribeVoter(1);
        bundler.add(small);
        assertThat(bundler.take()).containsExactly(small);
        List<WireMessage> many = new ArrayList<>();
        for (int i = 0; i < 5000; i++) {
            many.add(new RegistryRequest.DescribeVoter(i));
        }
        many.forEach(bundler::add);
        List<WireMessage> sent = bundler.take();
        assertThat(sent).hasSizeBetween(2, 20);
        assertThat(sent.stream().flatMap(message -> ((Bundle) message).messages().stream()))
                .containsExactlyElementsOf(many);
        assertThat(sent).allMatch(message -> serializer.toBinary(message).length < 300_000);
    }

    @Test
    @DisplayName("a manifest that no message has is named in the exception")
    void unknownManifest() {
        for (String manifest : new String[] {"", "z", "AA", "0", "\u00e9"}) {
            assertThatThrownBy(() -> serializer.fromBinary(new byte[] {1}, manifest))
                    .isInstanceOf(NotSerializableException.class)
                    .hasMessageContaining("'" + manifest + "'");
            assertThatThrownBy(() -> serializer.fromBinary(ByteBuffer.allocate(1), manifest))
                    .isInstanceOf(NotSerializableException.class);
        }
    }

    @Test
    @DisplayName("a version that is not known is named in the exception")
    void unknownVersion() {
        for (WireMessage message : WireSamples.fixed()) {
            byte[] bytes = serializer.toBinary(message);
            assertThat(bytes[0]).isEqualTo((byte) 1);
            bytes[0] = 2;
            assertThatThrownBy(() -> serializer.fromBinary(bytes, serializer.manifest(message)))
                    .isInstanceOf(Fields.MalformedException.class)
                    .hasMessage(message.getClass().getSimpleName() + " in format 2, of which only 1 is known");
        }
    }

    @Test
    @DisplayName("something that is no message is refused")
    void noMessage() {
        assertThatThrownBy(() -> serializer.manifest("text"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("java.lang.String is not a message of Quire");
        assertThatThrownBy(() -> serializer.toBinary("text")).isInstanceOf(IllegalArgumentException.class);
    }

    private Object throughBuffer(WireMessage message, byte[] bytes, int position, ByteOrder order) throws Exception {
        ByteBuffer buffer =
                ByteBuffer.allocateDirect(position + bytes.length + 40).order(order);
        buffer.position(position);
        serializer.toBinary(message, buffer);
        assertThat(buffer.order()).isEqualTo(order);
        assertThat(buffer.position()).isEqualTo(position + bytes.length);
        buffer.flip().position(position);
        byte[] written = new byte[buffer.remaining()];
        buffer.get(position, written);
        assertThat(written).isEqualTo(bytes);

        Object read = serializer.fromBinary(buffer, serializer.manifest(message));
        assertThat(buffer.order()).isEqualTo(order);
        assertThat(buffer.hasRemaining()).isFalse();
        return read;
    }

    private static List<Class<?>> classesOf(List<WireMessage> messages) {
        List<Class<?>> classes = new ArrayList<>();
        messages.forEach(message -> classes.add(message.getClass()));
        return classes;
    }
}
