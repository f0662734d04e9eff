// SPDX-License-Identifier: Apache-2.0
import com.sun.management.OperatingSystemMXBean;
import java.io.FileReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Properties;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A Java engine under measurement: runs a job and prints lines of JSON, as semcube/bench/driver.py does. */
abstract class Peer {
    // The JVM tells CPU time in steps of 10 ms: what is short is measured several times together.
    static final double SHORT = 100;
    static final int TIMES = 10;
    final Path folder;

    Peer(Path folder) {
        this.folder = folder;
    }

    abstract void load(Path data) throws Exception;

    abstract void open() throws Exception;

    /** Asks a query; each row, as text of its values, goes to the consumer. */
    abstract void ask(String text, Consumer<String[]> row) throws Exception;

    abstract void close() throws Exception;

    static double cpu() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime() / 1e9;
    }

    static long peak() throws Exception {
        return Files.readAllLines(Path.of("/proc/self/status")).stream().filter(l -> l.startsWith("VmHWM"))
            .mapToLong(l -> Long.parseLong(l.replaceAll("[^0-9]", "")) * 1024).findFirst().orElse(0);
    }

    /** Bytes on the disk; holes of sparse files are not counted. */
    long size() throws Exception {
        Process du = new ProcessBuilder("du", "-s", "--block-size=1", folder.toString()).start();
        return Long.parseLong(new String(du.getInputStream().readAllBytes()).split("\\s")[0]);
    }

    static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    static String quoted(String text) {
        return "\"" + text.replace("\\", "\\\\").replace("\"", "'").replaceAll("\\s+", " ") + "\"";
    }

    /** How many warm runs there may be where the shortest run so far took so many milliseconds. */
    static int warm(double shortest) {
        return shortest > 300 ? 2 : Integer.MAX_VALUE;
    }

    void measure(String name, String text, int keys, int runs) throws Exception {
        List<Double> cpu = new ArrayList<>(), wall = new ArrayList<>();
        long[] rows = {0};
        while (cpu.isEmpty() || cpu.size() <= Math.min(runs, warm(Collections.min(wall)))) {
            int times = !wall.isEmpty() && wall.get(wall.size() - 1) < SHORT ? TIMES : 1;
            double c = cpu();
            long w = System.nanoTime();
            for (int i = 0; i < times; i++) {
                rows[0] = 0;
                ask(text, row -> rows[0]++);
            }
            wall.add((System.nanoTime() - w) / 1e6 / times);
            cpu.add((cpu() - c) * 1e3 / times);
            say(String.format("{\"ran\": %s, \"rows\": %d, \"total_cpu\": %s}", quoted(name), rows[0], cpu() * 1e3));
        }
        MessageDigest md5 = MessageDigest.getInstance("MD5");
        long[] total = {0};
        ask(text, row -> {
            String line = Stream.of(row).limit(keys).map(v -> v == null ? "" : v).collect(Collectors.joining("\t"));
            byte[] bytes = md5.digest(line.getBytes(StandardCharsets.UTF_8));
            long number = 0;
            for (int i = 0; i < 8; i++) {
                number = number << 8 | bytes[i] & 0xff;
            }
            total[0] += number;
        });
        int warm = cpu.size() > 1 ? 1 : 0;
        say(String.format("{\"name\": %s, \"rows\": %d, \"digest\": \"%016x\", \"first_cpu\": %s, \"first_wall\": %s, "
            + "\"cpu\": %s, \"wall\": %s, \"peak\": %d}", quoted(name), rows[0], total[0], cpu.get(0), wall.get(0),
            cpu.subList(warm, cpu.size()), wall.subList(warm, wall.size()), peak()));
    }

    static void work(Peer peer, String dialect, Path job) {
        try {
            run(peer, dialect, job);
            System.exit(0);
        } catch (Exception error) {
            error.printStackTrace();
            System.exit(1);
        }
    }

    private static void run(Peer peer, String dialect, Path job) throws Exception {
        Properties asked = new Properties();
        try (FileReader in = new FileReader(job.toString().replace(".json", ".properties"), StandardCharsets.UTF_8)) {
            asked.load(in);
        }
        double c = cpu();
        long w = System.nanoTime();
        if (asked.getProperty("phase").equals("load")) {
            peer.load(Path.of(asked.getProperty("data")));
            peer.close();
            say(String.format("{\"loaded\": {\"cpu_s\": %s, \"wall_s\": %s}, \"bytes\": %d, \"peak\": %d}",
                cpu() - c, (System.nanoTime() - w) / 1e9, peer.size(), peak()));
            return;
        }
        peer.open();
        say(String.format("{\"opened\": {\"cpu_s\": %s, \"wall_s\": %s}}", cpu() - c, (System.nanoTime() - w) / 1e9));
        int count = Integer.parseInt(asked.getProperty("count")), runs = Integer.parseInt(asked.getProperty("runs"));
        for (int i = 0; i < count; i++) {
            String name = asked.getProperty("q." + i + ".name");
            say("{\"start\": " + quoted(name) + "}");
            try {
                peer.measure(name, asked.getProperty("q." + i + "." + dialect),
                    Integer.parseInt(asked.getProperty("q." + i + ".keys")), runs);
            } catch (Exception error) {
                say("{\"name\": " + quoted(name) + ", \"error\": " + quoted(String.valueOf(error)) + "}");
            }
        }
        say("{\"peak\": " + peak() + "}");
        peer.close();
    }
}
