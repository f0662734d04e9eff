# SPDX-License-Identifier: Apache-2.0
"""Short ways to write triples maps in Python, for the generators."""

from __future__ import annotations

from semcube.io.terms import IRI
from semcube.mapping.model import (
    Constant,
    LogicalSource,
    PredicateObjectMap,
    Reference,
    Template,
    TermMap,
    TermType,
    TriplesMap,
)
from semcube.vocab import XSD_STRING

__all__ = ["constant", "iri_of", "literal", "predicate", "rule", "same"]


def constant(iri: str) -> TermMap:
    """The same IRI for every row."""
    return TermMap(Constant(IRI(iri)), TermType.IRI)


def iri_of(*parts: str | Reference) -> TermMap:
    """An IRI from a template.

    Example:
        >>> str(iri_of("http://a/", Reference("id")).value)
        'http://a/{id}'
    """
    return TermMap(Template(parts), TermType.IRI, node="template")


def literal(column: str, datatype: str | None = None) -> TermMap:
    """A column's literal; the natural datatype unless another is given."""
    return TermMap(Reference(column), TermType.LITERAL, None if datatype == XSD_STRING else datatype, node=column)


def predicate(iri: str, value: TermMap, *, comment: str = "") -> PredicateObjectMap:
    """One property of a row."""
    return PredicateObjectMap((constant(iri),), (value,), comment=comment)


def same(iris: tuple[str, ...], value: TermMap, *, comment: str = "") -> PredicateObjectMap:
    """Several properties with one value."""
    return PredicateObjectMap(tuple(constant(iri) for iri in iris), (value,), comment=comment)


def rule(
    name: str, source: LogicalSource, subject: TermMap, classes: tuple[str, ...], *items: PredicateObjectMap
) -> TriplesMap:
    """A triples map."""
    return TriplesMap(name, source, subject, classes, (), items)
