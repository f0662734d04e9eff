# SPDX-License-Identifier: Apache-2.0
"""Query texts that differ only in constants are parsed once.

The *shape* of a text is the text with a mark in place of each IRI, string and number. Texts of one shape have the same
tokens but for the content of those, so they have the same parse tree. The tree is kept, and given the constants of
each text; everything after it (translation, rewriting, planning) sees the text's own constants. So nothing has to be
known of what a constant means where it stands.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from lark import Token, Tree

if TYPE_CHECKING:
    from semcube.sparql.translate_terms import Node

__all__ = ["Moved", "Shapes"]

# IRIREF and STRING as the grammar has them; a number that nothing could make longer; comments hold no constants
_CONSTANT = re.compile(
    r"""(?P<IRIREF><[^<>"{}|^`\\\x00-\x20]*>)"""
    r"""|(?P<LONG>\"\"\"(?:"{0,2}(?:[^"\\]|\\[\\tbnrf"']))*\"\"\"|'''(?:'{0,2}(?:[^'\\]|\\[\\tbnrf"']))*''')"""
    r"""|(?P<STRING>"(?!"")(?:[^"\\\n\r]|\\[\\tbnrf"'])*"|'(?!'')(?:[^'\\\n\r]|\\[\\tbnrf"'])*')"""
    r"""|(?P<SIGNED>(?<=[\s(,=<>])[+-][0-9]+(?=[\s),]))"""
    r"""|(?P<INTEGER>(?<=[\s(,=<>])[0-9]+(?=[\s),]))"""
    r"""|(?P<NUMBER>(?<=[\s(,=<>])[0-9]+\.[0-9]+(?=[\s),]))"""
    r"""|#[^\r\n]*"""
)
_MOST = 100
"""A text with more constants is parsed as it is."""
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Scanned:
    """A text taken apart."""

    shape: str
    kinds: tuple[str, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class _Template:
    """The tree of a text, and where its constants are."""

    tree: Tree[Token]
    spans: tuple[Span, ...]
    places: dict[int, int]
    """Identity of a token in the tree -> number of its constant."""


class Moved:
    """Offsets in the text that a tree was made of -> offsets in a text of the same shape.

    Example:
        >>> moved = Moved(((2, 5),), ((2, 9),))
        >>> [moved(offset) for offset in (0, 2, 5, 6)]
        [0, 2, 9, 10]
    """

    def __init__(self, before: tuple[Span, ...], after: tuple[Span, ...]) -> None:
        self._ends = [end for _, end in before]
        longer = ((b[1] - b[0]) - (a[1] - a[0]) for a, b in zip(before, after, strict=True))
        self._shifts = [0, *accumulate(longer)]

    def __call__(self, offset: int) -> int:
        """The offset in the other text; no token begins or ends within a constant."""
        return offset + self._shifts[bisect_right(self._ends, offset)]


class Shapes:
    """Parse trees by shape; bounded, safe between threads.

    Args:
        parse: Gives the tree of a text.
        size: So many shapes are kept.
    """

    def __init__(self, parse: Callable[[str], Tree[Token]], size: int = 256) -> None:
        self._parse = parse
        self._size = size
        self._lock = threading.Lock()
        self._templates: OrderedDict[str, _Template | None] = OrderedDict()

    def tree(self, text: str) -> tuple[Tree[Token], Moved | None]:
        """The tree of a text, and how its positions are moved, if they are."""
        scanned = _scan(text)
        if scanned is None:
            return self._parse(text), None
        with self._lock:
            known = scanned.shape in self._templates
            template = self._templates.get(scanned.shape)
            if known:
                self._templates.move_to_end(scanned.shape)
        if template is not None:
            constants = [text[start:end] for start, end in scanned.spans]
            return _filled(template.tree, template.places, constants), Moved(template.spans, scanned.spans)
        tree = self._parse(text)
        if not known:
            with self._lock:
                self._templates[scanned.shape] = _template(tree, scanned)
                if len(self._templates) > self._size:
                    self._templates.popitem(last=False)
        return tree, None


def _scan(text: str) -> _Scanned | None:
    """The shape of a text; None where it is not worth while."""
    if "\x00" in text:
        return None
    pieces: list[str] = []
    kinds: list[str] = []
    spans: list[Span] = []
    end = 0
    for match in _CONSTANT.finditer(text):
        kind = match.lastgroup
        if kind is None:
            continue
        start = match.start()
        pieces += (text[end:start], "\x00", kind, text[start] if kind in ("STRING", "LONG") else "")
        end = match.end()
        kinds.append("STRING" if kind == "LONG" else kind)
        spans.append((start, end))
    if not spans or len(spans) > _MOST:
        return None
    pieces.append(text[end:])
    return _Scanned("".join(pieces), tuple(kinds), tuple(spans))


def _template(tree: Tree[Token], scanned: _Scanned) -> _Template | None:
    """The tree as a template; None where what looks like a constant is none to the parser."""
    wanted = {span: i for i, span in enumerate(scanned.spans)}
    places: dict[int, int] = {}
    for token in tree.scan_values(lambda part: isinstance(part, Token)):
        number = wanted.get((token.start_pos or 0, token.end_pos or 0))
        if number is not None and token.type == scanned.kinds[number]:
            places[id(token)] = number
    return _Template(tree, scanned.spans, places) if len(set(places.values())) == len(wanted) else None


def _filled(node: Node, places: dict[int, int], constants: list[str]) -> Tree[Token]:
    """A copy of a tree with other constants; what holds none is shared."""

    def copied(part: Node) -> Node:
        if isinstance(part, Token):
            number = places.get(id(part))
            return part if number is None else Token.new_borrow_pos(part.type, constants[number], part)
        children = [copied(child) for child in part.children]
        if all(new is old for new, old in zip(children, part.children, strict=True)):
            return part
        return Tree(part.data, children, part._meta)

    found = copied(node)
    assert isinstance(found, Tree)
    return found
