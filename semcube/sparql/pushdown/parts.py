# SPDX-License-Identifier: Apache-2.0
"""What a compiled sub-plan is: a relation, and what is known of its columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from semcube.engines import ids
from semcube.engines.ids import Tag
from semcube.engines.relational import Call, Column, Compute, Constant, LeftJoin, Relational, Scalar, SortKey, columns
from semcube.engines.xsd import UNKNOWN_TIME, time_kind

if TYPE_CHECKING:
    import pyarrow as pa

    from semcube.engines.base import Cancellation
    from semcube.engines.rows import Rows
    from semcube.engines.sampling import Sample
    from semcube.io.terms import Term
    from semcube.sparql.algebra import Expression
    from semcube.sparql.dataset import Estimate, QuadPattern
    from semcube.sparql.pushdown.distributions import Distribution

__all__ = [
    "ANY", "ANY_TIME", "IRIS", "RESOURCES", "UNKNOWN_TIME", "Domain", "Filtered", "Leaves", "Part", "PredicateFacts",
    "bit", "domain_of_ids", "looked_up", "only", "tag_is", "time_kind",
]  # fmt: skip


def bit(*tags: Tag) -> int:
    """A bit set of tags.

    Example:
        >>> bit(Tag.BLANK, Tag.IRI)
        6
    """
    return sum(1 << int(tag) for tag in tags)


ANY_TIME = (UNKNOWN_TIME << 1) - 1
"""Every kind of date and time."""


@dataclass(frozen=True, slots=True)
class Domain:
    """What the bound values of a column may be."""

    tags: int
    """Bit set of tags."""
    inexact: bool = True
    """Whether a number may not compare as its double does."""
    foreign: bool = False
    """Whether an id may be of the query only, so that the dataset has no value for it."""
    times: int = ANY_TIME
    """Bit set of :func:`time_kind`: what its dates and times may be."""

    def within(self, *tags: Tag) -> bool:
        """Whether all values have one of the tags."""
        return not self.tags & ~bit(*tags)

    def meet(self, other: Domain) -> Domain:
        """The domain of a column that equals both."""
        inexact, foreign = self.inexact and other.inexact, self.foreign and other.foreign
        return Domain(self.tags & other.tags, inexact, foreign, self.times & other.times)

    def either(self, other: Domain) -> Domain:
        """The domain of a column that comes from one of both."""
        inexact, foreign = self.inexact or other.inexact, self.foreign or other.foreign
        return Domain(self.tags | other.tags, inexact, foreign, self.times | other.times)


ANY = Domain(bit(*Tag))
RESOURCES = Domain(bit(Tag.IRI, Tag.BLANK), inexact=False)
IRIS = Domain(bit(Tag.IRI), inexact=False)


class PredicateFacts(Protocol):
    """What a dataset knows of the quads of a predicate."""

    @property
    def tags(self) -> int:
        """Bit set of the tags that its objects may have."""
        ...

    @property
    def inexact(self) -> bool:
        """Whether it may have a numeric object that does not compare as its double does."""
        ...

    @property
    def times(self) -> int:
        """Bit set of :func:`time_kind` that its objects may have."""
        ...


class Leaves(Protocol):
    """What push-down needs of a dataset: its quad patterns and values as relations, and an engine that runs them."""

    def id_of(self, term: Term) -> int:
        """The id of a term, 0 if the dataset lacks it."""
        ...

    def scan(self, pattern: QuadPattern) -> Relational | None:
        """The solutions of a quad pattern, columns named by :func:`column_name`; None if there can be none."""
        ...

    def estimate(self, pattern: QuadPattern) -> Estimate:
        """Solutions of a pattern to expect."""
        ...

    def facts(self, predicate: int | None) -> PredicateFacts | None:
        """What is known of a predicate (of all together for None); None if it has no quads."""
        ...

    def distinct(self, predicate: int | None) -> tuple[float, float]:
        """Distinct subjects and objects of a predicate, roughly."""
        ...

    def distribution(self, predicate: int, *, times: bool, read: bool) -> Distribution | None:
        """The numbers (or times) of the objects of a predicate; None where they are not known and not to be read."""
        ...

    def numbers(self) -> Relational:
        """Columns ``n`` and ``number``: payload and value of each term of tag ``NUMERIC``."""
        ...

    def times(self) -> Relational:
        """Columns ``n`` and ``time``: payload and microseconds of each term of tag ``TEMPORAL``."""
        ...

    def texts(self) -> Relational:
        """Columns ``n`` and ``text``: payload and lexical form of each term that is not inline."""
        ...

    def look_up(self, plan: Relational, rows: float) -> Rows | None:
        """The rows of a plan of which so many are expected, if they were found without SQL; None else."""
        ...

    def sample(self, plan: Relational) -> Sample | None:
        """Some rows of a plan, for estimates; None where that would be dear."""
        ...

    def run(self, plan: Relational, cancellation: Cancellation) -> Iterator[pa.RecordBatch]:
        """The rows of a plan."""
        ...

    def sql(self, plan: Relational) -> str:
        """The native text of a plan."""
        ...


@dataclass(frozen=True, slots=True)
class Filtered:
    """A relation of which filters keep some rows, for estimates."""

    relation: Relational
    rows: float
    """Rows to expect before the filters."""
    filters: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A compiled sub-plan.

    ``relation`` has one column per variable of ``domains`` (named by :func:`column_name`) and the columns of
    ``hidden``.
    """

    relation: Relational
    domains: dict[str, Domain]
    """Variable -> domain, in the order of the columns."""
    certain: frozenset[str]
    """Variables that every row binds."""
    rows: float
    """Rows to expect."""
    distinct: dict[str, float]
    """Variable -> distinct values to expect."""
    order: tuple[SortKey, ...] = ()
    """The order of rows that was asked for; applied where the rows leave the engine, or before a slice."""
    hidden: tuple[str, ...] = ()
    """Columns that ``order`` needs beside those of the variables."""
    predicates: dict[str, int] = field(default_factory=dict)
    """Variable -> the predicate whose objects it binds."""
    filtered: Filtered | None = None
    """What the part is made of, if that is a relation and filters only."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that may be bound."""
        return tuple(self.domains)

    def with_relation(self, relation: Relational, rows: float | None = None) -> Part:
        """The same columns from another relation."""
        return replace(self, relation=relation, rows=self.rows if rows is None else rows, filtered=None)


def domain_of_ids(column: npt.NDArray[np.int64]) -> Domain:
    """The domain of ids that are known."""
    tags = np.unique(column[column != 0] >> ids.SHIFT).tolist()
    mask = sum(1 << int(t) for t in tags)
    inline = np.isin(column >> ids.SHIFT, (int(Tag.INTEGER), int(Tag.BOOLEAN)))
    foreign = bool((~inline & ((column & ids.LOCAL) != 0)).any())
    whole = column[(column >> ids.SHIFT) == int(Tag.INTEGER)]
    large = bool((np.abs((whole & ids.PAYLOAD) - ids.BIAS) >= 10**15).any())
    return Domain(mask, inexact=large or bool(mask & bit(Tag.NUMERIC)), foreign=foreign)


def tag_is(column: Scalar, *tags: Tag) -> Scalar:
    """Whether an id has one of the tags; null where unbound."""
    if len(tags) == 1:
        return Call("between", (column, Constant(ids.first(tags[0])), Constant(ids.last(tags[0]))))
    return Call("or", tuple(tag_is(column, tag) for tag in tags))


def looked_up(relation: Relational, column: str, values: Relational, added: str, tag: Tag | None = None) -> LeftJoin:
    """A relation with a value of each term of a column beside it.

    Args:
        relation: What gains a column.
        column: The column of ids.
        values: Columns ``n``, the payload of an id, and one with the value.
        added: The name of the new column.
        tag: Look only at ids of this tag; others have no value.

    The join is on the payload as it is stored, so that zone maps can lead it to few row groups.
    """
    number, value = f"n {added}", next(name for name in columns(values) if name != "n")
    payload: Scalar = Call("&", (Column(column), Constant(ids.PAYLOAD)))
    if tag is not None:
        payload = Call("if", (tag_is(Column(column), tag), payload, Constant(None)))
    left = Compute(relation, (*((name, Column(name)) for name in columns(relation)), (number, payload)))
    right = Compute(values, ((number, Column("n")), (added, Column(value))))
    return LeftJoin(left, right, (number,))


def only(relation: Relational, names: tuple[str, ...]) -> Relational:
    """Only these columns; one constant column if there are none."""
    if not names:
        return Compute(relation, (("_", Constant(1)),))
    return Compute(relation, tuple((name, Column(name)) for name in names))
