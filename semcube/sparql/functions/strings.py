# SPDX-License-Identifier: Apache-2.0
"""Functions on strings (SPARQL 1.1 section 17.4.3)."""

from __future__ import annotations

from urllib.parse import quote

from semcube.io.terms import Literal
from semcube.sparql.functions import columns_of_strings as columns
from semcube.sparql.functions.table import function
from semcube.sparql.values import ExpressionError, Object
from semcube.vocab import XSD_STRING


def _like(text: str, model: Literal) -> Literal:
    """Text with the language of another literal."""
    return Literal(text, XSD_STRING, model.language)


def _compatible(left: Literal, right: Literal) -> None:
    """Argument compatibility (section 17.4.3.1.2)."""
    if right.language is not None and right.language != left.language:
        raise ExpressionError("languages differ")


@function("STRLEN", ("string",), "integer", clause="SPARQL 1.1, 17.4.3.2", vector=columns.strlen)
def strlen(text: Literal) -> Object:
    """The number of characters (Unicode code points)."""
    return len(text.lexical)


@function(
    "SUBSTR",
    ("string", "integer", "integer"),
    "string",
    arity=(2, 3),
    clause="SPARQL 1.1, 17.4.3.3",
    vector=columns.substr,
)
def substr(text: Literal, start: int, length: int | None = None) -> Object:
    """The part from a character (the first is 1), to the end or of a length."""
    end = None if length is None else max(start - 1 + length, 0)
    return _like(text.lexical[max(start - 1, 0) : end], text)


@function("UCASE", ("string",), "string", clause="SPARQL 1.1, 17.4.3.4", vector=columns.ucase)
def ucase(text: Literal) -> Object:
    """In upper case."""
    return _like(text.lexical.upper(), text)


@function("LCASE", ("string",), "string", clause="SPARQL 1.1, 17.4.3.5", vector=columns.lcase)
def lcase(text: Literal) -> Object:
    """In lower case."""
    return _like(text.lexical.lower(), text)


@function("STRSTARTS", ("string", "string"), "boolean", clause="SPARQL 1.1, 17.4.3.6", vector=columns.strstarts)
def strstarts(text: Literal, start: Literal) -> Object:
    """Whether a string starts with another."""
    _compatible(text, start)
    return text.lexical.startswith(start.lexical)


@function("STRENDS", ("string", "string"), "boolean", clause="SPARQL 1.1, 17.4.3.7", vector=columns.strends)
def strends(text: Literal, end: Literal) -> Object:
    """Whether a string ends with another."""
    _compatible(text, end)
    return text.lexical.endswith(end.lexical)


@function("CONTAINS", ("string", "string"), "boolean", clause="SPARQL 1.1, 17.4.3.8", vector=columns.contains)
def contains(text: Literal, part: Literal) -> Object:
    """Whether a string contains another."""
    _compatible(text, part)
    return part.lexical in text.lexical


@function("STRBEFORE", ("string", "string"), "string", clause="SPARQL 1.1, 17.4.3.9")
def strbefore(text: Literal, mark: Literal) -> Object:
    """The part before the first occurrence of another string; the empty simple literal where there is none."""
    _compatible(text, mark)
    before, found, _ = text.lexical.partition(mark.lexical) if mark.lexical else ("", "x", "")
    return _like(before, text) if found else ""


@function("STRAFTER", ("string", "string"), "string", clause="SPARQL 1.1, 17.4.3.10")
def strafter(text: Literal, mark: Literal) -> Object:
    """The part after the first occurrence of another string; the empty simple literal where there is none."""
    _compatible(text, mark)
    _, found, after = text.lexical.partition(mark.lexical) if mark.lexical else ("", "x", text.lexical)
    return _like(after, text) if found else ""


@function("ENCODE_FOR_URI", ("string",), "simple literal", clause="SPARQL 1.1, 17.4.3.11")
def encode_for_uri(text: Literal) -> Object:
    """With every character but the unreserved ones of RFC 3986 percent-encoded."""
    return quote(text.lexical, safe="")


@function("CONCAT", ("string",), "string", arity=(0, None), clause="SPARQL 1.1, 17.4.3.12", vector=columns.concat)
def concat(*texts: Literal) -> Object:
    """All strings one after the other; keeps the language if all have the same one."""
    languages = {text.language for text in texts}
    joined = "".join(text.lexical for text in texts)
    return _like(joined, texts[0]) if len(languages) == 1 else joined


@function(
    "LANGMATCHES",
    ("simple literal", "simple literal"),
    "boolean",
    clause="SPARQL 1.1, 17.4.3.13",
    vector=columns.langmatches,
)
def langmatches(tag: str, wanted: str) -> Object:
    """Whether a language tag is in a language range (RFC 4647 basic filtering); ``*`` is any language."""
    if wanted == "*":
        return tag != ""
    tag, wanted = tag.lower(), wanted.lower()
    return tag == wanted or tag.startswith(wanted + "-")
