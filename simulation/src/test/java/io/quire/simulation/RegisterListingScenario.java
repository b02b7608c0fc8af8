package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.Ballot;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.VoterId;
import io.quire.registry.core.RegisterListing;
import io.quire.registry.core.RegisterListing.Listed;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * Voters of which some have missed some registers, or hold what was never chosen, list page by page, cut short at will.
 * Every chosen register is on one page, settled with the chosen value or marked to be read on its own (R3).
 *
 * <p>One run, once.
 */
final class RegisterListingScenario {
    private static final ProposerId PROPOSER = new ProposerId(new UUID(0, 1));

    private final long seed;
    private final Random random;
    private final List<NavigableMap<RegistryKey, Listed>> voters = new ArrayList<>();
    private final NavigableMap<RegistryKey, Listed> chosen = new TreeMap<>();

    RegisterListingScenario(long seed) {
        this.seed = seed;
        this.random = new Random(seed * 104_729 + 3);
        this.random.nextInt();
    }

    /** Runs it all. */
    public Verdict run() {
        return Verdict.of(seed, this::play);
    }

    private void play() {
        int voterCount = random.nextBoolean() ? 3 : 5;
        for (int i = 0; i < voterCount; i++) {
            voters.add(new TreeMap<>());
        }
        int keys = random.nextInt(15);
        for (int i = 0; i < keys; i++) {
            register(new RegistryKey(String.format("/k/%02d", i)));
        }
        List<RegistryKey> seen = new ArrayList<>();
        Optional<RegistryKey> after = Optional.empty();
        do {
            RegisterListing.Page page = page(after);
            page.settled()
                    .forEach(listed ->
                            assertThat(listed).as("R3: a settled register").isEqualTo(chosen.get(listed.key())));
            List<RegistryKey> shown = Stream.concat(page.settled().stream().map(Listed::key), page.unsettled().stream())
                    .sorted()
                    .toList();
            assertThat(shown.isEmpty() && page.next().isPresent())
                    .as("a page that is empty and not the last")
                    .isFalse();
            seen.addAll(shown);
            after = page.next();
        } while (after.isPresent());
        assertThat(seen).as("R3: registers on all pages").containsAll(chosen.keySet());
        assertThat(seen).as("R3: registers in order, once each").isSorted().doesNotHaveDuplicates();
    }

    /** Accepted by a majority or more, and by others perhaps something older; or by a minority only. */
    private void register(RegistryKey key) {
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < voters.size(); i++) {
            order.add(i);
        }
        Collections.shuffle(order, random);
        boolean isChosen = random.nextInt(4) > 0;
        int minority = voters.size() / 2;
        int holders = isChosen ? minority + 1 + random.nextInt(minority + 1) : 1 + random.nextInt(minority);
        Listed current = listed(key, 2);
        Listed older = listed(key, 1);
        for (int i = 0; i < order.size(); i++) {
            if (i < holders) {
                voters.get(order.get(i)).put(key, current);
            } else if (isChosen && random.nextInt(3) == 0) {
                voters.get(order.get(i)).put(key, older);
            }
        }
        if (isChosen) {
            chosen.put(key, current);
        }
    }

    private Listed listed(RegistryKey key, int counter) {
        RegisterValue value = RegisterValue.ABSENT;
        for (int i = 0; i < counter; i++) {
            value = value.changedTo(Payload.ofUtf8(key + "-" + i), new OpId(new UUID(i, random.nextLong())));
        }
        return new Listed(key, new Ballot(counter, PROPOSER), value);
    }

    private RegisterListing.Page page(Optional<RegistryKey> after) {
        RegisterListing listing = new RegisterListing(RegistryConfig.founding(
                "listing",
                LongStream.range(0, voters.size())
                        .mapToObj(number -> new VoterId(new UUID(3, number)))
                        .toList()));
        int limit = 1 + random.nextInt(6);
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < voters.size(); i++) {
            order.add(i);
        }
        Collections.shuffle(order, random);
        boolean enough = false;
        for (int i = 0; !enough; i++) {
            int voter = order.get(i);
            NavigableMap<RegistryKey, Listed> held =
                    after.isEmpty() ? voters.get(voter) : voters.get(voter).tailMap(after.get(), false);
            // Fewer than asked for, as when the registers are large.
            int most = Math.min(limit, 1 + random.nextInt(8));
            List<Listed> answer = held.values().stream().limit(most).toList();
            enough = listing.listed(new VoterId(new UUID(0, voter)), answer, answer.size() < held.size());
        }
        return listing.page(limit);
    }
}
