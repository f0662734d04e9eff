# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.transform import from_origin

from semcube.errors import SourceError, UnsupportedError
from semcube.io import RasterSource, Window, open_raster, variables
from semcube.vocab import CRS84, EPSG


def whole(source: RasterSource, max_bytes: int = 1 << 20) -> np.ma.MaskedArray[Any, Any]:
    """All windows put together; every pixel must come exactly once."""
    result = np.ma.masked_all(source.info.shape, source.info.dtype)
    seen = np.zeros(source.info.shape, int)
    for window in source.windows(max_bytes):
        values = source.read(window)
        assert values.shape == (window.height, window.width)
        assert values.dtype == np.dtype(source.info.dtype)
        place = np.s_[window.row : window.row + window.height, window.column : window.column + window.width]
        target = place if window.time_index is None else (window.time_index, *place)
        result[target] = values
        seen[target] += 1
    assert (seen == 1).all()
    return result


def geotiff(path: Path, bands: np.ndarray[Any, Any], **options: Any) -> Path:
    profile = {"crs": "EPSG:32632", "transform": from_origin(400000, 5400000, 10, 20), **options}
    names = profile.pop("names", None)
    colours = profile.pop("colours", None)
    scale = profile.pop("scale", None)
    count, height, width = bands.shape
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=count, dtype=bands.dtype, **profile
    ) as out:
        out.write(bands)
        if names:
            out.descriptions = names
        if colours:
            out.write_colormap(1, colours)
        if scale:
            out.scales, out.offsets = [scale[0]] * count, [scale[1]] * count
    return path


class TestGeoTIFF:
    def test_values_place_and_nodata(self, tmp_path: Path) -> None:
        values = np.arange(12, dtype="int16").reshape(1, 3, 4)
        path = geotiff(tmp_path / "a.tif", values, nodata=5)
        with open_raster(path) as source:
            info = source.info
            assert (info.shape, info.dtype, info.crs, info.nodata) == ((3, 4), "int16", EPSG + "32632", 5.0)
            assert info.transform == (10.0, 0.0, 400000.0, 0.0, -20.0, 5400000.0)
            assert info.extent == (400000.0, 5399940.0, 400040.0, 5400000.0)
            assert info.window_transform(Window(1, 2, 1, 1)) == (10.0, 0.0, 400020.0, 0.0, -20.0, 5399980.0)
            found = whole(source)
            assert found.count() == 11
            assert found.mask[1, 1]
            assert (found.filled(5) == values[0]).all()
            assert not source.categorical

    @pytest.mark.parametrize("max_bytes", [1, 7, 100, 300, 5000, 1 << 20])
    @pytest.mark.parametrize("tiles", [{}, {"tiled": True, "blockxsize": 16, "blockysize": 16}])
    def test_windows_cover_all_and_keep_the_bound(self, tmp_path: Path, max_bytes: int, tiles: dict[str, Any]) -> None:
        values = np.random.default_rng(1).random((1, 50, 37)).astype("float32")
        with open_raster(geotiff(tmp_path / "a.tif", values, **tiles)) as source:
            assert (whole(source, max_bytes) == values[0]).all()
            assert all(w.height * w.width * 4 <= max(max_bytes, 4) for w in source.windows(max_bytes))

    def test_nan_is_masked_and_scale_applied(self, tmp_path: Path) -> None:
        values = np.array([[[1.0, np.nan], [np.inf, 2.0]]], "float32")
        with open_raster(geotiff(tmp_path / "a.tif", values)) as source:
            assert whole(source).mask.tolist() == [[False, True], [True, False]]
        packed = np.array([[[10, 20], [0, 30]]], "uint8")
        with open_raster(geotiff(tmp_path / "b.tif", packed, nodata=0, scale=(0.5, -1.0))) as source:
            assert source.info.dtype == "float64"
            assert whole(source).filled(-99).tolist() == [[4.0, 9.0], [-99.0, 14.0]]

    def test_bands_are_variables(self, tmp_path: Path) -> None:
        values = np.arange(12, dtype="uint8").reshape(3, 2, 2)
        path = geotiff(tmp_path / "a.tif", values, names=("red", None, "red"))
        assert variables(path) == ["band_1", "band_2", "band_3"]
        path = geotiff(tmp_path / "b.tif", values, names=("red", None, "nir"))
        assert variables(path) == ["red", "band_2", "nir"]
        with open_raster(path, "nir") as source, open_raster(path, "band_3") as same:
            assert whole(source).tolist() == whole(same).tolist() == values[2].tolist()
        with pytest.raises(SourceError, match="3 bands; expected a variable of red, band_2, nir"):
            open_raster(path)
        with pytest.raises(SourceError, match="no band 'blue'"):
            open_raster(path, "blue")

    def test_classes_by_colour_table_or_names(self, tmp_path: Path) -> None:
        values = np.array([[[0, 1], [2, 1]]], "uint8")
        path = geotiff(tmp_path / "a.tif", values, colours={1: (255, 0, 0, 255)})
        with open_raster(path) as source:
            assert source.categorical
            assert source.info.colours is not None
            assert source.info.colours[1] == (255, 0, 0, 255)
            assert source.distinct() == {0: 1, 1: 2, 2: 1}
            assert source.distinct(limit=2) is None
        path = geotiff(tmp_path / "b.tif", values)
        xml = (
            "<PAMDataset><PAMRasterBand band='1'><CategoryNames><Category>sea</Category><Category/>"
            "<Category>ice</Category></CategoryNames></PAMRasterBand></PAMDataset>"
        )
        (tmp_path / "b.tif.aux.xml").write_text(xml)
        with open_raster(path) as source:
            assert source.info.flags == {0: "sea", 2: "ice"}
            assert source.categorical
        table = (
            "<PAMDataset><PAMRasterBand band='1'><GDALRasterAttributeTable><FieldDefn index='0'><Name>Value</Name>"
            "<Type>0</Type><Usage>5</Usage></FieldDefn><FieldDefn index='1'><Name>Class</Name><Type>2</Type>"
            "<Usage>2</Usage></FieldDefn><Row index='0'><F>1</F><F>wood</F></Row></GDALRasterAttributeTable>"
            "</PAMRasterBand></PAMDataset>"
        )
        (tmp_path / "b.tif.aux.xml").write_text(table)
        with open_raster(path) as source:
            assert source.info.flags == {1: "wood"}

    def test_cf_attributes_in_tags(self, tmp_path: Path) -> None:
        path = tmp_path / "cf.tif"
        given = {"driver": "GTiff", "height": 2, "width": 2, "count": 1, "dtype": "uint8", "crs": "EPSG:4326"}
        with rasterio.open(path, "w", transform=rasterio.Affine(1, 0, 0, 0, -1, 2), **given) as dataset:
            dataset.write(np.array([[1, 2], [2, 2]], "uint8"), 1)
            dataset.update_tags(**{"time#units": "days since 2020-01-01", "ice#flag_values": "{1,2}",
                                   "ice#flag_meanings": "open_water ice"})  # fmt: skip
            dataset.update_tags(1, NETCDF_VARNAME="ice", NETCDF_DIM_time="31.5", units="1", long_name="Ice",
                                standard_name="sea_ice_area_fraction")  # fmt: skip
        with open_raster(path) as source:
            info = source.info
            assert (info.units, info.standard_name, info.long_name) == ("1", "sea_ice_area_fraction", "Ice")
            assert info.flags == {1: "open_water", 2: "ice"}
            assert source.categorical
            assert info.times is not None
            assert [text.removesuffix("Z") for text in info.times] == ["2020-02-01T12:00:00"]
            assert info.shape == (1, 2, 2)
            (window,) = source.windows()
            assert source.read(window).tolist() == [[1, 2], [2, 2]]

    def test_the_time_of_acquisition(self, tmp_path: Path) -> None:
        path = tmp_path / "scene.tif"
        given = {"driver": "GTiff", "height": 1, "width": 1, "count": 1, "dtype": "uint8", "crs": "EPSG:4326"}
        with rasterio.open(path, "w", transform=rasterio.Affine(1, 0, 0, 0, -1, 2), **given) as dataset:
            dataset.update_tags(ns="IMAGERY", ACQUISITIONDATETIME="2021-06-05 10:20:30")
        with open_raster(path) as source:
            assert source.info.times == ["2021-06-05T10:20:30Z"]

    def test_a_cut_file_is_said(self, tmp_path: Path) -> None:
        path = geotiff(tmp_path / "a.tif", np.random.default_rng(1).random((1, 200, 200)))
        path.write_bytes(path.read_bytes()[:100_000])
        with pytest.raises(SourceError, match=r"a\.tif.*cannot be read"), open_raster(path) as source:
            whole(source)
        path.write_bytes(path.read_bytes()[:3])
        with pytest.raises(SourceError, match=r"a\.tif: cannot be read"):
            open_raster(path)

    def test_no_crs_and_no_regular_grid(self, tmp_path: Path) -> None:
        values = np.zeros((1, 2, 2), "uint8")
        with open_raster(geotiff(tmp_path / "a.tif", values, crs=None)) as source:
            assert source.info.crs is None
            assert "not known" in source.info.metadata["warning"]
        turned = rasterio.Affine(1, 0.5, 0, 0.5, -1, 0)
        with pytest.raises(UnsupportedError, match=r"rotated.*gdalwarp"):
            open_raster(geotiff(tmp_path / "b.tif", values, transform=turned))


def grid(lat: Any, lon: Any, times: Any = None, dtype: str = "float64", **attributes: Any) -> xr.Dataset:
    """A variable whose value tells its place: 10000 time + 100 lat + lon."""
    lat, lon = np.asarray(lat, float), np.asarray(lon, float)
    values = 100 * lat[:, None] + lon[None, :]
    coordinates: dict[str, Any] = {
        "lat": ("lat", lat, {"units": "degrees_north", "standard_name": "latitude"}),
        "lon": ("lon", lon, {"units": "degrees_east", "standard_name": "longitude"}),
    }
    dims: tuple[str, ...] = ("lat", "lon")
    if times is not None:
        values = values[None] + 10000 * np.arange(len(times[0]))[:, None, None]
        coordinates["time"] = ("time", np.asarray(times[0]), {"units": times[1], "standard_name": "time", **times[2]})
        dims = ("time", *dims)
    return xr.Dataset({"v": (dims, values.astype(dtype), attributes)}, coordinates)


def save(dataset: xr.Dataset, path: Path, **encoding: Any) -> Path:
    if path.suffix == ".nc":
        dataset.to_netcdf(path, encoding=encoding)
    else:
        version, consolidated = encoding.pop("version", 3), encoding.pop("consolidated", False)
        dataset.to_zarr(path, zarr_format=version, consolidated=consolidated, encoding=encoding)
    return path


LAT, LON = [50.5, 49.5, 48.5], [10.25, 10.75, 11.25, 11.75]
STORES = [
    ("a.nc", {}),
    ("a.zarr", {"version": 2}),
    ("b.zarr", {"version": 2, "consolidated": True}),
    ("c.zarr", {"version": 3}),
]


class TestGridded:
    @pytest.mark.parametrize(("name", "options"), STORES)
    @pytest.mark.parametrize("ascending", [False, True])
    def test_rows_run_south_and_columns_east(
        self, tmp_path: Path, name: str, options: dict[str, Any], ascending: bool
    ) -> None:
        times = ([0, 1, 2], "days since 2000-02-28", {"calendar": "standard"})
        data = grid(sorted(LAT) if ascending else LAT, LON[::-1] if ascending else LON, times)
        with open_raster(save(data, tmp_path / name, **options)) as source:
            info = source.info
            assert (info.shape, info.dims, info.crs) == ((3, 3, 4), ("time", "lat", "lon"), CRS84)
            assert info.transform == (0.5, 0.0, 10.0, 0.0, -1.0, 51.0)
            assert info.extent == (10.0, 48.0, 12.0, 51.0)
            assert info.times == ["2000-02-28T00:00:00Z", "2000-02-29T00:00:00Z", "2000-03-01T00:00:00Z"]
            expected = 10000 * np.arange(3)[:, None, None] + (100 * np.array(LAT)[:, None] + np.array(LON))[None]
            for size in (1, 16, 64, 1000):
                assert whole(source, size).tolist() == expected.tolist()
            assert not source.categorical

    def test_longitudes_beyond_180_are_brought_back(self, tmp_path: Path) -> None:
        lon = np.arange(0, 360, 30) + 15.0
        with open_raster(save(grid(LAT, lon), tmp_path / "a.nc")) as source:
            assert source.info.extent == (-180.0, 48.0, 180.0, 51.0)
            first = whole(source, 40)[0] - 5050
            assert np.mod(first, 360).tolist() == np.mod(np.arange(-165, 180, 30), 360).tolist()
            part = source.read(Window(0, 4, 1, 4))[0] - 5050
            assert part.tolist() == [315.0, 345.0, 15.0, 45.0]
        with open_raster(save(grid(LAT, [200.0, 201.0]), tmp_path / "b.nc")) as source:
            assert source.info.extent[0] == -160.5
        with open_raster(save(grid(LAT, [179.0, 181.0]), tmp_path / "c.nc")) as source:
            assert source.info.extent[0::2] == (178.0, 182.0)

    def test_packed_values_fill_and_valid_range(self, tmp_path: Path) -> None:
        data = grid([2.0, 1.0], [1.0, 2.0])
        data["v"] = (
            ("lat", "lon"),
            np.array([[100, -9999], [-1, 5000]], "int16"),
            {"scale_factor": 0.01, "add_offset": 10.0, "valid_range": np.array([0, 4000], "int16"), "units": "K"},
        )
        data["v"].attrs["_FillValue"] = np.int16(-9999)
        with open_raster(save(data, tmp_path / "a.nc")) as source:
            assert (source.info.dtype, source.info.units, source.info.nodata) == ("float64", "K", -9999.0)
            found = whole(source)
            assert found.mask.tolist() == [[False, True], [True, True]]
            assert found[0, 0] == 11.0

    def test_unsigned_bytes(self, tmp_path: Path) -> None:
        data = grid([2.0, 1.0], [1.0, 2.0])
        data["v"] = (("lat", "lon"), np.array([[-1, 2], [-2, 0]], "int8"), {"_Unsigned": "true"})
        data["v"].attrs["missing_value"] = np.int8(-1)
        with open_raster(save(data, tmp_path / "a.nc")) as source:
            found = whole(source)
            assert (found.dtype.name, found.filled(77).tolist()) == ("uint8", [[77, 2], [254, 0]])

    def test_flags_and_masks(self, tmp_path: Path) -> None:
        values, names = np.array([0, 1, 2], "int8"), "sea ice land"
        data = grid(LAT, LON, dtype="int8", flag_values=values, flag_meanings=names, long_name="kind")
        with open_raster(save(data, tmp_path / "a.nc")) as source:
            assert source.info.flags == {0: "sea", 1: "ice", 2: "land"}
            assert (source.categorical, source.info.long_name) == (True, "kind")
        data = grid(LAT, LON, dtype="int8", flag_masks=np.array([1, 2], "int8"), flag_meanings="cloud snow")
        with open_raster(save(data, tmp_path / "b.nc")) as source:
            assert (source.info.flags, source.info.flag_masks) == (None, {1: "cloud", 2: "snow"})
            assert not source.categorical
        data = grid(LAT, LON, dtype="int8", flag_values=values, flag_meanings="sea ice")
        with pytest.raises(SourceError, match="3 flag_values, 2 flag_meanings"):
            open_raster(save(data, tmp_path / "c.nc"))

    @pytest.mark.parametrize(
        ("values", "units", "calendar", "expected"),
        [
            ([59.5], "days since 2001-01-01", "noleap", "2001-03-01T12:00:00Z"),
            ([59], "days since 2000-01-01", "360_day", "2000-02-30T00:00:00Z"),
            ([8024], "days since 2000-01-01 00:00:00", "julian", "2021-12-20T00:00:00Z"),
            ([0.25], "hours since 1582-10-15 00:00", "proleptic_gregorian", "1582-10-15T00:15:00Z"),
            ([10], "seconds since 1970-01-01T00:00:00+01:00", "standard", "1969-12-31T23:00:10Z"),
        ],
    )
    def test_calendars(self, tmp_path: Path, values: list[float], units: str, calendar: str, expected: str) -> None:
        data = grid(LAT, LON, (values, units, {"calendar": calendar}))
        with open_raster(save(data, tmp_path / "a.nc")) as source:
            assert source.info.times == [expected]
            assert source.info.metadata["calendar"] == calendar

    def test_a_projected_grid_with_a_grid_mapping(self, tmp_path: Path) -> None:
        import pyproj

        data = xr.Dataset(
            {
                "ice": (("yc", "xc"), np.arange(6.0).reshape(2, 3), {"grid_mapping": "projection"}),
                "projection": ((), 0, pyproj.CRS.from_epsg(3411).to_cf()),
            },
            {
                "yc": ("yc", [-12500.0, 12500.0], {"standard_name": "projection_y_coordinate", "units": "m"}),
                "xc": ("xc", [0.0, 25000.0, 50000.0], {"standard_name": "projection_x_coordinate", "units": "m"}),
            },
        )
        path = save(data, tmp_path / "a.nc")
        assert variables(path) == ["ice"]
        with open_raster(path) as source:
            assert source.info.crs == EPSG + "3411"
            assert source.info.transform == (25000.0, 0.0, -12500.0, 0.0, -25000.0, 25000.0)
            assert whole(source).tolist() == [[3.0, 4.0, 5.0], [0.0, 1.0, 2.0]]

    def test_further_dimensions_are_chosen_by_place(self, tmp_path: Path) -> None:
        values = np.arange(24.0).reshape(2, 3, 4)
        data = xr.Dataset({"t": (("depth", "lat", "lon"), values)}, {"lat": LAT, "lon": LON, "depth": [0.0, 10.0]})
        path = save(data, tmp_path / "a.nc")
        assert variables(path) == ["t[depth=0]", "t[depth=1]"]
        with open_raster(path, "t[depth=1]") as source:
            assert whole(source).tolist() == values[1].tolist()
        with pytest.raises(SourceError, match=r"further dimensions depth \(2\).*t\[depth=0\]"):
            open_raster(path, "t")
        with pytest.raises(SourceError, match="no place 'depth=2'"):
            open_raster(path, "t[depth=2]")

    def test_chunked_times_are_read_once(self, tmp_path: Path) -> None:
        times = (np.arange(10), "days since 2000-01-01", {})
        data = grid(LAT, LON, times)
        path = save(data, tmp_path / "a.zarr", v={"chunks": (4, 2, 2)})
        with open_raster(path) as source:
            assert whole(source, 32)[9, 2, 3] == 90000 + 4850 + 11.75
            calls = []
            slab = source._slab  # type: ignore[attr-defined]
            source._slab = lambda *a: calls.append(a) or slab(*a)  # type: ignore[attr-defined]
            whole(source, 32)
            assert len(calls) == len(list(source.windows(32))) // 10 * 3

    def test_grids_that_are_none(self, tmp_path: Path) -> None:
        swath = xr.Dataset(
            {"v": (("y", "x"), np.zeros((2, 2)))},
            {"lat": (("y", "x"), np.zeros((2, 2))), "lon": (("y", "x"), np.zeros((2, 2)))},
        )
        with pytest.raises(UnsupportedError, match=r"2-D arrays.*resample it"):
            open_raster(save(swath, tmp_path / "a.nc"))
        with pytest.raises(UnsupportedError, match=r"steps of lat are not equal \(lat\[1\] is 49"):
            open_raster(save(grid([50.0, 49.0, 40.0], LON), tmp_path / "b.nc"))
        with pytest.raises(UnsupportedError, match="no variable on a grid"):
            variables(save(xr.Dataset({"v": ("time", [1.0])}), tmp_path / "c.nc"))

    def test_one_row_by_its_bounds(self, tmp_path: Path) -> None:
        data = grid([50.0], LON)
        with open_raster(save(data, tmp_path / "a.nc")) as source:
            assert source.info.extent == (10.0, 49.75, 12.0, 50.25)
        data["lat"].attrs["bounds"] = "lat_bnds"
        data["lat_bnds"] = (("lat", "bnds"), [[49.0, 51.0]])
        with open_raster(save(data, tmp_path / "b.nc")) as source:
            assert source.info.extent == (10.0, 49.0, 12.0, 51.0)

    def test_variables_must_be_named(self, tmp_path: Path) -> None:
        data = grid(LAT, LON)
        data["w"] = data["v"]
        path = save(data, tmp_path / "a.nc")
        with pytest.raises(SourceError, match=r"2 variables; expected one. To fix: choose one of v, w"):
            open_raster(path)
        with pytest.raises(SourceError, match="no variable 'q'; expected one of v, w"):
            open_raster(path, "q")

    def test_damaged_files(self, tmp_path: Path) -> None:
        path = save(grid(LAT, LON), tmp_path / "a.nc")
        path.write_bytes(path.read_bytes()[:2000])
        with pytest.raises(SourceError, match=r"a\.nc: cannot be read"):
            open_raster(path)
        (tmp_path / "a.zarr").mkdir()
        (tmp_path / "a.zarr" / "zarr.json").write_text("{")
        with pytest.raises(SourceError, match=r"a\.zarr: cannot be read"):
            open_raster(tmp_path / "a.zarr")
        (tmp_path / "a.xyz").write_text("")
        with pytest.raises(UnsupportedError, match=r"'\.xyz'; expected a raster that is one of \.tif"):
            open_raster(tmp_path / "a.xyz")
        with pytest.raises(SourceError, match="no such file"):
            open_raster(tmp_path / "none.tif")
