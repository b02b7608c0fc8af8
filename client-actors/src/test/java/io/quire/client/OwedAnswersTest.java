package io.quire.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.core.Failure;
import io.quire.protocol.LedgerException.Outcome;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class OwedAnswersTest {
    private final OwedAnswers owed = new OwedAnswers();
    private final List<Failure> failures = new ArrayList<>();
    private final OwedAnswers.Answer answer = failures::add;

    @Test
    @DisplayName("H97: an answer that is owed when the actor ends fails with outcome UNKNOWN, once")
    void owedAtTheEnd() {
        owed.owe(answer);
        owed.check(answer);
        assertThat(failures).isEmpty();
        owed.end();
        owed.check(answer);
        assertThat(failures).extracting(Failure::outcome).containsExactly(Outcome.UNKNOWN);
    }

    @Test
    @DisplayName("H97: what is asked of an actor that has ended fails at once")
    void askedTooLate() {
        owed.end();
        owed.owe(answer);
        owed.check(answer);
        assertThat(failures).hasSize(1);
    }

    @Test
    @DisplayName("a settled answer does not fail later")
    void settled() {
        owed.owe(answer);
        owed.settled(answer);
        owed.end();
        assertThat(failures).isEmpty();
    }
}
