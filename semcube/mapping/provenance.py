# SPDX-License-Identifier: Apache-2.0
"""Who made data: the model and its run as PROV, from the command line or from a file.

A run (``prov:Activity``) is associated with a model (``prov:SoftwareAgent``); what the model made is
``prov:wasGeneratedBy`` the run. W3C PROV-O, section 3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from semcube.errors import SourceError, UsageError
from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.mapping.build import constant, predicate, rule
from semcube.mapping.graph import term_of
from semcube.mapping.model import Constant, LogicalSource, TermMap, TermType, TriplesMap
from semcube.vocab import DCTERMS, PROV, RDF_TYPE, RDFS, SCHEMA, XSD_BOOLEAN, XSD_DATETIME, XSD_DOUBLE, XSD_INTEGER

__all__ = ["Facts", "provenance_rules", "read_model"]

Facts = list[tuple[Term, str, Term]]
"""Subject, predicate, object."""

_MODEL_FACTS = {
    "name": RDFS + "label",
    "version": SCHEMA + "softwareVersion",
    "description": DCTERMS + "description",
    "creator": DCTERMS + "creator",
    "license": DCTERMS + "license",
    "licence": DCTERMS + "license",
    "url": SCHEMA + "url",
    "citation": DCTERMS + "bibliographicCitation",
}
_RUN_FACTS = {"started": PROV + "startedAtTime", "ended": PROV + "endedAtTime", "used": PROV + "used"}


def read_model(items: Sequence[str], run: str, model: str) -> Facts:
    """What is known of a model and its run.

    Args:
        items: ``NAME=VALUE`` each, or the name of a Turtle, JSON or YAML file. ``name``, ``version``, ``description``,
            ``creator``, ``license``, ``url`` and ``citation`` describe the model with terms of Dublin Core and
            schema.org; ``started``, ``ended`` and ``used`` describe the run with those of PROV; any other name is a
            ``schema:additionalProperty`` of the model.
        run: IRI of the run.
        model: IRI of the model; that of a Turtle file is used instead, if one is given.

    Raises:
        UsageError: An item is neither ``NAME=VALUE`` nor a file.
        SourceError: A file cannot be read, or does not say which resource is the model.

    Example:
        >>> facts = read_model(["name=Crop model", "version=2"], "http://d/run", "http://d/model")
        >>> [fact[2].lexical for fact in facts if isinstance(fact[2], Literal)]
        ['Crop model', '2']
    """
    facts: Facts = []
    given: list[tuple[str, Any]] = []
    for item in items:
        if Path(item).suffix.lower() in (".ttl", ".nt"):
            found, model = _turtle(Path(item))
            facts += found
        elif Path(item).suffix.lower() in (".json", ".yaml", ".yml") and "=" not in item:
            given += _document(Path(item)).items()
        else:
            name, equals, value = item.partition("=")
            if not equals or not name.strip():
                raise UsageError(f"--model {item!r}", expected="NAME=VALUE, or a .ttl, .json or .yaml file")
            given.append((name.strip(), value.strip()))
    own, made_by = IRI(run), IRI(model)
    facts += [
        (own, RDF_TYPE, IRI(PROV + "Activity")),
        (own, PROV + "wasAssociatedWith", made_by),
        (made_by, RDF_TYPE, IRI(PROV + "SoftwareAgent")),
    ]
    for number, (name, value) in enumerate(given, 1):
        facts += _fact(own, made_by, name.lower(), value, number)
    return list(dict.fromkeys(facts))


def _fact(run: IRI, model: IRI, name: str, value: Any, number: int) -> Facts:
    if name in _RUN_FACTS:
        term = _term(value)
        if isinstance(term, Literal) and name != "used":
            term = Literal(_instant(term.lexical, name), XSD_DATETIME)
        return [(run, _RUN_FACTS[name], term)]
    if name in _MODEL_FACTS:
        return [(model, _MODEL_FACTS[name], _term(value))]
    node = IRI(f"{model.value}/property-{number}")
    return [
        (model, SCHEMA + "additionalProperty", node),
        (node, RDF_TYPE, IRI(SCHEMA + "PropertyValue")),
        (node, SCHEMA + "name", Literal(name)),
        (node, SCHEMA + "value", _term(value)),
    ]


def _term(value: Any) -> Term:
    """A value of a document as a term: an IRI if it looks like one of the web, else a literal by its type."""
    if isinstance(value, bool):
        return Literal(str(value).lower(), XSD_BOOLEAN)
    if isinstance(value, int):
        return Literal(str(value), XSD_INTEGER)
    if isinstance(value, float):
        return Literal(repr(value), XSD_DOUBLE)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return IRI(text) if re.fullmatch(r"(https?://|urn:)[^\s<>\"{}|\\^`]+", text) else Literal(text)


def _instant(text: str, name: str) -> str:
    import datetime

    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--model {name}={text}", expected="a date and time such as 2024-05-01T12:00:00Z") from None
    return found.isoformat().replace("+00:00", "Z")


def _document(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix.lower() == ".json" else None
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot be read: {error}", source=path) from None
    found = _yaml(path, text) if found is None else found
    if not isinstance(found, dict):
        raise SourceError("holds no names and values", source=path, expected="a mapping such as name: Crop model")
    return {str(name): value for name, value in found.items()}


def _yaml(path: Path, text: str) -> Any:
    try:
        yaml = import_module("yaml")
    except ImportError:
        fix = "install it, or write the file as JSON"
        raise SourceError("YAML needs the package pyyaml", source=path, fix=fix) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SourceError(f"cannot be read: {error}", source=path) from None


def _turtle(path: Path) -> tuple[Facts, str]:
    """The triples of a file, and its model: the one software agent, else the one IRI that is described."""
    import pyoxigraph

    try:
        quads = list(pyoxigraph.parse(path=str(path)))
    except (OSError, SyntaxError, ValueError) as error:
        raise SourceError(f"cannot be read: {error}", source=path) from None
    facts = [(term_of(q.subject), q.predicate.value, term_of(q.object)) for q in quads]
    agents = {s.value for s, p, o in facts if p == RDF_TYPE and o == IRI(PROV + "SoftwareAgent") and isinstance(s, IRI)}
    named = agents or {s.value for s, _, _ in facts if isinstance(s, IRI)}
    if len(named) != 1:
        raise SourceError(
            f"{len(named)} resources could be the model", source=path, expected="one that is a prov:SoftwareAgent"
        )
    return facts, named.pop()


def provenance_rules(prefix: str, source: LogicalSource, facts: Facts) -> list[TriplesMap]:
    """Triples maps that write facts once; the source has one row.

    Args:
        prefix: Start of the names of the triples maps.
        source: A table of one row.
        facts: What to write.
    """
    subjects = list(dict.fromkeys(each[0] for each in facts))
    return [
        rule(
            f"{prefix}-{number}", source, _constant(subject), (),
            *(predicate(p, _constant(o)) for s, p, o in facts if s == subject),
        )
        for number, subject in enumerate(subjects, 1)
    ]  # fmt: skip


def _constant(term: Term) -> TermMap:
    if isinstance(term, IRI):
        return constant(term.value)
    kind = TermType.BLANK if isinstance(term, BlankNode) else TermType.LITERAL
    return TermMap(Constant(term), kind)
