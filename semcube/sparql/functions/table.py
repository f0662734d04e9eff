# SPDX-License-Identifier: Apache-2.0
"""One row per function: its name, arguments, result, kernel and documentation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from semcube.engines.xsd import Temporal
from semcube.io.terms import IRI, Literal
from semcube.sparql.comparison import effective
from semcube.sparql.values import ExpressionError, Number, Object, is_number, to_term, value
from semcube.vocab import GEOF, XSD, XSD_STRING

if TYPE_CHECKING:
    from semcube.sparql.columns import Column
    from semcube.sparql.context import Context

__all__ = ["ROWS", "Calling", "Function", "function", "row"]


@dataclass(frozen=True)
class Calling:
    """What a kernel may know of the call: the evaluation, and the solution that it is evaluated for."""

    context: Context
    solution: int | None = None
    """A number that tells solutions apart, None where the evaluation does not number them."""


VectorKernel = Callable[["Context", list["Column"]], "Column | None"]


@dataclass(frozen=True)
class Function:
    """A function of the SPARQL or GeoSPARQL standard, an operator, or an aggregate."""

    name: str
    """The keyword or symbol of the grammar, or the prefixed name."""
    iri: str | None
    """The IRI, where the function is called by one."""
    min_arity: int
    max_arity: int | None
    """None where there is no limit."""
    arguments: tuple[str, ...]
    """Kinds of the arguments; the last one repeats."""
    result: str
    doc: str
    clause: str
    """Where it is defined."""
    kernel: Callable[..., Object] | None = None
    """Works on the objects of one solution; None for special forms, aggregates and column-only functions."""
    vector: VectorKernel | None = None
    """Works on columns; may give None for what only the scalar kernel does, if there is one."""
    cheap: bool = False
    """Whether the column kernel costs less than finding distinct rows."""
    calling: bool = False
    """Whether the kernel takes a :class:`Calling` first."""
    volatile: bool = False
    """Whether it may give something else for every solution."""


ROWS: list[Function] = []
_PREFIXES = {"geof:": GEOF, "xsd:": XSD}


def row(name: str, arguments: tuple[str, ...], result: str, **details: Any) -> Function:
    """Adds a row; see :class:`Function`. ``arity`` overrides the number of ``arguments``."""
    low, high = details.pop("arity", (len(arguments), len(arguments)))
    prefix = next((p for p in _PREFIXES if name.startswith(p)), None)
    iri = None if prefix is None else _PREFIXES[prefix] + name[len(prefix) :]
    new = Function(name, iri, low, high, arguments, result, **details)
    ROWS.append(new)
    return new


def function(name: str, arguments: tuple[str, ...], result: str, **details: Any) -> Callable[[Any], Any]:
    """Makes a kernel's row; the first line of its docstring is the documentation."""

    def register(kernel: Callable[..., Any]) -> Callable[..., Any]:
        doc = (kernel.__doc__ or "").strip().split("\n")[0]
        way = "vector" if details.pop("columns", False) else "kernel"
        row(name, arguments, result, doc=doc, **{way: kernel}, **details)
        return kernel

    return register


# --- kinds of arguments ---------------------------------------------------------------------------------------------


def _literal(some: Object) -> Literal:
    found = to_term(some)
    if isinstance(found, Literal):
        return found
    raise ExpressionError("not a literal")


def _string(some: Object) -> Literal:
    """A string literal with or without language (section 17.4.3.1.2)."""
    if isinstance(some, str):
        return Literal(some)
    if isinstance(some, Literal) and (some.language is not None or some.datatype == XSD_STRING):
        return some
    raise ExpressionError("not a string")


def _simple(some: Object) -> str:
    """A simple literal."""
    if isinstance(some, str):
        return some
    if isinstance(some, Literal) and some.datatype == XSD_STRING:
        return some.lexical
    raise ExpressionError("not a simple literal")


def _number(some: Object) -> Number:
    found = value(some)
    if is_number(found):
        return found  # type: ignore[return-value]
    raise ExpressionError("not a number")


def _integer(some: Object) -> int:
    found = value(some)
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    if isinstance(found, float) and found.is_integer():
        return int(found)
    if isinstance(found, Decimal) and found == found.to_integral_value():
        return int(found)
    raise ExpressionError("not a whole number")


def _temporal(some: Object) -> Temporal:
    found = value(some)
    if isinstance(found, Temporal):
        return found
    raise ExpressionError("not a date or time")


def _iri(some: Object) -> IRI:
    if isinstance(some, IRI):
        return some
    raise ExpressionError("not an IRI")


COERCE: dict[str, Callable[[Any], Any]] = {
    "term": to_term,
    "value": value,
    "literal": _literal,
    "string": _string,
    "simple literal": _simple,
    "number": _number,
    "integer": _integer,
    "date or time": _temporal,
    "IRI": _iri,
    "boolean": effective,
}
"""Kind of an argument -> what makes a kernel's argument of an object, or raises ExpressionError."""
