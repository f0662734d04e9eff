# SPDX-License-Identifier: Apache-2.0
"""Files that appear when they are complete, and not before."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from semcube.errors import OutputError

__all__ = ["output_errors", "replacing"]

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
