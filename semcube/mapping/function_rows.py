# SPDX-License-Identifier: Apache-2.0
"""The functions of GREL and idlab-fn that are known, one row each: in SQL (DuckDB) and in Python."""

from __future__ import annotations

import functools
import hashlib
import html
import math
import operator
import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from semcube.mapping.functions import FUNCTIONS, Function, Parameter

__all__: list[str] = []

_F = TypeVar("_F", bound=Callable[..., Any])

_VALUE = "valueparam valueparameter valueparam1 valueparameter1 str value input inputstr p_string_value"
_NAMES = {
    "value": _VALUE,
    "other": "valueparam2 valueparameter2 otherstr str2 expectedstr p_string_other string_sub substringparam",
    "find": "param_find p_string_find p_string_sub string_sub",
    "replace": "param_replace p_string_replace",
    "separator": "p_string_sep param_string_sep separator delimiter sep",
    "from": "p_int_i_from param_int_i_from",
    "to": "p_int_i_opt_to param_int_i_opt_to p_int_i_to",
    "mode": "modeparam modeparameter p_mode mode",
    "bool": "bool_b p_bool_b strboolean bool boolparam boolparameter param_rep_b param_bool",
    "then": "any_true p_any_true any expressionparameter",
    "else": "any_false p_any_false",
    "array": "p_array_a param_a array list p_list",
    "number": "param_dec_n p_dec_n param_int_n param_n n valueparam valueparameter",
    "second": "param_dec_d p_dec_d param_n2 d divisor exponent",
    "many": "param_rep_n param_rep_any param_dec_n param_dec_n2 param_n1 param_n2 "
    "valueparam valueparameter valueparam2 valueparameter2 p_rep_any param_x_array param_rep",
    "date": "p_date_d param_date_d strdate valueparam valueparameter p_datetime_d",
    "pattern": "p_string_format param_string_format strpattern pattern param_pattern",
    "unit": "p_string_unit param_string_unit unit timeunit",
}
BLANK = " \t\n\f\r"
NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
"""Texts that are numbers."""


def _parameters(spec: str) -> tuple[Parameter, ...]:
    """Parameters of ``kind:name`` separated by blanks; ``?`` may be left out, ``*`` takes all further values."""
    found = []
    for each in spec.split():
        kind, _, name = each.partition(":")
        names = _NAMES[name.rstrip("?*")].split()
        names += ["value", "any", "true", "str", "result"] if name.startswith("then") else []
        found.append(Parameter(kind, tuple(names), name.endswith("?"), name.endswith("*")))
    return tuple(found)


def _row(
    names: str, parameters: str, result: str, sql: str | Callable[[Sequence[str]], str], doc: str
) -> Callable[[_F], _F]:
    """Registers the function whose Python form follows; ``~`` after the names: nulls are given to it."""

    def register(python: _F) -> _F:
        strict = not names.endswith("~")
        spelled = tuple(names.rstrip("~ ").split())
        lowered = tuple(each.lower() for each in spelled)
        made = Function(spelled[0], lowered, _parameters(parameters), result, doc, sql, python, strict)
        FUNCTIONS.update(dict.fromkeys(lowered, made))
        return python

    return register


# --- texts ---------------------------------------------------------------------------------------------------------


def _upper(text: str) -> str:
    return "".join(each.upper() if len(each.upper()) == 1 else each for each in text)


def _lower(text: str) -> str:
    return "".join(each.lower() if len(each.lower()) == 1 else each for each in text)


_row("toUpperCase string_toUppercase", "text:value", "text", "upper({0})", "Capital letters.")(_upper)
_row("toLowerCase string_toLowercase", "text:value", "text", "lower({0})", "Small letters.")(_lower)
_row("string_trim trim strip", "text:value", "text", "trim({0}, ' ' || chr(9) || chr(10) || chr(12) || chr(13))",
     "Without blanks at both ends.")(lambda text: text.strip(BLANK))  # fmt: skip
_row("string_length length", "text:value", "integer", "length({0})", "Number of characters.")(len)
_row("string_replace replace", "text:value text:find text:replace", "text", "replace({0}, {1}, {2})",
     "Every occurrence replaced.")(lambda text, old, new: text.replace(old, new) if old else text)  # fmt: skip
_row("string_replaceRegex replaceRegex", "text:value text:find text:replace", "text",
     "regexp_replace({0}, {1}, {2}, 'g')", "Every match of a regular expression (RE2) replaced.")(
     lambda text, old, new: re.sub(old, new, text))  # fmt: skip
_row("string_contains contains stringContainsOtherString string_containsStr",
     "text:value text:other text:separator?", "boolean", "contains({0}, {1})",
     "Whether the other is within a text.")(lambda text, other, _=None: other in text)  # fmt: skip
_row("string_startsWith startsWith", "text:value text:other", "boolean", "starts_with({0}, {1})",
     "Whether a text begins with the other.")(lambda text, other: text.startswith(other))  # fmt: skip
_row("string_endsWith endsWith", "text:value text:other", "boolean", "ends_with({0}, {1})",
     "Whether a text ends with the other.")(lambda text, other: text.endswith(other))  # fmt: skip
_row("string_match match", "text:value text:pattern", "boolean", "regexp_matches({0}, {1})",
     "Whether a regular expression (RE2) matches somewhere.")(
     lambda text, pattern: re.search(pattern, text) is not None)  # fmt: skip
_row("string_indexOf indexOf", "text:value text:other", "integer", "strpos({0}, {1}) - 1",
     "Where the other begins, from 0; -1 if nowhere.")(lambda text, other: text.find(other))  # fmt: skip
_row("string_toTitlecase toTitleCase", "text:value", "text",
     "array_to_string(list_transform(string_split(lower({0}), ' '), "
     "lambda w: upper(left(w, 1)) || substr(w, 2)), ' ')", "Each word with a capital.")(
     lambda text: " ".join(_upper(word[:1]) + word[1:] for word in _lower(text).split(" ")))  # fmt: skip
_row("string_reverse reverse", "text:value", "text", "reverse({0})", "Backwards.")(lambda text: text[::-1])
_row("string_md5 md5", "text:value", "text", "md5({0})", "MD5 in hexadecimal.")(
    lambda text: hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
)
_row("string_sha1 sha1", "text:value", "text", "sha1({0})", "SHA-1 in hexadecimal.")(
    lambda text: hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
)
_row("hash string_sha256 sha256", "text:value", "text", "sha256({0})", "SHA-256 in hexadecimal.")(
    lambda text: hashlib.sha256(text.encode()).hexdigest()
)
_row("toString string_toString other_toString", "text:value", "text", "{0}", "The lexical form.")(lambda text: text)
_row("alwaysReturnsABC", "", "text", "'ABC'", "The text ABC.")(lambda: "ABC")


@_row("string_substring substring", "text:value integer:from integer:to?", "text",
      "CASE WHEN {start} <= length({0}) THEN substr({0}, {start} + 1, greatest({stop} - {start}, 0)) END"
      .replace("{start}", "(CASE WHEN {1} < 0 THEN greatest(length({0}) + {1}, 0) ELSE {1} END)")
      .replace("{stop}", "(CASE WHEN {2} IS NULL THEN length({0}) WHEN {2} < 0 THEN length({0}) + {2} "
                         "ELSE least({2}, length({0})) END)"),
      "From one position, counted from 0, to before the other; negative ones count from the end.")  # fmt: skip
def _substring(text: str, start: int, stop: int | None = None) -> str | None:
    start = max(len(text) + start, 0) if start < 0 else start
    return None if start > len(text) else text[start : len(text) if stop is None else max(stop, -len(text) - 1)]


@_row("string_concat concat", "text:value text:other text:separator?", "text",
      lambda given: f"{given[0]} || COALESCE({given[2]}, '') || {given[1]}",
      "Two texts, with a separator if one is given.")  # fmt: skip
def _concat(text: str, other: str, separator: str | None = None) -> str:
    return text + (separator or "") + other


_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"))


def _escaped(text: str) -> str:
    for character, entity in _ESCAPES:
        text = f"replace({text}, '{character}', '{entity}')"
    return text


@_row("escape string_escape", "text:value text:mode", "text",
      lambda given: f"CASE lower({given[1]}) WHEN 'html' THEN {_escaped(given[0])} WHEN 'xml' THEN "
      f"{_escaped(given[0])} WHEN 'url' THEN url_encode({given[0]}) WHEN 'csv' THEN "
      f"'\"' || replace({given[0]}, '\"', '\"\"') || '\"' END",
      "Escaped for html, xml, url or csv.")  # fmt: skip
def _escape(text: str, mode: str) -> str | None:
    if mode.lower() in ("html", "xml"):
        return html.escape(text, quote=False).replace('"', "&quot;")
    return {"url": quote(text, safe=""), "csv": '"' + text.replace('"', '""') + '"'}.get(mode.lower())


@_row("toUpperCaseURL", "text:value", "text",
      "CASE WHEN starts_with(upper({0}), 'HTTP://') OR starts_with(upper({0}), 'HTTPS://') THEN upper({0}) "
      "ELSE 'http://' || upper({0}) END", "Capital letters, with http:// before if there is no scheme.")  # fmt: skip
def _upper_url(text: str) -> str:
    made = _upper(text)
    return made if made.startswith(("HTTP://", "HTTPS://")) else "http://" + made


@_row("slugify", "text:value", "text",
      "trim(regexp_replace(lower(strip_accents({0})), '[^a-z0-9]+', '-', 'g'), '-')",
      "Small letters and digits, all else a hyphen.")  # fmt: skip
def _slugify(text: str) -> str:
    plain = "".join(each for each in unicodedata.normalize("NFD", text) if not unicodedata.combining(each))
    return re.sub("[^a-z0-9]+", "-", _lower(plain)).strip("-")


# --- lists ---------------------------------------------------------------------------------------------------------

_row("string_split split", "text:value text:separator", "list",
     "CASE WHEN {0} = '' AND {1} = '' THEN []::VARCHAR[] "
     "WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN string_split({0}, {1}) END",
     "The parts between separators; without a separator, the characters.")(
     lambda text, separator: text.split(separator) if separator else list(text))  # fmt: skip
_row("array_join join", "list:array text:separator", "text", "array_to_string({0}, {1})",
     "The items with a separator between them.")(lambda items, separator: separator.join(items))  # fmt: skip
_row("array_length", "list:array", "integer", "len({0})", "Number of items.")(len)
_row("array_reverse", "list:array", "list", "list_reverse({0})", "Backwards.")(lambda items: items[::-1])
_row("array_sort", "list:array", "list", "list_sort({0})", "By code point.")(sorted)
_row("array_uniques", "list:array", "list", "list_distinct({0})", "Each item once.")(
    lambda items: list(dict.fromkeys(items))
)


@_row("array_get", "list:array integer:from", "text",
      "list_extract({0}, CAST(CASE WHEN {1} < 0 THEN {1} ELSE {1} + 1 END AS BIGINT))",
      "The item at a position, counted from 0; negative ones count from the end.")  # fmt: skip
def _array_get(items: list[str], place: int) -> str | None:
    return items[place] if -len(items) <= place < len(items) else None


# --- conditions ----------------------------------------------------------------------------------------------------

_row("isNull isBlank~", "any:value", "boolean", "({0} IS NULL)", "Whether there is no value.")(lambda v: v is None)
_row("isNotNull isNonBlank~", "any:value", "boolean", "({0} IS NOT NULL)", "Whether there is a value.")(
    lambda v: v is not None
)
_row("boolean_not not", "boolean:bool", "boolean", "NOT {0}", "The opposite.")(lambda b: not b)
_row("boolean_and and~", "boolean:bool*", "boolean", lambda given: " AND ".join(f"COALESCE({x}, false)" for x in given),
     "Whether all are true.")(lambda *all_of: all(bool(each) for each in all_of))  # fmt: skip
_row("boolean_or or~", "boolean:bool*", "boolean", lambda given: " OR ".join(f"COALESCE({x}, false)" for x in given),
     "Whether one is true.")(lambda *any_of: any(bool(each) for each in any_of))  # fmt: skip
_row("equal equals other_equals~", "any:value any:other", "boolean", "({0} IS NOT DISTINCT FROM {1})",
     "Whether two values are the same; numbers are compared as numbers.")(lambda a, b: a == b)  # fmt: skip
_row("notEqual notEquals~", "any:value any:other", "boolean", "({0} IS DISTINCT FROM {1})",
     "Whether two values differ.")(lambda a, b: a != b)  # fmt: skip
_row("greaterThan", "number:value number:other", "boolean", "{0} > {1}", "Whether a number is greater.")(
    lambda a, b: a > b
)
_row("lessThan", "number:value number:other", "boolean", "{0} < {1}", "Whether a number is less.")(lambda a, b: a < b)
_row("controls_if ifs if~", "boolean:bool any:then any:else?", "any", "CASE WHEN {0} THEN {1} ELSE {2} END",
     "One value where a condition holds, else the other or none.")(
     lambda test, then, other=None: then if test else other)  # fmt: skip
_row("trueCondition~", "boolean:bool any:then", "any", "CASE WHEN {0} THEN {1} END",
     "The value where a condition holds.")(lambda test, then: then if test else None)  # fmt: skip
_row("decide~", "any:value any:other any:then", "any", "CASE WHEN {0} IS NOT DISTINCT FROM {1} THEN {2} END",
     "A result where a value is the expected one.")(lambda a, b, then: then if a == b else None)  # fmt: skip
_row("other_coalesce coalesce~", "any:many*", "any", lambda given: f"COALESCE({', '.join(given)})",
     "The first value that is there.")(
     lambda *given: next((each for each in given if each is not None), None))  # fmt: skip
_row("listContainsElement array_contains", "list:array text:other", "boolean", "list_contains({0}, {1})",
     "Whether an item is among others.")(lambda items, item: item in items)  # fmt: skip

# --- numbers -------------------------------------------------------------------------------------------------------

_row("string_toNumber toNumber other_toNumber", "number:value", "number", "{0}", "The number that a text is.")(float)
_row("math_abs abs", "number:number", "number", "abs({0})", "Without its sign.")(abs)
_row("math_ceil ceil", "number:number", "integer", "CAST(ceil({0}) AS BIGINT)", "The next whole number.")(math.ceil)
_row("math_floor floor", "number:number", "integer", "CAST(floor({0}) AS BIGINT)", "The whole number before.")(
    math.floor
)
_row("math_round round", "number:number", "integer", "CAST(floor({0} + 0.5) AS BIGINT)",
     "The nearest whole number; halves up.")(lambda n: math.floor(n + 0.5))  # fmt: skip
_row("math_mod mod", "number:number number:second", "number", "CASE WHEN {1} <> 0 THEN {0} % {1} END",
     "The remainder, with the sign of the first.")(lambda n, d: math.fmod(n, d) if d else None)  # fmt: skip
_row("math_pow pow", "number:number number:second", "number", "pow({0}, {1})", "A power.")(math.pow)
_row("math_sum sum", "number:many*", "number", " + ".join, "The sum.")(lambda *n: functools.reduce(operator.add, n))
_row("math_multiply multiply", "number:many*", "number", " * ".join, "The product.")(lambda *n: math.prod(n))
_row("math_divide divide", "number:number number:second", "number", "CASE WHEN {1} <> 0 THEN {0} / {1} END",
     "The quotient.")(lambda n, d: n / d if d else None)  # fmt: skip
_row("math_subtract subtract", "number:number number:second", "number", "{0} - {1}", "The difference.")(
    lambda n, d: n - d
)


def _all_given(function: str) -> Callable[[Sequence[str]], str]:
    """SQL of a function that passes nulls by, made null by any of them."""
    return lambda given: (
        f"CASE WHEN {' AND '.join(f'{each} IS NOT NULL' for each in given)} THEN {function}({', '.join(given)}) END"
    )


_row("math_max max", "number:many*", "number", _all_given("greatest"), "The greatest.")(lambda *n: max(n))
_row("math_min min", "number:many*", "number", _all_given("least"), "The least.")(lambda *n: min(n))

# --- dates ---------------------------------------------------------------------------------------------------------

_PATTERN = (("yyyy", "%Y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S"), ("yy", "%y"))


def strftime_pattern(pattern: str) -> str:
    """A pattern such as ``dd.MM.yyyy`` in the letters of strftime; one with ``%`` stays.

    Example:
        >>> strftime_pattern("dd.MM.yyyy")
        '%d.%m.%Y'
    """
    for letters, code in () if "%" in pattern else _PATTERN:
        pattern = pattern.replace(letters, code)
    return pattern


@_row("date_toDate toDate normalizeDate", "text:date pattern:pattern", "date",
      "CAST(try_strptime({0}, {1}) AS DATE)",
      "The date that a text is, by a constant pattern such as dd.MM.yyyy or %d.%m.%Y.")  # fmt: skip
def _to_date(text: str, pattern: str) -> date | None:
    try:
        return datetime.strptime(text, pattern).date()
    except ValueError:
        return None


@_row("date_datePart datePart", "text:date text:unit", "integer",
      "CASE WHEN lower({1}) IN ('year', 'month', 'day') THEN "
      "date_part(lower({1}), TRY_CAST(left({0}, 10) AS DATE)) END",
      "The year, month or day of a date.")  # fmt: skip
def _date_part(text: str, unit: str) -> int | None:
    try:
        found = date.fromisoformat(text[:10])
    except ValueError:
        return None
    return {"year": found.year, "month": found.month, "day": found.day}.get(unit.lower())
