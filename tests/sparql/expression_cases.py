# SPDX-License-Identifier: Apache-2.0
"""Expressions as text for the tests of expressions, functions and aggregates."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from semcube.io.terms import Literal, Term, key
from semcube.sparql.algebra import Expression, Extend, Project
from semcube.sparql.context import Context
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.expressions import effective_boolean, evaluate
from semcube.sparql.parser import parse_query
from semcube.sparql.terms import QueryTerms
from semcube.vocab import PREFIXES, XSD

PROLOGUE = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in PREFIXES.items())


def context(**options: Any) -> Context:
    """A context without data."""
    return Context(dataset=None, terms=QueryTerms(None), **options)  # type: ignore[arg-type]


@lru_cache(maxsize=4096)
def expression(text: str) -> Expression:
    """The algebra of an expression."""
    pattern = parse_query(f"{PROLOGUE}SELECT (({text}) AS ?result) {{}}").form.pattern
    assert isinstance(pattern, Project)
    assert isinstance(pattern.pattern, Extend)
    return pattern.pattern.expression


def answer(text: str, some: Context | None = None) -> str | None:
    """The key of an expression's term with the datatype shortened, None for an error."""
    some = some or context()
    (number,) = evaluate(expression(text), Solutions.unit(), some).tolist()
    return None if number == 0 else short(some.terms.term(number))


def short(term: Term) -> str:
    """A term in a form that reads well in a table of cases: ``5``, ``2.0``, ``true``, ``'text'``, ``'x'@en``."""
    if isinstance(term, Literal) and term.datatype.startswith(XSD):
        name = term.datatype[len(XSD) :]
        if name in ("integer", "decimal", "boolean"):
            return term.lexical
        return f"'{term.lexical}'" if name == "string" else f"'{term.lexical}'^^{name}"
    return key(term).replace('"', "'")


def table(rows: list[tuple[Term | None, ...]], names: list[str], some: Context) -> Solutions:
    """Solutions of terms."""
    columns = {name: some.terms.intern_terms([row[i] for row in rows]) for i, name in enumerate(names)}
    return Solutions(columns, len(rows))


def answers(text: str, rows: list[tuple[Term | None, ...]], names: list[str]) -> list[str | None]:
    """The answers of an expression for each row."""
    some = context()
    ids = evaluate(expression(text), table(rows, names, some), some)
    return [None if term is None else short(term) for term in some.terms.terms(ids)]


def truths(text: str, rows: list[tuple[Term | None, ...]], names: list[str]) -> list[int]:
    """The effective boolean values of an expression for each row."""
    some = context()
    found = effective_boolean(expression(text), table(rows, names, some), some)
    assert found.dtype == np.int8
    return found.tolist()  # type: ignore[no-any-return]
