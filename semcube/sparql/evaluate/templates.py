# SPDX-License-Identifier: Apache-2.0
"""Templates of CONSTRUCT and the descriptions of DESCRIBE: solutions in, triples out.

A triple is instantiated as ids; a blank node of the template gets a negative number for each solution, so that triples
can be compared before any text is made. Invalid triples (unbound, literal subject ...) are left out, as section 16.2
says.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from semcube.engines import ids
from semcube.io.terms import QUADS, BlankNode
from semcube.sparql.algebra import TermPattern, TriplePattern, Variable
from semcube.sparql.context import Context
from semcube.sparql.dataset import QuadPattern
from semcube.sparql.evaluate.patterns import match
from semcube.sparql.evaluate.solutions import BATCH_ROWS, Solutions, collect
from semcube.sparql.evaluate.tables import SEEN_TIMES, SeenRows

__all__ = ["Template", "describe"]

_SPO = ("s", "p", "o")


class Template:
    """The triples of a CONSTRUCT template.

    Args:
        triples: The template; its blank nodes are ``BlankNode`` terms.
        context: The evaluation whose ids the solutions have.
    """

    def __init__(self, triples: Iterable[TriplePattern], context: Context) -> None:
        self.triples = tuple(dict.fromkeys(triples))
        self.context = context
        places = [place for t in self.triples for place in (t.subject, t.predicate, t.object)]
        self._blank = {b: i for i, b in enumerate(dict.fromkeys(p for p in places if isinstance(p, BlankNode)))}
        self._prefix = f"_:c{secrets.token_hex(4)}n"
        self._solutions = 0

    def quads(self, batches: Iterable[Solutions]) -> Iterator[pa.RecordBatch]:
        """The triples of all solutions as ``QUADS`` batches, each triple once."""
        seen = SeenRows(_SPO, self.context.reserve("CONSTRUCT", times=SEEN_TIMES))
        for batch in batches:
            for piece in batch.pieces(max(1, BATCH_ROWS // max(1, len(self.triples)))):
                self.context.cancellation.check()
                triples = collect(self._instances(piece))
                fresh = seen.add(triples)
                self._solutions += piece.rows
                if fresh.rows:
                    yield self._batch(fresh)

    def _instances(self, batch: Solutions) -> Iterator[Solutions]:
        for triple in self.triples:
            places = (triple.subject, triple.predicate, triple.object)
            columns = {name: self._column(place, batch) for name, place in zip(_SPO, places, strict=True)}
            tags = {name: column >> ids.SHIFT for name, column in columns.items()}
            subject = (columns["s"] < 0) | (tags["s"] == ids.Tag.IRI) | (tags["s"] == ids.Tag.BLANK)
            valid = subject & (tags["p"] == ids.Tag.IRI) & (columns["p"] > 0) & (columns["o"] != 0)
            yield Solutions(columns, batch.rows).where(valid)

    def _column(self, place: TermPattern, batch: Solutions) -> np.ndarray:
        if isinstance(place, Variable):
            return batch.column(place.name)
        if isinstance(place, BlankNode):
            rows = np.arange(self._solutions, self._solutions + batch.rows, dtype=np.int64)
            return -1 - (rows * len(self._blank) + self._blank[place])
        return np.full(batch.rows, self.context.terms.intern_terms([place])[0], np.int64)

    def _batch(self, triples: Solutions) -> pa.RecordBatch:
        columns = [self._keys(triples.columns[name]) for name in _SPO]
        return pa.RecordBatch.from_arrays([*columns, pa.nulls(triples.rows, pa.large_string())], schema=QUADS)

    def _keys(self, numbers: np.ndarray) -> pa.Array:
        """The keys of ids; negative ones are new blank nodes."""
        fresh = numbers < 0
        if not fresh.any():
            return self.context.terms.keys(numbers)
        import pyarrow.compute as pc

        labels = pa.array(-1 - numbers[fresh]).cast(pa.large_string())
        prefix, empty = pa.scalar(self._prefix, pa.large_string()), pa.scalar("", pa.large_string())
        made = pc.binary_join_element_wise(prefix, labels, empty)
        known = self.context.terms.keys(numbers[~fresh])
        place = np.empty(len(numbers), np.int64)
        place[fresh] = np.arange(len(made))
        place[~fresh] = len(made) + np.arange(len(known))
        return pa.concat_arrays([made, known.cast(pa.large_string())]).take(pa.array(place))


def describe(resources: Iterable[np.ndarray], context: Context) -> Iterator[pa.RecordBatch]:
    """The concise bounded descriptions of resources: their triples, and those of blank nodes that these lead to.

    Args:
        resources: Columns of ids; literals have no description.
        context: The evaluation; descriptions come from its default graph.
    """
    template = Template((), context)
    seen = np.empty(0, np.int64)
    for column in resources:
        waiting = np.setdiff1d(_describable(column), seen)
        while len(waiting):
            seen = np.union1d(seen, waiting)
            objects = [np.empty(0, np.int64)]
            for number in waiting.tolist():
                context.cancellation.check()
                for batch in _about(number, context):
                    objects.append(batch.columns["o"])
                    yield template._batch(batch)
            found = np.unique(np.concatenate(objects))
            waiting = np.setdiff1d(found[found >> ids.SHIFT == int(ids.Tag.BLANK)], seen)


def _describable(column: np.ndarray) -> np.ndarray:
    tags = column >> ids.SHIFT
    return np.unique(column[(tags == int(ids.Tag.IRI)) | (tags == int(ids.Tag.BLANK))])


def _about(number: int, context: Context) -> Iterator[Solutions]:
    """The triples with this subject."""
    pattern = QuadPattern(context.terms.term(number), Variable("p"), Variable("o"), None, context.active)
    for batch in match(pattern, context):
        yield batch.with_columns({"s": np.full(batch.rows, number, np.int64)})
