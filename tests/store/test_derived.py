# SPDX-License-Identifier: Apache-2.0
"""WKT literals without a stored text are the same terms as those that come as text, whichever comes first."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pytest
import shapely

from semcube.config import Settings
from semcube.errors import StoreError
from semcube.mapping import quads, transform
from semcube.mapping.materialise import TransformOptions, quad_columns, quads_with_geometries
from semcube.store import Store, dictionary, encoder, term_texts, transaction
from semcube.store.derived import with_texts
from semcube.store.sources import batches_of
from tests.store.test_known_geometries import TEXTS

GEO = "http://www.opengis.net/ont/geosparql#"
PREFIXES = f"PREFIX geo: <{GEO}> PREFIX geof: <http://www.opengis.net/def/function/geosparql/> "
MORE = [
    *TEXTS,
    "POINT (-0 7)",
    "POINT (1e-12 7)",
    "POINT (1e20 7)",
    "MULTILINESTRING ((1 2, 3 4), (5 6, 7 8))",
    "POLYGON ((9 9, 8 9, 8 8, 9 9))",
    "POLYGON EMPTY",
]
SYSTEMS = ["keep", "EPSG:4326", "EPSG:3857", "EPSG:31467"]
SMALL = Settings(threads=1, memory_mb=256)


def source(folder: Path, texts: list[str] = MORE, name: str = "t.parquet", **given: Any) -> Path:
    geometries = [*shapely.from_wkt(texts), None]
    frame = geopandas.GeoDataFrame({"id": range(len(geometries))}, geometry=geometries, crs=given.get("crs", 4326))
    frame.to_parquet(folder / name, row_group_size=given.get("group", 7))
    return folder / name


def as_text(path: Path, wanted: str = "keep") -> Path:
    target = path.with_suffix(".nt")
    transform(path, target, None, TransformOptions(crs=wanted))
    return target


def mapped(store: Store, path: Path, wanted: str = "keep") -> Any:
    """Load columns of terms, as they come from a mapping."""
    return store.load(quad_columns(path, None, TransformOptions(crs=wanted)))


def terms(store: Store) -> list[tuple[Any, ...]]:
    with store.snapshot() as snapshot:
        connection = snapshot.connection()
        sql = "SELECT n, tag, lexical, datatype FROM terms JOIN forms USING (form)"
        found = with_texts(connection.sql(sql).to_arrow_table(), connection)
    return sorted(zip(*(found[name].to_pylist() for name in ("tag", "lexical", "datatype")), strict=True), key=str)


def lines(store: Store, folder: Path) -> list[str]:
    store.dump(folder / "dump.nq")
    return sorted((folder / "dump.nq").read_text("utf-8").splitlines())


def counts(store: Store) -> tuple[int, int]:
    """Terms, and those of them without text."""
    with store.snapshot() as snapshot:
        found = snapshot.connection().execute("SELECT count(*), count(*) - count(lexical) FROM terms").fetchall()[0]
    return found[0], found[1]


def geometries(store: Store) -> list[Any]:
    with store.snapshot() as snapshot:
        connection = snapshot.connection()
        texts = with_texts(connection.sql("SELECT n, lexical FROM terms").to_arrow_table(), connection)
        connection.register("texts", texts)
        sql = "SELECT t.lexical, g.* EXCLUDE (n) FROM geometries g JOIN texts t USING (n) ORDER BY t.lexical"
        return connection.sql(sql).to_arrow_table().to_pylist()


def ask(store: Store, text: str) -> list[tuple[Any, ...]]:
    found = store.query(PREFIXES + text).to_arrow().to_pylist()
    return sorted((tuple(row.values()) for row in found), key=str)


@contextmanager
def bounds(monkeypatch: pytest.MonkeyPatch, few: int, known: int) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(encoder, "FEW", few)
        patch.setattr(transaction, "FEW", few)
        patch.setattr(encoder, "BYTES", 64 if known else 1 << 60)
        yield


Road = Callable[[Store, Path, str], Any]
ROADS: dict[str, Road] = {
    "mapped": mapped,
    "keys": lambda store, path, wanted: store.load(quads(path, None, TransformOptions(crs=wanted))),
    "keys and WKB": lambda store, path, wanted: store.load(
        quads_with_geometries(path, None, TransformOptions(crs=wanted))
    ),
    "text": lambda store, path, wanted: store.load(as_text(path, wanted)),
    "update": lambda store, path, wanted: store.update(f"INSERT DATA {{ {as_text(path, wanted).read_text('utf-8')} }}"),
}


WAYS = [(0, 0), (0, 1), (1000, 0)]
"""Whether few terms go their own way, and whether what is known of terms goes into the database."""
PAIRS = [("mapped", other, way) for other in ROADS for way in WAYS]
PAIRS += [(one, "mapped", WAYS[place % 3]) for place, one in enumerate(ROADS) if one != "mapped"]


@pytest.mark.parametrize(("one", "other", "way"), PAIRS)
def test_a_term_is_one_term_by_whichever_road(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one: str, other: str, way: tuple[int, int]
) -> None:
    wanted = SYSTEMS[PAIRS.index((one, other, way)) % len(SYSTEMS)]
    path = source(tmp_path)
    with Store.in_memory() as made, Store.in_memory() as expected:
        expected.load(as_text(path, wanted))
        with bounds(monkeypatch, *way):
            ROADS[one](made, path, wanted)
            before = counts(made)
            assert terms(made) == terms(expected)
            ROADS[other](made, path, wanted)
            assert counts(made) == before
        assert (before[1] > 0) == (one == "mapped")
        assert terms(made) == terms(expected)
        assert geometries(made) == geometries(expected)
        assert lines(made, tmp_path) == lines(expected, tmp_path)


@pytest.mark.parametrize("first", ["mapped", "text"])
@pytest.mark.parametrize("known", [0, 1])
def test_both_in_one_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, known: int) -> None:
    """Duplicates within a load, between batches and between systems."""
    one, other = source(tmp_path, MORE * 2), source(tmp_path, MORE[::-1], "u.parquet", crs=3857)
    files = [one, as_text(one), other, as_text(other)]
    ordered = files if first == "mapped" else files[::-1]
    with Store.in_memory() as made, Store.in_memory() as expected:
        for file in files[1::2]:
            expected.load(file)
        with bounds(monkeypatch, 0, known), made.transaction() as writing:
            for file in ordered:
                for _ in writing.stage(batches_of([file], graph=None, format=None, mapping=None)):
                    pass
            writing.insert_staged()
        assert terms(made) == terms(expected)
        assert geometries(made) == geometries(expected)
        assert (counts(made)[1] > 0) == (first == "mapped")


@pytest.mark.parametrize("wanted", SYSTEMS)
def test_dump_and_load_again(tmp_path: Path, wanted: str) -> None:
    path = source(tmp_path)
    with Store.in_memory() as made, Store.in_memory() as again, Store.in_memory() as text:
        report = mapped(made, path, wanted)
        text.load(as_text(path, wanted))
        dumped = lines(made, tmp_path)
        assert dumped == lines(text, tmp_path)
        reloaded = again.load(tmp_path / "dump.nq")
        for name in ("added", "terms", "geometries", "malformed"):
            assert getattr(report, name) == getattr(reloaded, name)


QUERIES = [
    "SELECT ?w {{ ?g geo:asWKT ?w }}",
    "SELECT DISTINCT ?w {{ ?g geo:asWKT ?w }}",
    "SELECT ?w (COUNT(*) AS ?n) {{ ?g geo:asWKT ?w }} GROUP BY ?w",
    "SELECT (STR(?w) AS ?s) (STRLEN(STR(?w)) AS ?n) {{ ?g geo:asWKT ?w }}",
    "SELECT ?w {{ ?g geo:asWKT ?w }} ORDER BY DESC(STR(?w)) LIMIT 5",
    "SELECT ?w {{ ?g geo:asWKT ?w FILTER(REGEX(STR(?w), 'LINE')) }}",
    "SELECT ?g {{ ?g geo:asWKT {one} }}",
    "SELECT ?g ?w {{ ?g geo:asWKT ?w FILTER(?w = {one}) }}",
    "SELECT ?g ?w {{ ?g geo:asWKT ?w FILTER(sameTerm(?w, {one})) }}",
    "SELECT ?g ?w {{ ?g geo:asWKT ?w FILTER(?w IN ({one}, {other})) }}",
    "SELECT ?g ?w {{ VALUES ?w {{ {one} {other} {near} }} ?g geo:asWKT ?w }}",
    "SELECT ?g ?w {{ BIND(STRDT({string}, geo:wktLiteral) AS ?w) ?g geo:asWKT ?w }}",
    "SELECT ?g ?h {{ ?g geo:asWKT ?w . ?h geo:asWKT ?v FILTER(STR(?w) = STR(?v)) }}",
    "SELECT ?g {{ ?g geo:asWKT ?w FILTER(geof:sfIntersects(?w, {near})) }}",
    "SELECT (MIN(STR(?w)) AS ?s) (SAMPLE(STR(?w)) AS ?t) {{ ?g geo:asWKT ?w FILTER(?w = {one}) }}",
    "SELECT ?t {{ ?g geo:asWKT ?w BIND(CONCAT(STR(?w), '!') AS ?t) }}",
    "SELECT ?n {{ ?g geo:asWKT ?w FILTER(isLiteral(?w) && DATATYPE(?w) = geo:wktLiteral) BIND(LANG(?w) AS ?n) }}",
]


@pytest.mark.parametrize("push", ["off", "auto", "forced"])
@pytest.mark.parametrize("wanted", ["keep", "EPSG:4326"])
def test_queries_see_texts(tmp_path: Path, push: str, wanted: str) -> None:
    path = source(tmp_path, MORE + ["POINT (1 2)"] * 3)
    beginning = "" if wanted == "keep" else "<http://www.opengis.net/def/crs/EPSG/0/4326> "
    texts = ("LINESTRING (1 2, 3 4)", "POINT Z (1 2 3)", "POINT (1.0 2.0)")
    if beginning:
        texts = ("LINESTRING (2 1, 4 3)", "POINT Z (2 1 3)", "POINT (2.0 1.0)")
    one, other, near = (f'"{beginning}{text}"^^geo:wktLiteral' for text in texts)
    given = {"one": one, "other": other, "near": near, "string": f'"{beginning}{texts[0]}"'}
    with Store.in_memory() as made, Store.in_memory() as expected:
        mapped(made, path, wanted)
        expected.load(as_text(path, wanted))
        for query in QUERIES:
            text = PREFIXES + query.format(**given)
            rows = [
                sorted(
                    (tuple(row.values()) for row in store.query(text, push_down=push).to_arrow().to_pylist()), key=str
                )
                for store in (made, expected)
            ]
            assert rows[0] == rows[1]
            assert rows[0]


def test_updates(tmp_path: Path) -> None:
    path = source(tmp_path)
    one, other = '"LINESTRING (1 2, 3 4)"^^geo:wktLiteral', '"POINT (77 78)"^^geo:wktLiteral'
    everything = "SELECT ?g ?p ?w { ?g ?p ?w FILTER(isLiteral(?w)) }"
    with Store.in_memory() as made, Store.in_memory() as expected:
        mapped(made, path)
        expected.load(as_text(path))
        for update in (
            f"INSERT DATA {{ <e:a> geo:asWKT {one} . <e:b> geo:asWKT {other} . <e:c> geo:asWKT {other} }}",
            f"DELETE DATA {{ <e:a> geo:asWKT {one} }}",
            f"DELETE {{ ?g geo:asWKT ?w }} INSERT {{ ?g <e:was> ?w }} WHERE {{ ?g geo:asWKT ?w FILTER(?w = {one}) }}",
            "INSERT { ?g <e:text> ?s } WHERE"
            " { ?g geo:asWKT ?w BIND(STRDT(CONCAT(STR(?w), ''), geo:wktLiteral) AS ?s) }",
            "INSERT { ?g <e:moved> ?s } WHERE { ?g geo:asWKT ?w BIND(geof:envelope(?w) AS ?s) } ;"
            f" DELETE DATA {{ <e:c> geo:asWKT {other} }} ; DELETE WHERE {{ ?x <e:moved> {other} }}",
            "DELETE WHERE { ?g geo:asWKT ?w }",
        ):
            made.update(PREFIXES + update)
            expected.update(PREFIXES + update)
            assert ask(made, everything) == ask(expected, everything)
            assert terms(made) == terms(expected)
        assert counts(made)[1]
        assert geometries(made) == geometries(expected)


def stage_and_fail(store: Store, path: Path) -> None:
    with store.transaction() as writing:
        for _ in writing.stage(batches_of([path], graph=None, format=None, mapping=None)):
            pass
        raise RuntimeError


def test_what_a_load_that_fails_leaves(tmp_path: Path) -> None:
    path, text = source(tmp_path), as_text(source(tmp_path, name="u.parquet"))
    with Store.in_memory() as store:
        with pytest.raises(RuntimeError):
            stage_and_fail(store, path)
        assert counts(store) == (0, 0)
        store.load(text)
        before = counts(store)
        assert before[1] == 0
        mapped(store, path)
        assert counts(store) == (before[0] + counts_of_new(path), 0)


def counts_of_new(path: Path) -> int:
    """Terms of a mapped file that the same rows under the name u do not have: IRIs of features and geometries."""
    with Store.in_memory() as one, Store.in_memory() as both:
        one.load(as_text(source(path.parent, name="u.parquet")))
        both.load(as_text(source(path.parent, name="u.parquet")))
        both.load(as_text(path))
        return counts(both)[0] - counts(one)[0]


def test_an_older_snapshot_reads_on(tmp_path: Path) -> None:
    path = source(tmp_path)
    one = pa.array([f'"LINESTRING (1 2, 3 4)"^^<{GEO}wktLiteral>'], pa.large_string())
    with Store.open(tmp_path / "s", create=True, settings=SMALL) as store:
        with store.snapshot() as before:
            assert before.dictionary.find(one).tolist() == [0]
            mapped(store, path)
            assert before.dictionary.find(one).tolist() == [0]
            with store.snapshot() as after:
                number = after.dictionary.find(one)
                assert after.dictionary.find_one(one[0].as_py()) == number[0] > 0
                many = pa.concat_arrays([one, pa.array([f'"{i}"' for i in range(200)], pa.large_string())])
                assert after.dictionary.find(many).tolist() == [*number.tolist(), *[0] * 200]
        expected = terms(store)
    with Store.open(tmp_path / "s", read_only=True, settings=SMALL) as store:
        assert terms(store) == expected
        assert store.dictionary.find(one).tolist() == number.tolist()


@pytest.mark.parametrize("budget", [1 << 16, 1 << 26])
def test_texts_of_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: int) -> None:
    """Whole chunks, scattered terms and single ones, with and without room for what was read."""
    monkeypatch.setattr(dictionary, "FEW", 256)
    random_ = random.Random(3)
    texts = []
    for number in range(6000):
        x, y = random_.uniform(-90, 90), round(random_.uniform(-90, 90), 3)
        texts.append(f"POINT ({x} {y})" if number % 3 else f"LINESTRING ({x} {y}, {number} {x / 1000})")
    texts += ["POINT Z (1 2 3)"] * 5
    with Store.in_memory(settings=SMALL) as store:
        mapped(store, source(tmp_path, texts, group=5000))
        found = [row[0].lexical for row in store.query(PREFIXES + "SELECT ?w { ?g geo:asWKT ?w }")]
        assert sorted(found) == sorted(quads_texts(tmp_path))
        assert len(found) == 6005
        with store.snapshot() as snapshot:
            own = snapshot.dictionary
            own._texts = term_texts.TermTexts(budget)
            numbers = snapshot.connection().execute("SELECT n, tag FROM terms JOIN forms USING (form)").fetchnumpy()
            every = numbers["n"] | (numbers["tag"].astype(np.int64) << 56)
            whole = own.decode(every)
            known = dict(zip(every.tolist(), whole["lexical"].to_pylist(), strict=True))
            assert None not in known.values()
            for size in (1, 5, 40, 300, 2000, 9000):
                for _ in range(4):
                    chosen = np.array(random_.sample(every.tolist(), size), np.int64)
                    assert own.decode(chosen)["lexical"].to_pylist() == [known[one] for one in chosen.tolist()]
                    near = every[(start := random_.randrange(len(every) - size)) : start + size]
                    assert own.decode(near)["lexical"].to_pylist() == [known[one] for one in near.tolist()]


def quads_texts(folder: Path) -> Iterator[str]:
    for batch in quads(folder / "t.parquet"):
        for predicate, key in zip(batch.column("p").to_pylist(), batch.column("o").to_pylist(), strict=True):
            if predicate == f"<{GEO}asWKT>":
                yield key[1 : key.rindex('"')]


def test_a_damaged_store_says_so(tmp_path: Path) -> None:
    with Store.in_memory() as store:
        mapped(store, source(tmp_path))
        store._connection.execute("DELETE FROM geometries")
        with pytest.raises(StoreError, match="neither a text nor a geometry"):
            lines(store, tmp_path)
