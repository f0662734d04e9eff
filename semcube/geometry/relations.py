# SPDX-License-Identifier: Apache-2.0
"""The 24 topological relations of GeoSPARQL over the DE-9IM (OGC 22-047r1, clause 9; Egenhofer; Randell et al.).

Equality is topological for every family: the pattern TFFFTFFFT of the standard's table would make a point, or an empty
geometry, different from itself. RCC8 relates regions: but for equality it is false for points, lines and empty
geometries. Its patterns are the standard's without what follows for regions of one piece without holes, so that exactly
one of the eight relations holds for any two regions (with the standard's, none would for some with holes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import shapely

from semcube.errors import GeometryError
from semcube.geometry.failures import row_by_row_where_it_fails
from semcube.vocab import GEO

__all__ = ["RELATIONS", "Condition", "Relation", "evaluate", "from_matrix", "matches", "matrices", "relation"]

_MULTILINESTRING = 5
_COLLECTION = 7
Dimensions = Literal["any", "less", "greater", "equal", "lines", "points or areas", "areas"]


@dataclass(frozen=True)
class Condition:
    """A DE-9IM pattern, and for which dimensions of the two geometries it counts."""

    pattern: str
    dimensions: Dimensions = "any"


@dataclass(frozen=True)
class Relation:
    """A topological relation; it holds where one of its conditions does.

    Example:
        >>> RELATIONS["sfWithin"].inverse
        'sfContains'
    """

    name: str
    family: Literal["sf", "eh", "rcc8", "pattern"]
    conditions: tuple[Condition, ...]
    inverse: str
    """The relation of the swapped arguments."""
    predicate: str | None = None
    """The shapely function that computes just this, if there is one."""

    @property
    def iri(self) -> str:
        """The property of the Topology Vocabulary Extension."""
        return GEO + self.name

    @property
    def patterns(self) -> tuple[str, ...]:
        """The DE-9IM patterns."""
        return tuple(condition.pattern for condition in self.conditions)

    @property
    def may_be_disjoint(self) -> bool:
        """Whether it can hold between geometries that share no point."""
        return any(all(p[i] in "F*" for i in (0, 1, 3, 4)) for p in self.patterns) or self.predicate == "equals"


_EQUALS = (Condition("T*F**FFF*"), Condition("FFFFFFFF*"))
_TOUCHES = tuple(Condition(p) for p in ("FT*******", "F**T*****", "F***T****"))
_INTERSECTS = tuple(Condition(p) for p in ("T********", "*T*******", "***T*****", "****T****"))
_CROSSES = (Condition("T*T******", "less"), Condition("T*****T**", "greater"), Condition("0********", "lines"))
_OVERLAPS = (Condition("T*T***T**", "points or areas"), Condition("1*T***T**", "lines"))


def _rows() -> tuple[Relation, ...]:
    def one(pattern: str) -> tuple[Condition, ...]:
        return (Condition(pattern),)

    def areas(pattern: str) -> tuple[Condition, ...]:
        return (Condition(pattern, "areas"),)

    return (
        Relation("sfEquals", "sf", _EQUALS, "sfEquals", "equals"),
        Relation("sfDisjoint", "sf", one("FF*FF****"), "sfDisjoint", "disjoint"),
        Relation("sfIntersects", "sf", _INTERSECTS, "sfIntersects", "intersects"),
        Relation("sfTouches", "sf", _TOUCHES, "sfTouches", "touches"),
        Relation("sfCrosses", "sf", _CROSSES, "sfCrosses", "crosses"),
        Relation("sfWithin", "sf", one("T*F**F***"), "sfContains", "within"),
        Relation("sfContains", "sf", one("T*****FF*"), "sfWithin", "contains"),
        Relation("sfOverlaps", "sf", _OVERLAPS, "sfOverlaps", "overlaps"),
        Relation("ehEquals", "eh", _EQUALS, "ehEquals", "equals"),
        Relation("ehDisjoint", "eh", one("FF*FF****"), "ehDisjoint", "disjoint"),
        Relation("ehMeet", "eh", _TOUCHES, "ehMeet", "touches"),
        Relation("ehOverlap", "eh", one("T*T***T**"), "ehOverlap"),
        Relation("ehCovers", "eh", one("T*TFT*FF*"), "ehCoveredBy"),
        Relation("ehCoveredBy", "eh", one("TFF*TFT**"), "ehCovers"),
        Relation("ehInside", "eh", one("TFF*FFT**"), "ehContains"),
        Relation("ehContains", "eh", one("T*TFF*FF*"), "ehInside"),
        Relation("rcc8eq", "rcc8", _EQUALS, "rcc8eq", "equals"),
        Relation("rcc8dc", "rcc8", areas("FF*FF****"), "rcc8dc"),
        Relation("rcc8ec", "rcc8", areas("FF*FT****"), "rcc8ec"),
        Relation("rcc8po", "rcc8", areas("T*T***T**"), "rcc8po"),
        Relation("rcc8tppi", "rcc8", areas("T*TFT*FF*"), "rcc8tpp"),
        Relation("rcc8tpp", "rcc8", areas("TFF*TFT**"), "rcc8tppi"),
        Relation("rcc8ntpp", "rcc8", areas("TFF*FFT**"), "rcc8ntppi"),
        Relation("rcc8ntppi", "rcc8", areas("T*TFF*FF*"), "rcc8ntpp"),
    )


RELATIONS: dict[str, Relation] = {row.name: row for row in _rows()}
"""Name -> relation, all 24."""


def transpose(pattern: str) -> str:
    """The pattern or matrix of the swapped arguments.

    Example:
        >>> transpose("T*F**F***")
        'T*****FF*'
    """
    return "".join(pattern[i] for i in (0, 3, 6, 1, 4, 7, 2, 5, 8))


def relation(name: str | Relation) -> Relation:
    """The relation with a name, IRI, or DE-9IM pattern of nine characters.

    Raises:
        GeometryError: There is no such relation.

    Example:
        >>> relation("T*F**F***").inverse
        'T*****FF*'
    """
    if isinstance(name, Relation):
        return name
    short = name.rpartition("#")[2].rpartition("/")[2]
    if short in RELATIONS:
        return RELATIONS[short]
    upper = name.upper()
    if len(upper) == 9 and set(upper) <= set("TF*012"):
        return Relation(upper, "pattern", (Condition(upper),), transpose(upper))
    raise GeometryError(
        f"relation {name!r}", expected="one of " + ", ".join(RELATIONS) + ", or a DE-9IM pattern such as T*F**F***"
    )


def evaluate(name: str | Relation, a: np.ndarray, b: np.ndarray, *, errors: dict[int, str] | None = None) -> np.ndarray:
    """Where a relation holds, pair by pair.

    Args:
        name: A relation of :data:`RELATIONS`, its IRI, or a DE-9IM pattern.
        a: Object array (N) of shapely geometries, in one system with ``b``; prepared ones are used as such.
        b: Object array that broadcasts with ``a``.
        errors: Receives row -> reason where there is no truth value: a missing geometry, or one so invalid that GEOS
            cannot relate it. Without it such rows are just False.

    Returns:
        bool (N).

    Raises:
        GeometryError: There is no such relation.

    Example:
        >>> evaluate("sfEquals", np.array([shapely.Point(1, 2)]), np.array([shapely.from_wkt("MULTIPOINT (1 2)")]))
        array([ True])
    """
    chosen = relation(name)
    first, second = np.broadcast_arrays(*(np.atleast_1d(np.asarray(side, dtype=object)) for side in (a, b)))
    failed: dict[int, str] = {}
    result = row_by_row_where_it_fails(lambda x, y: _vector(chosen, x, y), (first, second), False, failed)
    if errors is not None:
        errors.update(failed)
        for gap in np.flatnonzero(shapely.is_missing(first) | shapely.is_missing(second)):
            errors[int(gap)] = "there is no geometry"
    return result


def _vector(chosen: Relation, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if chosen.predicate is not None:
        predicate: Callable[..., np.ndarray] = getattr(shapely, chosen.predicate)
        decided = np.array(predicate(a, b), dtype=bool)
        rows = np.flatnonzero(_has_points_beside(a) | _has_points_beside(b))
        decided[rows] = [text is not None and matches(text, chosen) for text in _related(a[rows], b[rows])]
        return decided
    result = np.zeros(a.shape, dtype=bool)
    for condition in chosen.conditions:
        found = _pattern_holds(condition.pattern, a, b)
        result |= found & _is_area(a) & _is_area(b) if condition.dimensions == "areas" else found
    return result


def _pattern_holds(pattern: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    found = np.array(shapely.relate_pattern(a, b, pattern))
    # Whether an end of a line is outside is read from the matrix, see _related; without an inside there, there is none.
    # So is what of an area is outside of a collection with points.
    doubtful = np.zeros(len(a), dtype=bool)
    for own, inside, end, outside in ((a, 2, 5, (6, 7)), (b, 6, 7, (2, 5))):
        if pattern[end] != "*" and pattern[inside] != "F":
            doubtful |= shapely.get_type_id(own) == _MULTILINESTRING
        if any(pattern[place] != "*" for place in outside):
            doubtful |= _has_points_beside(own)
    rows = np.flatnonzero(doubtful)
    found[rows] = [text is not None and _fits(text, pattern) for text in _related(a[rows], b[rows])]
    return found


def _is_area(geometries: np.ndarray) -> np.ndarray:
    return np.asarray((shapely.get_dimensions(geometries) == 2) & ~shapely.is_empty(geometries))


def matrices(a: np.ndarray, b: np.ndarray, *, errors: dict[int, str] | None = None) -> np.ndarray:
    """The DE-9IM matrix of each pair, an object array of str; None where there is none (see :func:`evaluate`).

    GEOS holds the interpreter lock for the whole call; :func:`evaluate` does not.

    Example:
        >>> matrices(np.array([shapely.Point(0, 0)]), np.array([shapely.Point(0, 0)]))
        array(['0FFFFFFF2'], dtype=object)
    """
    first, second = np.broadcast_arrays(*(np.atleast_1d(np.asarray(side, dtype=object)) for side in (a, b)))
    failed: dict[int, str] = {}
    result = row_by_row_where_it_fails(_related, (first, second), None, failed)
    if errors is not None:
        errors.update(failed)
        for gap in np.flatnonzero(shapely.is_missing(first) | shapely.is_missing(second)):
            errors[int(gap)] = "there is no geometry"
    return result


def _related(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """GEOS's matrices, with the ends of lines of several parts that it misses, and without what points make it claim.

    Once an end of any part is outside of the other geometry, its RelateNG passes over parts whose boxes are apart from
    it, though that end may be where two parts meet, and no end of the whole. A point of a collection outside of an area
    makes it say that the area reaches out of the collection, whatever else the collection holds.
    """
    result = np.array(shapely.relate(a, b), dtype=object)
    for own, other, place in ((a, b, 5), (b, a, 7)):
        rows = np.flatnonzero(shapely.get_type_id(own) == _MULTILINESTRING)
        rows = rows[_reach_out(own[rows], other[rows])]
        rows = rows[_reach_out(shapely.boundary(own[rows]), other[rows])]
        for row in rows:
            if result[row] is not None and result[row][place] == "F":
                result[row] = f"{result[row][:place]}0{result[row][place + 1 :]}"
    for own, other, places in ((a, b, (6, 7)), (b, a, (2, 5))):
        rows = np.flatnonzero(_has_points_beside(own))
        for row in rows[_is_area(other[rows])]:
            if result[row] is not None:
                letters = list(result[row])
                letters[places[0]], letters[places[1]] = _outside(own[row], other[row])
                result[row] = "".join(letters)
    return result


def _has_points_beside(geometries: np.ndarray) -> np.ndarray:
    """Whether these are collections of points and other things."""
    found: np.ndarray = shapely.get_type_id(geometries) == _COLLECTION
    for row in np.flatnonzero(found):
        dimensions = set(shapely.get_dimensions(_elements(geometries[row])).tolist())
        found[row] = 0 in dimensions and len(dimensions) > 1
    return found


def _elements(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    """The points, lines and polygons of a geometry, however deep they lie."""
    found, todo = [], [geometry]
    while todo:
        part = todo.pop()
        if hasattr(part, "geoms"):
            todo.extend(part.geoms)
        elif not part.is_empty:
            found.append(part)
    return found


def _outside(collection: shapely.Geometry, area: shapely.Geometry) -> tuple[str, str]:
    """What of the interior and the boundary of an area, or a collection with areas, lies outside of a collection.

    Points of the collection take nothing away from areas and lines, only from points and ends of lines.
    """
    text = shapely.relate(_of_dimension(collection, 1, 2), area)
    ends = shapely.difference(shapely.boundary(shapely.line_merge(_of_dimension(area, 1))), _of_dimension(area, 2))
    interior, boundary = (
        letter if letter != "0" or not single.difference(collection).is_empty else "F"
        for letter, single in ((text[6], _of_dimension(area, 0)), (text[7], ends))
    )
    return interior, boundary


def _of_dimension(geometry: shapely.Geometry, *dimensions: int) -> shapely.Geometry:
    """The elements of these dimensions as one geometry."""
    return shapely.union_all([part for part in _elements(geometry) if shapely.get_dimensions(part) in dimensions])


def _reach_out(geometries: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Whether a box is not inside the other."""
    boxes, bounds = shapely.bounds(geometries).reshape(-1, 4), shapely.bounds(others).reshape(-1, 4)
    reaches: np.ndarray = (boxes[:, :2] < bounds[:, :2]).any(axis=1) | (boxes[:, 2:] > bounds[:, 2:]).any(axis=1)
    return reaches


def matches(matrix: str, name: str | Relation) -> bool:
    """Whether a DE-9IM matrix is one of a relation.

    Example:
        >>> matches("0FFFFFFF2", "sfEquals"), matches("FF0FFF0F2", "sfDisjoint")
        (True, True)
    """
    return any(
        _fits(matrix, condition.pattern) and _dimensions_fit(matrix, condition.dimensions)
        for condition in relation(name).conditions
    )


def _fits(matrix: str, pattern: str) -> bool:
    return all(p in ("*", m) or (p == "T" and m in "012") for m, p in zip(matrix, pattern, strict=True))


def _dimensions_fit(matrix: str, wanted: Dimensions) -> bool:
    """A geometry's dimension is the largest of its interior's row (or column), which its three parts make up."""
    if wanted == "any":
        return True
    rank = {"F": -1, "0": 0, "1": 1, "2": 2}
    a = max(rank[matrix[i]] for i in (0, 1, 2))
    b = max(rank[matrix[i]] for i in (0, 3, 6))
    return {
        "less": a < b,
        "greater": a > b,
        "equal": a == b,
        "lines": a == b == 1,
        "points or areas": a == b and a in (0, 2),
        "areas": a == b == 2,
    }[wanted]


def from_matrix(matrix: np.ndarray) -> dict[str, np.ndarray]:
    """All 24 relations of pairs whose matrices are known.

    Args:
        matrix: Object array (N) of DE-9IM matrices or None.

    Returns:
        Relation name -> bool (N); False where the matrix is None.

    Example:
        >>> found = from_matrix(np.array(["0FFFFFFF2"], dtype=object))
        >>> [name for name, holds in found.items() if holds[0]]
        ['sfEquals', 'sfIntersects', 'sfWithin', 'sfContains', 'ehEquals', 'rcc8eq']
    """
    import pyarrow as pa

    encoded = pa.array(matrix, pa.string()).dictionary_encode()
    distinct = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(len(distinct)).to_numpy(zero_copy_only=False)
    return {
        name: np.array([matches(one, row) for one in distinct] + [False], dtype=bool)[codes]
        for name, row in RELATIONS.items()
    }
