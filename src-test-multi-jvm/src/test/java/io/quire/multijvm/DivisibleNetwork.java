package io.quire.multijvm;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The network between the processes of a test, which can be divided. Each process has a place in it: a number, a proxy
 * that stands in front of its port, and a loopback address of its own that its connections come from, so that the proxy
 * of the other end knows both ends of every connection.
 *
 * <p>What would cross a division waits, in both directions: bytes, the ends of connections, and new connections, which
 * are accepted and say nothing. When it is healed all that goes on, late.
 *
 * <p>Thread-safe.
 */
final class DivisibleNetwork implements AutoCloseable {
    private static final int FIRST_HOST = 2;
    private static final int BUFFER_BYTES = 64 << 10;

    private final Set<AutoCloseable> sockets = ConcurrentHashMap.newKeySet();
    private final Object lock = new Object();
    private Set<Integer> island = Set.of();
    private int places;
    private boolean closed;

    /** Where the connections of the process at {@code place} come from. */
    static String sourceOf(int place) {
        return "127.0.0." + (FIRST_HOST + place);
    }

    /** Adds a process: who connects to {@code port} reaches what listens at {@code bindPort}. Places are given in order. */
    void add(int place, int port, int bindPort) throws IOException {
        synchronized (lock) {
            if (place != places) {
                throw new IllegalArgumentException("the next place is " + places + ", not " + place);
            }
            places++;
        }
        ServerSocket proxy = new ServerSocket();
        sockets.add(proxy);
        proxy.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        start("proxy-" + place, () -> accept(proxy, place, bindPort));
    }

    /** Cuts off the processes at {@code isolated} from all others, but not from one another. */
    void isolate(Set<Integer> isolated) {
        synchronized (lock) {
            island = Set.copyOf(isolated);
            lock.notifyAll();
        }
    }

    void heal() {
        isolate(Set.of());
    }

    /** Ends every connection. */
    @Override
    public void close() {
        synchronized (lock) {
            closed = true;
            lock.notifyAll();
        }
        Set.copyOf(sockets).forEach(this::end);
    }

    private void accept(ServerSocket proxy, int to, int bindPort) {
        try (proxy) {
            while (true) {
                Socket client = proxy.accept();
                sockets.add(client);
                int from = placeOf(client.getInetAddress());
                start("link-" + from + "-" + to, () -> link(client, from, to, bindPort));
            }
        } catch (IOException e) {
            requireClosed(e);
        }
    }

    /** A connection whose source is not known could cross any division. */
    private int placeOf(InetAddress source) {
        byte[] address = source.getAddress();
        int place = address[address.length - 1] - FIRST_HOST;
        synchronized (lock) {
            if (place < 0 || place >= places) {
                throw new IllegalStateException("a connection from " + source + ", which is nobody's");
            }
        }
        return place;
    }

    private void link(Socket client, int from, int to, int bindPort) {
        awaitPassage(from, to);
        Socket server = new Socket();
        sockets.add(server);
        try {
            server.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), bindPort));
            client.setTcpNoDelay(true);
            server.setTcpNoDelay(true);
        } catch (IOException e) {
            // Nobody listens there: the same to the client as a port that is closed.
            end(client);
            end(server);
            return;
        }
        start("back-" + from + "-" + to, () -> pump(server, client, from, to));
        pump(client, server, from, to);
    }

    private void pump(Socket source, Socket sink, int from, int to) {
        try {
            InputStream in = source.getInputStream();
            OutputStream out = sink.getOutputStream();
            byte[] buffer = new byte[BUFFER_BYTES];
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                awaitPassage(from, to);
                out.write(buffer, 0, count);
            }
        } catch (IOException e) {
            // One end is gone; the other one hears of it below.
        }
        awaitPassage(from, to);
        end(source);
        end(sink);
    }

    private void awaitPassage(int from, int to) {
        synchronized (lock) {
            while (!closed && island.contains(from) != island.contains(to)) {
                try {
                    lock.wait();
                } catch (InterruptedException e) {
                    throw new IllegalStateException("nobody interrupts this thread", e);
                }
            }
        }
    }

    private void end(AutoCloseable socket) {
        sockets.remove(socket);
        try {
            socket.close();
        } catch (Exception e) {
            throw new IllegalStateException("a socket does not close", e);
        }
    }

    private void requireClosed(IOException failure) {
        synchronized (lock) {
            if (!closed) {
                throw new UncheckedIOException(failure);
            }
        }
    }

    private static void start(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
    }
}
