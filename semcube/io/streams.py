# SPDX-License-Identifier: Apache-2.0
"""Byte streams of files, compressed or not, and of standard input and output."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, cast

from semcube.errors import SourceError
from semcube.io.formats import split_compression

__all__ = ["compressing", "decompressing", "open_input", "read_errors", "source_file"]


def source_file(path: str | Path) -> Path:
    """The path of an existing file or folder.

    Raises:
        SourceError: There is nothing at the path.
    """
    found = Path(path)
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
    import zstandard

    reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True, closefd=True)
    return cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", reader), 1 << 20))


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
