# SPDX-License-Identifier: Apache-2.0
"""What to compute of each batch of a source: the statement, and how its columns make quads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from semcube.mapping.model import Gather, Join, LogicalTarget, TriplesMap
from semcube.mapping.natural import Kind

if TYPE_CHECKING:
    from semcube.mapping.function_geometries import ColumnFunction

__all__ = [
    "Check",
    "Column",
    "GatherPlan",
    "GatherUse",
    "ParentTable",
    "Plan",
    "QuadPlan",
    "Relation",
    "Several",
    "Value",
]


@dataclass(frozen=True, slots=True)
class Column:
    """An input column: its name in SQL and the kind of its values."""

    sql: str
    kind: Kind
    is_many: bool = False
    """Whether a row has a list of values of the kind."""
    is_plain: bool = False
    """Whether all values, binary floats, are finite and need no power of ten."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of each row, as SQL."""

    sql: str
    kind: Kind
    datatype: str | None = None
    """Datatype of the literal where the kind does not say it."""
    constant: str | None = None
    """The text, where it is the same for every row."""
    is_list: bool = False
    is_plain: bool = False
    """As :attr:`Column.is_plain`."""


@dataclass(frozen=True, slots=True)
class Several:
    """A position of a quad that has none, one or several terms in a row: the number of the relation."""

    relation: int


@dataclass(frozen=True, slots=True)
class QuadPlan:
    """The quads of a row: each position is the key of a constant, the number of an output column, or a relation."""

    subject: str | int | Several
    predicate: str | int | Several
    object: str | int | Several
    graph: str | int | Several | None
    targets: tuple[LogicalTarget, ...] = ()

    @property
    def positions(self) -> tuple[str | int | Several | None, ...]:
        """The four positions."""
        return (self.subject, self.predicate, self.object, self.graph)

    @property
    def is_constant(self) -> bool:
        """Whether every row gives the same quad."""
        return not any(isinstance(position, int | Several) for position in self.positions)


@dataclass(frozen=True, slots=True)
class Relation:
    """The terms of a position with several terms: the column ``row``, the number of the term's, those of the checks."""

    sql: str
    term: int
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class ParentTable:
    """Joined subjects, kept in the table ``name`` with the columns ``term``, ``j0``, ``j1``, ..."""

    name: str
    parents: tuple[TriplesMap, ...]
    joins: tuple[Join, ...]


@dataclass(frozen=True, slots=True)
class GatherUse:
    """Where the triples of collections go."""

    graph: str | int | None
    targets: tuple[LogicalTarget, ...]
    needed: tuple[int, ...]
    """Output columns that have to have a term in the row."""
    within: tuple[int, ...] = ()
    """Relations that have to have one."""


@dataclass(slots=True, eq=False)
class GatherPlan:
    """Lists or containers of each row; their first nodes are the terms of a relation."""

    relation: int
    gather: Gather
    items: tuple[str | int | Several, ...]
    head: str | int | None
    """The first node; None: a new blank node each."""
    label: str
    """How the labels of its blank nodes begin."""
    uses: dict[GatherUse, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """An output column that is true where a value is bad, and what to say about it."""

    number: int
    column: str
    expected: str
    node: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to compute of each batch of a source."""

    sql: str
    """SELECT over the relation ``batch`` whose columns are named as the input columns say."""
    quads: tuple[QuadPlan, ...]
    checks: tuple[Check, ...]
    columns: tuple[str, ...]
    """Input columns that are read."""
    relations: tuple[Relation, ...] = ()
    parents: tuple[ParentTable, ...] = ()
    """Tables that the relations read."""
    functions: tuple[ColumnFunction, ...] = ()
    """What the statements call and the engine has to be told of."""
    gathers: tuple[GatherPlan, ...] = ()
    """Those that others gather come first."""

    @property
    def has_named_gathers(self) -> bool:
        """Whether collections go on from row to row, so that rows are not made one by one."""
        return any(each.head is not None for each in self.gathers)
