package io.quire.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.Ballot;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.RegistryVoters.Change;
import io.quire.protocol.VoterId;
import io.quire.protocol.wire.RegistryReply;
import io.quire.protocol.wire.RegistryRequest;
import io.quire.registry.core.Acceptor;
import io.quire.registry.core.Effect.Outcome;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** One client and one voter that answers at once. */
class RegistryOperationsTest {
    private static final VoterId VOTER = new VoterId(new UUID(0, 1));
    private static final RegistryConfig CONFIG = RegistryConfig.founding("c", List.of(VOTER));
    private static final RegistrySettings SETTINGS = new RegistrySettings(
            Duration.ofSeconds(1), Duration.ofMillis(100), Duration.ofMillis(5), 2, 2, 10, Duration.ofSeconds(1));

    private final Deque<RegistryRequest> requests = new ArrayDeque<>();
    private final Map<RegistryKey, Acceptor.State> states = new HashMap<>();
    private final Set<String> ballots = new HashSet<>();
    private final List<Outcome> outcomes = new ArrayList<>();
    private long now = Long.MAX_VALUE - 1;
    private long lastProposer;
    private final RegistryOperations operations = new RegistryOperations(
            SETTINGS,
            () -> new ProposerId(new UUID(0, ++lastProposer)),
            () -> now,
            (voter, request) -> requests.add(request));

    @Test
    @DisplayName("what comes before the config is known waits for it, up to its deadline and the limit")
    void waits() {
        for (int i = 0; i < 3; i++) {
            operations.read(key(i), outcomes::add);
        }
        assertThat(outcomes).hasSize(1).first().isInstanceOf(Outcome.Unavailable.class);
        now += SETTINGS.operationTimeout().toNanos();
        operations.tick();
        assertThat(outcomes).hasSize(3).allMatch(outcome -> outcome instanceof Outcome.Unavailable);
        operations.read(key(0), outcomes::add);
        operations.configFound(CONFIG);
        serve();
        assertThat(outcomes.get(3)).isInstanceOf(Outcome.ReadValue.class);
    }

    @Test
    @DisplayName("R1: with more registers than are remembered every operation ends, and no ballot is used twice")
    void forgetsIdle() {
        operations.configFound(CONFIG);
        for (int i = 0; i < 40; i++) {
            int round = i / 8;
            operations.compareAndSet(
                    key(i % 8), round, Payload.ofUtf8("v" + i), new OpId(new UUID(1, i)), outcomes::add);
            serve();
            assertThat(outcomes).hasSize(i + 1);
            assertThat(outcomes.get(i))
                    .isInstanceOfSatisfying(Outcome.Applied.class, applied -> assertThat(applied.version())
                            .isEqualTo(round + 1));
        }
    }

    @Test
    @DisplayName("R2: an answer to a proposer that was forgotten is not taken for one to its successor")
    void forgottenProposersAnswer() {
        operations.configFound(CONFIG);
        operations.read(key(0), outcomes::add);
        RegistryReply late = answer(requests.poll());
        now += SETTINGS.resendInterval().toNanos();
        operations.tick();
        serve();
        operations.compareAndSet(key(0), 0, Payload.ofUtf8("v"), new OpId(new UUID(1, 1)), outcomes::add);
        serve();
        for (int i = 1; i < 5; i++) {
            operations.read(key(i), outcomes::add);
            serve();
        }
        List<Outcome> again = new ArrayList<>();
        operations.read(key(0), again::add);
        operations.replied(late);
        assertThat(again).isEmpty();
        serve();
        assertThat(again).singleElement().isInstanceOfSatisfying(Outcome.ReadValue.class, read -> assertThat(
                        read.value().version())
                .isEqualTo(1));
    }

    @Test
    @DisplayName("R5: a newer config starts what is under way anew with its voters; one of another cluster is ignored")
    void newerConfig() {
        operations.configFound(CONFIG);
        operations.read(key(0), outcomes::add);
        RegistryReply late = answer(requests.poll());
        RegistryConfig foreign =
                RegistryConfig.founding("other", List.of(VOTER)).changedTo(List.of(VOTER));
        operations.voterDescribed(
                new RegistryReply.VoterDescribed(VOTER, 1, Optional.of(foreign), true, Optional.empty()));
        assertThat(operations.config()).contains(CONFIG);
        RegistryConfig next = CONFIG.changedTo(List.of(VOTER));
        operations.voterDescribed(
                new RegistryReply.VoterDescribed(VOTER, 1, Optional.of(next), true, Optional.empty()));
        assertThat(operations.config()).contains(next);
        operations.replied(late);
        assertThat(outcomes).isEmpty();
        assertThat(requests)
                .singleElement()
                .isInstanceOfSatisfying(RegistryRequest.ReadRegister.class, read -> assertThat(read.configEpoch())
                        .isEqualTo(2));
        serve();
        assertThat(outcomes).hasSize(1);
    }

    @Test
    @DisplayName("R5: a voter that answered before a change was asked for, and not since, is not counted for it")
    void voterThatFellSilent() {
        VoterId other = new VoterId(new UUID(0, 2));
        operations.configFound(CONFIG);
        describe(VOTER, Optional.of(CONFIG));
        describe(other, Optional.empty());
        now++;
        List<Change> changes = new ArrayList<>();
        operations.changeVoters(List.of(VOTER, other), new OpId(new UUID(1, 1)), true, changes::add);
        describe(VOTER, Optional.of(CONFIG));
        now += SETTINGS.operationTimeout().toNanos();
        operations.tick();
        assertThat(changes).singleElement().isInstanceOfSatisfying(Change.Refused.class, refused -> assertThat(
                        refused.reason())
                .contains(other + " is not known here"));
    }

    private void describe(VoterId voter, Optional<RegistryConfig> config) {
        operations.voterDescribed(
                new RegistryReply.VoterDescribed(voter, 1, config, config.isPresent(), Optional.empty()));
    }

    @Test
    @DisplayName("a list that nobody answers is asked again and ends at its deadline")
    void listDeadline() {
        operations.configFound(CONFIG);
        List<RegistryOperations.Listed> listed = new ArrayList<>();
        operations.list("/", Optional.empty(), 5, listed::add);
        now += SETTINGS.resendInterval().toNanos();
        operations.tick();
        assertThat(requests).hasSize(2).allMatch(request -> request instanceof RegistryRequest.ListRegisters);
        now += SETTINGS.operationTimeout().toNanos();
        operations.tick();
        assertThat(listed).hasSize(1);
        assertThat(listed.get(0).page()).isEmpty();
    }

    private void serve() {
        for (int i = 0; i < 100 && (!requests.isEmpty() || i < 3); i++) {
            while (!requests.isEmpty()) {
                operations.replied(answer(requests.poll()));
            }
            now += SETTINGS.resendInterval().toNanos() / 10;
            operations.tick();
        }
    }

    private RegistryReply answer(RegistryRequest request) {
        if (request instanceof RegistryRequest.Prepare prepare) {
            Acceptor.Step step = Acceptor.prepare(stateOf(prepare.key()), prepare.ballot());
            states.put(prepare.key(), step.state());
            return step.agreed()
                    ? new RegistryReply.Promised(
                            VOTER,
                            prepare.requestId(),
                            prepare.ballot(),
                            step.state().accepted(),
                            step.state().value())
                    : rejected(prepare.requestId(), prepare.ballot(), step);
        } else if (request instanceof RegistryRequest.Accept accept) {
            assertThat(ballots.add(accept.key() + " " + accept.ballot())).isTrue();
            Acceptor.Step step = Acceptor.accept(stateOf(accept.key()), accept.ballot(), accept.value(), accept.next());
            states.put(accept.key(), step.state());
            return step.agreed()
                    ? new RegistryReply.Accepted(VOTER, accept.requestId(), accept.ballot())
                    : rejected(accept.requestId(), accept.ballot(), step);
        } else if (request instanceof RegistryRequest.ReadRegister read) {
            Acceptor.State state = stateOf(read.key());
            return new RegistryReply.RegisterRead(VOTER, read.requestId(), state.accepted(), state.value());
        }
        throw new IllegalArgumentException("not expected: " + request);
    }

    private static RegistryReply rejected(long requestId, Ballot ballot, Acceptor.Step step) {
        return new RegistryReply.BallotRejected(
                VOTER, requestId, ballot, step.state().promised());
    }

    private Acceptor.State stateOf(RegistryKey key) {
        return states.getOrDefault(key, Acceptor.State.INITIAL);
    }

    private static RegistryKey key(int number) {
        return new RegistryKey("/t/" + number);
    }
}
