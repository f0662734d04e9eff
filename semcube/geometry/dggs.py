# SPDX-License-Identifier: Apache-2.0
"""``geo:dggsLiteral`` of the grid H3: lists of cells <-> geometries in CRS84.

A literal is ``CELL (8a1fb46622dffff)`` or ``CELLLIST ((8a1fb46622dffff 8a1fb46622d7fff))``; the name of the grid,
``<https://h3geo.org/>``, may stand before it. Its datatype is ``geo:dggsLiteral`` or the subtype that this build
defines for H3, ``<https://w3id.org/semcube/ns#h3Literal>``. The geometry is the union of the cells, each a polygon
whose edges are straight in longitude and latitude, cut where it crosses the antimeridian. Clause: GeoSPARQL 1.1, 8.8.5
(a discrete global grid system is an optional conformance class). H3 comes with the extra ``semcube[cube]``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np
import shapely

from semcube.errors import GeometryError
from semcube.geometry.antimeridian import wrapped
from semcube.vocab import H3_LITERAL

__all__ = ["FINEST", "GRID", "as_cells", "read_dggs", "write_dggs"]

GRID = "https://h3geo.org/"
"""The IRI of the grid, as it stands before the cells of a ``geo:dggsLiteral``."""
FINEST = 15
MAX_CELLS = 100_000
"""Cells of one literal."""
_AIM = 500
_LITERAL = re.compile(r"\s*(?:<([^<>]*)>\s*)?(?:CELL|CELLLIST)\s*\(([^()]*|\s*\([^()]*\)\s*)\)\s*", re.IGNORECASE)
_DIGITS = 16
_STRIP = 60.0
_RADIUS_KM = 6371.0072
_DEGREE_KM = 111.2
_PIECE = "T********"


@lru_cache(maxsize=1)
def _h3() -> Any:
    try:
        import h3
    except ImportError:
        raise GeometryError(
            "a literal of the grid H3, and the library h3 is not installed", fix="pip install 'semcube[cube]'"
        ) from None
    return h3


def read_dggs(texts: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
    """Literals of H3 cells.

    Args:
        texts: Object array of str or None.

    Returns:
        Object array of geometries (lon, lat), None where malformed or None; and row -> reason of the malformed ones.

    Example:
        >>> cells, errors = read_dggs(np.array(["CELL (85283473fffffff)", "CELL (x)"], dtype=object))
        >>> cells[0].geom_type, errors
        ('Polygon', {1: "'x' is no cell; expected an H3 cell index such as 85283473fffffff"})
    """
    result = np.full(len(texts), None, dtype=object)
    errors: dict[int, str] = {}
    for row, text in enumerate(texts):
        if text is None:
            continue
        try:
            result[row] = _union(cells_of(text))
        except GeometryError as reason:
            errors[row] = str(reason)
    return result, errors


def cells_of(text: str) -> list[str]:
    """The cells of a literal, each once.

    Raises:
        GeometryError: It is no list of cells, of another grid, or too long.

    Example:
        >>> cells_of("<https://h3geo.org/> CELLLIST ((85283473fffffff 85283447fffffff))")
        ['85283473fffffff', '85283447fffffff']
    """
    if not text.strip():
        return []
    found = _LITERAL.fullmatch(text)
    if found is None:
        raise GeometryError("no list of cells", expected=f"<{GRID}> CELLLIST ((85283473fffffff 85283447fffffff))")
    grid, inside = found.groups()
    if grid is not None and re.sub(r"^https?://(www\.)?", "", grid).rstrip("/#") not in ("h3geo.org", "w3id.org/h3"):
        raise GeometryError(f"grid <{grid}>", expected=f"<{GRID}>")
    names = list(dict.fromkeys(name.lower() for name in re.split(r"[\s,()]+", inside) if name))
    if len(names) > MAX_CELLS:
        raise GeometryError(f"{len(names)} cells", expected=f"at most {MAX_CELLS}")
    h3 = _h3()
    bad = next((name for name in names if len(name) > _DIGITS or not h3.is_valid_cell(name)), None)
    if bad is not None:
        raise GeometryError(f"{bad[:40]!r} is no cell", expected="an H3 cell index such as 85283473fffffff")
    return names


def cell(name: str) -> shapely.Geometry:
    """The area of a cell in lon/lat, cut at the antimeridian.

    Example:
        >>> [round(bound, 3) for bound in cell("85283473fffffff").bounds]
        [-122.09, 37.263, -121.862, 37.428]
    """
    ring = np.array(_h3().cell_to_boundary(name))
    lat, lon = np.append(ring[:, 0], ring[0, 0]), np.unwrap(np.append(ring[:, 1], ring[0, 1]), period=360.0)
    turn = lon[-1] - lon[0]
    if abs(turn) > 180:  # around a pole: closed along the edge of the map
        pole = 90.0 if lat[0] > 0 else -90.0
        lon, lat = np.concatenate([lon, [lon[-1], lon[0]]]), np.concatenate([lat, [pole, pole]])
    else:
        lon[-1] = lon[0]  # a full turn back may leave a difference in the last digit
    area = shapely.Polygon(np.column_stack([lon, lat]))
    west, _, east, _ = area.bounds
    return area if west >= -180 and east <= 180 else wrapped(area)


def _union(names: list[str]) -> shapely.Geometry:
    if not names:
        return shapely.GeometryCollection()
    areas = np.array([cell(name) for name in names], dtype=object)
    # Neighbours compute their common corners each for itself: the last digits differ.
    return areas[0] if len(areas) == 1 else shapely.union_all(areas, grid_size=1e-11)


def write_dggs(
    geometries: np.ndarray, datatype: str, resolution: int | None = None, errors: dict[int, str] | None = None
) -> np.ndarray:
    """The cells that share more than a boundary point with each geometry; an empty geometry is "".

    Args:
        geometries: Object array of geometries in CRS84.
        datatype: ``geo:dggsLiteral`` (the name of the grid stands first) or the H3 literal.
        resolution: 0 to 15; None is the finest at which about 500 cells are enough, 15 for points.
        errors: Receives row -> reason where there is no answer; without it the first such row raises.

    Raises:
        GeometryError: There is no such resolution, or it needs too many cells.

    Example:
        >>> write_dggs(np.array([shapely.Point(-122, 37.3)], dtype=object), H3_LITERAL, 5)
        array(['CELL (85283473fffffff)'], dtype=object)
    """
    result = np.full(geometries.shape, None, dtype=object)
    for row in np.flatnonzero(~shapely.is_missing(geometries)):
        try:
            result[row] = as_cells(geometries[row], datatype, resolution)
        except GeometryError as reason:
            if errors is None:
                raise
            errors[int(row)] = str(reason)
    return result


def as_cells(source: shapely.Geometry | str, datatype: str, resolution: int | None = None) -> str:
    """The literal of one geometry in CRS84, or of one literal of cells as it is; see :func:`write_dggs`.

    Example:
        >>> as_cells("CellList (85283473fffffff)", "http://www.opengis.net/ont/geosparql#dggsLiteral")
        '<https://h3geo.org/> CELL (85283473fffffff)'
    """
    if resolution is not None and not 0 <= resolution <= FINEST:
        raise GeometryError(f"resolution {resolution}", expected=f"0 to {FINEST}")
    names = cells_of(source) if isinstance(source, str) else _cover(shapely.force_2d(source), resolution)
    head = "" if datatype == H3_LITERAL else f"<{GRID}> "
    if len(names) > 1:
        return f"{head}CELLLIST (({' '.join(names)}))"
    return f"{head}CELL ({names[0]})" if names else ""


def _cover(geometry: shapely.Geometry, resolution: int | None) -> list[str]:
    """The cells of a geometry in the order of their names."""
    xy = shapely.get_coordinates(geometry)
    if not np.isfinite(xy).all() or (np.abs(xy[:, 1]) > 90).any():
        raise GeometryError("a latitude beyond the poles", expected="degrees in CRS84")
    if geometry.is_empty:
        return []
    level = _finest(geometry) if resolution is None else resolution
    if resolution is not None and _estimate(geometry, level) > MAX_CELLS:
        raise GeometryError(
            f"more than {MAX_CELLS} cells of resolution {level}", fix=f"ask for resolution {_finest(geometry)}"
        )
    names: set[str] = set()
    for part in _leaves(geometry):
        names |= _cells_of_part(part, level)
        if len(names) > MAX_CELLS:
            raise GeometryError(f"more than {MAX_CELLS} cells of resolution {level}", fix="ask for a coarser one")
    return sorted(names)


def _leaves(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    if hasattr(geometry, "geoms"):
        return [leaf for part in geometry.geoms for leaf in _leaves(part)]
    return [] if geometry.is_empty else [geometry]


def _estimate(geometry: shapely.Geometry, level: int) -> float:
    """About how many cells of a resolution a geometry needs."""
    h3 = _h3()
    xy, part = shapely.get_coordinates(shapely.get_parts(geometry), return_index=True)
    step = np.diff(xy, axis=0) * np.column_stack([np.cos(np.radians(xy[1:, 1])), np.ones(len(xy) - 1)])
    length = np.hypot(*step[part[1:] == part[:-1]].T).sum() * _DEGREE_KM
    # x in radians and y as the sine keep areas (the cylindrical projection of Lambert)
    flat = shapely.transform(geometry, lambda xy: np.column_stack([np.radians(xy[:, 0]), np.sin(np.radians(xy[:, 1]))]))
    inside = shapely.area(flat) * _RADIUS_KM**2
    cells: float = inside / h3.average_hexagon_area(level) + length / h3.average_hexagon_edge_length(level)
    return cells


def _finest(geometry: shapely.Geometry) -> int:
    return next((level for level in range(FINEST, 0, -1) if _estimate(geometry, level) <= _AIM), 0)


def _cells_of_part(part: shapely.Geometry, level: int) -> set[str]:
    h3 = _h3()
    if part.geom_type == "Point":
        return {h3.latlng_to_cell(part.y, part.x, level)}
    step = h3.average_hexagon_edge_length(level, unit="km") / _DEGREE_KM / 2
    lon, lat = shapely.get_coordinates(shapely.segmentize(part, step)).T
    edge = {h3.latlng_to_cell(y, x, level) for x, y in zip(lon.tolist(), lat.tolist(), strict=True)}
    edge = {near for name in edge for near in h3.grid_disk(name, 1)}
    inside = {name for piece in _strips(part) for name in _inside(piece, level)} - edge
    candidates = np.array(sorted(edge), dtype=object)
    areas = np.array([cell(name) for name in candidates], dtype=object)
    shapely.prepare(part)
    return inside | set(candidates[shapely.relate_pattern(areas, part, _PIECE)].tolist())


def _strips(part: shapely.Geometry) -> list[shapely.Geometry]:
    """An area in pieces so narrow that none seems to run over the antimeridian."""
    if part.geom_type != "Polygon":
        return []
    west, _, east, _ = part.bounds
    if east - west <= _STRIP:
        return [part]
    whole = shapely.make_valid(part)
    edges = np.arange(west, east, _STRIP)
    return [
        leaf
        for edge in edges
        for leaf in _leaves(shapely.intersection(whole, shapely.box(edge, -90, edge + _STRIP, 90)))
        if leaf.geom_type == "Polygon"
    ]


def _inside(piece: shapely.Geometry, level: int) -> list[str]:
    """The cells whose centre lies in a polygon."""
    h3 = _h3()
    rings = [[(y, x) for x, y in ring.coords] for ring in (piece.exterior, *piece.interiors)]
    cells: list[str] = h3.h3shape_to_cells(h3.LatLngPoly(*rings), level)
    return cells
