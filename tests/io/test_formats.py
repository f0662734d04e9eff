# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys
from subprocess import run

import pytest

from semcube.errors import UnsupportedError
from semcube.io import FORMATS, format_of


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a.nt", "nt"),
        ("folder.x/a.NQ.zst", "nq"),
        ("a.ttl.gz", "ttl"),
        (".trig", "trig"),
        ("owl", "rdf"),
        ("a.jsonld", "jsonld"),
        ("text/turtle; charset=utf-8", "ttl"),
        ("application/rdf+xml", "rdf"),
        ("APPLICATION/N-QUADS", "nq"),
    ],
)
def test_a_syntax_is_found(text: str, name: str) -> None:
    assert format_of(text).name == name


def test_an_unknown_syntax_lists_the_known() -> None:
    with pytest.raises(UnsupportedError, match=r"\.nt, .*\.ttl, .*\.jsonld"):
        format_of("a.xlsx")


def test_which_syntaxes_carry_graphs() -> None:
    assert {f.name for f in FORMATS if f.graphs} == {"nq", "trig", "jsonld"}


def test_no_extension_or_media_type_is_twice_in_the_table() -> None:
    for names in ([e for f in FORMATS for e in f.extensions], [m for f in FORMATS for m in f.media_types]):
        assert len(names) == len(set(names))


def test_every_format_exists_in_pyoxigraph() -> None:
    assert {f.name: f.oxigraph.supports_datasets for f in FORMATS} == {f.name: f.graphs for f in FORMATS}


def test_importing_the_room_imports_nothing_heavy() -> None:
    heavy = "{'pyarrow', 'pyogrio', 'xarray', 'rasterio', 'shapely', 'duckdb'}"
    code = f"import sys, semcube.io; print(sorted({heavy} & set(sys.modules)))"
    assert run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
