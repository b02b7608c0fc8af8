package io.quire.multijvm;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnitAccess;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Holds the arrows between modules, the purity of the cores, and bans of what tests cannot control. */
class ArchitectureTest {
    private static final JavaClasses PRODUCT = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("io.quire");

    /** The modules, by the name that follows {@code io.quire.} in their packages. */
    private static final Map<String, Module> MODULES = new TreeMap<>();

    static {
        module("protocol", "ledger-protocol");
        module("storage", "ledger-storage", "protocol");
        module("registry", "ledger-registry", "protocol", "storage");
        module("bookie", "bookie-actors", "protocol", "storage");
        module("client", "client-actors", "protocol");
        module("admin", "http-admin", "protocol", "client");
        module("bootstrap", "cluster-bootstrap", "protocol", "storage", "registry", "bookie", "client", "admin");
        module("simulation", "simulation", "protocol", "storage", "registry", "bookie", "client");
        module("bench", "bench", "protocol", "storage", "registry", "bookie", "client", "admin", "bootstrap");
        module(
                "cli",
                "cli",
                "protocol",
                "storage",
                "registry",
                "bookie",
                "client",
                "admin",
                "bootstrap",
                "simulation",
                "bench");
    }

    /** Modules that may ask for the time of day: it is shown to people there, or handed in from there. */
    private static final Set<String> EDGES = Set.of("bootstrap", "bench", "cli");

    /** What may move the time of day, or hand it out. */
    private static final Set<String> TIME_CLASSES = Set.of(
            "java.time.Instant",
            "java.time.LocalDate",
            "java.time.LocalDateTime",
            "java.time.LocalTime",
            "java.time.OffsetDateTime",
            "java.time.OffsetTime",
            "java.time.ZonedDateTime",
            "java.time.Year",
            "java.time.YearMonth");

    /** What a core may use of the JDK: nothing that waits, knows the time, is random or reaches outside. */
    private static final Set<String> CORE_PACKAGES = Set.of(
            "java.lang",
            "java.lang.annotation",
            "java.lang.invoke",
            "java.lang.runtime",
            "java.util",
            "java.util.function",
            "java.util.stream",
            "io.quire.protocol");

    private static final Set<String> IMPURE_CLASSES = Set.of(
            "java.lang.Process",
            "java.lang.ProcessBuilder",
            "java.lang.Runtime",
            "java.lang.Thread",
            "java.lang.ThreadLocal",
            "java.util.Calendar",
            "java.util.Date",
            "java.util.Random",
            "java.util.SplittableRandom",
            "java.util.Timer");

    /**
     * @param directory of its sources
     * @param uses the modules that it may see
     */
    private record Module(String name, String directory, Set<String> uses) {
        @Override
        public String toString() {
            return directory;
        }
    }

    private static void module(String name, String directory, String... uses) {
        MODULES.put(name, new Module(name, directory, Set.of(uses)));
    }

    static Stream<Module> modules() {
        return MODULES.values().stream();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("modules")
    @DisplayName("the classes of every module with sources are read here")
    void everyModuleIsRead(Module module) throws IOException {
        Path sources = Path.of("..", module.directory(), "src", "main", "java");
        if (!Files.exists(sources)) {
            return;
        }
        try (Stream<Path> files = Files.walk(sources)) {
            boolean hasClasses = files.map(Path::getFileName)
                    .map(Path::toString)
                    .anyMatch(name -> name.endsWith(".java") && !name.equals("package-info.java"));
            assertThat(PRODUCT.stream().anyMatch(isIn(module.name()))).isEqualTo(hasClasses);
        }
    }

    @Test
    @DisplayName("every class belongs to a module that is listed here")
    void everyClassBelongsToModule() {
        classes()
                .should(satisfy("belong to a listed module", (type, events) -> {
                    if (!MODULES.containsKey(moduleOf(type))) {
                        events.add(
                                SimpleConditionEvent.violated(type, type.getName() + " belongs to no listed module"));
                    }
                }))
                .check(PRODUCT);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("modules")
    @DisplayName("a module sees only the modules that its arrows point to")
    void arrowsPointOneWay(Module module) {
        noClasses()
                .that(describe("belong to " + module, isIn(module.name())))
                .should()
                .dependOnClassesThat(describe(
                        "belong to a module other than " + module.uses(),
                        target -> isOurs(target)
                                && !moduleOf(target).equals(module.name())
                                && !module.uses().contains(moduleOf(target))))
                .allowEmptyShould(true) // a module may have no classes yet; everyModuleIsRead finds what is not read
                .check(PRODUCT);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("modules")
    @DisplayName("the packages of a module have no cycles below their own")
    void packagesBelowHaveNoCycles(Module module) {
        SlicesRuleDefinition.slices()
                .matching("io.quire." + module.name() + ".(*)..")
                .should()
                .beFreeOfCycles()
                .allowEmptyShould(true) // most modules have at most one package below their own
                .check(PRODUCT);
    }

    @Test
    @DisplayName("a core depends on java.lang, java.util, the protocol's values and itself alone")
    void coresArePure() {
        classes()
                .that()
                .resideInAPackage("io.quire.*.core..")
                .should(satisfy("be pure", (type, events) -> type.getDirectDependenciesFromSelf().stream()
                        .filter(dependency ->
                                !isPure(dependency.getTargetClass().getBaseComponentType(), type))
                        .forEach(dependency ->
                                events.add(SimpleConditionEvent.violated(type, dependency.getDescription())))))
                .andShould(access("the clock, the environment or randomness", call -> isImpure(call)))
                .check(PRODUCT);
    }

    @Test
    @DisplayName("the cores are where they are looked for")
    void corePackagesExist() {
        for (String module : List.of("registry", "bookie", "client")) {
            assertThat(PRODUCT.stream().map(JavaClass::getPackageName)).contains("io.quire." + module + ".core");
        }
    }

    @Test
    @DisplayName("the protocol's values know neither Pekko nor their wire format")
    void valuesKnowNoPekko() {
        noClasses()
                .that()
                .resideInAPackage("io.quire.protocol")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.apache.pekko..", "scala..", "io.quire.protocol.wire..")
                .check(PRODUCT);
    }

    @Test
    @DisplayName("H100: nobody sleeps, and nobody away from the edges asks for the time of day")
    void nobodySleepsOrAsksForTheTime() {
        classes()
                .should(access("sleep", ArchitectureTest::isSleep))
                .andShould(access(
                        "the time of day",
                        call -> !EDGES.contains(moduleOf(call.getOriginOwner())) && isTimeOfDay(call)))
                .check(PRODUCT);
    }

    private static boolean isPure(JavaClass target, JavaClass origin) {
        return target.isPrimitive()
                || target.getPackageName().equals(origin.getPackageName())
                || (CORE_PACKAGES.contains(target.getPackageName())
                        && !IMPURE_CLASSES.contains(outermost(target).getName()));
    }

    private static boolean isImpure(JavaCodeUnitAccess<?> call) {
        String owner = call.getTargetOwner().getName();
        String name = call.getName();
        return (owner.equals("java.lang.System") && !name.equals("arraycopy"))
                || (owner.equals("java.util.UUID") && name.equals("randomUUID"))
                || (owner.equals("java.lang.Math") && name.equals("random"));
    }

    private static boolean isSleep(JavaCodeUnitAccess<?> call) {
        String owner = call.getTargetOwner().getName();
        return call.getName().equals("sleep")
                && (owner.equals("java.lang.Thread") || owner.equals("java.util.concurrent.TimeUnit"));
    }

    private static boolean isTimeOfDay(JavaCodeUnitAccess<?> call) {
        String owner = call.getTargetOwner().getName();
        String name = call.getName();
        return (owner.equals("java.lang.System") && name.equals("currentTimeMillis"))
                || (owner.equals("java.time.Clock") && (name.startsWith("system") || name.startsWith("tick")))
                || (TIME_CLASSES.contains(owner) && name.equals("now"))
                || (owner.equals("java.util.Date")
                        && name.equals("<init>")
                        && call.getTarget().getRawParameterTypes().isEmpty())
                || (owner.equals("java.util.Calendar") && name.equals("getInstance"));
    }

    /** That no call and no method reference of a class is what {@code banned} says. */
    private static ArchCondition<JavaClass> access(String what, Predicate<JavaCodeUnitAccess<?>> banned) {
        return satisfy("not use " + what, (type, events) -> type.getCodeUnitAccessesFromSelf().stream()
                .filter(banned)
                .forEach(call -> events.add(SimpleConditionEvent.violated(type, call.getDescription()))));
    }

    private static ArchCondition<JavaClass> satisfy(
            String description, java.util.function.BiConsumer<JavaClass, ConditionEvents> check) {
        return new ArchCondition<>(description) {
            @Override
            public void check(JavaClass type, ConditionEvents events) {
                check.accept(type, events);
            }
        };
    }

    private static DescribedPredicate<JavaClass> isIn(String module) {
        return describe(
                "belong to " + module, type -> isOurs(type) && moduleOf(type).equals(module));
    }

    private static boolean isOurs(JavaClass type) {
        return type.getPackageName().startsWith("io.quire");
    }

    private static JavaClass outermost(JavaClass type) {
        return type.getEnclosingClass().map(ArchitectureTest::outermost).orElse(type);
    }

    /** The first part of the package below {@code io.quire}. */
    private static String moduleOf(JavaClass type) {
        String[] parts = type.getPackageName().split("\\.", -1);
        return parts.length > 2 ? parts[2] : "";
    }
}
