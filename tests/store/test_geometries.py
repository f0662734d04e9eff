# SPDX-License-Identifier: Apache-2.0
"""Geometries of a store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import shapely

from semcube.config import Settings
from semcube.geometry import parse
from semcube.store import Store
from semcube.store import geometries as module
from semcube.vocab import CRS84, EPSG, GEO, WKT_LITERAL

if TYPE_CHECKING:
    import pytest

ONE = Settings(threads=1)
TEXTS = [
    "POINT (10 53)",
    f"<{EPSG}4326> POINT (53 10)",
    f"<{EPSG}3035> POINT (3212000 4321000)",
    "POINT Z (1 2 3)",
    "POINT M (1 2 4)",
    "POLYGON EMPTY",
    "POINT (x)",
    "LINESTRING (0 0, 1 1)",
]


def load(store: Store, texts: list[str]) -> list[str]:
    keys = [f'"{text}"^^<{WKT_LITERAL}>' for text in texts]
    lines = "".join(f"<http://e/{i}> <{GEO}asWKT> {k} .\n" for i, k in enumerate(keys))
    store.load(lines.encode(), format="nt")
    return keys


def test_stored_geometries_are_those_of_the_literals() -> None:
    with Store.in_memory(settings=ONE) as store:
        keys = load(store, TEXTS)
        with store.snapshot() as snapshot:
            found = snapshot.geometries(snapshot.dictionary.find(pa.array(keys)))
    expected = parse(TEXTS, WKT_LITERAL)
    for name in ("native", "lonlat"):
        for a, b in zip(getattr(found, name), getattr(expected, name), strict=True):
            assert (a is None) == (b is None)
            assert a is None or shapely.to_wkb(a, flavor="iso", output_dimension=4) == shapely.to_wkb(
                b, flavor="iso", output_dimension=4
            )
    assert [s and s.iri for s in found.systems_by_row()] == [s and s.iri for s in expected.systems_by_row()]
    assert list(found.errors) == [6]
    assert found.systems_by_row()[0].iri == CRS84  # type: ignore[union-attr]


def test_the_index_is_in_longitude_and_latitude() -> None:
    with Store.in_memory(settings=ONE) as store:
        keys = load(store, TEXTS)
        with store.snapshot() as snapshot:
            index = snapshot.spatial_index()
            assert index is not None
            near = snapshot.dictionary.find(pa.array(keys))
            assert set(index.query(shapely.box(9, 52, 11, 54)).tolist()) == set(near[[0, 1, 2]].tolist())


def test_chunks_few_and_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 16)
    monkeypatch.setattr(module, "MANY", 2)
    with Store.in_memory(settings=ONE) as store:
        store._geometries = module.GeometryColumn(store._connection.cursor, budget=2000)
        keys = load(store, [f"POINT ({i} {i % 7})" for i in range(100)])
        with store.snapshot() as snapshot:
            numbers = snapshot.dictionary.find(pa.array(keys))
            for chosen in (np.arange(100), np.array([99, 3, 3, 50]), np.array([42]), np.arange(99, -1, -1)):
                shapes = snapshot.geometries(numbers[chosen]).native
                assert shapely.get_x(shapes).tolist() == chosen.tolist()
            assert snapshot.geometries(np.array([numbers[0] + 500])).native.tolist() == [None]
            assert len(store._geometries._chunks) < 7


def test_an_older_snapshot_reads_beside_a_newer_one() -> None:
    with Store.in_memory(settings=ONE) as store:
        keys = load(store, [f"POINT Z ({i} 1 1)" for i in range(20)])
        old = store.open_snapshot()
        more = [f'"POINT Z ({i} 2 1)"^^<{WKT_LITERAL}>' for i in range(20)]
        lines = "".join(f"<http://e/m{i}> <{GEO}asWKT> {k} .\n" for i, k in enumerate(more))
        store.load(lines.encode(), format="nt")
        with store.snapshot() as new:
            assert len(new.spatial_index() or ()) == 40
            early = old.geometries(old.dictionary.find(pa.array(keys)))
            late = new.geometries(new.dictionary.find(pa.array(more)))
            newer = new.dictionary.find(pa.array([more[3], keys[5]]))
            fresh = module.GeometryColumn(store._connection.cursor)
            fresh.refresh(new.connection(), new.version)
            assert [g is None for g in fresh.take(newer, old.connection).native] == [True, False]
        old.close()
        assert shapely.get_x(early.native).tolist() == shapely.get_x(late.native).tolist() == list(range(20))
        assert set(shapely.get_y(late.native)) == {2}
        index = store.spatial_index()
        assert index is not None
        assert len(index.query(shapely.box(-0.5, 0.5, 1.5, 1.5), "sfWithin")) == 2


def test_later_loads_are_seen() -> None:
    query = f"SELECT ?s {{ ?s <{GEO}asWKT> ?w FILTER(<http://www.opengis.net/def/function/geosparql/sfWithin>(?w, "
    query += f"'POLYGON ((0 0, 5 0, 5 5, 0 5, 0 0))'^^<{WKT_LITERAL}>)) }}"
    with Store.in_memory(settings=ONE) as store:
        load(store, ["POINT (1 1)"])
        assert len(store.query(query)) == 1
        store.load(f'<http://e/n> <{GEO}asWKT> "POINT (2 2)"^^<{WKT_LITERAL}> .'.encode(), format="nt")
        assert len(store.query(query)) == 2
        store.update(f"DELETE WHERE {{ <http://e/0> <{GEO}asWKT> ?w }}")
        assert store.query(query).to_arrow()["s"].to_pylist() == ["http://e/n"]


def test_reading_one_chunk_holds_up_no_reader_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large answer reads chunk after chunk; a small one that wants another chunk does not wait for it."""
    monkeypatch.setattr(module, "CHUNK", 16)
    monkeypatch.setattr(module, "TOGETHER", 1)
    monkeypatch.setattr(module, "MANY", 1)
    with Store.in_memory(settings=ONE) as store:
        load(store, [f"POINT Z ({i} {i % 80} 1)" for i in range(64)])
        with store.snapshot() as snapshot:
            column = store._geometries
            column.refresh(snapshot.connection(), snapshot.version)
            ids = column.ids
            reading, go_on = threading.Event(), threading.Event()
            read = column._rows

            def slow(connection: object, where: str) -> object:
                if threading.current_thread().name == "slow":
                    reading.set()
                    assert go_on.wait(20)
                return read(connection, where)  # type: ignore[arg-type]

            monkeypatch.setattr(column, "_rows", slow)
            found: list[int] = []

            def all_of_a_chunk() -> None:
                with store.snapshot() as mine:
                    found.append(len(mine.geometries(ids[:16])))

            thread = threading.Thread(target=all_of_a_chunk, name="slow")
            thread.start()
            assert reading.wait(20)
            others = snapshot.geometries(ids[20:24])
            assert [shape.x for shape in others.lonlat] == [20.0, 21.0, 22.0, 23.0]
            assert snapshot.spatial_index() is snapshot.spatial_index()
            assert found == []
            go_on.set()
            thread.join(20)
            assert found == [16]


def test_single_geometries_are_those_of_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    system = "http://www.opengis.net/def/crs/EPSG/0/"
    texts = [f"POINT ({i} {i % 7})" for i in range(40)]
    texts += [f"<{system}4326> POINT ({i} 8)" for i in range(20)]
    texts += [f"<{system}3857> LINESTRING ({i} 8, 9 10)" for i in range(20)]
    texts += ["POINT (", "POLYGON EMPTY", "no geometry", f"<{system}4326> POINT Z (1 2 3)"]
    with Store.in_memory(settings=ONE) as store:
        keys = load(store, texts)
        with store.snapshot() as snapshot:
            numbers = snapshot.dictionary.find(pa.array(keys))
            chosen = numbers[np.random.default_rng(2).permutation(len(numbers))]
            found = []
            for many in (1, 1000):
                monkeypatch.setattr(module, "MANY", many)
                column = module.GeometryColumn(snapshot.connection)
                column.refresh(snapshot.connection(), snapshot.version)
                found.append([column.take(chosen, snapshot.connection) for _ in range(2)])
                assert bool(column._chunks) == (many == 1)
    (whole, _), (single, again) = found
    assert single.errors == again.errors == whole.errors
    assert len(whole.errors) == 2
    assert single.systems_by_row() == again.systems_by_row() == whole.systems_by_row()
    for one in (single, again):
        assert [g and g.wkt for g in one.native] == [g and g.wkt for g in whole.native]
        assert [g and g.wkt for g in one.lonlat] == [g and g.wkt for g in whole.lonlat]


def test_geometries_use_what_others_leave() -> None:
    rows = "".join(
        f'<http://e/{i}> <{GEO}asWKT> "POINT({i % 90} {i // 90})"^^<{GEO}wktLiteral> .\n' for i in range(9000)
    )
    with Store.in_memory(settings=Settings(threads=1)) as store:
        store.load(rows.encode(), format="nt")
        left = 10_000_000
        with store.snapshot() as snapshot:
            column = module.GeometryColumn(store._connection.cursor, 1000, lambda: left)
            column.refresh(snapshot.connection(), snapshot.version)
            numbers = column.ids
            assert len(numbers) == 9000
            expected = snapshot.geometries(numbers).native
            for left in (10_000_000, 900_000, 0):
                column.fit()
                assert column._chunks.nbytes <= 1000 + left
                for _ in range(3):
                    assert (column.take(numbers, snapshot.connection).native == expected).all()
                    assert column._chunks.nbytes <= 1000 + left
                assert (column._chunks.nbytes > 0) == (left > 0)


def test_points_are_known_by_their_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plane points in CRS84 are never read; whatever else has a box of no size is."""
    texts = [f"POINT ({i}.5 {i % 7 + 1})" for i in range(40)]
    others = [
        "POINT (0 5)",
        "POINT (-0.0 5)",
        f"<{EPSG}4326> POINT (53 10)",
        f"<{EPSG}3035> POINT (3212000 4321000)",
        "POINT Z (1 2 3)",
        "MULTIPOINT ((7 8), (7 8))",
        "GEOMETRYCOLLECTION (POINT (7 8))",
        "LINESTRING (7 8, 7 8)",
        "POINT EMPTY",
        "POINT (x)",
    ]
    with Store.in_memory(settings=ONE) as store:
        keys = load(store, texts + others)
        with store.snapshot() as snapshot:
            numbers = snapshot.dictionary.find(pa.array(keys))
            index = snapshot.spatial_index()
            assert index is not None
            xy = index.coordinates(numbers)
            assert (~np.isnan(xy[:, 0])).tolist() == [True] * 40 + [False] * 10
            assert index.sound(numbers).tolist() == [1] * 40 + [-1] * 10
            expected = parse(texts + others, WKT_LITERAL)
            for many in (1, 1000):
                monkeypatch.setattr(module, "MANY", many)
                column = module.GeometryColumn(snapshot.connection)
                column.refresh(snapshot.connection(), snapshot.version)
                found = column.take(numbers, snapshot.connection)
                assert [str(g) for g in found.native] == [str(g) for g in expected.native]
                assert [str(s) for s in found.systems_by_row()] == [str(s) for s in expected.systems_by_row()]
            monkeypatch.setattr(column, "_rows", None)
            assert [g.x for g in column.take(numbers[:40], snapshot.connection).lonlat] == [i + 0.5 for i in range(40)]
    assert xy[:40].tolist() == [[i + 0.5, i % 7 + 1.0] for i in range(40)]


def test_runs_of_chunks_are_read_as_single_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 8)
    monkeypatch.setattr(module, "MANY", 1)
    texts = [f"POINT ({i}.5 1)" if i // 8 % 3 == 0 else f"LINESTRING ({i} 1, {i} 2)" for i in range(100)]
    with Store.in_memory(settings=ONE) as store:
        numbers_of = pa.array(load(store, texts))
        with store.snapshot() as snapshot:
            numbers = snapshot.dictionary.find(numbers_of)
            asked: list[str] = []
            for together, stored in ((1, 1), (4, 1), (4, 1 << 40), (16, 1)):
                monkeypatch.setattr(module, "TOGETHER", together)
                column = module.GeometryColumn(snapshot.connection, 1 << 30)
                column.refresh(snapshot.connection(), snapshot.version)
                column._stored = stored
                read = column._rows
                monkeypatch.setattr(column, "_rows", lambda c, where, read=read: asked.append(where) or read(c, where))
                column.take(numbers[40:43], snapshot.connection)
                found = column.take(numbers, snapshot.connection)
                assert [str(g) for g in found.native] == [str(g) for g in parse(texts, WKT_LITERAL).native]
                assert len(column._chunks) == 13
                asked.append("")
    cuts = [place for place, text in enumerate(asked) if not text]
    counts = np.diff([-1, *cuts]) - 1
    assert counts[0] == 8
    assert counts[3] < counts[1] < counts[0]
