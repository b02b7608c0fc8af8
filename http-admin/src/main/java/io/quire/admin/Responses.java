package io.quire.admin;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.apache.pekko.http.javadsl.model.ContentType;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.MediaTypes;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

/** Builds responses. Stateless. */
final class Responses {
    static final ContentType JSON = ContentTypes.APPLICATION_JSON;
    static final ContentType BYTES = ContentTypes.APPLICATION_OCTET_STREAM;
    static final ContentType TEXT = ContentTypes.TEXT_PLAIN_UTF8;
    static final ContentType PROBLEM =
            MediaTypes.customBinary("application", "problem+json", true).toContentType();
    static final ContentType LINES =
            MediaTypes.customBinary("application", "x-ndjson", true).toContentType();

    private Responses() {}

    static HttpResponse of(int status, ContentType type, ByteString body) {
        return HttpResponse.create().withStatus(status).withEntity(HttpEntities.create(type, body));
    }

    static HttpResponse json(int status, JsonNode body) {
        return of(status, JSON, Json.bytes(body));
    }

    static HttpResponse noContent() {
        return HttpResponse.create().withStatus(204);
    }

    /** A response whose body is made while it is sent, at the pace of who reads it. */
    static HttpResponse streamed(ContentType type, Source<ByteString, ?> body) {
        return HttpResponse.create().withStatus(200).withEntity(HttpEntities.createChunked(type, body));
    }

    static HttpResponse withHeaders(HttpResponse response, List<HttpHeader> headers) {
        return headers.isEmpty() ? response : response.withHeaders(headers);
    }
}
