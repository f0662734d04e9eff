# SPDX-License-Identifier: Apache-2.0
"""Wide tables made long, and columns computed by expressions."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from semcube.errors import MappingError
from semcube.mapping import quads, read_mapping
from semcube.mapping.model import Formulation, LogicalSource
from semcube.mapping.rows import Selection
from semcube.mapping.sources import open_rows

WIDE = 'pid,v,20200103,20200109\n"a b",1.5,-1.0,\nc,2.5,3,4\n'


def table(path: Path, **options: str) -> list[dict[str, object]]:
    rows = open_rows(LogicalSource(str(path), Formulation.VECTOR, None, tuple(sorted(options.items()))))
    found = pa.Table.from_batches(list(rows.batches(rows.schema.names, Selection(), 1 << 20)))
    assert set(found.schema.names) == set(rows.schema.names)
    for each in found.schema:
        assert each.type == rows.schema.field(each.name).type
    made: list[dict[str, object]] = found.to_pylist()
    return made


def test_columns_named_by_dates_become_rows_and_nulls_give_none(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(WIDE)
    found = {(r["pid"], str(r["unpivot.date"])): (r["unpivot.value"], r["v"]) for r in table(path, unpivot=r"\d{8}")}
    assert found == {
        ("a b", "2020-01-03"): (-1.0, 1.5),
        ("c", "2020-01-03"): (3.0, 2.5),
        ("c", "2020-01-09"): (4.0, 2.5),
    }


def test_a_group_of_the_pattern_names_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("id,p_maize,p_rye\n1,0.75,0.25\n2,1,0\n")
    found = [(r["id"], r["unpivot.name"], r["unpivot.value"], r["unpivot.date"]) for r in table(path, unpivot="p_(.+)")]
    expected = [(1, "maize", 0.75), (1, "rye", 0.25), (2, "maize", 1.0), (2, "rye", 0.0)]
    assert sorted(found) == [(*each, None) for each in expected]


def test_derived_columns_are_computed_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("day,hhmm\n2019-08-01,0056\n2019-08-02,2359\n")
    made = table(path, derive="time = strptime(day::VARCHAR || hhmm, '%Y-%m-%d%H%M')\nn = length(hhmm) = 4")
    assert [str(row["time"]) for row in made] == ["2019-08-01 00:56:00", "2019-08-02 23:59:00"]
    assert [row["n"] for row in made] == [True, True]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unpivot": "("}, "expected a regular expression"),
        ({"unpivot": "x_.*"}, "fits no column"),
        ({"unpivot": "pid|v"}, "columns of different types"),
        ({"derive": "v = 1"}, "a name that is no column yet"),
        ({"derive": "z = nothing + 1"}, "SQL expressions over its columns"),
        ({"derive": "z = (SELECT count(*) FROM read_csv('/etc/passwd'))"}, "SQL expressions over its columns"),
    ],
)
def test_wrong_options_are_known_before_a_row_is_read(tmp_path: Path, options: dict[str, str], message: str) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(WIDE)
    with pytest.raises(MappingError, match=message):
        open_rows(LogicalSource(str(path), Formulation.VECTOR, None, tuple(options.items())))


def test_aggregates_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(WIDE)
    with pytest.raises(MappingError, match="without aggregates"):
        table(path, derive="z = max(v)")


def test_a_mapping_document_names_both(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text(WIDE)
    document = tmp_path / "m.ttl"
    document.write_text("""
        @prefix rml: <http://w3id.org/rml/> . @prefix semcube: <https://w3id.org/semcube/ns#> .
        <#series> rml:logicalSource [ rml:source "wide.csv" ; rml:referenceFormulation semcube:Vector ;
                semcube:unpivot "[0-9]{8}" ; semcube:derive "w = v * 2" ] ;
            rml:subjectMap [ rml:template "http://d/{pid}/{unpivot.name}" ] ;
            rml:predicateObjectMap [ rml:predicate <http://d/at> ; rml:objectMap [ rml:reference "unpivot.date" ] ] ;
            rml:predicateObjectMap [ rml:predicate <http://d/w> ; rml:objectMap [ rml:reference "w" ] ] .
    """)
    made = {(row["s"], row["o"]) for batch in quads((), read_mapping(document)) for row in batch.to_pylist()}
    assert ("<http://d/a%20b/20200103>", '"2020-01-03"^^<http://www.w3.org/2001/XMLSchema#date>') in made
    assert ("<http://d/c/20200109>", '"5.0E0"^^<http://www.w3.org/2001/XMLSchema#double>') in made
    assert len(made) == 6
