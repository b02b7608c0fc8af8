package io.quire.multijvm;

import io.quire.bookie.storage.StoreKind;
import io.quire.protocol.BootEpoch;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;

/**
 * Damages copies of a store, one after the other, and says {@code begun CASE KIND}, then {@code done CASE BEHAVIOUR WHY}:
 * when the process dies in between, that case has killed it.
 *
 * <pre>
 * StoreDamageMain make  DIRECTORY
 * StoreDamageMain judge DIRECTORY SEED FROM TO
 * </pre>
 */
final class StoreDamageMain {
    private StoreDamageMain() {}

    public static void main(String[] arguments) throws IOException {
        Lifeline.hold(command -> {});
        Path directory = Path.of(arguments[1]);
        if (arguments[0].equals("make")) {
            for (StoreKind kind : StoreKind.values()) {
                Path place = directory.resolve(kind.text());
                new DamagedStore(place.resolve("whole"), kind).make(DamagedStore.STORE, place.resolve("older"));
                new DamagedStore(place.resolve("other"), kind).make(DamagedStore.OTHER, place.resolve("other-older"));
            }
            Lifeline.say("made");
            return;
        }
        long seed = Long.parseLong(arguments[2]);
        int to = Integer.parseInt(arguments[4]);
        for (int number = Integer.parseInt(arguments[3]); number < to; number++) {
            judge(directory, seed, number);
        }
        Lifeline.say("finished");
    }

    private static void judge(Path directory, long seed, int number) throws IOException {
        StoreDamage.Case damage = StoreDamage.Case.of(number);
        Path place = directory.resolve(damage.kind().text());
        Path work = place.resolve("work-" + number);
        FileTrees.delete(work);
        FileTrees.copy(place.resolve("whole"), work);
        Random random = new Random(seed * 1_000_003 + number);
        random.nextInt();
        String where = damage.damage()
                .apply(new StoreDamage.Place(work, place.resolve("other"), place.resolve("older")), random);
        Lifeline.say("begun " + number + " " + damage + " " + where);
        DamagedStore store = new DamagedStore(work, damage.kind());
        store.expect();
        DamagedStore.Behaviour behaviour = store.behaviour(new BootEpoch(2));
        Lifeline.say("done " + number + " " + behaviour.kind() + " " + behaviour.what());
        if (behaviour.kind() != DamagedStore.Behaviour.Kind.WRONG) {
            FileTrees.delete(work);
        }
    }
}
