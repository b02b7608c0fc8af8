package io.quire.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HttpSettingsTest {
    @Test
    @DisplayName("the defaults listen on the loopback interface only")
    void defaults() {
        HttpSettings settings = HttpSettings.from(ConfigFactory.load());
        assertThat(settings.host()).isEqualTo("127.0.0.1");
        assertThat(settings.port()).isEqualTo(8080);
        assertThat(settings.writers().max()).isEqualTo(1000);
        assertThat(settings.writers().idleTimeout()).hasMinutes(10);
    }

    @ParameterizedTest
    @DisplayName("a value out of its range is refused with its key")
    @CsvSource({
        "port, 65536",
        "port, -1",
        "writers-max, 0",
        "request-timeout, 0s",
        "writer-idle-timeout, 0s",
        "find-writer-timeout, 0s",
        "read-page-bytes, 0",
        "request-bytes-max, 0",
        "request-bytes-max, 65 MiB",
        "request-entries-max, 0",
        "bodies-bytes-max, 1"
    })
    void ranges(String key, String value) {
        assertThatThrownBy(() -> HttpSettings.from(ConfigFactory.parseString("quire.http." + key + " = " + value)
                        .withFallback(ConfigFactory.load())))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("quire.http." + key);
    }
}
