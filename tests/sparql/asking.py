# SPDX-License-Identifier: Apache-2.0
"""Short ways to ask small data."""

from __future__ import annotations

from typing import Any

from semcube.io.terms import BlankNode, Term, key
from semcube.sparql.dataset import Dataset
from semcube.sparql.memory import MemoryDataset
from semcube.sparql.query import execute

PREFIX = "PREFIX : <http://e/> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>\n"
TURTLE = "@prefix : <http://e/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .\n"


def dataset(text: str, format: str = "trig") -> MemoryDataset:  # noqa: A002
    """A dataset of TriG with the prefix ``:``."""
    return MemoryDataset.parse(TURTLE + text, format)


def short(value: Term | None) -> str:
    """A term in few characters."""
    if value is None:
        return "-"
    if isinstance(value, BlankNode):
        return "_"
    text = key(value).replace("http://www.w3.org/2001/XMLSchema#", "xsd:")
    for ending in ('"^^<xsd:integer>', '"^^<xsd:decimal>', '"^^<xsd:boolean>'):
        if text.endswith(ending):
            return text[1 : -len(ending)]
    return ":" + text[10:-1] if text.startswith("<http://e/") else text


def ask(data: Dataset | str, query: str, **options: Any) -> list[str]:
    """The rows of a SELECT as short texts, sorted unless the query orders them."""
    source = dataset(data) if isinstance(data, str) else data
    rows = [" ".join(map(short, row)) for row in execute(PREFIX + query, source, **options).rows()]
    return rows if "ORDER BY" in query.rpartition("}")[2] else sorted(rows)


def triples(data: Dataset | str, query: str, **options: Any) -> list[str]:
    """The triples of a CONSTRUCT or DESCRIBE as short texts, sorted."""
    from semcube.io.terms import term

    source = dataset(data) if isinstance(data, str) else data
    answer = execute(PREFIX + query, source, **options)
    found = [" ".join(short(term(row[n])) for n in "spo") for batch in answer.quads() for row in batch.to_pylist()]
    return sorted(found)
