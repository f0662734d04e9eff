# SPDX-License-Identifier: Apache-2.0
"""Derived terms: WKT literals that are stored as WKB only, and whose text is made from it when it is read.

A store that is *deriving* (``meta.derives``) keeps no text of a WKT literal that is canonical
(:mod:`semcube.geometry.canonical`), whichever road it came; there such a literal is hashed by its system and WKB
instead of its text. What is canonical depends on the text alone, so that a term has one hash, and one form, for all who
look for it: those who have its WKB need no text, those who have its text read it first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.engines.embedded import registered
from semcube.store.keyed_hashes import about_of, hasher
from semcube.vocab import WKT_LITERAL

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    Ids = npt.NDArray[np.int64]

__all__ = ["WKT", "Shapes", "hash_of_wkt", "hashed", "shapes_of", "texts_of", "with_texts", "without_texts"]

WKT = about_of(2, WKT_LITERAL)
"""How keys of WKT literals end."""
_DENSE = 4


@dataclass(frozen=True)
class Shapes:
    """What some of a list of terms are made of."""

    wkb: pa.Array
    """(n,) large_binary, canonical; null for terms that have a text."""
    systems: tuple[str, ...]
    """IRIs of coordinate reference systems."""
    codes: Ids
    """(n,) place of each in ``systems``."""

    def take(self, rows: Ids) -> Shapes:
        """Those of some rows."""
        return Shapes(self.wkb.take(pa.array(rows)), self.systems, self.codes[rows])

    @property
    def derived(self) -> npt.NDArray[np.bool_]:
        """(n,) which have no text."""
        found: npt.NDArray[np.bool_] = self.wkb.is_valid().to_numpy(zero_copy_only=False)
        return found

    def iris(self) -> pa.Array:
        """(n,) string: IRIs of the systems, null for terms that have a text."""
        names = pa.array([*self.systems], pa.string())
        return names.take(pa.array(self.codes, mask=~self.derived))


def shapes_of(terms: pa.RecordBatch) -> Shapes | None:
    """What terms are made of that are WKT literals with a canonical text; None if none is.

    Args:
        terms: ``TERMS`` columns without unbound rows.
    """
    from semcube.geometry.canonical import canonical_texts

    rows = np.flatnonzero(pc.equal(terms["datatype"], WKT_LITERAL).fill_null(False).to_numpy(zero_copy_only=False))
    if not len(rows):
        return None
    found = canonical_texts(terms["lexical"].take(pa.array(rows)))
    if not found.systems:
        return None
    places = np.zeros(len(terms), np.int64)
    places[rows] = np.arange(len(rows))
    mask = np.ones(len(terms), bool)
    mask[rows] = False
    return Shapes(found.wkb.take(pa.array(places, mask=mask)), found.systems, found.codes[places])


def hash_of_wkt(salt: str, lexical: str) -> int:
    """The 32 bits under which a WKT literal is looked up in a store that is deriving.

    Example:
        >>> from semcube.engines.keys import split
        >>> wanted = shapes_of(split(pa.array([f'"POINT (1 2){WKT}'])))
        >>> lanes = hasher("s").lanes(*hashed(pa.nulls(1, pa.large_string()), [], None, wanted), count=1)
        >>> hash_of_wkt("s", "POINT (1 2)") == int(lanes[0, 0]) >> 32
        True
    """
    from semcube.geometry.canonical import canonical_texts

    found = canonical_texts(pa.array([lexical], pa.large_string()))
    if not found.systems:
        return hasher(salt).of(lexical.encode(), WKT)
    return hasher(salt).of(found.wkb[0].as_py(), _about(found.systems[0]))


def _about(iri: str) -> str:
    """What is hashed beside WKB; it is not hashed beside any text."""
    return f"wkb {iri}"


def hashed(
    lexical: pa.Array, abouts: Sequence[str], codes: Ids | None, shapes: Shapes | None
) -> tuple[pa.Array, list[str], Ids | None]:
    """What is hashed of terms: what :meth:`semcube.store.keyed_hashes.TermHasher.lanes` takes.

    Args:
        lexical: (n,) large_string; of derived terms it is not looked at.
        abouts: What is hashed beside it.
        codes: Row -> place in ``abouts``; all rows have the first if None.
        shapes: What some are made of.
    """
    if shapes is None:
        return lexical, list(abouts), codes
    beside = [*abouts, *map(_about, shapes.systems)]
    derived = shapes.derived
    data = shapes.wkb
    if not derived.all():
        data = pc.if_else(pa.array(derived), data, lexical.cast(pa.large_binary()))
    own = np.zeros(len(data), np.int64) if codes is None else codes
    return data, beside, np.where(derived, len(abouts) + shapes.codes, own)


def without_texts(terms: pa.RecordBatch, shapes: Shapes | None) -> pa.RecordBatch:
    """``TERMS`` columns with null in place of the texts of derived terms."""
    if shapes is None:
        return terms
    lexical = pc.if_else(pa.array(shapes.derived), pa.scalar(None, pa.large_string()), terms["lexical"])
    return terms.set_column(1, terms.schema.field(1), lexical)


def with_texts(terms: pa.Table, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Terms with the texts of the derived ones.

    Args:
        terms: Rows of the table ``terms``, ``n`` and ``lexical`` among their columns.
        connection: Sees the table ``geometries``.
    """
    lexical = terms["lexical"].combine_chunks().cast(pa.large_string())
    if not lexical.null_count:
        return terms
    missing = lexical.is_null().to_numpy(zero_copy_only=False)
    numbers = terms["n"].to_numpy()[missing]
    wanted = np.unique(numbers)
    texts = _texts(wanted, connection)
    taken = texts.take(pa.array(np.searchsorted(wanted, numbers)))
    filled = taken if missing.all() else pc.replace_with_mask(lexical, pa.array(missing), taken)
    return terms.set_column(terms.schema.get_field_index("lexical"), "lexical", filled)


def texts_of(numbers: Sequence[int], connection: duckdb.DuckDBPyConnection) -> dict[int, str]:
    """The texts of a few derived terms by their numbers.

    Args:
        numbers: Numbers of derived terms, ascending.
        connection: Sees the table ``geometries``.
    """
    if not numbers:
        return {}
    return dict(zip(numbers, _texts(np.array(numbers, np.int64), connection).to_pylist(), strict=True))


def _texts(numbers: Ids, connection: duckdb.DuckDBPyConnection) -> pa.Array:
    """The texts of derived terms by their numbers, which ascend."""
    from semcube.geometry.wkb import wkb_to_wkt

    rows = _geometries(numbers, connection)
    order = np.argsort(rows["n"].to_numpy(), kind="stable")
    rows = rows.take(pa.array(order)) if bool((np.diff(order) < 0).any()) else rows
    systems = rows["crs"].combine_chunks().dictionary_encode()
    wkb = rows["wkb"].combine_chunks().cast(pa.large_binary())
    if len(systems.dictionary) == 1:
        texts = wkb_to_wkt(wkb, systems.dictionary[0].as_py())
    else:
        texts = pa.nulls(len(wkb), pa.large_string())
        codes = systems.indices.to_numpy(zero_copy_only=False)
        for code, iri in enumerate(systems.dictionary.to_pylist()):
            own = codes == code
            texts = pc.replace_with_mask(texts, pa.array(own), wkb_to_wkt(wkb.filter(pa.array(own)), iri))
    if len(texts) != len(numbers) or texts.null_count:
        raise _damaged()
    return texts


def _geometries(numbers: Ids, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    first, last = int(numbers[0]), int(numbers[-1])
    text = f"SELECT n, crs, wkb FROM geometries WHERE n BETWEEN {first} AND {last}"
    if last - first < _DENSE * len(numbers):
        # reading the whole range is cheaper than a join
        rows = connection.sql(text).to_arrow_table()
        place = np.searchsorted(numbers, rows["n"].to_numpy())
        wanted = numbers[np.minimum(place, len(numbers) - 1)] == rows["n"].to_numpy()
        return rows if wanted.all() else rows.filter(pa.array(wanted))
    with registered(connection, {"wanted_shapes": pa.table({"n": numbers})}):
        return connection.sql(f"{text} AND n IN (SELECT n FROM wanted_shapes)").to_arrow_table()


def _damaged() -> Exception:
    from semcube.errors import StoreError

    return StoreError("a geometry literal has neither a text nor a geometry", fix="restore the folder from a copy")
