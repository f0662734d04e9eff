# SPDX-License-Identifier: Apache-2.0
"""Byte streams of files, compressed or not, and of standard input and output."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from semcube.errors import SourceError
from semcube.io.formats import split_compression
from semcube.io.remote import fetched, url_of

__all__ = ["compressing", "decompressing", "open_input", "read_errors", "source_file"]


def source_file(path: str | Path) -> Path:
    """The path of an existing file or folder; of a local copy, if a URL is given.

    Raises:
        SourceError: There is nothing at the path, or the URL cannot be fetched.
    """
    url = url_of(path)
    found = Path(path) if url is None else fetched(url)
    if not found.exists():
        near = sorted(p.name for p in found.parent.glob(f"{found.stem}*"))[:5] if found.parent.is_dir() else []
        hint = f"did you mean {', '.join(near)}?" if near else "check the path"
        raise SourceError("no such file", source=path, fix=hint)
    return found


@contextlib.contextmanager
def read_errors(name: str) -> Iterator[None]:
    """Turn errors of reading and decompressing into :class:`~semcube.errors.SourceError`."""
    import lzma
    import zlib

    import zstandard

    try:
        yield
    except (zlib.error, lzma.LZMAError, zstandard.ZstdError, EOFError) as error:
        raise SourceError(
            f"the compressed data is damaged ({error})", source=name, fix="fetch the file again"
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError(f"cannot be read: {reason}", source=name) from error


def decompressing(stream: IO[bytes], compression: str | None) -> BinaryIO:
    """``stream`` decompressed: ``gzip``, ``zstd``, ``bzip2``, ``xz`` or None."""
    if compression is None:
        return cast("BinaryIO", stream)
    if compression == "gzip":
        import gzip

        return cast("BinaryIO", gzip.GzipFile(fileobj=stream, mode="rb"))
    if compression == "bzip2":
        import bz2

        return cast("BinaryIO", bz2.BZ2File(stream, "rb"))
    if compression == "xz":
        import lzma

        return cast("BinaryIO", lzma.LZMAFile(stream, "rb"))
    return cast("BinaryIO", io.BufferedReader(_Zstandard(stream), 1 << 20))


class _Zstandard(io.RawIOBase):
    """Zstandard frames, end to end; unlike zstandard's own reader it does not take a cut for the end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._frame: Any = None
        self._given = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; 0 at the end.

        Raises:
            EOFError: The data stops inside a frame.
        """
        while not self._ready:
            if not self._next():
                return 0
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _next(self) -> bool:
        """Unpack some more; whether there was any."""
        import zstandard

        self._given = self._given or self._stream.read(1 << 18)
        if not self._given:
            if self._frame is not None:
                raise EOFError("the data stops before the end of a Zstandard frame")
            return False
        if self._frame is None:
            self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._ready = memoryview(self._frame.decompress(self._given))
        self._given = self._frame.unused_data if self._frame.eof else b""
        self._frame = None if self._frame.eof else self._frame
        return True


def compressing(stream: IO[bytes], compression: str | None) -> IO[bytes]:
    """A stream whose bytes go compressed to ``stream``; closing it finishes the compressed data, not ``stream``."""
    if compression is None:
        return stream
    if compression == "gzip":
        import gzip

        return cast("IO[bytes]", gzip.GzipFile(filename="", fileobj=stream, mode="wb", compresslevel=6, mtime=0))
    if compression == "bzip2":
        import bz2

        return cast("IO[bytes]", bz2.BZ2File(stream, "wb"))
    if compression == "xz":
        import lzma

        return cast("IO[bytes]", lzma.LZMAFile(stream, "wb"))
    import zstandard

    return cast("IO[bytes]", zstandard.ZstdCompressor(level=3).stream_writer(stream, closefd=False))


@contextlib.contextmanager
def open_input(source: str | Path | IO[bytes]) -> Iterator[tuple[BinaryIO, str]]:
    """The decompressed bytes of a path, of ``-`` (standard input) or of a stream, and the name to report.

    Raises:
        SourceError: There is no such file, or its compressed data is damaged.
    """
    if not isinstance(source, str | Path):
        yield cast("BinaryIO", source), str(getattr(source, "name", "stream"))
        return
    if str(source) == "-":
        yield sys.stdin.buffer, "standard input"
        return
    path = source_file(source)
    if path.is_dir():
        raise SourceError("is a folder", source=source, expected="a file")
    name = str(source)
    with read_errors(name), path.open("rb") as file, decompressing(file, split_compression(path.name)[1]) as stream:
        yield stream, name
