package io.quire.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;

/**
 * What was measured; the JSON names are those of the command line's interface.
 *
 * @param addsPerSecond acknowledged appends
 * @param megabytesPerSecond payload, millions of bytes
 * @param cpuMicrosPerAdd processor time of client and bookies together
 * @param errors appends that were not acknowledged, the warm-up included; each ends its place in the load
 */
@JsonPropertyOrder({
    "adds_per_s",
    "mb_per_s",
    "p50_ms",
    "p99_ms",
    "p999_ms",
    "max_ms",
    "cpu_us_per_add",
    "client_cores",
    "bookie_cores",
    "errors"
})
public record BenchResult(
        @JsonProperty("adds_per_s") double addsPerSecond,
        @JsonProperty("mb_per_s") double megabytesPerSecond,
        @JsonProperty("p50_ms") double p50Millis,
        @JsonProperty("p99_ms") double p99Millis,
        @JsonProperty("p999_ms") double p999Millis,
        @JsonProperty("max_ms") double maxMillis,
        @JsonProperty("cpu_us_per_add") double cpuMicrosPerAdd,
        @JsonProperty("client_cores") double clientCores,
        @JsonProperty("bookie_cores") double bookieCores,
        @JsonProperty("errors") long errors) {}
