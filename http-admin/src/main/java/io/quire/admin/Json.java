package io.quire.admin;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import org.apache.pekko.util.ByteString;

/** JSON in and out, strictly: no second value behind the first, no field twice. Stateless. */
final class Json {
    private static final ObjectMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Json() {}

    static ByteString bytes(JsonNode json) {
        try {
            return ByteString.fromArrayUnsafe(MAPPER.writeValueAsBytes(json));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of values has no JSON", e);
        }
    }

    /**
     * Reads one value; a missing node where there is none.
     *
     * @throws io.quire.protocol.LedgerException InvalidRequest when it is not JSON
     */
    static JsonNode parse(byte[] bytes) {
        try {
            return MAPPER.readTree(bytes);
        } catch (JsonProcessingException e) {
            throw Problem.invalid("the body is not JSON: " + firstLine(e.getOriginalMessage()));
        } catch (IOException e) {
            throw Problem.invalid("the body is not JSON: " + firstLine(String.valueOf(e.getMessage())));
        }
    }

    private static String firstLine(String text) {
        return text.lines().findFirst().orElse("");
    }
}
