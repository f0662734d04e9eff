# SPDX-License-Identifier: Apache-2.0
"""Geometries: literals and WKB in, arrays of shapely geometries inside, literals, relations and measures out.

In comes text of the four GeoSPARQL serialisations or WKB, in any coordinate reference system. Inside, x runs east and
y runs north, always. Out come literals in the authority's axis order, truth values of the 24 topological relations,
pairs of a spatial join, and metres on the ellipsoid. All functions take and give numpy arrays.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Imported at once because the function crs has the name of its module; this module is light.
from semcube.geometry.crs import CRS, CRS84, SomeCRS, crs, same, transform

if TYPE_CHECKING:
    from semcube.geometry.index import SpatialIndex
    from semcube.geometry.literals import Geometries, from_wkb, parse, serialise
    from semcube.geometry.metres import area_m2, buffer_m, distance_m, length_m, perimeter_m
    from semcube.geometry.operator import spatial_join
    from semcube.geometry.relations import RELATIONS, Relation, evaluate, from_matrix
    from semcube.geometry.selection import spatial_filter
    from semcube.geometry.units import Unit, unit
    from semcube.geometry.validity import Repairs, polygons_only, repair
    from semcube.geometry.wkb import wkb_to_wkt, wkt_to_wkb

_MODULES = {
    "index": ("SpatialIndex",),
    "literals": ("Geometries", "from_wkb", "parse", "serialise"),
    "metres": ("area_m2", "buffer_m", "distance_m", "length_m", "perimeter_m"),
    "operator": ("spatial_join",),
    "selection": ("spatial_filter",),
    "relations": ("RELATIONS", "Relation", "evaluate", "from_matrix"),
    "units": ("Unit", "unit"),
    "validity": ("Repairs", "polygons_only", "repair"),
    "wkb": ("wkb_to_wkt", "wkt_to_wkb"),
}

__all__ = [
    "CRS",
    "CRS84",
    "RELATIONS",
    "Geometries",
    "Relation",
    "Repairs",
    "SomeCRS",
    "SpatialIndex",
    "Unit",
    "area_m2",
    "buffer_m",
    "crs",
    "distance_m",
    "evaluate",
    "from_matrix",
    "from_wkb",
    "length_m",
    "parse",
    "perimeter_m",
    "polygons_only",
    "repair",
    "same",
    "serialise",
    "spatial_filter",
    "spatial_join",
    "transform",
    "unit",
    "wkb_to_wkt",
    "wkt_to_wkb",
]


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
