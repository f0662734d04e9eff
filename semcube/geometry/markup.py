# SPDX-License-Identifier: Apache-2.0
"""What the writers of GML and KML share: coordinates as text, parts of collections."""

from __future__ import annotations

import re

import numpy as np
import shapely

from semcube.geometry.wkt import format_wkt

__all__ = ["brackets", "components"]

_BRACKET = re.compile(r"\(([^()]+)\)")


def brackets(geometry: shapely.Geometry) -> list[str]:
    """The coordinate lists of a point, line or polygon without M: ``"0 0, 1 1"`` each, shortest exact decimals.

    Example:
        >>> brackets(shapely.box(0, 0, 1, 1))
        ['1 0, 1 1, 0 1, 0 0, 1 0']
    """
    if geometry.has_m:
        # A WKB of fewer dimensions leaves M out; force_3d would set the heights to 0.
        geometry = shapely.from_wkb(shapely.to_wkb(geometry, output_dimension=3 if geometry.has_z else 2))
    return _BRACKET.findall(format_wkt(np.array([geometry], dtype=object))[0])


def components(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    """The parts of a collection, one level down."""
    return list(shapely.get_parts(geometry)) if geometry.geom_type != "GeometryCollection" else list(geometry.geoms)
