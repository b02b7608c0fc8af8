package io.quire.protocol.wire;

import io.quire.protocol.Fields;
import java.io.NotSerializableException;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.pekko.serialization.ByteBufferSerializer;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * The one codec of all messages that cross the network. A message is named by a one-letter manifest; its first byte is
 * the version of its format (1), the fields follow in big endian, and nothing may follow them.
 *
 * <pre>
 *   fields of {@link Fields} (string, bytes, uuid, list), and of these:
 *   bookie, voter, proposer, op  uuid                        ledger, epoch, entry id  int64
 *   session   bookie, epoch, counter int64                   ballot    counter int64, proposer
 *   key       string                                         opt x     1 byte: 0, or 1 and x
 *   entries   bytes: encoded entries (EntryFormat), no gap   why       1 byte refusal (its ordinal), detail string
 *   value     version int64, bytes, list of (version int64, op)
 *   config    epoch int64, name string, id string, list of voter, ascending
 *   copied    key | promised ballot | accepted ballot | value        range     first and last ledger
 *   lac       last add confirmed, int64                      req       request id, int64
 *   proof     bytes: none, or 32 (LedgerKey)
 *
 *   letter  message               layout behind the version byte
 *   A       OpenSession           bookie | req | ledger | fragment version int64 | proof
 *   B       AddEntries            bookie | list of (session | number int64 | end offset int64 | lac | entries)
 *   C       ProbeSession          bookie | session
 *   D       CloseSession          bookie | session
 *   E       FenceLedger           bookie | req | ledger | proof
 *   F       ReadEntries           bookie | req | ledger | first | last | entries max int32 | bytes max int32 | fencing 1 byte | proof
 *   G       ReadLastAddConfirmed  bookie | req | ledger
 *   H       IdentifyBookie        bookie | req
 *   I       RecoveryAddEntries    bookie | req | ledger | version int64 | proof | entries
 *   J       SubscribeLedger       bookie | req | ledger | first | lac | credit limit int64
 *   K       GrantCredit           bookie | req | ledger | lac | credit limit int64
 *   L       UnsubscribeLedger     bookie | req | ledger
 *   M       ConfirmDropped        bookie | req | list of ledger
 *   a       SessionOpened         req | ledger | session | credit limit int64
 *   b       EntriesAdded          list of (session | cumulative int64 | list of (first int64, last int64) | credit limit int64)
 *   c       SessionRefused        bookie | req | ledger | why
 *   d       SessionEnded          session | why
 *   e       LedgerFenced          bookie | epoch | req | ledger | lac
 *   f       EntriesRead           bookie | epoch | req | ledger | entries | covered to | lac
 *   g       LastAddConfirmedRead  bookie | epoch | req | ledger | lac
 *   h       BookieIdentified      bookie | epoch | req
 *   i       RequestRefused        bookie | req | why
 *   j       BatchRefused          session | number int64 | why
 *   k       EntriesRecovered      bookie | epoch | req | ledger
 *   o       BatchReceived         session | number int64
 *   m       DropsConfirmed        bookie | epoch | req | list of ledger
 *   l       EntriesPushed         bookie | epoch | req | ledger | number int64 | end offset int64 | entries | covered to | lac
 *   P       Prepare               voter | config epoch int64 | req | key | ballot
 *   Q       Accept                voter | config epoch int64 | req | key | ballot | value | next ballot
 *   R       ReadRegister          voter | config epoch int64 | req | key
 *   S       ListRegisters         voter | config epoch int64 | req | prefix string | opt key | limit int32
 *   T       DescribeVoter         req
 *   U       FoundCluster          voter | req | config
 *   V       ActivateConfig        voter | req | config
 *   W       SealVoter             voter | req | next config
 *   X       CopyRegisters         voter | req | next config | opt key
 *   Y       StoreCopies           voter | req | next config | list of copied | list of range
 *   Z       CollectLedger         voter | config epoch int64 | req | ledger
 *   p       Promised              voter | req | ballot | accepted ballot | value
 *   q       Accepted              voter | req | ballot
 *   r       RegisterRead          voter | req | accepted ballot | value
 *   s       RegistersListed       voter | req | list of (key | ballot | value) | more 1 byte
 *   t       VoterDescribed        voter | req | opt config | serving 1 byte | opt next config
 *   u       ConfigStored          voter | req
 *   v       VoterRefused          voter | req | reason string | opt config
 *   w       BallotRejected        voter | req | ballot | promised ballot
 *   x       RegistersCopied       voter | req | list of copied | list of range | opt key
 *   y       LedgerCollected       voter | req
 *   N       Bundle                list of (letter 1 byte | length int32 | the message of that letter, from its version byte)
 * </pre>
 *
 * <p>Entries are not verified here: who stores or uses them does. Reading copies whatever it keeps out of the buffer,
 * the entries of a batch in one piece, and never allocates more than a small multiple of the frame.
 *
 * <p>Stateless and thread-safe. Pekko creates it from {@code reference.conf}.
 */
public final class QuireSerializer extends SerializerWithStringManifest implements ByteBufferSerializer {
    /** Names this codec in each frame, in all nodes. */
    public static final int IDENTIFIER = 7141;

    /** A letter, a length, and a version byte. */
    private static final int BUNDLED_BYTES_MIN = 1 + Integer.BYTES + 1;

    private static final MessageFormat<Bundle> BUNDLE = new MessageFormat<>(
            "N",
            Bundle.class,
            QuireSerializer::bundleBytes,
            (out, bundle) -> Fields.putList(out, bundle.messages(), QuireSerializer::putBundled),
            in -> new Bundle(Fields.getList(in, BUNDLED_BYTES_MIN, QuireSerializer::getBundled)));

    private static final Map<Class<?>, MessageFormat<?>> BY_TYPE = new HashMap<>();
    private static final Map<String, MessageFormat<?>> BY_MANIFEST = new HashMap<>();

    static {
        Stream.of(BookieRequestFormat.ALL, BookieReplyFormat.ALL, RegistryFormat.ALL, List.of(BUNDLE))
                .flatMap(List::stream)
                .forEach(format -> {
                    if (BY_TYPE.put(format.type(), format) != null
                            || BY_MANIFEST.put(format.manifest(), format) != null) {
                        throw new IllegalStateException(format.manifest() + " or " + format.type() + " stands twice");
                    }
                });
    }

    @Override
    public int identifier() {
        return IDENTIFIER;
    }

    /**
     * @throws IllegalArgumentException when {@code message} is no {@link WireMessage}
     */
    @Override
    public String manifest(Object message) {
        return formatOfMessage(message).manifest();
    }

    /**
     * @throws IllegalArgumentException when {@code message} is no {@link WireMessage}
     */
    @Override
    public byte[] toBinary(Object message) {
        MessageFormat<?> format = formatOfMessage(message);
        WireMessage wireMessage = (WireMessage) message;
        return Fields.encode(format.likelyBytes(wireMessage), out -> format.encode(out, wireMessage))
                .toByteArray();
    }

    /**
     * Writes {@code message} at the position of {@code out}, whose byte order does not matter.
     *
     * @throws BufferOverflowException when it does not fit; Artery then drops it and says so
     * @throws IllegalArgumentException when {@code message} is no {@link WireMessage}
     */
    @Override
    public void toBinary(Object message, ByteBuffer out) {
        MessageFormat<?> format = formatOfMessage(message);
        // Artery's buffers are little endian; they go back as they came.
        ByteOrder order = out.order();
        out.order(ByteOrder.BIG_ENDIAN);
        try {
            format.encode(out, (WireMessage) message);
        } finally {
            out.order(order);
        }
    }

    /**
     * @throws NotSerializableException when no message has this manifest
     * @throws Fields.MalformedException when the bytes are not exactly one such message in a known format
     */
    @Override
    public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
        return formatOfManifest(manifest).decode(ByteBuffer.wrap(bytes));
    }

    /**
     * Reads one message from what remains in {@code in}, whose byte order does not matter and which may be reused
     * afterwards.
     *
     * @throws NotSerializableException when no message has this manifest
     * @throws Fields.MalformedException when the bytes are not exactly one such message in a known format
     */
    @Override
    public Object fromBinary(ByteBuffer in, String manifest) throws NotSerializableException {
        MessageFormat<?> format = formatOfManifest(manifest);
        ByteOrder order = in.order();
        in.order(ByteOrder.BIG_ENDIAN);
        try {
            return format.decode(in);
        } finally {
            in.order(order);
        }
    }

    /** About how many bytes {@code message} takes. */
    static int likelyBytes(WireMessage message) {
        return formatOfMessage(message).likelyBytes(message);
    }

    private static int bundleBytes(Bundle bundle) {
        int bytes = Integer.BYTES;
        for (WireMessage message : bundle.messages()) {
            bytes = Math.addExact(bytes, BUNDLED_BYTES_MIN + likelyBytes(message));
        }
        return bytes;
    }

    private static void putBundled(ByteBuffer out, WireMessage message) {
        MessageFormat<?> format = formatOfMessage(message);
        out.put((byte) format.manifest().charAt(0));
        int lengthAt = out.position();
        out.putInt(0);
        format.encode(out, message);
        out.putInt(lengthAt, out.position() - lengthAt - Integer.BYTES);
    }

    private static WireMessage getBundled(ByteBuffer in) {
        String manifest = String.valueOf((char) in.get());
        MessageFormat<?> format = BY_MANIFEST.get(manifest);
        if (format == null || format.type() == Bundle.class) {
            throw new IllegalArgumentException("no message with the manifest '" + manifest + "' may be in a bundle");
        }
        int length = Fields.getCount(in, 1);
        WireMessage message = format.decode(in.slice(in.position(), length));
        in.position(in.position() + length);
        return message;
    }

    private static MessageFormat<?> formatOfMessage(Object message) {
        MessageFormat<?> format = BY_TYPE.get(message.getClass());
        if (format == null) {
            throw new IllegalArgumentException(message.getClass().getName() + " is not a message of Quire");
        }
        return format;
    }

    private static MessageFormat<?> formatOfManifest(String manifest) throws NotSerializableException {
        MessageFormat<?> format = BY_MANIFEST.get(manifest);
        if (format == null) {
            throw new NotSerializableException("no message of Quire has the manifest '" + manifest + "'");
        }
        return format;
    }
}
