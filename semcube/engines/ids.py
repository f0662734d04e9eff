# SPDX-License-Identifier: Apache-2.0
"""How a term is a 64-bit integer.

An id is positive: ``tag`` in bits 56 to 62, payload in bits 0 to 55. 0 is *unbound*; in Arrow columns unbound is null.
Tags follow the order of ``ORDER BY`` (blank node, IRI, literal). Within one query two ids are equal if and only if the
terms are the same term, whatever source they come from.

- ``INTEGER`` holds canonical ``xsd:integer`` values inline (payload = value + ``BIAS``): ids order as the values do.
- ``BOOLEAN`` holds ``false`` and ``true`` inline as 0 and 1.
- Every other tag holds a number given by a dictionary. Numbers with bit ``LOCAL`` set belong to one query only.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "BIAS",
    "LOCAL",
    "PAYLOAD",
    "SHIFT",
    "UNBOUND",
    "Tag",
    "boolean_id",
    "first",
    "integer_id",
    "last",
    "make",
    "tag",
]


class Tag(IntEnum):
    """What kind of term an id stands for."""

    BLANK = 1
    IRI = 2
    STRING = 3
    """``xsd:string``"""
    LANGUAGE = 4
    """``rdf:langString``"""
    INTEGER = 5
    """``xsd:integer`` in canonical form, inline"""
    NUMERIC = 6
    """any other literal of a numeric datatype with a valid lexical form"""
    BOOLEAN = 7
    """``xsd:boolean`` in canonical form (``true``, ``false``), inline"""
    TEMPORAL = 8
    """``xsd:dateTime``, ``xsd:date``, ``xsd:time`` with a valid lexical form"""
    GEOMETRY = 9
    """a literal of a geometry datatype, valid or not"""
    OTHER = 10
    """any other literal, ill-typed ones included"""


UNBOUND = 0
SHIFT = 56
PAYLOAD = (1 << SHIFT) - 1
LOCAL = 1 << 55
BIAS = 1 << 54


def make(kind: Tag, payload: int) -> int:
    """The id of a tag and a payload.

    Example:
        >>> tag(make(Tag.IRI, 7)).name
        'IRI'
    """
    return (int(kind) << SHIFT) | payload


def tag(number: int) -> Tag:
    """The tag of one id."""
    return Tag(number >> SHIFT)


def first(kind: Tag) -> int:
    """The smallest id of a tag; ``BETWEEN first(tag) AND last(tag)`` selects a tag in SQL."""
    return int(kind) << SHIFT


def last(kind: Tag) -> int:
    """The largest id of a tag."""
    return first(kind) | PAYLOAD


def integer_id(value: int) -> int | None:
    """The inline id of an integer, None where it is too large to be inline.

    Example:
        >>> integer_id(2) - integer_id(-3)
        5
    """
    return make(Tag.INTEGER, value + BIAS) if -BIAS <= value < BIAS else None


def boolean_id(value: bool) -> int:
    """The inline id of a boolean."""
    return make(Tag.BOOLEAN, int(value))
