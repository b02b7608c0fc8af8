package io.quire.client;

import io.quire.client.core.Failure;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The answers that an actor owes to callers outside of the actor system. When it ends, however it ends, what it still
 * owes fails with outcome UNKNOWN, also what is asked for later: no caller waits for ever (H97). Thread-safe.
 */
final class OwedAnswers {
    private final Set<Answer> owed = ConcurrentHashMap.newKeySet();
    private volatile boolean ended;

    /** What a caller waits for; compared by identity. */
    interface Answer {
        void failed(Failure failure);
    }

    /** The actor is about to be asked for {@code answer}. */
    void owe(Answer answer) {
        owed.add(answer);
    }

    /** The actor was asked; call after the message is sent, since the actor may have ended just before. */
    void check(Answer answer) {
        if (ended) {
            fail(answer);
        }
    }

    /** The actor has answered, or is about to. */
    void settled(Answer answer) {
        owed.remove(answer);
    }

    /** The actor is gone. */
    void end() {
        ended = true;
        owed.forEach(this::fail);
    }

    private void fail(Answer answer) {
        if (owed.remove(answer)) {
            answer.failed(new Failure(Code.NoWriter, Outcome.UNKNOWN, "the writer ended before it answered"));
        }
    }
}
