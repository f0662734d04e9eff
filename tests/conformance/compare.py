# SPDX-License-Identifier: Apache-2.0
"""Equality of results up to the names of blank nodes, decided by pyoxigraph's canonical form of graphs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pyoxigraph as ox

from semcube.io.terms import BlankNode, Literal, Term, key, term

XSD = "http://www.w3.org/2001/XMLSchema#"
RS = "http://www.w3.org/2001/sw/DataAccess/tests/result-set#"
NUMERIC = {XSD + name for name in ("integer", "decimal", "double", "float")}
Row = tuple[Term | None, ...]


def term_from_oxigraph(node: object) -> Term | None:
    """A pyoxigraph term as ours."""
    if node is None:
        return None
    if isinstance(node, ox.NamedNode):
        return term(f"<{node.value}>")
    if isinstance(node, ox.BlankNode):
        return BlankNode(node.value)
    assert isinstance(node, ox.Literal)
    return Literal(node.value, node.datatype.value, node.language)


def comparable(value: Term) -> str:
    """A term as text; numbers of one datatype that are equal give the same text."""
    if isinstance(value, Literal) and value.datatype in NUMERIC:
        try:
            number = Decimal(value.lexical)
        except InvalidOperation:
            return key(value)
        exact = value.datatype in (XSD + "integer", XSD + "decimal")
        return f"{number.normalize() if exact else float(number)!r} {value.datatype}"
    return key(value)


def _node(value: Term) -> ox.BlankNode | ox.Literal:
    return ox.BlankNode(value.label) if isinstance(value, BlankNode) else ox.Literal(comparable(value))


def _canonical(quads: Iterable[ox.Quad]) -> set[str]:
    dataset = ox.Dataset(quads)
    dataset.canonicalize(ox.CanonicalizationAlgorithm.UNSTABLE)
    return {str(quad) for quad in dataset}


def same_bindings(
    variables: Sequence[str], rows: Sequence[Row], expected_variables: Sequence[str], expected: Sequence[Row]
) -> bool:
    """Whether two tables hold the same bag of solutions up to blank nodes."""
    if set(variables) != set(expected_variables) or len(rows) != len(expected):
        return False
    return _canonical(_solutions(variables, rows)) == _canonical(_solutions(expected_variables, expected))


def _solutions(variables: Sequence[str], rows: Sequence[Row]) -> Iterable[ox.Quad]:
    """Each solution as a blank node with a property per bound variable; equal solutions are counted."""
    counts: dict[tuple[tuple[str, Term], ...], int] = {}
    for row in rows:
        solution = tuple(sorted(((n, v) for n, v in zip(variables, row, strict=True) if v is not None), key=str))
        counts[solution] = counts.get(solution, 0) + 1
    for number, (solution, count) in enumerate(counts.items()):
        subject = ox.BlankNode(f"solution{number}")
        yield ox.Quad(subject, ox.NamedNode("urn:count"), ox.Literal(str(count)))
        for name, value in solution:
            yield ox.Quad(subject, ox.NamedNode(f"urn:variable:{name}"), _node(value))


def same_graphs(triples: Iterable[tuple[Term, ...]], expected: Iterable[tuple[Term, ...]]) -> bool:
    """Whether two graphs (or datasets, with a fourth term) are isomorphic."""
    return _canonical(map(_quad, triples)) == _canonical(map(_quad, expected))


def _quad(terms: tuple[Term, ...]) -> ox.Quad:
    nodes = [ox.NamedNode(t.value) if hasattr(t, "value") else _node(t) for t in terms]
    return ox.Quad(*nodes)


def read_results(path: Path) -> tuple[list[str], list[Row]] | bool:
    """Expected results: SPARQL XML, JSON or TSV, or RDF in the result-set vocabulary."""
    if path.suffix == ".ttl":
        return _read_result_set(path)
    formats = {
        ".srx": ox.QueryResultsFormat.XML,
        ".srj": ox.QueryResultsFormat.JSON,
        ".tsv": ox.QueryResultsFormat.TSV,
    }
    found = ox.parse_query_results(path.read_bytes(), formats[path.suffix])
    if isinstance(found, ox.QueryBoolean):
        return bool(found)
    names = [variable.value for variable in found.variables]
    return names, [tuple(term_from_oxigraph(row[name]) for name in names) for row in found]


def _read_result_set(path: Path) -> tuple[list[str], list[Row]] | bool:
    """Results in the RDF vocabulary of the first test suite."""
    triples = read_graph(path)
    of: dict[tuple[Term, str], list[Term]] = {}
    for subject, predicate, value in triples:
        of.setdefault((subject, predicate.value.removeprefix(RS)), []).append(value)  # type: ignore[union-attr]
    truth = [value.lexical for (_, name), values in of.items() if name == "boolean" for value in values]  # type: ignore[union-attr]
    if truth:
        return truth[0] == "true"
    names = [value.lexical for (_, name), values in of.items() if name == "resultVariable" for value in values]  # type: ignore[union-attr]
    rows: list[Row] = []
    for solution in [value for (_, name), values in of.items() if name == "solution" for value in values]:
        bindings = of.get((solution, "binding"), [])
        row = {of[b, "variable"][0].lexical: of[b, "value"][0] for b in bindings}  # type: ignore[union-attr]
        rows.append(tuple(row.get(name) for name in names))
    return names, rows


def read_graph(path: Path) -> list[tuple[Term, ...]]:
    """The triples of a file."""
    base = path.resolve().as_uri()
    formats = {".ttl": ox.RdfFormat.TURTLE, ".rdf": ox.RdfFormat.RDF_XML, ".nt": ox.RdfFormat.N_TRIPLES}
    quads = ox.parse(path.read_bytes(), formats[path.suffix], base_iri=base)
    return [tuple(map(term_from_oxigraph, (q.subject, q.predicate, q.object))) for q in quads]  # type: ignore[misc]
