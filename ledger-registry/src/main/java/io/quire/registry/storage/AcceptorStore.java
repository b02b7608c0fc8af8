package io.quire.registry.storage;

import io.quire.protocol.Ballot;
import io.quire.protocol.Fields;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.VoterId;
import io.quire.protocol.wire.RegistryReply;
import io.quire.protocol.wire.RegistryRequest;
import io.quire.registry.core.Acceptor;
import io.quire.storage.GuardedValue;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.StorageException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One voter: its identity, its config and the acceptor state of every register, in a {@link KeyValueStore}. Requests are
 * answered in groups, each after one durable commit of all that the group changed.
 *
 * <pre>
 *   key                 value
 *   m/voter             voter id: uuid
 *   m/config            int8 serving (0, 1), registry config
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
    /** A list ends with the register that reaches this: a message above Artery's frame would vanish without a word. */
    private static final int LIST_BYTES_MAX = 128 << 10;

    private final KeyValueStore store;
    private final VoterId voter;
    private Optional<RegistryConfig> config = Optional.empty();
    private boolean serving;

    private AcceptorStore(KeyValueStore store, VoterId voter) {
        this.store = store;
        this.voter = voter;
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
            transaction.put(VOTER, GuardedValue.encode(VOTER, 16, out -> Fields.putUuid(out, voter.value())));
            transaction.commit();
        }
    }

    /**
     * Opens a formatted voter. Closing it closes {@code store}.
     *
     * @throws StorageException when the store was never formatted or cannot be read
     */
    public static AcceptorStore open(KeyValueStore store) {
        try (Snapshot snapshot = store.openSnapshot()) {
            Payload identity = snapshot.get(VOTER)
                    .orElseThrow(() -> new StorageException("the registry directory holds no voter; format it first"));
            VoterId voter =
                    GuardedValue.decode(VOTER, identity, "the voter's identity", in -> new VoterId(Fields.getUuid(in)));
            AcceptorStore acceptors = new AcceptorStore(store, voter);
            snapshot.get(CONFIG).ifPresent(acceptors::readConfig);
            return acceptors;
        }
    }

    public VoterId voter() {
        return voter;
    }

    /** The config that this voter has stored. */
    public Optional<RegistryConfig> config() {
        return config;
    }

    /** Whether this voter takes part in decisions. */
    public boolean isServing() {
        return serving;
    }

    /**
     * Answers a group of requests in order; whatever the answers say is durable on return.
     *
     * @throws StorageException when it may not be; then nothing of the group may be answered, and the voter must stop
     */
    public List<RegistryReply> answer(List<RegistryRequest> requests) {
        Group group = new Group();
        List<RegistryReply> replies = new ArrayList<>(requests.size());
        try (Snapshot snapshot = store.openSnapshot()) {
            for (RegistryRequest request : requests) {
                replies.add(group.answer(request, snapshot));
            }
        }
        group.commit();
        return replies;
    }

    @Override
    public void close() {
        store.close();
    }

    private void readConfig(Payload encoded) {
        GuardedValue.decode(CONFIG, encoded, "the voter's config", in -> {
            serving = Fields.getBoolean(in);
            config = Optional.of(RegistryConfig.decode(in));
            return config;
        });
    }

    private static Payload keyOf(RegistryKey key) {
        return Payload.ofUtf8(REGISTER + key.path());
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
        private Optional<RegistryConfig> newConfig = config;
        private boolean newServing = serving;

        RegistryReply answer(RegistryRequest request, Snapshot snapshot) {
            if (request instanceof RegistryRequest.OfEpoch ofEpoch) {
                Optional<RegistryReply> refusal = refusalOf(ofEpoch);
                return refusal.isPresent() ? refusal.get() : answerOfEpoch(ofEpoch, snapshot);
            } else if (request instanceof RegistryRequest.FoundCluster found) {
                return found(found);
            } else if (request instanceof RegistryRequest.ActivateConfig activate) {
                return activate(activate);
            }
            return new RegistryReply.VoterDescribed(voter, request.requestId(), newConfig, newServing);
        }

        private Optional<RegistryReply> refusalOf(RegistryRequest.OfEpoch request) {
            String reason = null;
            if (!request.target().equals(voter)) {
                reason = "this is voter " + voter + ", not " + request.target();
            } else if (!newServing) {
                reason = "the voter does not serve yet";
            } else if (newConfig.map(RegistryConfig::epoch).orElse(0L) != request.configEpoch()) {
                reason = "the voter is in another config epoch than " + request.configEpoch();
            }
            return Optional.ofNullable(reason)
                    .map(r -> new RegistryReply.VoterRefused(voter, request.requestId(), r, newConfig));
        }

        private RegistryReply answerOfEpoch(RegistryRequest.OfEpoch request, Snapshot snapshot) {
            if (request instanceof RegistryRequest.Prepare prepare) {
                Acceptor.Step step = Acceptor.prepare(stateOf(prepare.key(), snapshot), prepare.ballot());
                keep(prepare.key(), step);
                Acceptor.State state = step.state();
                return step.agreed()
                        ? new RegistryReply.Promised(
                                voter, prepare.requestId(), prepare.ballot(), state.accepted(), state.value())
                        : new RegistryReply.BallotRejected(
                                voter, prepare.requestId(), prepare.ballot(), state.promised());
            } else if (request instanceof RegistryRequest.Accept accept) {
                Acceptor.Step step = Acceptor.accept(
                        stateOf(accept.key(), snapshot), accept.ballot(), accept.value(), accept.next());
                keep(accept.key(), step);
                return step.agreed()
                        ? new RegistryReply.Accepted(voter, accept.requestId(), accept.ballot())
                        : new RegistryReply.BallotRejected(
                                voter,
                                accept.requestId(),
                                accept.ballot(),
                                step.state().promised());
            } else if (request instanceof RegistryRequest.ReadRegister read) {
                Acceptor.State state = stateOf(read.key(), snapshot);
                return new RegistryReply.RegisterRead(voter, read.requestId(), state.accepted(), state.value());
            }
            return list((RegistryRequest.ListRegisters) request, snapshot);
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
                    Payload.ofUtf8(REGISTER + list.prefix() + '\u007f'),
                    (key, value) -> {
                        if (registers.size() == limit || bytes[0] >= LIST_BYTES_MAX) {
                            more[0] = true;
                            return false;
                        }
                        int size = value.remaining();
                        Acceptor.State state = decodeState(key, value);
                        if (!state.accepted().isZero()) {
                            bytes[0] += key.length() + size;
                            registers.add(new RegistryReply.Listed(
                                    new RegistryKey(key.toUtf8().substring(REGISTER.length())),
                                    state.accepted(),
                                    state.value()));
                        }
                        return true;
                    });
            return new RegistryReply.RegistersListed(voter, list.requestId(), registers, more[0]);
        }

        private RegistryReply found(RegistryRequest.FoundCluster request) {
            if (!request.target().equals(voter) || !request.config().voters().contains(voter)) {
                return new RegistryReply.VoterRefused(
                        voter, request.requestId(), "the config does not name voter " + voter, newConfig);
            }
            if (newConfig.isPresent() && !newConfig.get().equals(request.config())) {
                return new RegistryReply.VoterRefused(
                        voter, request.requestId(), "the voter has stored another config already", newConfig);
            }
            newConfig = Optional.of(request.config());
            return new RegistryReply.ConfigStored(voter, request.requestId());
        }

        private RegistryReply activate(RegistryRequest.ActivateConfig request) {
            if (!request.target().equals(voter)
                    || newConfig.filter(request.config()::equals).isEmpty()) {
                return new RegistryReply.VoterRefused(
                        voter, request.requestId(), "the voter has not stored this config", newConfig);
            }
            newServing = true;
            return new RegistryReply.ConfigStored(voter, request.requestId());
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

        private void keep(RegistryKey key, Acceptor.Step step) {
            if (!step.state().equals(read.get(key))) {
                changed.put(key, step.state());
            }
        }

        private void commit() {
            boolean configChanged = newServing != serving || !newConfig.equals(config);
            if (changed.isEmpty() && !configChanged) {
                return;
            }
            try (Transaction transaction = store.begin()) {
                changed.forEach((key, state) -> transaction.put(keyOf(key), encodeState(keyOf(key), state)));
                if (configChanged) {
                    transaction.put(CONFIG, GuardedValue.encode(CONFIG, 256, out -> {
                        Fields.putBoolean(out, newServing);
                        newConfig.orElseThrow().encode(out);
                    }));
                }
                transaction.commit();
            }
            config = newConfig;
            serving = newServing;
        }
    }
}
