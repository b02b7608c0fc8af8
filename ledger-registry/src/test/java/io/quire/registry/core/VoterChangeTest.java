package io.quire.registry.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.Ballot;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.VoterId;
import io.quire.registry.core.VoterChange.Ask;
import io.quire.registry.core.VoterChange.Copied;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class VoterChangeTest {
    private static final long RESEND = 100;
    private static final RegistryConfig FIRST = config(1, 1, 2, 3);

    private final Map<VoterId, Model> voters = new TreeMap<>();
    private final Set<VoterId> down = new HashSet<>();
    private final List<Ask> carriedOut = new ArrayList<>();
    private long now;

    /** A voter with pages of one register. */
    private static final class Model {
        private VoterState state;
        private final TreeMap<RegistryKey, Acceptor.State> registers = new TreeMap<>();

        Model(VoterState state) {
            this.state = state;
        }
    }

    VoterChangeTest() {
        for (long id = 1; id <= 6; id++) {
            VoterState free = VoterState.formatted(voter(id));
            VoterState state = FIRST.voters().contains(voter(id))
                    ? free.found(FIRST).state().activate(FIRST).state()
                    : free;
            voters.put(voter(id), new Model(state));
        }
    }

    @Test
    @DisplayName("R5: each new voter has the highest ballot and promise of a whole sealed majority, then serves")
    void replaces() {
        put(1, "/a", 5, 5);
        put(2, "/a", 9, 3);
        put(3, "/a", 7, 7);
        put(1, "/b", 4, 4);
        put(3, "/c", 2, 2);
        RegistryConfig next = FIRST.changedTo(List.of(voter(2), voter(3), voter(4)));
        VoterChange change = new VoterChange(next, RESEND);
        play(change, 40);
        assertThat(change.isOver()).isTrue();
        for (VoterId voter : next.voters()) {
            assertThat(voters.get(voter).state.config()).contains(next);
            assertThat(voters.get(voter).state.isActive()).isTrue();
        }
        assertThat(voters.get(voter(1)).state.isActive()).isFalse();
        Acceptor.State copied = voters.get(voter(4)).registers.get(new RegistryKey("/a"));
        assertThat(copied.accepted().counter()).isGreaterThanOrEqualTo(5);
        assertThat(copied.promised().counter()).isEqualTo(9);
    }

    @Test
    @DisplayName("R5: the old voters are not sealed before a majority of the next config could go on")
    void waitsForMajority() {
        RegistryConfig next = FIRST.changedTo(List.of(voter(3), voter(4), voter(5)));
        down.addAll(List.of(voter(4), voter(5)));
        VoterChange change = new VoterChange(next, RESEND);
        play(change, 40);
        assertThat(carriedOut).isEmpty();
        assertThat(voters.get(voter(1)).state.isActive()).isTrue();
        down.clear();
        play(change, 40);
        assertThat(change.isOver()).isTrue();
    }

    @Test
    @DisplayName("R5: with one old voter gone the change goes on; without a majority of the old ones it waits")
    void needsSealedMajority() {
        RegistryConfig next = FIRST.changedTo(List.of(voter(4), voter(5), voter(6)));
        down.addAll(List.of(voter(1), voter(2)));
        VoterChange change = new VoterChange(next, RESEND);
        play(change, 40);
        assertThat(change.activeCount()).isZero();
        down.remove(voter(2));
        play(change, 40);
        assertThat(change.isOver()).isTrue();
    }

    @Test
    @DisplayName("R5: a voter that was away copies from one that serves, when the old voters are gone")
    void latecomer() {
        put(1, "/a", 5, 5);
        put(2, "/a", 5, 5);
        RegistryConfig next = FIRST.changedTo(List.of(voter(4), voter(5), voter(6)));
        down.add(voter(6));
        VoterChange first = new VoterChange(next, RESEND);
        play(first, 40);
        assertThat(first.isActive()).isTrue();
        assertThat(first.isOver()).isFalse();
        down.clear();
        down.addAll(FIRST.voters());
        VoterChange second = new VoterChange(next, RESEND);
        play(second, 40);
        assertThat(second.isOver()).isTrue();
        assertThat(voters.get(voter(6)).registers).isEqualTo(voters.get(voter(4)).registers);
    }

    @Test
    @DisplayName("R5: whoever stops half way, anywhere, another one goes on")
    void resumes() {
        RegistryConfig next = FIRST.changedTo(List.of(voter(1), voter(4)));
        for (int steps = 0; steps < 12; steps++) {
            VoterChangeTest test = new VoterChangeTest();
            test.put(1, "/a", 5, 5);
            test.put(2, "/b", 6, 6);
            test.put(3, "/b", 6, 6);
            VoterChange left = new VoterChange(next, RESEND);
            test.play(left, steps);
            VoterChange other = new VoterChange(next, RESEND);
            test.play(other, 40);
            assertThat(other.isOver()).as("after %d steps", steps).isTrue();
            assertThat(test.voters.get(voter(4)).registers).containsKey(new RegistryKey("/b"));
        }
    }

    @Test
    @DisplayName("R5: who meets voters beyond the config stops")
    void superseded() {
        RegistryConfig next = FIRST.changedTo(List.of(voter(1), voter(4)));
        VoterChange change = new VoterChange(next, RESEND);
        VoterState beyond = VoterState.formatted(voter(4))
                .seal(next.changedTo(List.of(voter(4))))
                .state();
        assertThat(change.described(voter(4), beyond.config(), beyond.isActive(), beyond.next(), now))
                .isEmpty();
        assertThat(change.isOver()).isTrue();
    }

    /** Carries out at most {@code asks} requests; voters say who they are now and then. */
    private void play(VoterChange change, int asks) {
        Deque<Ask> waiting = new ArrayDeque<>();
        int left = asks;
        for (int round = 0; round < 60; round++) {
            now += RESEND;
            for (Map.Entry<VoterId, Model> voter : voters.entrySet()) {
                if (!down.contains(voter.getKey())) {
                    VoterState state = voter.getValue().state;
                    waiting.addAll(
                            change.described(voter.getKey(), state.config(), state.isActive(), state.next(), now));
                }
            }
            waiting.addAll(change.tick(now));
            while (!waiting.isEmpty()) {
                Ask ask = waiting.poll();
                if (!down.contains(ask.to()) && left-- > 0) {
                    waiting.addAll(carryOut(change, ask));
                }
            }
        }
    }

    private List<Ask> carryOut(VoterChange change, Ask ask) {
        carriedOut.add(ask);
        Model voter = voters.get(ask.to());
        RegistryConfig next = change.next();
        boolean granted;
        if (ask instanceof Ask.Copy copy) {
            if (voter.state.refusalOfCopying(next).isPresent()) {
                return change.refused(ask, now);
            }
            var behind = copy.after()
                    .map(after -> voter.registers.tailMap(after, false))
                    .orElse(voter.registers);
            List<Copied> page = behind.entrySet().stream()
                    .limit(1)
                    .map(register -> new Copied(register.getKey(), register.getValue()))
                    .toList();
            Optional<RegistryKey> further =
                    behind.size() > 1 ? Optional.of(page.get(0).key()) : Optional.empty();
            return change.copied(copy, new VoterChange.Page(page, List.of(), further), now);
        } else if (ask instanceof Ask.Store store) {
            granted = voter.state.refusalOfCopies(next).isEmpty();
            if (granted) {
                store.page()
                        .registers()
                        .forEach(register -> voter.registers.merge(register.key(), register.state(), Acceptor::merge));
            }
        } else {
            VoterState.Step step = ask instanceof Ask.Seal ? voter.state.seal(next) : voter.state.activate(next);
            voter.state = step.state();
            granted = step.granted();
        }
        return granted ? change.done(ask, now) : change.refused(ask, now);
    }

    private void put(long voter, String key, long promised, long accepted) {
        RegisterValue value =
                RegisterValue.ABSENT.changedTo(Payload.ofUtf8("v" + accepted), new OpId(new UUID(1, accepted)));
        voters.get(voter(voter))
                .registers
                .put(new RegistryKey(key), new Acceptor.State(ballot(promised), ballot(accepted), value));
    }

    private static Ballot ballot(long counter) {
        return new Ballot(counter, new ProposerId(new UUID(0, 1)));
    }

    private static RegistryConfig config(long epoch, long... ids) {
        return new RegistryConfig(
                epoch,
                "c",
                "id",
                LongStream.of(ids).mapToObj(VoterChangeTest::voter).toList());
    }

    private static VoterId voter(long id) {
        return new VoterId(new UUID(0, id));
    }
}
