# SPDX-License-Identifier: Apache-2.0
"""Files by URL, through fsspec: fetched once per process into a temporary folder that lives as long as it."""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit

from semcube.errors import SourceError, UnsupportedError

__all__ = ["fetched", "is_remote", "url_of"]

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.\-]+):/+(?P<rest>\S.*)", re.IGNORECASE | re.DOTALL)
_NOT_FILES = ("postgresql", "postgres", "sqlite", "duckdb", "jdbc", "file")


def url_of(path: str | Path) -> str | None:
    """The URL that a source is, None for a path; a URL that went through a path has lost a slash.

    Example:
        >>> url_of("https://a/b.csv"), url_of(Path("https://a/b.csv")), url_of("a/b.csv")
        ('https://a/b.csv', 'https://a/b.csv', None)
    """
    match = _URL.fullmatch(str(path))
    if match is None or match["scheme"].lower() in _NOT_FILES:
        return None
    scheme, rest = match["scheme"].lower(), match["rest"]
    # zip://inner.csv::https://host/a.zip: every link of the chain has two slashes.
    rest = re.sub(
        r"::([a-z][a-z0-9+.\-]+):/+", lambda each: f"::{each[1]}:{'///' if each[1] == 'file' else '//'}", rest
    )
    return f"{scheme}://{rest}"


def is_remote(path: str | Path) -> bool:
    """Whether a source is a URL that has to be fetched."""
    return url_of(path) is not None


class _Folder:
    """Fetched files by their URLs."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.files: dict[str, Path] = {}
        self.folder: tempfile.TemporaryDirectory[str] | None = None

    def target(self, name: str) -> Path:
        if self.folder is None:
            self.folder = tempfile.TemporaryDirectory(prefix="semcube-remote-")
            weakref.finalize(self, self.folder.cleanup)
        place = Path(self.folder.name) / str(len(self.files))
        place.mkdir(exist_ok=True)
        return place / name


_FETCHED = _Folder()


def fetched(url: str) -> Path:
    """A local copy of the file at a URL; its name is kept.

    Args:
        url: ``https://``, ``s3://``, ``zip://inner::https://...`` or what else fsspec knows.

    Raises:
        SourceError: The file cannot be fetched.
        UnsupportedError: fsspec, or the package for the scheme, is not there.

    Example:
        >>> import fsspec
        >>> with fsspec.open("memory://towns.csv", "wb") as file:
        ...     _ = file.write(b"id,name")
        >>> fetched("memory://towns.csv").name
        'towns.csv'
    """
    with _FETCHED.lock:
        if url not in _FETCHED.files or not _FETCHED.files[url].exists():
            target = _FETCHED.target(_name(url))
            with _errors(url), _opened(url) as stream, target.open("wb") as copy:
                shutil.copyfileobj(stream, copy, 1 << 20)
            _FETCHED.files[url] = target
        return _FETCHED.files[url]


def _name(url: str) -> str:
    """The name of the file that a URL ends in; the first link of a chain is what is read."""
    first = url.partition("::")[0]
    parts = urlsplit(first)
    path = parts.netloc + parts.path if parts.scheme == "zip" else parts.path or parts.netloc
    return unquote(path.rstrip("/").rpartition("/")[2]) or "source"


def _opened(url: str) -> Any:
    try:
        import fsspec
    except ImportError:
        raise UnsupportedError(f"{url} needs the package fsspec", fix="pip install 'semcube[formats]'") from None
    try:
        return fsspec.open(url, "rb")
    except ImportError as error:
        raise UnsupportedError(f"{url}: {error}", fix="install the package that the message names") from None
    except ValueError as error:
        raise SourceError(f"no URL that can be fetched: {error}", source=_shown(url)) from None


@contextmanager
def _errors(url: str) -> Iterator[None]:
    try:
        yield
    except (SourceError, UnsupportedError):
        raise
    except ImportError as error:
        raise UnsupportedError(f"{_shown(url)}: {error}", fix="install the package that the message names") from None
    except Exception as error:  # each file system has errors of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(
            f"cannot be fetched: {_shown(reason)}"[:300], source=_shown(url), fix="check the URL"
        ) from error


def _shown(url: str) -> str:
    """A URL without its password."""
    return re.sub(r"//[^/@\s]*@", "//", url)
