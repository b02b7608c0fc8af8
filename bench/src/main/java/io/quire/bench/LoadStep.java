package io.quire.bench;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A load with its parameters, as one line of text: {@code append ledgers=1 out=1000}. docs/performance.md lists loads and
 * parameters.
 */
record LoadStep(String load, Map<String, String> parameters) {
    LoadStep {
        parameters = Map.copyOf(parameters);
    }

    /**
     * @throws IllegalArgumentException when it is no such line
     */
    static LoadStep parse(String line) {
        String[] words = line.trim().split(" +", -1);
        Map<String, String> parameters = new LinkedHashMap<>();
        for (int i = 1; i < words.length; i++) {
            int equals = words[i].indexOf('=');
            if (equals < 1) {
                throw new IllegalArgumentException("no parameter: " + words[i]);
            }
            parameters.put(words[i].substring(0, equals), words[i].substring(equals + 1));
        }
        return new LoadStep(words[0], parameters);
    }

    int number(String name, int otherwise) {
        String value = parameters.get(name);
        return value == null ? otherwise : Integer.parseInt(value);
    }

    int ensembleSize() {
        return number("e", 3);
    }

    int writeQuorum() {
        return number("qw", 3);
    }

    int ackQuorum() {
        return number("qa", 2);
    }

    int entryBytes() {
        return number("size", 1024);
    }

    int warmupSeconds() {
        return number("warm", 4);
    }

    int seconds() {
        return number("secs", 8);
    }
}
