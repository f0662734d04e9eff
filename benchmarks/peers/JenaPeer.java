// SPDX-License-Identifier: Apache-2.0
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.apache.jena.geosparql.configuration.GeoSPARQLConfig;
import org.apache.jena.geosparql.spatial.index.v2.SpatialIndexIoKryo;
import org.apache.jena.geosparql.spatial.index.v2.SpatialIndexLib;
import org.apache.jena.graph.Node;
import org.apache.jena.query.Dataset;
import org.apache.jena.query.QueryExecution;
import org.apache.jena.query.QueryExecutionFactory;
import org.apache.jena.query.ReadWrite;
import org.apache.jena.query.ResultSet;
import org.apache.jena.sparql.engine.binding.Binding;
import org.apache.jena.tdb2.TDB2Factory;
import org.apache.jena.tdb2.loader.DataLoader;
import org.apache.jena.tdb2.loader.LoaderFactory;

/** Jena TDB2 with jena-geosparql; with "property" as dialect, with a spatial index. */
final class JenaPeer extends Peer {
    private final boolean indexed;
    private Dataset dataset;

    private JenaPeer(Path folder, boolean indexed) {
        super(folder);
        this.indexed = indexed;
    }

    private Path database() throws Exception {
        return Files.createDirectories(folder.resolve("tdb2"));
    }

    @Override
    void load(Path data) throws Exception {
        dataset = TDB2Factory.connectDataset(database().toString());
        DataLoader loader = LoaderFactory.parallelLoader(dataset.asDatasetGraph(), (format, values) -> { });
        loader.startBulk();
        loader.load(data.toString());
        loader.finishBulk();
    }

    @Override
    void open() throws Exception {
        dataset = TDB2Factory.connectDataset(database().toString());
        GeoSPARQLConfig.setupMemoryIndex();
        if (indexed) {
            Path file = folder.resolve("spatial.index");
            SpatialIndexLib.setSpatialIndex(dataset, SpatialIndexIoKryo.loadOrBuildSpatialIndex(dataset, file));
        }
    }

    @Override
    void ask(String text, Consumer<String[]> row) {
        dataset.begin(ReadWrite.READ);
        try (QueryExecution execution = QueryExecutionFactory.create(text, dataset)) {
            ResultSet found = execution.execSelect();
            String[] names = found.getResultVars().toArray(String[]::new);
            while (found.hasNext()) {
                Binding binding = found.nextBinding();
                String[] values = new String[names.length];
                for (int i = 0; i < names.length; i++) {
                    Node node = binding.get(names[i]);
                    values[i] = node == null ? null : node.isURI() ? node.getURI()
                        : node.isLiteral() ? node.getLiteralLexicalForm() : node.getBlankNodeLabel();
                }
                row.accept(values);
            }
        } finally {
            dataset.end();
        }
    }

    @Override
    void close() {
        dataset.close();
    }

    public static void main(String[] arguments) throws Exception {
        String dialect = arguments[0];
        Path job = Path.of(arguments[1]);
        work(new JenaPeer(job.toAbsolutePath().getParent(), dialect.equals("property")), dialect, job);
    }
}
