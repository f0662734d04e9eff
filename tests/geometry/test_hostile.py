# SPDX-License-Identifier: Apache-2.0
"""Literals made to exhaust memory or time are malformed, soon."""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import pytest

from semcube.geometry import parse
from semcube.geometry.literals import MAX_BYTES, MAX_REASON
from semcube.vocab import DGGS_LITERAL, GEOJSON_LITERAL, GEOMETRY_LITERALS, GML_LITERAL, KML_LITERAL, WKT_LITERAL

MANY = 300_000
BILLION_LAUGHS = (
    '<!DOCTYPE a [<!ENTITY b0 "lol">'
    + "".join(f'<!ENTITY b{n} "{f"&b{n - 1};" * 10}">' for n in range(1, 12))
    + "]><Point><pos>&b11;</pos></Point>"
)


@pytest.mark.parametrize("datatype", GEOMETRY_LITERALS)
def test_a_hundred_megabytes_are_refused_unread(datatype: str) -> None:
    text = "1 1, " * (20 * 1024 * 1024)
    assert len(text) > MAX_BYTES
    start = time.process_time()
    found = parse([text, None], datatype)
    assert found.native.tolist() == [None, None]
    assert f"expected at most {MAX_BYTES}" in found.errors[0]
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    ("datatype", "text", "reason"),
    [
        (WKT_LITERAL, "GEOMETRYCOLLECTION (" * MANY, "nested deeper"),
        (WKT_LITERAL, "(" * MANY, "Unknown type"),
        (WKT_LITERAL, f"POINT (1{'1' * MANY} 1)", "finite"),
        (WKT_LITERAL, f"<http://e/{'a' * MANY}> POINT (1 1)", "not known"),
        (WKT_LITERAL, "<" * MANY, "Unknown type"),
        (GEOJSON_LITERAL, "[" * MANY, "nested deeper"),
        (GEOJSON_LITERAL, '{"a":' * MANY, "nested deeper"),
        (GML_LITERAL, "<a>" * MANY, "nested deeper"),
        (KML_LITERAL, "<MultiGeometry>" * MANY, "nested deeper"),
        (GML_LITERAL, BILLION_LAUGHS, "document type"),
        (KML_LITERAL, BILLION_LAUGHS.replace("pos", "coordinates"), "document type"),
        (GML_LITERAL, '<!DOCTYPE a SYSTEM "file:///etc/passwd"><Point><pos>1 1</pos></Point>', "document type"),
        (GML_LITERAL, "<a " + " ".join(f'a{n}=""' for n in range(MANY)) + "/>", "a tag of more than"),
        (KML_LITERAL, f"<LineString><coordinates>{' ,' * MANY}</coordinates></LineString>", "coordinates"),
        (DGGS_LITERAL, "CELLLIST " + "(" * MANY, "no list of cells"),
        (DGGS_LITERAL, "CELLLIST ((" + "x " * MANY + "))", "is no cell"),
    ],
)
def test_hostile_literals_are_malformed(datatype: str, text: str, reason: str) -> None:
    start = time.process_time()
    found = parse([text], datatype)
    assert found.native.tolist() == [None]
    assert reason in found.errors[0]
    assert len(found.errors[0]) <= MAX_REASON
    assert time.process_time() - start < 10


def test_the_number_of_elements_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semcube.geometry.xml.MAX_ELEMENTS", 1000)
    found = parse(["<a>" + "<b/>" * 999 + "</a>", "<a>" + "<b/>" * 1000 + "</a>"], GML_LITERAL)
    assert "element <a>" in found.errors[0]
    assert "more than 1000 elements and attributes" in found.errors[1]


def test_many_unknown_systems_in_one_column() -> None:
    start = time.process_time()
    found = parse([f"<http://e/{n}> POINT (1 2)" for n in range(40_000)] + ["POINT (1 2)"], WKT_LITERAL)
    assert len(found.errors) == 40_000
    assert found.errors[39_999].startswith("coordinate reference system 'http://e/39999' is not known")
    assert found.native[-1] is not None
    assert time.process_time() - start < 30


def test_a_long_literal_needs_a_bounded_multiple_of_its_size() -> None:
    code = (
        "from semcube.geometry import parse; from semcube.vocab import WKT_LITERAL\n"
        "text = 'MULTIPOINT (' + '(1 1),' * 1_000_000 + '(2 2))'\n"
        "assert parse([text], WKT_LITERAL).native[0] is not None"
    )
    limit = 2 * 1024**3

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    done = subprocess.run([sys.executable, "-c", code], preexec_fn=bounded, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-500:]
