package io.quire.registry.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.Ballot;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.VoterId;
import io.quire.registry.core.Effect.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** One proposer against three voters whose messages the test carries, or loses. */
class RegisterProposerTest {
    private static final long DEADLINE = 1_000;
    private static final List<VoterId> VOTERS = List.of(voter(1), voter(2), voter(3));
    private static final RegistryConfig CONFIG = RegistryConfig.founding("c", VOTERS);

    private final TreeMap<VoterId, Acceptor.State> states = new TreeMap<>();
    private final RegisterProposer proposer = newProposer(7);
    private final List<Outcome> outcomes = new ArrayList<>();
    private long lastToken;

    RegisterProposerTest() {
        VOTERS.forEach(voter -> states.put(voter, Acceptor.State.INITIAL));
    }

    @Test
    @DisplayName("a change prepares and accepts; the next one skips the prepare on the promise that is held (R1)")
    void skipsOnce() {
        List<Effect> prepares = cas(proposer, 0, "a", 1);
        assertThat(prepares).hasSize(3).allMatch(effect -> effect instanceof Effect.SendPrepare);
        deliverAll(proposer, prepares, VOTERS);
        List<Effect> accepts = cas(proposer, 1, "b", 2);
        assertThat(accepts).hasSize(3).allMatch(effect -> effect instanceof Effect.SendAccept);
        deliverAll(proposer, accepts, VOTERS);
        assertThat(outcomes).extracting(RegisterProposerTest::versionOf).containsExactly(1L, 2L);
    }

    @Test
    @DisplayName("R1: a held promise is used once: after a skip that got no answer the next change prepares")
    void skipNotTwice() {
        deliverAll(proposer, cas(proposer, 0, "a", 1), VOTERS);
        cas(proposer, 1, "lost", 2);
        collect(proposer.tick(DEADLINE));
        assertThat(outcomes.get(1)).isInstanceOf(Outcome.Unknown.class);
        assertThat(proposer.compareAndSet(9, 1, Payload.ofUtf8("b"), op(3), 2 * DEADLINE, DEADLINE))
                .allMatch(effect -> effect instanceof Effect.SendPrepare);
    }

    @Test
    @DisplayName("R1: a late nack makes the held promise void")
    void voidAfterNack() {
        deliverAll(proposer, cas(proposer, 0, "a", 1), VOTERS.subList(0, 2));
        Effect.SendAccept last = lastAccept;
        collect(proposer.rejected(voter(3), last.round(), last.ballot(), ballot(99, 1), 0));
        assertThat(cas(proposer, 1, "b", 2))
                .allMatch(effect -> effect instanceof Effect.SendPrepare prepare
                        && ballot(99, 1).isBelow(prepare.ballot()));
    }

    @Test
    @DisplayName("R5, R1: a new config makes the held promise void, and its ballots are above all older ones")
    void voidAfterConfigChange() {
        deliverAll(proposer, cas(proposer, 0, "a", 1), VOTERS);
        assertThat(proposer.configChanged(CONFIG.changedTo(VOTERS.subList(0, 1)), 0))
                .isEmpty();
        List<Effect> effects = cas(proposer, 1, "b", 2);
        assertThat(effects).singleElement().isInstanceOfSatisfying(Effect.SendPrepare.class, prepare -> assertThat(
                        prepare.ballot().epoch())
                .isEqualTo(2));
        deliverAll(proposer, effects, VOTERS);
        assertThat(versionOf(outcomes.get(1))).isEqualTo(2);
    }

    @Test
    @DisplayName(
            "R5, R2: a change whose accept went out in the old epoch is resolved by prepare and accept in the new one")
    void ambiguousOverConfigChange() {
        List<Effect> accepts = new ArrayList<>();
        for (Effect prepare : cas(proposer, 0, "a", 1)) {
            accepts.addAll(collect(answer(proposer, prepare, VOTERS)));
        }
        accepts.forEach(accept -> answer(newProposer(9), accept, VOTERS.subList(2, 3)));
        RegistryConfig next = CONFIG.changedTo(VOTERS.subList(0, 2));
        List<Effect> again = collect(proposer.configChanged(next, 0));
        assertThat(again).hasSize(2).allMatch(effect -> effect instanceof Effect.SendPrepare);
        assertThat(outcomes).isEmpty();
        assertThat(proposer.accepted(voter(1), lastAccept.round(), lastAccept.ballot(), 0))
                .isEmpty();
        deliverAll(proposer, again, VOTERS);
        assertThat(outcomes).hasSize(1);
        assertThat(versionOf(outcomes.get(0))).isEqualTo(1);
    }

    @Test
    @DisplayName(
            "R5, R2: what voters copied from an older epoch is answered only after a majority accepted it in this one")
    void copiedIsNoProof() {
        deliverAll(proposer, cas(proposer, 0, "a", 1), VOTERS);
        RegisterProposer reader = newProposer(8);
        reader.configChanged(CONFIG.changedTo(VOTERS.subList(0, 2)), 0);
        List<Effect> reads = reader.read(++lastToken, DEADLINE, 0);
        List<Effect> sent = new ArrayList<>(reads);
        reads.forEach(read -> sent.addAll(collect(answer(reader, read, VOTERS))));
        assertThat(outcomes).hasSize(1);
        assertThat(sent).anyMatch(effect -> effect instanceof Effect.SendPrepare);
        deliverAll(
                reader,
                sent.stream().filter(e -> e instanceof Effect.SendPrepare).toList(),
                VOTERS);
        assertThat(outcomes.get(1)).isInstanceOf(Outcome.ReadValue.class);
        assertThat(states.get(voter(1)).accepted().epoch()).isEqualTo(2);
    }

    @Test
    @DisplayName("R5: what a minority had accepted before the change never outranks what is decided after it")
    void copiedMinority() {
        RegisterValue chosen = RegisterValue.ABSENT.changedTo(Payload.ofUtf8("w"), op(1));
        RegisterValue minority = chosen.changedTo(Payload.ofUtf8("x"), op(2));
        // The copies of voters 1 and 2 come from a majority without voter 3, which accepted x at a high ballot.
        states.put(voter(1), new Acceptor.State(ballot(50, 1), ballot(50, 1), chosen));
        states.put(voter(2), new Acceptor.State(ballot(50, 1), ballot(50, 1), chosen));
        states.put(voter(3), new Acceptor.State(ballot(100, 1), ballot(100, 1), minority));
        RegistryConfig next = CONFIG.changedTo(VOTERS);
        proposer.configChanged(next, 0);
        deliverAll(proposer, cas(proposer, 1, "v", 3), VOTERS.subList(0, 2));
        assertThat(versionOf(outcomes.get(0))).isEqualTo(2);
        RegisterProposer reader = newProposer(8);
        reader.configChanged(next, 0);
        List<Effect> prepares = new ArrayList<>();
        for (Effect read : reader.read(++lastToken, DEADLINE, 0)) {
            prepares.addAll(collect(answer(reader, read, VOTERS.subList(1, 3))));
        }
        prepares.addAll(collect(reader.tick(100)));
        deliverAll(reader, prepares, VOTERS.subList(1, 3));
        assertThat(outcomes.get(1)).isInstanceOfSatisfying(Outcome.ReadValue.class, read -> assertThat(
                        read.value().value())
                .isEqualTo(Payload.ofUtf8("v")));
    }

    @Test
    @DisplayName("R1: no ballot is ever proposed with two values")
    void ballotsAreFresh() {
        List<Ballot> ballots = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            deliverAll(proposer, cas(proposer, i, "v" + i, i + 1), VOTERS);
            ballots.add(lastAccept.ballot());
            if (i % 3 == 0) {
                deliverAll(proposer, proposer.read(++lastToken, DEADLINE, 0), VOTERS);
            }
        }
        assertThat(ballots).doesNotHaveDuplicates().isSorted();
    }

    @Test
    @DisplayName("a writer's skip does not overwrite what another proposer has registered in between")
    void skipMeetsAnother() {
        deliverAll(proposer, cas(proposer, 0, "a", 1), VOTERS);
        RegisterProposer other = newProposer(3);
        deliverAll(other, collect(other.compareAndSet(50, 1, Payload.ofUtf8("theirs"), op(9), DEADLINE, 0)), VOTERS);
        // Their first ballot was too low; the second is above the promise that the first proposer holds.
        deliverAll(other, collect(other.tick(900)), VOTERS);
        List<Effect> skip = cas(proposer, 1, "mine", 2);
        deliverAll(proposer, skip, VOTERS);
        deliverAll(proposer, collect(proposer.tick(900)), VOTERS);
        assertThat(outcomes.get(outcomes.size() - 1))
                .isInstanceOfSatisfying(Outcome.Conflict.class, conflict -> assertThat(
                                conflict.current().value().toUtf8())
                        .isEqualTo("theirs"));
    }

    @Test
    @DisplayName("R2: a read answers at once when a majority accepted at the same ballot")
    void readAtOnce() {
        deliverAll(proposer, cas(proposer, 0, "a", 1), VOTERS);
        List<Effect> reads = collect(proposer.read(++lastToken, DEADLINE, 0));
        assertThat(reads).hasSize(3).allMatch(effect -> effect instanceof Effect.SendRead);
        deliverAll(proposer, reads, VOTERS.subList(1, 3));
        assertThat(outcomes.get(1)).isEqualTo(new Outcome.ReadValue(lastAccept.value()));
    }

    @Test
    @DisplayName("R2: equal values at different ballots are not enough for a read; it makes one of them chosen")
    void readNeedsTheSameBallot() {
        RegisterValue value = RegisterValue.ABSENT.changedTo(Payload.ofUtf8("x"), op(1));
        for (int i = 1; i <= 3; i++) {
            states.put(voter(i), new Acceptor.State(ballot(i, i), ballot(i, i), value));
        }
        List<Effect> afterReads = deliver(proposer, collect(proposer.read(++lastToken, DEADLINE, 0)), VOTERS);
        assertThat(afterReads).allMatch(effect -> effect instanceof Effect.SendPrepare);
        assertThat(outcomes).isEmpty();
        deliverAll(proposer, afterReads, VOTERS);
        assertThat(outcomes).containsExactly(new Outcome.ReadValue(value));
        assertThat(states.values()).extracting(Acceptor.State::accepted).containsOnly(lastAccept.ballot());
    }

    @Test
    @DisplayName("R2: a change whose accept may have arrived ends as unknown, one that never sent it as unavailable")
    void ambiguity() {
        List<Effect> accepts = deliver(proposer, cas(proposer, 0, "a", 1), VOTERS);
        assertThat(accepts).allMatch(effect -> effect instanceof Effect.SendAccept);
        collect(proposer.tick(DEADLINE));
        assertThat(outcomes).hasSize(1).first().isInstanceOf(Outcome.Unknown.class);
        collect(proposer.compareAndSet(++lastToken, 0, Payload.ofUtf8("b"), op(2), 2 * DEADLINE, DEADLINE));
        collect(proposer.tick(2 * DEADLINE));
        assertThat(outcomes.get(1)).isInstanceOf(Outcome.Unavailable.class);
    }

    @Test
    @DisplayName("R2, H85: a retry with the same opId finds its own write, whoever completed it")
    void retryFindsItself() {
        List<Effect> accepts = deliver(proposer, cas(proposer, 0, "a", 1), VOTERS);
        deliverAll(proposer, accepts.subList(0, 1), VOTERS);
        collect(proposer.tick(DEADLINE));
        RegisterProposer retrying = newProposer(8);
        deliverAll(
                retrying,
                collect(retrying.compareAndSet(60, 0, Payload.ofUtf8("a"), op(1), 2 * DEADLINE, DEADLINE)),
                List.of(voter(1), voter(2)));
        // Its first ballot was too low.
        deliverAll(retrying, collect(retrying.tick(DEADLINE + 900)), List.of(voter(1), voter(2)));
        assertThat(outcomes.get(1))
                .isInstanceOfSatisfying(Outcome.Applied.class, applied -> assertThat(applied.version())
                        .isEqualTo(1));
    }

    @Test
    @DisplayName(
            "R2: below the expected version a conflict is answered only after an accept above every earlier ballot")
    void conflictBelowExpected() {
        deliverAll(proposer, cas(proposer, 0, "a", 1), VOTERS);
        RegisterProposer ahead = newProposer(9);
        ahead.rejected(voter(1), 0, Ballot.ZERO, ballot(40, 1), 0);
        List<Effect> next =
                deliver(ahead, collect(ahead.compareAndSet(70, 5, Payload.ofUtf8("x"), op(5), DEADLINE, 0)), VOTERS);
        assertThat(next).allMatch(effect -> effect instanceof Effect.SendAccept);
        deliverAll(ahead, next, VOTERS);
        assertThat(outcomes.get(1)).isInstanceOf(Outcome.Conflict.class);
    }

    @Test
    @DisplayName("R2: a retry that is older than the remembered writes is answered unknown")
    void tooOld() {
        for (int i = 0; i < RegisterValue.RECENT_MAX + 2; i++) {
            deliverAll(proposer, cas(proposer, i, "v" + i, i + 1), VOTERS);
        }
        deliverAll(proposer, cas(proposer, 0, "v0", 1), VOTERS);
        assertThat(outcomes.get(outcomes.size() - 1)).isInstanceOf(Outcome.Unknown.class);
    }

    @Test
    @DisplayName("lost messages are sent again to those that did not answer")
    void resends() {
        List<Effect> prepares = cas(proposer, 0, "a", 1);
        deliverAll(proposer, prepares, VOTERS.subList(0, 1));
        assertThat(proposer.tick(99)).isEmpty();
        assertThat(proposer.tick(100))
                .extracting(effect -> ((Effect.SendPrepare) effect).to())
                .containsExactly(voter(2), voter(3));
    }

    @Test
    @DisplayName("one that lost leaps over the ballots of those that went on while it waited")
    void leaps() {
        List<Effect> prepares = cas(proposer, 0, "a", 1);
        Effect.SendPrepare first = (Effect.SendPrepare) prepares.get(0);
        collect(proposer.rejected(voter(1), first.round(), first.ballot(), ballot(10, 1), 0));
        Effect.SendPrepare again = (Effect.SendPrepare) proposer.tick(900).get(0);
        assertThat(again.ballot().counter()).isGreaterThan(11);
    }

    @Test
    @DisplayName("operations wait for their turn, at most as many as allowed")
    void waiting() {
        List<Effect> first = cas(proposer, 0, "a", 1);
        assertThat(cas(proposer, 1, "b", 2)).isEmpty();
        assertThat(cas(proposer, 2, "c", 3)).isEmpty();
        collect(proposer.read(++lastToken, DEADLINE, 0));
        assertThat(outcomes).hasSize(1).first().isInstanceOf(Outcome.Unavailable.class);
        deliverAll(proposer, first, VOTERS);
        assertThat(outcomes).hasSize(4);
        assertThat(proposer.isIdle()).isTrue();
    }

    @Test
    @DisplayName(
            "R4: one voter that has collected the register decides a read, and a change that nobody was asked to accept")
    void collected() {
        collect(proposer.read(++lastToken, DEADLINE, 0));
        collect(proposer.collected(VOTERS.get(2), 0));
        assertThat(outcomes).containsExactly(new Outcome.ReadValue(RegisterValue.COLLECTED));
        cas(proposer, 0, "v", 1);
        collect(proposer.collected(VOTERS.get(0), 0));
        assertThat(outcomes.get(1)).isEqualTo(new Outcome.Conflict(RegisterValue.COLLECTED));
        assertThat(proposer.isIdle()).isTrue();
    }

    @Test
    @DisplayName("R4, R2: a change that may have been accepted before the register was collected is unknown for ever")
    void collectedAmbiguous() {
        List<Effect> accepts = deliver(proposer, cas(proposer, 0, "v", 1), VOTERS);
        assertThat(accepts).isNotEmpty().allMatch(effect -> effect instanceof Effect.SendAccept);
        collect(proposer.collected(VOTERS.get(1), 0));
        assertThat(outcomes).singleElement().isInstanceOf(Outcome.Unknown.class);
    }

    private Effect.SendAccept lastAccept;

    private List<Effect> cas(RegisterProposer by, long expected, String value, long op) {
        return collect(by.compareAndSet(++lastToken, expected, Payload.ofUtf8(value), op(op), DEADLINE, 0));
    }

    private void deliverAll(RegisterProposer to, List<Effect> effects, List<VoterId> reachable) {
        List<Effect> next = effects;
        while (!next.isEmpty()) {
            next = deliver(to, next, reachable);
        }
    }

    /** Carries one round of messages and its answers; returns what the proposer sends next. */
    private List<Effect> deliver(RegisterProposer to, List<Effect> effects, List<VoterId> reachable) {
        List<Effect> next = new ArrayList<>();
        for (Effect effect : effects) {
            next.addAll(collect(answer(to, effect, reachable)));
        }
        return next;
    }

    private List<Effect> answer(RegisterProposer to, Effect effect, List<VoterId> reachable) {
        if (effect instanceof Effect.SendRead read && reachable.contains(read.to())) {
            Acceptor.State state = states.get(read.to());
            return to.registerRead(read.to(), read.round(), state.accepted(), state.value(), 0);
        } else if (effect instanceof Effect.SendPrepare prepare && reachable.contains(prepare.to())) {
            Acceptor.Step step = Acceptor.prepare(states.get(prepare.to()), prepare.ballot());
            states.put(prepare.to(), step.state());
            return step.agreed()
                    ? to.promised(
                            prepare.to(),
                            prepare.round(),
                            prepare.ballot(),
                            step.state().accepted(),
                            step.state().value(),
                            0)
                    : to.rejected(
                            prepare.to(),
                            prepare.round(),
                            prepare.ballot(),
                            step.state().promised(),
                            0);
        } else if (effect instanceof Effect.SendAccept accept && reachable.contains(accept.to())) {
            lastAccept = accept;
            Acceptor.Step step =
                    Acceptor.accept(states.get(accept.to()), accept.ballot(), accept.value(), accept.next());
            states.put(accept.to(), step.state());
            return step.agreed()
                    ? to.accepted(accept.to(), accept.round(), accept.ballot(), 0)
                    : to.rejected(
                            accept.to(),
                            accept.round(),
                            accept.ballot(),
                            step.state().promised(),
                            0);
        }
        return List.of();
    }

    /** Keeps the outcomes and returns the rest. */
    private List<Effect> collect(List<Effect> effects) {
        List<Effect> sends = new ArrayList<>();
        for (Effect effect : effects) {
            if (effect instanceof Effect.Completed completed) {
                outcomes.add(completed.outcome());
            } else {
                sends.add(effect);
            }
        }
        return sends;
    }

    private static long versionOf(Outcome outcome) {
        return ((Outcome.Applied) outcome).version();
    }

    private static RegisterProposer newProposer(long id) {
        return new RegisterProposer(new ProposerId(new UUID(0, id)), CONFIG, new RegisterProposer.Settings(100, 10, 2));
    }

    private static VoterId voter(long id) {
        return new VoterId(new UUID(0, id));
    }

    private static OpId op(long id) {
        return new OpId(new UUID(5, id));
    }

    private static Ballot ballot(long counter, long id) {
        return new Ballot(counter, new ProposerId(new UUID(0, id)));
    }
}
