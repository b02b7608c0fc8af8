package io.quire.client.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.EntryId;
import io.quire.protocol.Replication;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class LastAddConfirmedReadTest {
    @Test
    @DisplayName("without an answer nothing is known but what was known before")
    void nothing() {
        LastAddConfirmedRead fresh = new LastAddConfirmedRead(Replication.DEFAULT, EntryId.NONE);
        assertThat(fresh.highest()).isEqualTo(EntryId.NONE);
        assertThat(fresh.answers()).isZero();
        assertThat(fresh.isCovered()).isFalse();
        assertThat(new LastAddConfirmedRead(Replication.DEFAULT, 7).highest()).isEqualTo(7);
    }

    @Test
    @DisplayName("H47: the highest answer counts, and never less than was known")
    void highest() {
        LastAddConfirmedRead read = new LastAddConfirmedRead(Replication.DEFAULT, 5);
        read.answered(2, 3);
        assertThat(read.highest()).isEqualTo(5);
        read.answered(0, 9);
        read.answered(1, 8);
        assertThat(read.highest()).isEqualTo(9);
        assertThat(read.answers()).isEqualTo(3);
    }

    @Test
    @DisplayName("H47: it is covered when those who have not answered are no ack quorum")
    void covered() {
        LastAddConfirmedRead read = new LastAddConfirmedRead(Replication.DEFAULT, EntryId.NONE);
        read.answered(1, 0);
        assertThat(read.isCovered()).isFalse();
        read.answered(2, 0);
        assertThat(read.isCovered()).isTrue();
    }

    @Test
    @DisplayName("H47: one member that answers again and again covers nothing")
    void repeatedAnswers() {
        LastAddConfirmedRead read = new LastAddConfirmedRead(Replication.DEFAULT, EntryId.NONE);
        for (int i = 0; i < 5; i++) {
            read.answered(0, i);
        }
        assertThat(read.isCovered()).isFalse();
        assertThat(read.highest()).isEqualTo(4);
    }

    @Test
    @DisplayName("H47: with striping every write set has to be covered")
    void striped() {
        LastAddConfirmedRead read = new LastAddConfirmedRead(new Replication(5, 2, 2), EntryId.NONE);
        read.answered(0, 0);
        read.answered(2, 0);
        assertThat(read.isCovered()).as("members 3 and 4 are an ack quorum").isFalse();
        read.answered(3, 0);
        assertThat(read.isCovered()).isTrue();
    }

    @Test
    @DisplayName("with an ack quorum of one everybody has to answer")
    void everybody() {
        LastAddConfirmedRead read = new LastAddConfirmedRead(new Replication(3, 2, 1), EntryId.NONE);
        read.answered(0, 0);
        read.answered(1, 0);
        assertThat(read.isCovered()).isFalse();
        read.answered(2, 0);
        assertThat(read.isCovered()).isTrue();
    }

    @Test
    @DisplayName("a member that is not in the ensemble is refused")
    void foreign() {
        LastAddConfirmedRead read = new LastAddConfirmedRead(Replication.DEFAULT, EntryId.NONE);
        assertThatThrownBy(() -> read.answered(3, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> read.answered(-1, 0)).isInstanceOf(IllegalArgumentException.class);
    }
}
