# SPDX-License-Identifier: Apache-2.0
"""Function calls in the reference evaluator: one row, plain Python."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa

from semcube.io.terms import IRI, Literal, key
from semcube.mapping.function_geometries import ColumnFunction, result_datatype
from semcube.mapping.function_rows import BLANK, NUMBER, strftime_pattern
from semcube.mapping.functions import Function, arrange, find
from semcube.mapping.model import Constant, FunctionCall, TermMap
from semcube.mapping.natural import Kind
from semcube.vocab import WKT_LITERAL, XSD_BOOLEAN, XSD_DECIMAL, XSD_DOUBLE, XSD_INTEGER, XSD_STRING

__all__ = ["Typed", "call", "constant"]

Typed = tuple[Any, Kind, str | None]
"""A value, its kind, and the datatype of its literal where the kind does not say it."""
Evaluate = Callable[[TermMap], Typed]
Text = Callable[[Typed], str | None]

_RESULTS = {
    "number": Kind.DOUBLE,
    "integer": Kind.INTEGER,
    "boolean": Kind.BOOLEAN,
    "date": Kind.DATE,
}
_READ: dict[str, tuple[Kind, Callable[[str], Any]]] = {
    XSD_INTEGER: (Kind.INTEGER, int),
    XSD_DOUBLE: (Kind.DOUBLE, float),
    XSD_DECIMAL: (Kind.DECIMAL, Decimal),
    XSD_BOOLEAN: (Kind.BOOLEAN, lambda text: text in ("true", "1")),
}
_NUMBERS = (Kind.INTEGER, Kind.DOUBLE, Kind.FLOAT, Kind.DECIMAL)


def constant(value: Constant) -> Typed:
    """The value of a constant."""
    term = value.term
    if not isinstance(term, Literal):
        return term.value if isinstance(term, IRI) else key(term), Kind.STRING, None
    kind, read = _READ.get(term.datatype, (Kind.STRING, str))
    own = term.datatype if kind is Kind.STRING and term.datatype != XSD_STRING else None
    return read(term.lexical), kind, own


def call(item: FunctionCall, evaluate: Evaluate, text: Text) -> Typed:
    """The value of a call; a list for a function that gives one."""
    function = find(item.function)
    places = arrange(function, [iri for iri, _ in item.inputs])
    lists = [numbers for each, numbers in zip(function.parameters, places, strict=True) if each.kind == "list"]
    if lists and len(lists[0]) > 1:
        return _with_one_list(item, lists[0], evaluate, text)
    kinds = [each.kind for each, numbers in zip(function.parameters, places, strict=True) for _ in numbers]
    maps = [item.inputs[number][1] for numbers in places for number in numbers]
    if function.name.startswith("geof:"):
        return _geometric(function, kinds, [evaluate(each) for each in maps], text)
    given = [evaluate(each) for each in maps]
    if function.result == "any":
        return _chosen(function, kinds, given, text)
    if function.name in ("equal", "notEqual"):
        values = _comparable(given, text)
    else:
        values = [_converted(kind, each, text) for kind, each in zip(kinds, given, strict=True)]
    required = [
        value
        for value, optional in zip(
            values,
            [each.optional for each, numbers in zip(function.parameters, places, strict=True) for _ in numbers],
            strict=True,
        )
        if not optional or function.parameters[-1].repeats
    ]
    if function.strict and any(value is None for value in required):
        return None, _RESULTS.get(function.result, Kind.STRING), None
    return function.python(*values), _RESULTS.get(function.result, Kind.STRING), None


def _with_one_list(item: FunctionCall, numbers: list[int], evaluate: Evaluate, text: Text) -> Typed:
    """A call whose list is given item by item, as a call with one list."""
    parts = [_converted("list", evaluate(item.inputs[number][1]), text) for number in numbers]
    whole = [each for part in parts if part is not None for each in part]
    kept = tuple(each for number, each in enumerate(item.inputs) if number not in numbers[1:])
    place = item.inputs[numbers[0]][1]
    found: Typed = (whole if any(part is not None for part in parts) else None, Kind.STRING, None)
    return call(replace(item, inputs=kept), lambda each: found if each is place else evaluate(each), text)


def _chosen(function: Function, kinds: Sequence[str], given: list[Typed], text: Text) -> Typed:
    tests = sum(kind != "any" for kind in kinds) or (2 if function.name == "decide" else 0)
    head = _comparable(given[:2], text) if function.name == "decide" else [
        _converted(kind, each, text) for kind, each in zip(kinds[:tests], given[:tests], strict=True)
    ]  # fmt: skip
    rest = given[tests:]
    alike = len({(kind, datatype) for _, kind, datatype in rest}) == 1
    values = [each[0] if alike else text(each) for each in rest]
    found = function.python(*head, *values)
    return (found, rest[0][1], rest[0][2]) if alike else (found, Kind.STRING, None)


def _converted(kind: str, given: Typed, text: Text) -> Any:
    value, own, _ = given
    if kind == "any" or value is None:
        return value
    if kind == "list":
        return value if isinstance(value, list) else [text(given)]
    if kind in ("number", "integer"):
        number = _number(given, text)
        return number if number is None or kind == "number" else round(number)
    if kind == "boolean":
        if own in _NUMBERS or own is Kind.BOOLEAN:
            return bool(value)
        return {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())
    return strftime_pattern(text(given) or "") if kind == "pattern" else text(given)


def _number(given: Typed, text: Text) -> float | None:
    value, kind, _ = given
    if kind in _NUMBERS:
        return float(value)
    trimmed = (text(given) or "").strip(BLANK)
    number = float(trimmed) if re.fullmatch(NUMBER, trimmed) else math.inf
    return number if math.isfinite(number) else None


def _comparable(given: Sequence[Typed], text: Text) -> list[Any]:
    kinds = {kind for _, kind, _ in given}
    if kinds & set(_NUMBERS) and Kind.BOOLEAN not in kinds:
        return [None if each[0] is None else _number(each, text) for each in given]
    return [text(each) for each in given]


def _geometric(function: Function, kinds: Sequence[str], given: Sequence[Typed], text: Text) -> Typed:
    datatypes = [
        (datatype or WKT_LITERAL) if kind == "geometry" else None
        for kind, (_, _, datatype) in zip(kinds, given, strict=True)
    ]
    texts = [text(each) for each in given]
    result = result_datatype(function, datatypes, texts)
    column = ColumnFunction(
        "", function.name.lower(), tuple(kinds), tuple(datatypes), tuple(None for _ in kinds), result
    )
    arrays = [
        pa.chunked_array([pa.array([_converted(kind, each, text)], pa.float64() if kind in ("number", "integer") else
                                   pa.large_string())]) for kind, each in zip(kinds, given, strict=True)
    ]  # fmt: skip
    return column(*arrays)[0].as_py(), _RESULTS.get(function.result, Kind.STRING), result
