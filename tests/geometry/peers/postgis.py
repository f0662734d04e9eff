# SPDX-License-Identifier: Apache-2.0
"""Differential test of the geometry functions against PostGIS; run by ``postgis.sh``, not by the suite.

Each pair of types gets random geometries on a small grid (so that they often touch) and random ones off it. Relations
and numbers have to be the same, constructions the same point set. Metres are compared with ``geography`` within 0.1 %;
its edges are geodesics while ours are straight in longitude and latitude for distances, so there its edges get more
vertices first.
"""

from __future__ import annotations

import io
import random
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import numpy as np
import shapely

from semcube.geometry import RELATIONS, evaluate, parse
from semcube.geometry.functions import KERNELS
from semcube.vocab import SF, UOM, WKT_LITERAL

TYPES = ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection")
SIMPLE_FEATURES = {name: "ST_" + name[2:] for name in RELATIONS if name.startswith("sf")}
PATTERNS = {
    "ehMeet": ("FT*******", "F**T*****", "F***T****"),
    "ehDisjoint": ("FF*FF****",),
    "ehOverlap": ("T*T***T**",),
    "ehCovers": ("T*TFT*FF*",),
    "ehCoveredBy": ("TFF*TFT**",),
    "ehInside": ("TFF*FFT**",),
    "ehContains": ("T*TFF*FF*",),
    "rcc8dc": ("FFTFFTTTT",),
    "rcc8ec": ("FFTFTTTTT",),
    "rcc8po": ("TTTTTTTTT",),
    "rcc8tppi": ("TTTFTTFFT",),
    "rcc8tpp": ("TFFTTFTTT",),
    "rcc8ntpp": ("TFFTFFTTT",),
    "rcc8ntppi": ("TTTFFTFFT",),
}
"""The patterns as the standard prints them."""
CONSTRUCTED = {
    "intersection": "ST_Intersection(a, b)", "union": "ST_Union(a, b)", "difference": "ST_Difference(a, b)",
    "symDifference": "ST_SymDifference(a, b)", "convexHull": "ST_ConvexHull(a)", "envelope": "ST_Envelope(a)",
    "centroid": "ST_Centroid(a)", "boundary": "ST_Boundary(a)", "geometryN": "ST_GeometryN(a, 1)",
}  # fmt: skip
VALUES = {
    "dimension": "ST_Dimension(a)", "coordinateDimension": "ST_CoordDim(a)", "numGeometries": "ST_NumGeometries(a)",
    "isEmpty": "ST_IsEmpty(a)", "isSimple": "ST_IsSimple(a)", "geometryType": "substr(ST_GeometryType(a), 4)",
    "minX": "ST_XMin(a)", "maxX": "ST_XMax(a)", "minY": "ST_YMin(a)", "maxY": "ST_YMax(a)",
}  # fmt: skip
DENSE = "ST_Segmentize({}, 0.02)::geography"
METRIC = {
    "metricDistance": f"ST_Distance({DENSE.format('a')}, {DENSE.format('b')})", "metricArea": "ST_Area(a::geography)",
    "metricPerimeter": "ST_Perimeter(a::geography)",
}  # fmt: skip


def shape(kind: str, draw: random.Random, grid: bool) -> shapely.Geometry:
    """A valid random geometry."""

    def ordinate() -> float:
        return float(draw.randint(0, 4)) if grid else draw.uniform(0, 4)

    def place() -> tuple[float, float]:
        return ordinate(), ordinate()

    if draw.random() < 0.03:
        return getattr(shapely, kind)()
    if kind == "Point":
        return shapely.Point(place())
    if kind == "LineString":
        while (line := shapely.LineString([place() for _ in range(draw.randint(2, 4))])).length == 0:
            pass
        return line
    if kind == "Polygon":
        x, y = place()
        if draw.random() < 0.3:
            ring = shapely.box(x, y, x + 3, y + 3)
            return shapely.difference(ring, shapely.box(x + 1, y + 1, x + 2, y + 2))
        while not (area := shapely.Polygon([place() for _ in range(draw.randint(3, 5))])).is_valid or not area.area:
            pass
        return area
    simple = ("Point", "LineString", "Polygon")
    kinds = [draw.choice(simple) if kind == "GeometryCollection" else kind.removeprefix("Multi")] * draw.randint(1, 3)
    parts = [shape(part, draw, grid) for part in kinds]
    parts = [part for part in parts if not part.is_empty]
    if kind == "MultiPolygon":
        whole = shapely.union_all(parts)
        return whole if whole.geom_type == kind else shapely.MultiPolygon([whole] if parts else [])
    return getattr(shapely, kind)(parts)


def pairs(count: int, seed: int) -> Iterator[tuple[str, str, shapely.Geometry, shapely.Geometry]]:
    """Random geometries of each pair of types, half of them on a grid."""
    draw = random.Random(seed)
    for left in TYPES:
        for right in TYPES:
            for number in range(count):
                yield left, right, shape(left, draw, number % 2 == 0), shape(right, draw, number % 2 == 0)


def ask(psql: str, cases: list[tuple[str, str, shapely.Geometry, shapely.Geometry]]) -> dict[str, list[str | None]]:
    """The columns of PostGIS; None where it raises."""
    columns = {f"relation {name}": f"{function}(a, b)" for name, function in SIMPLE_FEATURES.items()}
    for name, patterns in PATTERNS.items():
        columns[f"relation {name}"] = " OR ".join(f"ST_Relate(a, b, '{pattern}')" for pattern in patterns)
    columns |= {f"shape {name}": f"ST_AsText({call}, 17)" for name, call in CONSTRUCTED.items()}
    columns |= {f"value {name}": f"({call})::text" for name, call in VALUES.items()}
    columns |= {f"metric {name}": call for name, call in METRIC.items()}
    functions = "".join(
        f"""CREATE FUNCTION f{n}(a geometry, b geometry) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN RETURN ({call})::text; EXCEPTION WHEN OTHERS THEN RETURN 'raised'; END $$;\n"""
        for n, call in enumerate(columns.values())
    )
    rows = "".join(f"{n}\t{a.wkb_hex}\t{b.wkb_hex}\n" for n, (_, _, a, b) in enumerate(cases))
    script = f"""DROP TABLE IF EXISTS pairs; CREATE TABLE pairs (n int, a geometry, b geometry);
COPY pairs FROM STDIN;
{rows}\\.
{functions}
COPY (SELECT {", ".join(f"f{n}(a, b)" for n in range(len(columns)))} FROM pairs ORDER BY n) TO STDOUT;
"""
    text = subprocess.run(shlex.split(psql), input=script, capture_output=True, text=True, check=True).stdout
    table = [line.split("\t") for line in io.StringIO(text).read().splitlines()]
    return {name: [None if row[n] in ("\\N", "raised") else row[n] for row in table] for n, name in enumerate(columns)}


def same_shape(ours: shapely.Geometry | None, theirs: str | None) -> bool:
    """Whether two results are the same set of points, to the last digits."""
    if ours is None or theirs is None:
        return ours is None and theirs is None
    other = shapely.from_wkt(theirs)
    if ours.is_empty or other.is_empty:
        return bool(ours.is_empty and other.is_empty)
    return bool(shapely.equals(ours, other)) or bool(shapely.hausdorff_distance(ours, other) < 1e-9)


def ours(name: str, a: object, b: object) -> np.ndarray:
    """What semcube answers, None for an error."""
    kind, _, local = name.partition(" ")
    if kind == "relation":
        return evaluate(local, a.lonlat, b.lonlat)  # type: ignore[attr-defined]
    kernel = KERNELS[local]
    given = {"geometry": [a, b]}
    arguments = [given["geometry"].pop(0) if k == "geometry" else np.ones(len(a), np.int64) for k in kernel.arguments]  # type: ignore[arg-type]
    if local in ("metricDistance", "distance"):
        arguments = [a, b]
    found = kernel.function(*arguments)
    return found.native if kernel.result == "geometry" else found.filled(None) if found.dtype == object else found


def same_value(name: str, mine: object, theirs: str | None) -> bool:
    """Whether two values are the same; metres within 0.1 %."""
    if mine is np.ma.masked or mine is None or theirs is None:
        return (mine is np.ma.masked or mine is None) and theirs is None
    if isinstance(mine, bool | np.bool_):
        return bool(mine) == (theirs in ("t", "true"))
    if isinstance(mine, str):
        return mine.removeprefix(SF) == theirs
    close = 1e-3 * abs(float(theirs)) + 0.5 if name.startswith("metric") else 1e-12 * abs(float(theirs)) + 1e-12
    return abs(float(mine) - float(theirs)) <= close  # type: ignore[arg-type]


def excused(name: str, kinds: tuple[str, str], case: tuple[shapely.Geometry, shapely.Geometry], nearer: bool) -> str:
    """Why a difference is meant, or ''."""
    left, (a, b) = kinds[0], case
    if "rcc8" in name:
        if shapely.get_dimensions(a) != 2 or shapely.get_dimensions(b) != 2:
            return "RCC8 relates areas only; the patterns alone also hold for some lines"
        return "RCC8 of areas with holes or several parts: exactly one relation holds, by the patterns none"
    if name == "relation ehDisjoint" or (name.startswith("relation") and (a.is_empty or b.is_empty)):
        return "relations of empty geometries by the DE-9IM matrix"
    if name.startswith(("value m", "metric")) and (a.is_empty or b.is_empty):
        return "measures of empty geometries"
    if name == "value dimension" and a.is_empty:
        return "the dimension of an empty collection"
    if name in ("value isSimple", "shape boundary") and left == "GeometryCollection":
        return "simplicity and boundary of a collection"
    if name == "value numGeometries" and a.is_empty:
        return "parts of an empty geometry"
    if name == "shape geometryN" and a.is_empty:
        return "parts of an empty geometry"
    if name == "metric metricPerimeter" and left == "GeometryCollection" and shapely.get_dimensions(a) == 1:
        return "lines in a collection have no perimeter, as alone"
    if name == "metric metricDistance" and nearer:
        return "we found nearer points (the length of a real way between both)"
    lines = shapely.get_dimensions([a, b]).tolist() == [1, 1] and shapely.intersection(a, b).length > 0
    if name in ("relation sfCrosses", "relation sfOverlaps") and lines:
        return "self-crossing lines that share a part: they overlap, by older GEOS they cross"
    if name.startswith("shape") and (overlaps(a) or overlaps(b)):
        return "collections whose areas overlap: PostGIS rounds them to a coarse grid"
    return ""


def nearer(name: str, mine: object, theirs: str | None) -> bool:
    """Whether our distance is the smaller one, by less than 1 %."""
    return name == "metric metricDistance" and bool(0.99 * float(theirs or 0) < float(mine) < float(theirs or 0))  # type: ignore[arg-type]


def overlaps(geometry: shapely.Geometry) -> bool:
    """Whether the areas of a collection overlap or share edges, so that they are no valid multipolygon."""
    areas = [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon"]
    return geometry.geom_type == "GeometryCollection" and not shapely.MultiPolygon(areas).is_valid


def main() -> int:
    """Compare and count."""
    psql, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    cases = list(pairs(count, seed))
    theirs = ask(psql, cases)
    a, b = (parse([case[side].wkt for case in cases], WKT_LITERAL) for side in (2, 3))
    compared, excuses, differences = 0, Counter[str](), []
    for name, column in theirs.items():
        for row, (mine, other) in enumerate(zip(ours(name, a, b), column, strict=True)):
            compared += 1
            if same_shape(mine, other) if name.startswith("shape") else same_value(name, mine, other):
                continue
            left, right, *case = cases[row]
            raised = other is None and mine is not None and mine is not np.ma.masked
            why = (
                "PostGIS has no answer"
                if raised
                else excused(name, (left, right), (case[0], case[1]), nearer(name, mine, other))
            )
            if why:
                excuses[f"{name}: {why}"] += 1
            else:
                differences.append(
                    f"{name}: semcube {str(mine)[:300]}, PostGIS {str(other)[:300]}: {case[0].wkt} {case[1].wkt}"
                )
    print(f"seed {seed}: {len(cases)} pairs of {len(TYPES)}x{len(TYPES)} types, {compared} answers compared")
    for why, number in sorted(excuses.items()):
        print(f"  meant  {number:6}  {why}")
    print(f"  unexplained differences: {len(differences)}")
    print("\n".join(differences[:40]))
    return 1 if differences else 0


if __name__ == "__main__":
    assert UOM
    sys.exit(main())
