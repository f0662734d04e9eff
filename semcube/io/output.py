# SPDX-License-Identifier: Apache-2.0
"""Files that appear when they are complete, and not before."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from semcube.errors import OutputError

__all__ = ["output_errors", "replacing", "replacing_folder"]

SUCCESS = "_SUCCESS"
"""An empty file in each folder that is complete, as Spark and Hadoop write it."""

_REASONS = {
    errno.ENOSPC: ("the disk is full", "free space or write somewhere else"),
    errno.EDQUOT: ("the disk quota is used up", "free space or write somewhere else"),
    errno.EACCES: ("permission denied", "write where you may write"),
    errno.EPERM: ("permission denied", "write where you may write"),
    errno.EROFS: ("the file system is read-only", "write somewhere else"),
    errno.ENOENT: ("its folder does not exist", "create the folder first"),
    errno.ENOTDIR: ("its folder is a file", "choose another path"),
    errno.EISDIR: ("it is a folder", "give the path of a file"),
    errno.EFBIG: ("the file is too large for the file system", "write somewhere else or compress (.gz, .zst)"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter name"),
}


@contextlib.contextmanager
def output_errors(path: str | Path) -> Iterator[None]:
    """Turn the operating system's errors about an output into :class:`~semcube.errors.OutputError`.

    A closed pipe stays a ``BrokenPipeError``: the reader has seen enough, which is no error of the output.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason, fix = _REASONS.get(error.errno or 0, (error.strerror or str(error), None))
        raise OutputError(f"cannot write {path}: {reason}", fix=fix) from error


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary file beside ``path`` that takes its place on success and is removed on failure.

    A failure is any exception, Ctrl-C included; the old file stays as it was. A symbolic link stays a link: its target
    is replaced. A path that exists and is no regular file (a pipe, ``/dev/null``) cannot be replaced, so it is given
    as it is.

    Args:
        path: What to write.

    Yields:
        The path to write to.

    Raises:
        OutputError: The file cannot be written (no folder, no permission, disk full).

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replacing(Path(folder) / "a.txt") as temporary:
        ...         _ = temporary.write_text("all of it")
        ...     (Path(folder) / "a.txt").read_text()
        'all of it'
    """
    with output_errors(path):
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise OutputError(f"cannot write {path}: it is a folder", fix="give the path of a file")
        if target.exists() and not target.is_file():
            yield target
            return
        temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
        try:
            # Made here so that a missing folder or permission is known before any work is done.
            temporary.touch(mode=0o666, exist_ok=False)
            if target.exists():
                temporary.chmod(target.stat().st_mode & 0o777)
            yield temporary
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """A temporary folder beside ``path`` that takes its place on success and is removed on failure.

    A folder that such a run made before (it holds :data:`SUCCESS`) is replaced; nothing else is.

    Args:
        path: The folder to make.

    Yields:
        The folder to write to.

    Raises:
        OutputError: There is something else at ``path``, or the folder cannot be made.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replacing_folder(Path(folder) / "parts") as temporary:
        ...         _ = (temporary / "part-0.txt").write_text("all of it")
        ...     sorted(each.name for each in (Path(folder) / "parts").iterdir())
        ['_SUCCESS', 'part-0.txt']
    """
    with output_errors(path):
        target = Path(os.path.realpath(path))
        if target.exists() and not _is_replaceable(target):
            what = "a folder with other things in it" if target.is_dir() else "a file"
            raise OutputError(f"cannot write {path}: there is {what}", fix="choose a folder that is not there yet")
        temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
        try:
            temporary.mkdir()
            yield temporary
            (temporary / SUCCESS).touch()
            if target.exists():
                old = target.with_name(f"{temporary.name}.old")
                target.replace(old)
                temporary.replace(target)
                shutil.rmtree(old)
            else:
                temporary.replace(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _is_replaceable(folder: Path) -> bool:
    """Whether a folder is empty, or was made by :func:`replacing_folder`."""
    return folder.is_dir() and (not any(folder.iterdir()) or (folder / SUCCESS).exists())
