# SPDX-License-Identifier: Apache-2.0
"""The seam between a query and what it is asked of.

A source of any kind - a store, a mapped table, a cube, a remote endpoint - is a :class:`Dataset`. It must match one
quad pattern. It may take over whole sub-plans (:meth:`Dataset.push`), estimate, and hand out geometries and a spatial
index.
Solutions travel as ``pyarrow.RecordBatch`` with one int64 column per variable (named as the variable): ids as in
:mod:`semcube.engines.ids`, null where unbound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from semcube.io.terms import IRI
from semcube.sparql.algebra import Algebra, TermPattern, Variable

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from semcube.geometry import Geometries, SpatialIndex
    from semcube.sparql.context import Context

__all__ = ["ActiveGraph", "Dataset", "Dictionary", "Estimate", "QuadPattern", "Relation", "SpatialDataset"]


@dataclass(frozen=True, slots=True)
class ActiveGraph:
    """The RDF dataset a query sees (section 13).

    ``default`` lists the graphs merged into the default graph (None is the source's own default graph); ``named`` lists
    the graphs that ``GRAPH`` may see, None for all named graphs of the source.
    """

    default: tuple[IRI | None, ...] = (None,)
    named: tuple[IRI, ...] | None = None


@dataclass(frozen=True, slots=True)
class QuadPattern:
    """One quad with variables.

    ``graph`` None asks the default graph of ``active`` (as a set of triples, also where several graphs are merged), an
    IRI that named graph, a variable each named graph in turn; graphs that ``active`` does not list are empty.
    A variable that occurs twice must match the same term.
    """

    subject: TermPattern
    predicate: TermPattern
    object: TermPattern
    graph: Variable | IRI | None = None
    active: ActiveGraph = field(default_factory=ActiveGraph)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The distinct variables: graph, subject, predicate, object."""
        found = (t for t in (self.graph, self.subject, self.predicate, self.object) if isinstance(t, Variable))
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many solutions to expect; ``exact`` where it was counted."""

    rows: float
    exact: bool = False


class Dictionary(Protocol):
    """Terms of one source <-> ids."""

    def find(self, keys: pa.Array) -> np.ndarray:
        """The ids (int64, shape of ``keys``) of term keys (:mod:`semcube.io.terms`); 0 where the source lacks one."""
        ...

    def decode(self, ids: np.ndarray) -> pa.RecordBatch:
        """The terms of ids as columns :data:`semcube.io.terms.TERMS`, row by row."""
        ...


class Relation(Protocol):
    """A sub-plan that a dataset has taken over, ready to run."""

    variables: tuple[Variable, ...]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Run it."""
        ...

    def estimate(self) -> Estimate | None:
        """Rows to expect, None if unknown."""
        ...

    def explain(self) -> str:
        """Its native text: SQL, or the SPARQL sent."""
        ...


class Dataset(Protocol):
    """What a source must and may do. Only :meth:`match` has to do work; the rest may answer None."""

    @property
    def dictionary(self) -> Dictionary | None:
        """The dictionary whose ids :meth:`match` and relations use; None where terms are interned by the query."""
        ...

    def match(self, pattern: QuadPattern, context: Context) -> Iterator[pa.RecordBatch]:
        """All solutions of one quad pattern, each once, no nulls: one column per variable of the pattern.

        A pattern without variables yields a batch with the single column ``_`` and one row per match.
        """
        ...

    def graphs(self, context: Context) -> np.ndarray:
        """The ids of all named graphs that hold at least one triple or were created."""
        ...

    def push(self, node: Algebra, context: Context) -> Relation | None:
        """Take over a sub-plan whose answer will be exactly that of the reference operators, or None."""
        ...

    def estimate(self, pattern: QuadPattern, context: Context) -> Estimate | None:
        """Solutions of a pattern, None if unknown."""
        ...


@runtime_checkable
class SpatialDataset(Protocol):
    """A dataset that keeps geometries decoded and indexed."""

    def geometries(self, ids: np.ndarray) -> Geometries:
        """The geometries of ids of geometry literals, row by row (missing where malformed)."""
        ...

    def spatial_index(self) -> SpatialIndex | None:
        """An index over all geometry literals of the dataset: boxes in CRS84, numbered by id; None without one."""
        ...
