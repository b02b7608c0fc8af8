package io.quire.registry;

import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerIds;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Takes ledger ids from blocks that it reserves in the register {@code /ids}, whose value is the first id that nobody
 * has reserved (int64). A block whose reservation is ambiguous is abandoned (R2), and so is what is left of a block when
 * the process ends: ids have gaps and are never handed out twice (H88). Thread-safe.
 */
public final class BlockLedgerIds implements LedgerIds {
    private static final int CONFLICTS_MAX = 100;

    private final Registry registry;
    private final int blockSize;
    private final Deque<CompletableFuture<LedgerId>> waiting = new ArrayDeque<>();
    private long next;
    private long end;
    private boolean reserving;

    /**
     * @param blockSize ids reserved at once, positive
     */
    public BlockLedgerIds(Registry registry, int blockSize) {
        this.registry = registry;
        this.blockSize = blockSize;
    }

    @Override
    public CompletionStage<LedgerId> next() {
        CompletableFuture<LedgerId> id = new CompletableFuture<>();
        synchronized (this) {
            if (next < end) {
                id.complete(new LedgerId(next++));
                return id;
            }
            waiting.add(id);
            if (reserving) {
                return id;
            }
            reserving = true;
        }
        reserve(0);
        return id;
    }

    private void reserve(int conflicts) {
        registry.read(RegistryKey.IDS).whenComplete((current, failure) -> {
            if (failure != null) {
                failed("the register of ledger ids could not be read: " + failure.getMessage());
            } else {
                reserveBehind(current, conflicts);
            }
        });
    }

    private void reserveBehind(RegisterValue current, int conflicts) {
        long first;
        try {
            first = current.isAbsent() ? 0 : Fields.decodeAll(current.value().asByteBuffer(), ByteBuffer::getLong);
        } catch (Fields.MalformedException e) {
            failed("the register of ledger ids is damaged: " + e.getMessage());
            return;
        }
        if (first > Long.MAX_VALUE - blockSize) {
            failed("there are no ledger ids left");
            return;
        }
        Payload reserved = Fields.encode(Long.BYTES, out -> out.putLong(first + blockSize));
        registry.compareAndSet(RegistryKey.IDS, current.version(), reserved, new OpId(UUID.randomUUID()))
                .whenComplete((result, failure) -> {
                    if (failure != null) {
                        failed("no block of ledger ids could be reserved: " + failure.getMessage());
                    } else if (result instanceof Registry.CasResult.Applied) {
                        reserved(first);
                    } else if (conflicts < CONFLICTS_MAX) {
                        reserve(conflicts + 1);
                    } else {
                        failed("no block of ledger ids could be reserved in " + CONFLICTS_MAX + " attempts");
                    }
                });
    }

    private void reserved(long first) {
        Deque<Runnable> completions = new ArrayDeque<>();
        boolean more;
        synchronized (this) {
            next = first;
            end = first + blockSize;
            while (!waiting.isEmpty() && next < end) {
                CompletableFuture<LedgerId> id = waiting.poll();
                LedgerId ledgerId = new LedgerId(next++);
                completions.add(() -> id.complete(ledgerId));
            }
            more = !waiting.isEmpty();
            reserving = more;
        }
        completions.forEach(Runnable::run);
        if (more) {
            reserve(0);
        }
    }

    private void failed(String reason) {
        Deque<CompletableFuture<LedgerId>> failed;
        synchronized (this) {
            failed = new ArrayDeque<>(waiting);
            waiting.clear();
            reserving = false;
        }
        failed.forEach(id -> id.completeExceptionally(new Registry.UnavailableException(reason)));
    }
}
