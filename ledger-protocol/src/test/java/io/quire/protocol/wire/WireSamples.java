package io.quire.protocol.wire;

import io.quire.protocol.Ballot;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerIdRange;
import io.quire.protocol.LedgerPassword;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RandomValues;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.SessionId;
import io.quire.protocol.VoterId;
import io.quire.protocol.wire.BookieReply.BatchRange;
import io.quire.protocol.wire.BookieReply.BatchReceived;
import io.quire.protocol.wire.BookieReply.BatchRefused;
import io.quire.protocol.wire.BookieReply.BookieIdentified;
import io.quire.protocol.wire.BookieReply.DropsConfirmed;
import io.quire.protocol.wire.BookieReply.EntriesAdded;
import io.quire.protocol.wire.BookieReply.EntriesPushed;
import io.quire.protocol.wire.BookieReply.EntriesRead;
import io.quire.protocol.wire.BookieReply.EntriesRecovered;
import io.quire.protocol.wire.BookieReply.LastAddConfirmedRead;
import io.quire.protocol.wire.BookieReply.LedgerFenced;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieReply.RequestRefused;
import io.quire.protocol.wire.BookieReply.SessionAck;
import io.quire.protocol.wire.BookieReply.SessionEnded;
import io.quire.protocol.wire.BookieReply.SessionOpened;
import io.quire.protocol.wire.BookieReply.SessionRefused;
import io.quire.protocol.wire.BookieRequest.AddEntries;
import io.quire.protocol.wire.BookieRequest.Batch;
import io.quire.protocol.wire.BookieRequest.CloseSession;
import io.quire.protocol.wire.BookieRequest.ConfirmDropped;
import io.quire.protocol.wire.BookieRequest.FenceLedger;
import io.quire.protocol.wire.BookieRequest.GrantCredit;
import io.quire.protocol.wire.BookieRequest.IdentifyBookie;
import io.quire.protocol.wire.BookieRequest.OpenSession;
import io.quire.protocol.wire.BookieRequest.ProbeSession;
import io.quire.protocol.wire.BookieRequest.ReadEntries;
import io.quire.protocol.wire.BookieRequest.ReadLastAddConfirmed;
import io.quire.protocol.wire.BookieRequest.RecoveryAddEntries;
import io.quire.protocol.wire.BookieRequest.SubscribeLedger;
import io.quire.protocol.wire.BookieRequest.UnsubscribeLedger;
import io.quire.protocol.wire.RegistryReply.Accepted;
import io.quire.protocol.wire.RegistryReply.BallotRejected;
import io.quire.protocol.wire.RegistryReply.ConfigStored;
import io.quire.protocol.wire.RegistryReply.Copied;
import io.quire.protocol.wire.RegistryReply.LedgerCollected;
import io.quire.protocol.wire.RegistryReply.Listed;
import io.quire.protocol.wire.RegistryReply.Promised;
import io.quire.protocol.wire.RegistryReply.RegisterRead;
import io.quire.protocol.wire.RegistryReply.RegistersCopied;
import io.quire.protocol.wire.RegistryReply.RegistersListed;
import io.quire.protocol.wire.RegistryReply.VoterDescribed;
import io.quire.protocol.wire.RegistryReply.VoterRefused;
import io.quire.protocol.wire.RegistryRequest.Accept;
import io.quire.protocol.wire.RegistryRequest.ActivateConfig;
import io.quire.protocol.wire.RegistryRequest.CollectLedger;
import io.quire.protocol.wire.RegistryRequest.CopyRegisters;
import io.quire.protocol.wire.RegistryRequest.DescribeVoter;
import io.quire.protocol.wire.RegistryRequest.FoundCluster;
import io.quire.protocol.wire.RegistryRequest.ListRegisters;
import io.quire.protocol.wire.RegistryRequest.Prepare;
import io.quire.protocol.wire.RegistryRequest.ReadRegister;
import io.quire.protocol.wire.RegistryRequest.SealVoter;
import io.quire.protocol.wire.RegistryRequest.StoreCopies;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;

/** Messages to test with: one fixed message of each kind, and as many random ones as wanted. */
public final class WireSamples {
    private static final BookieId BOOKIE = new BookieId(new UUID(0x0102030405060708L, 0x090a0b0c0d0e0f10L));
    private static final BootEpoch EPOCH = new BootEpoch(3);
    private static final LedgerId LEDGER = new LedgerId(17);
    private static final SessionId SESSION = new SessionId(BOOKIE, EPOCH, 5);
    private static final SessionId OTHER_SESSION = new SessionId(BOOKIE, EPOCH, 6);
    private static final Payload PROOF =
            LedgerPassword.of(new byte[] {1, 2, 3}).keyOf(LEDGER).proof();
    private static final VoterId VOTER = new VoterId(new UUID(0x2122232425262728L, 0x292a2b2c2d2e2f30L));
    private static final VoterId OTHER_VOTER = new VoterId(new UUID(0x3132333435363738L, 0x393a3b3c3d3e3f40L));
    private static final ProposerId PROPOSER = new ProposerId(new UUID(0x4142434445464748L, 0x494a4b4c4d4e4f50L));
    private static final Ballot BALLOT = new Ballot(7, PROPOSER);
    private static final Ballot NEXT_BALLOT = new Ballot(8, PROPOSER);
    private static final RegistryKey KEY = RegistryKey.ofLedger(LEDGER);
    private static final RegisterValue VALUE = RegisterValue.ABSENT
            .changedTo(Payload.ofUtf8("first"), new OpId(new UUID(0x51, 0x52)))
            .changedTo(Payload.ofUtf8("second"), new OpId(new UUID(0x53, 0x54)));
    private static final RegistryConfig CONFIG = new RegistryConfig(2, "orders", "c0ffee", List.of(VOTER, OTHER_VOTER));
    private static final EntryBatch ENTRIES = EntryBatch.of(List.of(
            EntryFormat.encode(LEDGER, 4, 2, 105, Payload.ofUtf8("hello"), DigestType.CRC32C),
            EntryFormat.encode(LEDGER, 5, 3, 105, Payload.EMPTY, DigestType.CRC32C)));

    private WireSamples() {}

    /** One fixed message of each kind, for golden files. */
    public static List<WireMessage> fixed() {
        return List.of(
                new OpenSession(BOOKIE, 9, LEDGER, 2, PROOF),
                new AddEntries(
                        BOOKIE,
                        List.of(
                                new Batch(SESSION, 2, 4096, 3, ENTRIES, true),
                                new Batch(OTHER_SESSION, 1, 0, EntryId.NONE, EntryBatch.EMPTY))),
                new ProbeSession(BOOKIE, SESSION),
                new CloseSession(BOOKIE, SESSION),
                new FenceLedger(BOOKIE, 9, LEDGER, PROOF),
                new ReadEntries(BOOKIE, 9, LEDGER, 4, 200, 64, 1 << 20, true, PROOF),
                new ReadLastAddConfirmed(BOOKIE, 9, LEDGER),
                new IdentifyBookie(BOOKIE, 9),
                new RecoveryAddEntries(BOOKIE, 9, LEDGER, 4, PROOF, ENTRIES),
                new SubscribeLedger(BOOKIE, 9, LEDGER, 4, 41, 1 << 20),
                new GrantCredit(BOOKIE, 9, LEDGER, 41, 1 << 21),
                new UnsubscribeLedger(BOOKIE, 9, LEDGER),
                new ConfirmDropped(BOOKIE, 9, List.of(LEDGER, new LedgerId(18))),
                new SessionOpened(9, LEDGER, SESSION, 1 << 20),
                new SessionRefused(BOOKIE, 9, LEDGER, Refusal.NOT_A_MEMBER, "not in fragment 2"),
                new EntriesAdded(List.of(
                        new SessionAck(SESSION, 12, List.of(new BatchRange(14, 14), new BatchRange(16, 20)), 1 << 20),
                        new SessionAck(OTHER_SESSION, 0, List.of(), 4096))),
                new SessionEnded(SESSION, Refusal.FENCED, "recovery"),
                new BatchRefused(SESSION, 3, Refusal.CONFLICTING_BYTES, "entry 5 größer"),
                new LedgerFenced(BOOKIE, EPOCH, 9, LEDGER, 41),
                new EntriesRead(BOOKIE, EPOCH, 9, LEDGER, ENTRIES, 6, 5),
                new LastAddConfirmedRead(BOOKIE, EPOCH, 9, LEDGER, EntryId.NONE),
                new BookieIdentified(BOOKIE, EPOCH, 9),
                new EntriesRecovered(BOOKIE, EPOCH, 9, LEDGER),
                new BatchReceived(SESSION, 3),
                new EntriesPushed(BOOKIE, EPOCH, 9, LEDGER, 3, 8192, ENTRIES, 6, 5),
                new DropsConfirmed(BOOKIE, EPOCH, 9, List.of(new LedgerId(18))),
                new RequestRefused(BOOKIE, 9, Refusal.WRONG_BOOKIE, "another store"),
                new Prepare(VOTER, 2, 9, KEY, BALLOT),
                new Accept(VOTER, 2, 9, KEY, BALLOT, VALUE, NEXT_BALLOT),
                new ReadRegister(VOTER, 2, 9, RegistryKey.IDS),
                new ListRegisters(VOTER, 2, 9, RegistryKey.LEDGERS, Optional.of(KEY), 100),
                new DescribeVoter(9),
                new FoundCluster(VOTER, 9, CONFIG),
                new ActivateConfig(VOTER, 9, CONFIG),
                new SealVoter(VOTER, 9, CONFIG),
                new CopyRegisters(VOTER, 9, CONFIG, Optional.of(KEY)),
                new StoreCopies(
                        VOTER,
                        9,
                        CONFIG,
                        List.of(new Copied(KEY, NEXT_BALLOT, BALLOT, VALUE)),
                        List.of(new LedgerIdRange(3, 5), new LedgerIdRange(7, 7))),
                new CollectLedger(VOTER, 2, 9, LEDGER),
                new RegistersCopied(
                        VOTER,
                        9,
                        List.of(new Copied(KEY, NEXT_BALLOT, BALLOT, VALUE)),
                        List.of(new LedgerIdRange(3, 5)),
                        Optional.of(KEY)),
                new LedgerCollected(VOTER, 9),
                new Promised(VOTER, 9, NEXT_BALLOT, BALLOT, VALUE),
                new Accepted(VOTER, 9, BALLOT),
                new BallotRejected(VOTER, 9, BALLOT, NEXT_BALLOT),
                new RegisterRead(VOTER, 9, Ballot.ZERO, RegisterValue.ABSENT),
                new RegistersListed(
                        VOTER,
                        9,
                        List.of(
                                new Listed(KEY, BALLOT, VALUE),
                                new Listed(RegistryKey.ofLedger(new LedgerId(18)), NEXT_BALLOT, VALUE)),
                        true),
                new VoterDescribed(VOTER, 9, Optional.of(CONFIG), true, Optional.empty()),
                new ConfigStored(VOTER, 9),
                new VoterRefused(VOTER, 9, "epoch 1 is over", Optional.of(CONFIG)),
                new Bundle(List.of(new DescribeVoter(9), new ProbeSession(BOOKIE, SESSION))));
    }

    /** A random message of each kind, in the order of {@link #fixed}. */
    public static List<WireMessage> random(RandomValues values) {
        List<WireMessage> messages = new ArrayList<>();
        generators().forEach(generator -> messages.add(generator.apply(values)));
        return messages;
    }

    /** All kinds of messages: what the sealed families permit. */
    public static List<Class<?>> kinds() {
        List<Class<?>> kinds = new ArrayList<>();
        collectKinds(WireMessage.class, kinds);
        return kinds;
    }

    private static void collectKinds(Class<?> type, List<Class<?>> kinds) {
        if (type.isRecord()) {
            kinds.add(type);
            return;
        }
        Arrays.stream(type.getPermittedSubclasses()).forEach(permitted -> collectKinds(permitted, kinds));
    }

    private static List<Function<RandomValues, WireMessage>> generators() {
        return List.of(
                v -> new OpenSession(v.bookie(), v.number(), v.ledger(), v.number(), v.proof()),
                v -> new AddEntries(v.bookie(), v.list(4, () -> batch(v))),
                v -> new ProbeSession(v.bookie(), v.session()),
                v -> new CloseSession(v.bookie(), v.session()),
                v -> new FenceLedger(v.bookie(), v.number(), v.ledger(), v.proof()),
                WireSamples::readEntries,
                v -> new ReadLastAddConfirmed(v.bookie(), v.number(), v.ledger()),
                v -> new IdentifyBookie(v.bookie(), v.number()),
                v -> new RecoveryAddEntries(v.bookie(), v.number(), v.ledger(), v.number(), v.proof(), v.batch()),
                v -> new SubscribeLedger(
                        v.bookie(), v.number(), v.ledger(), v.number() / 2, v.entryIdOrNone(), v.number()),
                v -> new GrantCredit(v.bookie(), v.number(), v.ledger(), v.entryIdOrNone(), v.number()),
                v -> new UnsubscribeLedger(v.bookie(), v.number(), v.ledger()),
                v -> new ConfirmDropped(v.bookie(), v.number(), v.list(4, v::ledger)),
                v -> new SessionOpened(v.number(), v.ledger(), v.session(), v.number()),
                v -> new SessionRefused(v.bookie(), v.number(), v.ledger(), refusal(v), v.text()),
                v -> new EntriesAdded(v.list(4, () -> ack(v))),
                v -> new SessionEnded(v.session(), refusal(v), v.text()),
                v -> new BatchRefused(v.session(), v.number(), refusal(v), v.text()),
                v -> new LedgerFenced(v.bookie(), v.epoch(), v.number(), v.ledger(), v.entryIdOrNone()),
                v -> new EntriesRead(
                        v.bookie(), v.epoch(), v.number(), v.ledger(), v.batch(), v.number(), v.entryIdOrNone()),
                v -> new LastAddConfirmedRead(v.bookie(), v.epoch(), v.number(), v.ledger(), v.entryIdOrNone()),
                v -> new BookieIdentified(v.bookie(), v.epoch(), v.number()),
                v -> new EntriesRecovered(v.bookie(), v.epoch(), v.number(), v.ledger()),
                v -> new BatchReceived(v.session(), v.number()),
                v -> new EntriesPushed(
                        v.bookie(),
                        v.epoch(),
                        v.number(),
                        v.ledger(),
                        v.number(),
                        v.number(),
                        v.batch(),
                        v.number(),
                        v.entryIdOrNone()),
                v -> new DropsConfirmed(v.bookie(), v.epoch(), v.number(), v.list(4, v::ledger)),
                v -> new RequestRefused(v.bookie(), v.number(), refusal(v), v.text()),
                v -> new Prepare(v.voter(), v.number(), v.number(), v.key(), v.ballot()),
                v -> new Accept(v.voter(), v.number(), v.number(), v.key(), v.ballot(), v.register(), v.ballot()),
                v -> new ReadRegister(v.voter(), v.number(), v.number(), v.key()),
                v -> new ListRegisters(v.voter(), v.number(), v.number(), v.text(), v.optional(v::key), v.below(1000)),
                v -> new DescribeVoter(v.number()),
                v -> new FoundCluster(v.voter(), v.number(), v.config()),
                v -> new ActivateConfig(v.voter(), v.number(), v.config()),
                v -> new Promised(v.voter(), v.number(), v.ballot(), v.ballot(), v.register()),
                v -> new Accepted(v.voter(), v.number(), v.ballot()),
                v -> new BallotRejected(v.voter(), v.number(), v.ballot(), v.ballot()),
                v -> new RegisterRead(v.voter(), v.number(), v.ballot(), v.register()),
                v -> new RegistersListed(
                        v.voter(),
                        v.number(),
                        v.list(4, () -> new Listed(v.key(), v.ballot(), v.register())),
                        v.coin()),
                v -> new VoterDescribed(v.voter(), v.number(), v.optional(v::config), v.coin(), v.optional(v::config)),
                v -> new SealVoter(v.voter(), v.number(), v.config()),
                v -> new CopyRegisters(v.voter(), v.number(), v.config(), v.optional(v::key)),
                v -> new StoreCopies(
                        v.voter(), v.number(), v.config(), v.list(4, () -> copied(v)), v.list(4, () -> range(v))),
                v -> new CollectLedger(v.voter(), v.number(), v.number(), v.ledger()),
                v -> new LedgerCollected(v.voter(), v.number()),
                v -> new RegistersCopied(
                        v.voter(),
                        v.number(),
                        v.list(4, () -> copied(v)),
                        v.list(4, () -> range(v)),
                        v.optional(v::key)),
                v -> new ConfigStored(v.voter(), v.number()),
                v -> new VoterRefused(v.voter(), v.number(), v.text(), v.optional(v::config)),
                v -> new Bundle(List.of(
                        new DescribeVoter(v.number()),
                        new RecoveryAddEntries(v.bookie(), v.number(), v.ledger(), v.number(), v.proof(), v.batch()))));
    }

    private static LedgerIdRange range(RandomValues v) {
        long first = v.number() / 2;
        return new LedgerIdRange(first, first + v.number() / 4);
    }

    private static Copied copied(RandomValues v) {
        return new Copied(v.key(), v.ballot(), v.ballot(), v.register());
    }

    private static Refusal refusal(RandomValues v) {
        return v.oneOf(Refusal.values());
    }

    private static Batch batch(RandomValues v) {
        EntryBatch entries = v.batch();
        return new Batch(
                v.session(),
                Math.max(1, v.number()),
                Math.max(entries.byteSize(), v.number()),
                v.entryIdOrNone(),
                entries);
    }

    private static SessionAck ack(RandomValues v) {
        return new SessionAck(
                v.session(),
                v.number(),
                v.list(5, () -> {
                    long first = 1 + v.number() / 2;
                    return new BatchRange(first, first + v.below(100));
                }),
                v.number());
    }

    private static ReadEntries readEntries(RandomValues v) {
        long first = v.number() / 2;
        return new ReadEntries(
                v.bookie(),
                v.number(),
                v.ledger(),
                first,
                first + v.below(100),
                1 + v.below(100),
                1 + v.below(1 << 30),
                v.coin(),
                v.proof());
    }
}
