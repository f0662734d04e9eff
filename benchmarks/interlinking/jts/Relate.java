// SPDX-License-Identifier: Apache-2.0
import java.io.*;
import java.nio.file.*;
import org.locationtech.jts.geom.*;
import org.locationtech.jts.io.WKBReader;

/** The DE-9IM matrix of candidate pairs, one unprepared relate each: Relate SOURCE TARGET PAIRS OUTPUT. */
public class Relate {
    static Geometry[] read(String file) throws Exception {
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(new FileInputStream(file), 1 << 20))) {
            Geometry[] result = new Geometry[in.readInt()];
            WKBReader reader = new WKBReader();
            for (int i = 0; i < result.length; i++) {
                result[i] = reader.read(in.readNBytes(in.readInt()));
            }
            return result;
        }
    }

    public static void main(String[] given) throws Exception {
        Geometry[] source = read(given[0]);
        Geometry[] target = read(given[1]);
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(new FileInputStream(given[2]), 1 << 20));
                PrintWriter out = new PrintWriter(Files.newBufferedWriter(Path.of(given[3])))) {
            for (int left = in.readInt(); left > 0; left--) {
                out.println(source[in.readInt()].relate(target[in.readInt()]));
            }
        }
    }
}
