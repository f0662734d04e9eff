# SPDX-License-Identifier: Apache-2.0
"""What a generated mapping does on request: languages, code lists, predictions, suggestions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyoxigraph
import pytest
from typer.testing import CliRunner

from semcube.cli.app import app
from semcube.errors import SourceError, UsageError
from semcube.mapping import generate, mapping_turtle, quads, read_mapping
from semcube.mapping.generator import GeneratorRules
from semcube.mapping.ontology import Ontology
from semcube.vocab import DCTERMS, GEO, PROV, RDF_TYPE, SEMCUBE, SKOS, SOSA, XSD

BASE = "http://d/"
ONTO = BASE + "ontology#"


def triples(path: Any, mapping: Any = None, **options: object) -> set[tuple[str, str, str]]:
    found: set[tuple[str, str, str]] = set()
    for batch in quads(path, mapping, base=BASE, **options):
        found |= {(row["s"], row["p"], row["o"]) for row in batch.to_pylist()}
    return found


def property_of(ontology: Ontology, local: str) -> Any:
    return next(each for each in ontology.properties if each.iri == ONTO + local)


def file(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_in_languages_become_one_property(tmp_path: Path) -> None:
    path = file(tmp_path / "parks.csv", "id,title_de,title_EN,area_ha,note_xx\n1,Wald,Forest,2.5,a\n2,See,,3,b\n")
    made = triples(path, language_columns=True)
    titles = {(s, o) for s, p, o in made if p == f"<{ONTO}title>"}
    assert titles == {(f"<{BASE}parks/1>", '"Wald"@de'), (f"<{BASE}parks/1>", '"Forest"@en'), (f"<{BASE}parks/2>", '"See"@de')}  # fmt: skip  # noqa: E501
    assert (f"<{BASE}parks/1>", f"<{ONTO}area_ha>", f'"2.5E0"^^<{XSD}double>') in made
    assert (f"<{BASE}parks/1>", f"<{ONTO}note_xx>", '"a"') in made
    assert not any(p == f"<{ONTO}title>" for _, p, _ in triples(path))
    ontology = generate(path, BASE, rules=GeneratorRules(language_columns=True)).ontology
    assert property_of(ontology, "title").ranges == ("http://www.w3.org/1999/02/22-rdf-syntax-ns#langString",)


def test_a_coded_column_points_to_concepts_of_its_code_list(tmp_path: Path) -> None:
    codes = file(tmp_path / "crops.csv", "code,label_en,label_de,parent\nC,cereals,Getreide,\nC1,wheat,Weizen,C\n")
    path = file(tmp_path / "fields.csv", "id,crop\n1,C1\n2,\n")
    options = {"code_lists": (f"crop={codes}",)}
    made = triples(path, **options)
    wheat = f"<{BASE}codes/crops/C1>"
    assert {(s, o) for s, p, o in made if p == f"<{ONTO}crop>"} == {(f"<{BASE}fields/1>", wheat)}
    assert {(p, o) for s, p, o in made if s == wheat} == {
        (f"<{RDF_TYPE}>", f"<{SKOS}Concept>"),
        (f"<{SKOS}prefLabel>", '"wheat"@en'),
        (f"<{SKOS}prefLabel>", '"Weizen"@de'),
        (f"<{SKOS}notation>", '"C1"'),
        (f"<{SKOS}inScheme>", f"<{BASE}codes/crops>"),
        (f"<{SKOS}broader>", f"<{BASE}codes/crops/C>"),
    }
    assert (f"<{BASE}codes/crops>", f"<{DCTERMS}title>", '"crops"') in made
    ontology = generate(path, BASE, rules=GeneratorRules(**options)).ontology
    crop = property_of(ontology, "crop")
    assert (crop.is_object, crop.ranges) == (True, (SKOS + "Concept",))
    list(pyoxigraph.parse(ontology.turtle(), format=pyoxigraph.RdfFormat.TURTLE))
    with pytest.raises(UsageError, match="no column 'kind'"):
        triples(path, code_lists=(f"kind={codes}",))
    with pytest.raises(UsageError, match="expected COLUMN=FILE"):
        triples(path, code_lists=("crop",))
    with pytest.raises(SourceError, match="a column of codes and one of labels"):
        triples(path, code_lists=(f"crop={file(tmp_path / 'one.csv', 'code' + chr(10) + 'C' + chr(10))}",))


PREDICTIONS = "id,lon,lat,p_maize,p_rye\n7,9.5,48.0,0.75,0.25\n8,9.6,48.1,0.5,0.5\n9,9.7,48.2,,0.125\n"


def test_probabilities_become_observations_with_a_result_for_each_class(tmp_path: Path) -> None:
    path = file(tmp_path / "points.csv", PREDICTIONS)
    made = triples(path, probabilities="p_(.+)", model=("name=Net",))
    one = f"<{BASE}points/7/prediction>"
    assert {(p, o) for s, p, o in made if s == one} == {
        (f"<{RDF_TYPE}>", f"<{SOSA}Observation>"),
        (f"<{SOSA}hasFeatureOfInterest>", f"<{BASE}points/7>"),
        (f"<{SOSA}observedProperty>", f"<{BASE}points/predicted-class>"),
        (f"<{SEMCUBE}category>", f"<{BASE}points/class/maize>"),
        (f"<{SOSA}hasResult>", f"<{BASE}points/7/prediction/maize>"),
        (f"<{SOSA}hasResult>", f"<{BASE}points/7/prediction/rye>"),
        (f"<{PROV}wasGeneratedBy>", f"<{BASE}points/run>"),
    }
    assert (f"<{BASE}points/run>", f"<{PROV}wasAssociatedWith>", f"<{BASE}points/model>") in made
    likely = {s: o for s, p, o in made if p == f"<{SEMCUBE}probability>"}
    assert likely[f"<{BASE}points/7/prediction/rye>"] == f'"2.5E-1"^^<{XSD}double>'
    assert len(likely) == 5
    best = {s: o for s, p, o in made if p == f"<{SEMCUBE}category>" and s.endswith("/prediction>")}
    assert best == {
        f"<{BASE}points/7/prediction>": f"<{BASE}points/class/maize>",
        f"<{BASE}points/8/prediction>": f"<{BASE}points/class/maize>",
        f"<{BASE}points/9/prediction>": f"<{BASE}points/class/rye>",
    }
    assert (f"<{BASE}points/class/rye>", f"<{SKOS}prefLabel>", '"rye"') in made
    assert not any(p.startswith(f"<{ONTO}p_") for _, p, _ in made)
    assert len([1 for _, p, _ in made if p == f"<{GEO}asWKT>"]) == 3
    with pytest.raises(UsageError, match="fits no column"):
        triples(path, probabilities="q_.*")
    with pytest.raises(UsageError, match="a regular expression"):
        triples(path, probabilities="(")


def test_a_mapping_of_predictions_written_and_read_gives_the_same(tmp_path: Path) -> None:
    path = file(tmp_path / "points.csv", PREDICTIONS)
    made = generate(path, BASE, rules=GeneratorRules(probabilities="p_(.+)"))
    document = file(tmp_path / "m.ttl", mapping_turtle(made.mapping, directory=tmp_path))
    assert triples((), read_mapping(document)) == triples(path, probabilities="p_(.+)")


def test_foreign_keys_and_overlaps_are_suggested_in_comments(tmp_path: Path) -> None:
    towns = file(tmp_path / "towns.csv", "id,region,size,lon,lat\n1,R1,1,9.5,48.0\n2,R2,2,9.6,48.1\n3,R1,1,9.7,48.2\n")
    regions = file(
        tmp_path / "regions.csv", "code,name,lon,lat\nR1,North,9.5,48.0\nR2,South,9.7,48.3\nR3,East,9.6,48\n"
    )
    rules = GeneratorRules(suggest=True)
    made = generate([towns, regions], BASE, rules=rules)
    comments = {
        column: item.comment
        for each in made.mapping.triples_maps
        for item in each.predicate_objects
        for column in [getattr(getattr(item.objects[0], "value", None), "name", "")]
    }
    assert 'rml:template "http://d/regions/{region}"' in comments["region"]
    assert comments["size"] == ""
    text = mapping_turtle(made.mapping, directory=tmp_path)
    document = file(tmp_path / "m.ttl", text)
    assert triples((), read_mapping(document)) == triples([towns, regions])


def test_real_regions_and_districts_are_suggested_for_linking(shared: Path) -> None:
    folder = shared / "data" / "somalia"
    files = [folder / "SOM_Adminbnda_Adm2_Regions_UNOCHA.shp", folder / "SOM_Adminbnda_Adm3_Districts_UNOCHA.shp"]
    made = generate(files, BASE, rules=GeneratorRules(suggest=True))
    text = mapping_turtle(made.mapping)
    districts = next(each for each in made.mapping.triples_maps if "Adm3" in each.name)
    assert "its extent overlaps that of SOM_Adminbnda_Adm2_Regions_UNOCHA" in districts.comment
    join = 'rml:joinCondition [ rml:child "admin1Pcod" ; rml:parent "admin1Pcod" ]'
    assert f"rml:objectMap [ rml:parentTriplesMap <#SOM_Adminbnda_Adm2_Regions_UNOCHA> ; {join} ]" in text


def test_the_command_takes_the_same_options(tmp_path: Path) -> None:
    path = file(tmp_path / "points.csv", PREDICTIONS)
    ontology = tmp_path / "o.ttl"
    found = CliRunner().invoke(
        app,
        ["mapping", "generate", str(path), "-o", str(tmp_path / "m.ttl"), "--ontology", str(ontology),
         "--probabilities", "p_(.+)", "--base", BASE],
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    output = tmp_path / "o.nt"
    found = CliRunner().invoke(app, ["transform", "--mapping", str(tmp_path / "m.ttl"), "-o", str(output)])
    assert found.exit_code == 0, found.output
    lines = set(output.read_text(encoding="utf-8").splitlines())
    assert lines == {f"{s} {p} {o} ." for s, p, o in triples(path, probabilities="p_(.+)")}
