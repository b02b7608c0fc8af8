package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URI;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * The product and its simulator once more, with one source file edited: the file is compiled in memory against the class
 * path, and every class of the project is defined anew in a loader of its own, so that the edited classes and their
 * neighbours share their packages. Constants that the compiler has copied into other classes stay as they were there.
 * Not thread-safe.
 */
final class EditedProduct extends ClassLoader {
    private static final String OURS = "io.quire.";
    private static final JavaCompiler COMPILER = ToolProvider.getSystemJavaCompiler();
    private static final StandardJavaFileManager FILES = COMPILER.getStandardFileManager(null, null, null);
    /** The classes as they are, for every edited product. */
    private static final Map<String, byte[]> UNEDITED = new ConcurrentHashMap<>();

    private final Map<String, byte[]> edited;

    private EditedProduct(Map<String, byte[]> edited) {
        super(EditedProduct.class.getClassLoader());
        this.edited = edited;
    }

    /** The product as it is. */
    static EditedProduct unedited() {
        return new EditedProduct(Map.of());
    }

    /** The product with a planted error. */
    static EditedProduct with(PlantedBug bug) {
        return new EditedProduct(compile(bug.className(), bug.editedSource()));
    }

    /**
     * Runs {@code scenario} with a seed.
     *
     * @return what is wrong, if anything
     */
    Optional<String> violation(String scenario, long seed) {
        try {
            Constructor<?> constructor =
                    loadClass(getClass().getPackageName() + "." + scenario).getDeclaredConstructor(long.class);
            constructor.setAccessible(true);
            Object result = call(constructor.newInstance(seed), "run");
            return ((Optional<?>) call(result, "violation")).map(String.class::cast);
        } catch (InvocationTargetException e) {
            throw new AssertionError(scenario + " of seed " + seed + " ended without a result", e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(scenario + " is no scenario", e);
        }
    }

    /**
     * Plays one story of a test class.
     *
     * @param story {@code Class#method}, a test method without parameters
     * @return what fails, if anything
     */
    Optional<String> failure(String story) {
        String[] names = story.split("#", 2);
        try {
            Constructor<?> constructor =
                    loadClass(getClass().getPackageName() + "." + names[0]).getDeclaredConstructor();
            constructor.setAccessible(true);
            Method method = constructor.getDeclaringClass().getDeclaredMethod(names[1]);
            method.setAccessible(true);
            method.invoke(constructor.newInstance());
            return Optional.empty();
        } catch (InvocationTargetException e) {
            return Optional.of(e.getCause().toString());
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(story + " is no story", e);
        }
    }

    private static Object call(Object target, String name) throws ReflectiveOperationException {
        Method method = target.getClass().getMethod(name);
        method.setAccessible(true);
        return method.invoke(target);
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (!name.startsWith(OURS)) {
            return super.loadClass(name, resolve);
        }
        synchronized (getClassLoadingLock(name)) {
            Class<?> known = findLoadedClass(name);
            return known == null ? findClass(name) : known;
        }
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
        byte[] bytes = edited.containsKey(name) ? edited.get(name) : UNEDITED.computeIfAbsent(name, this::read);
        if (bytes == null) {
            throw new ClassNotFoundException(name);
        }
        return defineClass(name, bytes, 0, bytes.length);
    }

    private byte[] read(String name) {
        try (InputStream in = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
            return in == null ? null : in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Map<String, byte[]> compile(String className, String source) {
        Map<String, ByteArrayOutputStream> outputs = new HashMap<>();
        DiagnosticCollector<JavaFileObject> diagnostics = new DiagnosticCollector<>();
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        boolean compiled = COMPILER.getTask(
                        null,
                        new InMemory(FILES, outputs),
                        diagnostics,
                        List.of("-proc:none", "-nowarn", "-g", "-implicit:none", "-classpath", classPath),
                        null,
                        List.of(new Source(className, source)))
                .call();
        assertThat(compiled)
                .as(() -> "the edited " + className + " compiles: "
                        + diagnostics.getDiagnostics().stream()
                                .map(Diagnostic::toString)
                                .toList())
                .isTrue();
        Map<String, byte[]> classes = new HashMap<>();
        outputs.forEach((name, bytes) -> classes.put(name, bytes.toByteArray()));
        return classes;
    }

    /** A source file that is not on the disk. */
    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(String className, String text) {
            super(URI.create("string:///" + className.replace('.', '/') + Kind.SOURCE.extension), Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }

    /** Keeps what the compiler writes. */
    private static final class InMemory extends ForwardingJavaFileManager<JavaFileManager> {
        private final Map<String, ByteArrayOutputStream> outputs;

        InMemory(JavaFileManager files, Map<String, ByteArrayOutputStream> outputs) {
            super(files);
            this.outputs = outputs;
        }

        @Override
        public JavaFileObject getJavaFileForOutput(
                Location location, String className, JavaFileObject.Kind kind, FileObject sibling) {
            return new SimpleJavaFileObject(
                    URI.create("string:///" + className.replace('.', '/') + kind.extension), kind) {
                @Override
                public OutputStream openOutputStream() {
                    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
                    outputs.put(className, bytes);
                    return bytes;
                }
            };
        }
    }
}
