# SPDX-License-Identifier: Apache-2.0
"""The texts of YARRRML: templates with ``$(reference)``, prefixes, escapes and the marks ``~iri`` and ``~lang``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from semcube.mapping.functions import GREL, IDLAB
from semcube.vocab import PREFIXES, RDF_TYPE

__all__ = ["KNOWN_PREFIXES", "Texts", "split_call", "split_mark"]

KNOWN_PREFIXES = {
    **PREFIXES,
    "owl": "http://www.w3.org/2002/07/owl#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "void": "http://rdfs.org/ns/void#",
    "prov": "http://www.w3.org/ns/prov#",
    "dc": "http://purl.org/dc/terms/",
    "dcterms": "http://purl.org/dc/terms/",
    "dc11": "http://purl.org/dc/elements/1.1/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "org": "http://www.w3.org/ns/org#",
    "qb": "http://purl.org/linked-data/cube#",
    "schema": "http://schema.org/",
    "sosa": "http://www.w3.org/ns/sosa/",
    "ssn": "http://www.w3.org/ns/ssn/",
    "time": "http://www.w3.org/2006/time#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "cc": "http://creativecommons.org/ns#",
    "sioc": "http://rdfs.org/sioc/ns#",
    "rr": "http://www.w3.org/ns/r2rml#",
    "grel": GREL,
    "idlab-fn": IDLAB,
}
"""Prefixes that need no declaration: those of RDFa that are in use, and the project's."""

_REFERENCE = re.compile(r"\$\(((?:\\.|[^)\\])*)\)")


@dataclass
class Texts:
    """How the texts of one document are read."""

    prefixes: dict[str, str] = field(default_factory=dict)
    external: dict[str, str] = field(default_factory=dict)

    def expanded(self, text: str) -> str:
        """A text whose prefix, if it has a known one, is written out.

        Example:
            >>> Texts({"ex": "http://a/"}).expanded("ex:$(id)"), Texts().expanded("a b: c")
            ('http://a/$(id)', 'a b: c')
        """
        prefix, colon, rest = text.partition(":")
        namespace = self.prefixes.get(prefix, KNOWN_PREFIXES.get(prefix))
        is_name = colon and namespace is not None and not rest.startswith("//") and not re.search(r"\s", rest)
        return namespace + rest if is_name and namespace is not None else text

    def predicate(self, text: str) -> str:
        """As :meth:`expanded`, with ``a`` for the type."""
        return RDF_TYPE if text == "a" else self.expanded(text)

    def parts(self, text: str) -> list[tuple[bool, str]]:
        r"""Constant texts (False) and references (True); external references are filled in, escapes undone.

        Example:
            >>> Texts(external={"city": "Ghent"}).parts(r"$(_city)-$(id)\:$(\_city)")
            [(False, 'Ghent-'), (True, 'id'), (False, ':'), (True, '_city')]
        """
        found: list[tuple[bool, str]] = []

        def add(is_reference: bool, piece: str) -> None:
            if not is_reference and found and not found[-1][0]:
                found[-1] = (False, found[-1][1] + piece)
            elif piece:
                found.append((is_reference, piece))

        start = 0
        for match in _REFERENCE.finditer(text):
            add(False, _unescaped(text[start : match.start()]))
            name = match[1]
            if name.startswith("_") and name[1:] in self.external:
                add(False, self.external[name[1:]])
            else:
                add(True, _unescaped(name.removeprefix("\\") if name.startswith("\\_") else name))
            start = match.end()
        add(False, _unescaped(text[start:]))
        return found


def _unescaped(text: str) -> str:
    return re.sub(r"\\([:()~,$])", r"\1", text)


def split_mark(text: str) -> tuple[str, str | None]:
    r"""A text and the mark at its end.

    Example:
        >>> split_mark("ex:a~iri"), split_mark("en~lang"), split_mark("a")
        (('ex:a', 'iri'), ('en', 'lang'), ('a', None))
    """
    match = re.fullmatch(r"(?s)(.*[^\\])~(iri|lang|literal|blank)", text)
    return (match[1], match[2]) if match else (text, None)


def split_call(text: str) -> tuple[str, list[tuple[str, str]]] | None:
    """The function and the parameters of a call in one line; None if it is no call.

    Example:
        >>> split_call("ex:f(a = $(x), ex:b = 'y, z')")
        ('ex:f', [('a', '$(x)'), ('ex:b', 'y, z')])
        >>> split_call("ex:f") is None
        True
    """
    match = re.fullmatch(r"(?s)\s*([^()\s]+)\s*\((.*)\)\s*", text)
    if match is None:
        return None
    pairs = []
    for piece in filter(str.strip, _at_commas(match[2])):
        name, _, value = piece.partition("=")
        stripped = value.strip()
        if len(stripped) > 1 and stripped[0] == stripped[-1] and stripped[0] in "'\"":
            stripped = stripped[1:-1]
        pairs.append((name.strip(), stripped))
    return match[1], pairs


def _at_commas(text: str) -> list[str]:
    """The pieces between commas that are in no brackets and quotes."""
    pieces, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth and not quote:
            pieces.append("")
        else:
            pieces[-1] += character
    return pieces
