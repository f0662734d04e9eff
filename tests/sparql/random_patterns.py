# SPDX-License-Identifier: Apache-2.0
"""Random graph patterns as the translation makes them, over a small vocabulary."""

from __future__ import annotations

from hypothesis import strategies as st

from semcube.io.terms import IRI, Literal
from semcube.sparql.algebra import (
    BGP,
    Algebra,
    Distinct,
    Exists,
    Expression,
    Extend,
    Filter,
    Graph,
    Group,
    Join,
    LeftJoin,
    Minus,
    OneOrMorePath,
    Operation,
    Path,
    PredicatePath,
    Project,
    TriplePattern,
    Union,
    Unit,
    Values,
    Variable,
    ZeroOrMorePath,
)
from semcube.sparql.scope import expression_variables, in_scope
from semcube.vocab import XSD_INTEGER

__all__ = ["GRAPHS", "NODES", "PATTERNS", "PREDICATES"]

VARIABLES = [Variable(name) for name in "abcd"]
NODES = [IRI(f"http://e/{name}") for name in "xyz"]
PREDICATES = [IRI(f"http://e/{name}") for name in "pq"]
GRAPHS = [IRI(f"http://e/{name}") for name in "gh"]
NUMBERS = [Literal(str(n), XSD_INTEGER) for n in range(3)]

variables = st.sampled_from(VARIABLES)
subjects = st.one_of(variables, variables, st.sampled_from(NODES))
objects = st.one_of(variables, variables, st.sampled_from(NODES), st.sampled_from(NUMBERS))
predicates = st.one_of(*[st.sampled_from(PREDICATES)] * 4, variables)
triples = st.builds(TriplePattern, subjects, predicates, objects)
bgps = st.lists(triples, min_size=1, max_size=2).map(lambda found: BGP(tuple(found)))
steps = st.sampled_from(PREDICATES).map(PredicatePath)
paths = st.builds(Path, subjects, st.one_of(steps.map(OneOrMorePath), steps.map(ZeroOrMorePath)), objects)


@st.composite
def values(draw: st.DrawFn) -> Values:
    chosen = draw(st.lists(variables, min_size=1, max_size=2, unique=True))
    cell = st.one_of(st.none(), st.sampled_from(NODES), st.sampled_from(NUMBERS))
    return Values(tuple(chosen), tuple(draw(st.lists(st.tuples(*[cell] * len(chosen)), max_size=3))))


def expressions(patterns: st.SearchStrategy[Algebra]) -> st.SearchStrategy[Expression]:
    leaf: st.SearchStrategy[Expression] = st.one_of(variables, st.sampled_from(NUMBERS), st.sampled_from(NODES))
    test = st.one_of(
        st.builds(lambda name, a, b: Operation(name, (a, b)), st.sampled_from(["=", "!=", "<", ">="]), variables, leaf),
        variables.map(lambda v: Operation("BOUND", (v,))),
        variables.map(lambda v: Operation("!", (Operation("BOUND", (v,)),))),
        st.builds(lambda a, b, c: Operation("=", (Operation("COALESCE", (a, b)), c)), variables, leaf, leaf),
        variables.map(lambda v: Operation("ISIRI", (v,))),
        patterns.map(Exists),
        patterns.map(lambda pattern: Operation("!", (Exists(pattern),))),
    )
    return st.recursive(
        test,
        lambda inner: st.builds(
            lambda name, a, b: Operation(name, (a, b)), st.sampled_from(["&&", "&&", "||"]), inner, inner
        ),
        max_leaves=3,
    )


def joined(left: Algebra, right: Algebra) -> Algebra:
    if isinstance(left, Unit):
        return right
    return left if isinstance(right, Unit) else Join(left, right)


@st.composite
def bound(draw: st.DrawFn, patterns: st.SearchStrategy[Algebra]) -> Algebra:
    pattern = draw(patterns)
    free = [v for v in [*VARIABLES, Variable("e"), Variable("f")] if v not in in_scope(pattern)]
    if not free:
        return pattern
    value = st.one_of(variables, st.sampled_from(NUMBERS), st.builds(lambda a: Operation("STR", (a,)), variables))
    return Extend(pattern, draw(st.sampled_from(free)), draw(value))


@st.composite
def selects(draw: st.DrawFn, patterns: st.SearchStrategy[Algebra]) -> Algebra:
    pattern = draw(patterns)
    found = sorted(in_scope(pattern), key=lambda v: v.name) or [Variable("a")]
    chosen = tuple(draw(st.lists(st.sampled_from(found), min_size=1, max_size=2, unique=True)))
    kind = draw(st.sampled_from(["project", "distinct", "group"]))
    if kind == "group":
        return Project(Group(pattern, tuple((v, v) for v in chosen), ()), chosen)
    return Project(pattern, chosen) if kind == "project" else Distinct(Project(pattern, chosen))


def filtered(expression: Expression, pattern: Algebra) -> Algebra:
    return Filter(expression, pattern) if expression_variables(expression) else pattern


def extend(patterns: st.SearchStrategy[Algebra]) -> st.SearchStrategy[Algebra]:
    conditions = expressions(bgps)
    return st.one_of(
        st.builds(joined, patterns, patterns),
        st.builds(joined, patterns, patterns),
        st.builds(filtered, conditions, patterns),
        st.builds(filtered, conditions, patterns),
        st.builds(LeftJoin, patterns, patterns, st.one_of(st.none(), conditions)),
        st.builds(Union, patterns, patterns),
        st.builds(Minus, patterns, patterns),
        st.builds(Graph, st.one_of(st.sampled_from(GRAPHS), st.just(Variable("n")), variables), patterns),
        bound(patterns),
        selects(patterns),
    )


PATTERNS: st.SearchStrategy[Algebra] = st.recursive(st.one_of(bgps, bgps, bgps, paths, values()), extend, max_leaves=6)
