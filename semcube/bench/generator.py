# SPDX-License-Identifier: Apache-2.0
"""Synthetic data after the rules of Geographica 2 (doi 10.1007/s13740-021-00118-x), streamed as N-Triples.

A square universe of 0 to 90 degrees on both axes holds land ownerships (n x n small hexagons), states (n/3 x n/3
hexagons of three times the side) and their centres, roads (n/2 vertical and n/2 horizontal zig-zags) and points of
interest (n diagonal lanes of n points). Each feature has a type, a geometry, its WKT, and carries tag 1 and, where
its number can be divided by it, tag MAX; a tag is four triples. All classes use the standard ``geo:hasGeometry`` and
``geo:asWKT``.

n = 256 gives 1,022,722 triples. Coordinates divided by 100 make the same shapes a hundred times smaller: engines that
cut the world into cells do better there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["GEO", "NAMESPACE", "TYPE", "Grid", "number_of_triples", "strip", "triples", "window", "write"]

NAMESPACE = "http://geographica.di.uoa.gr/generator/"
GEO = "http://www.opengis.net/ont/geosparql#"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
SIZE = 90.0


@dataclass(frozen=True)
class Grid:
    """The measures that everything is derived from."""

    n: int
    divide: float = 1.0

    @property
    def size(self) -> float:
        """Side of the universe, degrees."""
        return SIZE / self.divide

    @property
    def dx(self) -> float:
        """Distance of two hexagons of a row, degrees."""
        return self.size / (self.n + 0.5)

    @property
    def side(self) -> float:
        """Side of a land ownership, degrees."""
        return self.dx / math.sqrt(3.0)

    @property
    def dy(self) -> float:
        """Distance of two rows, degrees."""
        return 1.5 * self.side

    @property
    def max_tag(self) -> int:
        """The rarest tag: 1024, halved until it is not above n."""
        tag = 1024
        while tag > self.n:
            tag //= 2
        return tag


def hexagon(x: float, y: float, side: float) -> str:
    """A hexagon with a corner upwards, as WKT."""
    half = side * math.sqrt(3.0) / 2.0
    corners = [
        (0, -side),
        (half, -side / 2),
        (half, side / 2),
        (0, side),
        (-half, side / 2),
        (-half, -side / 2),
        (0, -side),
    ]
    return "POLYGON ((" + ", ".join(f"{x + a:.10f} {y + b:.10f}" for a, b in corners) + "))"


def centres(count: int, dx: float, side: float) -> Iterator[tuple[float, float]]:
    """Centres of a honeycomb of count x count, row by row; odd rows are shifted by half a step."""
    for row in range(count):
        for column in range(count):
            yield (column + 0.5 + (row % 2) * 0.5) * dx, side + row * 1.5 * side


def land(grid: Grid) -> Iterator[str]:
    """Land ownerships."""
    for x, y in centres(grid.n, grid.dx, grid.side):
        yield hexagon(x, y, grid.side)


def states(grid: Grid) -> Iterator[str]:
    """States."""
    for x, y in centres(grid.n // 3, 3 * grid.dx, 3 * grid.side):
        yield hexagon(x, y, 3 * grid.side)


def state_centres(grid: Grid) -> Iterator[str]:
    """The centres of the states."""
    for x, y in centres(grid.n // 3, 3 * grid.dx, 3 * grid.side):
        yield f"POINT ({x:.10f} {y:.10f})"


def _zigzag(at: float, step: float, vertices: int, offset: float, vertical: bool) -> str:
    points = []
    for i in range(vertices):
        across, along = at + (offset if i % 2 == 0 else -offset / 2), i * step
        points.append(f"{across:.10f} {along:.10f}" if vertical else f"{along:.10f} {across:.10f}")
    return "LINESTRING (" + ", ".join(points) + ")"


def roads(grid: Grid) -> Iterator[str]:
    """Vertical, then horizontal roads."""
    half = grid.n // 2
    if not half:
        return
    e = grid.dx / 12
    step_v, step_h = 2 * grid.side, 2 * grid.dx
    for i in range(half):
        yield _zigzag((i + 0.5) * (2 - 3 / half) * grid.dx, step_v, int(grid.size / step_v) + 1, e, vertical=True)
    for i in range(half):
        yield _zigzag((i + 0.5) * (3 - 3 / half) * grid.side, step_h, int(grid.size / step_h) + 1, e, vertical=False)


def points_of_interest(grid: Grid) -> Iterator[str]:
    """Diagonal lanes of points."""
    n = grid.n
    for lane in range(n):
        for i in range(1, n + 1):
            yield f"POINT ({(lane + i / n) * grid.size / n:.10f} {i * grid.dy:.10f})"


CLASSES = {
    "landOwnership": ("LandOwnership", land),
    "state": ("State", states),
    "stateCenter": ("StateCenter", state_centres),
    "road": ("Road", roads),
    "pointOfInterest": ("PointOfInterest", points_of_interest),
}


def feature(name: str, class_name: str, number: int, wkt: str, tags: Iterable[int]) -> str:
    """The triples of one feature."""
    base = f"{NAMESPACE}{name}/"
    subject, geometry = f"<{base}{number}>", f"<{base}{number}/geometry>"
    lines = [
        f"{subject} {TYPE} <{base}{class_name}> .",
        f"{subject} <{GEO}hasGeometry> {geometry} .",
        f'{geometry} <{GEO}asWKT> "{wkt}"^^<{GEO}wktLiteral> .',
    ]
    for tag in tags:
        node = f"<{base}{number}/tag/{tag}>"
        lines += [
            f"{subject} <{base}hasTag> {node} .",
            f"{node} {TYPE} <{base}Tag> .",
            f'{node} <{base}hasKey> "{tag}" .',
            f'{node} <{base}hasValue> "{tag}" .',
        ]
    return "\n".join(lines) + "\n"


def triples(n: int, divide: float = 1.0) -> Iterator[str]:
    """All data as pieces of N-Triples text, one feature each.

    Example:
        >>> sum(piece.count("\\n") for piece in triples(3))
        190
    """
    grid = Grid(n, divide)
    for name, (class_name, shapes) in CLASSES.items():
        for number, wkt in enumerate(shapes(grid), start=1):
            tags = [1] if number % grid.max_tag or grid.max_tag == 1 else [1, grid.max_tag]
            yield feature(name, class_name, number, wkt, tags)


def number_of_triples(n: int) -> int:
    """How many triples :func:`triples` gives.

    Example:
        >>> number_of_triples(3), number_of_triples(256)
        (190, 1022722)
    """
    counts = (n * n, (n // 3) ** 2, (n // 3) ** 2, 2 * (n // 2), n * n)
    most = Grid(n).max_tag
    return sum(7 * count + (4 * (count // most) if most > 1 else 0) for count in counts)


def write(target: Path, n: int, divide: float = 1.0) -> None:
    """Write the data as an N-Triples file."""
    with target.open("w", encoding="utf-8") as out:
        out.writelines(triples(n, divide))


def window(n: int, selectivity: float, divide: float = 1.0) -> str:
    """The square of land that holds about this part of all hexagons, as WKT."""
    grid = Grid(n, divide)
    cells = math.ceil(math.sqrt(n * n * selectivity))
    slack = (grid.dx + grid.dy) / 10
    x, y = (cells + 0.5) * grid.dx + slack, cells * grid.dy + slack
    return f"POLYGON ((0 0, {x:.10f} 0, {x:.10f} {y:.10f}, 0 {y:.10f}, 0 0))"


def strip(n: int, selectivity: float, divide: float = 1.0) -> str:
    """The full-height strip that holds about this part of all points of interest, as WKT."""
    grid = Grid(n, divide)
    x = math.ceil(n * selectivity) * grid.dx
    top = grid.size  # points end below it, and beyond 90 degrees there is no latitude
    return f"POLYGON ((0 0, {x:.10f} 0, {x:.10f} {top:.10f}, 0 {top:.10f}, 0 0))"
