# SPDX-License-Identifier: Apache-2.0
"""GeoTIFF, and what else GDAL reads as one grid."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.windows import Window as RasterioWindow

from semcube.errors import SourceError, UnsupportedError
from semcube.io.batching import crs_of
from semcube.io.raster import RasterInfo, RasterSource, Window, extent_of
from semcube.io.remote import RangedPath, gdal_name, shown

__all__ = ["GeoTIFFSource", "band_names"]


def _open(file: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            return rasterio.open(gdal_name(file))
    except RasterioIOError as error:
        raise SourceError(
            f"cannot be read: {shown(str(error))}",
            source=file,
            expected="a GeoTIFF",
            fix="check that the file is complete",
        ) from error


def _names(dataset: Any) -> list[str]:
    given = [text.strip() if text else "" for text in dataset.descriptions]
    unique = {text for text in given if text and given.count(text) == 1}
    return [text if text in unique else f"band_{number}" for number, text in enumerate(given, 1)]


def band_names(file: Path) -> list[str]:
    """The bands by description, else ``band_1`` and so on."""
    with _open(file) as dataset:
        return _names(dataset)


class GeoTIFFSource(RasterSource):
    """One band of a GeoTIFF."""

    def __init__(self, file: Path, variable: str | None) -> None:
        self._file = file
        self._dataset = _open(file)
        try:
            self._band = self._choose(variable)
            self.info = self._describe(_names(self._dataset)[self._band - 1])
        except BaseException:
            self._dataset.close()
            raise
        self._chunk = self._dataset.block_shapes[self._band - 1]

    def _choose(self, variable: str | None) -> int:
        names = _names(self._dataset)
        if variable is None and len(names) == 1:
            return 1
        for number, name in enumerate(names, 1):
            if variable in (name, f"band_{number}"):
                return number
        found = f"{len(names)} bands" if variable is None else f"no band {variable!r}"
        raise SourceError(found, source=self._file, expected=f"a variable of {', '.join(names)}")

    def _describe(self, name: str) -> RasterInfo:
        dataset, index = self._dataset, self._band - 1
        if dataset.transform.is_identity and dataset.crs is None and dataset.gcps[0]:
            raise UnsupportedError(
                f"{self._file} is placed by ground control points, not by a regular grid",
                fix="warp it to a grid first, for example with gdalwarp",
            )
        if dataset.transform.is_identity:
            raise UnsupportedError(
                f"{self._file} does not say where its pixels are (no geotransform)",
                expected="a raster with a transform",
                fix="give it one with gdal_translate -a_ullr, or put its world file (.tfw) beside it",
            )
        if not dataset.transform.is_rectilinear or dataset.transform.e > 0 or dataset.transform.a < 0:
            raise UnsupportedError(
                f"{self._file} is rotated or runs from south to north", fix="warp it to a north-up grid with gdalwarp"
            )
        system, warning = crs_of(None, dataset.crs.to_wkt() if dataset.crs else None)
        tags = dataset.tags() | dataset.tags(self._band)
        attributes = _attributes(tags)
        flags, masks = self._flags(attributes)
        times = self._times(tags)
        scaled = dataset.scales[index] != 1.0 or dataset.offsets[index] != 0.0
        self._scale = (dataset.scales[index], dataset.offsets[index]) if scaled else None
        dtype = np.dtype(dataset.dtypes[index])
        transform = tuple(dataset.transform)[:6]
        metadata = {"format": dataset.driver} | {str(k): str(v) for k, v in tags.items()}
        metadata |= {"warning": warning} if warning else {}
        return RasterInfo(
            source=str(self._file),
            variable=name,
            shape=(*((1,) if times else ()), dataset.height, dataset.width),
            dims=(*(("time",) if times else ()), "y", "x"),
            dtype="float64" if scaled else dtype.name,
            crs=system,
            transform=transform,
            extent=extent_of(transform, dataset.height, dataset.width),
            nodata=dataset.nodatavals[index],
            times=times,
            units=dataset.units[index] or attributes.get("units") or tags.get("DATA_UNITS") or None,
            standard_name=attributes.get("standard_name"),
            long_name=dataset.descriptions[index] or attributes.get("long_name"),
            flags=flags or self._categories(),
            flag_masks=masks,
            colours=self._colours(),
            metadata=metadata,
        )

    def _flags(self, attributes: dict[str, str]) -> tuple[dict[int, str] | None, dict[int, str] | None]:
        """CF's flags (section 3.5), which tags may hold as well."""
        if "flag_meanings" not in attributes:
            return None, None
        from semcube.io import cf

        return cf.flags(attributes, self._file, f"band_{self._band}")

    def _times(self, tags: dict[str, str]) -> list[str] | None:
        """The time of the pixels: of the NetCDF file that the band is from, or of the acquisition."""
        value, units = tags.get("NETCDF_DIM_time"), tags.get("time#units")
        if value is not None and units is not None:
            import xarray as xr

            from semcube.io import cf

            about = {"units": units, "calendar": tags.get("time#calendar", "standard")}
            try:
                axis = xr.Dataset({"time": ("time", [float(value.strip("{}"))], about)})
            except ValueError:
                raise SourceError(f"tag NETCDF_DIM_time is {value!r}", source=self._file, expected="a number") from None
            return cf.iso_times(axis, "time", self._file)
        acquired = self._dataset.tags(ns="IMAGERY").get("ACQUISITIONDATETIME")
        match = re.match(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)", acquired or "")
        return [f"{match[1]}T{match[2]}Z"] if match else None

    def _colours(self) -> dict[int, tuple[int, int, int, int]] | None:
        try:
            return dict(self._dataset.colormap(self._band))
        except ValueError:
            return None

    def _categories(self) -> dict[int, str] | None:
        """Class names, which GDAL keeps beside the file."""
        beside = self._file.with_name(self._file.name + ".aux.xml")
        if isinstance(self._file, RangedPath) or not beside.is_file():
            return None
        text = beside.read_bytes()
        if b"<!" in text.replace(b"<!--", b""):
            raise SourceError("has a document type or CDATA, which such files never need", source=beside)
        try:
            root = ElementTree.fromstring(text)
        except ElementTree.ParseError as error:
            raise SourceError(f"cannot be read: {error}", source=beside, expected="GDAL's auxiliary XML") from error
        band = next((b for b in root.findall("PAMRasterBand") if b.get("band") == str(self._band)), None)
        if band is None:
            return None
        names = {i: c.text for i, c in enumerate(band.findall("CategoryNames/Category")) if c.text}
        return names or _attribute_table(band)

    def read(self, window: Window) -> np.ma.MaskedArray[Any, Any]:
        """The values of a window; see :meth:`RasterSource.read`."""
        place = RasterioWindow(window.column, window.row, window.width, window.height)
        try:
            values = self._dataset.read(self._band, window=place, masked=True)
        except (RasterioIOError, RasterioError) as error:
            reason = error.__cause__ or error
            raise SourceError(
                f"cannot be read at row {window.row}, column {window.column}: {reason}",
                source=self._file,
                layer=self.info.variable,
                fix="check that the file is complete",
            ) from error
        if np.issubdtype(values.dtype, np.floating):
            values = np.ma.masked_invalid(values, copy=False)
        if self._scale is not None:
            values = values.astype("float64") * self._scale[0] + self._scale[1]
        return cast("np.ma.MaskedArray[Any, Any]", values)

    def close(self) -> None:
        """Close the file."""
        self._dataset.close()


def _attributes(tags: dict[str, str]) -> dict[str, str]:
    """CF attributes among the tags: of the band, and those that GDAL writes as ``variable#attribute``."""
    prefix = tags.get("NETCDF_VARNAME", "") + "#"
    found = {name.removeprefix(prefix): text for name, text in tags.items() if name.startswith(prefix)}
    names = ("units", "standard_name", "long_name", "flag_values", "flag_masks", "flag_meanings")
    found |= {name: tags[name] for name in names if name in tags}
    return {name: str(text).strip("{}") if name.startswith("flag_") else str(text) for name, text in found.items()}


def _attribute_table(band: ElementTree.Element) -> dict[int, str] | None:
    """Value -> class name of a GDAL raster attribute table: usages 5 (min and max) or 3, 4 and 2 (name)."""
    table = band.find("GDALRasterAttributeTable")
    if table is None:
        return None
    usages = {f.findtext("Usage"): int(f.get("index", "-1")) for f in table.findall("FieldDefn")}
    value, name = usages.get("5", usages.get("3")), usages.get("2")
    if value is None or name is None:
        return None
    rows = [[cell.text or "" for cell in row.findall("F")] for row in table.findall("Row")]
    return {int(float(row[value])): row[name] for row in rows if row[name]} or None
