# SPDX-License-Identifier: Apache-2.0
"""Rows of logical views (RML-LV): fields of records, nested iterators, text in other formats, joins.

A view is held in memory, as JSON and XML documents are. References to it are the full names of its fields
(``item.type``), ``name.#`` for the place of a value or record among its siblings, and ``#`` for that of the record
in the source.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from semcube.errors import InputError, MappingError, SourceError, UnsupportedError
from semcube.io.archives import PlainFile
from semcube.io.jsonpath import json_path, json_values
from semcube.io.terms import Literal, key
from semcube.mapping.documents import DocumentRows, record_column, records_of_json
from semcube.mapping.model import (
    Constant,
    Expression,
    Field,
    Formulation,
    LogicalSource,
    Reference,
    Template,
    View,
    ViewJoin,
)
from semcube.mapping.rows import Selection

__all__ = ["ViewRows"]

Row = dict[str, Any]


class ViewRows(DocumentRows):
    """A logical view as a table.

    Args:
        view: The view; the paths in it are known.
        source: Its source, for messages.

    Raises:
        SourceError: A source cannot be read.
        MappingError: A field refers to a column that its source does not have.
    """

    def __init__(self, view: View, source: str | None) -> None:
        import pyarrow as pa

        rows = list(_rows(view))
        names = ["#", *_keys(view.fields)]
        for join in view.joins:
            names += [name for each in join.fields for name in (each.name, f"{each.name}.#")]
        columns = {name: record_column([row.get(name) for row in rows]) for name in names}
        if not rows:
            columns = {name: pa.nulls(0, pa.large_string()) for name in names}
        super().__init__(_file(view), None, pa.table(columns))
        self.source = source or self.source


def _file(view: View) -> Path:
    from semcube.io.streams import source_file

    root = view.on
    while root.view is not None:
        root = root.view.on
    return source_file((root.source or "").removeprefix("sqlite:").removeprefix("duckdb:"))


def _keys(fields: Sequence[Field], prefix: str = "") -> list[str]:
    """The names that can be referred to."""
    found = []
    for each in fields:
        name = prefix + each.name
        found += [*([name] if each.value is not None else []), f"{name}.#", *_keys(each.fields, f"{name}.")]
    return found


def _rows(view: View) -> Iterator[Row]:
    joined = [(join, _by_key(join)) for join in view.joins]
    formulation, records = _records(view.on)
    for number, record in enumerate(records):
        for row in _combined(record, formulation, view.fields, ""):
            rows = [{"#": number} | row]
            for join, partners in joined:
                rows = [made for each in rows for made in _with_partners(each, join, partners)]
            yield from rows


# --- records -------------------------------------------------------------------------------------------------------


def _records(source: LogicalSource) -> tuple[Formulation, Iterator[Any]]:
    """The records of a source, and how they are referred to."""
    if source.formulation is Formulation.JSON:
        return Formulation.JSON, iter(records_of_json(_plain(source).path, source.iterator or "$[*]"))
    if source.formulation is Formulation.XML:
        from lxml import etree

        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
        plain = _plain(source)
        try:
            tree = etree.parse(str(plain.path), parser)
        except (etree.XMLSyntaxError, OSError) as error:
            raise SourceError(f"not well-formed XML: {error}", source=source.source) from None
        return Formulation.XML, iter(_xpath(tree, source.iterator or "/*"))
    from semcube.mapping.sources import open_rows

    rows = open_rows(source)
    names = [name for name in rows.schema.names if name != rows.geometry_column]

    def table() -> Iterator[Row]:
        for batch in rows.batches(names, Selection(), 1 << 24):
            yield from batch.select([name for name in names if name in batch.schema.names]).to_pylist()

    return Formulation.TABLE, table()


def _plain(source: LogicalSource) -> PlainFile:
    return PlainFile(source.source or "", source.option("compression"), source.option("encoding"))


def _xpath(node: Any, text: str) -> list[Any]:
    from lxml import etree

    try:
        found = node.xpath(text)
    except etree.XPathError as error:
        raise MappingError(f"XPath {text!r}: {error}") from None
    return found if isinstance(found, list) else [found]


def _json(record: Any, text: str) -> list[Any]:
    try:
        return json_values(record, json_path(text))
    except InputError as error:
        raise MappingError(str(error)) from None


def _values(record: Any, formulation: Formulation, reference: str) -> list[Any]:
    """The values of a reference in a record; nulls are none."""
    if formulation is Formulation.JSON:
        return [_simple(each) for each in _json(record, reference) if each is not None]
    if formulation is Formulation.XML:
        texts = _xpath(record, reference)
        return ["".join(each.itertext()) if hasattr(each, "itertext") else _text(each) for each in texts]
    if reference not in record:
        raise MappingError(f"column '{reference}' is not in the source", expected="one of: " + ", ".join(record))
    value = record[reference]
    return [] if value is None else [value]


def _simple(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _iterated(record: Any, formulation: Formulation, iterator: str | None) -> list[Any]:
    """The records under an iterator."""
    if formulation is Formulation.JSON:
        return _json(record, iterator or "$")
    if formulation is Formulation.XML:
        return _xpath(record, iterator or ".")
    return record if isinstance(record, list) else [record]


def _parsed(text: Any, formulation: Formulation) -> Any:
    """Text in a value as a document of another format."""
    if formulation is Formulation.JSON:
        return json.loads(str(text))
    if formulation is Formulation.XML:
        from lxml import etree

        return etree.fromstring(str(text).encode(), etree.XMLParser(resolve_entities=False, no_network=True))
    if formulation is Formulation.CSV:
        return [dict(each) for each in csv.DictReader(io.StringIO(str(text), newline=""))]
    raise UnsupportedError(f"a field with records of {formulation.value}", expected="CSV, JSON or XML")


# --- fields --------------------------------------------------------------------------------------------------------


def _combined(record: Any, formulation: Formulation, fields: Sequence[Field], prefix: str) -> list[Row]:
    """Every combination of the values of sibling fields."""
    alternatives = [_alternatives(record, formulation, each, prefix + each.name) for each in fields]
    return [
        dict(itertools.chain.from_iterable(each.items() for each in rows)) for rows in itertools.product(*alternatives)
    ]


def _alternatives(record: Any, formulation: Formulation, field: Field, name: str) -> list[Row]:
    """The rows of one field; one without values where there is none."""
    found: list[Row] = []
    if field.value is not None:
        for number, value in enumerate(_expressed(field.value, lambda each: _values(record, formulation, each))):
            own = {name: value, f"{name}.#": number}
            found += [own | row for row in _nested(value, field, name)]
    else:
        inner = field.formulation or formulation
        records = _iterated(record, inner, field.iterator)
        for number, each in enumerate(records):
            found += [{f"{name}.#": number} | row for row in _combined(each, inner, field.fields, name + ".")]
    return found or [{}]


def _nested(value: Any, field: Field, name: str) -> list[Row]:
    """The rows of the fields under an expression, whose text is a document of its own."""
    if not field.fields:
        return [{}]
    parts = []
    for each in field.fields:
        formulation = each.formulation or Formulation.JSON
        try:
            document = _parsed(value, formulation)
        except ValueError as error:
            raise SourceError(f"field {name}: {str(value)[:60]!r} is not {formulation.value}: {error}") from None
        parts.append(_alternatives(document, formulation, each, f"{name}.{each.name}"))
    return [dict(itertools.chain.from_iterable(each.items() for each in rows)) for rows in itertools.product(*parts)]


def _expressed(value: Expression, values: Callable[[str], list[Any]]) -> list[Any]:
    """The values of an expression: of a template, one for each combination."""
    if isinstance(value, Constant):
        return [value.term.lexical if isinstance(value.term, Literal) else key(value.term).strip("<>")]
    if isinstance(value, Reference):
        return values(value.name)
    assert isinstance(value, Template)
    parts = [[part] if isinstance(part, str) else [_text(each) for each in values(part.name)] for part in value.parts]
    return ["".join(each) for each in itertools.product(*parts)]


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


# --- joins ---------------------------------------------------------------------------------------------------------


def _of_row(row: Row) -> Callable[[str], list[Any]]:
    def values(name: str) -> list[Any]:
        if name not in row:
            return []
        return [] if row[name] is None else [row[name]]

    return values


def _by_key(join: ViewJoin) -> dict[tuple[str, ...], list[Row]]:
    """The rows of the parent by what they are joined on."""
    assert join.parent.view is not None
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in _rows(join.parent.view):
        for values in itertools.product(*(_expressed(each.parent, _of_row(row)) for each in join.joins)):
            found.setdefault(tuple(map(_text, values)), []).append(row)
    return found


def _with_partners(row: Row, join: ViewJoin, partners: dict[tuple[str, ...], list[Row]]) -> list[Row]:
    """A row with the fields of each partner; without a partner, as it is or not at all."""
    matched: list[Row] = []
    for values in itertools.product(*(_expressed(each.child, _of_row(row)) for each in join.joins)):
        matched += partners.get(tuple(map(_text, values)), [])
    made = []
    for number, partner in enumerate(matched):
        own: Row = {}
        for each in join.fields:
            assert each.value is not None
            found = _expressed(each.value, _of_row(partner))
            own |= {each.name: found[0] if found else None, f"{each.name}.#": number}
        made.append(row | own)
    return made or ([] if join.inner else [row])
