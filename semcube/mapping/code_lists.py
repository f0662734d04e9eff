# SPDX-License-Identifier: Apache-2.0
"""Code lists: tables of codes and labels that become SKOS concepts, to which coded columns then point."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from semcube.errors import SourceError, UsageError
from semcube.io.terms import Literal
from semcube.mapping.build import constant, iri_of, literal, predicate, rule
from semcube.mapping.iri import local_name
from semcube.mapping.model import Constant, LogicalSource, Reference, TermMap, TermType, TriplesMap
from semcube.vocab import DCTERMS, SKOS

__all__ = ["CodeList", "read_code_lists"]

_CODES = ("code", "notation", "value", "id")
_LABELS = ("label", "preflabel", "name", "title", "meaning")
_LANGUAGE = re.compile(r"(?:label|preflabel|name|title)_([a-z]{2})", re.IGNORECASE)
_BROADER = ("broader", "parent", "parent_code")


@dataclass(frozen=True)
class CodeList:
    """A table of codes."""

    path: Path
    start: str
    """IRI of its scheme with a ``/``; a concept is that and its code."""
    code: str
    label: str
    languages: tuple[tuple[str, str], ...]
    """Columns of labels in a language, with its tag."""
    broader: str | None
    """Column of the code of the broader concept."""

    def concept(self, column: str) -> TermMap:
        """The concept that a column of codes points to."""
        return iri_of(self.start, Reference(column))

    def maps(self) -> list[TriplesMap]:
        """Triples maps that make the scheme and its concepts."""
        source = LogicalSource(str(self.path))
        name = self.start.rstrip("/").rpartition("/")[2]
        scheme = constant(self.start.rstrip("/"))
        tagged = [
            predicate(SKOS + "prefLabel", replace(literal(column), language=tag)) for column, tag in self.languages
        ]
        untagged = predicate(SKOS + "prefLabel", literal(self.label))
        labels = tagged if self.label in dict(self.languages) else [untagged, *tagged]
        above = [predicate(SKOS + "broader", self.concept(self.broader))] if self.broader else []
        return [
            rule(
                f"#codes-{name}-scheme", source, scheme, (SKOS + "ConceptScheme",),
                predicate(DCTERMS + "title", TermMap(Constant(Literal(self.path.stem)), TermType.LITERAL)),
            ),
            rule(
                f"#codes-{name}", source, self.concept(self.code), (SKOS + "Concept",),
                *labels,
                predicate(SKOS + "notation", literal(self.code)),
                predicate(SKOS + "inScheme", scheme),
                *above,
            ),
        ]  # fmt: skip


def read_code_lists(items: Sequence[str], base: str) -> dict[str, CodeList]:
    """Coded column -> its code list.

    Args:
        items: ``COLUMN=FILE`` each. The file has a column of codes (``code``, ``notation``, ``value`` or ``id``, else
            the first) and one of labels (``label``, ``name``, ``title`` or ``meaning``, else the second); ``label_en``
            and the like are labels in a language, ``broader`` or ``parent`` is the code of the broader concept.
        base: Start of IRIs.

    Raises:
        UsageError: An item has no ``=``.
        SourceError: The file cannot be read or has one column only.
    """
    found: dict[str, CodeList] = {}
    for item in items:
        column, equals, path = item.partition("=")
        if not (equals and column and path):
            raise UsageError(f"--code-list {item!r}", expected="COLUMN=FILE, for example --code-list crop=crops.csv")
        found[column] = _read(Path(path), base)
    return found


def _read(path: Path, base: str) -> CodeList:
    from semcube.io import open_vector

    names = open_vector(path, crs=None).info.fields.names
    if len(names) < 2:
        raise SourceError(f"{len(names)} columns", source=path, expected="a column of codes and one of labels")
    lower = {name.lower(): name for name in reversed(names)}
    code = next((lower[name] for name in _CODES if name in lower), names[0])
    rest = [name for name in names if name != code]
    languages = tuple((name, match[1].lower()) for name in rest if (match := _LANGUAGE.fullmatch(name)))
    label = next((lower[name] for name in _LABELS if name in lower and lower[name] != code), rest[0])
    broader = next((lower[name] for name in _BROADER if name in lower), None)
    return CodeList(path, f"{base}codes/{local_name(path.stem, 1)}/", code, label, languages, broader)
