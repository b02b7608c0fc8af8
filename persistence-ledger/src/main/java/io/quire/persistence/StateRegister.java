package io.quire.persistence;

import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryKey;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * What the register of a durable state holds.
 *
 * <pre>
 *   register   version 1 byte (1) | persistence id string | revision int64 | tag string | opt state
 *   state      serializer int32 | manifest string | 1 byte: 0 and bytes, or 1 and the ledger of a blob, int64
 * </pre>
 *
 * @param revision counts the changes of the state, also its deletion; 0 when there was none
 * @param state empty when there is none, or none any more
 */
record StateRegister(String persistenceId, long revision, String tag, Optional<State> state) {
    private static final byte VERSION = 1;
    private static final int NAME_CHARS_MAX = 150;

    /** A state: its bytes, or the blob that they are in. */
    record State(int serializerId, String manifest, Optional<Payload> bytes, Optional<LedgerId> blob) {}

    static RegistryKey keyOf(String persistenceId) {
        return RegistryKey.ofName("/states/", persistenceId, NAME_CHARS_MAX);
    }

    static StateRegister of(String persistenceId, RegisterValue value) {
        return value.isAbsent()
                ? new StateRegister(persistenceId, 0, "", Optional.empty())
                : Fields.decodeAll(value.value().asByteBuffer(), StateRegister::get);
    }

    Optional<LedgerId> blob() {
        return state.flatMap(State::blob);
    }

    Payload encode() {
        return Fields.encode(
                256 + state.flatMap(State::bytes).map(Payload::length).orElse(0), out -> {
                    out.put(VERSION);
                    Fields.putString(out, persistenceId);
                    out.putLong(revision);
                    Fields.putString(out, tag);
                    Fields.putBoolean(out, state.isPresent());
                    state.ifPresent(present -> put(out, present));
                });
    }

    private static void put(ByteBuffer out, State state) {
        out.putInt(state.serializerId());
        Fields.putString(out, state.manifest());
        Fields.putBoolean(out, state.blob().isPresent());
        state.blob().ifPresent(ledgerId -> out.putLong(ledgerId.value()));
        state.bytes().ifPresent(bytes -> Fields.putPayload(out, bytes));
    }

    private static StateRegister get(ByteBuffer in) {
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("a state in format " + version + ", of which only 1 is known");
        }
        String persistenceId = Fields.getString(in);
        long revision = in.getLong();
        String tag = Fields.getString(in);
        return new StateRegister(
                persistenceId, revision, tag, Fields.getBoolean(in) ? Optional.of(getState(in)) : Optional.empty());
    }

    private static State getState(ByteBuffer in) {
        int serializerId = in.getInt();
        String manifest = Fields.getString(in);
        return Fields.getBoolean(in)
                ? new State(serializerId, manifest, Optional.empty(), Optional.of(new LedgerId(in.getLong())))
                : new State(serializerId, manifest, Optional.of(Fields.getPayload(in)), Optional.empty());
    }
}
