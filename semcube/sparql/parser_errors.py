# SPDX-License-Identifier: Apache-2.0
"""What to tell someone whose query does not parse: where, what was found, what could stand there."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from semcube.errors import QuerySyntaxError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["error_at", "expected_phrase", "found_phrase", "position", "suggestion"]

_WORD = re.compile(r"[^\s(){}\[\],;|&!=<>*/+\"'#]+")

_KINDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("a query (SELECT, CONSTRUCT, ASK or DESCRIBE)", frozenset({"SELECT", "CONSTRUCT", "ASK", "DESCRIBE"})),
    ("an update (INSERT, DELETE, LOAD, CLEAR ...)", frozenset({"INSERT", "DELETE", "LOAD", "CLEAR"})),
    ("a graph pattern keyword (OPTIONAL, FILTER, BIND ...)", frozenset({"OPTIONAL", "FILTER", "BIND"})),
    ("an expression", frozenset({"FUNCTION", "BANG", "VAR"})),
    ("a condition: an expression in brackets or a function call", frozenset({"FUNCTION", "EXISTS", "LPAR"})),
    ("a predicate (an IRI, 'a', a path or a variable)", frozenset({"A", "CIRCUMFLEX", "VAR"})),
    ("a path", frozenset({"A", "CIRCUMFLEX"})),
    ("a term (a variable, an IRI or a literal)", frozenset({"VAR", "IRIREF", "STRING"})),
    ("a term (an IRI or a literal)", frozenset({"IRIREF", "STRING"})),
    ("a variable or an IRI", frozenset({"VAR", "IRIREF"})),
    ("a variable", frozenset({"VAR"})),
    ("a prefix name such as 'ex:'", frozenset({"PNAME_NS"})),
    ("an IRI", frozenset({"IRIREF"})),
    ("a whole number", frozenset({"INTEGER"})),
    ("a string", frozenset({"STRING"})),
)
"""Phrases for sets of terminals that stand together; the first that fits is used."""

_COVERED = frozenset({
    "FUNCTION", "AGGREGATE", "EXISTS", "NOT", "BANG", "VAR", "IRIREF", "PNAME_LN", "PNAME_NS", "STRING", "INTEGER",
    "NUMBER", "SIGNED", "BOOLEAN", "LPAR", "LSQB", "BLANK_NODE_LABEL", "A", "CIRCUMFLEX", "PLUS", "DASH", "STAR",
    "SLASH", "OR", "AND", "EQUAL", "COMPARISON", "IN", "MINUS", "OPTIONAL", "FILTER", "BIND", "GRAPH", "SERVICE",
    "VALUES", "LBRACE", "SELECT", "CONSTRUCT", "ASK", "DESCRIBE", "BASE", "PREFIX", "INSERT", "DELETE", "LOAD",
    "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH", "UNION", "LANGTAG", "__ANON_0", "VBAR", "QUESTION",
    "UNDEF", "REDUCED", "DISTINCT",
})  # fmt: skip
"""Terminals that need not be named once a phrase has been found."""

_SYMBOLS = {
    "LPAR": "'('", "RPAR": "')'", "LBRACE": "'{'", "RBRACE": "'}'", "LSQB": "'['", "RSQB": "']'", "DOT": "'.'",
    "SEMICOLON": "';'", "COMMA": "','", "STAR": "'*'", "EQUAL": "'='", "$END": "the end of the text", "VBAR": "'|'",
    "SLASH": "'/'", "CIRCUMFLEX": "'^'", "PLUS": "'+'", "DASH": "'-'", "QUESTION": "'?'", "BANG": "'!'",
    "LANGTAG": "a language tag", "BOOLEAN": "true or false", "A": "'a'", "OR": "an operator", "AND": "an operator",
    "PNAME_LN": "a prefixed name", "NUMBER": "a number", "SIGNED": "a number", "FUNCTION": "a function",
    "AGGREGATE": "an aggregate", "BLANK_NODE_LABEL": "a blank node", "COMPARISON": "an operator",
}  # fmt: skip


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column (both from 1) of an offset.

    Example:
        >>> position("ab\\ncd", 4)
        (2, 2)
    """
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - start + 1


def error_at(
    text: str, offset: int, found: str, *, expected: str | None = None, fix: str | None = None
) -> QuerySyntaxError:
    """The error at an offset of a text."""
    line, column = position(text, offset)
    return QuerySyntaxError(found, line=line, column=column, expected=expected, fix=fix, text=text)


def found_phrase(text: str, offset: int) -> tuple[str, int]:
    """What stands at an offset in words, and where the word that it is part of begins."""
    if not text[offset:].strip():
        opened = _unclosed(text)
        if opened is None:
            return "the end of the text", len(text.rstrip())
        line, column = position(text, opened)
        return f"the end of the text, with '{text[opened]}' of line {line}, column {column} not closed", len(
            text.rstrip()
        )
    if text[offset] in "\"'":
        return f"a string that does not end: {text[offset : offset + 20].splitlines()[0]}", offset
    start = offset
    while start > 0 and (text[start - 1].isalnum() or text[start - 1] in "_:-?$"):
        start -= 1
    match = _WORD.match(text, start)
    if match is not None and match.end() > offset:
        return f"'{match[0]}'", start
    return f"'{text[offset]}'", offset


_TOKENS = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'(?:[^\\]|\\.)*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|<[^<>"{}|^`\\\s]*>|#[^\n]*'
    r"|[(){}\[\]]",
    re.DOTALL,
)


def _unclosed(text: str) -> int | None:
    """The offset of the innermost bracket that is still open at the end."""
    stack: list[int] = []
    for match in _TOKENS.finditer(text):
        if match[0] in ("(", "{", "["):
            stack.append(match.start())
        elif match[0] in (")", "}", "]") and stack:
            stack.pop()
    return stack[-1] if stack else None


def expected_phrase(terminals: Iterable[str]) -> str:
    """Terminals in human words.

    Example:
        >>> expected_phrase({"VAR", "IRIREF", "PNAME_LN"})
        'a variable or an IRI'
    """
    rest = set(terminals)
    phrases: list[str] = []
    for phrase, needed in _KINDS:
        if needed <= rest:
            phrases.append(phrase)
            rest -= needed | _COVERED
    phrases.extend(_SYMBOLS.get(name, name) for name in sorted(rest, key=lambda n: (n in _SYMBOLS, n)))
    phrases = list(dict.fromkeys(phrases))
    if len(phrases) < 2:
        return "".join(phrases)
    return ", ".join(phrases[:-1]) + " or " + phrases[-1]


def suggestion(found: str, terminals: Collection[str], functions: Collection[str]) -> str | None:
    """What to do about a word that cannot stand where it was found; None where there is nothing to say.

    Args:
        found: What was found, in quotes.
        terminals: What could stand there.
        functions: The names of functions and aggregates.

    Example:
        >>> suggestion("'FILTR'", {"FILTER", "RBRACE"}, ())
        'did you mean FILTER?'
    """
    word = found.strip("'").upper()
    if word in functions and "VAR" in terminals and "LPAR" in terminals and "FUNCTION" not in terminals:
        return f"write ({word}(...) AS ?name)"
    if word.startswith("<") and "COMPARISON" in terminals:
        return "put a space after '<'; without one it begins an IRI"
    keywords = {name for name in terminals if name.isalpha() and len(name) > 2 and name not in _SYMBOLS}
    if "FUNCTION" in terminals:
        keywords.update(functions)
    close = get_close_matches(word, sorted(keywords), 1, 0.75)
    return f"did you mean {close[0]}?" if close else None
