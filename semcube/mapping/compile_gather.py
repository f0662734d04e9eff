# SPDX-License-Identifier: Apache-2.0
"""Gather maps -> relations of ordered terms, and what is to be made of them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from semcube.mapping.model import FunctionCall, ParentSubject, Pattern, RefObjectMap, TermMap
from semcube.mapping.plan import GatherPlan, GatherUse, Relation, Several

if TYPE_CHECKING:
    from semcube.mapping.compile import Compiler

__all__ = ["gathered", "note_uses", "subject_uses"]


def gathered(compiler: Compiler, term_map: TermMap) -> Several:
    """The first nodes of what a gather map makes of a row."""
    assert term_map.gather is not None
    known = compiler.gathers.get(term_map)
    if known is not None:
        return Several(known.relation)
    items = tuple(_ordered(compiler, each) for each in term_map.gather.items)
    head = None
    if term_map.gather.is_named:
        found = compiler.position(replace(term_map, gather=None))
        if isinstance(found, Several):
            raise compiler.error("the first node of a collection has several values in a row", term_map,
                                 expected="a reference, template or constant with one value")  # fmt: skip
        head = found
    if term_map.condition is not None and head is None:
        raise compiler.error("a condition on a collection without a name", term_map,
                             fix="name it with rml:template, or put the condition on its items")  # fmt: skip
    about = f"{compiler.mapping.document}\0{compiler.triples_map}\0{len(compiler.gathers)}\0{term_map.node}"
    label = "g" + hashlib.sha256(about.encode()).hexdigest()[:12]
    # Its rows are made where the statements have run.
    relation = compiler.relations.setdefault(Relation("", -1 - len(compiler.gathers)), len(compiler.relations))
    compiler.gathers[term_map] = GatherPlan(relation, term_map.gather, items, head, label)
    return Several(relation)


def _ordered(compiler: Compiler, item: TermMap | ParentSubject | RefObjectMap) -> str | int | Several:
    """The terms of an item in the order of the source; a repeated one as often as it stands there."""
    from semcube.mapping.compile import exploded

    assert not isinstance(item, RefObjectMap)
    if isinstance(item, ParentSubject):
        return compiler.joined(item)
    is_many = any(compiler.column(name, item).is_many for name in item.references)
    if item.gather is not None or isinstance(item.value, FunctionCall) or not is_many:
        return compiler.position(item)
    inner = compiler.single()
    term = inner.select(inner.key_sql(item))
    sql = inner.projection(exploded(compiler.columns, inner.used), "row")
    return compiler.relation(Relation(sql, term, tuple(inner.checks.values())), inner)


def note_uses(compiler: Compiler, pattern: Pattern) -> None:
    """Collections go where the quads of a pattern go, in the rows that give any."""
    maps = [each for each in pattern.maps if isinstance(each, TermMap) and each.gather is not None]
    if not maps:
        return
    graph = None if pattern.graph is None else compiler.position(pattern.graph)
    if isinstance(graph, Several):
        raise compiler.error("a graph with several values where something is gathered", maps[0],
                             expected="a graph with one value in a row")  # fmt: skip
    others = [compiler.position(each) for each in pattern.maps if isinstance(each, TermMap) and each.gather is None]
    needed = tuple(sorted({each for each in others if isinstance(each, int)}))
    within = tuple(sorted({each.relation for each in others if isinstance(each, Several)}))
    for each in maps:
        _use(compiler, each, GatherUse(graph, pattern.targets, needed, within))


def subject_uses(compiler: Compiler, subject: TermMap, graphs: list[TermMap | None]) -> None:
    """What a subject map gathers is made even if nothing is said of it."""
    if subject.gather is None:
        return
    compiler.position(subject)
    for each in graphs:
        note_uses(compiler, Pattern(subject, subject, subject, each))


def _use(compiler: Compiler, term_map: TermMap, use: GatherUse) -> None:
    assert term_map.gather is not None
    plan = compiler.gathers[term_map]
    plan.uses[use] = None
    use = replace(use, within=(*use.within, plan.relation))
    for each in term_map.gather.items:
        if isinstance(each, TermMap) and each.gather is not None:
            _use(compiler, each, use)
