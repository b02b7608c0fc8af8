package io.quire.testkit;

import io.quire.client.LedgerClient;
import io.quire.client.blob.Blobs;
import io.quire.client.log.Logs;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Gives tests of JUnit 5 a {@link QuireCluster}, or its {@link LedgerClient}, {@link Logs} or {@link Blobs}, as parameters:
 *
 * <pre>{@code
 * @ExtendWith(QuireExtension.class)
 * class MyTest {
 *     @Test
 *     void appends(LedgerClient client) { ... }
 * }
 * }</pre>
 *
 * <p>There is one cluster for each test class, and its nested ones; it starts with the first test that asks for it and is
 * gone with the last.
 */
public final class QuireExtension implements ParameterResolver {
    private static final ExtensionContext.Namespace NAMESPACE = ExtensionContext.Namespace.create(QuireExtension.class);

    /** Closed by JUnit with the store that it lies in. */
    private record Running(QuireCluster cluster) implements AutoCloseable {
        @Override
        public void close() {
            cluster.close();
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        Class<?> type = parameter.getParameter().getType();
        return type == QuireCluster.class || type == LedgerClient.class || type == Logs.class || type == Blobs.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        Class<?> type = parameter.getParameter().getType();
        QuireCluster cluster = clusterOf(context);
        if (type == LedgerClient.class) {
            return cluster.client();
        } else if (type == Logs.class) {
            return cluster.logs();
        }
        return type == Blobs.class ? cluster.blobs() : cluster;
    }

    private static QuireCluster clusterOf(ExtensionContext context) {
        ExtensionContext ofClass = context;
        while (ofClass.getParent().isPresent()
                && ofClass.getParent().get().getTestClass().isPresent()) {
            ofClass = ofClass.getParent().get();
        }
        return ofClass.getStore(NAMESPACE)
                .getOrComputeIfAbsent(Running.class, key -> new Running(QuireCluster.start()), Running.class)
                .cluster();
    }
}
