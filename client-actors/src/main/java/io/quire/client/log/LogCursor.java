package io.quire.client.log;

import io.quire.protocol.Fields;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * A consumer's place in a log, kept by the cluster under a name. Several processes may hold the same cursor: each move says
 * what it expects, and of two that expect the same one wins. Thread-safe.
 *
 * <pre>
 *   register   version 1 byte (1) | log string | cursor string | opt position
 * </pre>
 */
public final class LogCursor {
    private static final byte VERSION = 1;

    private final LogName log;
    private final LogName name;
    private final RegistryKey key;
    private final Registry registry;
    private final LogRegister register;

    /**
     * Where a cursor stands.
     *
     * @param position where to read on; empty when it was never moved, or was deleted
     * @param version of the register, for {@link #moveAsync}
     */
    public record Place(Optional<LogPosition> position, long version) {}

    LogCursor(LogName log, LogName name, Registry registry, LogRegister register) {
        this.log = log;
        this.name = name;
        this.key = name.cursorKey(log);
        this.registry = registry;
        this.register = register;
    }

    public LogName name() {
        return name;
    }

    /** Where it stands now. Fails with NoSuchLog. */
    public CompletionStage<Place> readAsync() {
        return requireLog().thenCompose(exists -> registry.read(key)).thenApply(LogCursor::placeOf);
    }

    /**
     * Moves it to {@code to}, forwards or backwards, if nobody has moved it since {@code expected} was read; otherwise fails
     * with Conflict. Fails with NoSuchLog.
     */
    public CompletionStage<Place> moveAsync(LogPosition to, Place expected) {
        return requireLog().thenCompose(exists -> change(Optional.of(to), expected));
    }

    /** Forgets where it stands, if nobody has moved it since; otherwise fails with Conflict. */
    public CompletionStage<Void> deleteAsync(Place expected) {
        return expected.position().isEmpty()
                ? CompletableFuture.completedStage(null)
                : change(Optional.empty(), expected).thenApply(done -> null);
    }

    private CompletionStage<Place> change(Optional<LogPosition> to, Place expected) {
        return register.change(key, expected.version(), encode(to))
                .thenCompose(version -> version.isPresent()
                        ? CompletableFuture.completedStage(new Place(to, version.get()))
                        : LogFailures.<Place>failed(
                                Code.Conflict,
                                Outcome.NOT_APPLIED,
                                "cursor '" + name + "' of log '" + log + "' was moved by somebody else"));
    }

    private CompletionStage<Void> requireLog() {
        return register.read(log).thenAccept(current -> {
            if (!current.value().exists()) {
                throw LogFailures.noSuchLog(log);
            }
        });
    }

    private Payload encode(Optional<LogPosition> position) {
        return Fields.encode(128, out -> {
            out.put(VERSION);
            Fields.putString(out, log.value());
            Fields.putString(out, name.value());
            Fields.putBoolean(out, position.isPresent());
            position.ifPresent(at -> at.encode(out));
        });
    }

    static Place placeOf(RegisterValue value) {
        return new Place(
                value.isAbsent()
                        ? Optional.empty()
                        : Fields.decodeAll(value.value().asByteBuffer(), LogCursor::decode)
                                .position(),
                value.version());
    }

    /** The name of the cursor that a register belongs to, if it stands anywhere. */
    static Optional<LogName> nameOf(RegisterValue value) {
        return value.isAbsent()
                ? Optional.empty()
                : Optional.of(Fields.decodeAll(value.value().asByteBuffer(), LogCursor::decode))
                        .filter(stored -> stored.position().isPresent())
                        .map(Stored::name);
    }

    private record Stored(LogName name, Optional<LogPosition> position) {}

    private static Stored decode(ByteBuffer in) {
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("a cursor in format " + version + ", of which only 1 is known");
        }
        Fields.getString(in);
        LogName name = new LogName(Fields.getString(in));
        return new Stored(name, Fields.getBoolean(in) ? Optional.of(LogPosition.decode(in)) : Optional.empty());
    }
}
