# SPDX-License-Identifier: Apache-2.0
"""SPARQL 1.1 text -> algebra."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache, lru_cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from semcube.errors import QueryError, QuerySyntaxError
from semcube.sparql.parser_errors import error_at, expected_phrase, found_phrase, suggestion
from semcube.sparql.shapes import Shapes
from semcube.sparql.translate_expressions import AGGREGATES, ARITY
from semcube.sparql.translate_queries import QueryTranslator
from semcube.sparql.translate_updates import UpdateTranslator

if TYPE_CHECKING:
    from semcube.sparql.algebra import Query, Update

__all__ = ["parse_query", "parse_update"]

KEPT_TEXT = 20_000
"""Queries of so many characters are kept parsed."""
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|\\|[uU])")


def parse_query(text: str, base: str | None = None) -> Query:
    """Parse a query and translate it to the algebra (SPARQL 1.1 sections 18.2 and 19).

    Args:
        text: The query.
        base: An absolute IRI that relative IRIs are resolved against until a ``BASE`` in the text.

    Returns:
        The query; ``span`` offsets refer to its ``text``, where codepoint escapes are already replaced.

    Raises:
        QuerySyntaxError: The text is no SPARQL 1.1 query, or breaks a rule on the scope of names.

    Example:
        >>> parse_query("SELECT ?s WHERE { ?s a <http://example.org/Road> }").form.variables
        (Variable(name='s'),)
        >>> parse_query("SELECT ?s WHERE { ?s geo:hasGeometry ?g }")
        Traceback (most recent call last):
        semcube.errors.QuerySyntaxError: line 1, column 22: the prefix 'geo:' of geo:hasGeometry; expected a declared
        prefix. To fix: add 'PREFIX geo: <http://www.opengis.net/ont/geosparql#>' at the start
          SELECT ?s WHERE { ?s geo:hasGeometry ?g }
                               ^
    """
    return (_query_once if len(text) <= KEPT_TEXT else _query)(text, base)


def _query(text: str, base: str | None) -> Query:
    text = _without_escapes(text)
    try:
        if len(text) > KEPT_TEXT:
            return QueryTranslator(text, base).query(_tree(text, "query_unit"))
        tree, moved = _shapes.tree(text)
        return QueryTranslator(text, base, moved).query(tree)
    except RecursionError:
        raise _too_deep() from None


@lru_cache(maxsize=256)
def _query_once(text: str, base: str | None) -> Query:
    """A text that was parsed lately is not parsed again; queries are never changed."""
    return _query(text, base)


def parse_update(text: str, base: str | None = None) -> Update:
    """Parse an update request (SPARQL 1.1 Update).

    Args:
        text: The request: operations with ``;`` between them.
        base: An absolute IRI that relative IRIs are resolved against until a ``BASE`` in the text.

    Returns:
        The operations in order.

    Raises:
        QuerySyntaxError: The text is no SPARQL 1.1 update, or breaks a rule on the scope of names.

    Example:
        >>> parse_update("CLEAR GRAPH <http://example.org/g>").operations
        (Clear(target=IRI(value='http://example.org/g'), silent=False),)
    """
    text = _without_escapes(text)
    try:
        return UpdateTranslator(text, base).update(_tree(text, "update_unit"))
    except RecursionError:
        raise _too_deep() from None


def _too_deep() -> QueryError:
    return QueryError(
        "a query nested too deeply", fix="split it, or replace long chains of conditions with VALUES or IN"
    )


@cache
def _grammar(start: str) -> Lark:
    """The parser of queries or of updates; its tables take about 0.1 s to build, once in a process."""
    text = files("semcube.sparql").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        text, parser="lalr", lexer="basic", start=start, maybe_placeholders=False, propagate_positions=True
    )  # fmt: skip


def _without_escapes(text: str) -> str:
    r"""The text with ``\uXXXX`` and ``\UXXXXXXXX`` replaced (section 19.2); an escaped backslash begins no escape."""
    if "\\u" not in text and "\\U" not in text:
        return text

    def character(match: re.Match[str]) -> str:
        digits = match[1] or match[2]
        if digits is None:
            if match[0] == "\\\\":
                return match[0]
            raise error_at(
                text, match.start(), f"'{match[0]}'", expected="4 hexadecimal digits after \\u, or 8 after \\U"
            )
        number = int(digits, 16)
        if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
            raise error_at(
                text, match.start(), f"'{match[0]}', which is no character", expected="a Unicode scalar value"
            )
        return chr(number)

    return _ESCAPE.sub(character, text)


def _tree(text: str, start: str) -> Tree[Token]:
    try:
        return _grammar(start).parse(text)
    except UnexpectedInput as error:
        raise _explained(text, start, error) from None


_shapes = Shapes(partial(_tree, start="query_unit"))


def _explained(text: str, start: str, error: UnexpectedInput) -> QuerySyntaxError:
    """The error in words; the text is read again up to the error to learn what could have stood there."""
    at_end = isinstance(error, UnexpectedEOF) or (isinstance(error, UnexpectedToken) and error.token.type == "$END")
    offset = len(text) if at_end else int(error.pos_in_stream or 0)
    interactive = _grammar(start).parse_interactive(text)
    with suppress(UnexpectedCharacters, UnexpectedToken):  # the very error to explain
        interactive.exhaust_lexer()
    accepts: set[str] = interactive.accepts()  # type: ignore[no-untyped-call]
    found, offset = found_phrase(text, offset)
    fix = suggestion(found, accepts, {*ARITY, *AGGREGATES})
    return error_at(text, offset, found, expected=expected_phrase(accepts), fix=fix)
