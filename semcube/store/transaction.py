# SPDX-License-Identifier: Apache-2.0
"""One write transaction: quads come in as keys or ids, everything or nothing goes into the tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from semcube.engines import ids
from semcube.engines.embedded import registered
from semcube.io.term_columns import Position, QuadColumns, constant_column
from semcube.store.appending import Appender, append_stream
from semcube.store.encoder import FEW, Encoder
from semcube.store.geometry_rows import write_geometries
from semcube.store.known_geometries import KnownGeometries
from semcube.store.layout import ONE_GRAPH
from semcube.store.sorting import HELD_BYTES, LARGE, HeldQuads, PredicateCounts
from semcube.vocab import GEOMETRY_LITERALS

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    from semcube.io.term_columns import TermColumn
    from semcube.store.forms import Forms

    Ids = npt.NDArray[np.int64]

__all__ = ["LoadReport", "Transaction"]

BATCH_ROWS = 200_000
BATCH_BYTES = 96 * 1024 * 1024
"""A batch is encoded when it has so many quads or bytes of text, or a 32nd of the memory."""
FIRST_QUADS = 100_000
"""A first load of fewer quads is not worth another way."""
_NEW_GRAPHS = "INSERT INTO graphs SELECT DISTINCT g, false FROM fresh WHERE g <> 0 AND g NOT IN (SELECT id FROM graphs)"
SMALLEST = 16 * 1024 * 1024
REASONS = 20
"""So many reasons of malformed geometries are kept."""
TAIL = 200_000
"""So many quads may stand unsorted behind the sorted ones, or a fifth of them, before all are sorted again."""


@dataclass
class LoadReport:
    """What a load did."""

    read: int = 0
    """Quads in the input."""
    added: int = 0
    """Quads that the store did not have."""
    terms: int = 0
    """Terms that the store did not have."""
    geometries: int = 0
    """Geometry literals that the store did not have."""
    malformed: int = 0
    """Those of them that are no geometry; they are kept as literals."""
    reasons: list[str] = field(default_factory=list)
    """Why, for the first few malformed ones."""
    seconds: float = 0.0


_NUMERIC, _TEMPORAL = ids.Tag.NUMERIC, ids.Tag.TEMPORAL


class Transaction:
    """Changes to a store that become visible together, or not at all.

    Args:
        connection: A connection with a transaction begun.
        salt: The salt of the store's hashes.
        memory: Bytes that the store may use; a load holds a part of it outside of the database.
        forms: Of the committed state.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, salt: str, memory: int = 1 << 31, forms: Forms | None = None
    ) -> None:
        self.connection = connection
        self._memory = memory
        self.report = LoadReport()
        self.changed: set[int] = set()
        """Predicates of quads that were added or removed."""
        self._geometries = Appender(connection, "geometries", memory // 64)
        self._encoder = Encoder(connection, salt, memory // 8, forms, self._geometries.flush)
        self._held: HeldQuads | None = HeldQuads()
        """Staged quads that are in memory; None when they are in the table ``staged``."""
        self._tail = self._count("SELECT tail FROM meta")
        self._constants: dict[str, int] = {}
        """Ids of keys that stand in each batch of columns."""

    # --- adding -----------------------------------------------------------------------------------------------------

    def encode(self, keys: pa.Array) -> Ids:
        """The ids of keys (0 for null), which become terms of the store where they are not."""
        encoded = keys.dictionary_encode()
        codes = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)
        found: Ids = np.append(self._encode(encoded.dictionary), 0)[codes]
        return found

    def _encode(self, keys: pa.Array, known: KnownGeometries | None = None) -> Ids:
        found, added = self._encoder.encode(keys.cast(pa.large_string()))
        if known is None:
            count, reasons = write_geometries(self._geometries, added)
        else:
            count, reasons = write_geometries(self._geometries, added, known.of_terms(found, added), known.crs)
        self._report_geometries(count, reasons)
        return found

    def _report_geometries(self, count: int, reasons: list[str]) -> None:
        self.report.geometries += count
        self.report.malformed += len(reasons)
        self.report.reasons += reasons[: REASONS - len(self.report.reasons)]

    def stage(self, batches: Iterable[pa.RecordBatch | QuadColumns]) -> Iterator[int]:
        """Take in ``QUADS`` batches, or columns; yields the number of quads after each step."""
        for batch in _joined(batches, min(BATCH_BYTES, max(self._memory // 32, SMALLEST))):
            if isinstance(batch, QuadColumns):
                count = self._stage_columns(batch)
            else:
                self._stage(batch)
                count = batch.num_rows
            self.report.read += count
            yield count

    def _stage(self, batch: pa.Table) -> None:
        columns = [batch.column(name).combine_chunks() for name in ("p", "s", "o", "g")]
        columns = [c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in columns]
        encoded = [c if pa.types.is_dictionary(c.type) else c.dictionary_encode() for c in columns]
        dictionaries = [column.dictionary.cast(pa.large_string()) for column in encoded]
        if sum(map(len, dictionaries)) <= FEW:
            found = self._encode_together(batch, encoded, dictionaries)
        else:
            found = self._encode_several(batch, encoded, dictionaries)
        columns_of_ids = [
            np.append(own, 0)[column.indices.fill_null(len(own)).to_numpy(zero_copy_only=False)]
            for own, column in zip(found, encoded, strict=True)
        ]
        self.stage_ids(*columns_of_ids)

    def _encode_together(
        self, batch: pa.Table, encoded: list[pa.DictionaryArray], dictionaries: list[pa.Array]
    ) -> list[Ids]:
        """The ids of the distinct keys of each column, when they are few."""
        together = pa.concat_arrays(dictionaries).dictionary_encode()
        places = np.split(together.indices.to_numpy(zero_copy_only=False), np.cumsum(list(map(len, dictionaries)))[:-1])
        known = KnownGeometries.of(batch, encoded[2].indices, places[2], len(together.dictionary))
        found = self._encode(together.dictionary, known)
        return [found[own] for own in places]

    def _encode_several(
        self, batch: pa.Table, encoded: list[pa.DictionaryArray], dictionaries: list[pa.Array]
    ) -> list[Ids]:
        """The ids of the distinct keys of each column."""
        objects = np.arange(len(dictionaries[2]))
        known = KnownGeometries.of(batch, encoded[2].indices, objects, len(objects))
        found, added = self._encoder.encode_several(dictionaries)
        for place, rows, table in added:
            given = () if known is None or place != 2 else (known.of_keys(rows), known.crs)
            self._report_geometries(*write_geometries(self._geometries, table, *given))
        return found

    def _stage_columns(self, batch: QuadColumns) -> int:
        """Take in the quads of all patterns; returns how many they are."""
        kept_of = dict(zip(batch.patterns, batch.kept(), strict=True))
        batch = batch.needed()
        keys = {place for pattern in batch.patterns for place in pattern if isinstance(place, str)}
        missing = sorted(keys - self._constants.keys())
        found = self._encode_columns([*batch.columns, *map(constant_column, missing)])
        self._constants |= {key: int(found.pop()[0]) for key in reversed(missing)}
        count = 0
        for pattern in batch.patterns:
            kept = kept_of[pattern]
            rows = batch.rows if kept is None else int(kept.sum())
            columns = [self._values(place, found, kept, rows) for place in pattern]
            self._stage_pattern(pattern, columns)
            count += rows
        return count

    def _encode_columns(self, columns: list[TermColumn]) -> list[Ids]:
        if not self._encoder.derives and any(column.shapes is not None for column in columns) and self._is_plain():
            self._encoder.derive()
        found, added = self._encoder.encode_columns(columns)
        for each in added:
            if each.column.datatype in GEOMETRY_LITERALS:
                shapes = None if self._encoder.derives else each.column.shapes
                known = () if shapes is None else (shapes.wkb.take(pa.array(each.rows)), shapes.crs)
                self._report_geometries(*write_geometries(self._geometries, each.table(), *known))
        return found

    def _is_plain(self) -> bool:
        """Whether the store has no geometry literal."""
        return not self.report.geometries and not self._count("SELECT count(*) FROM geometries")

    def _values(self, place: Position, found: list[Ids], kept: npt.NDArray[np.bool_] | None, rows: int) -> Ids:
        """The ids at one position of a pattern."""
        if isinstance(place, int):
            return found[place] if kept is None else found[place][kept]
        return np.full(rows, 0 if place is None else self._constants[place])

    def _stage_pattern(self, pattern: tuple[Position, ...], columns: list[Ids]) -> None:
        """Take in the quads of one pattern: columns s, p, o, g."""
        s, p, o, g = columns
        one_graph = not isinstance(pattern[3], int)
        room = 24 if one_graph else 32
        if isinstance(pattern[1], str) and self._held is not None and self._has_room(self._held, room * len(s)):
            self._held.add_predicate(self._constants[pattern[1]], s, o, g[:1] if one_graph else g)
        else:
            self.stage_ids(p, s, o, g)

    def _has_room(self, held: HeldQuads, size: int) -> bool:
        return held.bytes + size <= min(HELD_BYTES, self._memory // 16)

    def stage_ids(self, p: Ids, s: Ids, o: Ids, g: Ids) -> None:
        """Take in quads as ids of the store; graph 0 is the default graph."""
        if self._held is not None and self._has_room(self._held, 24 * len(p)):
            self._held.add(p, s, o, g)
            return
        self._release()
        self._stage_in_table(p, s, o, g)

    def _release(self) -> None:
        """Move what is held into the table."""
        held, self._held = self._held, None
        if held is not None:
            self.connection.execute("CREATE OR REPLACE TEMP TABLE staged (p BIGINT, s BIGINT, o BIGINT, g BIGINT)")
            for part in held.take():
                self._stage_in_table(*part)

    def _stage_in_table(self, p: Ids, s: Ids, o: Ids, g: Ids) -> None:
        with registered(self.connection, {"ids_in": pa.table({"p": p, "s": s, "o": o, "g": g})}):
            self.connection.execute("INSERT INTO staged SELECT p, s, o, g FROM ids_in")

    def insert_staged(self) -> int:
        """Put the staged quads into the store; returns how many were new."""
        if self._held is not None and not self._held.bytes:
            return 0
        had = self._count("SELECT count(*) FROM quads_ps")
        if self._held is None:
            added = self._fresh("staged", had)
            self.connection.execute("DROP TABLE staged")
        elif self._held.quads >= FIRST_QUADS and not had:
            return self._insert_first(self._held)
        else:
            with registered(self.connection, {"ids_in": pa.table(self._held.together())}):
                added = self._fresh("ids_in", had)
        self._held = HeldQuads()
        if added:
            self._insert_fresh(had, added)
        self.connection.execute("DROP TABLE fresh")
        self.report.added += added
        return added

    def _fresh(self, source: str, had: int) -> int:
        """Put what the store does not have into the table ``fresh``; returns how many quads these are."""
        text = f"CREATE OR REPLACE TEMP TABLE fresh AS SELECT DISTINCT p, s, o, g FROM {source}"
        if had:
            known = f"SELECT q.p, q.s, q.o, q.g FROM quads_ps q SEMI JOIN {source} USING (p, s, o, g)"
            text += f" ANTI JOIN ({known}) USING (p, s, o, g)"
        return self._count(text)

    def _insert_first(self, held: HeldQuads) -> int:
        """The quads of a store that had none, sorted in memory."""
        con = self.connection
        counts: dict[int, PredicateCounts] = {}
        inexact = self._encoder.inexact()
        graphs = held.graphs()
        if len(graphs) == 1:
            for name, columns in ONE_GRAPH.items():
                con.execute(f"DROP TABLE {name}")
                con.execute(f"CREATE TABLE {name} ({columns})")
        graph = int(graphs[0]) if len(graphs) == 1 else None
        g = "g" if graph is None else ""
        append_stream(con, "quads_po", held.by_object(counts, inexact), "pos" + g, graph)
        append_stream(con, "quads_ps", held.by_subject(counts), "pso" + g, graph)
        self._held = HeldQuads()
        if graphs.any():
            with registered(con, {"fresh": pa.table({"g": graphs})}):
                con.execute(_NEW_GRAPHS)
        if inexact is None:
            con.execute("CREATE OR REPLACE TEMP VIEW fresh AS FROM quads_ps")
            self._count_fresh()
            con.execute("DROP VIEW fresh")
        else:
            self._insert_counts(counts)
        self._tail = 0
        added = sum(each.quads for each in counts.values())
        self.report.added += added
        return added

    def _insert_fresh(self, had: int, added: int) -> None:
        con = self.connection
        con.execute(_NEW_GRAPHS)
        self._count_fresh()
        con.execute("INSERT INTO quads_ps SELECT p, s, o, g FROM fresh ORDER BY p, s, o, g")
        con.execute("INSERT INTO quads_po SELECT p, o, s, g FROM fresh ORDER BY p, o, s, g")
        self._tail = self._tail + added if had else 0
        if self._tail > max(TAIL, had // 5):
            self.sort()
            self._tail = 0

    def sort(self) -> None:
        """Sort all quads again, so that zone maps select few row groups."""
        for table, order in (("quads_ps", "p, s, o, g"), ("quads_po", "p, o, s, g")):
            self.connection.execute(f"CREATE TABLE sorted_quads AS SELECT {order} FROM {table} ORDER BY {order}")
            self.connection.execute(f"DROP TABLE {table}")
            self.connection.execute(f"ALTER TABLE sorted_quads RENAME TO {table}")

    def _count_fresh(self) -> None:
        """Add the new quads to the counts per predicate."""
        self._encoder.flush()
        source = "(SELECT p, s, o, CAST(NULL AS BOOLEAN) AS exact, CAST(NULL AS INTEGER) AS kind FROM fresh)"
        valued = " OR ".join(f"o BETWEEN {ids.first(tag)} AND {ids.last(tag)}" for tag in (_NUMERIC, _TEMPORAL))
        if self._count(f"SELECT count(*) FROM (SELECT 1 FROM fresh WHERE {valued} LIMIT 1)"):
            # a semi join leads the scan of terms to those that are wanted, a left join does not
            wanted = f"SEMI JOIN (SELECT DISTINCT o & {ids.PAYLOAD} AS n FROM fresh WHERE {valued}) USING (n)"
            values = (
                f"SELECT n + {ids.first(_NUMERIC)} AS id, exact, NULL AS kind FROM numbers {wanted} UNION ALL"
                f" SELECT n + {ids.first(_TEMPORAL)}, NULL, kind FROM times {wanted}"
            )
            source = f"(SELECT f.p, f.s, f.o, t.exact, t.kind FROM fresh f LEFT JOIN ({values}) t ON f.o = t.id)"
        # an inline integer this large is not the nearest double to every number that rounds to it
        near, far = ids.make(ids.Tag.INTEGER, ids.BIAS - LARGE), ids.make(ids.Tag.INTEGER, ids.BIAS + LARGE)
        first, last = ids.first(ids.Tag.INTEGER), ids.last(ids.Tag.INTEGER)
        large = f"o BETWEEN {first} AND {last} AND NOT o BETWEEN {near} AND {far}"
        self.connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE counted AS
                SELECT p, count(*) AS quads, approx_count_distinct(s) AS subjects, approx_count_distinct(o) AS objects,
                       bit_or(CAST(1 << (o >> {ids.SHIFT}) AS INTEGER)) AS tags,
                       coalesce(bool_or(NOT exact), false) OR bool_or({large}) AS inexact,
                       coalesce(bit_or(kind), 0) AS times
                FROM {source} GROUP BY p"""
        )
        self.connection.execute(
            """UPDATE predicates x SET quads = x.quads + c.quads, subjects = x.subjects + c.subjects,
                   objects = x.objects + c.objects, tags = x.tags | c.tags, inexact = x.inexact OR c.inexact,
                   times = x.times | c.times
               FROM counted c WHERE x.p = c.p"""
        )
        self.connection.execute("INSERT INTO predicates FROM counted ANTI JOIN predicates USING (p)")
        self.changed.update(row[0] for row in self.connection.execute("SELECT p FROM counted").fetchall())
        self.connection.execute("DROP TABLE counted")

    def _insert_counts(self, counts: dict[int, PredicateCounts]) -> None:
        """Store the counts per predicate of a first load."""
        times = self._times([p for p, each in counts.items() if each.tags & 1 << _TEMPORAL])
        rows = {"p": list(counts)} | {
            name: [getattr(each, name) for each in counts.values()]
            for name in ("quads", "subjects", "objects", "tags", "inexact")
        }
        with registered(self.connection, {"counted": pa.table(rows | {"times": [times.get(p, 0) for p in counts]})}):
            self.connection.execute("INSERT INTO predicates SELECT * FROM counted")
        self.changed.update(counts)

    def _times(self, predicates: list[int]) -> dict[int, int]:
        """Which kinds of times the objects of predicates are."""
        if not predicates:
            return {}
        self._encoder.flush()
        listed = ",".join(map(str, predicates))
        found = self.connection.execute(
            f"""SELECT q.p, CAST(bit_or(t.kind) AS INTEGER) FROM quads_ps q
                JOIN times t ON t.n + {ids.first(_TEMPORAL)} = q.o WHERE q.p IN ({listed}) GROUP BY q.p"""
        ).fetchall()
        return dict(found)

    # --- removing ---------------------------------------------------------------------------------------------------

    def delete_ids(self, p: Ids, s: Ids, o: Ids, g: Ids) -> int:
        """Remove quads given as ids; returns how many were there."""
        with registered(self.connection, {"ids_out": pa.table({"p": p, "s": s, "o": o, "g": g})}):
            self.connection.execute("CREATE OR REPLACE TEMP TABLE gone AS SELECT DISTINCT p, s, o, g FROM ids_out")
        return self._delete_gone()

    def clear(self, graphs: Iterable[int]) -> int:
        """Remove all quads of graphs; returns how many there were."""
        listed = ",".join(str(int(number)) for number in graphs)
        if not listed:
            return 0
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE gone AS SELECT p, s, o, g FROM quads_ps WHERE g IN ({listed})"
        )
        return self._delete_gone()

    def _delete_gone(self) -> int:
        con = self.connection
        con.execute("CREATE OR REPLACE TEMP TABLE gone AS FROM quads_ps SEMI JOIN gone USING (p, s, o, g)")
        removed = self._count("SELECT count(*) FROM gone")
        if removed:
            self.changed.update(row[0] for row in con.execute("SELECT DISTINCT p FROM gone").fetchall())
            low_high = con.execute("SELECT min(p), max(p), min(s), max(s), min(o), max(o) FROM gone").fetchall()[0]
            near = "p BETWEEN {} AND {} AND s BETWEEN {} AND {} AND o BETWEEN {} AND {}".format(*low_high)
            for table in ("quads_ps", "quads_po"):
                con.execute(f"DELETE FROM {table} WHERE {near} AND (p, s, o, g) IN (SELECT (p, s, o, g) FROM gone)")
            con.execute(
                "UPDATE predicates x SET quads = x.quads - c.quads"
                " FROM (SELECT p, count(*) AS quads FROM gone GROUP BY p) c WHERE x.p = c.p"
            )
            con.execute("DELETE FROM predicates WHERE quads = 0")
            con.execute(
                "DELETE FROM graphs WHERE NOT created AND id IN (SELECT g FROM gone)"
                " AND id NOT IN (SELECT DISTINCT q.g FROM quads_ps q SEMI JOIN gone USING (g))"
            )
        con.execute("DROP TABLE gone")
        return removed

    # --- graphs -----------------------------------------------------------------------------------------------------

    def create_graph(self, graph: int) -> None:
        """Make a named graph exist without triples."""
        self.connection.execute(f"DELETE FROM graphs WHERE id = {graph}")
        self.connection.execute(f"INSERT INTO graphs VALUES ({graph}, true)")

    def drop_graphs(self, graphs: Iterable[int]) -> int:
        """Remove named graphs with all their quads; returns how many quads there were."""
        numbers = [int(number) for number in graphs]
        removed = self.clear(numbers)
        if numbers:
            self.connection.execute(f"DELETE FROM graphs WHERE id IN ({','.join(map(str, numbers))})")
        return removed

    def flush(self) -> None:
        """Make what was done so far visible to reads on the same connection."""
        self._encoder.flush()
        self._geometries.flush()

    def finish(self) -> LoadReport:
        """Everything that has to be true before the commit."""
        self.flush()
        self.report.terms = self._encoder.added
        self.connection.execute(
            f"UPDATE meta SET version = version + 1, terms = {self._encoder.last}, tail = {self._tail},"
            f" forms = {len(self._encoder.forms)}"
        )
        return self.report

    def _count(self, text: str) -> int:
        return int(self.connection.execute(text).fetchall()[0][0])


def _joined(batches: Iterable[pa.RecordBatch | QuadColumns], most: int) -> Iterator[pa.Table | QuadColumns]:
    """Batches put together to the size that is encoded at once; large ones are cut."""
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        if isinstance(batch, QuadColumns):
            yield batch
            continue
        for start in range(0, batch.num_rows, BATCH_ROWS):
            part = batch.slice(start, BATCH_ROWS)
            if waiting and not part.schema.equals(waiting[0].schema, check_metadata=True):
                yield pa.Table.from_batches(waiting)
                waiting, rows, size = [], 0, 0
            waiting.append(part)
            rows += part.num_rows
            size += part.nbytes
            if rows >= BATCH_ROWS or size >= most:
                yield pa.Table.from_batches(waiting)
                waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.Table.from_batches(waiting)
