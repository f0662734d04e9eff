# SPDX-License-Identifier: Apache-2.0
"""Each rule against its pairs of texts, and all rules against the reference operators on random plans."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcube.io.terms import Term, key
from semcube.sparql import rewrite as rules
from semcube.sparql.algebra import BGP, Algebra, Graph, Project, Query, Select, Variable
from semcube.sparql.algebra import Path as PathPattern
from semcube.sparql.memory import MemoryDataset
from semcube.sparql.parser import parse_query
from semcube.sparql.query import Answer, new_context
from semcube.sparql.rewrite import RULES, rewrite
from semcube.sparql.rewrite.graphs import is_nullable
from semcube.sparql.rewrite.traverse import map_plan
from semcube.sparql.scope import visible
from semcube.sparql.unparse import unparse
from tests.sparql.random_patterns import GRAPHS, NODES, NUMBERS, PATTERNS, PREDICATES

FOLDER = Path(__file__).parent / "rewrite"


def pairs() -> list[Any]:
    """Rule, title, text before and after of each case of the fixture files."""
    found = []
    for path in sorted(FOLDER.glob("*.rq")):
        for case in path.read_text(encoding="utf-8").strip().split("\n\n"):
            title, _, rest = case.partition("\n")
            before, after = re.split(r"\n# ==>\n", rest)
            found.append(pytest.param(path.stem, before, after, id=f"{path.stem}: {title.lstrip('# ')}"))
    return found


def plain(plan: Algebra) -> Algebra:
    """GRAPH right above one pattern, as rules leave it."""

    def change(node: Algebra) -> Algebra:
        if isinstance(node, Graph) and isinstance(node.pattern, BGP):
            return dataclasses.replace(node.pattern, graph=node.name)
        if isinstance(node, Graph) and isinstance(node.pattern, PathPattern) and not is_nullable(node.pattern.path):
            return dataclasses.replace(node.pattern, graph=node.name)
        return node

    return map_plan(plan, change)


def plan_of(text: str) -> Algebra:
    return parse_query(f"PREFIX : <http://e/> {text}").form.pattern


@pytest.mark.parametrize(("rule", "before", "after"), pairs())
def test_pairs(rule: str, before: str, after: str) -> None:
    change: Callable[[Algebra], Algebra] = getattr(rules, rule)
    start = plan_of(before)
    found = change(start if change is rules.push_graphs or change is rewrite else plain(start))
    assert found == plain(plan_of(after)), unparse(found)
    assert change(found) == found


def test_every_rule_has_pairs() -> None:
    assert {path.stem for path in FOLDER.glob("*.rq")} == {rule.__name__ for rule in RULES} | {"rewrite"}


QUADS = st.lists(
    st.tuples(
        st.sampled_from(NODES),
        st.sampled_from(PREDICATES),
        st.sampled_from(NODES + NUMBERS),
        st.sampled_from([None, *GRAPHS]),
    ),
    max_size=12,
)


def solutions(
    plan: Algebra, variables: tuple[Variable, ...], dataset: MemoryDataset
) -> Counter[tuple[Term | None, ...]]:
    """The bag of solutions by the reference operators, without any further planning."""
    whole = Project(plan, variables)
    context = new_context(dataset, push_down="off")
    names = tuple(v.name for v in variables)
    return Counter(Answer("bindings", names, Query(Select(whole, variables)), context, whole).rows())


@given(PATTERNS, QUADS)
def test_rules_keep_the_solutions(plan: Algebra, quads: list[tuple[Term, Term, Term, Term | None]]) -> None:
    text = "".join(f"{' '.join(key(term) for term in quad if term is not None)} .\n" for quad in quads)
    dataset = MemoryDataset.parse(text, "nq")
    variables = tuple(sorted(visible(plan), key=lambda v: v.name))
    expected = None
    for rule in (*RULES, rewrite):
        changed = rule(plan)
        if changed == plan:
            continue
        if expected is None:
            expected = solutions(plan, variables, dataset)
        assert solutions(changed, variables, dataset) == expected, (rule, unparse(changed))


@given(PATTERNS)
def test_rewriting_ends(plan: Algebra) -> None:
    once = rewrite(plan)
    assert rewrite(once) == once
    assert set(visible(once)) == set(visible(plan))
