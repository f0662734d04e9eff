# SPDX-License-Identifier: Apache-2.0
"""Files and streams on one side, Arrow batches on the other.

In: vector layers, tables, rasters, RDF in any syntax. Out: batches with WKB, a CRS, a schema and real nulls; windows of
pixels; quads as keys (:mod:`semcube.io.terms`). Writers replace a file only when it is complete. Names are resolved
when they are first used, so that importing the room costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semcube.io.formats import FORMATS, Format, format_of
    from semcube.io.output import replacing
    from semcube.io.progress import Progress
    from semcube.io.raster import RasterInfo, RasterSource, Window, open_raster, variables
    from semcube.io.rdf import read_rdf
    from semcube.io.rdf_writer import RDFWriter
    from semcube.io.vector import Dialect, GeometryReport, LayerInfo, VectorSource, geometry_report, layers, open_vector

__all__ = [
    "FORMATS",
    "Dialect",
    "Format",
    "GeometryReport",
    "LayerInfo",
    "Progress",
    "RDFWriter",
    "RasterInfo",
    "RasterSource",
    "VectorSource",
    "Window",
    "format_of",
    "geometry_report",
    "layers",
    "open_raster",
    "open_vector",
    "read_rdf",
    "replacing",
    "variables",
]

_HOME = {
    "FORMATS": "formats",
    "Dialect": "vector",
    "Format": "formats",
    "GeometryReport": "vector",
    "LayerInfo": "vector",
    "Progress": "progress",
    "RDFWriter": "rdf_writer",
    "RasterInfo": "raster",
    "RasterSource": "raster",
    "VectorSource": "vector",
    "Window": "raster",
    "format_of": "formats",
    "geometry_report": "vector",
    "layers": "vector",
    "open_raster": "raster",
    "open_vector": "vector",
    "read_rdf": "rdf",
    "replacing": "output",
    "variables": "raster",
}


def __getattr__(name: str) -> Any:
    """Import the module of a public name when the name is first used."""
    if name not in _HOME:
        raise AttributeError(f"module 'semcube.io' has no attribute {name!r}")
    return getattr(import_module(f"semcube.io.{_HOME[name]}"), name)
