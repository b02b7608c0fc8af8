package io.quire.simulation;

import io.quire.protocol.wire.QuireSerializer;
import io.quire.protocol.wire.WireMessage;
import java.io.NotSerializableException;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * Carries messages between named endpoints, at most once and in order for each pair as Artery does, but for what {@link
 * NetworkFaults} and cuts do to them. A message for an address where nobody listens when it arrives vanishes.
 *
 * <p>An address is a host, or {@code host#n} for what only the n-th incarnation of that host shall get, as an actor
 * reference does. Cuts are between hosts.
 *
 * <p>Messages are immutable and passed as they are; one of {@value #CODEC_ONE_IN} of those that can travel between
 * processes goes through {@link QuireSerializer} and back. Not thread-safe.
 */
public final class SimulatedNetwork {
    private static final int CODEC_ONE_IN = 64;

    private final Simulation simulation;
    private final Random random;
    private final Random codecRandom;
    private final QuireSerializer codec = new QuireSerializer();
    private final Map<String, Consumer<Envelope>> receivers = new HashMap<>();
    private final Map<Pair, Long> lastArrivals = new HashMap<>();
    private final Set<Pair> cuts = new HashSet<>();
    private NetworkFaults faults;
    private final Map<Class<?>, NetworkFaults> faultsOfKinds = new HashMap<>();
    private Predicate<Envelope> gate = envelope -> true;

    /** A message on its way. */
    public record Envelope(String from, String to, Object message) {}

    private record Pair(String from, String to) {}

    public SimulatedNetwork(Simulation simulation, NetworkFaults faults) {
        this.simulation = simulation;
        this.random = simulation.random("network");
        this.codecRandom = simulation.random("network codec");
        this.faults = faults;
    }

    /** Messages sent from now on meet {@code faults}. */
    public void setFaults(NetworkFaults faults) {
        this.faults = faults;
    }

    /**
     * From now on only those messages arrive that {@code gate} lets through, which is asked when one is about to arrive.
     * It may keep the others for {@link #deliver}.
     */
    public void setGate(Predicate<Envelope> gate) {
        this.gate = gate;
    }

    /** Lets a message arrive now that the gate did not let through, if anybody listens. */
    public void deliver(Envelope envelope) {
        arrive(new Pair(hostOf(envelope.from()), hostOf(envelope.to())), envelope);
    }

    /** Messages of one kind sent from now on meet {@code faults} instead. */
    public void setFaults(Class<?> kind, NetworkFaults faults) {
        faultsOfKinds.put(kind, faults);
    }

    /** No kind of message meets other faults than the rest any more. */
    public void endFaultsOfKinds() {
        faultsOfKinds.clear();
    }

    /** Lets {@code receiver} have what arrives at {@code address}, instead of whoever had it before. */
    public void register(String address, Consumer<Envelope> receiver) {
        receivers.put(address, receiver);
    }

    /** Nobody listens at {@code address} any more. */
    public void unregister(String address) {
        receivers.remove(address);
    }

    /** Sends {@code message}, which must be immutable. */
    public void send(String from, String to, Object message) {
        Pair pair = new Pair(hostOf(from), hostOf(to));
        NetworkFaults met = faultsOfKinds.getOrDefault(message.getClass(), faults);
        if (cuts.contains(pair) || random.nextDouble() < met.loss()) {
            simulation.trace("lost", from, "->", to, message);
            return;
        }
        Envelope envelope = new Envelope(from, to, throughCodec(message));
        if (random.nextDouble() < met.lateness()) {
            deliverIn(delay(met, met.lateMaxNanos()), pair, envelope);
        } else {
            long arrival = Math.max(
                    simulation.nowNanos() + delay(met, met.delayMaxNanos()), lastArrivals.getOrDefault(pair, 0L));
            lastArrivals.put(pair, arrival);
            deliverIn(arrival - simulation.nowNanos(), pair, envelope);
        }
        if (random.nextDouble() < met.duplication()) {
            deliverIn(delay(met, met.lateMaxNanos()), pair, envelope);
        }
    }

    /** Loses everything from host {@code from} to host {@code to}, what is on its way too; the other direction works. */
    public void cut(String from, String to) {
        cuts.add(new Pair(from, to));
    }

    /** Cuts both directions between every member of one side and every member of the other. */
    public void partition(Collection<String> oneSide, Collection<String> otherSide) {
        for (String one : oneSide) {
            for (String other : otherSide) {
                cut(one, other);
                cut(other, one);
            }
        }
    }

    /** Ends all cuts; the faults stay. */
    public void heal() {
        cuts.clear();
    }

    /** The part of {@code address} in front of the incarnation. */
    public static String hostOf(String address) {
        int end = address.indexOf('#');
        return end < 0 ? address : address.substring(0, end);
    }

    private void deliverIn(long delayNanos, Pair pair, Envelope envelope) {
        simulation.schedule(delayNanos, () -> {
            if (gate.test(envelope)) {
                arrive(pair, envelope);
            } else {
                simulation.trace("stopped", envelope.from(), "->", envelope.to(), envelope.message());
            }
        });
    }

    private void arrive(Pair pair, Envelope envelope) {
        Consumer<Envelope> receiver = receivers.get(envelope.to());
        if (cuts.contains(pair) || receiver == null) {
            simulation.trace("lost on the way", envelope.from(), "->", envelope.to(), envelope.message());
            return;
        }
        simulation.trace(envelope.from(), "->", envelope.to(), envelope.message());
        receiver.accept(envelope);
    }

    private long delay(NetworkFaults faults, long maxNanos) {
        return faults.delayMinNanos() + (long) (random.nextDouble() * (maxNanos - faults.delayMinNanos()));
    }

    private Object throughCodec(Object message) {
        if (!(message instanceof WireMessage) || codecRandom.nextInt(CODEC_ONE_IN) != 0) {
            return message;
        }
        try {
            Object decoded = codec.fromBinary(codec.toBinary(message), codec.manifest(message));
            if (!decoded.equals(message)) {
                throw new IllegalStateException("the codec makes " + decoded + " of " + message);
            }
            return decoded;
        } catch (NotSerializableException e) {
            throw new IllegalStateException("the codec does not know its own manifest", e);
        }
    }
}
