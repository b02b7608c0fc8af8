package io.quire.registry.core;

import io.quire.protocol.Ballot;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.VoterId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Puts a page of registers together from what a majority of voters lists (R3). The page ends at the smallest last key
 * among the truncated answers: behind it, a voter that was cut short might know more. A register that a majority shows
 * at one ballot of this config epoch is settled; any other has to be read on its own. Not thread-safe.
 */
public final class RegisterListing {
    private final int majority;
    private final long epoch;
    private final Map<VoterId, Map<RegistryKey, Listed>> answers = new HashMap<>();
    private final TreeSet<RegistryKey> truncatedAt = new TreeSet<>();

    /** One register as one voter lists it. */
    public record Listed(RegistryKey key, Ballot accepted, RegisterValue value) {}

    /**
     * @param settled registers that need no further look, ascending; absent ones left out
     * @param unsettled registers to be read on their own, ascending
     * @param next go on behind this key; empty when no more keys can follow
     */
    public record Page(List<Listed> settled, List<RegistryKey> unsettled, Optional<RegistryKey> next) {}

    public RegisterListing(RegistryConfig config) {
        this.majority = config.majority();
        this.epoch = config.epoch();
    }

    /**
     * Takes a voter's answer; a second one of the same voter is ignored.
     *
     * @return whether a majority has answered
     */
    public boolean listed(VoterId voter, List<Listed> registers, boolean more) {
        if (answers.size() >= majority || answers.containsKey(voter)) {
            return answers.size() >= majority;
        }
        Map<RegistryKey, Listed> byKey = new HashMap<>();
        registers.forEach(register -> byKey.put(register.key(), register));
        answers.put(voter, byKey);
        if (more) {
            truncatedAt.add(registers.get(registers.size() - 1).key());
        }
        return answers.size() >= majority;
    }

    /**
     * The page, once a majority has answered.
     *
     * @param limit at most this many registers, positive
     */
    public Page page(int limit) {
        if (answers.size() < majority) {
            throw new IllegalStateException("only " + answers.size() + " voters have answered");
        }
        TreeMap<RegistryKey, List<Listed>> union = new TreeMap<>();
        answers.values().forEach(byKey -> byKey.values()
                .forEach(register -> union.computeIfAbsent(register.key(), key -> new ArrayList<>())
                        .add(register)));
        boolean more = !truncatedAt.isEmpty();
        List<Listed> settled = new ArrayList<>();
        List<RegistryKey> unsettled = new ArrayList<>();
        RegistryKey last = null;
        for (Map.Entry<RegistryKey, List<Listed>> candidate : union.entrySet()) {
            if (!truncatedAt.isEmpty() && candidate.getKey().compareTo(truncatedAt.first()) > 0) {
                break;
            }
            if (settled.size() + unsettled.size() == limit) {
                more = true;
                break;
            }
            sort(candidate.getKey(), candidate.getValue(), settled, unsettled);
            last = candidate.getKey();
        }
        return new Page(settled, unsettled, more ? Optional.ofNullable(last) : Optional.empty());
    }

    private void sort(RegistryKey key, List<Listed> views, List<Listed> settled, List<RegistryKey> unsettled) {
        Ballot first = views.get(0).accepted();
        // A ballot of an older epoch was copied: that a majority has it does not mean that one accepted it (R5).
        boolean agree = views.size() == majority
                && first.epoch() == epoch
                && views.stream().allMatch(view -> view.accepted().equals(first));
        if (!agree) {
            unsettled.add(key);
        } else if (!views.get(0).value().isAbsent()) {
            settled.add(views.get(0));
        }
    }
}
