# SPDX-License-Identifier: Apache-2.0
"""RDF terms: as Python values at the edges, as *keys* in Arrow columns everywhere else.

A **key** is the N-Triples form of a term with its lexical form left unescaped: ``<http://a>``, ``_:b0``,
``"5"^^<http://www.w3.org/2001/XMLSchema#integer>``, ``"chat"@fr``, ``"plain"``. The last ``"`` of a literal's key
ends its lexical form, so a key is unambiguous, and two terms are the same term if and only if their keys are equal
(language tags are lower-cased, ``xsd:string`` is never written). A batch of quads is four key columns, ``QUADS``.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from semcube.vocab import RDF_LANG_STRING, XSD_STRING

QUADS = pa.schema(
    [
        pa.field("s", pa.large_string(), nullable=False),
        pa.field("p", pa.large_string(), nullable=False),
        pa.field("o", pa.large_string(), nullable=False),
        pa.field("g", pa.large_string()),
    ]
)
"""Quads as keys; a null ``g`` is the default graph. Columns may be dictionary-encoded."""

KIND_IRI, KIND_BLANK, KIND_LITERAL = 0, 1, 2

TERMS = pa.schema(
    [
        pa.field("kind", pa.int8(), nullable=True),
        pa.field("lexical", pa.large_string()),
        pa.field("datatype", pa.large_string()),
        pa.field("language", pa.large_string()),
    ]
)
"""Terms as columns: kind 0 IRI, 1 blank node, 2 literal (null: unbound); ``lexical`` is the IRI, the label or the
lexical form; ``datatype`` is null unless a literal; ``language`` is null unless language-tagged."""


@dataclass(frozen=True, slots=True)
class IRI:
    """An IRI.

    Example:
        >>> key(IRI("http://example.org/a"))
        '<http://example.org/a>'
    """

    value: str


@dataclass(frozen=True, slots=True)
class BlankNode:
    """A blank node; its label has no meaning outside its dataset."""

    label: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal with its exact lexical form.

    Example:
        >>> key(Literal("chat", language="fr"))
        '"chat"@fr'
    """

    lexical: str
    datatype: str = XSD_STRING
    language: str | None = None

    def __post_init__(self) -> None:
        if self.language is not None:
            object.__setattr__(self, "language", self.language.lower())
            object.__setattr__(self, "datatype", RDF_LANG_STRING)


Term = IRI | BlankNode | Literal


def key(term: Term) -> str:
    """The key of a term.

    Example:
        >>> key(Literal("01", "http://www.w3.org/2001/XMLSchema#integer"))
        '"01"^^<http://www.w3.org/2001/XMLSchema#integer>'
    """
    if isinstance(term, IRI):
        return f"<{term.value}>"
    if isinstance(term, BlankNode):
        return f"_:{term.label}"
    if term.language is not None:
        return f'"{term.lexical}"@{term.language}'
    if term.datatype == XSD_STRING:
        return f'"{term.lexical}"'
    return f'"{term.lexical}"^^<{term.datatype}>'


def term(text: str) -> Term:
    """The term of a key.

    Example:
        >>> term('"chat"@fr')
        Literal(lexical='chat', datatype='http://www.w3.org/1999/02/22-rdf-syntax-ns#langString', language='fr')
    """
    if text.startswith("<"):
        return IRI(text[1:-1])
    if text.startswith("_:"):
        return BlankNode(text[2:])
    end = text.rindex('"')
    lexical, rest = text[1:end], text[end + 1 :]
    if rest.startswith("@"):
        return Literal(lexical, language=rest[1:])
    return Literal(lexical, rest[3:-1]) if rest else Literal(lexical)
