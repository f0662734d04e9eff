# SPDX-License-Identifier: Apache-2.0
"""Lists and containers of RDF of what the rows of a batch gather (RML-CC).

Those without a name are written with their batch. Named ones go on from row to row: their members are kept in a table
on disk until the source has ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.io.terms import QUADS
from semcube.mapping.iri import sql_text
from semcube.mapping.model import LogicalTarget
from semcube.mapping.plan import GatherPlan, GatherUse, Plan, Several
from semcube.vocab import RDF

__all__ = ["Gathers"]

_NIL = f"<{RDF}nil>"
_TABLE = "gathered"
Routed = tuple[tuple[LogicalTarget, ...], pa.RecordBatch]


@dataclass(frozen=True, slots=True)
class _Groups:
    """What is gathered in a batch: one group for each list or container."""

    rows: np.ndarray
    """Row of each group, rising."""
    starts: np.ndarray
    """Where the members of each group begin; one more than there are groups."""
    members: pa.Array
    """Keys of all members."""

    @property
    def sizes(self) -> np.ndarray:
        """Members of each group."""
        return np.diff(self.starts)


class Gathers:
    """The gather maps of a plan.

    Args:
        plan: What is compiled.
        connection: The database of the run.
    """

    def __init__(self, plan: Plan, connection: Any) -> None:
        self._plan, self._connection = plan, connection
        self._made = dict.fromkeys(range(len(plan.gathers)), 0)
        self._rows = 0
        if any(each.head is not None for each in plan.gathers):
            connection.execute(
                f"CREATE TABLE {_TABLE} (target INTEGER, graph VARCHAR, head VARCHAR, kind VARCHAR,"
                " line BIGINT, map INTEGER, place BIGINT, term VARCHAR)"
            )
        self._targets = list(dict.fromkeys(use.targets for each in plan.gathers for use in each.uses))

    def of_batch(self, result: pa.Table, relations: list[pa.Table], count: int) -> list[tuple[np.ndarray, Routed]]:
        """Fill the relations of the first nodes; the quads of what has no name, with the row of each.

        Args:
            result: The computed terms.
            relations: The rows of all relations; those of gather maps are put in.
            count: Rows of the batch.
        """
        made = [self._heads(number, result, relations, count) for number in range(len(self._plan.gathers))]
        found = []
        for number, (plan, (groups, heads)) in enumerate(zip(self._plan.gathers, made, strict=True)):
            for uses in _by_place(plan):
                wanted = np.flatnonzero(_given(uses, groups.rows, result, relations))
                if not len(wanted):
                    continue
                chosen, nodes = _take(groups, wanted), heads.take(pa.array(wanted))
                graph = _keys(uses[0].graph, result, chosen.rows)
                if plan.head is None:
                    quads = _collections(plan.gather.kind, chosen, nodes, graph)
                    found += [(rows, (uses[0].targets, batch)) for rows, batch in quads]
                else:
                    self._keep(number, chosen, nodes, graph, uses[0].targets)
        self._rows += count
        return found

    def _heads(self, number: int, result: pa.Table, relations: list[pa.Table], count: int) -> tuple[_Groups, pa.Array]:
        """What is gathered and the first nodes, which go into their relation."""
        plan = self._plan.gathers[number]
        groups = _groups(plan, result, relations, count)
        if plan.head is None:
            heads = _new_heads(plan.label, len(groups.rows), self._made[number])
            self._made[number] += len(groups.rows)
        else:
            groups, heads = _named(groups, _keys(plan.head, result, np.arange(count)))
        nodes = heads
        if plan.gather.kind == "List":
            nodes = pc.if_else(pa.array(groups.sizes > 0), heads, pa.scalar(_NIL, pa.large_string()))
        name = f"k{self._plan.relations[plan.relation].term}"
        # A named node of several combinations is one term.
        relations[plan.relation] = (
            pa.table({"row": groups.rows, name: nodes}).group_by(["row", name], use_threads=False).aggregate([])
        )
        return groups, heads

    def _keep(
        self, number: int, groups: _Groups, heads: pa.Array, graph: pa.Array, targets: tuple[LogicalTarget, ...]
    ) -> None:
        """Put the members of named collections into the table; a null for a container that is empty."""
        kind = self._plan.gathers[number].gather.kind
        empty = np.flatnonzero(groups.sizes == 0) if kind != "List" else np.zeros(0, np.int64)
        owner = np.concatenate([np.repeat(np.arange(len(groups.rows)), groups.sizes), empty])
        rows = pa.table(
            {
                "target": np.full(len(owner), self._targets.index(targets), np.int32),
                "graph": graph.take(pa.array(owner)),
                "head": heads.take(pa.array(owner)),
                "kind": pa.array([kind] * len(owner), pa.large_string()),
                "line": self._rows + groups.rows[owner],
                "map": np.full(len(owner), number, np.int32),
                "place": np.arange(len(owner)),
                "term": pa.concat_arrays([groups.members, pa.nulls(len(empty), pa.large_string())]),
            }
        )
        self._connection.register("members", rows)
        self._connection.execute(f"INSERT INTO {_TABLE} SELECT * FROM members")
        self._connection.unregister("members")

    def rest(self) -> Iterator[Routed]:
        """The quads of all that has a name, in the order in which its members were read."""
        if not any(each.head is not None for each in self._plan.gathers):
            return
        node = "CASE WHEN n = 1 THEN head ELSE '_:gx' || md5(concat(graph, ' ', head)) || 'x' || (n - 1) END"
        following = "CASE WHEN n = total THEN {} ELSE '_:gx' || md5(concat(graph, ' ', head)) || 'x' || n END"
        of = "PARTITION BY target, graph, head, kind"
        order = f"({of} ORDER BY line, map, place)"
        numbered = (
            f"SELECT *, count(term) OVER {order} AS n, count(term) OVER ({of}) AS total, "
            f"row_number() OVER {order} AS number FROM {_TABLE}"
        )
        rdf = sql_text("<" + RDF)
        select = "SELECT target, {} AS s, {} AS p, {} AS o, graph AS g FROM numbered WHERE {}"
        statements = (
            select.format("head", sql_text(f"<{RDF}type>"), f"{rdf} || kind || '>'", "kind <> 'List' AND number = 1"),
            select.format("head", f"{rdf} || '_' || n || '>'", "term", "kind <> 'List' AND term IS NOT NULL"),
            select.format(node, sql_text(f"<{RDF}first>"), "term", "kind = 'List'"),
            select.format(node, sql_text(f"<{RDF}rest>"), following.format(sql_text(_NIL)), "kind = 'List'"),
        )
        sql = f"WITH numbered AS ({numbered}) {' UNION ALL '.join(statements)}"
        for batch in self._connection.sql(sql).to_arrow_reader(65536):
            targets = batch.column(0)
            for number in pc.unique(targets).to_pylist():
                part = batch.filter(pc.equal(targets, number))
                columns = [part.column(name).cast(pa.large_string()) for name in QUADS.names]
                yield self._targets[number], pa.RecordBatch.from_arrays(columns, schema=QUADS)


def _by_place(plan: GatherPlan) -> list[list[GatherUse]]:
    """Uses with the same graph and targets together."""
    found: dict[Any, list[GatherUse]] = {}
    for each in plan.uses:
        found.setdefault((each.graph, each.targets), []).append(each)
    return list(found.values())


def _given(uses: list[GatherUse], rows: np.ndarray, result: pa.Table, relations: list[pa.Table]) -> np.ndarray:
    """The rows in which any of the uses gives quads."""
    found = np.zeros(len(rows), dtype=bool)
    for use in uses:
        good = np.ones(result.num_rows, dtype=bool)
        for number in (*use.needed, *((use.graph,) if isinstance(use.graph, int) else ())):
            good &= result.column(number).is_valid().to_numpy()
        for number in use.within:
            good &= np.bincount(_rows_of(relations[number]), minlength=len(good)) > 0
        found |= good[rows]
    return found


def _rows_of(relation: pa.Table) -> np.ndarray:
    """The rows in which a relation has a term."""
    name = next(each for each in relation.column_names if each.startswith("k"))
    found: np.ndarray = relation.column("row").filter(relation.column(name).is_valid()).to_numpy()
    return found


def _keys(position: str | int | None, result: pa.Table, rows: np.ndarray) -> pa.Array:
    """The term of a position in some rows."""
    if isinstance(position, int):
        column = result.column(position).combine_chunks()
        return column.cast(pa.large_string()).take(pa.array(rows))
    if position is None:
        return pa.nulls(len(rows), pa.large_string())
    return pa.repeat(pa.scalar(position, pa.large_string()), len(rows))


def _groups(plan: GatherPlan, result: pa.Table, relations: list[pa.Table], count: int) -> _Groups:
    """The members of each list or container."""
    items = [_item(each, result, relations, count) for each in plan.items]
    groups = _product(items, count) if plan.gather.is_product else _appended(items, count)
    if plan.gather.allows_empty:
        return groups
    return _take(groups, np.flatnonzero(groups.sizes > 0))


def _item(
    position: str | int | Several, result: pa.Table, relations: list[pa.Table], count: int
) -> tuple[np.ndarray, pa.Array]:
    """The rows and terms of an item, by rows; nulls are left out."""
    if isinstance(position, Several):
        table = relations[position.relation].combine_chunks()
        name = next(each for each in table.column_names if each.startswith("k"))
        rows, terms = table.column("row").to_numpy(), table.column(name)
    else:
        rows, terms = np.arange(count), pa.chunked_array([_keys(position, result, np.arange(count))])
    valid = terms.is_valid()
    terms = terms.cast(pa.large_string()).filter(valid).combine_chunks()
    return rows[valid.to_numpy()], terms


def _appended(items: list[tuple[np.ndarray, pa.Array]], count: int) -> _Groups:
    """One group for each row: the terms of the first item, then those of the second, ..."""
    rows = np.concatenate([each for each, _ in items])
    order = np.argsort(rows, kind="stable")
    members = pa.concat_arrays([each for _, each in items]).take(pa.array(order))
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=count))])
    return _Groups(np.arange(count), starts, members)


def _product(items: list[tuple[np.ndarray, pa.Array]], count: int) -> _Groups:
    """One group for each combination of the terms of a row; an empty one where an item has none."""
    counts = [np.bincount(rows, minlength=count) for rows, _ in items]
    total = np.prod(counts, axis=0)
    made = np.maximum(total, 1)
    rows = np.repeat(np.arange(count), made)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(made) - made, made)
    is_full = total[rows] > 0
    full, within = rows[is_full], within[is_full]
    columns, step = [], np.ones(count, np.int64)
    offset = 0
    for (_, terms), number in reversed(list(zip(items, counts, strict=True))):
        first = np.cumsum(number) - number
        columns.append((first[full] + within // step[full] % np.maximum(number[full], 1), terms))
        step = step * np.maximum(number, 1)
    places = []
    for indices, terms in reversed(columns):
        places.append(indices + offset)
        offset += len(terms)
    everything = pa.concat_arrays([terms for _, terms in items])
    members = everything.take(pa.array(np.column_stack(places).ravel()))
    starts = np.concatenate([[0], np.cumsum(np.where(is_full, len(items), 0))])
    return _Groups(rows, starts, members)


def _take(groups: _Groups, wanted: np.ndarray) -> _Groups:
    """Some of the groups."""
    sizes = groups.sizes[wanted]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    within = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
    places = np.repeat(groups.starts[:-1][wanted], sizes) + within
    return _Groups(groups.rows[wanted], starts, groups.members.take(pa.array(places)))


def _named(groups: _Groups, heads: pa.Array) -> tuple[_Groups, pa.Array]:
    """The groups whose rows have a first node, and these nodes."""
    of_groups = heads.take(pa.array(groups.rows))
    wanted = np.flatnonzero(of_groups.is_valid().to_numpy(zero_copy_only=False))
    return _take(groups, wanted), of_groups.take(pa.array(wanted))


def _new_heads(label: str, count: int, first: int) -> pa.Array:
    """New blank nodes."""
    numbers = pa.array(np.arange(first, first + count)).cast(pa.large_string())
    return pc.binary_join_element_wise(
        pa.scalar(f"_:{label}n", pa.large_string()), numbers, pa.scalar("", pa.large_string())
    )


def _collections(
    kind: str, groups: _Groups, heads: pa.Array, graph: pa.Array
) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
    """The quads of lists or containers, and the row of each."""
    owner = np.repeat(np.arange(len(groups.rows)), groups.sizes)
    place = np.arange(len(groups.members)) - groups.starts[:-1][owner]
    parts: list[tuple[pa.Array, str | np.ndarray, pa.Array, np.ndarray]]
    if kind == "List":
        nodes = _cells(heads, owner, place)
        is_last = pa.array(place == groups.sizes[owner] - 1)
        rest = pc.if_else(is_last, pa.scalar(_NIL, pa.large_string()), _shifted(nodes))
        parts = [(nodes, "first", groups.members, owner), (nodes, "rest", rest, owner)]
    else:
        kinds = pa.array([f"<{RDF}{kind}>"] * len(heads), pa.large_string())
        members = (heads.take(pa.array(owner)), place + 1, groups.members, owner)
        parts = [(heads, "type", kinds, np.arange(len(heads))), members]
    for subjects, predicate, objects, of in parts:
        if len(subjects):
            yield groups.rows[of], _quads(subjects, predicate, objects, graph.take(pa.array(of)))


def _cells(heads: pa.Array, owner: np.ndarray, place: np.ndarray) -> pa.Array:
    """The node of each member of a list: the head, then nodes that are labelled after it."""
    of = heads.take(pa.array(owner))
    numbers = pa.array(place).cast(pa.large_string())
    later = pc.binary_join_element_wise(of, numbers, pa.scalar("x", pa.large_string()))
    return pc.if_else(pa.array(place == 0), of, later)


def _shifted(values: pa.Array) -> pa.Array:
    """Each value's successor; null after the last."""
    return pa.concat_arrays([values.slice(1), pa.nulls(min(len(values), 1), values.type)])


def _quads(subjects: pa.Array, predicate: str | np.ndarray, objects: pa.Array, graphs: pa.Array) -> pa.RecordBatch:
    """Quads with a predicate of RDF, or with those that number members."""
    text = pa.large_string()
    if isinstance(predicate, str):
        predicates = pa.repeat(pa.scalar(f"<{RDF}{predicate}>", text), len(subjects))
    else:
        numbers = pa.array(predicate).cast(text)
        start, end = pa.scalar(f"<{RDF}_", text), pa.scalar(">", text)
        predicates = pc.binary_join_element_wise(start, numbers, end, pa.scalar("", text))
    return pa.RecordBatch.from_arrays([subjects, predicates, objects, graphs], schema=QUADS)
