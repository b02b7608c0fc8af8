package io.quire.client.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.BookieId;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.SessionId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What a core was told and what it wanted done, line by line: inputs at the margin, the calls that they made of an outbox
 * behind them. A story is held against a golden file; a deliberate change of the protocol rewrites it with {@code
 * -Dgolden.rewrite=true}, and the difference is reviewed like code.
 */
final class Transcript {
    private static final Path DIRECTORY = Path.of("src", "test", "resources", "golden", "stories");
    private static final String INDENT = "    ";

    private final StringBuilder text = new StringBuilder();

    private final Map<String, Object> answers = new HashMap<>();

    /**
     * @param story what it tells, a sentence
     */
    Transcript(String story) {
        text.append("# ").append(story).append('\n');
    }

    /** An outbox that notes every call. What it is asked it answers as {@link #answer} says, else with false or nothing. */
    <T> T outbox(Class<T> type) {
        return type.cast(
                Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (proxy, method, values) -> {
                    note(method, values == null ? new Object[0] : values);
                    Object otherwise = method.getReturnType() == boolean.class ? Boolean.FALSE : null;
                    return answers.getOrDefault(method.getName(), otherwise);
                }));
    }

    /** From now on the outbox answers a question so. */
    void answer(String question, Object answer) {
        answers.put(question, answer);
    }

    private void note(Method method, Object[] values) {
        text.append(INDENT).append(method.getName());
        Parameter[] parameters = method.getParameters();
        for (int i = 0; i < values.length; i++) {
            text.append(' ').append(parameters[i].getName()).append('=').append(show(values[i]));
        }
        text.append('\n');
    }

    /** Notes an input and gives it to the core. */
    void input(String words, Runnable input) {
        text.append(words).append('\n');
        input.run();
    }

    /** Notes what can be seen of the core. */
    void state(String name, Object value) {
        text.append(INDENT)
                .append("-> ")
                .append(name)
                .append(' ')
                .append(show(value))
                .append('\n');
    }

    /** Requires that the golden story {@code name} reads like this one. */
    void require(String name) {
        Path file = DIRECTORY.resolve(name + ".txt");
        try {
            if (Boolean.getBoolean("golden.rewrite")) {
                Files.createDirectories(DIRECTORY);
                Files.writeString(file, text);
            }
            assertThat(file).as("golden file of the story %s", name).exists();
            assertThat(text.toString()).as("the story %s", name).isEqualTo(Files.readString(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String show(Object value) {
        if (value instanceof BookieId bookie) {
            return "b" + bookie.value().getLeastSignificantBits();
        } else if (value instanceof SessionId session) {
            return show(session.bookie()) + "/" + session.bootEpoch().value() + "/" + session.counter();
        } else if (value instanceof EntryBatch batch) {
            return batch.entries().stream().map(EntryFormat::entryIdOf).toList().toString();
        } else if (value instanceof Ensemble ensemble) {
            return ensemble.bookies().stream().map(Transcript::show).toList().toString();
        } else if (value instanceof Failure failure) {
            return failure.code() + "," + failure.outcome();
        } else if (value instanceof LedgerMetadata metadata) {
            return metadata.state()
                    + metadata.fragments().stream()
                            .map(fragment -> " " + fragment.firstEntryId() + ":"
                                    + fragment.ensemble().bookies().stream()
                                            .map(Transcript::show)
                                            .toList())
                            .collect(Collectors.joining())
                    + (metadata.isClosed() ? show(metadata.lastEntryId(), metadata.length()) : "")
                    + metadata.incomplete().stream()
                            .map(range -> "," + show(range.bookie()) + " lacks "
                                    + List.of(range.firstEntryId(), range.lastEntryId()))
                            .collect(Collectors.joining());
        }
        return String.valueOf(value);
    }

    private static String show(long lastEntryId, long length) {
        return "(last " + lastEntryId + ", " + length + " bytes)";
    }
}
