# SPDX-License-Identifier: Apache-2.0
"""Files of which only parts are fetched: the same rows and pixels, and few bytes."""

from __future__ import annotations

import base64
import http.server
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from semcube.errors import SourceError
from semcube.io import layers, open_raster, open_vector, remote, variables
from semcube.io.remote import RangedPath, ranged, shown
from semcube.mapping import transform


class Server(http.server.ThreadingHTTPServer):
    """Sends parts of files; counts the bytes."""

    folder: Path
    sent = 0
    has_ranges = True
    secret: str | None = None
    delay_s = 0.0

    def url(self, name: str, user: str = "") -> str:
        return f"http://{user}127.0.0.1:{self.server_port}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        time.sleep(self.server.delay_s)
        file = self.server.folder / self.path.lstrip("/")
        secret = self.server.secret
        expected = None if secret is None else f"Basic {base64.b64encode(secret.encode()).decode()}"
        if expected is not None and self.headers.get("Authorization") != expected:
            self.refuse(401)
        elif not file.is_file():
            self.refuse(404)
        else:
            self.send(file.read_bytes(), body=body)

    def refuse(self, status: int) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="data"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send(self, content: bytes, *, body: bool) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        part = content
        if wanted and self.server.has_ranges:
            first, last = int(wanted[1]), min(int(wanted[2] or len(content) - 1), len(content) - 1)
            part = content[first : last + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        else:
            self.send_response(200)
        if self.server.has_ranges:
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if body:
            self.wfile.write(part)
            self.server.sent += len(part)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the parent
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.folder = tmp_path / "site"
    made.folder.mkdir()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join(5)


def features(server: Server, name: str) -> Path:
    side = np.arange(200)
    x, y = (each.ravel() / 10 for each in np.meshgrid(side, side))
    noise = np.random.default_rng(1).integers(0, 1 << 62, len(x))
    table = {"id": range(len(x)), "a": noise, "b": noise[::-1], "c": noise // 3}
    frame = geopandas.GeoDataFrame(table, geometry=shapely.points(x, y), crs=4326)
    path = server.folder / name
    frame.to_parquet(path, row_group_size=5000) if name.endswith("parquet") else frame.to_file(path)
    return path


def rows(source: str | Path, **options: object) -> list[tuple[object, ...]]:
    batches = open_vector(source).batches(**options)  # type: ignore[arg-type]
    return sorted(tuple(row.values()) for batch in batches for row in batch.to_pylist())


def test_a_box_of_flatgeobuf(server: Server) -> None:
    path = features(server, "grid.fgb")
    url = server.url("grid.fgb")
    assert layers(url) == ["grid"]
    found = rows(url, bbox=(3.0, 3.0, 3.5, 3.5))
    assert server.sent < path.stat().st_size / 2
    assert found == rows(path, bbox=(3.0, 3.0, 3.5, 3.5))
    assert len(found) == 36
    assert rows(url) == rows(path)


def test_a_column_of_geoparquet(server: Server, tmp_path: Path) -> None:
    path = features(server, "grid.parquet")
    url = server.url("grid.parquet")
    remote_rows = rows(url)
    assert remote_rows == rows(path)
    (tmp_path / "m.ttl").write_text(
        f"""@prefix rml: <http://w3id.org/rml/> . @prefix semcube: <https://w3id.org/semcube/ns#> .
        <#m> rml:logicalSource [ rml:source "{url}" ; rml:referenceFormulation semcube:Vector ] ;
          rml:subjectMap [ rml:template "http://e/{{id}}" ] ;
          rml:predicateObjectMap [ rml:predicate <http://e/a> ; rml:objectMap [ rml:reference "a" ] ] ."""
    )
    report = transform((), tmp_path / "out.nt", tmp_path / "m.ttl")
    assert (report.features_out, report.layers[0].source) == (40_000, url)


def test_a_window_of_a_raster(server: Server) -> None:
    import rasterio
    from affine import Affine

    values = np.random.default_rng(1).integers(0, 9, (1024, 1024), dtype="uint8")
    profile = {"driver": "GTiff", "height": 1024, "width": 1024, "count": 1, "dtype": "uint8", "crs": "EPSG:4326"}
    profile |= {"transform": Affine(0.01, 0, 5, 0, -0.01, 50), "tiled": True, "blockxsize": 64, "blockysize": 64}
    with rasterio.open(server.folder / "a.tif", "w", **profile) as file:
        file.write(values, 1)
    url = server.url("a.tif")
    assert variables(url) == ["band_1"]
    with open_raster(url) as source:
        assert source.info.source == url
        window = next(source.windows(4096))
        found = source.read(window)
    assert (found.data == values[: window.height, : window.width]).all()
    assert server.sent < (server.folder / "a.tif").stat().st_size / 2


def test_a_server_without_ranges_sends_the_whole(server: Server) -> None:
    server.has_ranges = False
    path = features(server, "whole.fgb")
    assert ranged(server.url("whole.fgb"), ("fgb",)) is None
    assert rows(server.url("whole.fgb"), bbox=(3.0, 3.0, 3.5, 3.5)) == rows(path, bbox=(3.0, 3.0, 3.5, 3.5))
    assert server.sent >= path.stat().st_size


def test_passwords(server: Server, tmp_path: Path) -> None:
    server.secret = "me:s3cret word"
    path = features(server, "own.fgb")
    url = server.url("own.fgb", "me:s3cret%20word@")
    assert rows(url, bbox=(3.0, 3.0, 3.2, 3.2)) == rows(path, bbox=(3.0, 3.0, 3.2, 3.2))
    assert open_vector(url).info.source == server.url("own.fgb")
    report = transform(url, tmp_path / "out.nt", bbox=(3.0, 3.0, 3.2, 3.2))
    assert "s3cret" not in str(report.as_dict()) + report.summary()
    assert b"s3cret" not in (tmp_path / "out.nt").read_bytes()
    with pytest.raises(SourceError, match=r"own\.fgb: cannot be fetched: 401 .*put user and password into the URL"):
        open_vector(server.url("own.fgb"))
    with pytest.raises(SourceError, match="401") as error:
        open_vector(server.url("own.fgb", "me:wr0ng@"))
    assert "wr0ng" not in str(error.value)


def test_what_is_not_there(server: Server) -> None:
    for name in ("none.fgb", "none.parquet"):
        with pytest.raises(SourceError, match=rf"/{name}: cannot be fetched: 404 Not Found"):
            open_vector(server.url(name))
    with pytest.raises(SourceError, match=r"/none\.tif: cannot be fetched: 404"):
        open_raster(server.url("none.tif"))
    (server.folder / "bad.fgb").write_bytes(b"no features" * 99)
    with pytest.raises(SourceError, match=rf"^{re.escape(server.url('bad.fgb'))}: cannot be read"):
        open_vector(server.url("bad.fgb"))
    with pytest.raises(SourceError, match=r"cannot be fetched: .*refused"):
        open_vector("http://127.0.0.1:9/a.fgb")


def test_a_server_that_does_not_answer(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_TIMEOUT_S", 0.1)
    server.delay_s = 0.5
    with pytest.raises(SourceError, match=r"slow\.fgb: cannot be fetched: no answer in 0\.1 s"):
        open_vector(server.url("slow.fgb"))


def test_the_parts_of_a_shapefile_are_fetched_together(server: Server) -> None:
    points = geopandas.GeoDataFrame({"name": ["é", "b"]}, geometry=shapely.points([1, 3], [2, 4]), crs=31467)
    points.to_file(server.folder / "towns.shp")
    source = open_vector(server.url("towns.shp"))
    assert source.info.crs == "http://www.opengis.net/def/crs/EPSG/0/31467"
    assert [row["name"] for batch in source.batches() for row in batch.to_pylist()] == ["é", "b"]
    for part in ("shp", "dbf"):
        (server.folder / f"towns.{part}").rename(server.folder / f"other.{part}")
    with pytest.raises(SourceError, match=r"the index other\.shx is missing"):
        open_vector(server.url("other.shp"))


def test_what_is_read_in_ranges() -> None:
    assert [ranged(each, ("fgb",)) for each in ("a.fgb", Path("b.fgb"), "s3://b/c.fgb", "http://h/c.csv")] == [None] * 4
    assert ranged("zip://a.fgb::http://h/b.fgb", ("fgb",)) is None
    path = RangedPath("a.fgb")
    path.url = "https://u:p@h/a.fgb"
    assert (str(path), path.name, shown(path.url)) == ("https://h/a.fgb", "a.fgb", "https://h/a.fgb")
