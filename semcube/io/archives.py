# SPDX-License-Identifier: Apache-2.0
"""Files that are compressed, packed or encoded as plain UTF-8 files, through bounded memory."""

from __future__ import annotations

import codecs
import shutil
import tarfile
import tempfile
import weakref
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from semcube.errors import SourceError, UnsupportedError
from semcube.io.streams import decompressing, read_errors, source_file

__all__ = ["COMPRESSION_NAMES", "PlainFile"]

COMPRESSION_NAMES = ("none", "gzip", "zip", "targz", "tarxz", "bzip2", "xz", "zstd")
"""Compressions of a source by name; those of RML-IO first."""


class PlainFile:
    """A file as it would be without compression and in UTF-8; a temporary copy lives as long as this object.

    Args:
        path: The file.
        compression: One of :data:`COMPRESSION_NAMES`; an archive must hold one file.
        encoding: A codec of Python, ``utf-16`` for example.

    Raises:
        SourceError: No such file, damaged data, no or several files in the archive, or another encoding.
        UnsupportedError: The compression or the encoding is not known.

    Example:
        >>> import gzip
        >>> path = Path(tempfile.mkdtemp()) / "a.csv.gz"
        >>> _ = path.write_bytes(gzip.compress("größe".encode("utf-16")))
        >>> plain = PlainFile(path, "gzip", "utf-16")
        >>> plain.path.read_text(encoding="utf-8")
        'größe'
    """

    def __init__(self, path: str | Path, compression: str | None = None, encoding: str | None = None) -> None:
        self.path = source_file(path)
        is_utf8 = encoding is None or _codec(encoding) in ("utf-8", "ascii", "utf-8-sig")
        if compression in (None, "none") and is_utf8:
            return
        folder = tempfile.TemporaryDirectory(prefix="semcube-source-")
        self._cleanup = weakref.finalize(self, folder.cleanup)
        name = self.path.name
        target = Path(folder.name) / (name if compression in (None, "none") else _inner_name(name))
        with (
            read_errors(str(path)),
            _unpacked(self.path, compression or "none") as stream,
            target.open("wb") as copy,
        ):
            if is_utf8:
                shutil.copyfileobj(stream, copy, 1 << 20)
            else:
                _recode(stream, copy, encoding or "utf-8", path)
        self.path = target


def _codec(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise UnsupportedError(f"encoding {encoding!r}", expected="UTF-8, UTF-16, ISO-8859-1 or the like") from None


def _inner_name(name: str) -> str:
    """A file's name without the extensions of its compression.

    Example:
        >>> _inner_name("a.json.tar.xz"), _inner_name("a.csv.zip")
        ('a.json', 'a.csv')
    """
    suffixes = (".gz", ".zip", ".xz", ".bz2", ".zst", ".tgz", ".txz", ".tar")
    while name.lower().endswith(suffixes):
        name = name.rpartition(".")[0]
    return name or "source"


@contextmanager
def _unpacked(path: Path, compression: str) -> Iterator[IO[bytes]]:
    if compression == "zip":
        try:
            with zipfile.ZipFile(path) as archive:
                names = [each.filename for each in archive.infolist() if not each.is_dir()]
                with archive.open(_only(names, path)) as stream:
                    yield stream
        except zipfile.BadZipFile as error:
            raise SourceError(f"the archive is damaged ({error})", source=path) from None
        return
    if compression in ("targz", "tarxz"):
        try:
            with tarfile.open(path, "r:gz" if compression == "targz" else "r:xz") as archive:
                members = [each for each in archive.getmembers() if each.isfile()]
                name = _only([each.name for each in members], path)
                yield cast("IO[bytes]", archive.extractfile(name))
        except tarfile.TarError as error:
            raise SourceError(f"the archive is damaged ({error})", source=path) from None
        return
    if compression not in COMPRESSION_NAMES:
        raise UnsupportedError(f"compression {compression!r}", expected="one of " + ", ".join(COMPRESSION_NAMES))
    with path.open("rb") as file, decompressing(file, None if compression == "none" else compression) as stream:
        yield stream


def _only(names: list[str], path: Path) -> str:
    if len(names) != 1:
        raise SourceError(f"{len(names)} files in the archive", source=path, expected="exactly one")
    return names[0]


def _recode(stream: IO[bytes], copy: IO[bytes], encoding: str, path: str | Path) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while block := stream.read(1 << 20):
            copy.write(decoder.decode(block).encode())
        copy.write(decoder.decode(b"", final=True).encode())
    except UnicodeError as error:
        raise SourceError(f"not {encoding}: {error}", source=path, fix="correct rml:encoding") from None
