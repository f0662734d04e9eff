# SPDX-License-Identifier: Apache-2.0
"""Batches of keys as RDF documents."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from semcube.errors import OutputError, SemcubeError, UnsupportedError
from semcube.io.formats import QUAD_PARQUET, Format, output_format_of, split_compression
from semcube.io.ntriples import LineBatch, lines_of_keys
from semcube.io.output import output_errors, replacing
from semcube.io.quad_parquet import QuadParquetWriter
from semcube.io.streams import compressing
from semcube.vocab import PREFIXES

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["RDFWriter"]

_STOP = object()


class RDFWriter:
    """Writes quads to a file or stream; a context manager.

    A file appears when it is complete; after an error or Ctrl-C there is none, and an old one stays as it was.

    Args:
        target: A path (``.gz``, ``.zst``, ``.bz2``, ``.xz`` compress; ``.parquet`` is a table of quads), ``-`` for
            standard output, or a binary stream, which is left open.
        format: The syntax by name, extension or media type; needed where a path does not tell it.
        prefixes: Prefix -> namespace for Turtle, TriG, RDF/XML; those of :data:`semcube.vocab.PREFIXES` by default.
        compression: ``gzip``, ``zstd``, ``bzip2``, ``xz`` for a stream.

    Raises:
        UnsupportedError: The syntax is unknown; or, in :meth:`write`, a named graph meets a syntax without graphs.
        OutputError: The output cannot be written.

    Example:
        >>> import io
        >>> import pyarrow as pa
        >>> from semcube.io.terms import QUADS
        >>> target = io.BytesIO()
        >>> with RDFWriter(target, "ttl", prefixes={"ex": "http://a/"}) as writer:
        ...     quad = {"s": "<http://a/b>", "p": "<http://a/c>", "o": '"d"'}
        ...     writer.write(pa.RecordBatch.from_pylist([quad], QUADS))
        >>> print(target.getvalue().decode())
        @prefix ex: <http://a/> .
        ex:b ex:c "d" .
    """

    def __init__(
        self,
        target: str | Path | IO[bytes],
        format: str | Format | None = None,  # noqa: A002 - the word users know
        *,
        prefixes: Mapping[str, str] | None = None,
        compression: str | None = None,
    ) -> None:
        self.target = target
        self.format = _syntax(target, format)
        self.prefixes = dict(PREFIXES if prefixes is None else prefixes)
        self.quads = 0
        """Quads written so far."""
        self.name = str(target) if isinstance(target, str | Path) else str(getattr(target, "name", "the stream"))
        is_file = isinstance(target, str | Path) and str(target) != "-"
        self._compression = split_compression(str(target))[1] if is_file and compression is None else compression
        self._exits = contextlib.ExitStack()
        self._stream: IO[bytes] | None = None
        self._thread: _Serializer | None = None
        self._table: QuadParquetWriter | None = None

    def __enter__(self) -> RDFWriter:
        if not isinstance(self.target, str | Path):
            stream = self.target
        elif str(self.target) == "-":
            stream = sys.stdout.buffer
        else:
            path = self._exits.enter_context(replacing(self.target))
            with output_errors(self.target):
                # It is empty; ext4 would have one that was cut on the disk before it is closed.
                stream = self._exits.enter_context(open(path, "wb", opener=_without_truncating))
        self._stream = compressing(stream, self._compression)
        if self.format is QUAD_PARQUET:
            self._table = self._exits.enter_context(QuadParquetWriter(self._stream))
        elif self.format.name not in ("nt", "nq"):
            self._thread = _Serializer(self._stream, self.format, self.prefixes)
        return self

    @property
    def form(self) -> Literal["triples", "quads"] | None:
        """What lines may hold that :meth:`write` takes; None where it needs keys."""
        if self.format.name == "rdf" or self.format is QUAD_PARQUET:
            return None
        return "quads" if self.format.graphs else "triples"

    def write(self, batch: pa.RecordBatch | LineBatch) -> None:
        """Write a batch of :data:`semcube.io.terms.QUADS`, or lines of the kind that :attr:`form` says.

        Raises:
            UnsupportedError: A quad is in a named graph and the syntax has none.
            OutputError: The output cannot be written.
        """
        if self._stream is None:
            raise OutputError("the writer is not open", fix="use it in a 'with' statement")
        if isinstance(batch, LineBatch):
            self._put(batch.data, batch.quads)
            return
        if self._table is not None:
            with output_errors(self.name):
                self._table.write(batch)
            self.quads += batch.num_rows
            return
        graph = batch.column("g")
        if not self.format.graphs and graph.null_count < len(graph):
            name = graph.drop_null()[0].as_py()
            raise UnsupportedError(
                f"{self.name}: a quad is in the named graph {name}, and {self.format.title} has no named graphs",
                fix="write .nq or .trig, or choose one graph",
            )
        if self.format.name == "rdf":
            _check_xml(batch, self.name)
        self._put(lines_of_keys(batch), batch.num_rows)

    def _put(self, lines: pa.Buffer, quads: int) -> None:
        assert self._stream is not None
        with output_errors(self.name):
            if self._thread is None:
                self._stream.write(cast("Any", lines))
            else:
                self._thread.put(lines.to_pybytes())
        self.quads += quads

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stream = self._stream
        self._stream = None
        try:
            with output_errors(self.name):
                if self._thread is not None:
                    self._thread.finish(failed=error is not None)
                if stream is not None and self._compression is not None:
                    stream.close()
                elif stream is not None and error is None:
                    stream.flush()
        except BaseException as failure:
            if not self._exits.__exit__(type(failure), failure, failure.__traceback__):
                raise
        else:
            self._exits.__exit__(kind, error, trace)


def _without_truncating(name: str, flags: int) -> int:
    """A file as it is."""
    return os.open(name, flags & ~os.O_TRUNC, 0o666)


_XML_NAME = (
    r"[A-Za-z_\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{2FF}\x{370}-\x{37D}\x{37F}-\x{1FFF}][\w.\x{B7}\x{C0}-\x{1FFF}-]*>$"
)
_NOT_XML = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]"


def _check_xml(batch: pa.RecordBatch, name: str) -> None:
    """Refuse what RDF/XML cannot say; the serializer would write it as XML that is none."""
    import pyarrow.compute as pc

    predicates = pc.unique(batch.column("p")).cast("large_string")
    bad = predicates.filter(pc.invert(pc.match_substring_regex(predicates, _XML_NAME)))
    if len(bad):
        raise OutputError(
            f"{name}: the predicate {bad[0].as_py()} does not end in a name that XML allows", fix="write .ttl or .nt"
        )
    objects = batch.column("o").cast("large_string")
    bad = objects.filter(pc.match_substring_regex(objects, _NOT_XML))
    if len(bad):
        raise OutputError(
            f"{name}: {bad[0].as_py()[:60]!r} holds a character that XML 1.0 cannot hold", fix="write .ttl or .nt"
        )


def _syntax(target: str | Path | IO[bytes], named: str | Format | None) -> Format:
    if named is None and (not isinstance(target, str | Path) or str(target) == "-"):
        raise UnsupportedError(
            "the syntax of an output stream is not known", expected="a format", fix="name it, for example format='ttl'"
        )
    found = (
        named if isinstance(named, Format) else output_format_of(cast("str | Path", target) if named is None else named)
    )
    if not found.writable:
        raise UnsupportedError(f"{found.title} is read but not written", fix="write .ttl, .trig, .nt or .nq")
    return found


class _Cancelled(Exception):
    """The writer stops without finishing."""


class _Serializer:
    """pyoxigraph's serializer in a thread: it pulls quads, the writer pushes batches."""

    def __init__(self, stream: IO[bytes], syntax: Format, prefixes: Mapping[str, str]) -> None:
        self._lines: queue.Queue[Any] = queue.Queue(maxsize=4)
        self._error: BaseException | None = None
        self._arguments = (stream, syntax, dict(prefixes))
        self._thread = threading.Thread(target=self._run, name="rdf-serializer", daemon=True)
        self._thread.start()

    def put(self, lines: bytes) -> None:
        """Hand over N-Quads text."""
        self._push(lines)

    def finish(self, *, failed: bool) -> None:
        """Wait until all is written; with ``failed`` stop now."""
        if self._thread.is_alive():
            with contextlib.suppress(Exception):
                self._push(_Cancelled() if failed else _STOP)
        self._thread.join()
        if self._error is not None and not failed:
            self._raise()

    def _push(self, item: object) -> None:
        while True:
            if self._error is not None:
                self._raise()
            try:
                self._lines.put(item, timeout=0.5)
            except queue.Full:
                continue
            return

    def _raise(self) -> None:
        error = self._error
        if isinstance(error, OSError | SemcubeError) or error is None:
            raise error or OutputError("the serializer stopped")
        raise OutputError(
            f"the document cannot be written: {error}", fix="write .nq, which can say everything"
        ) from error

    def _quads(self) -> Iterator[Any]:
        import pyoxigraph

        while (item := self._lines.get()) is not _STOP:
            if isinstance(item, _Cancelled):
                raise item
            yield from pyoxigraph.parse(item, format=pyoxigraph.RdfFormat.N_QUADS, lenient=True)

    def _run(self) -> None:
        import pyoxigraph

        stream, syntax, prefixes = self._arguments
        try:
            pyoxigraph.serialize(self._quads(), stream, format=syntax.oxigraph, prefixes=prefixes)
        except BaseException as error:
            self._error = error
