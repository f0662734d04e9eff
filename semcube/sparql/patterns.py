# SPDX-License-Identifier: Apache-2.0
"""The leaves of the algebra: variables, triple patterns, property paths; use :mod:`semcube.sparql.algebra`."""

from __future__ import annotations

from dataclasses import dataclass, field

from semcube.io.terms import IRI, Term

__all__ = [
    "AlternativePath",
    "InversePath",
    "NegatedPropertySet",
    "OneOrMorePath",
    "PredicatePath",
    "PropertyPath",
    "SequencePath",
    "Span",
    "TermPattern",
    "TriplePattern",
    "Variable",
    "ZeroOrMorePath",
    "ZeroOrOnePath",
]

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable; blank nodes of a pattern are variables named ``_:label``, which ``*`` does not select."""

    name: str

    @property
    def is_blank(self) -> bool:
        """Whether this stands for a blank node of the pattern."""
        return self.name.startswith("_:")


TermPattern = Variable | Term


@dataclass(frozen=True, slots=True)
class TriplePattern:
    """A triple with variables."""

    subject: TermPattern
    predicate: TermPattern
    object: TermPattern
    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The distinct variables, in the order subject, predicate, object."""
        found = (t for t in (self.subject, self.predicate, self.object) if isinstance(t, Variable))
        return tuple(dict.fromkeys(found))


# --- property paths (section 9.1) -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PredicatePath:
    """``iri``"""

    iri: IRI


@dataclass(frozen=True, slots=True)
class InversePath:
    """``^path``"""

    path: PropertyPath


@dataclass(frozen=True, slots=True)
class SequencePath:
    """``left / right``"""

    left: PropertyPath
    right: PropertyPath


@dataclass(frozen=True, slots=True)
class AlternativePath:
    """``left | right``"""

    left: PropertyPath
    right: PropertyPath


@dataclass(frozen=True, slots=True)
class ZeroOrMorePath:
    """``path*``"""

    path: PropertyPath


@dataclass(frozen=True, slots=True)
class OneOrMorePath:
    """``path+``"""

    path: PropertyPath


@dataclass(frozen=True, slots=True)
class ZeroOrOnePath:
    """``path?``"""

    path: PropertyPath


@dataclass(frozen=True, slots=True)
class NegatedPropertySet:
    """``!(forward | ^inverse)``"""

    forward: tuple[IRI, ...]
    inverse: tuple[IRI, ...]


PropertyPath = (
    PredicatePath
    | InversePath
    | SequencePath
    | AlternativePath
    | ZeroOrMorePath
    | OneOrMorePath
    | ZeroOrOnePath
    | NegatedPropertySet
)
