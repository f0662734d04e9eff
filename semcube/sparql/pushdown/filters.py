# SPDX-License-Identifier: Apache-2.0
"""Filter expressions -> SQL conditions, only where both have the same three values.

An error of SPARQL is null in SQL; ``&&``, ``||`` and ``!`` then agree by themselves (section 17.2). What cannot be
shown to agree for every value that a column may hold (:class:`~semcube.sparql.pushdown.parts.Domain`) is not
translated.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from semcube.engines import ids
from semcube.engines.classify import classify_term
from semcube.engines.ids import Tag
from semcube.engines.relational import Call, Column, Constant, Join, Relational, Scalar, Where
from semcube.io.terms import IRI, Literal
from semcube.sparql.algebra import Expression, Operation, Variable
from semcube.sparql.pushdown.distributions import kept_part
from semcube.sparql.pushdown.names import column_name
from semcube.sparql.pushdown.parts import (
    UNKNOWN_TIME,
    Domain,
    Filtered,
    Leaves,
    Part,
    bit,
    looked_up,
    only,
    tag_is,
    time_kind,
)

if TYPE_CHECKING:
    from semcube.sparql.context import Context

__all__ = ["Conditions", "selected"]

_COMPARISONS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "=": "=", "!=": "<>"}
_ORDER = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_LITERALS = (
    Tag.STRING, Tag.LANGUAGE, Tag.INTEGER, Tag.NUMERIC, Tag.BOOLEAN, Tag.TEMPORAL, Tag.GEOMETRY, Tag.OTHER,
)  # fmt: skip
_KINDS: dict[str, tuple[Tag, ...]] = {
    "ISIRI": (Tag.IRI,),
    "ISURI": (Tag.IRI,),
    "ISBLANK": (Tag.BLANK,),
    "ISLITERAL": _LITERALS,
    "ISNUMERIC": (Tag.INTEGER, Tag.NUMERIC),
}
_IDENTITY = (Tag.IRI, Tag.BLANK, Tag.STRING)
"""Terms of these tags are equal if and only if they are the same term."""


def selected(part: Part, expression: Expression, leaves: Leaves, context: Context) -> Part | None:
    """The rows of a part for which an expression is true; None if that cannot be said in SQL."""
    filtered = part.filtered or Filtered(part.relation, part.rows)
    filtered = replace(filtered, filters=(*filtered.filters, expression))
    traced = context.trace is not None
    kept = kept_part(filtered.filters, part.predicates, part.distinct, leaves, read=traced)
    relation = _selection(part, expression, leaves, context)
    if relation is None:
        return None
    if context.trace is not None:
        context.trace.note(f"filters are expected to keep {kept:.3%} of the rows")
    return replace(part, relation=relation, rows=filtered.rows * kept, filtered=filtered)


def _selection(part: Part, expression: Expression, leaves: Leaves, context: Context) -> Relational | None:
    """What gives the rows of a part for which an expression is true."""
    joined = _joined_to_values(part, expression, leaves)
    if joined is not None:
        return joined
    conditions = Conditions(part, leaves, context)
    condition = conditions.boolean(expression)
    if condition is None:
        return None
    relation: Relational = Where(conditions.part.relation, condition)
    if conditions.part is not part:
        relation = only(relation, tuple(column_name(v) for v in part.variables))
    return relation


def _joined_to_values(part: Part, expression: Expression, leaves: Leaves) -> Relational | None:
    """A comparison of a column of numbers or times with a constant: an inner join with the values that fulfil it."""
    match expression:
        case Operation(name, (Variable(variable), Literal() as literal)) if name in _COMPARISONS:
            symbol = _COMPARISONS[name]
        case Operation(name, (Literal() as literal, Variable(variable))) if name in _COMPARISONS:
            symbol = _ORDER.get(name, _COMPARISONS[name])
        case _:
            return None
    domain, value = part.domains.get(variable), classify_term(literal)
    if domain is None or domain.foreign:
        return None
    if domain.within(Tag.NUMERIC) and not domain.inexact and value.exact:
        values, constant = leaves.numbers(), Constant(value.number)
    elif domain.within(Tag.TEMPORAL) and value.time is not None and domain.times == _kind_of(literal):
        values, constant = leaves.times(), Constant(value.time)
    else:
        return None
    column = column_name(variable)
    found = looked_up(part.relation, column, values, "value")
    wanted = Where(found.right, Call(symbol, (Column("value"), constant)))
    names = tuple(column_name(v) for v in part.variables)
    return only(Join(found.left, wanted, found.on), names)


def _kind_of(literal: Literal) -> int:
    """The kind of a date or time, 0 for other literals."""
    known = classify_term(literal)
    return time_kind(literal.datatype, known.zoned, known.time is not None) if known.tag == Tag.TEMPORAL else 0


class Conditions:
    """Translates the expressions of one filter; ``part`` gains the columns of values that they need."""

    def __init__(self, part: Part, leaves: Leaves, context: Context) -> None:
        self.part = part
        self._leaves = leaves
        self._context = context
        self._added: set[str] = set()

    def boolean(self, expression: Expression) -> Scalar | None:
        """The condition of an expression, None if there is none."""
        match expression:
            case Operation("&&" | "||" as name, arguments):
                parts = [self.boolean(argument) for argument in arguments]
                found = tuple(p for p in parts if p is not None)
                return Call("and" if name == "&&" else "or", found) if len(found) == len(parts) else None
            case Operation("!", (inner,)):
                condition = self.boolean(inner)
                return None if condition is None else Call("not", (condition,))
            case Operation("BOUND", (Variable(name),)):
                known = name in self.part.domains
                return Call("is not null", (Column(column_name(name)),)) if known else Constant(value=False)
            case Operation("SAMETERM", (a, b)):
                return self._same(a, b)
            case Operation(name, (a, b)) if name in _COMPARISONS:
                return self._compared(name, a, b)
            case Operation("IN", (value, *listed)):
                parts = [self._compared("=", value, item) for item in listed]
                found = tuple(p for p in parts if p is not None)
                if len(found) < len(parts):
                    return None
                return Call("or", found) if len(found) > 1 else found[0] if found else None
            case Operation(name, (Variable(variable),)) if name in _KINDS:
                if variable not in self.part.domains:
                    return None
                return tag_is(Column(column_name(variable)), *_KINDS[name])
            case Literal("true" | "false") as literal if classify_term(literal).tag == Tag.BOOLEAN:
                return Constant(literal.lexical == "true")
            case _:
                return None

    def _operand(self, expression: Expression) -> tuple[Scalar, Domain] | None:
        """A variable or a constant term as an id."""
        if isinstance(expression, Variable):
            domain = self.part.domains.get(expression.name)
            return None if domain is None else (Column(column_name(expression.name)), domain)
        if isinstance(expression, IRI | Literal):
            number = int(self._context.terms.intern_terms([expression])[0])
            exact = classify_term(expression).exact
            times = _kind_of(expression) if isinstance(expression, Literal) else 0
            return Constant(number), Domain(1 << (number >> ids.SHIFT), inexact=not exact, times=times)
        return None

    def _same(self, a: Expression, b: Expression) -> Scalar | None:
        left, right = self._operand(a), self._operand(b)
        return None if left is None or right is None else Call("=", (left[0], right[0]))

    def _compared(self, name: str, a: Expression, b: Expression) -> Scalar | None:
        left, right = self._operand(a), self._operand(b)
        if left is None or right is None:
            return None
        symbol = _COMPARISONS[name]
        by_id = Call(symbol, (left[0], right[0]))
        domains = (left[1], right[1])
        if all(domain.within(Tag.INTEGER) for domain in domains):
            return by_id
        if all(domain.within(Tag.TEMPORAL) for domain in domains):
            return self._chronologically(symbol, (a, left), (b, right))
        if name in ("=", "!="):
            if any(domain.within(Tag.IRI, Tag.BLANK) for domain in domains):
                return by_id
            if all(domain.within(*_IDENTITY) for domain in domains):
                return by_id
            if all(domain.within(Tag.BOOLEAN) for domain in domains):
                return by_id
            if not all(domain.within(Tag.INTEGER, Tag.NUMERIC) for domain in domains):
                return None
        return self._numerically(symbol, (a, left), (b, right))

    def _numerically(
        self, symbol: str, a: tuple[Expression, tuple[Scalar, Domain]], b: tuple[Expression, tuple[Scalar, Domain]]
    ) -> Scalar | None:
        """A comparison of numbers, null where one side is none (which is an error of ``<`` and its like).

        Both sides have to be numbers somewhere: two strings, say, do have an order of their own.
        """
        numeric = bit(Tag.INTEGER, Tag.NUMERIC)
        if not any(domain.within(Tag.INTEGER, Tag.NUMERIC) for _, (_, domain) in (a, b)):
            return None
        sides = []
        for expression, (scalar, domain) in (a, b):
            if domain.inexact and domain.tags & numeric:
                return None
            value = self._number(expression, scalar, domain)
            if value is None:
                return None
            sides.append(value)
        return Call(symbol, (sides[0], sides[1]))

    def _number(self, expression: Expression, scalar: Scalar, domain: Domain) -> Scalar | None:
        """The value of an operand as a double, null if it is not a number."""
        if isinstance(expression, Literal):
            return Constant(classify_term(expression).number)
        if not isinstance(expression, Variable):
            return Constant(None)
        inline = Call("double", (Call("-", (Call("&", (scalar, Constant(ids.PAYLOAD))), Constant(ids.BIAS))),))
        whole = Call("if", (tag_is(scalar, Tag.INTEGER), inline, Constant(None)))
        if not domain.tags & bit(Tag.NUMERIC):
            return whole
        if domain.foreign:
            return None
        stored = self._stored(expression.name, "number", Tag.NUMERIC)
        return stored if domain.within(Tag.NUMERIC) else Call("coalesce", (whole, stored))

    def _chronologically(
        self, symbol: str, a: tuple[Expression, tuple[Scalar, Domain]], b: tuple[Expression, tuple[Scalar, Domain]]
    ) -> Scalar | None:
        """A comparison of dates or times that are all of one kind."""
        first, second = a[1][1], b[1][1]
        if first.times != second.times or first.times.bit_count() != 1 or first.times == UNKNOWN_TIME:
            return None
        if any(isinstance(e, Variable) and domain.foreign for e, (_, domain) in (a, b)):
            return None
        sides: list[Scalar] = []
        for expression, _ in (a, b):
            if isinstance(expression, Variable):
                sides.append(self._stored(expression.name, "time", Tag.TEMPORAL))
            elif isinstance(expression, Literal):
                sides.append(Constant(classify_term(expression).time))
        return Call(symbol, (sides[0], sides[1]))

    def _stored(self, variable: str, what: str, tag: Tag) -> Scalar:
        """The column of the numbers or times of a variable, added to the part once."""
        column, added = column_name(variable), f"{what} {column_name(variable)}"
        if added not in self._added:
            values = self._leaves.numbers() if tag == Tag.NUMERIC else self._leaves.times()
            self.part = self.part.with_relation(looked_up(self.part.relation, column, values, added, tag))
            self._added.add(added)
        return Column(added)
