# SPDX-License-Identifier: Apache-2.0
"""N-Triples and N-Quads text <-> key columns, in numpy and Arrow kernels.

The reference is pyoxigraph. A line takes the fast path only where its shape leaves no doubt: terms separated by single
spaces, no escapes, IRIs and language tags inside a conservative pattern, `` .`` at the end. Every other line of a chunk
goes to pyoxigraph, so the two ways accept the same text and give the same terms.
Specification: https://www.w3.org/TR/n-triples/ and https://www.w3.org/TR/n-quads/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyoxigraph as ox

from semcube.errors import RDFSyntaxError, UnsupportedError
from semcube.io.terms import QUADS

__all__ = ["LineBatch", "Lines", "bytes_of", "keys_of_lines", "keys_of_quads", "lines_of_keys"]

Offsets = npt.NDArray[np.int64]

_UCS = r"\x{A0}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFEF}"
_PCHAR = rf"(?:[A-Za-z0-9._~!$&'()*+,;=:@{_UCS}-]|%[0-9A-Fa-f][0-9A-Fa-f])"
_IRI = (
    r"<[A-Za-z][A-Za-z0-9+.-]*:(?://[A-Za-z0-9._~-]*(?::[0-9]{1,4})?(?:/"
    + _PCHAR
    + r"*)*|"
    + _PCHAR
    + r"+(?:/"
    + _PCHAR
    + r"*)*)"
    r"(?:\?(?:" + _PCHAR + r"|[/?])*)?(?:#(?:" + _PCHAR + r"|[/?])*)?>"
)
_BLANK = r"_:[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_NODE_PATTERN = rf"^(?:{_IRI}|{_BLANK})$"
_IRI_PATTERN = rf"^{_IRI}$"
_OBJECT_PATTERN = rf"^(?:\"|{_IRI}$|{_BLANK}$)"
_TAIL_PATTERN = rf"^(?:|@[A-Za-z]{{2,3}}(?:-[A-Za-z]{{2}})?|\^\^{_IRI})$"
_STRING_TAIL = "^^<http://www.w3.org/2001/XMLSchema#string>"
_NORMALISED_TAIL = r"^(?:@.*[A-Z]|\^\^<http://www\.w3\.org/2001/XMLSchema#string>$)"
_ESCAPED_PATTERN = r"""^(?:[^"\\\x00]|\\[tbnrf"'\\])*$"""
_ESCAPES = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'"}
_SPECIAL_DATATYPES = (
    "^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#langString>",
    "^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#dirLangString>",
)


@dataclass(frozen=True, slots=True)
class LineBatch:
    """Lines of N-Quads that are ready to be written."""

    data: pa.Buffer
    quads: int


@dataclass(frozen=True)
class Lines:
    """What to do with a chunk of lines."""

    source: str
    graphs: bool
    """N-Quads, not N-Triples."""
    blank_prefix: str
    """Put before every blank node label, so that two documents never share one."""
    graph: str | None = None
    """Key of the graph for statements without one."""
    trusted: bool = False
    """The lines were written by pyoxigraph: terms need no check."""


def keys_of_lines(chunk: bytes, first_line: int, lines: Lines) -> pa.RecordBatch:
    """The quads of whole lines as keys.

    Args:
        chunk: UTF-8 text that ends with a line end.
        first_line: Number of its first line, for messages.
        lines: How to read it.

    Raises:
        RDFSyntaxError: A line does not parse.

    Example:
        >>> batch = keys_of_lines(b'<http://a> <http://b> "x" .\\n', 1, Lines("a.nt", False, ""))
        >>> batch.column("o").to_pylist()
        ['"x"']
    """
    if not chunk:
        return _empty()
    split = _split(chunk, lines)
    if split is None:
        return _reference(chunk, first_line, None, lines)
    batch, doubtful = split
    if not doubtful.size:
        return batch
    ends = np.flatnonzero(np.frombuffer(chunk, np.uint8) == 10)
    starts = np.concatenate([[0], ends[:-1] + 1])
    text = b"".join(chunk[starts[row] : ends[row] + 1] for row in doubtful.tolist())
    rest = _reference(text, first_line, doubtful, lines)
    return pa.concat_batches([batch, rest]) if rest.num_rows else batch


def _empty() -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in QUADS], schema=QUADS)


def _split(chunk: bytes, lines: Lines) -> tuple[pa.RecordBatch, Offsets] | None:
    """The sure lines as keys and the numbers of the others; None if the chunk as a whole is doubtful."""
    if not chunk.isascii():
        try:
            chunk.decode()
        except UnicodeDecodeError:
            return None
    text = np.frombuffer(chunk, np.uint8)
    ends = np.flatnonzero(text == 10)
    starts = np.concatenate([[0], ends[:-1] + 1]) if ends.size else ends
    if b"\r" in chunk:
        carriage = text[np.maximum(ends - 1, 0)] == 13
        if np.count_nonzero(text == 13) != np.count_nonzero(carriage):
            return None
        ends = ends - carriage
    spaces = np.append(np.flatnonzero(text == 32), [text.size] * 4)
    first = np.searchsorted(spaces, starts)
    after_s, after_p, stop = spaces[first], spaces[first + 1], ends - 2
    safe = np.maximum(stop, 0)
    sure = (stop > after_p + 1) & (text[safe] == 32) & (text[np.minimum(safe + 1, text.size - 1)] == 46)
    slashes = np.append(np.flatnonzero(text == 92) if b"\\" in chunk else [], text.size).astype(np.int64)
    escaped = slashes[np.searchsorted(slashes, starts)] < ends
    object_start = np.where(sure, after_p + 1, 0)
    literal = text[object_start] == 34
    quotes = np.append(np.flatnonzero(text == 34), [text.size] * 3)
    opening = np.searchsorted(quotes, object_start)
    # Without escapes there are two quotes; with escapes the last one ends the literal.
    closing = np.where(escaped, quotes[np.maximum(np.searchsorted(quotes, stop) - 1, 0)], quotes[opening + 1])
    two = (closing < stop) & (quotes[opening + 2] >= stop)
    sure &= np.where(literal, np.where(escaped, closing > object_start, two), ~escaped)
    tail = np.where(sure & literal, closing + 1, object_start)
    following = np.searchsorted(spaces, tail)
    object_end, graph_end = spaces[following], spaces[following + 1]
    named = (object_end < stop) & (graph_end == stop)
    sure &= (object_end == stop) | (named if lines.graphs else False)
    sure &= object_end > object_start
    columns = _Columns(
        text, chunk, starts, after_s, after_p, object_start, object_end, stop, tail, literal, named, escaped
    )
    sure = columns.check_escapes(sure)
    if not lines.trusted:
        sure = columns.check(sure)
    blank_lines = ends <= starts
    return columns.batch(np.flatnonzero(sure), lines), np.flatnonzero(~sure & ~blank_lines)


@dataclass(frozen=True)
class _Columns:
    """Where the terms of each line are, as offsets into the text."""

    text: npt.NDArray[np.uint8]
    chunk: bytes
    starts: Offsets
    after_s: Offsets
    after_p: Offsets
    object_start: Offsets
    object_end: Offsets
    stop: Offsets
    tail: Offsets
    literal: npt.NDArray[np.bool_]
    named: npt.NDArray[np.bool_]
    rewritten: npt.NDArray[np.bool_]
    """Literals whose key is not the text itself: escapes, capitals in the language tag, ``xsd:string``."""

    def cut(self, starts: Offsets, ends: Offsets) -> pa.Array:
        """The strings between offsets; both arrays ascend and do not overlap."""
        if not starts.size:
            return pa.array([], pa.large_string())
        offsets = np.empty(2 * starts.size, np.int64)
        offsets[0::2], offsets[1::2] = starts, ends
        pieces = pa.LargeStringArray.from_buffers(offsets.size - 1, pa.py_buffer(offsets), pa.py_buffer(self.chunk))
        return pieces.take(pa.array(np.arange(0, offsets.size - 1, 2)))

    def check_escapes(self, sure: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """The lines without an escape or with simple ones only."""
        rows = np.flatnonzero(sure & self.rewritten)
        good = sure.copy()
        if rows.size:
            lexical = self.cut(self.object_start[rows] + 1, self.tail[rows] - 1)
            good[rows] = _matches(lexical, _ESCAPED_PATTERN, encode=False)
        return good

    def check(self, sure: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """The lines whose terms are inside the patterns that need no further check."""
        rows = np.flatnonzero(sure)
        good = _matches(self.cut(self.starts[rows], self.after_s[rows]), _NODE_PATTERN)
        good &= _matches(self.cut(self.after_s[rows] + 1, self.after_p[rows]), _IRI_PATTERN)
        good &= _matches(self.cut(self.object_start[rows], self.object_end[rows]), _OBJECT_PATTERN, encode=False)
        literals = np.flatnonzero(self.literal[rows])
        if literals.size:
            tails = self.cut(self.tail[rows[literals]], self.object_end[rows[literals]])
            fine = _matches(tails, _TAIL_PATTERN)
            fine &= ~_numpy(pc.is_in(tails, pa.array(_SPECIAL_DATATYPES, pa.large_string())))
            good[literals] &= fine
            self.rewritten[rows[literals]] |= _matches(tails, _NORMALISED_TAIL)
        graphs = np.flatnonzero(self.named[rows])
        if graphs.size:
            good[graphs] &= _matches(
                self.cut(self.object_end[rows[graphs]] + 1, self.stop[rows[graphs]]), _NODE_PATTERN
            )
        checked = np.zeros_like(sure)
        checked[rows[good]] = True
        return checked

    def batch(self, rows: Offsets, lines: Lines) -> pa.RecordBatch:
        """The terms of ``rows`` as keys."""
        prefix = lines.blank_prefix
        graph = pa.nulls(rows.size, pa.large_string()) if lines.graph is None else pa.repeat(lines.graph, rows.size)
        named = self.named[rows] & lines.graphs
        if named.any():
            with_graph = rows[named]
            names = self._nodes(self.object_end[with_graph] + 1, self.stop[with_graph], prefix)
            graph = pc.replace_with_mask(graph.cast(pa.large_string()), pa.array(named), names)
        objects = self._nodes(self.object_start[rows], self.object_end[rows], prefix)
        rewritten = self.rewritten[rows]
        if rewritten.any():
            objects = pc.replace_with_mask(objects, pa.array(rewritten), self._literals(rows[rewritten]))
        return pa.RecordBatch.from_arrays(
            [
                self._nodes(self.starts[rows], self.after_s[rows], prefix),
                self.cut(self.after_s[rows] + 1, self.after_p[rows]),
                objects,
                graph.cast(pa.large_string()),
            ],
            schema=QUADS,
        )

    def _literals(self, rows: Offsets) -> pa.Array:
        """Keys of literals, unescaped and with their tails normalised."""
        lexical = self._unescaped(self.cut(self.object_start[rows] + 1, self.tail[rows] - 1))
        tail = self.cut(self.tail[rows], self.object_end[rows])
        tail = pc.if_else(pc.starts_with(tail, "@"), pc.utf8_lower(tail), tail)
        quote, nothing = (pa.scalar(x, pa.large_string()) for x in ('"', ""))
        tail = pc.if_else(pc.equal(tail, _STRING_TAIL), nothing, tail)
        return pc.binary_join_element_wise(quote, lexical, quote, tail, nothing)

    def _unescaped(self, lexical: pa.Array) -> pa.Array:
        escaped = pc.match_substring(lexical, "\\")
        if not pc.any(escaped).as_py():
            return lexical
        # A doubled backslash stands aside as U+0000, which a literal with escapes does not hold here.
        result = pc.replace_substring(lexical, "\\\\", "\0")
        for letter, character in _ESCAPES.items():
            if f"\\{letter}".encode() in self.chunk:
                result = pc.replace_substring(result, f"\\{letter}", character)
        return pc.if_else(escaped, pc.replace_substring(result, "\0", "\\"), lexical)

    def _nodes(self, starts: Offsets, ends: Offsets, prefix: str) -> pa.Array:
        """Terms, with ``prefix`` before the labels of blank nodes."""
        blank = self.text[starts] == 95
        if not prefix or not blank.any():
            return self.cut(starts, ends)
        labels = self.cut(starts + 2 * blank, ends)
        before = pc.if_else(
            pa.array(blank), pa.scalar(f"_:{prefix}", pa.large_string()), pa.scalar("", pa.large_string())
        )
        return pc.binary_join_element_wise(before, labels, pa.scalar("", pa.large_string()))


def _numpy(mask: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(mask.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _matches(values: pa.Array, pattern: str, *, encode: bool = True) -> npt.NDArray[np.bool_]:
    """Which values match; each distinct value is matched once."""
    if not encode:
        return _numpy(pc.match_substring_regex(values, pattern))
    coded = values.dictionary_encode()
    return np.asarray(_numpy(pc.match_substring_regex(coded.dictionary, pattern))[coded.indices.to_numpy()], np.bool_)


def _reference(text: bytes, first_line: int, rows: Offsets | None, lines: Lines) -> pa.RecordBatch:
    """The quads of lines by pyoxigraph; ``rows`` numbers the lines of ``text`` in the chunk."""
    syntax = ox.RdfFormat.N_QUADS if lines.graphs else ox.RdfFormat.N_TRIPLES
    try:
        quads = list(ox.parse(text, format=syntax))
    except SyntaxError as error:
        raise _first_error(text, error, syntax, lines.source, first_line, rows) from None
    return keys_of_quads(quads, lines)


def _first_error(
    text: bytes, error: SyntaxError, syntax: ox.RdfFormat, source: str, first_line: int, rows: Offsets | None
) -> RDFSyntaxError:
    """The error of the first bad line; pyoxigraph reports a missing dot on the line after it."""
    for number, line in enumerate(text.split(b"\n")):
        try:
            list(ox.parse(line, format=syntax))
        except SyntaxError as found:
            row = number if rows is None or number >= rows.size else int(rows[number])
            return syntax_error(found, source, first_line + row)
    return syntax_error(error, source, first_line)


def syntax_error(error: SyntaxError, source: str, first_line: int = 1) -> RDFSyntaxError:
    """pyoxigraph's error; ``first_line`` is the number of the first line of the text in its document."""
    number = None if error.lineno is None else error.lineno - 1 + first_line
    message = str(error.args[0]) if error.args else str(error)
    if message.startswith("Parser error") and ": " in message:
        message = message.partition(": ")[2]
    return RDFSyntaxError(message, source=source, line=number, column=error.offset)


def keys_of_quads(quads: Iterable[Any], lines: Lines) -> pa.RecordBatch:
    """The keys of pyoxigraph's quads, one by one: the reference."""
    columns: tuple[list[str], list[str], list[str], list[str | None]] = ([], [], [], [])
    for quad in quads:
        columns[0].append(_key(quad.subject, lines))
        columns[1].append(f"<{quad.predicate.value}>")
        columns[2].append(_key(quad.object, lines))
        graph = quad.graph_name
        columns[3].append(lines.graph if isinstance(graph, ox.DefaultGraph) else _key(graph, lines))
    return pa.RecordBatch.from_arrays([pa.array(c, pa.large_string()) for c in columns], schema=QUADS)


def _key(term: Any, lines: Lines) -> str:
    if isinstance(term, ox.NamedNode):
        return f"<{term.value}>"
    if isinstance(term, ox.BlankNode):
        return f"_:{lines.blank_prefix}{term.value}"
    if not isinstance(term, ox.Literal):
        raise UnsupportedError(
            f"{lines.source}: {term} is a triple term of RDF 1.2", expected="RDF 1.1", fix="reify the statement"
        )
    if term.language is not None:
        if getattr(term, "direction", None) is not None:
            raise UnsupportedError(f"{lines.source}: {term} has a base direction (RDF 1.2)", expected="RDF 1.1")
        return f'"{term.value}"@{term.language.lower()}'
    datatype = term.datatype.value
    return (
        f'"{term.value}"' if datatype == "http://www.w3.org/2001/XMLSchema#string" else f'"{term.value}"^^<{datatype}>'
    )


def lines_of_keys(batch: pa.RecordBatch) -> pa.Buffer:
    r"""N-Triples lines (N-Quads where a graph is named) of a batch of keys, as bytes.

    Example:
        >>> row = {"s": "<http://a>", "p": "<http://b>", "o": '"say "hi""', "g": None}
        >>> print(lines_of_keys(pa.RecordBatch.from_pylist([row], schema=QUADS)).to_pybytes().decode())
        <http://a> <http://b> "say \"hi\"" .
    """
    space, stop, nothing = (pa.scalar(x, pa.large_string()) for x in (" ", " .\n", ""))
    subject, predicate, object_, graph = (_plain(batch.column(name)) for name in ("s", "p", "o", "g"))
    parts = [_escape_nodes(subject), space, _escape_nodes(predicate), space, _escape_terms(object_)]
    if graph.null_count < len(graph):
        named = pc.binary_join_element_wise(space, _escape_nodes(graph), nothing)
        parts.append(pc.fill_null(named, nothing))
    joined = pc.binary_join_element_wise(*parts, stop, nothing)
    return bytes_of(joined)


def _plain(column: pa.Array) -> pa.Array:
    """A column as ``large_string``, dictionary or not."""
    return column if column.type == pa.large_string() else column.cast(pa.large_string())


def bytes_of(column: pa.Array) -> pa.Buffer:
    """The data of a ``large_string`` column, its values end to end."""
    if not len(column):
        return pa.py_buffer(b"")
    offsets = np.frombuffer(column.buffers()[1], np.int64)[column.offset : column.offset + len(column) + 1]
    return column.buffers()[2].slice(int(offsets[0]), int(offsets[-1] - offsets[0]))


def _starts(column: pa.Array) -> Offsets:
    """Where the non-empty values start in :func:`_bytes`."""
    if not len(column):
        return np.zeros(0, np.int64)
    offsets = np.frombuffer(column.buffers()[1], np.int64)[column.offset : column.offset + len(column) + 1]
    starts: Offsets = (offsets[:-1] - offsets[0])[np.diff(offsets) > 0]
    return starts


_IN_IRI = np.zeros(256, np.bool_)
_IN_IRI[[*range(33), *b'"{}|^`\\', 127]] = True
_IN_LITERAL = np.zeros(256, np.bool_)
_IN_LITERAL[[10, 13, 92]] = True


def _escape_nodes(column: pa.Array) -> pa.Array:
    """IRIs and blank nodes, with the characters that an IRI may not hold escaped."""
    data = np.frombuffer(bytes_of(column), np.uint8)
    iris = np.count_nonzero(data[_starts(column)] == 60)
    angles = np.count_nonzero(data == 60) + np.count_nonzero(data == 62)
    if not _IN_IRI[data].any() and angles == 2 * iris:
        return column
    coded = column.dictionary_encode()
    values = pa.array([_escape_node(text) for text in coded.dictionary.to_pylist()], pa.large_string())
    return pa.DictionaryArray.from_arrays(coded.indices, values).cast(pa.large_string())


def _escape_node(text: str) -> str:
    if not text.startswith("<"):
        return text
    inner = "".join(f"\\u{ord(c):04X}" if c in '<>"{}|^`\\' or ord(c) <= 32 or ord(c) == 127 else c for c in text[1:-1])
    return f"<{inner}>"


def _escape_terms(column: pa.Array) -> pa.Array:
    """Terms of any kind, escaped where needed."""
    data = np.frombuffer(bytes_of(column), np.uint8)
    literal = data[_starts(column)] == 34
    clean = not _IN_LITERAL[data].any() and np.count_nonzero(data == 34) == 2 * np.count_nonzero(literal)
    if not literal.all():
        nodes = column if not literal.any() else column.filter(pa.array(~literal))
        escaped = _escape_nodes(nodes)
        if escaped is not nodes:
            column = pc.replace_with_mask(column, pa.array(~literal), escaped)
            clean = clean and not literal.any()
    if clean:
        return column
    doubtful = literal & _numpy(pc.match_substring_regex(column, r"(?s)^\".*[\"\\\n\r].*\""))
    if not doubtful.any():
        return column
    return pc.replace_with_mask(column, pa.array(doubtful), _escape_literals(column.filter(pa.array(doubtful))))


def _escape_literals(column: pa.Array) -> pa.Array:
    """Keys of literals with their lexical forms escaped."""
    length = pc.binary_length(column).to_numpy()
    tail_length = pc.binary_length(pc.replace_substring_regex(column, r'(?s)^.*"', "")).to_numpy()
    data = bytes_of(column)
    ends = np.cumsum(length)
    starts = ends - length
    cuts = np.empty(3 * len(column) + 1, np.int64)
    cuts[0:-1:3], cuts[1::3], cuts[2::3], cuts[-1] = starts, starts + 1, ends - tail_length - 1, ends[-1]
    pieces = pa.LargeStringArray.from_buffers(cuts.size - 1, pa.py_buffer(cuts), data)
    lexical = pieces.take(pa.array(np.arange(1, cuts.size - 1, 3)))
    tail = pieces.take(pa.array(np.arange(2, cuts.size - 1, 3)))
    for raw, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r")):
        lexical = pc.replace_substring(lexical, raw, escape)
    quote, nothing = (pa.scalar(x, pa.large_string()) for x in ('"', ""))
    return pc.binary_join_element_wise(quote, lexical, tail, nothing)
