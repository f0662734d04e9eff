// SPDX-License-Identifier: Apache-2.0
import java.io.*;
import java.util.*;
import org.locationtech.jts.geom.*;
import org.locationtech.jts.index.strtree.STRtree;
import org.locationtech.jts.io.WKBReader;
import org.locationtech.jts.operation.relateng.RelateNG;

/**
 * The related pairs of two sets and their DE-9IM matrices: Join SOURCE TARGET OUTPUT plain|prepared STEP SHARE.
 *
 * plain: one unprepared relate for each pair whose boxes meet, as JedAI-spatial does. prepared: RelateNG, each source
 * prepared once. With a STEP above 1, sources with more than 100,000 vertices are related by RelateNG in any case, and
 * only to the targets whose row modulo STEP is SHARE: unprepared, a pair takes half a second. TARGET is "-" for a set with itself; each pair comes once then, the earlier row first. The output has
 * 17 bytes for each related pair: two rows (big-endian int32) and the matrix.
 */
public class Join {
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
        boolean self = given[1].equals("-");
        Geometry[] target = self ? source : read(given[1]);
        boolean prepared = given[3].equals("prepared");
        STRtree tree = new STRtree();
        for (int i = 0; i < target.length; i++) {
            tree.insert(target[i].getEnvelopeInternal(), i);
        }
        int step = Integer.parseInt(given[4]), share = Integer.parseInt(given[5]);
        long candidates = 0, related = 0;
        try (DataOutputStream out =
                new DataOutputStream(new BufferedOutputStream(new FileOutputStream(given[2]), 1 << 20))) {
            for (int i = 0; i < source.length; i++) {
                RelateNG ready = null;
                boolean large = step > 1 && source[i].getNumPoints() > 100_000;
                boolean newer = prepared || large;
                for (Object found : tree.query(source[i].getEnvelopeInternal())) {
                    int j = (Integer) found;
                    if (self && j <= i) {
                        continue;
                    }
                    candidates++;
                    if (large && j % step != share) {
                        continue;
                    }
                    related++;
                    if (newer && ready == null) {
                        ready = (RelateNG) RelateNG.prepare(source[i]);
                    }
                    IntersectionMatrix matrix = newer ? ready.evaluate(target[j]) : source[i].relate(target[j]);
                    if (!matrix.isDisjoint()) {
                        out.writeInt(i);
                        out.writeInt(j);
                        out.writeBytes(matrix.toString());
                    }
                }
            }
        }
        System.out.println(candidates + " " + related);
    }
}
