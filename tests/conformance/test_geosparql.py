# SPDX-License-Identifier: Apache-2.0
"""Every requirement of GeoSPARQL 1.1, on the reference dataset and on the store; and what holds beside the letter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from semcube.geometry.functions import AGGREGATES, KERNELS
from semcube.sparql import execute
from semcube.sparql.dataset import Dataset
from semcube.sparql.explain import explain
from semcube.sparql.functions import table
from semcube.sparql.memory import MemoryDataset
from semcube.store import Store
from semcube.vocab import GEOF
from tests.conformance.geosparql import KINDS, PREFIX, REQUIREMENTS, Requirement, data

ROOT = Path(__file__).resolve().parent.parent.parent
WITH_CASES = [requirement for requirement in REQUIREMENTS if requirement.cases]


@pytest.fixture(scope="module", params=["memory", "store", "store forced"])
def asked(request: pytest.FixtureRequest) -> Iterator[tuple[Dataset, str]]:
    if request.param == "memory":
        yield MemoryDataset.parse(data()), "auto"
        return
    with Store.in_memory() as store:
        store.load(data().encode(), format="ttl")
        with store.snapshot() as snapshot:
            yield snapshot, "forced" if request.param == "store forced" else "auto"


def ask(asked: tuple[Dataset, str], pattern: str) -> bool | None:
    source, push_down = asked
    return execute(f"{PREFIX} ASK {{ {pattern} }}", source, push_down=push_down).boolean  # type: ignore[arg-type]


@pytest.mark.parametrize("requirement", WITH_CASES, ids=[requirement.id for requirement in WITH_CASES])
def test_requirement(requirement: Requirement, asked: tuple[Dataset, str]) -> None:
    for case in requirement.cases:
        assert ask(asked, case) is True, case


def test_ids_are_unique_and_tests_exist() -> None:
    ids = [requirement.id for requirement in REQUIREMENTS]
    assert len(set(ids)) == len(ids) == 55
    assert all((ROOT / requirement.tests).exists() for requirement in WITH_CASES)


def test_every_function_has_a_case() -> None:
    called = set(re.findall(r"geof:(\w+)", " ".join(case for one in REQUIREMENTS for case in one.cases)))
    known = {row.iri.removeprefix(GEOF) for row in table() if row.iri and row.iri.startswith(GEOF)}
    assert {*KERNELS, *AGGREGATES} <= known
    assert known - called == set()


PLACES = [(f":point geo:{a} ?a . :square geo:{b} ?b", a, b) for a in KINDS for b in KINDS]


@pytest.mark.parametrize(("pattern", "a", "b"), PLACES, ids=[f"{a}-{b}" for _, a, b in PLACES])
def test_set_operations_come_out_as_the_first_argument(
    asked: tuple[Dataset, str], pattern: str, a: str, b: str
) -> None:
    for function in ("union", "intersection", "difference", "symDifference"):
        call = f"geof:{function}(?a, ?b)"
        same = f"DATATYPE({call}) = <{KINDS[a]}> && geof:getSRID({call}) = geof:getSRID(?a)"
        assert ask(asked, f"{pattern} FILTER({same})") or ask(asked, f"{pattern} FILTER(STR({call}) = '')")


@pytest.mark.parametrize(
    "expression",
    [
        "geof:sfEquals(?g, geof:transform(geof:transform(?g, crs:32631), crs:4326)) || geof:distance(?g, "
        "geof:transform(geof:transform(?g, crs:32631), crs:4326), uom:metre) < 1e-6",
        "geof:asWKT(geof:asGML(geof:transform(?g, crs:4326))) = '<http://www.opengis.net/def/crs/EPSG/0/4326> "
        "POINT (2 1)'^^geo:wktLiteral",
        "ABS(geof:distance(?g, 'POINT (2 2)'^^geo:wktLiteral, unit:KiloM) - 111.252) < 0.001",
        "ABS(geof:distance(?g, 'POINT (2 2)'^^geo:wktLiteral, uom:degree) - 1) < 1e-12",
        "ABS(geof:distance(?g, 'POINT (2 2)'^^geo:wktLiteral, uom:radian) - 0.01745329) < 1e-7",
        "ABS(geof:metricDistance('POINT (179.5 0)'^^geo:wktLiteral, 'POINT (-179.5 0)'^^geo:wktLiteral) - 111319.5)"
        " < 1",
        "geof:metricDistance('POINT (0 89.9)'^^geo:wktLiteral, 'POINT (180 89.9)'^^geo:wktLiteral) < 22340",
        "geof:sfEquals(?g, ?g) && geof:ehEquals(?g, ?g)",
    ],
)
def test_semantics(asked: tuple[Dataset, str], expression: str) -> None:
    assert ask(asked, f":point geo:asWKT ?g FILTER({expression})")


def test_heights_and_measures_stay(asked: tuple[Dataset, str]) -> None:
    kept = "geof:asWKT(?g) = 'POINT ZM (1 2 3 4)'^^geo:wktLiteral"
    height = "geof:maxZ(geof:asGML(?g)) = 3 && geof:maxZ(geof:asKML(?g)) = 3 && geof:maxZ(geof:asGeoJSON(?g)) = 3"
    moved = "geof:maxZ(geof:transform(?g, crs:3857)) = 3 && geof:isMeasured(geof:transform(?g, crs:3857))"
    assert ask(asked, f":solid geo:asWKT ?g FILTER({kept} && {height} && {moved})")


def test_an_area_around_the_pole(asked: tuple[Dataset, str]) -> None:
    around = (
        "'<http://www.opengis.net/def/crs/EPSG/0/3413> POLYGON ((-1e6 -1e6, 1e6 -1e6, 1e6 1e6, -1e6 1e6, -1e6 -1e6))'"
    )
    pole = "'POINT (77 89.5)'^^geo:wktLiteral"
    holds = f"geof:sfContains(?a, {pole}) && geof:distance(?a, {pole}, uom:metre) = 0"
    sizes = "ABS(geof:metricArea(?a) / 4.216e12 - 1) < 0.001 && ABS(geof:metricPerimeter(?a) / 8.178e6 - 1) < 0.001"
    assert ask(asked, f"BIND({around}^^geo:wktLiteral AS ?a) FILTER({holds} && {sizes})")


def test_what_is_wrong_is_unbound_and_explained(asked: tuple[Dataset, str]) -> None:
    source, push_down = asked
    query = f"{PREFIX} SELECT ?g ?d {{ :broken geo:asWKT ?g BIND(geof:dimension(?g) AS ?d) }}"
    ((literal, dimension),) = execute(query, source, push_down=push_down).rows()  # type: ignore[arg-type]
    assert literal is not None
    assert literal.lexical == "POLYGON ((0 0, 1 1"  # type: ignore[union-attr]
    assert dimension is None
    report = explain(query, source, push_down=push_down)  # type: ignore[arg-type]
    assert report.counts["malformed geometry literals"] >= 1
    assert "ParseException" in report.to_text()


@pytest.mark.parametrize("call", ["geof:unheardOf(?g)", "geof:distance(?g, ?g)", "geof:distance(?g, ?g, 5)"])
def test_an_unknown_call_is_unbound(asked: tuple[Dataset, str], call: str) -> None:
    assert ask(asked, f":point geo:asWKT ?g BIND({call} AS ?r) FILTER(!BOUND(?r))")
