# SPDX-License-Identifier: Apache-2.0
"""The reference evaluator: row by row in plain Python, slow and easy to check against the R2RML text.

It shares no code with the columnar evaluator but the model and the small text functions of :mod:`semcube.mapping.iri`;
tests compare the two.
"""

from __future__ import annotations

import itertools
import math
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Dictionary
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from semcube.io.terms import IRI, BlankNode, Literal, Term, key
from semcube.mapping.iri import ABSOLUTE, UNWRITABLE, blank_label, iri_safe, is_language_tag, resolve, uri_safe
from semcube.mapping.model import (
    Constant,
    Expression,
    FunctionCall,
    Mapping,
    ParentSubject,
    Reference,
    Template,
    TermMap,
    TermType,
    TriplesMap,
    graphs_of,
)
from semcube.mapping.natural import INTEGERS, LEXICAL_SPACES, Kind, kind_of, natural_datatype
from semcube.mapping.reference_collections import Gathered
from semcube.mapping.reference_functions import Typed, call, constant
from semcube.mapping.rows import MANY
from semcube.vocab import (
    GEOMETRY_LITERALS,
    XSD,
    XSD_BOOLEAN,
    XSD_DATE,
    XSD_DATETIME,
    XSD_DECIMAL,
    XSD_DOUBLE,
    XSD_FLOAT,
    XSD_STRING,
)

__all__ = ["canonical_double", "quads_of_table"]

Row = dict[str, Any]
_VALUE = " value"
Kinds = dict[str, Kind]


def quads_of_table(
    mapping: Mapping,
    triples_map: TriplesMap,
    table: pa.Table,
    base: str = "https://example.org/",
    parents: Dictionary[str, pa.Table] | None = None,
) -> Iterator[tuple[str, str, str, str | None]]:
    """Keys of the quads of every row; bad values give nothing.

    Args:
        mapping: The mapping.
        triples_map: One of its triples maps.
        table: The rows of its source.
        base: Base of relative IRIs.
        parents: The rows of the sources of joined triples maps, by the names of these.

    Example:
        >>> from semcube.mapping.model import LogicalSource, parse_template
        >>> subject = TermMap(parse_template("http://a/{id}"), TermType.IRI)
        >>> rule = TriplesMap("#m", LogicalSource("t"), subject, classes=("http://a/C",))
        >>> [quad[0] for quad in quads_of_table(Mapping((rule,)), rule, pa.table({"id": [1, None]}))]
        ['<http://a/1>']
    """
    own = triples_map.base or base
    gathered = Gathered()
    for row, kinds in _rows(table):

        def terms(item: TermMap | ParentSubject, row: Row = row, kinds: Kinds = kinds) -> list[Term]:
            if isinstance(item, ParentSubject):
                return _joined(item, row, kinds, base, parents or {})
            if item.gather is not None:
                return gathered.heads(item, terms)
            return _terms(item, row, kinds, own)

        def in_order(item: TermMap, row: Row = row, kinds: Kinds = kinds) -> list[Term]:
            return _terms(item, row, kinds, own, in_order=True)

        gathered.begin(in_order)
        for pattern in mapping.patterns(triples_map):
            graphs = [None] if pattern.graph is None else terms(pattern.graph)
            positions = [terms(pattern.subject), terms(pattern.predicate), terms(pattern.object), graphs]
            for quad in itertools.product(*positions):
                yield _keys(quad)
            if all(positions):
                gathered.use(pattern.maps, graphs)
        subject = mapping.subject(triples_map)
        if subject.gather is not None and terms(subject):
            for graph in graphs_of(triples_map.graphs):
                gathered.use((subject,), [None] if graph is None else terms(graph))
    yield from map(_keys, gathered.quads())


def _keys(quad: Sequence[Term | None]) -> tuple[str, str, str, str | None]:
    subject, predicate, value, graph = (None if each is None else key(each) for each in quad)
    return subject or "", predicate or "", value or "", graph


def _rows(table: pa.Table) -> Iterator[tuple[Row, Kinds]]:
    kinds = {field.name: kind_of(_single(field)) for field in table.schema}
    columns = {field.name: _values(table.column(field.name)) for field in table.schema}
    for index in range(table.num_rows):
        yield {name: values[index] for name, values in columns.items()}, kinds


def _single(field: pa.Field) -> pa.DataType:
    return field.type.value_type if MANY in (field.metadata or {}) else field.type


def _terms(term_map: TermMap, row: Row, kinds: Kinds, base: str, *, in_order: bool = False) -> list[Term]:
    """The terms of every combination of the values of the row, each once or as often as it is made."""
    found = (
        term
        for each in _combinations(row, term_map.references)
        for term in _of_combination(term_map, each, kinds, base)
    )
    made = [each for each in found if each is not None]
    return made if in_order else list(dict.fromkeys(made))


def _of_combination(term_map: TermMap, row: Row, kinds: Kinds, base: str) -> list[Term | None]:
    """The term of single values; those of each item if a function gives a list."""
    if term_map.condition is not None and _value(term_map.condition, row, kinds, base)[0] is not True:
        return []
    if isinstance(term_map.value, FunctionCall):
        value, kind, own = _value(term_map, row, kinds, base)
        datatype = term_map.datatype
        if own is not None and datatype not in GEOMETRY_LITERALS:
            datatype = own
        made = replace(term_map, value=Reference(_VALUE), datatype=datatype)
        values = value if isinstance(value, list) else [value]
        return [_term(made, row | {_VALUE: each}, kinds | {_VALUE: kind}, base) for each in values]
    return [_term(term_map, row, kinds, base)]


def _value(term_map: TermMap, row: Row, kinds: Kinds, base: str) -> Typed:
    """The value of an expression with its type."""
    value = term_map.value
    if isinstance(value, FunctionCall):
        return call(
            value,
            lambda item: _value(item, row, kinds, base),
            lambda given: None if given[0] is None else _lexical(given[0], given[1], None),
        )
    if isinstance(value, Constant):
        return constant(value)
    if isinstance(value, Template):
        safe = {TermType.IRI: iri_safe, TermType.URI: uri_safe}.get(term_map.term_type)
        return _expand(value, row, kinds, safe), Kind.STRING, None
    own = term_map.datatype if term_map.datatype in GEOMETRY_LITERALS else None
    return row[value.name], kinds[value.name], own if isinstance(own, str) else None


def _combinations(row: Row, names: Sequence[str]) -> Iterator[Row]:
    several = [name for name in dict.fromkeys(names) if isinstance(row[name], list)]
    for values in itertools.product(*(row[name] for name in several)):
        yield row | dict(zip(several, values, strict=True))


def _joined(item: ParentSubject, row: Row, kinds: Kinds, base: str, parents: Dictionary[str, pa.Table]) -> list[Term]:
    """Subjects of the rows of the parents that meet all conditions."""
    found: dict[Term, None] = {}
    for parent in item.parents:
        for other, other_kinds in _rows(parents[parent.name]):
            names = [name for join in item.joins for name in _names(join.parent)] + list(parent.subject.references)
            for candidate in _combinations(other, names):
                for child in _combinations(row, item.references):
                    sides = [
                        (_compared(join.child, child, kinds), _compared(join.parent, candidate, other_kinds))
                        for join in item.joins
                    ]
                    subject = _term(parent.subject, candidate, other_kinds, parent.base or base)
                    if subject is not None and all(left == right and left is not None for left, right in sides):
                        found[subject] = None
    return list(found)


def _names(value: Expression) -> tuple[str, ...]:
    return TermMap(value, TermType.LITERAL).references


def _compared(value: Expression, row: Row, kinds: Kinds) -> str | None:
    """What a join compares: the lexical form, whole numbers alike whatever their type."""
    if isinstance(value, Constant):
        return value.term.lexical if isinstance(value.term, Literal) else key(value.term).strip("<>")
    if isinstance(value, Template):
        return _expand(value, row, kinds)
    if isinstance(value, FunctionCall):
        found = _value(TermMap(value, TermType.LITERAL), row, kinds, "")
        return None if found[0] is None else _lexical(found[0], found[1], None)
    kind = kinds[value.name]
    if kind in (Kind.DOUBLE, Kind.FLOAT, Kind.DECIMAL):
        whole = _lexical(row[value.name], kind, XSD + "integer")
        return _lexical(row[value.name], kind, None) if whole is None else whole
    return _lexical(row[value.name], kind, None)


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Python values; timestamps as (microseconds-exact datetime, nanoseconds) and 32-bit floats marked as such."""
    datatype = column.type
    if pa.types.is_timestamp(datatype):
        scale = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[datatype.unit]
        return [None if each is None else each * scale for each in column.cast(pa.int64()).to_pylist()]
    if pa.types.is_float32(datatype) or pa.types.is_float16(datatype):
        return [None if each is None else np.float32(each) for each in column.to_pylist()]
    return list(column.to_pylist())


def _term(term_map: TermMap, row: Row, kinds: Kinds, base: str) -> Term | None:
    value, kind = term_map.value, term_map.term_type
    if isinstance(value, Constant):
        if isinstance(value.term, IRI) and not re.match(ABSOLUTE, value.term.value):
            return IRI(base + value.term.value)
        return BlankNode("c" + value.term.label) if isinstance(value.term, BlankNode) else value.term
    if kind is TermType.LITERAL:
        return _literal(term_map, row, kinds, base)
    if isinstance(value, Reference):
        text = _lexical(row[value.name], kinds[value.name], None)
        if text is None:
            return None
        if kind is TermType.BLANK:
            return BlankNode(blank_label(text))
        if kind in (TermType.URI, TermType.UNSAFE_URI) and not text.isascii():
            return None
        resolved = resolve(text, base, UNWRITABLE, dots=True) if kind.is_unsafe else resolve(text, base)
        return None if resolved is None else IRI(resolved)
    assert isinstance(value, Template)
    if kind is TermType.BLANK:
        text = _expand(value, row, kinds)
        return None if text is None else BlankNode(blank_label(text))
    text = _expand(value, row, kinds, {TermType.IRI: iri_safe, TermType.URI: uri_safe}.get(kind))
    if text is None or (kind.is_unsafe and re.search(UNWRITABLE, text)):
        return None
    if kind is TermType.UNSAFE_URI and not text.isascii():
        return None
    return IRI(text if re.match(ABSOLUTE, text) else base + text)


def _expand(template: Template, row: Row, kinds: Kinds, safe: Callable[[str], str] | None = None) -> str | None:
    made = ""
    for part in template.parts:
        if isinstance(part, str):
            made += part
            continue
        text = _lexical(row[part.name], kinds[part.name], None)
        if text is None:
            return None
        made += text if safe is None else safe(text)
    return made


def _literal(term_map: TermMap, row: Row, kinds: Kinds, base: str) -> Literal | None:
    value = term_map.value
    named = term_map.datatype if isinstance(term_map.datatype, str) else None
    if isinstance(value, Template):
        text, datatype = _expand(value, row, kinds), named or XSD_STRING
    else:
        assert isinstance(value, Reference)
        kind = kinds[value.name]
        text = _lexical(row[value.name], kind, named)
        datatype = named or natural_datatype(kind)
    if text is None:
        return None
    if isinstance(term_map.datatype, TermMap):
        made = next(iter(_of_combination(term_map.datatype, row, kinds, base)), None)
        return Literal(text, made.value) if isinstance(made, IRI) else None
    if isinstance(term_map.language, TermMap):
        tag = next(iter(_of_combination(term_map.language, row, kinds, base)), None)
        is_tag = isinstance(tag, Literal) and is_language_tag(tag.lexical)
        return Literal(text, language=tag.lexical.lower()) if is_tag and isinstance(tag, Literal) else None
    return Literal(text, language=term_map.language) if term_map.language is not None else Literal(text, datatype)


def _lexical(value: Any, kind: Kind, datatype: str | None) -> str | None:
    """The lexical form of one value (R2RML 10.2), None for null and for a value that does not fit the datatype."""
    if value is None:
        return None
    target = datatype or natural_datatype(kind)
    if kind in (Kind.TIMESTAMP, Kind.INSTANT):
        return _timestamp(value, target, "Z" if kind is Kind.INSTANT else "")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        space = LEXICAL_SPACES.get(target)
        return value if space is None or re.fullmatch(space, value) else None
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, float | np.floating):
        return _float(value, target)
    if isinstance(value, int | Decimal):
        return _exact(value, target)
    if isinstance(value, date):
        text = value.isoformat()
        return {XSD_DATETIME: text + "T00:00:00", XSD + "gYear": text[:4]}.get(target, text)
    if isinstance(value, time):
        text = value.isoformat()
        return text.rstrip("0") if "." in text else text
    raise TypeError(f"the reference evaluator has no text for {type(value).__name__}")


def _exact(value: int | Decimal, target: str) -> str | None:
    if target in (XSD_DOUBLE, XSD_FLOAT):
        return canonical_double(float(value))
    if isinstance(value, Decimal):
        if target in INTEGERS:
            return str(int(value)) if value == int(value) else None
        return format(value, "f")
    if target == XSD_BOOLEAN:
        return {0: "false", 1: "true"}.get(value)
    if target == XSD + "gYear":
        return f"{value:04d}" if 0 <= value <= 9999 else None
    return str(value)


def _float(value: float | np.floating[Any], target: str) -> str | None:
    number = float(value)
    if target in INTEGERS:
        return str(int(number)) if math.isfinite(number) and number == int(number) and abs(number) < 9e18 else None
    if target == XSD_DECIMAL:
        if not math.isfinite(number):
            return None
        text = format(Decimal(_shortest(value)), "f")
        return text.rstrip("0") + "0" if text.rstrip("0").endswith(".") else text if "." in text else text + ".0"
    return canonical_double(value)


def canonical_double(value: float | np.floating[Any]) -> str:
    """The canonical lexical form of ``xsd:double`` (XSD 1.1 part 2, E.2), shortest digits.

    Example:
        >>> canonical_double(254.0), canonical_double(float("-inf"))
        ('2.54E2', '-INF')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "INF" if value > 0 else "-INF"
    sign, digits, exponent = Decimal(_shortest(value)).as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    if not text:
        return "-0.0E0" if sign else "0.0E0"
    power = int(exponent) + len(text) - 1
    text = text.rstrip("0")
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power}"


def _shortest(value: float | np.floating[Any]) -> str:
    """The shortest decimal text that reads back as the same number in its own width."""
    if isinstance(value, np.float32):
        for precision in range(1, 10):
            text = f"{float(value):.{precision}g}"
            if struct.pack("f", float(text)) == struct.pack("f", float(value)):
                return text
    return repr(float(value))


def _timestamp(nanoseconds: int, target: str, zone: str) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=nanoseconds // 10**9)
    fraction = f"{nanoseconds % 10**9:09d}".rstrip("0")
    day, clock = moment.strftime("%Y").zfill(4) + moment.strftime("-%m-%d"), moment.strftime("%H:%M:%S")
    if target == XSD_DATE:
        return day
    if target == XSD + "gYear":
        return day[:4]
    return f"{day}T{clock}{'.' + fraction if fraction else ''}{zone}"
