package io.quire.multijvm;

/**
 * What the cluster of a test is like. The first {@link ClusterProcesses#NODES} nodes found the registry, and the others
 * find the cluster through them.
 *
 * @param nodes with a store each
 * @param voters how many of the nodes, the first ones, have a registry voter too. One that is no founder must start once
 *     the registry serves: a founding takes no more voters than it asks for
 * @param http whether the nodes serve HTTP
 * @param divisible whether a {@link DivisibleNetwork} lies between the processes
 */
record ClusterShape(int nodes, int voters, boolean http, boolean divisible) {
    /** The founding nodes alone. */
    static final ClusterShape FOUNDERS = withNodes(ClusterProcesses.NODES);

    static ClusterShape withNodes(int nodes) {
        return new ClusterShape(nodes, ClusterProcesses.NODES, false, false);
    }

    ClusterShape withVoters(int voters) {
        return new ClusterShape(nodes, voters, http, divisible);
    }

    ClusterShape withHttp() {
        return new ClusterShape(nodes, voters, true, divisible);
    }

    ClusterShape withDivisibleNetwork() {
        return new ClusterShape(nodes, voters, http, true);
    }
}
