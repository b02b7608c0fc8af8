package io.quire.admin;

import io.quire.protocol.LedgerId;
import org.apache.pekko.actor.typed.ActorRef;

/** What the nodes tell each other about the writers that live in them. Hints: any of them may get lost. */
sealed interface WriterMessage extends LedgerWriters.Command {
    /** Asks whether the writer of a ledger lives there; always answered by {@link WriterFound}. */
    record FindWriter(LedgerId ledgerId, ActorRef<LedgerWriters.Command> replyTo) implements WriterMessage {}

    /**
     * @param url how HTTP reaches the node where the writer lives; empty when it does not live where this comes from
     */
    record WriterFound(LedgerId ledgerId, String url) implements WriterMessage {}

    /** The ledger was deleted: its writer, if it lives there, is of no more use. */
    record ForgetWriter(LedgerId ledgerId) implements WriterMessage {}
}
