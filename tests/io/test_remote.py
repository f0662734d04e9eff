# SPDX-License-Identifier: Apache-2.0
"""Files by URL."""

from __future__ import annotations

import functools
import http.server
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from semcube.errors import SourceError, UnsupportedError
from semcube.io import layers, open_vector
from semcube.io.remote import fetched, url_of
from semcube.mapping import transform

TOWNS = "id,name,lon,lat\n7,Ulm,9.99,48.40\n"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the parent
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a server of a folder, and the folder."""
    folder = tmp_path / "site"
    folder.mkdir()
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_what_is_a_url() -> None:
    assert url_of("s3://bucket/a.parquet") == "s3://bucket/a.parquet"
    assert url_of("zip://a.csv::https://h/b.zip") == "zip://a.csv::https://h/b.zip"
    assert url_of(Path("zip://a.csv::https://h/b.zip")) == "zip://a.csv::https://h/b.zip"
    assert [url_of(each) for each in ("a.csv", "/a/b", "postgresql://h/d", "sqlite:a", "C:\\a", "a: b")] == [None] * 6


def test_a_table_and_a_layer_over_http(site: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = site
    (folder / "towns.csv").write_text(TOWNS, encoding="utf-8")
    (folder / "place.geojson").write_text(
        '{"type": "Feature", "properties": {"n": 1}, "geometry": {"type": "Point", "coordinates": [1, 2]}}'
    )
    assert layers(f"{url}/towns.csv") == ["towns"]
    assert open_vector(f"{url}/towns.csv").info.source == f"{url}/towns.csv"
    report = transform([f"{url}/towns.csv", f"{url}/place.geojson"], tmp_path / "o.nt", base="http://a/")
    assert next((each.source, each.features_out) for each in report.layers if each.features_out) == (
        f"{url}/towns.csv",
        1,
    )
    text = (tmp_path / "o.nt").read_text(encoding="utf-8")
    assert '<http://a/towns/7/geometry> <http://www.opengis.net/ont/geosparql#asWKT> "POINT (9.99 48.4)"' in text
    assert "<http://a/place/" in text


@pytest.mark.parametrize("formulation", ["CSV", "JSONPath"])
def test_a_url_in_a_mapping(formulation: str, site: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = site
    (folder / "t.csv").write_text(TOWNS, encoding="utf-8")
    (folder / "t.json").write_text('[{"name": "Ulm"}]', encoding="utf-8")
    name = "t.csv" if formulation == "CSV" else "t.json"
    (tmp_path / "m.ttl").write_text(
        f"""@prefix rml: <http://w3id.org/rml/> . <#m> rml:logicalSource [ rml:source "{url}/{name}" ;
        rml:referenceFormulation rml:{formulation} ] ; rml:subjectMap [ rml:template "http://a/{{name}}" ] ;
        rml:predicateObjectMap [ rml:predicate <http://a/p> ; rml:object "x" ] .""",
        encoding="utf-8",
    )
    transform((), tmp_path / "o.nt", tmp_path / "m.ttl")
    assert (tmp_path / "o.nt").read_text(encoding="utf-8") == '<http://a/Ulm> <http://a/p> "x" .\n'


def test_a_member_of_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/towns.csv", TOWNS)
        archive.writestr("in/other.csv", "x\n1\n")
    source = open_vector(f"zip://in/towns.csv::{(tmp_path / 'a.zip').as_uri()}")
    assert (source.info.layer, source.info.features) == ("towns", 1)


def test_what_cannot_be_fetched_is_said(site: tuple[str, Path]) -> None:
    url, _ = site
    with pytest.raises(SourceError, match=f"{url}/absent.csv: cannot be fetched"):
        open_vector(f"{url}/absent.csv")
    with pytest.raises(SourceError, match="cannot be fetched") as caught:
        fetched("http://me:secret@127.0.0.1:9/a.csv")
    assert "secret" not in str(caught.value)
    with pytest.raises((UnsupportedError, SourceError), match="nosuchscheme"):
        fetched("nosuchscheme://a/b")
