package io.quire.admin;

import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import java.io.NotSerializableException;
import java.nio.ByteBuffer;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * Reads and writes {@link WriterMessage}s; the manifest names the message and its format.
 *
 * <pre>
 *   manifest "F1"  FindWriter     int64 ledger id, string replyTo (an actor path)
 *   manifest "W1"  WriterFound    int64 ledger id, string url
 *   manifest "D1"  ForgetWriter   int64 ledger id
 * </pre>
 *
 * <p>Thread-safe. Pekko creates it from {@code reference.conf}.
 */
public final class WriterMessageSerializer extends SerializerWithStringManifest {
    /** Names this codec in each frame, in all nodes. */
    public static final int IDENTIFIER = 7143;

    private static final String FIND_WRITER = "F1";
    private static final String WRITER_FOUND = "W1";
    private static final String FORGET_WRITER = "D1";

    private final ExtendedActorSystem system;

    public WriterMessageSerializer(ExtendedActorSystem system) {
        this.system = system;
    }

    @Override
    public int identifier() {
        return IDENTIFIER;
    }

    /**
     * @throws IllegalArgumentException when {@code message} is no {@link WriterMessage}
     */
    @Override
    public String manifest(Object message) {
        if (message instanceof WriterMessage.FindWriter) {
            return FIND_WRITER;
        } else if (message instanceof WriterMessage.WriterFound) {
            return WRITER_FOUND;
        } else if (message instanceof WriterMessage.ForgetWriter) {
            return FORGET_WRITER;
        }
        throw notOurs(message);
    }

    /**
     * @throws IllegalArgumentException when {@code message} is no {@link WriterMessage}
     */
    @Override
    public byte[] toBinary(Object message) {
        return Fields.encode(128, out -> {
                    if (message instanceof WriterMessage.FindWriter find) {
                        out.putLong(find.ledgerId().value());
                        Fields.putString(out, resolver().toSerializationFormat(find.replyTo()));
                    } else if (message instanceof WriterMessage.WriterFound found) {
                        out.putLong(found.ledgerId().value());
                        Fields.putString(out, found.url());
                    } else if (message instanceof WriterMessage.ForgetWriter forget) {
                        out.putLong(forget.ledgerId().value());
                    } else {
                        throw notOurs(message);
                    }
                })
                .toByteArray();
    }

    /**
     * @throws NotSerializableException when the manifest is not known
     * @throws Fields.MalformedException when the bytes are not exactly one message
     */
    @Override
    public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        return switch (manifest) {
            case FIND_WRITER ->
                Fields.decodeAll(
                        in,
                        i -> new WriterMessage.FindWriter(
                                new LedgerId(i.getLong()), resolver().resolveActorRef(Fields.getString(i))));
            case WRITER_FOUND ->
                Fields.decodeAll(
                        in, i -> new WriterMessage.WriterFound(new LedgerId(i.getLong()), Fields.getString(i)));
            case FORGET_WRITER -> Fields.decodeAll(in, i -> new WriterMessage.ForgetWriter(new LedgerId(i.getLong())));
            default -> throw new NotSerializableException("a message about writers of unknown format " + manifest);
        };
    }

    private ActorRefResolver resolver() {
        return ActorRefResolver.get(Adapter.toTyped(system));
    }

    private static IllegalArgumentException notOurs(Object message) {
        return new IllegalArgumentException("not a message about writers: " + message.getClass());
    }
}
