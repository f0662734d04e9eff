# SPDX-License-Identifier: Apache-2.0
"""IRI-safe text (R2RML section 7.3), IRIs from values, and labels of blank nodes: as SQL and, the same, in Python."""

from __future__ import annotations

import re
from urllib.parse import quote

__all__ = [
    "ABSOLUTE",
    "FORBIDDEN",
    "LANGUAGE_TAG",
    "NOT_ASCII",
    "UNWRITABLE",
    "blank_label",
    "blank_label_sql",
    "iri_safe",
    "iri_safe_sql",
    "is_language_tag",
    "local_name",
    "resolve_sql",
    "sql_text",
    "uri_safe",
]

_UCSCHAR = [(0xA0, 0xD7FF), (0xF900, 0xFDCF), (0xFDF0, 0xFFEF)] + [
    ((plane << 16) + (0x1000 if plane == 14 else 0), (plane << 16) + 0xFFFD) for plane in range(1, 15)
]
_SAFE_RE2 = "A-Za-z0-9._~\\-" + "".join(rf"\x{{{low:X}}}-\x{{{high:X}}}" for low, high in _UCSCHAR)
_SAFE = re.compile("[A-Za-z0-9._~\\-" + "".join(f"{chr(low)}-{chr(high)}" for low, high in _UCSCHAR) + "]")

LANGUAGE_TAG = r"([A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*|[xXiI](-[A-Za-z0-9]{1,8})+)"
"""Language tags by BCP 47, section 2.1; no language has a subtag of five to eight letters, so ``english`` is none."""
UNWRITABLE = r"[\x00-\x1F<>\\]"
"""Characters that would end or break an IRI in a line of N-Quads; not even unsafe IRIs may have them."""
NOT_ASCII = r"[^\x00-\x7F]"

ABSOLUTE = r"[A-Za-z][A-Za-z0-9+.\-]*:"
"""How an absolute IRI starts."""
FORBIDDEN = r"[\x00-\x20<>\"{}|\\^`]"
"""Characters that no IRI may have."""
_DOT_SEGMENT = r"(^|/)\.\.?(/|$)"


def iri_safe(text: str) -> str:
    """Text with everything but unreserved characters percent-encoded; letters of any script stay.

    Example:
        >>> iri_safe("São Paulo/1")
        'São%20Paulo%2F1'
    """
    return "".join(each if _SAFE.match(each) else quote(each, safe="") for each in text)


def uri_safe(text: str) -> str:
    """As :func:`iri_safe`, with letters of other scripts encoded too.

    Example:
        >>> uri_safe("São/1")
        'S%C3%A3o%2F1'
    """
    return quote(text, safe="")


def is_language_tag(text: str) -> bool:
    """Whether a text is a language tag.

    Example:
        >>> is_language_tag("en-GB"), is_language_tag("no tag")
        (True, False)
    """
    return re.fullmatch(LANGUAGE_TAG, text) is not None


def iri_safe_sql(text: str) -> str:
    """SQL for :func:`iri_safe`; safe text is passed through unchanged."""
    encode = (
        f"array_to_string(list_transform(regexp_extract_all({text}, '(?s)[{_SAFE_RE2}]+|.'), "
        f"lambda part: CASE WHEN regexp_full_match(part, '[{_SAFE_RE2}]+') THEN part ELSE url_encode(part) END), '')"
    )
    return f"CASE WHEN regexp_full_match({text}, '[{_SAFE_RE2}]*') THEN {text} ELSE {encode} END"


def blank_label(text: str) -> str:
    """A blank node label of any text; different texts have different labels.

    Example:
        >>> blank_label("a1"), blank_label("a 1")
        ('ba1', 'x612031')
    """
    return f"b{text}" if re.fullmatch("[A-Za-z0-9]+", text) else "x" + text.encode().hex()


def blank_label_sql(text: str) -> str:
    """SQL for :func:`blank_label`."""
    return f"CASE WHEN regexp_full_match({text}, '[A-Za-z0-9]+') THEN 'b' || {text} ELSE 'x' || lower(hex({text})) END"


def resolve_sql(text: str, base: str, forbidden: str = FORBIDDEN, *, dots: bool = False) -> str:
    """SQL for the IRI of a value: absolute as it is, else after the base; null where that is no IRI."""
    absolute = f"regexp_matches({text}, '^{ABSOLUTE}')"
    bad = f"regexp_matches({text}, '{forbidden}')"
    relative = f"CASE WHEN NOT regexp_matches({text}, '{_DOT_SEGMENT}') THEN {sql_text(base)} || {text} END"
    relative = f"{sql_text(base)} || {text}" if dots else relative
    return f"CASE WHEN {bad} THEN NULL WHEN {absolute} THEN {text} ELSE {relative} END"


def resolve(text: str, base: str, forbidden: str = FORBIDDEN, *, dots: bool = False) -> str | None:
    """The IRI of a value (R2RML section 7.3): absolute as it is, else after the base; None where that is no IRI.

    Example:
        >>> resolve("a", "http://b/"), resolve("urn:x", "http://b/"), resolve("a b", "http://b/")
        ('http://b/a', 'urn:x', None)
    """
    if re.search(forbidden, text):
        return None
    if re.match(ABSOLUTE, text):
        return text
    return None if not dots and re.search(_DOT_SEGMENT, text) else base + text


def sql_text(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def local_name(name: str, position: int) -> str:
    """A readable last part of an IRI for the name of a layer or column.

    Example:
        >>> local_name("Crop type (EU)", 3), local_name("????", 3)
        ('Crop_type_EU', 'column_3')
    """
    cleaned = re.sub(r"[^\w.\-]+", "_", name).strip("_.-")
    return cleaned or f"column_{position}"
