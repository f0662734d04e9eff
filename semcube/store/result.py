# SPDX-License-Identifier: Apache-2.0
"""The answer of a query in the form its user wants: Arrow, data frames, RDF, text, a file."""

from __future__ import annotations

import html
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from semcube.errors import UsageError
from semcube.io.terms import QUADS, Literal, Term
from semcube.store.columns import GEOARROW, typed_column

if TYPE_CHECKING:
    import geopandas
    import pandas as pd
    import rdflib

    from semcube.sparql.query import Answer

__all__ = ["Result"]

SHOWN_ROWS, SHOWN_CHARACTERS = 20, 100


class Result:
    """A query's answer; rows are computed when they are first asked for.

    ``to_...`` methods keep what they read, so that several may be called; :meth:`stream` and :meth:`write` do not,
    and use the result up. A result holds a snapshot of the store until it is closed or forgotten.

    Args:
        answer: What the evaluator gives.
        close: Releases the snapshot.
    """

    def __init__(self, answer: Answer, close: Callable[[], None] = lambda: None) -> None:
        self._answer = answer
        self._kept: list[pa.RecordBatch] = []
        self._source: Iterator[pa.RecordBatch] | None = None
        self._used_up = False
        self._close = weakref.finalize(self, close)

    # --- what it is -------------------------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """``"bindings"`` for SELECT, ``"boolean"`` for ASK, ``"graph"`` for CONSTRUCT and DESCRIBE."""
        return self._answer.kind

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self._answer.variables)

    @property
    def boolean(self) -> bool:
        """The answer of an ASK query."""
        self._expect("boolean", "boolean")
        return bool(self._answer.boolean)

    def __bool__(self) -> bool:
        return self.boolean if self.kind == "boolean" else True

    def close(self) -> None:
        """Release the snapshot; rows that were not read are lost."""
        self._close()

    def __enter__(self) -> Result:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def explain(self) -> str:
        """How the query was answered so far, if it was asked with a trace."""
        trace = self._answer.context.trace
        if trace is None:
            raise UsageError("the query was asked without a trace", fix="use store.explain(text)")
        return str(trace.report().to_text())

    # --- rows -------------------------------------------------------------------------------------------------------

    def _expect(self, kind: str, what: str) -> None:
        if self.kind != kind:
            queries = {"bindings": "SELECT", "boolean": "ASK", "graph": "CONSTRUCT or DESCRIBE"}
            raise UsageError(
                f"{what} of the answer of a query of form {queries[self.kind]}", expected=f"one of form {queries[kind]}"
            )

    def _batches(self, *, keep: bool) -> Iterator[pa.RecordBatch]:
        """Ids of solutions, or quads of a graph: what is kept, then what is still to come."""
        if self._used_up:
            raise UsageError("the rows of this result were written already", fix="ask the query again")
        yield from list(self._kept)
        if self._source is None:
            self._source = self._answer.quads() if self.kind == "graph" else self._answer.batches()
        self._used_up = not keep
        for batch in self._source:
            if keep:
                self._kept.append(batch)
            yield batch

    def _ids(self, limit: int | None = None) -> dict[str, np.ndarray[Any, np.dtype[np.int64]]]:
        """Ids of all (or the first) solutions, 0 where unbound."""
        taken: list[pa.RecordBatch] = []
        rows = 0
        for batch in self._batches(keep=True):
            taken.append(batch)
            rows += batch.num_rows
            if limit is not None and rows >= limit:
                break
        found = {}
        for name in self.variables:
            parts = [b.column(name).fill_null(0).to_numpy(zero_copy_only=False) for b in taken]
            found[name] = (np.concatenate(parts) if parts else np.empty(0, np.int64))[:limit]
        return found

    def __len__(self) -> int:
        if self.kind == "boolean":
            raise UsageError("the length of the answer of an ASK query", fix="use .boolean")
        return sum(batch.num_rows for batch in self._batches(keep=True))

    def rows(self) -> Iterator[tuple[Term | None, ...]]:
        """Solutions as tuples of terms, None where unbound, in the order of :attr:`variables`."""
        self._expect("bindings", "rows")
        terms = self._answer.context.terms
        for batch in self._batches(keep=True):
            columns = [terms.terms(batch.column(name).fill_null(0).to_numpy()) for name in self.variables]
            yield from zip(*columns, strict=True) if columns else ((),) * batch.num_rows

    def __iter__(self) -> Iterator[tuple[Term | None, ...]]:
        return self.rows()

    # --- Arrow and data frames --------------------------------------------------------------------------------------

    def to_arrow(self) -> pa.Table:
        """All rows as an Arrow table with typed columns (:mod:`semcube.store.columns`); of a graph, its triples."""
        if self.kind == "graph":
            return pa.Table.from_batches(list(self._batches(keep=True)), QUADS)
        self._expect("bindings", "rows")
        ids = self._ids()
        columns = [typed_column(name, ids[name], self._answer.context.terms) for name in self.variables]
        if not columns:
            return pa.table({"_": pa.nulls(len(self))})
        return pa.Table.from_arrays([array for _, array in columns], schema=pa.schema([field for field, _ in columns]))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def to_pandas(self) -> pd.DataFrame:
        """All rows as a pandas data frame; geometries are WKB (see :meth:`to_geopandas`)."""
        return self.to_arrow().to_pandas()

    def to_geopandas(self, geometry: str | None = None) -> geopandas.GeoDataFrame:
        """All rows as a geopandas data frame in CRS84.

        Args:
            geometry: The variable that is the active geometry; the first with geometry literals if not given.

        Raises:
            UsageError: No column (or not this one) holds geometry literals only.
        """
        import geopandas
        import shapely

        table = self.to_arrow()
        shapes = [field.name for field in table.schema if _is_geometry(field)]
        if not shapes or (geometry is not None and geometry not in shapes):
            raise UsageError(
                f"the variable {geometry!r}" if geometry else "no variable of the query",
                expected=f"one whose values are geometry literals ({', '.join(shapes) or 'there is none'})",
            )
        frame = table.to_pandas()
        for name in shapes:
            frame[name] = geopandas.GeoSeries(shapely.from_wkb(frame[name].to_numpy(dtype=object)), crs="OGC:CRS84")
        return geopandas.GeoDataFrame(frame, geometry=geometry or shapes[0], crs="OGC:CRS84")

    def to_graph(self) -> rdflib.Graph:
        """The triples of CONSTRUCT or DESCRIBE as an ``rdflib.Graph``."""
        import rdflib

        self._expect("graph", "the graph")
        graph = rdflib.Graph()
        text = b"".join(self._rdf("nt", keep=True)).decode()
        graph.parse(data=text, format="nt")
        return graph

    # --- text and files ---------------------------------------------------------------------------------------------

    def to_json(self) -> str:
        """SPARQL 1.1 Query Results JSON Format."""
        if self.kind == "graph":
            raise UsageError("JSON results of a graph", fix="use .write('x.jsonld') or .to_graph()")
        return b"".join(self._text("json", keep=True)).decode()

    def stream(self, format: str) -> Iterator[bytes]:  # noqa: A002
        """The result in a format, piece by piece; uses the result up.

        Args:
            format: ``json xml csv tsv geojson arrow table`` for rows, a syntax of RDF (``ttl nt jsonld rdf``) for a
                graph.
        """
        yield from self._rdf(format, keep=False) if self.kind == "graph" else self._text(format, keep=False)

    def write(self, path: str | Path, format: str | None = None) -> None:  # noqa: A002
        """Write the result to a file, whose suffix says the format; uses the result up.

        A file appears only when it is complete. ``.parquet`` writes GeoParquet.
        """
        from semcube.io.output import replacing

        target = Path(path)
        chosen = format or target.suffix.lstrip(".").lower()
        if chosen in ("parquet", "geoparquet") and self.kind != "boolean":
            with replacing(target) as draft:
                _write_parquet(self.to_arrow(), Path(draft))
            return
        if self.kind == "graph":
            self._write_graph(target, format)
            return
        with replacing(target) as draft, open(draft, "wb") as out:
            out.writelines(self._text(chosen, keep=False))

    def _text(self, name: str, *, keep: bool) -> Iterator[bytes]:
        """Rows or a boolean by a results writer."""
        from semcube.sparql import results

        if self.kind == "boolean":
            yield results.write_boolean(self.boolean, name)
            return
        terms = self._answer.context.terms

        def decoded() -> Iterator[list[pa.RecordBatch]]:
            for batch in self._batches(keep=keep):
                if not self.variables:
                    yield from ([] for _ in range(batch.num_rows))
                    continue
                ids = [batch.column(v).fill_null(0).to_numpy(zero_copy_only=False) for v in self.variables]
                yield [terms.decode(column) for column in ids]

        yield from results.write(self.variables, decoded(), name)

    def _rdf(self, name: str, *, keep: bool) -> Iterator[bytes]:
        """The graph as text, piece by piece."""
        from semcube.io.rdf_writer import RDFWriter

        buffer = _Pieces()
        with RDFWriter(buffer, format=name) as writer:  # type: ignore[arg-type]
            for batch in self._batches(keep=keep):
                writer.write(batch)
                yield from buffer.take()
        yield from buffer.take()

    def _write_graph(self, target: Path, format: str | None) -> None:  # noqa: A002
        from semcube.io.rdf_writer import RDFWriter

        with RDFWriter(target, format=format) as writer:
            for batch in self._batches(keep=False):
                writer.write(batch)

    # --- notebooks --------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        shape = {"boolean": f"boolean={self._answer.boolean}", "graph": "graph"}
        return f"Result({shape.get(self.kind, ', '.join('?' + name for name in self.variables))})"

    def _repr_html_(self) -> str:
        """The first rows as a table."""
        if self.kind == "boolean":
            return f"<p>{str(self.boolean).lower()}</p>"
        if self.kind == "graph":
            return f"<p>{len(self)} triples</p>"
        ids = self._ids(SHOWN_ROWS + 1)
        terms = self._answer.context.terms
        count = min(len(next(iter(ids.values()), [])), SHOWN_ROWS)
        lines = [
            "<table><thead><tr>",
            *(f"<th>{html.escape(name)}</th>" for name in self.variables),
            "</tr></thead><tbody>",
        ]
        for i in range(count):
            cells = (_shown(terms.term(int(ids[name][i])) if ids[name][i] else None) for name in self.variables)
            lines += ["<tr>", *(f"<td>{cell}</td>" for cell in cells), "</tr>"]
        more = len(next(iter(ids.values()), [])) > SHOWN_ROWS
        note = f"first {SHOWN_ROWS} rows" if more else f"{count} rows"
        return "".join([*lines, f"</tbody></table><p>{note}; geometries as written, .to_geopandas() gives CRS84</p>"])


class _Pieces:
    """A binary stream that gives back what was written to it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def take(self) -> Iterator[bytes]:
        parts, self._parts = self._parts, []
        yield from parts


def _is_geometry(field: pa.Field) -> bool:
    metadata = field.metadata or {}
    name = b"ARROW:extension:name"
    return metadata.get(name) == GEOARROW[name] or getattr(field.type, "extension_name", "") == "geoarrow.wkb"


def _shown(term: Term | None) -> str:
    """A term as HTML, cut where it is long."""
    if term is None:
        return ""
    text = (
        term.lexical if isinstance(term, Literal) else getattr(term, "value", None) or f"_:{getattr(term, 'label', '')}"
    )
    return html.escape(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "\u2026")


def _write_parquet(table: pa.Table, path: Path) -> None:
    """A Parquet file; with GeoParquet 1.1 metadata where there are geometries."""
    import json

    import pyarrow.parquet as pq

    shapes = [field.name for field in table.schema if _is_geometry(field)]
    if shapes:
        columns = {name: {"encoding": "WKB", "geometry_types": []} for name in shapes}
        about = {"version": "1.1.0", "primary_column": shapes[0], "columns": columns}
        table = table.replace_schema_metadata({b"geo": json.dumps(about).encode()})
    pq.write_table(table, path, compression="zstd")
