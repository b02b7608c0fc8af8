package io.quire.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;

/**
 * What was measured; the JSON names are those of the command line's interface. The operations of a load are its appends,
 * reads, recoveries ...
 *
 * @param addsPerSecond operations that succeeded
 * @param megabytesPerSecond payload, millions of bytes
 * @param cpuMicrosPerAdd processor time of client and servers together
 * @param deviceBytesPerByte bytes that the disk wrote, for whomever, per payload byte; 0 where the system does not tell
 * @param otherCores processors kept busy by others than client and servers
 * @param errors operations that failed, the warm-up included; in a closed loop each ends its place in the load
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
    "device_bytes_per_byte",
    "other_cores",
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
        @JsonProperty("device_bytes_per_byte") double deviceBytesPerByte,
        @JsonProperty("other_cores") double otherCores,
        @JsonProperty("errors") long errors) {}
