package io.quire.protocol.wire;

import static io.quire.protocol.wire.WireFields.getBallot;
import static io.quire.protocol.wire.WireFields.getKey;
import static io.quire.protocol.wire.WireFields.getLedger;
import static io.quire.protocol.wire.WireFields.getOptional;
import static io.quire.protocol.wire.WireFields.getVoter;
import static io.quire.protocol.wire.WireFields.putBallot;
import static io.quire.protocol.wire.WireFields.putKey;
import static io.quire.protocol.wire.WireFields.putOptional;
import static io.quire.protocol.wire.WireFields.putVoter;

import io.quire.protocol.Fields;
import io.quire.protocol.LedgerIdRange;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.VoterId;
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
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The formats of {@link RegistryRequest} and {@link RegistryReply}; the layouts stand with {@link QuireSerializer}.
 * Stateless.
 */
final class RegistryFormat {
    /** A key, a ballot and a value, all empty. */
    private static final int LISTED_BYTES_MIN = Integer.BYTES + 3 * Long.BYTES + Long.BYTES + 2 * Integer.BYTES;

    private static final int COPIED_BYTES_MIN = LISTED_BYTES_MIN + 3 * Long.BYTES;

    /** Ids, ballots, a ledger's key and the recent writes. */
    private static final int BESIDE_VALUE_BYTES = 640;

    static final List<MessageFormat<?>> ALL = List.of(
            MessageFormat.small(
                    "P",
                    Prepare.class,
                    RegistryFormat::putPrepare,
                    in -> new Prepare(getVoter(in), in.getLong(), in.getLong(), getKey(in), getBallot(in))),
            new MessageFormat<>(
                    "Q",
                    Accept.class,
                    accept -> likelyBytes(accept.value()),
                    RegistryFormat::putAccept,
                    RegistryFormat::getAccept),
            MessageFormat.small(
                    "R",
                    ReadRegister.class,
                    (out, read) -> {
                        putRegisterRequest(out, read);
                        putKey(out, read.key());
                    },
                    in -> new ReadRegister(getVoter(in), in.getLong(), in.getLong(), getKey(in))),
            MessageFormat.small(
                    "S", ListRegisters.class, RegistryFormat::putListRegisters, RegistryFormat::getListRegisters),
            MessageFormat.small(
                    "T",
                    DescribeVoter.class,
                    (out, describe) -> out.putLong(describe.requestId()),
                    in -> new DescribeVoter(in.getLong())),
            MessageFormat.small(
                    "U",
                    FoundCluster.class,
                    (out, found) -> putConfigRequest(out, found.target(), found.requestId(), found.config()),
                    in -> new FoundCluster(getVoter(in), in.getLong(), RegistryConfig.decode(in))),
            MessageFormat.small(
                    "V",
                    ActivateConfig.class,
                    (out, activate) ->
                            putConfigRequest(out, activate.target(), activate.requestId(), activate.config()),
                    in -> new ActivateConfig(getVoter(in), in.getLong(), RegistryConfig.decode(in))),
            new MessageFormat<>(
                    "p",
                    Promised.class,
                    promised -> likelyBytes(promised.value()),
                    RegistryFormat::putPromised,
                    in -> new Promised(
                            getVoter(in), in.getLong(), getBallot(in), getBallot(in), RegisterValue.decode(in))),
            MessageFormat.small(
                    "q",
                    Accepted.class,
                    (out, accepted) -> {
                        putReply(out, accepted);
                        putBallot(out, accepted.ballot());
                    },
                    in -> new Accepted(getVoter(in), in.getLong(), getBallot(in))),
            new MessageFormat<>(
                    "r",
                    RegisterRead.class,
                    read -> likelyBytes(read.value()),
                    RegistryFormat::putRegisterRead,
                    in -> new RegisterRead(getVoter(in), in.getLong(), getBallot(in), RegisterValue.decode(in))),
            new MessageFormat<>(
                    "s",
                    RegistersListed.class,
                    RegistryFormat::registersListedBytes,
                    RegistryFormat::putRegistersListed,
                    in -> new RegistersListed(
                            getVoter(in),
                            in.getLong(),
                            Fields.getList(in, LISTED_BYTES_MIN, RegistryFormat::getListed),
                            Fields.getBoolean(in))),
            MessageFormat.small(
                    "W",
                    SealVoter.class,
                    (out, seal) -> putConfigRequest(out, seal.target(), seal.requestId(), seal.next()),
                    in -> new SealVoter(getVoter(in), in.getLong(), RegistryConfig.decode(in))),
            MessageFormat.small(
                    "X",
                    CopyRegisters.class,
                    (out, copy) -> {
                        putConfigRequest(out, copy.target(), copy.requestId(), copy.next());
                        putOptional(out, copy.after(), WireFields::putKey);
                    },
                    in -> new CopyRegisters(
                            getVoter(in),
                            in.getLong(),
                            RegistryConfig.decode(in),
                            getOptional(in, WireFields::getKey))),
            new MessageFormat<>(
                    "Y",
                    StoreCopies.class,
                    store -> copiesBytes(store.registers(), store.collected()),
                    (out, store) -> {
                        putConfigRequest(out, store.target(), store.requestId(), store.next());
                        putCopies(out, store.registers(), store.collected());
                    },
                    in -> new StoreCopies(
                            getVoter(in),
                            in.getLong(),
                            RegistryConfig.decode(in),
                            Fields.getList(in, COPIED_BYTES_MIN, RegistryFormat::getCopied),
                            getRanges(in))),
            new MessageFormat<>(
                    "x",
                    RegistersCopied.class,
                    copied -> copiesBytes(copied.registers(), copied.collected()),
                    (out, copied) -> {
                        putReply(out, copied);
                        putCopies(out, copied.registers(), copied.collected());
                        putOptional(out, copied.next(), WireFields::putKey);
                    },
                    in -> new RegistersCopied(
                            getVoter(in),
                            in.getLong(),
                            Fields.getList(in, COPIED_BYTES_MIN, RegistryFormat::getCopied),
                            getRanges(in),
                            getOptional(in, WireFields::getKey))),
            MessageFormat.small(
                    "Z",
                    CollectLedger.class,
                    (out, collect) -> {
                        putRegisterRequest(out, collect);
                        out.putLong(collect.ledgerId().value());
                    },
                    in -> new CollectLedger(getVoter(in), in.getLong(), in.getLong(), getLedger(in))),
            MessageFormat.small(
                    "y",
                    LedgerCollected.class,
                    RegistryFormat::putReply,
                    in -> new LedgerCollected(getVoter(in), in.getLong())),
            MessageFormat.small(
                    "t",
                    VoterDescribed.class,
                    RegistryFormat::putVoterDescribed,
                    in -> new VoterDescribed(
                            getVoter(in),
                            in.getLong(),
                            getOptional(in, RegistryConfig::decode),
                            Fields.getBoolean(in),
                            getOptional(in, RegistryConfig::decode))),
            MessageFormat.small(
                    "u",
                    ConfigStored.class,
                    RegistryFormat::putReply,
                    in -> new ConfigStored(getVoter(in), in.getLong())),
            MessageFormat.small(
                    "v",
                    VoterRefused.class,
                    RegistryFormat::putVoterRefused,
                    in -> new VoterRefused(
                            getVoter(in), in.getLong(), Fields.getString(in), getOptional(in, RegistryConfig::decode))),
            MessageFormat.small(
                    "w",
                    BallotRejected.class,
                    RegistryFormat::putBallotRejected,
                    in -> new BallotRejected(getVoter(in), in.getLong(), getBallot(in), getBallot(in))));

    private RegistryFormat() {}

    private static int likelyBytes(RegisterValue value) {
        return BESIDE_VALUE_BYTES + value.value().length();
    }

    private static void putRegisterRequest(ByteBuffer out, RegistryRequest.OfEpoch request) {
        putVoter(out, request.target());
        out.putLong(request.configEpoch()).putLong(request.requestId());
    }

    private static void putReply(ByteBuffer out, RegistryReply reply) {
        putVoter(out, reply.voter());
        out.putLong(reply.requestId());
    }

    private static void putPrepare(ByteBuffer out, Prepare prepare) {
        putRegisterRequest(out, prepare);
        putKey(out, prepare.key());
        putBallot(out, prepare.ballot());
    }

    private static void putAccept(ByteBuffer out, Accept accept) {
        putRegisterRequest(out, accept);
        putKey(out, accept.key());
        putBallot(out, accept.ballot());
        accept.value().encode(out);
        putBallot(out, accept.next());
    }

    private static Accept getAccept(ByteBuffer in) {
        return new Accept(
                getVoter(in),
                in.getLong(),
                in.getLong(),
                getKey(in),
                getBallot(in),
                RegisterValue.decode(in),
                getBallot(in));
    }

    private static void putListRegisters(ByteBuffer out, ListRegisters list) {
        putRegisterRequest(out, list);
        Fields.putString(out, list.prefix());
        putOptional(out, list.after(), WireFields::putKey);
        out.putInt(list.limit());
    }

    private static ListRegisters getListRegisters(ByteBuffer in) {
        return new ListRegisters(
                getVoter(in),
                in.getLong(),
                in.getLong(),
                Fields.getString(in),
                getOptional(in, WireFields::getKey),
                in.getInt());
    }

    private static void putConfigRequest(ByteBuffer out, VoterId target, long requestId, RegistryConfig config) {
        putVoter(out, target);
        out.putLong(requestId);
        config.encode(out);
    }

    private static void putPromised(ByteBuffer out, Promised promised) {
        putReply(out, promised);
        putBallot(out, promised.ballot());
        putBallot(out, promised.accepted());
        promised.value().encode(out);
    }

    private static void putBallotRejected(ByteBuffer out, BallotRejected rejected) {
        putReply(out, rejected);
        putBallot(out, rejected.ballot());
        putBallot(out, rejected.promised());
    }

    private static void putRegisterRead(ByteBuffer out, RegisterRead read) {
        putReply(out, read);
        putBallot(out, read.accepted());
        read.value().encode(out);
    }

    private static int registersListedBytes(RegistersListed listed) {
        int bytes = BESIDE_VALUE_BYTES;
        for (Listed register : listed.registers()) {
            bytes = Math.addExact(bytes, likelyBytes(register.value()));
        }
        return bytes;
    }

    private static void putRegistersListed(ByteBuffer out, RegistersListed listed) {
        putReply(out, listed);
        Fields.putList(out, listed.registers(), RegistryFormat::putListed);
        Fields.putBoolean(out, listed.more());
    }

    private static void putListed(ByteBuffer out, Listed register) {
        putKey(out, register.key());
        putBallot(out, register.accepted());
        register.value().encode(out);
    }

    private static Listed getListed(ByteBuffer in) {
        return new Listed(getKey(in), getBallot(in), RegisterValue.decode(in));
    }

    private static int copiesBytes(List<Copied> registers, List<LedgerIdRange> collected) {
        int bytes = Math.addExact(BESIDE_VALUE_BYTES, Math.multiplyExact(collected.size(), LedgerIdRange.BYTES));
        for (Copied register : registers) {
            bytes = Math.addExact(bytes, likelyBytes(register.value()));
        }
        return bytes;
    }

    private static void putCopies(ByteBuffer out, List<Copied> registers, List<LedgerIdRange> collected) {
        Fields.putList(out, registers, RegistryFormat::putCopied);
        Fields.putList(out, collected, (o, range) -> range.encode(o));
    }

    private static List<LedgerIdRange> getRanges(ByteBuffer in) {
        return Fields.getList(in, LedgerIdRange.BYTES, LedgerIdRange::decode);
    }

    private static void putCopied(ByteBuffer out, Copied register) {
        putKey(out, register.key());
        putBallot(out, register.promised());
        putBallot(out, register.accepted());
        register.value().encode(out);
    }

    private static Copied getCopied(ByteBuffer in) {
        return new Copied(getKey(in), getBallot(in), getBallot(in), RegisterValue.decode(in));
    }

    private static void putVoterDescribed(ByteBuffer out, VoterDescribed described) {
        putReply(out, described);
        putOptional(out, described.config(), (o, config) -> config.encode(o));
        Fields.putBoolean(out, described.serving());
        putOptional(out, described.next(), (o, config) -> config.encode(o));
    }

    private static void putVoterRefused(ByteBuffer out, VoterRefused refused) {
        putReply(out, refused);
        Fields.putString(out, refused.reason());
        putOptional(out, refused.config(), (o, config) -> config.encode(o));
    }
}
