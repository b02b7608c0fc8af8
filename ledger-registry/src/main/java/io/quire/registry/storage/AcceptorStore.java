package io.quire.registry.storage;

import io.quire.protocol.Ballot;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerIdRange;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.VoterId;
import io.quire.protocol.wire.RegistryReply;
import io.quire.protocol.wire.RegistryRequest;
import io.quire.registry.core.Acceptor;
import io.quire.registry.core.LedgerIdSet;
import io.quire.registry.core.VoterState;
import io.quire.storage.FormatVersion;
import io.quire.storage.GuardedValue;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.StorageException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * One voter: its identity, its config and the acceptor state of every register, in a {@link KeyValueStore}. Requests are
 * answered in groups, each after one durable commit of all that the group changed.
 *
 * <pre>
 *   key                 value
 *   m/format            see FormatVersion
 *   m/voter             voter id: uuid
 *   m/config            int8 serving (0, 1), optional registry config, optional registry config it is sealed for
 *   c + first id        last id: int64. A range of ledgers whose registers were collected (R4); 19 digits
 *   r + path            promised ballot, accepted ballot, register value     (a ballot: int64 counter, uuid proposer)
 * </pre>
 *
 * <p>Each value is a {@link GuardedValue}: a damaged one is an error, never another answer (P10).
 *
 * <p>Not thread-safe; it blocks on the disk.
 */
public final class AcceptorStore implements AutoCloseable {
    private static final Payload VOTER = Payload.ofUtf8("m/voter");
    private static final Payload CONFIG = Payload.ofUtf8("m/config");
    private static final String REGISTER = "r";
    private static final String COLLECTED = "c";
    /** Above every character of a key. */
    private static final char BEHIND = '\u007f';

    /** A list ends with the register that reaches this: a message above Artery's frame would vanish without a word. */
    private static final int LIST_BYTES_MAX = 128 << 10;

    private static final int COPIED_RANGES_MAX = 4096;

    private final KeyValueStore store;
    private final LedgerIdSet collected;
    private VoterState state;

    private AcceptorStore(KeyValueStore store, VoterState state, LedgerIdSet collected) {
        this.store = store;
        this.state = state;
        this.collected = collected;
    }

    /** Whether a voter's identity was minted in {@code store}. */
    public static boolean isFormatted(KeyValueStore store) {
        try (Snapshot snapshot = store.openSnapshot()) {
            return snapshot.get(VOTER).isPresent();
        }
    }

    /**
     * Mints the identity of a voter, durably.
     *
     * @throws StorageException when the store has one already
     */
    public static void format(KeyValueStore store, VoterId voter) {
        try (Transaction transaction = store.begin()) {
            if (transaction.get(VOTER).isPresent()) {
                throw new StorageException("the registry directory holds a voter already");
            }
            FormatVersion.put(transaction);
            transaction.put(VOTER, GuardedValue.encode(VOTER, 16, out -> Fields.putUuid(out, voter.value())));
            transaction.commit();
        }
    }

    /**
     * Opens a formatted voter. Closing it closes {@code store}.
     *
     * @throws StorageException when the store was never formatted, is of a newer version or cannot be read
     */
    public static AcceptorStore open(KeyValueStore store) {
        FormatVersion.require(store, "the registry voter's store");
        try (Snapshot snapshot = store.openSnapshot()) {
            Payload identity = snapshot.get(VOTER)
                    .orElseThrow(() -> new StorageException("the registry directory holds no voter; format it first"));
            VoterId voter =
                    GuardedValue.decode(VOTER, identity, "the voter's identity", in -> new VoterId(Fields.getUuid(in)));
            VoterState state = snapshot.get(CONFIG)
                    .map(encoded -> decodeState(voter, encoded))
                    .orElse(VoterState.formatted(voter));
            return new AcceptorStore(store, state, collectedIn(snapshot));
        }
    }

    private static LedgerIdSet collectedIn(Snapshot snapshot) {
        LedgerIdSet collected = new LedgerIdSet();
        snapshot.scan(Payload.ofUtf8(COLLECTED), Payload.ofUtf8(COLLECTED + BEHIND), (key, value) -> {
            long last = GuardedValue.decode(key, value, "a range of collected ledgers", ByteBuffer::getLong);
            collected.add(new LedgerIdRange(Long.parseLong(key.toUtf8().substring(COLLECTED.length())), last));
            return true;
        });
        return collected;
    }

    public VoterId voter() {
        return state.voter();
    }

    /** The config that this voter is sealed for: it votes no more. */
    Optional<RegistryConfig> sealedFor() {
        return state.next();
    }

    /**
     * Reads every register.
     *
     * @return how many there are
     * @throws StorageException when one is damaged
     */
    long countRegisters() {
        long[] count = {0};
        try (Snapshot snapshot = store.openSnapshot()) {
            snapshot.scan(Payload.ofUtf8(REGISTER), Payload.ofUtf8(REGISTER + BEHIND), (key, value) -> {
                decodeState(key, value);
                count[0]++;
                return true;
            });
        }
        return count[0];
    }

    /** The config that this voter has stored to serve it. */
    public Optional<RegistryConfig> config() {
        return state.config();
    }

    /** Whether this voter takes part in decisions. */
    public boolean isServing() {
        return state.isActive();
    }

    /**
     * Answers a group of requests in order; whatever the answers say is durable on return.
     *
     * @throws StorageException when it may not be; then nothing of the group may be answered, and the voter must stop
     */
    public List<RegistryReply> answer(List<RegistryRequest> requests) {
        List<RegistryReply> replies = new ArrayList<>(requests.size());
        int next = 0;
        while (next < requests.size()) {
            next = answerFrom(next, requests, replies);
        }
        return replies;
    }

    /** Answers up to the end, or to a copy that has to see what the requests before it changed. */
    private int answerFrom(int first, List<RegistryRequest> requests, List<RegistryReply> replies) {
        Group group = new Group();
        int next = first;
        try (Snapshot snapshot = store.openSnapshot()) {
            do {
                replies.add(group.answer(requests.get(next++), snapshot));
            } while (next < requests.size() && !(requests.get(next) instanceof RegistryRequest.CopyRegisters));
        }
        group.commit();
        return next;
    }

    @Override
    public void close() {
        store.close();
    }

    private static VoterState decodeState(VoterId voter, Payload encoded) {
        return GuardedValue.decode(CONFIG, encoded, "the voter's config", in -> {
            boolean serving = Fields.getBoolean(in);
            return new VoterState(voter, getConfig(in), serving, getConfig(in));
        });
    }

    private static Payload encodeState(VoterState state) {
        return GuardedValue.encode(CONFIG, 512, out -> {
            Fields.putBoolean(out, state.serving());
            putConfig(out, state.config());
            putConfig(out, state.next());
        });
    }

    private static void putConfig(ByteBuffer out, Optional<RegistryConfig> config) {
        Fields.putBoolean(out, config.isPresent());
        config.ifPresent(present -> present.encode(out));
    }

    private static Optional<RegistryConfig> getConfig(ByteBuffer in) {
        return Fields.getBoolean(in) ? Optional.of(RegistryConfig.decode(in)) : Optional.empty();
    }

    private static Payload keyOf(RegistryKey key) {
        return Payload.ofUtf8(REGISTER + key.path());
    }

    private static RegistryKey registerOf(Payload key) {
        return new RegistryKey(key.toUtf8().substring(REGISTER.length()));
    }

    private static Payload collectedKeyOf(long first) {
        return Payload.ofUtf8(String.format(Locale.ROOT, "%s%019d", COLLECTED, first));
    }

    /** The ids whose registers lie behind {@code after} and up to {@code last}; empty: from the start, to the end. */
    private static Optional<LedgerIdRange> idsBetween(Optional<RegistryKey> after, Optional<RegistryKey> last) {
        long from = after.map(key -> firstIdBehind(key)).orElse(0L);
        long behind = last.map(key -> firstIdBehind(key)).orElse(Long.MAX_VALUE);
        return from < behind ? Optional.of(new LedgerIdRange(from, behind - 1)) : Optional.empty();
    }

    /** The lowest ledger id whose register lies behind {@code key}; the highest long for none. */
    private static long firstIdBehind(RegistryKey key) {
        if (key.isOfLedger()) {
            return key.ledgerId().value() + 1;
        }
        return key.path().compareTo(RegistryKey.LEDGERS) < 0 ? 0 : Long.MAX_VALUE;
    }

    private static Payload encodeState(Payload key, Acceptor.State state) {
        return GuardedValue.encode(key, 512 + state.value().value().length(), out -> {
            putBallot(out, state.promised());
            putBallot(out, state.accepted());
            state.value().encode(out);
        });
    }

    private static Acceptor.State decodeState(Payload key, ByteBuffer encoded) {
        return GuardedValue.decode(
                key,
                encoded,
                "the state of a register",
                in -> new Acceptor.State(getBallot(in), getBallot(in), RegisterValue.decode(in)));
    }

    private static void putBallot(ByteBuffer out, Ballot ballot) {
        out.putLong(ballot.counter());
        Fields.putUuid(out, ballot.proposer().value());
    }

    private static Ballot getBallot(ByteBuffer in) {
        return new Ballot(in.getLong(), new ProposerId(Fields.getUuid(in)));
    }

    /** The changes of one group, seen by its later requests. */
    private final class Group {
        private final Map<RegistryKey, Acceptor.State> changed = new LinkedHashMap<>();
        private final Map<RegistryKey, Acceptor.State> read = new HashMap<>();
        private final Set<Payload> dropped = new LinkedHashSet<>();
        private final Map<Long, Long> ranges = new LinkedHashMap<>();
        private VoterState newState = state;

        RegistryReply answer(RegistryRequest request, Snapshot snapshot) {
            if (request instanceof RegistryRequest.OfEpoch ofEpoch) {
                Optional<RegistryReply> refusal = refusalOf(ofEpoch);
                return refusal.isPresent() ? refusal.get() : answerOfEpoch(ofEpoch, snapshot);
            } else if (request instanceof RegistryRequest.FoundCluster found) {
                return follow(found.target(), request, newState.found(found.config()));
            } else if (request instanceof RegistryRequest.ActivateConfig activate) {
                return follow(activate.target(), request, newState.activate(activate.config()));
            } else if (request instanceof RegistryRequest.SealVoter seal) {
                return follow(seal.target(), request, newState.seal(seal.next()));
            } else if (request instanceof RegistryRequest.CopyRegisters copy) {
                return copy(copy, snapshot);
            } else if (request instanceof RegistryRequest.StoreCopies copies) {
                return storeCopies(copies, snapshot);
            }
            return new RegistryReply.VoterDescribed(
                    newState.voter(), request.requestId(), newState.config(), newState.isActive(), newState.next());
        }

        private RegistryReply follow(VoterId target, RegistryRequest request, VoterState.Step step) {
            Optional<String> refusal = refusalOfTarget(target).or(step::refusal);
            if (refusal.isPresent()) {
                return refused(request, refusal.get());
            }
            newState = step.state();
            return new RegistryReply.ConfigStored(newState.voter(), request.requestId());
        }

        private Optional<RegistryReply> refusalOf(RegistryRequest.OfEpoch request) {
            return refusalOfTarget(request.target())
                    .or(() -> newState.refusalOfEpoch(request.configEpoch()))
                    .or(() -> refusalOfBallot(request))
                    .map(reason -> refused(request, reason));
        }

        private Optional<String> refusalOfTarget(VoterId target) {
            return target.equals(newState.voter())
                    ? Optional.empty()
                    : Optional.of("this is voter " + newState.voter() + ", not " + target);
        }

        /** Ballots of an epoch are above those of the epochs before it; one of another epoch would break that (R5). */
        private static Optional<String> refusalOfBallot(RegistryRequest.OfEpoch request) {
            long epoch = request.configEpoch();
            boolean foreign = request instanceof RegistryRequest.Prepare prepare
                    ? prepare.ballot().epoch() != epoch
                    : request instanceof RegistryRequest.Accept accept
                            && (accept.ballot().epoch() != epoch
                                    || accept.next().epoch() != epoch);
            return foreign ? Optional.of("the ballot was not made in config epoch " + epoch) : Optional.empty();
        }

        private RegistryReply refused(RegistryRequest request, String reason) {
            return new RegistryReply.VoterRefused(newState.voter(), request.requestId(), reason, newState.config());
        }

        private RegistryReply copy(RegistryRequest.CopyRegisters copy, Snapshot snapshot) {
            Optional<String> refusal = refusalOfTarget(copy.target()).or(() -> newState.refusalOfCopying(copy.next()));
            if (refusal.isPresent()) {
                return refused(copy, refusal.get());
            }
            List<RegistryReply.Copied> registers = new ArrayList<>();
            boolean[] more = {false};
            int[] bytes = {0};
            snapshot.scan(
                    Payload.ofUtf8(REGISTER
                            + copy.after().map(key -> key.path() + '\0').orElse("")),
                    Payload.ofUtf8(REGISTER + BEHIND),
                    (key, value) -> {
                        if (bytes[0] >= LIST_BYTES_MAX) {
                            more[0] = true;
                            return false;
                        }
                        bytes[0] += key.length() + value.remaining();
                        Acceptor.State held = decodeState(key, value);
                        registers.add(new RegistryReply.Copied(
                                registerOf(key), held.promised(), held.accepted(), held.value()));
                        return true;
                    });
            Optional<RegistryKey> next =
                    more[0] ? Optional.of(registers.get(registers.size() - 1).key()) : Optional.empty();
            List<LedgerIdRange> ranges =
                    idsBetween(copy.after(), next).map(collected::ranges).orElse(List.of());
            if (ranges.size() > COPIED_RANGES_MAX) {
                ranges = ranges.subList(0, COPIED_RANGES_MAX);
                RegistryKey end = RegistryKey.ofLedger(
                        new LedgerId(ranges.get(COPIED_RANGES_MAX - 1).last()));
                registers.removeIf(register -> register.key().compareTo(end) > 0);
                next = Optional.of(end);
            }
            return new RegistryReply.RegistersCopied(newState.voter(), copy.requestId(), registers, ranges, next);
        }

        private RegistryReply storeCopies(RegistryRequest.StoreCopies copies, Snapshot snapshot) {
            Optional<String> refusal =
                    refusalOfTarget(copies.target()).or(() -> newState.refusalOfCopies(copies.next()));
            if (refusal.isPresent()) {
                return refused(copies, refusal.get());
            }
            copies.collected().forEach(range -> collect(range, snapshot));
            for (RegistryReply.Copied copied : copies.registers()) {
                if (isCollected(copied.key())) {
                    continue;
                }
                Acceptor.State held = stateOf(copied.key(), snapshot);
                keep(
                        copied.key(),
                        Acceptor.merge(held, new Acceptor.State(copied.promised(), copied.accepted(), copied.value())));
            }
            return new RegistryReply.ConfigStored(newState.voter(), copies.requestId());
        }

        private boolean isCollected(RegistryKey key) {
            return key.isOfLedger() && collected.contains(key.ledgerId().value());
        }

        /** When the commit fails this voter stops: nobody sees what the set holds then. */
        private void collect(LedgerIdRange range, Snapshot snapshot) {
            snapshot.scan(
                    keyOf(RegistryKey.ofLedger(new LedgerId(range.first()))),
                    Payload.ofUtf8(REGISTER
                            + RegistryKey.ofLedger(new LedgerId(range.last())).path()
                            + BEHIND),
                    (key, value) -> dropped.add(key));
            LedgerIdSet.Merge merge = collected.add(range);
            merge.gone().forEach(first -> {
                ranges.remove(first);
                dropped.add(collectedKeyOf(first));
            });
            ranges.put(merge.range().first(), merge.range().last());
            changed.keySet().removeIf(this::isCollected);
        }

        /** What any request about a collected ledger is answered, for ever (R4). */
        private Optional<RegistryReply> deleted(RegistryKey key, long requestId) {
            return isCollected(key)
                    ? Optional.of(new RegistryReply.LedgerCollected(newState.voter(), requestId))
                    : Optional.empty();
        }

        private RegistryReply answerOfEpoch(RegistryRequest.OfEpoch request, Snapshot snapshot) {
            if (request instanceof RegistryRequest.CollectLedger collect) {
                collect(LedgerIdRange.of(collect.ledgerId()), snapshot);
                return new RegistryReply.LedgerCollected(newState.voter(), collect.requestId());
            } else if (request instanceof RegistryRequest.OfRegister ofRegister) {
                return deleted(ofRegister.key(), request.requestId())
                        .orElseGet(() -> answerOfRegister(ofRegister, snapshot));
            }
            return list((RegistryRequest.ListRegisters) request, snapshot);
        }

        private RegistryReply answerOfRegister(RegistryRequest.OfRegister request, Snapshot snapshot) {
            if (request instanceof RegistryRequest.Prepare prepare) {
                Acceptor.Step step = Acceptor.prepare(stateOf(prepare.key(), snapshot), prepare.ballot());
                keep(prepare.key(), step.state());
                Acceptor.State held = step.state();
                return step.agreed()
                        ? new RegistryReply.Promised(
                                newState.voter(), prepare.requestId(), prepare.ballot(), held.accepted(), held.value())
                        : new RegistryReply.BallotRejected(
                                newState.voter(), prepare.requestId(), prepare.ballot(), held.promised());
            } else if (request instanceof RegistryRequest.Accept accept) {
                Acceptor.Step step = Acceptor.accept(
                        stateOf(accept.key(), snapshot), accept.ballot(), accept.value(), accept.next());
                keep(accept.key(), step.state());
                return step.agreed()
                        ? new RegistryReply.Accepted(newState.voter(), accept.requestId(), accept.ballot())
                        : new RegistryReply.BallotRejected(
                                newState.voter(),
                                accept.requestId(),
                                accept.ballot(),
                                step.state().promised());
            }
            Acceptor.State state = stateOf(request.key(), snapshot);
            return new RegistryReply.RegisterRead(
                    newState.voter(), request.requestId(), state.accepted(), state.value());
        }

        /** Lists what was committed before this group: its own changes are not yet anybody's to see. */
        private RegistryReply list(RegistryRequest.ListRegisters list, Snapshot snapshot) {
            String behind = list.after().map(key -> key.path() + '\0').orElse("");
            String start = behind.compareTo(list.prefix()) > 0 ? behind : list.prefix();
            List<RegistryReply.Listed> registers = new ArrayList<>();
            boolean[] more = {false};
            int[] bytes = {0};
            int limit = Math.max(1, Math.min(list.limit(), 1000));
            snapshot.scan(
                    Payload.ofUtf8(REGISTER + start),
                    Payload.ofUtf8(REGISTER + list.prefix() + BEHIND),
                    (key, value) -> {
                        if (registers.size() == limit || bytes[0] >= LIST_BYTES_MAX) {
                            more[0] = true;
                            return false;
                        }
                        int size = value.remaining();
                        Acceptor.State state = decodeState(key, value);
                        if (!state.accepted().isZero()) {
                            bytes[0] += key.length() + size;
                            registers.add(new RegistryReply.Listed(registerOf(key), state.accepted(), state.value()));
                        }
                        return true;
                    });
            return new RegistryReply.RegistersListed(newState.voter(), list.requestId(), registers, more[0]);
        }

        private Acceptor.State stateOf(RegistryKey key, Snapshot snapshot) {
            Acceptor.State mine = changed.get(key);
            if (mine != null) {
                return mine;
            }
            return read.computeIfAbsent(key, k -> snapshot.get(keyOf(k))
                    .map(encoded -> decodeState(keyOf(k), encoded.asByteBuffer()))
                    .orElse(Acceptor.State.INITIAL));
        }

        private void keep(RegistryKey key, Acceptor.State held) {
            if (changed.containsKey(key) || !held.equals(read.get(key))) {
                changed.put(key, held);
            }
        }

        private void commit() {
            boolean configChanged = !newState.equals(state);
            if (changed.isEmpty() && ranges.isEmpty() && !configChanged) {
                return;
            }
            try (Transaction transaction = store.begin()) {
                changed.forEach((key, state) -> transaction.put(keyOf(key), encodeState(keyOf(key), state)));
                dropped.forEach(transaction::delete);
                ranges.forEach((first, last) -> {
                    Payload key = collectedKeyOf(first);
                    transaction.put(key, GuardedValue.encode(key, Long.BYTES, out -> out.putLong(last)));
                });
                if (configChanged) {
                    transaction.put(CONFIG, encodeState(newState));
                }
                transaction.commit();
            }
            state = newState;
        }
    }
}
