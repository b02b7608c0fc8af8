package io.quire.bootstrap;

import io.quire.admin.NodeBookies;
import io.quire.bookie.BookieActor;
import io.quire.bookie.GarbageStatus;
import io.quire.bookie.ScrubStatus;
import io.quire.bookie.core.GarbageCollector;
import io.quire.protocol.BookieId;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.AskPattern;

/** The bookies of a node, through its guardian. One that does not answer in time is left out. Thread-safe. */
final class LocalBookies implements NodeBookies {
    private static final Duration TIMEOUT = Duration.ofSeconds(3);

    private final ActorSystem<NodeActor.Command> system;

    LocalBookies(ActorSystem<NodeActor.Command> system) {
        this.system = system;
    }

    @Override
    public CompletionStage<Void> collectGarbage(boolean force) {
        return running().thenAccept(bookies -> bookies.actors()
                .forEach(bookie -> bookie.tell(new BookieActor.CollectGarbage(force))));
    }

    @Override
    public CompletionStage<Boolean> setReadOnly(boolean readOnly) {
        return AskPattern.<NodeActor.Command, NodeActor.Serving>ask(
                        system, replyTo -> new NodeActor.WishReadOnly(readOnly, replyTo), TIMEOUT, system.scheduler())
                .thenCompose(serving -> {
                    CompletionStage<Boolean> all =
                            CompletableFuture.completedStage(!serving.bookies().isEmpty());
                    for (ActorRef<Object> bookie : serving.bookies()) {
                        all = all.thenCombine(setReadOnly(bookie, readOnly), Boolean::logicalAnd);
                    }
                    return all;
                });
    }

    private CompletionStage<Boolean> setReadOnly(ActorRef<Object> bookie, boolean readOnly) {
        return AskPattern.<Object, BookieActor.ReadOnlySet>ask(
                        bookie, replyTo -> new BookieActor.SetReadOnly(readOnly, replyTo), TIMEOUT, system.scheduler())
                .thenApply(BookieActor.ReadOnlySet::readOnly);
    }

    @Override
    public CompletionStage<List<Garbage>> garbage() {
        return running().thenCompose(bookies -> {
            List<CompletableFuture<GarbageStatus>> answers =
                    bookies.actors().stream().map(this::describe).toList();
            return CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new))
                    .thenApply(done -> answers.stream()
                            .map(CompletableFuture::join)
                            .filter(Objects::nonNull)
                            .map(LocalBookies::garbageOf)
                            .sorted(Comparator.comparing(one -> one.bookie().toString()))
                            .toList());
        });
    }

    @Override
    public CompletionStage<Void> scrub(BookieId bookie) {
        return running().thenCompose(bookies -> {
            CompletionStage<Void> told = CompletableFuture.completedStage(null);
            for (ActorRef<Object> actor : bookies.actors()) {
                told = told.thenCombine(describeScrub(actor), (done, status) -> {
                    if (status != null && status.bookie().equals(bookie)) {
                        actor.tell(BookieActor.ScrubNow.INSTANCE);
                    }
                    return null;
                });
            }
            return told;
        });
    }

    @Override
    public CompletionStage<List<Scrub>> scrubs() {
        return running().thenCompose(bookies -> {
            List<CompletableFuture<ScrubStatus>> answers =
                    bookies.actors().stream().map(this::describeScrub).toList();
            return CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new))
                    .thenApply(done -> answers.stream()
                            .map(CompletableFuture::join)
                            .filter(Objects::nonNull)
                            .map(LocalBookies::scrubOf)
                            .sorted(Comparator.comparing(one -> one.bookie().toString()))
                            .toList());
        });
    }

    private CompletableFuture<ScrubStatus> describeScrub(ActorRef<Object> bookie) {
        return AskPattern.<Object, ScrubStatus>ask(bookie, BookieActor.DescribeScrub::new, TIMEOUT, system.scheduler())
                .exceptionally(silence -> null)
                .toCompletableFuture();
    }

    private static Scrub scrubOf(ScrubStatus status) {
        return new Scrub(
                status.bookie(),
                status.active(),
                status.passes(),
                status.ledgerId(),
                status.bytes(),
                status.entries(),
                status.damaged(),
                status.everythingInLimbo(),
                status.ledgersInLimbo(),
                status.someInLimbo(),
                status.limboReason());
    }

    private CompletionStage<NodeActor.RunningBookies> running() {
        return AskPattern.ask(system, NodeActor.ListBookies::new, TIMEOUT, system.scheduler());
    }

    private CompletableFuture<GarbageStatus> describe(ActorRef<Object> bookie) {
        return AskPattern.<Object, GarbageStatus>ask(
                        bookie, BookieActor.DescribeGarbage::new, TIMEOUT, system.scheduler())
                .exceptionally(silence -> null)
                .toCompletableFuture();
    }

    private static Garbage garbageOf(GarbageStatus status) {
        return new Garbage(
                status.bookie(),
                status.active(),
                status.forced(),
                status.lastRun().map(run -> runOf(run, status.endedBefore().orElse(Duration.ZERO))),
                status.next());
    }

    private static Run runOf(GarbageCollector.Run run, Duration endedBefore) {
        return new Run(
                run.forced(),
                endedBefore,
                Duration.ofNanos(run.durationNanos()),
                run.examined(),
                run.dropped(),
                run.superseded(),
                run.kept(),
                run.orphans(),
                run.someOrphans(),
                run.unread(),
                run.heldBack(),
                run.reason());
    }
}
