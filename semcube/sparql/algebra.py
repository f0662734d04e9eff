# SPDX-License-Identifier: Apache-2.0
"""The SPARQL 1.1 algebra as frozen dataclasses, named as in the W3C text (sections 18.2 and 18.3).

A parsed query is a :class:`Query`, an update a :class:`Update`. Everything below is immutable, hashable and
comparable, so that a rewrite is a pure function from node to node. ``span`` (start and end offset in the query text)
takes no part in comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from semcube.io.terms import IRI, Literal, Term
from semcube.sparql.patterns import (
    AlternativePath,
    InversePath,
    NegatedPropertySet,
    OneOrMorePath,
    PredicatePath,
    PropertyPath,
    SequencePath,
    Span,
    TermPattern,
    TriplePattern,
    Variable,
    ZeroOrMorePath,
    ZeroOrOnePath,
)

__all__ = [  # noqa: RUF022 - in the order of the text below
    "Span",
    "Variable",
    "TermPattern",
    "TriplePattern",
    "PropertyPath",
    "PredicatePath",
    "InversePath",
    "SequencePath",
    "AlternativePath",
    "ZeroOrMorePath",
    "OneOrMorePath",
    "ZeroOrOnePath",
    "NegatedPropertySet",
    "Expression",
    "Operation",
    "FunctionCall",
    "Exists",
    "Aggregate",
    "Algebra",
    "Unit",
    "BGP",
    "Path",
    "Join",
    "LeftJoin",
    "Filter",
    "Union",
    "Minus",
    "Graph",
    "Extend",
    "Values",
    "Service",
    "Group",
    "OrderCondition",
    "OrderBy",
    "Project",
    "Distinct",
    "Reduced",
    "Slice",
    "DatasetClause",
    "Select",
    "Construct",
    "Describe",
    "Ask",
    "Query",
    "QuadTemplate",
    "InsertData",
    "DeleteData",
    "Modify",
    "Load",
    "Clear",
    "Drop",
    "Create",
    "Copy",
    "Move",
    "Add",
    "GraphTarget",
    "UpdateOperation",
    "Update",
]

# --- expressions (section 17) ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator or built-in call: ``name`` is the symbol or the upper-case keyword of the grammar.

    ``|| && ! = != < > <= >= + - * / IN`` (``NOT IN`` is ``!`` of ``IN``; unary minus is ``U-``, unary plus ``U+``),
    ``BOUND IF COALESCE STR LANG ...``. The first argument of ``IN`` is the value, the others the list.
    """

    name: str
    arguments: tuple[Expression, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call of a function named by an IRI (casts, ``geof:`` functions, extensions)."""

    iri: IRI
    arguments: tuple[Expression, ...]
    distinct: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Exists:
    """``EXISTS { pattern }``; ``NOT EXISTS`` is ``!`` of it."""

    pattern: Algebra
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A set function (section 18.5.1): COUNT SUM MIN MAX AVG SAMPLE GROUP_CONCAT, or the IRI of an aggregate.

    ``arguments`` is empty for ``COUNT(*)``. Appears only in :class:`Group`.
    """

    name: str
    arguments: tuple[Expression, ...]
    distinct: bool = False
    separator: str | None = None
    span: Span | None = field(default=None, compare=False, repr=False)


Expression = Variable | IRI | Literal | Operation | FunctionCall | Exists | Aggregate


# --- graph patterns (section 18.2) ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unit:
    """The empty group pattern: one solution that binds nothing."""


@dataclass(frozen=True, slots=True)
class BGP:
    """A basic graph pattern; ``graph`` is None for the active graph, set where a rewrite moved ``GRAPH`` inwards."""

    triples: tuple[TriplePattern, ...]
    graph: Variable | IRI | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """A property path pattern that is not a plain triple."""

    subject: TermPattern
    path: PropertyPath
    object: TermPattern
    graph: Variable | IRI | None = None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Join:
    """Compatible merges of both sides."""

    left: Algebra
    right: Algebra


@dataclass(frozen=True, slots=True)
class LeftJoin:
    """OPTIONAL; ``expression`` is None for true."""

    left: Algebra
    right: Algebra
    expression: Expression | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Solutions for which the expression has the effective boolean value true."""

    expression: Expression
    pattern: Algebra


@dataclass(frozen=True, slots=True)
class Union:
    """Bag union."""

    left: Algebra
    right: Algebra


@dataclass(frozen=True, slots=True)
class Minus:
    """Solutions of the left with no compatible solution on the right that shares a bound variable."""

    left: Algebra
    right: Algebra


@dataclass(frozen=True, slots=True)
class Graph:
    """``GRAPH name { pattern }``."""

    name: Variable | IRI
    pattern: Algebra


@dataclass(frozen=True, slots=True)
class Extend:
    """``BIND`` and ``AS``: an error leaves the variable unbound."""

    pattern: Algebra
    variable: Variable
    expression: Expression


@dataclass(frozen=True, slots=True)
class Values:
    """Inline data; None in a row is UNDEF."""

    variables: tuple[Variable, ...]
    rows: tuple[tuple[Term | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Service:
    """``SERVICE name { pattern }``."""

    name: Variable | IRI
    pattern: Algebra
    silent: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Group:
    """Grouping and aggregation in one: keys are computed and named first, aggregates are named.

    A key without a name in the text gets a fresh variable that no query can write. With no keys there is one group,
    even of an empty input.
    """

    pattern: Algebra
    keys: tuple[tuple[Variable, Expression], ...]
    aggregates: tuple[tuple[Variable, Aggregate], ...]


@dataclass(frozen=True, slots=True)
class OrderCondition:
    """One condition of ``ORDER BY``."""

    expression: Expression
    descending: bool = False


@dataclass(frozen=True, slots=True)
class OrderBy:
    """Solutions ordered as section 15.1 says; stable."""

    pattern: Algebra
    conditions: tuple[OrderCondition, ...]


@dataclass(frozen=True, slots=True)
class Project:
    """Only these variables, in this order."""

    pattern: Algebra
    variables: tuple[Variable, ...]


@dataclass(frozen=True, slots=True)
class Distinct:
    """Without duplicates."""

    pattern: Algebra


@dataclass(frozen=True, slots=True)
class Reduced:
    """Duplicates may go."""

    pattern: Algebra


@dataclass(frozen=True, slots=True)
class Slice:
    """``OFFSET`` and ``LIMIT``; ``limit`` None is no limit."""

    pattern: Algebra
    offset: int = 0
    limit: int | None = None


class PlanNode:
    """The base of the nodes that only a planner makes (:mod:`semcube.sparql.plan`)."""

    __slots__ = ()


Algebra = (
    Unit | BGP | Path | Join | LeftJoin | Filter | Union | Minus | Graph | Extend | Values | Service
    | Group | OrderBy | Project | Distinct | Reduced | Slice | PlanNode
)  # fmt: skip


# --- queries and updates --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DatasetClause:
    """``FROM`` and ``FROM NAMED``, or ``USING`` and ``USING NAMED``."""

    default: tuple[IRI, ...] = ()
    named: tuple[IRI, ...] = ()


@dataclass(frozen=True, slots=True)
class Select:
    """``SELECT``; the projection is the outermost part of ``pattern``."""

    pattern: Algebra
    variables: tuple[Variable, ...]


@dataclass(frozen=True, slots=True)
class Construct:
    """``CONSTRUCT``; blank nodes of the template are ``BlankNode`` terms, fresh for each solution."""

    template: tuple[TriplePattern, ...]
    pattern: Algebra


@dataclass(frozen=True, slots=True)
class Describe:
    """``DESCRIBE``; ``targets`` holds IRIs and variables of the pattern."""

    targets: tuple[Variable | IRI, ...]
    pattern: Algebra


@dataclass(frozen=True, slots=True)
class Ask:
    """``ASK``."""

    pattern: Algebra


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query; ``dataset`` is None where the text has no ``FROM``."""

    form: Select | Construct | Describe | Ask
    dataset: DatasetClause | None = None
    base: str | None = None
    prefixes: tuple[tuple[str, str], ...] = ()
    text: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class QuadTemplate:
    """A quad of a template or of quad data; graph None is the default graph (or that of ``WITH``)."""

    subject: TermPattern
    predicate: TermPattern
    object: TermPattern
    graph: Variable | IRI | None = None


@dataclass(frozen=True, slots=True)
class InsertData:
    """``INSERT DATA``."""

    quads: tuple[QuadTemplate, ...]


@dataclass(frozen=True, slots=True)
class DeleteData:
    """``DELETE DATA``."""

    quads: tuple[QuadTemplate, ...]


@dataclass(frozen=True, slots=True)
class Modify:
    """``DELETE ... INSERT ... WHERE`` and ``DELETE WHERE``; ``WITH`` is already applied to the templates.

    ``default_graph`` is the graph of ``WITH`` that the pattern is matched in, unless ``using`` is given.
    """

    delete: tuple[QuadTemplate, ...]
    insert: tuple[QuadTemplate, ...]
    pattern: Algebra
    using: DatasetClause | None = None
    default_graph: IRI | None = None


GraphTarget = IRI | str
"""An IRI, or one of ``"DEFAULT"``, ``"NAMED"``, ``"ALL"``."""


@dataclass(frozen=True, slots=True)
class Load:
    """``LOAD``; ``graph`` None is the default graph."""

    source: IRI
    graph: IRI | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Clear:
    """``CLEAR``."""

    target: GraphTarget
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """``DROP``."""

    target: GraphTarget
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Create:
    """``CREATE``."""

    graph: IRI
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Copy:
    """``COPY``; an end is an IRI or ``"DEFAULT"``."""

    source: GraphTarget
    target: GraphTarget
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """``MOVE``."""

    source: GraphTarget
    target: GraphTarget
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Add:
    """``ADD``."""

    source: GraphTarget
    target: GraphTarget
    silent: bool = False


UpdateOperation = InsertData | DeleteData | Modify | Load | Clear | Drop | Create | Copy | Move | Add


@dataclass(frozen=True, slots=True)
class Update:
    """A parsed update request."""

    operations: tuple[UpdateOperation, ...]
    base: str | None = None
    prefixes: tuple[tuple[str, str], ...] = ()
    text: str = field(default="", compare=False, repr=False)
