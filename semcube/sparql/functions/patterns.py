# SPDX-License-Identifier: Apache-2.0
"""REGEX and REPLACE: XPath regular expressions (F&O section 5.6.1) on RE2.

RE2 takes time linear in the text, so no pattern can stall an endpoint. What differs from XPath is said here:

- back-references in patterns (``\\1``) and repetitions above 1,000 are errors: RE2 has neither;
- ``.`` without the flag ``s`` matches a carriage return;
- ``\\w`` is ``[\\p{L}\\p{N}\\p{M}\\p{S}_]`` (XPath excludes the underscore), ``\\i`` and ``\\c`` are the XML name
  characters up to combining marks;
- blocks (``\\p{IsBasicLatin}``) are not known;
- character class subtraction works for plain classes (``[a-z-[aeiou]]``), one level deep.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.io.terms import Literal
from semcube.sparql.columns import ERROR, Column
from semcube.sparql.functions.table import function
from semcube.sparql.values import ExpressionError
from semcube.vocab import XSD_STRING

if TYPE_CHECKING:
    from semcube.sparql.context import Context

_NAME_START = r"\p{L}_:"
_NAME = r"\p{L}\p{N}\p{M}._:\-\x{B7}"
_CLASSES = {
    "d": r"\p{Nd}", "D": r"\P{Nd}",
    "s": r" \t\n\r", "w": r"\p{L}\p{N}\p{M}\p{S}_", "i": _NAME_START, "c": _NAME,
}  # fmt: skip
_NEGATED = {"S": "s", "W": "w", "I": "i", "C": "c"}
_ESCAPABLE = set(r"nrt\|.?*+(){}-[]^$")


@lru_cache(maxsize=512)
def translate(pattern: str, flags: str = "") -> tuple[str, int]:
    """An XPath regular expression in the syntax of RE2, and how many groups it has.

    Example:
        >>> translate("(a).b$", "si")
        ('(?si)(a).b\\\\z', 1)

    Raises:
        ExpressionError: The pattern or a flag is not allowed (err:FORX0001, err:FORX0002), or RE2 cannot express it.
    """
    if set(flags) - set("smixq"):
        raise ExpressionError(f"flags {flags!r}; expected some of s, m, i, x, q")
    options = "".join(flag for flag in "smi" if flag in flags)
    head = f"(?{options})" if options else ""
    if "q" in flags:
        return ("(?i)" if "i" in flags else "") + re.escape(pattern), 0
    if "x" in flags:
        pattern = _without_space(pattern)
    translation = _Translation(pattern, "m" in flags)
    return head + translation.whole(), translation.groups


def _without_space(pattern: str) -> str:
    """The pattern without white space outside of character classes (flag ``x``)."""
    kept, depth, place = [], 0, 0
    while place < len(pattern):
        step = pattern[place : place + 2] if pattern[place] == "\\" else pattern[place]
        depth += (step == "[") - (step == "]" and depth > 0)
        if depth or step not in " \t\n\r":
            kept.append(step)
        place += len(step)
    return "".join(kept)


class _Translation:
    """One pass over a pattern."""

    def __init__(self, pattern: str, multiline: bool) -> None:
        self.pattern, self.place, self.multiline = pattern, 0, multiline
        self.groups = 0

    def whole(self) -> str:
        out: list[str] = []
        while self.place < len(self.pattern):
            char = self.pattern[self.place]
            if char == "\\":
                out.append(self._escape(inside=False))
            elif char == "[":
                out.append(self._class())
            else:
                out.append(self._plain(char))
        return "".join(out)

    def _plain(self, char: str) -> str:
        """A character outside of classes."""
        rest = self.pattern[self.place :]
        if char == "(" and rest.startswith("(?") and not rest.startswith("(?:"):
            raise ExpressionError("a group of a kind that XPath does not have")
        if char == "{" and re.match(r"\{[0-9]+(,[0-9]*)?\}", rest) is None:
            raise ExpressionError("'{' that is no quantifier; write '\\{'")
        if char in "]" or (char == "}" and re.search(r"\{[0-9]+(,[0-9]*)?$", self.pattern[: self.place]) is None):
            raise ExpressionError(f"{char!r} that closes nothing")
        self.place += 1
        self.groups += char == "(" and not rest.startswith("(?")
        return "\\z" if char == "$" and not self.multiline else char

    def _escape(self, *, inside: bool) -> str:
        """A backslash and what follows."""
        char = self.pattern[self.place + 1 : self.place + 2]
        self.place += 2
        if char in ("p", "P"):
            match = re.compile(r"\{([LMNPSZC][a-zA-Z]?)\}").match(self.pattern, self.place)
            if match is None:
                raise ExpressionError("\\p without a general category in braces")
            self.place = match.end()
            return f"\\{char}{match[0]}"
        if char in ("d", "D"):
            return _CLASSES[char]
        if char in _CLASSES and char:
            return _CLASSES[char] if inside else f"[{_CLASSES[char]}]"
        if char in _NEGATED and char:
            if inside:
                raise ExpressionError(f"\\{char} inside a character class")
            return f"[^{_CLASSES[_NEGATED[char]]}]"
        if char in _ESCAPABLE and char:
            return "\\" + char
        raise ExpressionError(f"'\\{char}' is no escape that this build knows")

    def _class(self) -> str:
        """A character class, perhaps with a subtraction."""
        end = self.place + 1
        negated = self.pattern[end : end + 1] == "^"
        self.place = end + negated
        parts: list[str] = []
        while True:
            char = self.pattern[self.place : self.place + 1]
            if not char:
                raise ExpressionError("a character class without an end")
            if char == "]" and parts:
                self.place += 1
                return f"[{'^' if negated else ''}{''.join(parts)}]"
            if char == "-" and self.pattern[self.place + 1 : self.place + 2] == "[" and parts:
                self.place += 1
                return self._subtract(f"[{'^' if negated else ''}{''.join(parts)}]")
            if char in "[]":
                raise ExpressionError(f"'{char}' inside a character class; write '\\{char}'")
            if char == "\\":
                parts.append(self._escape(inside=True))
            else:
                parts.append(f"\\{char}" if char in "&~^" else char)
                self.place += 1

    def _subtract(self, base: str) -> str:
        """``[base-[taken]]``: RE2 has no subtraction, so the characters of plain classes are listed."""
        taken = self._class()
        if self.pattern[self.place : self.place + 1] != "]":
            raise ExpressionError("a subtraction that is not the end of its class")
        self.place += 1
        if "^" in base[:2]:
            raise ExpressionError("a subtraction from a class without an end")
        left, right = _compiled(base), _compiled(taken)
        codes = range(max(map(ord, base)) + 1)
        kept = [chr(code) for code in codes if left.fullmatch(chr(code)) and not right.fullmatch(chr(code))]
        return f"[{''.join(re.escape(char) for char in kept)}]" if kept else "[^\\x00-\\x{10FFFF}]"


def _compiled(character_class: str) -> re.Pattern[str]:
    """A translated class for Python."""
    if "\\p" in character_class or "\\P" in character_class:
        raise ExpressionError("a subtraction with categories")
    return re.compile(character_class.replace("\\x{B7}", "\\xb7"))


def _replacement(text: str, groups: int) -> str:
    """XPath's replacement string (``$1``, ``\\$``) in the syntax of RE2."""
    out: list[str] = []
    place = 0
    while place < len(text):
        char = text[place]
        if char == "\\":
            escaped = text[place + 1 : place + 2]
            if escaped not in ("\\", "$") or not escaped:
                raise ExpressionError("a backslash that escapes neither '\\' nor '$' (err:FORX0004)")
            out.append("\\\\" if escaped == "\\" else "$")
            place += 2
        elif char == "$":
            digits = re.compile("[0-9]+").match(text, place + 1)
            if digits is None:
                raise ExpressionError("'$' without a number (err:FORX0004)")
            number, used = int(digits[0][0]), 1
            while used < len(digits[0]) and number * 10 + int(digits[0][used]) <= groups:
                number, used = number * 10 + int(digits[0][used]), used + 1
            if number > 9:
                raise ExpressionError("more than nine groups in a replacement")
            out.append(f"\\{number}" if number <= groups else "")
            place += 1 + used
        else:
            out.append(char)
            place += 1
    return "".join(out)


def _calls(
    context: Context, arguments: list[Column], flags_at: int
) -> tuple[pa.Array, pa.Array, dict[tuple[str, ...], np.ndarray]]:
    """Texts, languages, and the rows of each distinct tuple of the other arguments."""
    terms = context.terms
    texts, languages = arguments[0].strings(terms)
    usable = np.asarray(texts.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    others: list[list[str | None]] = []
    for column in arguments[1:]:
        found, language = column.strings(terms)
        plain = found.to_pylist()
        tagged = language.is_valid().to_pylist()
        others.append([None if tag else text for text, tag in zip(plain, tagged, strict=True)])
    if len(arguments) == flags_at:
        others.append([""] * len(texts))
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, call in enumerate(zip(*others, strict=True)):
        if usable[row] and None not in call:
            groups.setdefault(call, []).append(row)
    return texts, languages, {call: np.array(rows) for call, rows in groups.items()}


@function(
    "REGEX",
    ("string", "simple literal", "simple literal"),
    "boolean",
    arity=(2, 3),
    clause="SPARQL 1.1, 17.4.3.14",
    columns=True,
)
def regex(context: Context, arguments: list[Column]) -> Column:
    """Whether a part of a string matches a regular expression; flags s, m, i, x, q."""
    texts, _, calls = _calls(context, arguments, 2)
    truth = np.full(arguments[0].rows, ERROR, np.int8)
    for (pattern, flags), rows in calls.items():
        try:
            found = pc.match_substring_regex(texts.take(pa.array(rows)), translate(pattern, flags)[0])
        except (ExpressionError, pa.ArrowInvalid):
            continue
        truth[rows] = found.to_numpy(zero_copy_only=False)
    return Column.of_truth(truth)


@function(
    "REPLACE",
    ("string", "simple literal", "simple literal", "simple literal"),
    "string",
    arity=(3, 4),
    clause="SPARQL 1.1, 17.4.3.15",
    columns=True,
)
def replace(context: Context, arguments: list[Column]) -> Column:
    """Every match of a regular expression replaced; ``$1`` is the first group, flags as of REGEX."""
    texts, languages, calls = _calls(context, arguments, 3)
    tongues = languages.to_pylist()
    result: list[Literal | None] = [None] * arguments[0].rows
    for (pattern, replacement, flags), rows in calls.items():
        try:
            new = _replaced(texts.take(pa.array(rows)), pattern, replacement, flags)
        except (ExpressionError, pa.ArrowInvalid):
            continue
        for row, text in zip(rows.tolist(), new.to_pylist(), strict=True):
            result[row] = Literal(text, XSD_STRING, tongues[row])
    return Column.of_objects(result)


def _replaced(texts: pa.Array, pattern: str, replacement: str, flags: str) -> pa.Array:
    """Texts with the matches replaced; a pattern that matches the empty string is an error (err:FORX0003)."""
    expression, groups = translate(pattern, flags)
    if pc.match_substring_regex(pa.array([""]), expression)[0].as_py():
        raise ExpressionError("the pattern matches the empty string (err:FORX0003)")
    new = replacement.replace("\\", "\\\\") if "q" in flags else _replacement(replacement, groups)
    return pc.replace_substring_regex(texts, expression, new)
