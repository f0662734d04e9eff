# SPDX-License-Identifier: Apache-2.0
"""Sheets of workbooks as tables."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
import shapely

from semcube.errors import SourceError
from semcube.io import layers, open_vector
from semcube.mapping import transform

Cell = str | float | bool | date | None


def workbook(path: Path, sheets: dict[str, list[list[Cell]]]) -> Path:
    """A minimal Office Open XML workbook; dates have the number format 14, moments 22."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    names = list(sheets)
    with zipfile.ZipFile(path, "w") as archive:
        parts = "".join(f'<Override PartName="/xl/worksheets/s{n}.xml" ContentType="application/vnd.openxmlformats-'
                        f'officedocument.spreadsheetml.worksheet+xml"/>' for n in range(len(names)))  # fmt: skip
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="application/vnd.'
            'openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType='
            f'"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>{parts}</Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" Type="{office}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        listed = "".join(f'<sheet name="{name}" sheetId="{n + 1}" r:id="s{n}"/>' for n, name in enumerate(names))
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{listed}</sheets></workbook>'
        )
        targets = "".join(
            f'<Relationship Id="s{n}" Type="{office}/worksheet" Target="worksheets/s{n}.xml"/>'
            for n in range(len(names))
        )
        targets += f'<Relationship Id="styles" Type="{office}/styles" Target="styles.xml"/>'
        archive.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships">{targets}</Relationships>'
        )
        formats = '<xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="22" applyNumberFormat="1"/>'
        archive.writestr(
            "xl/styles.xml", f'<styleSheet xmlns="{main}"><cellXfs count="3">{formats}</cellXfs></styleSheet>'
        )
        for n, rows in enumerate(sheets.values()):
            body = "".join(
                f'<row r="{r}">{"".join(_cell(cell, f"{chr(65 + c)}{r}") for c, cell in enumerate(row))}</row>'
                for r, row in enumerate(rows, 1)
            )
            archive.writestr(
                f"xl/worksheets/s{n}.xml", f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
            )
    return path


def _cell(value: Cell, place: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, datetime):
        days = (value - datetime(1899, 12, 30)).total_seconds() / 86400
        return f'<c r="{place}" s="2"><v>{days}</v></c>'
    if isinstance(value, date):
        return f'<c r="{place}" s="1"><v>{(value - date(1899, 12, 30)).days}</v></c>'
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<c r="{place}"><v>{value}</v></c>'


TOWNS: list[list[Cell]] = [
    [None, None],
    ["code", "name", "lon", "lat", "people", "founded", "seen", "big", "mixed"],
    ["007", "Ulm", 9.99, 48.4, 126329, date(854, 7, 22).replace(year=1954), datetime(2020, 1, 2, 3, 4), True, 1],
    [],
    ["008", None, 13.4, 52.5, 3700000, date(1937, 10, 28), None, False, "x"],
]


def test_columns_have_the_type_of_their_cells(tmp_path: Path) -> None:
    source = open_vector(workbook(tmp_path / "towns.xlsx", {"Towns": TOWNS}))
    assert dict(zip(source.info.fields.names, source.info.fields.types, strict=True)) == {
        "code": pa.string(), "name": pa.string(), "lon": pa.float64(), "lat": pa.float64(), "people": pa.int64(),
        "founded": pa.date32(), "seen": pa.timestamp("us"), "big": pa.bool_(), "mixed": pa.string(),
    }  # fmt: skip
    (batch,) = source.batches()
    rows = batch.to_pylist()
    assert [row["fid"] for row in rows] == [3, 5]
    assert [row["mixed"] for row in rows] == ["1", "x"]
    assert (rows[0]["code"], rows[0]["founded"], rows[0]["seen"]) == (
        "007",
        date(1954, 7, 22),
        datetime(2020, 1, 2, 3, 4),
    )
    assert rows[1]["name"] is None
    assert shapely.from_wkb(rows[0]["geometry"]).wkt == "POINT (9.99 48.4)"
    assert source.info.crs is not None
    assert source.info.crs.endswith("CRS84")
    assert [each.column("name").to_pylist() for each in source.batches(columns=["name"], where="people < 1000000")] == [
        ["Ulm"]
    ]


def test_sheets_are_layers(tmp_path: Path) -> None:
    path = workbook(tmp_path / "two.xlsx", {"A": [["a"], [1]], "B b": [["b"], [2]]})
    assert layers(path) == ["A", "B b"]
    assert open_vector(path, "B b").info.fields.names == ["b"]
    with pytest.raises(SourceError, match=r"holds 2 sheets.*choose one of A, B b"):
        open_vector(path)
    with pytest.raises(SourceError, match="layer C: no such sheet; expected one of A, B b"):
        open_vector(path, "C")
    report = transform(path, tmp_path / "o.nt")
    assert [(each.layer, each.features_in) for each in report.layers if not each.describes] == [
        ("A", 1),
        ("B b", 1),
    ]


def test_what_is_no_workbook_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"no workbook")
    with pytest.raises(SourceError, match=r"a\.xlsx: cannot be read.*expected an Excel or OpenDocument file"):
        open_vector(tmp_path / "a.xlsx")
    with pytest.raises(SourceError, match="the sheet is empty"):
        open_vector(workbook(tmp_path / "b.xlsx", {"A": []}))


@pytest.mark.parametrize("formulation", ["rml:CSV", "semcube:Spreadsheet", "semcube:Vector"])
def test_a_sheet_in_a_mapping(formulation: str, tmp_path: Path) -> None:
    workbook(tmp_path / "towns.xlsx", {"Towns": TOWNS, "Other": [["x"], [1]]})
    (tmp_path / "m.ttl").write_text(
        f"""@prefix rml: <http://w3id.org/rml/> . @prefix semcube: <https://w3id.org/semcube/ns#> .
        <#m> rml:logicalSource [ rml:source "towns.xlsx" ; rml:referenceFormulation {formulation} ;
          rml:iterator "Towns" ] ; rml:subjectMap [ rml:template "http://a/{{code}}" ] ;
        rml:predicateObjectMap [ rml:predicate <http://a/people> ; rml:objectMap [ rml:reference "people" ] ] .""",
        encoding="utf-8",
    )
    transform((), tmp_path / "o.nt", tmp_path / "m.ttl")
    integer = "http://www.w3.org/2001/XMLSchema#integer"
    assert sorted((tmp_path / "o.nt").read_text(encoding="utf-8").splitlines()) == [
        f'<http://a/007> <http://a/people> "126329"^^<{integer}> .',
        f'<http://a/008> <http://a/people> "3700000"^^<{integer}> .',
    ]
