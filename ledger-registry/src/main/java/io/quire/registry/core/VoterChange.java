package io.quire.registry.core;

import io.quire.protocol.LedgerIdRange;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.VoterId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Brings the registry from one config epoch to the next one, which was chosen before (R5). Any number of processes may
 * do that at once, each may stop anywhere, and another one goes on: every request is idempotent, and nothing is kept here
 * that the voters do not know.
 *
 * <p>Design note. Each voter is taken through steps, all voters side by side:
 *
 * <ol>
 *   <li>Voters that are new are sealed for the next config: they will take copies. The others are sealed only once a
 *       majority of the next config could go on, since from then on the registry stands still.
 *   <li>With a majority of the old voters sealed nothing can be decided in the old epoch any more. Each voter of the next
 *       config then gets, merged by maximum, the states of a whole sealed majority, page by page; one that served counts
 *       its own. A voter that serves the next config already is as good as such a majority, since it had the copy.
 *   <li>With the complete copy it is activated. A majority of active voters is the next epoch.
 * </ol>
 *
 * <p>Voters may copy from different majorities, and so hold different states of what no majority had accepted. That is
 * safe because ballots of the next epoch are above all those of the old one, and because a copied ballot is no proof of a
 * majority: see {@link RegisterProposer}.
 *
 * <p>Not thread-safe. Time comes in with each input.
 */
public final class VoterChange {
    /** A voter that was silent for so many resends is no source of copies. */
    private static final int SILENT_RESENDS = 8;

    private final RegistryConfig next;
    private final long resendNanos;
    private Optional<RegistryConfig> previous = Optional.empty();
    private final Map<VoterId, Member> members = new TreeMap<>();
    private boolean superseded;

    /** What to ask of a voter. */
    public sealed interface Ask {
        VoterId to();

        /** Seal it for the next config. */
        record Seal(VoterId to) implements Ask {}

        /** Its registers behind {@code after}, for {@code target}. */
        record Copy(VoterId to, VoterId target, Optional<RegistryKey> after) implements Ask {}

        /** Merge this into its own. */
        record Store(VoterId to, Page page) implements Ask {}

        /** Serve the next config. */
        record Activate(VoterId to) implements Ask {}
    }

    /** One register as one voter holds it. */
    public record Copied(RegistryKey key, Acceptor.State state) {}

    /**
     * A part of what a voter holds.
     *
     * @param registers ascending
     * @param collected the ids of ledgers that were collected, between where the last part ended and where this one does
     * @param next where the next part goes on, behind this key; empty when there is none
     */
    public record Page(List<Copied> registers, List<LedgerIdRange> collected, Optional<RegistryKey> next) {
        public Page {
            registers = List.copyOf(registers);
            collected = List.copyOf(collected);
        }

        boolean isEmpty() {
            return registers.isEmpty() && collected.isEmpty();
        }
    }

    private static final class Member {
        private final VoterId id;
        private long heardNanos;
        private boolean sealedForNext;
        private boolean active;
        /** Whether it stands behind the epoch before: sealed, its registers are a part of that epoch's last word. */
        private boolean behindPrevious;

        private Copying copying;
        private Ask asked;
        private long askedNanos;

        Member(VoterId id) {
            this.id = id;
        }
    }

    /** Where a voter stands with its copy. */
    private static final class Copying {
        private final List<VoterId> sources;
        private int source;
        private Optional<RegistryKey> after = Optional.empty();
        private Optional<Page> page = Optional.empty();

        Copying(List<VoterId> sources) {
            this.sources = sources;
        }

        boolean isComplete() {
            return source == sources.size();
        }
    }

    /**
     * @param next a config that was chosen
     * @param resendNanos ask again after this long
     */
    public VoterChange(RegistryConfig next, long resendNanos) {
        this.next = next;
        this.resendNanos = resendNanos;
    }

    public RegistryConfig next() {
        return next;
    }

    /** Whether a majority of the next config serves it. */
    public boolean isActive() {
        return activeCount() >= next.majority();
    }

    /** Whether nothing is left to be done: all voters serve, or the voters are beyond this config. */
    public boolean isOver() {
        return superseded || activeCount() == next.voters().size();
    }

    /** How many voters of the next config serve it. */
    public int activeCount() {
        return (int) members.values().stream()
                .filter(member -> member.active && isNext(member.id))
                .count();
    }

    /** A voter said who it is. */
    public List<Ask> described(
            VoterId voter,
            Optional<RegistryConfig> config,
            boolean serving,
            Optional<RegistryConfig> sealedFor,
            long nowNanos) {
        long reached = sealedFor.or(() -> config).map(RegistryConfig::epoch).orElse(0L);
        if (reached > next.epoch()) {
            superseded = true;
        }
        Optional<RegistryConfig> before = config.filter(
                c -> c.epoch() == next.epoch() - 1 && c.clusterId().equals(next.clusterId()));
        previous = before.or(() -> previous);
        Member member = members.computeIfAbsent(voter, Member::new);
        member.behindPrevious = before.isPresent();
        member.heardNanos = nowNanos;
        member.sealedForNext |= sealedFor.filter(next::equals).isPresent();
        member.active |= serving && config.filter(next::equals).isPresent();
        return advance(nowNanos);
    }

    /** {@code ask} was carried out. */
    public List<Ask> done(Ask ask, long nowNanos) {
        Member member = members.get(ask.to());
        if (member == null || !ask.equals(member.asked)) {
            return List.of();
        }
        answered(member, nowNanos);
        if (ask instanceof Ask.Seal) {
            member.sealedForNext = true;
        } else if (ask instanceof Ask.Activate) {
            member.active = true;
        } else if (member.copying != null) {
            pageStored(member.copying);
        }
        return advance(nowNanos);
    }

    /** The answer to {@code ask}. */
    public List<Ask> copied(Ask.Copy ask, Page page, long nowNanos) {
        Member source = members.get(ask.to());
        Member target = members.get(ask.target());
        if (source == null || target == null || target.copying == null || !ask.equals(target.asked)) {
            return List.of();
        }
        source.heardNanos = nowNanos;
        target.asked = null;
        target.copying.page = Optional.of(page);
        if (page.isEmpty()) {
            pageStored(target.copying);
        }
        return advance(nowNanos);
    }

    /** A voter refused {@code ask}; what it says when it is asked who it is decides how it goes on. */
    public List<Ask> refused(Ask ask, long nowNanos) {
        Member member = members.get(ask instanceof Ask.Copy copy ? copy.target() : ask.to());
        if (member != null && ask.equals(member.asked)) {
            member.copying = null;
        }
        return List.of();
    }

    /** Time went on: asks again. */
    public List<Ask> tick(long nowNanos) {
        return advance(nowNanos);
    }

    private List<Ask> advance(long nowNanos) {
        List<Ask> asks = new ArrayList<>();
        if (superseded) {
            return asks;
        }
        for (Member member : members.values()) {
            if (member.asked != null && nowNanos - member.askedNanos < resendNanos) {
                continue;
            }
            member.asked = wanted(member, nowNanos);
            member.askedNanos = nowNanos;
            if (member.asked != null) {
                asks.add(member.asked);
            }
        }
        return asks;
    }

    /** What {@code member} needs next; null for nothing at present. */
    private Ask wanted(Member member, long nowNanos) {
        if (member.active || !(isNext(member.id) || isPrevious(member.id))) {
            return null;
        } else if (!member.sealedForNext) {
            return !isPrevious(member.id) || maySeal(nowNanos) ? new Ask.Seal(member.id) : null;
        } else if (!isNext(member.id)) {
            return null;
        }
        Copying copying = member.copying;
        if (copying != null && !copying.isComplete() && copying.page.isEmpty()) {
            if (isSilent(members.get(copying.sources.get(copying.source)), nowNanos)) {
                copying = null;
            }
        }
        if (copying == null) {
            copying = plan(member, nowNanos).map(Copying::new).orElse(null);
            member.copying = copying;
        }
        if (copying == null) {
            return null;
        } else if (copying.isComplete()) {
            return new Ask.Activate(member.id);
        } else if (copying.page.isPresent()) {
            return new Ask.Store(member.id, copying.page.get());
        }
        return new Ask.Copy(copying.sources.get(copying.source), member.id, copying.after);
    }

    /** Whether a majority of the next config could go on if the old voters stopped, or whether they have. */
    private boolean maySeal(long nowNanos) {
        if (members.values().stream()
                .anyMatch(member -> isPrevious(member.id) && (member.sealedForNext || member.active))) {
            return true;
        }
        long ready = members.values().stream()
                .filter(member -> isNext(member.id)
                        && (member.active
                                || member.sealedForNext
                                || (isPrevious(member.id) && !isSilent(member, nowNanos))))
                .count();
        return ready >= next.majority();
    }

    /** From whom {@code target} copies, so that it has seen a whole sealed majority; empty when that cannot be yet. */
    private Optional<List<VoterId>> plan(Member target, long nowNanos) {
        List<VoterId> active = new ArrayList<>();
        List<VoterId> atEnd = new ArrayList<>();
        for (Member member : members.values()) {
            if (member != target && !isSilent(member, nowNanos)) {
                if (member.active) {
                    active.add(member.id);
                } else if (member.sealedForNext && member.behindPrevious) {
                    atEnd.add(member.id);
                }
            }
        }
        if (!active.isEmpty()) {
            return Optional.of(active.subList(0, 1));
        } else if (previous.isEmpty()) {
            return Optional.empty();
        }
        int needed = previous.get().majority() - (target.behindPrevious ? 1 : 0);
        return atEnd.size() >= needed ? Optional.of(atEnd.subList(0, needed)) : Optional.empty();
    }

    private static void pageStored(Copying copying) {
        copying.after = copying.page.flatMap(Page::next);
        copying.page = Optional.empty();
        if (copying.after.isEmpty()) {
            copying.source++;
        }
    }

    private static void answered(Member member, long nowNanos) {
        member.heardNanos = nowNanos;
        member.asked = null;
    }

    private boolean isSilent(Member member, long nowNanos) {
        return nowNanos - member.heardNanos >= SILENT_RESENDS * resendNanos;
    }

    private boolean isNext(VoterId voter) {
        return next.voters().contains(voter);
    }

    private boolean isPrevious(VoterId voter) {
        return previous.isPresent() && previous.get().voters().contains(voter);
    }
}
