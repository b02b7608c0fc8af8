package io.quire.protocol;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * Who votes. The first config is a pure function of the voters and the cluster's name, so that everybody who founds the
 * cluster proposes the same one (R6).
 *
 * @param epoch 1 for the founding config, rising by one with each change
 * @param clusterName as configured
 * @param clusterId derived from name and founding voters; the same for the cluster's life
 * @param voters ascending, all different
 */
public record RegistryConfig(long epoch, String clusterName, String clusterId, List<VoterId> voters) {
    public RegistryConfig {
        voters = voters.stream().sorted().distinct().toList();
        if (epoch < 1 || clusterName.isEmpty() || voters.isEmpty()) {
            throw new IllegalArgumentException("a registry config has an epoch, a cluster name and voters");
        }
    }

    /** The config that founds {@code clusterName} with {@code voters}. */
    public static RegistryConfig founding(String clusterName, List<VoterId> voters) {
        List<VoterId> sorted = voters.stream().sorted().distinct().toList();
        StringBuilder seed = new StringBuilder(clusterName);
        sorted.forEach(voter -> seed.append('\n').append(voter));
        java.util.UUID hash =
                java.util.UUID.nameUUIDFromBytes(seed.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));
        return new RegistryConfig(1, clusterName, hash.toString(), sorted);
    }

    /** The config behind this one, with other voters (R5). */
    public RegistryConfig changedTo(List<VoterId> nextVoters) {
        return new RegistryConfig(Math.addExact(epoch, 1), clusterName, clusterId, nextVoters);
    }

    /** How many voters decide. */
    public int majority() {
        return voters.size() / 2 + 1;
    }

    public void encode(ByteBuffer out) {
        out.putLong(epoch);
        Fields.putString(out, clusterName);
        Fields.putString(out, clusterId);
        Fields.putList(out, voters, (o, voter) -> Fields.putUuid(o, voter.value()));
    }

    public static RegistryConfig decode(ByteBuffer in) {
        long epoch = in.getLong();
        String clusterName = Fields.getString(in);
        String clusterId = Fields.getString(in);
        List<VoterId> voters = Fields.getList(in, 16, i -> new VoterId(Fields.getUuid(i)));
        RegistryConfig config = new RegistryConfig(epoch, clusterName, clusterId, voters);
        if (!config.voters.equals(voters)) {
            throw new IllegalArgumentException("the voters of a registry config must ascend");
        }
        return config;
    }
}
