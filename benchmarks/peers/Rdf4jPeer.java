// SPDX-License-Identifier: Apache-2.0
import java.io.BufferedInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.eclipse.rdf4j.model.Value;
import org.eclipse.rdf4j.query.BindingSet;
import org.eclipse.rdf4j.query.TupleQueryResult;
import org.eclipse.rdf4j.repository.RepositoryConnection;
import org.eclipse.rdf4j.repository.sail.SailRepository;
import org.eclipse.rdf4j.rio.RDFFormat;
import org.eclipse.rdf4j.sail.lmdb.LmdbStore;
import org.eclipse.rdf4j.sail.lmdb.config.LmdbStoreConfig;

/** RDF4J LMDB with the GeoSPARQL functions of queryalgebra-geosparql. */
final class Rdf4jPeer extends Peer {
    private SailRepository repository;

    private Rdf4jPeer(Path folder) {
        super(folder);
    }

    @Override
    void load(Path data) throws Exception {
        open();
        try (RepositoryConnection connection = repository.getConnection();
             InputStream in = new BufferedInputStream(Files.newInputStream(data))) {
            connection.begin(org.eclipse.rdf4j.common.transaction.IsolationLevels.NONE);
            connection.add(in, RDFFormat.NTRIPLES);
            connection.commit();
        }
    }

    @Override
    void open() {
        LmdbStoreConfig config = new LmdbStoreConfig("spoc,posc,ospc");
        repository = new SailRepository(new LmdbStore(folder.resolve("lmdb").toFile(), config));
        repository.init();
    }

    @Override
    void ask(String text, Consumer<String[]> row) {
        try (RepositoryConnection connection = repository.getConnection();
             TupleQueryResult found = connection.prepareTupleQuery(text).evaluate()) {
            String[] names = found.getBindingNames().toArray(String[]::new);
            while (found.hasNext()) {
                BindingSet binding = found.next();
                String[] values = new String[names.length];
                for (int i = 0; i < names.length; i++) {
                    Value value = binding.getValue(names[i]);
                    values[i] = value == null ? null : value.stringValue();
                }
                row.accept(values);
            }
        }
    }

    @Override
    void close() {
        repository.shutDown();
    }

    public static void main(String[] arguments) throws Exception {
        Path job = Path.of(arguments[1]);
        work(new Rdf4jPeer(job.toAbsolutePath().getParent()), arguments[0], job);
    }
}
