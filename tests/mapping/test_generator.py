# SPDX-License-Identifier: Apache-2.0
"""Mappings and ontologies made by rule."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyoxigraph
import pytest
import shapely

from semcube.errors import SourceError, UsageError
from semcube.mapping import TransformReport, generate, mapping_turtle, quads, read_mapping, transform
from semcube.vocab import DCAT, DCTERMS, GEO, OWL, RDF_TYPE, RDFS, SEMCUBE, SF, WKT_LITERAL, XSD

BASE = "http://d/"


def geojson(path: Path, rows: list[dict[str, object]]) -> Path:
    """A GeoJSON file of rows; their member ``at`` is WKT or None."""
    features = []
    for row in rows:
        at = row.pop("at", None)
        geometry = None if at is None else json.loads(shapely.to_geojson(shapely.from_wkt(str(at))))
        features.append({"type": "Feature", "properties": row, "geometry": geometry})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


@pytest.fixture
def lakes(tmp_path: Path) -> Path:
    return geojson(
        tmp_path / "lakes.geojson",
        [
            {"code": "L1", "name": "Léman", "name_de": "Genfersee", "depth": 310.5, "n": 1, "at": "POINT (6.5 46.4)"},
            {"code": "L2", "name": "", "name_de": None, "depth": None, "n": 1, "at": "LINESTRING (0 0, 1 1)"},
            {"code": "L3", "name": "None", "name_de": None, "depth": 0.0, "n": 1, "at": None},
        ],
    )


def triples(path: Path, **options: object) -> set[tuple[str, str, str]]:
    """The triples of the features, without those about the layer."""
    found: set[tuple[str, str, str]] = set()
    for batch in quads(path, base=BASE, **({"describe": False} | options)):
        found |= {(row["s"], row["p"], row["o"]) for row in batch.to_pylist()}
    return found


def test_the_default_mapping_of_a_layer(lakes: Path) -> None:
    made = triples(lakes)
    onto = BASE + "ontology#"
    feature, node = f"<{BASE}lakes/L1>", f"<{BASE}lakes/L1/geometry>"
    assert {(p, o) for s, p, o in made if s == feature} == {
        (f"<{RDF_TYPE}>", f"<{onto}lakes>"),
        (f"<{RDF_TYPE}>", f"<{GEO}Feature>"),
        (f"<{RDFS}label>", '"Léman"'),
        (f"<{RDFS}label>", '"Genfersee"@de'),
        (f"<{onto}code>", '"L1"'),
        (f"<{onto}name>", '"Léman"'),
        (f"<{onto}name_de>", '"Genfersee"'),
        (f"<{onto}depth>", f'"3.105E2"^^<{XSD}double>'),
        (f"<{onto}n>", f'"1"^^<{XSD}integer>'),
        (f"<{GEO}hasGeometry>", node),
        (f"<{GEO}hasDefaultGeometry>", node),
    }
    assert {(p, o) for s, p, o in made if s == node} == {
        (f"<{RDF_TYPE}>", f"<{GEO}Geometry>"),
        (f"<{RDF_TYPE}>", f"<{SF}Point>"),
        (f"<{GEO}asWKT>", f'"POINT (6.5 46.4)"^^<{WKT_LITERAL}>'),
    }
    assert (f"<{BASE}lakes/L2>", f"<{onto}name>", '""') in made
    assert not [each for each in made if each[0] == f"<{BASE}lakes/L2>" and each[1] == f"<{onto}depth>"]
    assert (f"<{BASE}lakes/L3>", f"<{onto}name>", '"None"') in made
    assert not [each for each in made if each[0].startswith(f"<{BASE}lakes/L3") and GEO + "has" in each[1]]
    assert (f"<{BASE}lakes/L2/geometry>", f"<{RDF_TYPE}>", f"<{SF}LineString>") in made


def test_counts_and_the_chosen_key_are_reported(lakes: Path) -> None:
    report = TransformReport()
    rows = sum(batch.num_rows for batch in quads(lakes, base=BASE, report=report))
    layer = report.layers[0]
    assert (report.features_in, report.features_out, report.features_skipped) == (3, 3, 0)
    assert (report.triples, layer.null_geometries) == (rows, 1)
    assert layer.key == "key: column code, unique and never null in this data"


def test_iris_do_not_change_when_rows_are_reordered_and_repeated_codes_are_no_key(tmp_path: Path) -> None:
    rows = [{"uid": i, "name": f"n{i}", "at": f"POINT ({i} 0)"} for i in range(5)]
    first = triples(geojson(tmp_path / "a.geojson", [dict(row) for row in rows]))
    second = triples(geojson(tmp_path / "a.geojson", [dict(row) for row in reversed(rows)]))
    assert first == second
    rows[3]["uid"] = 1
    made = generate(geojson(tmp_path / "a.geojson", rows), BASE)
    assert [key.column for key in made.keys.values()] == ["fid"]
    with pytest.raises(SourceError, match="column 'uid' cannot be the key"):
        generate(tmp_path / "a.geojson", BASE, key="uid")
    with pytest.raises(SourceError, match="no column 'absent' for the key"):
        generate(tmp_path / "a.geojson", BASE, key="absent")


def test_layers_of_one_name_stay_apart(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        geojson(tmp_path / folder / "roads.geojson", [{"uid": 1, "at": "POINT (0 0)"}])
    made = generate([tmp_path / "x" / "roads.geojson", tmp_path / "y" / "roads.geojson"], BASE)
    subjects = [str(each.subject.value) for each in made.mapping.triples_maps]
    assert len(set(subjects)) == len(subjects) == 10


def test_odd_names_become_readable_iris(tmp_path: Path) -> None:
    table = pa.table(
        {"????": [1], "Crop type (EU)": ["a"], "crop_type": ["b"], "CT_português": ["c"], "a b": [1], "a_b": [2]}
    )
    pq.write_table(table, tmp_path / "Odd name.parquet")
    made = generate(tmp_path / "Odd name.parquet", BASE)
    locals_ = [each.iri.rpartition("#")[2] for each in made.ontology.properties]
    assert locals_ == ["column_1", "Crop_type_EU", "crop_type", "CT_português", "a_b", "a_b_6"]
    assert str(made.mapping.triples_maps[0].subject.value) == "http://d/Odd_name/{fid}"
    assert made.ontology.properties[1].label == "Crop type (EU)"
    assert len(triples(tmp_path / "Odd name.parquet")) == 7


def test_the_ontology_declares_what_the_data_uses(lakes: Path) -> None:
    made = generate(lakes, BASE)
    store = pyoxigraph.Store()
    store.load(made.ontology.turtle().encode(), format=pyoxigraph.RdfFormat.TURTLE)

    def values(subject: str, predicate: str) -> list[str]:
        pattern = (pyoxigraph.NamedNode(subject), pyoxigraph.NamedNode(predicate))
        return [quad.object.value for quad in store.quads_for_pattern(*pattern, None)]

    onto = BASE + "ontology#"
    assert values(onto + "lakes", RDF_TYPE) == [OWL + "Class"]
    assert values(onto + "lakes", RDFS + "subClassOf") == [GEO + "Feature"]
    assert values(onto + "depth", RDF_TYPE) == [OWL + "DatatypeProperty"]
    assert values(onto + "depth", RDFS + "range") == [XSD + "double"]
    assert values(onto + "depth", RDFS + "domain") == [onto + "lakes"]
    assert values(GEO + "hasGeometry", RDF_TYPE) == [OWL + "ObjectProperty"]
    assert values(GEO + "asWKT", RDFS + "range") == [WKT_LITERAL]
    used = {each[1][1:-1] for each in triples(lakes)} - {RDF_TYPE, RDFS + "label"}
    assert all(values(each, RDF_TYPE) for each in used)


def test_a_generated_mapping_written_and_read_gives_the_same_triples(lakes: Path, tmp_path: Path) -> None:
    made = generate(lakes, BASE)
    (tmp_path / "maps").mkdir()
    document = tmp_path / "maps" / "lakes.ttl"
    document.write_text(mapping_turtle(made.mapping, directory=document.parent), encoding="utf-8")
    assert 'rml:path "../lakes.geojson"' in document.read_text(encoding="utf-8")
    again: set[tuple[str, str, str]] = set()
    for batch in quads((), read_mapping(document)):
        again |= {(row["s"], row["p"], row["o"]) for row in batch.to_pylist()}
    assert again == triples(lakes, describe=True)


def test_a_layer_is_described_as_a_dataset(lakes: Path, tmp_path: Path) -> None:
    about = triples(lakes, describe=True) - triples(lakes)
    dataset = f"<{BASE}lakes>"
    integer = f"^^<{XSD}integer>"
    size = lakes.stat().st_size
    assert about == {
        (dataset, f"<{RDF_TYPE}>", f"<{DCAT}Dataset>"),
        (dataset, f"<{RDF_TYPE}>", f"<{GEO}SpatialObjectCollection>"),
        (dataset, f"<{DCTERMS}title>", '"lakes"'),
        (dataset, f"<{DCTERMS}conformsTo>", "<http://www.opengis.net/def/crs/EPSG/0/4326>"),
        (dataset, f"<{SEMCUBE}featureCount>", f'"3"{integer}'),
        (dataset, f"<{DCTERMS}spatial>", f"<{BASE}lakes/extent>"),
        (dataset, f"<{DCAT}distribution>", f"<{BASE}lakes/distribution>"),
        (f"<{BASE}lakes/extent>", f"<{RDF_TYPE}>", f"<{DCTERMS}Location>"),
        (
            f"<{BASE}lakes/extent>",
            f"<{DCAT}bbox>",
            f'"POLYGON ((6.5 0, 6.5 46.4, 0 46.4, 0 0, 6.5 0))"^^<{WKT_LITERAL}>',
        ),
        (f"<{BASE}lakes/distribution>", f"<{RDF_TYPE}>", f"<{DCAT}Distribution>"),
        (f"<{BASE}lakes/distribution>", f"<{DCTERMS}title>", '"lakes.geojson"'),
        (f"<{BASE}lakes/distribution>", f"<{DCTERMS}format>", '"GeoJSON"'),
        (f"<{BASE}lakes/distribution>", f"<{DCAT}byteSize>", f'"{size}"{integer}'),
    }
    report = transform(lakes, tmp_path / "o.nt")
    assert (report.features_in, report.features_out) == (3, 3)
    assert [layer["layer"] for layer in report.as_dict()["layers"]] == ["lakes"]


def test_where_bbox_and_layer_choose_rows(lakes: Path) -> None:
    features = {each[0] for each in triples(lakes, where="code <> 'L2'")}
    assert f"<{BASE}lakes/L2>" not in features
    assert f"<{BASE}lakes/L1>" in features
    inside = {each[0] for each in triples(lakes, bbox=(6.0, 46.0, 7.0, 47.0))}
    assert inside == {f"<{BASE}lakes/L1>", f"<{BASE}lakes/L1/geometry>"}
    with pytest.raises(SourceError, match="no layer 'absent'"):
        triples(lakes, layer="absent")


def test_a_base_has_to_be_an_iri(lakes: Path) -> None:
    with pytest.raises(UsageError, match="expected an absolute IRI"):
        generate(lakes, "not an iri")
