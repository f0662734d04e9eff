# SPDX-License-Identifier: Apache-2.0
"""Function calls of a mapping -> SQL expressions over the columns of a batch."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from semcube.errors import MappingError
from semcube.io.terms import IRI, Literal, key
from semcube.mapping.function_geometries import ColumnFunction, check_available, is_argument, result_datatype
from semcube.mapping.function_rows import NUMBER, strftime_pattern
from semcube.mapping.functions import Function, Parameter, arrange, find
from semcube.mapping.iri import sql_text
from semcube.mapping.model import Constant, Expression, FunctionCall, Reference, Template, TermMap, TermType
from semcube.mapping.natural import Kind
from semcube.mapping.plan import Column, Relation, Several, Value
from semcube.vocab import (
    GEOMETRY_LITERALS,
    WKT_LITERAL,
    XSD_BOOLEAN,
    XSD_DECIMAL,
    XSD_DOUBLE,
    XSD_INTEGER,
    XSD_STRING,
)

if TYPE_CHECKING:
    from semcube.mapping.compile import Compiler

__all__ = ["CallCompiler"]

_KINDS = {
    XSD_INTEGER: Kind.INTEGER,
    XSD_DECIMAL: Kind.DECIMAL,
    XSD_DOUBLE: Kind.DOUBLE,
    XSD_BOOLEAN: Kind.BOOLEAN,
    XSD_STRING: Kind.STRING,
}
_RESULTS = {
    "text": Kind.STRING,
    "number": Kind.DOUBLE,
    "integer": Kind.INTEGER,
    "boolean": Kind.BOOLEAN,
    "date": Kind.DATE,
    "geometry": Kind.STRING,
    "iri": Kind.STRING,
}
_SQL_TYPES = {Kind.INTEGER: "BIGINT", Kind.DECIMAL: "DECIMAL(38, 10)", Kind.DOUBLE: "DOUBLE", Kind.BOOLEAN: "BOOLEAN"}
_NUMBERS = (Kind.INTEGER, Kind.DOUBLE, Kind.FLOAT, Kind.DECIMAL)
_ITEM = "item"
_COMPARED = ("equal", "notEqual", "decide")


class CallCompiler:
    """Compiles the calls of one :class:`semcube.mapping.compile.Compiler`, each distinct call once."""

    def __init__(self, compiler: Compiler) -> None:
        self.compiler = compiler
        self.made: dict[FunctionCall, Value] = {}

    def value(self, expression: Expression, term_map: TermMap) -> Value:
        """The value of an expression, with its type."""
        if isinstance(expression, FunctionCall):
            # A guarded call has checks of its own.
            if expression not in self.made or self.compiler.guards:
                self.made[expression] = self._call(expression, term_map)
            return self.made[expression]
        if isinstance(expression, Constant):
            return _constant(expression)
        if isinstance(expression, Template):
            safe = None if term_map.term_type is TermType.LITERAL else self.compiler.safe(term_map.term_type)
            return Value(self.compiler.template(expression, term_map, safe=safe), Kind.STRING)
        column = self.compiler.column(expression.name, term_map)
        datatype = term_map.datatype if isinstance(term_map.datatype, str) else None
        if column.kind is Kind.GEOMETRY:
            datatype = WKT_LITERAL
        return Value(column.sql, column.kind, datatype if datatype in GEOMETRY_LITERALS else None)

    def is_list(self, expression: Expression) -> bool:
        """Whether a row has several values."""
        return isinstance(expression, FunctionCall) and find(expression.function).result == "list"

    def boolean(self, term_map: TermMap) -> str:
        """SQL of a condition."""
        return self._boolean(self.value(term_map.value, term_map))

    def listed(self, term_map: TermMap) -> Several:
        """The terms of the items of a list, in a relation of their own."""
        from semcube.mapping.compile import exploded

        inner = self.compiler.single()
        made = inner.calls.value(term_map.value, term_map)
        for name in term_map.references:
            inner.column(name, term_map)
        rows = inner.projection(exploded(self.compiler.columns, inner.used), "*", f"{made.sql} AS items")
        outer = self.compiler.single()
        outer.columns = {**outer.columns, _ITEM: Column(_ITEM, made.kind)}
        term = outer.select(outer.key_sql(replace(term_map, value=Reference(_ITEM))))
        kept = ", ".join(f"k{number}" for number in inner.selected.values())
        source = f"(SELECT * EXCLUDE (items{', ' + kept if kept else ''}), unnest(items) AS {_ITEM} FROM ({rows}))"
        sql = outer.projection(source, "row")
        inner.used |= {name: None for name in outer.used if name != _ITEM}
        relation = Relation(f"SELECT DISTINCT * FROM ({sql}) ORDER BY row", term, tuple(outer.checks.values()))
        return self.compiler.relation(relation, inner)

    def _call(self, call: FunctionCall, term_map: TermMap) -> Value:
        try:
            function = find(call.function)
            places = arrange(function, [iri for iri, _ in call.inputs])
        except MappingError as error:
            raise self.compiler.error(error.found, term_map, expected=error.expected, fix=error.fix) from None
        if function.name.startswith("geof:"):
            return self._geometric(function, call, places)
        if function.result == "any":
            return self._chosen(function, call, places)
        kinds = [
            (parameter, [call.inputs[number][1] for number in numbers])
            for parameter, numbers in zip(function.parameters, places, strict=True)
        ]
        if function.name in _COMPARED:
            given = self._comparable([self.value(item.value, item) for _, items in kinds for item in items])
        else:
            given = [each for parameter, items in kinds for each in self._arguments(parameter, items)]
        given += ["NULL"] * (len(function.parameters) - len(given))
        sql = _applied(function, given)
        if function.result == "list":
            return Value(f"({sql})", Kind.STRING, is_list=True)
        return Value(f"({sql})", _RESULTS[function.result])

    def _arguments(self, parameter: Parameter, items: list[TermMap]) -> list[str]:
        """SQL of the arguments for a parameter; those for a list are one list."""
        made = [self._argument(parameter, item) for item in items]
        return [functools.reduce("list_concat({}, {})".format, made)] if parameter.kind == "list" and made else made

    def _argument(self, parameter: Parameter, item: TermMap) -> str:
        """SQL of an argument, of the kind that the parameter wants."""
        value = self.value(item.value, item)
        if parameter.kind == "any":
            return value.sql
        if parameter.kind == "list":
            return value.sql if value.is_list else f"[{self.text(value, item)}]"
        if parameter.kind == "boolean":
            return self._boolean(value)
        if parameter.kind == "pattern":
            if value.constant is None:
                raise self.compiler.error("a pattern that is not constant", item, expected="a text such as dd.MM.yyyy")
            return sql_text(strftime_pattern(value.constant))
        if parameter.kind in ("number", "integer"):
            made = self._number(value, item)
            return f"CAST({made} AS BIGINT)" if parameter.kind == "integer" else made
        return self.text(value, item)

    def text(self, value: Value, item: TermMap) -> str:
        """SQL of the lexical form of a value."""
        if value.is_list:
            raise self.compiler.error(
                "a list where one value is wanted", item, fix="join its items with grel:array_join"
            )
        if value.constant is not None:
            return sql_text(value.constant)
        return self.compiler.lexical_form(value, None, item)

    def _number(self, value: Value, item: TermMap) -> str:
        if value.kind in _NUMBERS:
            return f"CAST({value.sql} AS DOUBLE)"
        text = self.text(value, item)
        trimmed = f"trim({text}, ' ' || chr(9) || chr(10) || chr(12) || chr(13))"
        made = f"(CASE WHEN regexp_full_match({trimmed}, '{NUMBER}') THEN TRY_CAST({trimmed} AS DOUBLE) END)"
        self.compiler.check(made, text, _name(item), item, "a number")
        return made

    def _boolean(self, value: Value) -> str:
        if value.kind is Kind.BOOLEAN:
            return f"({value.sql})"
        if value.kind in _NUMBERS:
            return f"({value.sql} <> 0)"
        text = f"lower(CAST({value.sql} AS VARCHAR))"
        return f"(CASE {text} WHEN 'true' THEN true WHEN '1' THEN true WHEN 'false' THEN false WHEN '0' THEN false END)"

    def _comparable(self, values: Sequence[Value]) -> list[str]:
        """Numbers as numbers where one of them is typed as such, else texts."""
        if any(each.kind in _NUMBERS for each in values) and not any(each.kind is Kind.BOOLEAN for each in values):
            if all(each.kind is Kind.INTEGER for each in values):
                return [each.sql for each in values]
            return [
                f"CAST({each.sql} AS DOUBLE)" if each.kind in _NUMBERS else f"TRY_CAST({each.sql} AS DOUBLE)"
                for each in values
            ]
        item = TermMap(Constant(Literal("")), TermType.LITERAL)
        return [self.text(each, item) for each in values]

    def _chosen(self, function: Function, call: FunctionCall, places: list[list[int]]) -> Value:
        """A call that gives one of its arguments: of their type if they have one, else text."""
        items = [call.inputs[number][1] for numbers in places for number in numbers]
        tests = [place for place, each in enumerate(function.parameters) if each.kind != "any"]
        compared = 2 if function.name in _COMPARED else 0
        given: list[str] = []
        guard = None
        if tests:
            guard = self._boolean(self.value(items[0].value, items[0]))
            given.append(guard)
        elif compared:
            given += self._comparable([self.value(item.value, item) for item in items[:2]])
            guard = f"({given[0]} IS NOT DISTINCT FROM {given[1]})"
        rest = items[len(given) :]
        values = []
        for number, item in enumerate(rest):
            with self.compiler.guarded(None if guard is None else guard if number == 0 else f"NOT ({guard})"):
                values.append(self.value(item.value, item))
        alike = len({(each.kind, each.datatype) for each in values}) == 1 and not values[0].is_list
        given += [each.sql if alike else self.text(each, item) for each, item in zip(values, rest, strict=True)]
        given += ["NULL"] * (len(function.parameters) - len(given))
        sql = f"({_applied(function, given)})"
        return Value(sql, values[0].kind, values[0].datatype) if alike else Value(sql, Kind.STRING)

    def _geometric(self, function: Function, call: FunctionCall, places: list[list[int]]) -> Value:
        """A call of a function that works on columns; its result is a column of its own."""
        check_available(function)
        kinds, datatypes, constants, given = [], [], [], []
        for parameter, numbers in zip(function.parameters, places, strict=True):
            if not numbers:
                continue
            item = call.inputs[numbers[0]][1]
            value = self.value(item.value, item)
            is_number = parameter.kind in ("number", "integer")
            kinds.append(parameter.kind)
            datatypes.append((value.datatype or WKT_LITERAL) if parameter.kind == "geometry" else None)
            constants.append(value.constant)
            if value.constant is not None and not is_argument(parameter.kind, datatypes[-1], value.constant):
                raise self.compiler.error(
                    f"{value.constant[:60]!r} is no {parameter.kind} that {function.name} can take", item
                )
            if value.constant is None:
                given.append(self._number(value, item) if is_number else self.text(value, item))
        result = result_datatype(function, datatypes, constants)
        made = ColumnFunction("", function.name.lower(), tuple(kinds), tuple(datatypes), tuple(constants), result)
        mark = hashlib.sha256(repr(made).encode()).hexdigest()[:16]
        made = replace(made, name=f"{function.name.replace(':', '_')}_{mark}")
        self.compiler.functions[made] = None
        sql = self.compiler.helper(f"{made.name}({', '.join(given) or '0'})")
        item = call.inputs[0][1]
        present = " AND ".join(f"({each}) IS NOT NULL" for each in given) or "true"
        expected = f"values that {function.name} can be computed of"
        self.compiler.check(sql, f"CASE WHEN {present} THEN 1 END", _name(item), item, expected)
        return Value(sql, _RESULTS[function.result], result)


def _applied(function: Function, given: Sequence[str]) -> str:
    made: str | Callable[[Sequence[str]], str] = function.sql
    return made.format(*given) if isinstance(made, str) else made(given)


def _constant(expression: Constant) -> Value:
    term = expression.term
    if isinstance(term, Literal):
        kind = _KINDS.get(term.datatype, Kind.STRING)
        sql_type = _SQL_TYPES.get(kind)
        quoted = sql_text(term.lexical)
        sql = quoted if sql_type is None else f"CAST({quoted} AS {sql_type})"
        datatype = term.datatype if kind is Kind.STRING and term.datatype != XSD_STRING else None
        return Value(sql, kind, datatype, term.lexical)
    text = term.value if isinstance(term, IRI) else key(term)
    return Value(sql_text(text), Kind.STRING, None, text)


def _name(item: TermMap) -> str:
    """The column that an argument is of, for messages."""
    return item.value.name if isinstance(item.value, Reference) else next(iter(item.references), "")
