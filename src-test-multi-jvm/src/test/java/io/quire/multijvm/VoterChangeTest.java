package io.quire.multijvm;

import static io.quire.multijvm.LedgerReads.get;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.quire.client.ReadHandle;
import io.quire.client.WriteHandle;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The registry's voters are changed by an operator, while an application makes ledgers. */
class VoterChangeTest {
    private static final int NODES = 4;
    private static final int SPARE = NODES - 1;
    private static final int SOME = 20;
    private static final Duration MOMENT = Duration.ofMinutes(1);
    private static final ObjectMapper JSON = new ObjectMapper();

    @RegisterExtension
    private final ClusterProcesses cluster =
            new ClusterProcesses(ClusterShape.withNodes(NODES).withVoters(NODES).withHttp());

    private final HttpClient http = HttpClient.newHttpClient();
    private final long seed = Seeds.next(getClass());

    @Test
    @DisplayName(
            "R5: while ledgers are made, one of three voters is replaced and dies by kill -9; none is lost, the next"
                    + " three decide, and a change that leaves no majority is refused")
    void oneOfThreeVotersIsReplaced() throws IOException, InterruptedException {
        cluster.start();
        cluster.awaitBookies();
        int victim = new Random(seed).nextInt(ClusterProcesses.NODES);
        int paused = (victim + 1) % ClusterProcesses.NODES;
        int asked = (victim + 2) % ClusterProcesses.NODES;
        try (LedgerMaker maker = LedgerMaker.start(cluster.client().client(), seed)) {
            maker.awaitMore(SOME, MOMENT);
            Map<Integer, String> voters = awaitVoters(asked);
            requireChanged(asked, voters.get(SPARE), voters.get(victim));
            requireShown(asked, voters, victim);
            maker.awaitMore(SOME, MOMENT);
            cluster.node(victim).kill();
            maker.awaitMore(SOME, MOMENT);

            requireRefused(asked, "{\"add\":[\"%s\"]}".formatted(voters.get(victim)), "is not known here");
            cluster.node(paused).pause();
            requireRefused(
                    asked,
                    "{\"voters\":[\"%s\",\"%s\"]}".formatted(voters.get(asked), voters.get(paused)),
                    "only 1 of the 2 voters answer");
            LedgerId byTheNewMajority = create();
            cluster.node(paused).resume();
            assertThat(registry(asked).path("epoch").asLong()).isEqualTo(2);
            maker.awaitMore(SOME, MOMENT);

            List<LedgerId> made = maker.stop(MOMENT);
            assertThat(list()).containsAll(made).contains(byTheNewMajority).hasSize(made.size() + 1);
            made.forEach(this::requireReadable);
        }
    }

    private void requireChanged(int asked, String added, String removed) {
        ClusterProcesses.Ended changed =
                cluster.quire(asked, "registry", "change", "--add", added, "--remove", removed);
        assertThat(changed.code()).as(changed.err()).isZero();
        assertThat(changed.out())
                .startsWith("CHANGED epoch 2: ")
                .contains(added)
                .doesNotContain(removed);
    }

    private void requireShown(int asked, Map<Integer, String> voters, int left) throws IOException {
        ClusterProcesses.Ended shown = cluster.quire(asked, "registry", "show", "--output", "json");
        assertThat(shown.code()).as(shown.err()).isZero();
        JsonNode registry = JSON.readTree(shown.out());
        assertThat(registry.path("epoch").asLong()).isEqualTo(2);
        Map<String, Boolean> votes = new HashMap<>();
        registry.path("voters")
                .forEach(voter -> votes.put(
                        voter.path("voterId").asText(), voter.path("votes").asBoolean()));
        Map<String, Boolean> expected = new HashMap<>();
        voters.forEach((node, voter) -> expected.put(voter, node != left));
        assertThat(votes).isEqualTo(expected);
    }

    private void requireRefused(int asked, String change, String why) throws IOException, InterruptedException {
        HttpResponse<String> answer = http.send(
                HttpRequest.newBuilder(URI.create(cluster.url(asked) + "/api/v2/registry/change"))
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(change))
                        .build(),
                BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(409);
        JsonNode problem = JSON.readTree(answer.body());
        assertThat(problem.path("code").asText()).isEqualTo("Conflict");
        assertThat(problem.path("outcome").asText()).isEqualTo("NOT_APPLIED");
        assertThat(problem.path("detail").asText()).contains(why);
    }

    /** The voter of each node, once all are known where HTTP is served. */
    private Map<Integer, String> awaitVoters(int asked) {
        return Await.get("the voters of all nodes are known", MOMENT, () -> {
            Map<Integer, String> voters = new HashMap<>();
            for (JsonNode voter : registry(asked).path("voters")) {
                for (int node = 0; node < NODES; node++) {
                    if (voter.path("address").asText().endsWith(cluster.address(node))) {
                        voters.put(node, voter.path("voterId").asText());
                    }
                }
            }
            return Optional.of(voters).filter(known -> known.size() == NODES);
        });
    }

    private JsonNode registry(int asked) {
        try {
            HttpRequest show = HttpRequest.newBuilder(URI.create(cluster.url(asked) + "/api/v2/registry"))
                    .build();
            return JSON.readTree(http.send(show, BodyHandlers.ofString()).body());
        } catch (IOException e) {
            throw new AssertionError("the registry is not shown", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    /** Only registers are changed by that, and no bookie is asked. */
    private LedgerId create() {
        WriteHandle ledger = get(cluster.client().client().newCreateLedgerOp().execute());
        ledger.close();
        return ledger.getId();
    }

    private List<LedgerId> list() {
        return get(cluster.client()
                        .client()
                        .newListLedgersOp()
                        .withLimit(10_000)
                        .execute())
                .ledgers()
                .stream()
                .map(LedgerMetadata::ledgerId)
                .toList();
    }

    private void requireReadable(LedgerId ledgerId) {
        LedgerReads reads = new LedgerReads(cluster.client().client(), LedgerMaker.seedOf(seed, ledgerId));
        ReadHandle ledger = reads.open(ledgerId);
        assertThat(ledger.getLedgerMetadata().value().isClosed()).isTrue();
        assertThat(ledger.getLedgerMetadata().value().lastEntryId()).isZero();
        reads.requireEqual(ledger, 0, 0);
    }
}
