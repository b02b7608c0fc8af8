package io.quire.bootstrap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.client.LedgerClient;
import io.quire.client.LedgerWriterActor;
import io.quire.client.ReadHandle;
import io.quire.client.WriteHandle;
import io.quire.protocol.DigestType;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import io.quire.protocol.Payload;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Passwords and digest types, through a whole node. */
class PasswordsTest {
    private static final byte[] PASSWORD = "open sesame".getBytes(StandardCharsets.UTF_8);
    private static final byte[] NONE = {};
    private static final List<byte[]> WRONG = List.of(NONE, "open barley".getBytes(StandardCharsets.UTF_8));

    @TempDir
    private static Path directory;

    private static QuireNode node;
    private static LedgerClient client;

    @BeforeAll
    static void start() {
        node = QuireNode.start(Standalone.prepare(directory.resolve("data"), 3, 0, 0));
        client = node.client();
    }

    @AfterAll
    static void stop() {
        node.close();
    }

    private static <T> T get(CompletionStage<T> stage) {
        return stage.toCompletableFuture().join();
    }

    private static WriteHandle create(byte[] password, DigestType digest) {
        return get(client.newCreateLedgerOp()
                .withPassword(password)
                .withDigestType(digest)
                .execute());
    }

    private static LedgerClient.OpenBuilder open(LedgerId ledgerId, byte[] password, boolean recovery) {
        return client.newOpenLedgerOp()
                .withLedgerId(ledgerId)
                .withPassword(password)
                .withRecovery(recovery);
    }

    private static void assertUnauthorized(CompletionStage<?> stage) {
        assertFailure(stage, Code.Unauthorized);
    }

    private static void assertFailure(CompletionStage<?> stage, Code code) {
        assertThatThrownBy(() -> get(stage))
                .isInstanceOf(CompletionException.class)
                .cause()
                .isInstanceOfSatisfying(LedgerException.class, failure -> {
                    assertThat(failure.code()).isEqualTo(code);
                    assertThat(failure.outcome()).isEqualTo(Outcome.NOT_APPLIED);
                });
    }

    @ParameterizedTest
    @EnumSource(DigestType.class)
    @DisplayName("H99: with each digest, who has no password changes nothing, and who has it recovers and reads")
    void eachDigest(DigestType digest) {
        try (WriteHandle writer = create(PASSWORD, digest)) {
            LedgerId ledgerId = writer.getId();
            get(writer.appendAsync(Payload.ofUtf8("one")));
            for (byte[] wrong : WRONG) {
                assertUnauthorized(open(ledgerId, wrong, false).execute());
                assertUnauthorized(open(ledgerId, wrong, true).execute());
                assertUnauthorized(client.recover(ledgerId, wrong));
            }
            assertUnauthorized(client.recover(ledgerId));
            for (DigestType other : DigestType.values()) {
                if (other != digest) {
                    assertUnauthorized(
                            open(ledgerId, PASSWORD, true).withDigestType(other).execute());
                }
            }
            assertThat(get(client.getLedgerMetadata(ledgerId)).value().state()).isEqualTo(LedgerState.OPEN);
            assertThat(get(writer.appendAsync(Payload.ofUtf8("two")))).isEqualTo(1);

            ReadHandle reader =
                    get(open(ledgerId, PASSWORD, true).withDigestType(digest).execute());
            assertThat(reader.isClosed()).isTrue();
            assertThat(get(reader.readAsync(0, 1)).entries())
                    .extracting(entry -> entry.payload().toUtf8())
                    .containsExactly("one", "two");
            LedgerMetadata closed = reader.getLedgerMetadata().value();
            assertThat(closed.digest()).isEqualTo(digest);
            assertThat(closed.hasPassword()).isTrue();
            assertThat(closed.lastEntryId()).isEqualTo(1);
        }
    }

    @Test
    @DisplayName("H99: a writer of the actor API makes a ledger with a password; without one it cannot have an HMAC")
    void actorApi() {
        LedgerClient.CreateBuilder guarded = client.newCreateLedgerOp().withDigestType(DigestType.HMAC_SHA256);
        assertThatThrownBy(guarded::writer).isInstanceOf(LedgerException.class);
        ActorSystem<?> system = node.system();
        ActorRef<LedgerWriterActor.Command> writer =
                system.systemActorOf(guarded.withPassword(PASSWORD).writer(), "guarded-writer", Props.empty());
        LedgerWriterActor.AppendResult result =
                get(AskPattern.<LedgerWriterActor.Command, LedgerWriterActor.AppendResult>ask(
                        writer,
                        replyTo -> new LedgerWriterActor.Append(Payload.ofUtf8("one"), replyTo),
                        Duration.ofSeconds(20),
                        system.scheduler()));
        LedgerId ledgerId = ((LedgerWriterActor.Appended) result).ledgerId();
        WRONG.forEach(wrong -> assertUnauthorized(open(ledgerId, wrong, true).execute()));
        assertThat(get(open(ledgerId, PASSWORD, true).execute()).getLastAddConfirmed())
                .isZero();
        writer.tell(LedgerWriterActor.Close.INSTANCE);
    }

    @Test
    @DisplayName("a writer seals a ledger with a password, and it is read with it")
    void seal() {
        try (WriteHandle writer = create(PASSWORD, DigestType.HMAC_SHA256)) {
            get(writer.appendAsync(Payload.ofUtf8("one")));
            assertThat(get(writer.sealAsync()).incomplete()).isEmpty();
            assertThat(get(writer.readAsync(0, 0)).entries()).hasSize(1);
            ReadHandle reader = get(open(writer.getId(), PASSWORD, false).execute());
            assertThat(get(reader.readAsync(0, 0)).entries()).hasSize(1);
        }
    }

    @Test
    @DisplayName("an HMAC needs a password; a ledger without a password opens with none alone")
    void noPassword() {
        assertFailure(
                client.newCreateLedgerOp()
                        .withDigestType(DigestType.HMAC_SHA256)
                        .execute(),
                Code.InvalidRequest);
        try (WriteHandle writer = create(NONE, DigestType.CRC32)) {
            get(writer.appendAsync(Payload.ofUtf8("one")));
            assertUnauthorized(open(writer.getId(), PASSWORD, false).execute());
            assertThat(get(open(writer.getId(), NONE, true).execute()).isClosed())
                    .isTrue();
        }
    }
}
