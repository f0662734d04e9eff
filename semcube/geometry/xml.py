# SPDX-License-Identifier: Apache-2.0
"""XML of a literal, read with bounds: no document type, no entities, bounded depth and size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import numpy as np

from semcube.errors import GeometryError

__all__ = ["local_name", "numbers", "read_xml", "tuples"]

MAX_DEPTH = 64
MAX_ELEMENTS = 2_000_000
MAX_TAG = 32_000
_LONG_TAG = re.compile(rf"<[^<>]{{{MAX_TAG}}}")
MAX_CHARACTERS = 128 * 1024 * 1024
_SPACE = " \t\r\n"


class _Bounded(ElementTree.TreeBuilder):
    """A tree builder that stops below a depth, and before it fills the memory."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.elements = 0

    def start(self, tag: str, attrs: dict[str, str]) -> ElementTree.Element:
        self.depth += 1
        self.elements += 1 + len(attrs)
        if self.elements > MAX_ELEMENTS:
            raise GeometryError(f"more than {MAX_ELEMENTS} elements and attributes")
        if self.depth > MAX_DEPTH:
            raise GeometryError(f"elements nested deeper than {MAX_DEPTH}")
        return super().start(tag, attrs)

    def end(self, tag: str) -> ElementTree.Element:
        self.depth -= 1
        return super().end(tag)


def read_xml(text: str) -> ElementTree.Element:
    """The root element of a literal.

    Raises:
        GeometryError: It is not well-formed, too deep, too long, or has a document type declaration.

    Example:
        >>> local_name(read_xml('<gml:Point xmlns:gml="http://www.opengis.net/gml"/>'))
        'Point'
    """
    if len(text) > MAX_CHARACTERS:
        raise GeometryError(f"{len(text)} characters of XML", expected=f"at most {MAX_CHARACTERS}")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise GeometryError("a document type declaration", expected="plain XML without DTD or entities")
    if len(text) > MAX_TAG and _LONG_TAG.search(text):
        # The parser compares each attribute with all others of its element.
        raise GeometryError(f"a tag of more than {MAX_TAG} characters")
    parser = ElementTree.XMLParser(target=_Bounded())
    try:
        # A literal is characters: an encoding that its XML declaration names no longer applies.
        parser.feed(re.sub(r"^\s*<\?xml[^>]*\?>", "", text).strip())
        root: ElementTree.Element = parser.close()
    except ElementTree.ParseError as reason:
        hint = " (declare the prefix with xmlns)" if "unbound prefix" in str(reason) else ""
        raise GeometryError(f"not well-formed XML: {reason}{hint}") from None
    return root


def local_name(element: ElementTree.Element) -> str:
    """The name of an element without its namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(element: ElementTree.Element, *names: str) -> Iterator[ElementTree.Element]:
    """The child elements with one of these local names."""
    return (child for child in element if local_name(child) in names)


def numbers(text: str | None) -> np.ndarray:
    """Numbers separated by white space.

    Raises:
        GeometryError: Something is not a finite number.
    """
    parts = (text or "").split()
    try:
        values = np.array(parts, dtype=object).astype(np.float64)
    except ValueError:
        raise GeometryError(f"coordinates {_shown(text)}", expected="decimal numbers") from None
    if not np.isfinite(values).all():
        raise GeometryError(f"coordinates {_shown(text)}", expected="finite numbers")
    return values


def tuples(text: str | None, decimal: str = ".", between: str = ",", after: str = " ") -> np.ndarray:
    """Coordinates of the form ``1,2 3,4`` as an array (N, 2) or (N, 3).

    Raises:
        GeometryError: A tuple has not 2 or 3 numbers, or not as many as the others.
    """
    text = (text or "").strip()
    if not text:
        return np.empty((0, 2))
    if between.strip(_SPACE):
        # Blanks around the separator inside a tuple are common in the wild.
        text = re.sub(rf"\s*{re.escape(between)}\s*", between, text)
    parts = text.split() if not after.strip(_SPACE) else [part.strip() for part in text.split(after) if part.strip()]
    rows = [part.split() if not between.strip(_SPACE) else part.split(between) for part in parts]
    width = len(rows[0])
    if width not in (2, 3) or any(len(row) != width for row in rows):
        raise GeometryError(f"coordinates {_shown(text)}", expected="tuples of 2 or of 3 numbers")
    flat = " ".join(value for row in rows for value in row)
    return numbers(flat.replace(decimal, ".") if decimal != "." else flat).reshape(-1, width)


def _shown(text: str | None) -> str:
    text = (text or "").strip()
    return repr(text if len(text) <= 60 else text[:57] + "...")
