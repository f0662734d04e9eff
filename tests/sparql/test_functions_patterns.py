# SPDX-License-Identifier: Apache-2.0
"""REGEX and REPLACE: XPath's syntax, its errors, and time linear in the text."""

from __future__ import annotations

import time

import pytest

from semcube.io.terms import Literal
from semcube.sparql.functions.patterns import translate
from semcube.sparql.values import ExpressionError
from tests.sparql.expression_cases import answer, answers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'REGEX("foobar", "o+b")', "true"),
        (r'REGEX("foobar", "^bar")', "false"),
        (r'REGEX("foobar", "BAR", "i")', "true"),
        (r'REGEX("a\nb", "a.b")', "false"),
        (r'REGEX("a\nb", "a.b", "s")', "true"),
        (r'REGEX("a\nb", "a$")', "false"),
        (r'REGEX("a\n", "a$")', "false"),
        (r'REGEX("a\nb", "a$", "m")', "true"),
        (r'REGEX("a\nb", "^b", "m")', "true"),
        (r'REGEX("ab", " a b ", "x")', "true"),
        (r'REGEX("a b", "a[ ]b", "x")', "true"),
        (r'REGEX("a.b", "a.b", "q")', "true"),
        (r'REGEX("axb", "a.b", "q")', "false"),
        (r'REGEX("A.B", "a.b", "qi")', "true"),
        (r'REGEX("x", "x", "y")', None),
        (r'REGEX("x"@en, "x")', "true"),
        (r'REGEX("x", "x"@en)', None),
        (r'REGEX(1, "x")', None),
        (r'REGEX("x", "(")', None),
        (r'REGEX("x", "x{2")', None),
        (r'REGEX("x", "(?=x)")', None),
        (r'REGEX("xx", "(x)\\1")', None),
        (r'REGEX("٣", "^\\d$")', "true"),
        (r'REGEX("x", "\\d")', "false"),
        (r'REGEX("é", "^\\w$")', "true"),
        (r'REGEX("a\tb", "a\\sb")', "true"),
        (r'REGEX("é", "^\\p{Ll}$")', "true"),
        (r'REGEX("é", "\\P{L}")', "false"),
        (r'REGEX("é", "\\p{IsBasicLatin}")', None),
        (r'REGEX("b", "^[a-z-[aeiou]]$")', "true"),
        (r'REGEX("e", "^[a-z-[aeiou]]$")', "false"),
        (r'REGEX("\u0436", "^[\u0430-\u044f-[\u0431]]$")', "true"),
        (r'REGEX("-", "^[a\\-z]$")', "true"),
        (r'REGEX("]", "^[\\]]$")', "true"),
        (r'REGEX("a:b.c", "^\\i\\c*$")', "true"),
        (r'REGEX("aaa", "^a{2,3}$")', "true"),
        (r'REGEX("a", "\\z")', None),
        (r'REPLACE("abcd", "b", "Z")', "'aZcd'"),
        (r'REPLACE("abab"@en, "B", "Z", "i")', "'aZaZ'@en"),
        (r'REPLACE("abab", "(a)(b)", "$2$1")', "'baba'"),
        (r'REPLACE("abc", "b", "[$0]")', "'a[b]c'"),
        (r'REPLACE("abc", "(b)", "$12")', "'ab2c'"),
        (r'REPLACE("abc", "b", "$1")', "'ac'"),
        (r'REPLACE("abc", "(?:b)", "$1")', "'ac'"),
        (r'REPLACE("abc", "b", "\\$")', "'a$c'"),
        (r'REPLACE("abc", "b", "\\\\")', r"'a\c'"),
        (r'REPLACE("abc", "b", "\\n")', None),
        (r'REPLACE("abc", "b", "$")', None),
        (r'REPLACE("abc", "x*", "-")', None),
        (r'REPLACE("abc", "^", "-")', None),
        (r'REPLACE("a.c", ".", "$0", "q")', "'a$0c'"),
        (r'REPLACE("aAbBaC", "a", "~/", "i")', "'~/~/bB~/C'"),
        (r'REPLACE("abc", "b", "x"@en)', None),
    ],
)
def test_patterns(text: str, expected: str | None) -> None:
    assert answer(text) == expected


def test_patterns_that_differ_by_row() -> None:
    rows = [
        (Literal("abc"), Literal("b")),
        (Literal("abc"), Literal("x")),
        (Literal("abc"), Literal("(")),
        (None, Literal("b")),
    ]
    assert answers("REGEX(?text, ?pattern)", rows, ["text", "pattern"]) == ["true", "false", None, None]
    assert answers('REPLACE(?text, ?pattern, "-")', rows, ["text", "pattern"]) == ["'a-c'", "'abc'", None, None]


def test_no_pattern_stalls() -> None:
    start = time.perf_counter()
    assert answer('REGEX("' + "a" * 5000 + '", "^(a+)+$b")') == "false"
    assert time.perf_counter() - start < 5


def test_groups_are_counted() -> None:
    assert translate("(a)(?:b)[(]\\((c)") == ("(a)(?:b)[(]\\((c)", 2)
    with pytest.raises(ExpressionError):
        translate("[a", "")
