# SPDX-License-Identifier: Apache-2.0
"""The documents that come with the project: the ontology, the curated mappings, the examples."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pyoxigraph
import pytest

from semcube.mapping import read_mapping, transform
from semcube.vocab import RDF_TYPE, SEMCUBE
from tests.conftest import ROOT


def test_every_own_term_that_is_used_is_declared() -> None:
    text = (ROOT / "ontologies" / "semcube.ttl").read_bytes()
    triples = list(pyoxigraph.parse(text, format=pyoxigraph.RdfFormat.TURTLE))
    declared = {each.subject.value.removeprefix(SEMCUBE) for each in triples if each.predicate.value == RDF_TYPE}
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "semcube" / "mapping").glob("*.py"))
    used = set(re.findall(r'SEMCUBE \+ "(\w+)"', code)) | set(re.findall(r"semcube:(\w+)", code)) - {"mapping"}
    assert used >= {"minimum", "Region", "Vector"}
    assert used <= declared


@pytest.mark.parametrize("path", sorted((ROOT / "mappings").glob("*.ttl")), ids=lambda path: path.name)
def test_curated_mappings_are_read(path: Path) -> None:
    assert read_mapping(path).triples_maps


@pytest.mark.shared
def test_countries(shared: Path, tmp_path: Path) -> None:
    source = shared / "data" / "natural_earth" / "ne_50m_admin_0_countries.shp"
    report = transform(source, tmp_path / "c.ttl", ROOT / "mappings" / "natural_earth_countries.rml.ttl")
    assert (report.features_in, report.features_out) == (241, 241)
    store = pyoxigraph.Store()
    store.load(path=str(tmp_path / "c.ttl"), format=pyoxigraph.RdfFormat.TURTLE)
    rows = store.query(
        """PREFIX schema: <https://schema.org/> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
        PREFIX dcterms: <http://purl.org/dc/terms/>
        SELECT ?name ?people ?continent { ?c a schema:Country ; schema:identifier "GRC" ; rdfs:label ?name ;
          schema:population ?people ; dcterms:isPartOf/rdfs:label ?continent }"""
    )
    assert [[term.value for term in row] for row in rows] == [["Greece", "10737428", "Europe"]]


def test_the_example_runs() -> None:
    script = ROOT / "examples" / "transform" / "towns.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "4 features in, 4 out, 63 triples" in done.stdout
    assert '"POINT (23.7275 37.9838)"' in done.stdout
