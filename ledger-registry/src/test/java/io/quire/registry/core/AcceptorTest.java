package io.quire.registry.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.Ballot;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class AcceptorTest {
    private static final RegisterValue VALUE =
            RegisterValue.ABSENT.changedTo(Payload.ofUtf8("v"), new OpId(new UUID(1, 1)));

    @Test
    @DisplayName("R1: nothing below the promise is promised or accepted")
    void belowThePromise() {
        Acceptor.State state =
                Acceptor.prepare(Acceptor.State.INITIAL, ballot(5, 2)).state();
        assertThat(Acceptor.prepare(state, ballot(5, 1))).isEqualTo(new Acceptor.Step(state, false));
        assertThat(Acceptor.accept(state, ballot(5, 1), VALUE, ballot(6, 1)))
                .isEqualTo(new Acceptor.Step(state, false));
        assertThat(Acceptor.prepare(state, ballot(5, 2))).isEqualTo(new Acceptor.Step(state, true));
    }

    @Test
    @DisplayName("R1: accepting promises the proposer's next ballot, so that one in between is refused")
    void promisesNext() {
        Acceptor.Step accepted = Acceptor.accept(Acceptor.State.INITIAL, ballot(6, 1), VALUE, ballot(7, 1));
        assertThat(accepted.agreed()).isTrue();
        assertThat(accepted.state()).isEqualTo(new Acceptor.State(ballot(7, 1), ballot(6, 1), VALUE));
        assertThat(Acceptor.prepare(accepted.state(), ballot(6, 3)).agreed()).isFalse();
        assertThat(Acceptor.accept(accepted.state(), ballot(7, 1), VALUE, ballot(8, 1))
                        .agreed())
                .isTrue();
    }

    @Test
    @DisplayName("a repeated accept is granted again and changes nothing, also after a higher promise")
    void repetition() {
        Acceptor.State state = Acceptor.accept(Acceptor.State.INITIAL, ballot(1, 1), VALUE, ballot(2, 1))
                .state();
        Acceptor.State promised = Acceptor.prepare(state, ballot(9, 9)).state();
        assertThat(Acceptor.accept(promised, ballot(1, 1), VALUE, ballot(2, 1)))
                .isEqualTo(new Acceptor.Step(promised, true));
    }

    @Test
    @DisplayName("a next ballot below the accepted one is a broken proposer")
    void brokenNext() {
        assertThatThrownBy(() -> Acceptor.accept(Acceptor.State.INITIAL, ballot(2, 1), VALUE, ballot(1, 1)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private static Ballot ballot(long counter, long proposer) {
        return new Ballot(counter, new ProposerId(new UUID(0, proposer)));
    }
}
