# SPDX-License-Identifier: Apache-2.0
"""Which format a client gets."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcube.server.formats import BOOLEAN, GRAPH, SOLUTIONS, offers
from semcube.server.negotiation import Offer, accepted_encoding, choose, quality
from semcube.server.problems import NotAcceptableError

OFFERS = (
    Offer("json", "JSON", ("application/sparql-results+json", "application/json")),
    Offer("csv", "CSV", ("text/csv",)),
    Offer("xml", "XML", ("application/sparql-results+xml",)),
)


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        ("text/csv", "csv"),
        ("text/*", "csv"),
        ("text/csv;q=0.2, application/sparql-results+xml;q=0.9", "xml"),
        ("application/json", "json"),
        ("TEXT/CSV", "csv"),
        ("text/csv ; q=1.0 , */*;q=0.1", "csv"),
        ("application/sparql-results+json;q=0, */*", "json"),  # its other media type is still wanted
        ("application/sparql-results+json;q=0, application/json;q=0, */*", "csv"),
        ("text/html, application/xhtml+xml, */*;q=0.1", "json"),
        ("text/csv;q=nonsense, application/sparql-results+xml;q=0.001", "xml"),
        ("text/csv;charset=utf-8", "csv"),
        (", ,text/csv", "csv"),
    ],
)
def test_accept(accept: str | None, name: str) -> None:
    assert choose(OFFERS, accept).name == name


def test_format_overrules_accept() -> None:
    assert choose(OFFERS, "text/csv", "xml").name == "xml"
    assert choose(OFFERS, "image/png", "application/json").name == "json"


@pytest.mark.parametrize(("accept", "name"), [("image/png", None), ("text/csv;q=0", None), ("*/*", "yaml")])
def test_nothing_fits_lists_what_there_is(accept: str, name: str | None) -> None:
    with pytest.raises(NotAcceptableError, match=r"csv \(text/csv\)"):
        choose(OFFERS, accept, name)


def test_the_most_specific_range_decides() -> None:
    assert quality("text/*;q=0.3, text/csv;q=0.7, */*;q=0.5", "text/csv") == 0.7
    assert quality("text/*;q=0.3, */*;q=0.5", "text/csv") == 0.3
    assert quality("text/*;q=0.3", "image/png") == 0.0
    assert quality("text/csv;q=7", "text/csv") == 1.0


@given(st.text(max_size=60))
def test_any_header_is_survived(accept: str) -> None:
    with suppress(NotAcceptableError):
        assert choose(OFFERS, accept) in OFFERS


def test_every_kind_of_answer_has_its_formats() -> None:
    names = {kind: [offer.name for offer in offers(kind)] for kind in ("bindings", "boolean", "graph")}  # type: ignore[arg-type]
    assert names["bindings"][0] == names["boolean"][0] == "json"
    assert {"json", "xml", "csv", "tsv", "geojson", "arrow"} <= set(names["bindings"])
    assert "geojson" not in names["boolean"]
    assert names["graph"][:3] == ["ttl", "nt", "rdf"]
    assert all(len({offer.name for offer in some}) == len(some) for some in (SOLUTIONS, BOOLEAN, GRAPH))


@pytest.mark.parametrize(
    ("header", "encoding"),
    [("gzip", "gzip"), ("br, gzip;q=0.5", "gzip"), ("*", "gzip"), ("gzip;q=0", None), ("br", None), ("", None)],
)
def test_encoding(header: str, encoding: str | None) -> None:
    assert accepted_encoding(header) == encoding
