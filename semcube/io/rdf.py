# SPDX-License-Identifier: Apache-2.0
"""RDF documents as batches of keys."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, cast

import pyoxigraph as ox

from semcube.errors import RDFSyntaxError, SourceError, UnsupportedError
from semcube.io.formats import QUAD_PARQUET, Format, format_of, output_format_of
from semcube.io.ntriples import Lines, keys_of_lines, keys_of_quads, syntax_error
from semcube.io.quad_parquet import is_quad_parquet, read_quad_parquet
from semcube.io.streams import open_input, read_errors, source_file
from semcube.io.terms import IRI

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_rdf"]

_CHUNK_BYTES = 8 * 1024 * 1024
_CHUNK_QUADS = 16384


def read_rdf(
    source: str | Path | IO[bytes] | bytes,
    *,
    format: str | Format | None = None,  # noqa: A002 - the word users know
    base: str | None = None,
    graph: IRI | None = None,
    blank_prefix: str | None = None,
) -> Iterator[pa.RecordBatch]:
    """The quads of a document, streamed in bounded memory.

    Args:
        source: A path (``.gz``, ``.zst``, ``.bz2``, ``.xz`` are unpacked), ``-`` for standard input, a binary stream or
            bytes.
        format: The syntax by name, extension or media type; needed where a path does not tell it.
        base: IRI that relative IRIs are resolved against; the file's own IRI for a path, none otherwise.
        graph: Where to put the triples of the default graph; named graphs of the document keep their names.
        blank_prefix: Put before each blank node label. Without it, a random one, so that two documents (or two
            readings of one) never share a blank node; inside one document a label stays one node.

    Yields:
        Batches of schema :data:`semcube.io.terms.QUADS`, lexical forms as they are in the document.

    Raises:
        RDFSyntaxError: The text does not parse; says the file, the line and the column.
        SourceError: The file cannot be read.
        UnsupportedError: The syntax is unknown, or the document uses RDF 1.2 or N3 beyond RDF 1.1.

    Example:
        >>> text = b'<http://a> <http://b> 01 .'
        >>> [batch.column("o").to_pylist() for batch in read_rdf(text, format="turtle")]
        [['"01"^^<http://www.w3.org/2001/XMLSchema#integer>']]
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    syntax = _syntax(stream, format)
    if base is None and isinstance(stream, str | Path) and str(stream) != "-":
        base = Path(stream).resolve().as_uri()
    prefix = f"b{secrets.token_hex(6)}x" if blank_prefix is None else blank_prefix
    if syntax is QUAD_PARQUET:
        yield from _table_batches(stream, prefix, graph)
        return
    with open_input(stream) as (data, name):
        lines = Lines(name, syntax.graphs, prefix, None if graph is None else f"<{graph.value}>")
        if syntax.name in ("nt", "nq"):
            yield from _line_batches(data, lines)
        else:
            yield from _document_batches(data, syntax, base, lines)


def _syntax(source: str | Path | IO[bytes], named: str | Format | None) -> Format:
    if isinstance(named, Format):
        return named
    if named is not None:
        return output_format_of(named)
    if isinstance(source, str | Path) and is_quad_parquet(source):
        return QUAD_PARQUET
    if not isinstance(source, str | Path) or str(source) == "-":
        raise UnsupportedError(
            "the syntax of a stream is not known", expected="a format", fix="name it, for example format='ttl'"
        )
    return format_of(source)


def _table_batches(source: str | Path | IO[bytes], prefix: str, graph: IRI | None) -> Iterator[pa.RecordBatch]:
    """Quads as a table, which is read from a file."""
    if not isinstance(source, str | Path) or str(source) == "-":
        raise UnsupportedError("Quad-Parquet from a stream", expected="the path of a file")
    yield from read_quad_parquet(
        source_file(source), blank_prefix=prefix, graph=None if graph is None else f"<{graph.value}>"
    )


def _line_batches(data: BinaryIO, lines: Lines) -> Iterator[pa.RecordBatch]:
    """N-Triples and N-Quads in chunks of whole lines."""
    line = 1
    rest: list[bytes] = []
    while True:
        with read_errors(lines.source):
            block = data.read(_CHUNK_BYTES)
        end = block.rfind(b"\n") + 1
        if block and not end:
            rest.append(block)
            continue
        # The last line may lack its end.
        chunk = b"".join((*rest, block[:end] if block else b"\n"))
        rest = [block[end:]]
        batch = keys_of_lines(chunk, line, lines)
        if batch.num_rows:
            yield batch
        if not block:
            return
        line += chunk.count(b"\n")


class _Reading:
    """A binary stream that keeps its own error, which the parser would turn into a vaguer one."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            return self.stream.read(size)
        except BaseException as error:
            self.error = error
            raise


def _document_batches(data: BinaryIO, syntax: Format, base: str | None, lines: Lines) -> Iterator[pa.RecordBatch]:
    """Any other syntax: pyoxigraph parses, its N-Quads text goes the way of lines."""
    reading = _Reading(data)
    trusted = Lines(lines.source, True, lines.blank_prefix, lines.graph, trusted=True)
    try:
        quads = iter(ox.parse(cast("IO[bytes]", reading), format=syntax.oxigraph, base_iri=base))
        while part := list(islice(quads, _CHUNK_QUADS)):
            yield _keys(part, trusted)
    except SyntaxError as error:
        raise syntax_error(error, lines.source) from None
    except (OSError, EOFError, ValueError) as error:
        if isinstance(error, RDFSyntaxError | SourceError):
            raise
        if reading.error is not None:
            with read_errors(lines.source):
                raise reading.error from None
        raise RDFSyntaxError(str(error), source=lines.source) from error


def _keys(quads: list[ox.Quad], lines: Lines) -> pa.RecordBatch:
    """The keys of parsed quads, by way of text where the writer of the text knows all their terms."""
    text = ox.serialize(quads, format=ox.RdfFormat.N_QUADS)
    if text is None or b"<<" in text or b"--" in text:
        return keys_of_quads(quads, lines)
    return keys_of_lines(text, 1, lines)
