# SPDX-License-Identifier: Apache-2.0
"""Files by URL: read in ranges where format and server allow it, else fetched once per process into a temporary folder.

Ranges are for formats that say where things are (GeoTIFF, FlatGeobuf, GeoParquet) on a server of HTTP that sends parts
(RFC 9110, section 14). All else goes through fsspec.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PosixPath, WindowsPath
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from semcube.errors import SourceError, UnsupportedError

__all__ = ["RangedPath", "fetched", "gdal_name", "is_remote", "ranged", "shown", "url_of"]

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.\-]+):/+(?P<rest>\S.*)", re.IGNORECASE | re.DOTALL)
_TIMEOUT_S = 30.0
"""How long a server may take to answer."""
_SHAPEFILE = ("dbf", "shx", "prj", "cpg")
_GDAL = {
    "GDAL_HTTP_CONNECTTIMEOUT": "10",
    "GDAL_HTTP_LOW_SPEED_TIME": "60",
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1",
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "1",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
}
"""What GDAL is told where the environment does not say otherwise."""
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
            _copy(url, target)
            for each in _SHAPEFILE if target.suffix.lower() == ".shp" and "::" not in url else ():
                beside = target.with_suffix(f".{each}")
                try:
                    _copy(_beside(url, each), beside)
                except SourceError:
                    # Not all of them have to be there; the reader says which one it misses.
                    beside.unlink(missing_ok=True)
            _FETCHED.files[url] = target
        return _FETCHED.files[url]


def _copy(url: str, target: Path) -> None:
    with _errors(url), _opened(url) as stream, target.open("wb") as copy:
        shutil.copyfileobj(stream, copy, 1 << 20)


def _beside(url: str, extension: str) -> str:
    """The URL of another part of a shapefile."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path[:-3] + extension))


class RangedPath(WindowsPath if os.name == "nt" else PosixPath):  # type: ignore[misc]
    """A file at a URL of which parts can be had; its text is the URL without a password."""

    url = ""
    size = 0
    """Bytes."""

    def __str__(self) -> str:
        return shown(self.url) if self.url else super().__str__()


_RANGED: dict[str, RangedPath | None] = {}


def ranged(path: str | Path, extensions: tuple[str, ...]) -> RangedPath | None:
    """A file at a URL that is to be read in ranges; None if it has to be fetched whole, or is no URL.

    Args:
        path: A path or URL.
        extensions: Of formats that say where things are.

    Raises:
        SourceError: The server does not answer in time, or refuses the file.
    """
    url = path.url if isinstance(path, RangedPath) else url_of(path)
    if url is None or "::" in url or not url.startswith(("http://", "https://")):
        return None
    if urlsplit(url).path.lower().rpartition(".")[2] not in extensions:
        return None
    if url not in _RANGED:
        _RANGED[url] = _probed(url)
    return _RANGED[url]


def _probed(url: str) -> RangedPath | None:
    """Ask for the first byte: the answer says whether there are ranges, and how long the file is."""
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    parts = urlsplit(url)
    headers = {"Range": "bytes=0-0"}
    if parts.username is not None:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(secret.encode()).decode()
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    try:
        with urlopen(Request(plain, headers=headers), timeout=_TIMEOUT_S) as answer:
            span = answer.headers.get("Content-Range", "")
            size = span.rpartition("/")[2]
            if answer.status != 206 or not size.isdigit():
                return None
    except HTTPError as error:
        needs = "put user and password into the URL, as in https://user:password@host/file"
        raise SourceError(
            f"cannot be fetched: {error.code} {error.reason}",
            source=shown(url),
            fix=needs if error.code in (401, 403) else "check the URL",
        ) from None
    except (URLError, OSError) as error:
        late = isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError)
        reason = f"no answer in {_TIMEOUT_S:g} s" if late else str(getattr(error, "reason", error))
        raise SourceError(f"cannot be fetched: {reason}", source=shown(url), fix="check the URL") from None
    made = RangedPath(_name(url))
    made.url, made.size = url, int(size)
    return made


def gdal_name(file: Path) -> str:
    """What GDAL opens."""
    if not isinstance(file, RangedPath):
        return str(file.resolve())
    for name, value in _GDAL.items():
        os.environ.setdefault(name, value)
    return f"/vsicurl/{file.url}"


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
        raise SourceError(f"no URL that can be fetched: {error}", source=shown(url)) from None


@contextmanager
def _errors(url: str) -> Iterator[None]:
    try:
        yield
    except (SourceError, UnsupportedError):
        raise
    except ImportError as error:
        raise UnsupportedError(f"{shown(url)}: {error}", fix="install the package that the message names") from None
    except Exception as error:  # each file system has errors of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(
            f"cannot be fetched: {shown(reason)}"[:300], source=shown(url), fix="check the URL"
        ) from error


def shown(url: str) -> str:
    """A URL, or a text with URLs, without passwords.

    Example:
        >>> shown("https://me:secret@host/a.tif")
        'https://host/a.tif'
    """
    return re.sub(r"//[^/@\s]*@", "//", url)
