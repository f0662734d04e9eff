# SPDX-License-Identifier: Apache-2.0
"""The functions that term maps may call (RML-FNML): GREL's and idlab-fn's here, GeoSPARQL's beside.

Each row has the function as SQL and, to test that against, in Python. Names are compared without regard to case, for
documents spell them in several ways; the namespaces are those of the function collections that RML documents use.
Any parameter may also be given by its position, ``rdf:_1``, ``rdf:_2`` and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from semcube.errors import MappingError
from semcube.vocab import GEOF, RDF

__all__ = ["FUNCTIONS", "GREL", "IDLAB", "OUTPUTS", "Function", "Parameter", "arrange", "find", "local"]

GREL = "http://users.ugent.be/~bjdmeest/function/grel.ttl#"
IDLAB = "https://w3id.org/imec/idlab/function#"
_NAMESPACES = (GREL, IDLAB, "http://example.com/idlab/function/", "http://semweb.datasciencelab.be/ns/grel#", GEOF)

OUTPUTS = frozenset(
    {"stringout", "stringoutput", "_stringout", "strout", "output_string", "numberout", "output_number", "o_numeric"}
    | {"output_decimal", "output_integer", "intout", "_intout", "boolout", "_boolout", "output_bool", "o_bool"}
    | {"arrayout", "output_array", "_listout", "listout", "output_any", "anyout", "dateout", "output_datetime"}
    | {"o_object", "stringoutparam", "geometryout", "iriout", "_iriout"}
)
"""Names of the results of functions; each has one result, so that it does not matter which of them is meant."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function."""

    kind: str
    """``text``, ``number``, ``integer``, ``boolean``, ``list``, ``any`` (as it is), ``geometry``, ``unit``, ``iri``,
    or ``pattern``, a constant pattern of dates."""
    names: tuple[str, ...]
    """Local names of its IRIs, in lower case."""
    optional: bool = False
    repeats: bool = False
    """Whether it takes all further values too."""


@dataclass(frozen=True)
class Function:
    """A function: what it takes, what it gives, how it is computed."""

    name: str
    names: tuple[str, ...]
    """Local names of its IRIs, in lower case."""
    parameters: tuple[Parameter, ...]
    result: str
    """``text``, ``number``, ``integer``, ``boolean``, ``date``, ``list`` (a term of each item) or ``any``."""
    doc: str
    sql: str | Callable[[Sequence[str]], str] = ""
    """SQL with ``{0}``, ``{1}`` for the arguments, or what makes it of their SQL."""
    python: Callable[..., Any] = field(default=lambda *_: None, repr=False)
    strict: bool = True
    """Whether a null among the required arguments gives null."""


FUNCTIONS: dict[str, Function] = {}
"""Local name in lower case -> function; those of GeoSPARQL with ``geof:`` before."""


def local(iri: str) -> str:
    """The last part of an IRI.

    Example:
        >>> local("http://a/b#c"), local("x")
        ('c', 'x')
    """
    return iri.rsplit("#", 1)[-1].rsplit("/", 1)[-1]


def find(iri: str) -> Function:
    """The function of an IRI.

    Raises:
        MappingError: There is none.

    Example:
        >>> find("http://users.ugent.be/~bjdmeest/function/grel.ttl#toUpperCase").name
        'toUpperCase'
    """
    from semcube.mapping import function_geometries, function_rows  # noqa: F401 - they fill the table

    name = local(iri).lower()
    if iri.startswith(GEOF):
        name = "geof:" + name
    if name in FUNCTIONS and (iri.startswith(_NAMESPACES) or iri == local(iri)):
        return FUNCTIONS[name]
    near = get_close_matches(name, FUNCTIONS, n=1, cutoff=0.6)
    raise MappingError(
        f"function {iri} is not known",
        expected="a function of GREL, idlab-fn or geof:",
        fix=f"did you mean {FUNCTIONS[near[0]].name}?" if near else "see the guide for the list of functions",
    )


def arrange(function: Function, names: Sequence[str]) -> list[list[int]]:
    """For each parameter of a function, which of the inputs with these parameter IRIs are its values.

    Raises:
        MappingError: An input is for no parameter, is one too many, or is missing.

    Example:
        >>> arrange(find("toUpperCase"), [GREL + "valueParam"])
        [[0]]
    """
    found: list[list[int]] = [[] for _ in function.parameters]
    for number, iri in enumerate(names):
        place = _place(function, iri, found)
        found[place].append(number)
    for parameter, given in zip(function.parameters, found, strict=True):
        if not given and not parameter.optional:
            raise MappingError(f"function {function.name} has no {parameter.names[0]}", expected=_signature(function))
    return found


def _place(function: Function, iri: str, found: list[list[int]]) -> int:
    name = local(iri).lower()
    parameters = function.parameters
    if iri.startswith(RDF + "_") and iri[len(RDF) + 1 :].isdigit():
        place = int(iri[len(RDF) + 1 :]) - 1
        if place >= len(parameters) and parameters and parameters[-1].repeats:
            place = len(parameters) - 1
        places = [place] if 0 <= place < len(parameters) else []
    else:
        places = [place for place, each in enumerate(parameters) if name in each.names]
    # The items of a list may be given one by one.
    free = [p for p in places if parameters[p].repeats or parameters[p].kind == "list" or not found[p]]
    if not free:
        problem = f"parameter {local(iri)} is given twice" if places else f"parameter {iri} is not known"
        raise MappingError(f"function {function.name}: {problem}", expected=_signature(function))
    return free[0]


def _signature(function: Function) -> str:
    parts = [
        f"[{each.names[0]}]" if each.optional else each.names[0] + ("..." if each.repeats else "")
        for each in function.parameters
    ]
    return f"{function.name}({', '.join(parts)})"
