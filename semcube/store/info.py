# SPDX-License-Identifier: Apache-2.0
"""What a store holds, counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from semcube.engines.keys import join
from semcube.io.terms import IRI, key
from semcube.io.terms import term as term_of
from semcube.vocab import RDF_TYPE

if TYPE_CHECKING:
    from semcube.store.snapshot import Snapshot

__all__ = ["StoreInfo", "store_info"]


@dataclass(frozen=True)
class StoreInfo:
    """What a store holds."""

    quads: int
    terms: int
    """Distinct terms, without canonical integers and booleans, which need no entry."""
    geometries: int
    malformed: int
    """Geometry literals that are no geometry."""
    extent: tuple[float, float, float, float] | None
    """West, south, east, north of all geometries in CRS84 degrees."""
    graphs: dict[str, int]
    """Named graph -> quads; the default graph is ``""``."""
    predicates: dict[str, int]
    """Predicate -> quads, most first."""
    classes: dict[str, int]
    """Class -> instances, most first."""
    bytes: int
    """Size of the database on disk."""
    version: int
    """Number of commits."""

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def store_info(snapshot: Snapshot, path: Path) -> StoreInfo:
    """Count what a snapshot holds."""
    con = snapshot.connection()
    quads = con.execute("SELECT count(*) FROM quads_ps").fetchall()[0][0]
    terms = con.execute("SELECT count(*) FROM terms").fetchall()[0][0]
    geometries, malformed, *box = con.execute(
        "SELECT count(*), count(error), min(minx), min(miny), max(maxx), max(maxy) FROM geometries"
    ).fetchall()[0]
    graphs = con.execute(
        "SELECT id, coalesce(c, 0) FROM (SELECT id FROM graphs UNION ALL SELECT 0) x"
        " LEFT JOIN (SELECT g, count(*) AS c FROM quads_ps GROUP BY g) y ON y.g = x.id ORDER BY x.id"
    ).fetchall()
    predicates = con.execute("SELECT p, quads FROM predicates ORDER BY quads DESC, p").fetchall()
    rdf_type = int(snapshot.dictionary.find(pa.array([key(IRI(RDF_TYPE))], pa.large_string()))[0])
    classes = con.execute(
        f"SELECT o, count(*) FROM (SELECT DISTINCT s, o FROM quads_po WHERE p = {rdf_type})"
        " GROUP BY o ORDER BY 2 DESC, 1"
    ).fetchall()
    return StoreInfo(
        quads=quads,
        terms=terms,
        geometries=geometries,
        malformed=malformed,
        extent=None if box[0] is None else (box[0], box[1], box[2], box[3]),
        graphs=_named(snapshot, graphs),
        predicates=_named(snapshot, predicates),
        classes=_named(snapshot, classes),
        bytes=sum(item.stat().st_size for item in path.iterdir() if item.is_file()) if path.is_dir() else 0,
        version=snapshot.version,
    )


def _named(snapshot: Snapshot, rows: list[tuple[int, int]]) -> dict[str, int]:
    """Ids -> IRIs (or keys of other terms)."""
    if not rows:
        return {}
    terms = snapshot.dictionary.decode(np.array([row[0] for row in rows], np.int64))
    keys = join(terms).to_pylist()
    return {_name(text): row[1] for text, row in zip(keys, rows, strict=True)}


def _name(text: str | None) -> str:
    if text is None:
        return ""
    found = term_of(text)
    return found.value if isinstance(found, IRI) else text
