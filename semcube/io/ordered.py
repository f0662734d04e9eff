# SPDX-License-Identifier: Apache-2.0
"""One file that several processes write at a time: each writes its turns where the turns before end."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import IO, Any, Protocol, cast

from semcube.errors import SemcubeError
from semcube.io.streams import compressing

__all__ = ["OrderedOutput", "Stopped", "Turns", "ring"]

_HELD = 64 * 1024 * 1024
"""Bytes of a turn that are kept while it is not known where they go."""


class Stopped(SemcubeError):
    """The process before this one stopped; it has the reason."""


class Turns(Protocol):
    """Which parts of a run belong to this process."""

    number: int
    """Of the part that was begun last, counted from 0."""

    def begin(self) -> bool:
        """Go to the next part; whether it belongs to this process."""
        ...

    def end(self) -> None:
        """All of the part is written."""
        ...


def ring(processes: int) -> list[tuple[Connection, Connection]]:
    """For each process what it reads from the one before it, and what it writes to the one after it.

    Example:
        >>> ends = ring(3)
        >>> ends[0][1].send_bytes(b"next")
        >>> ends[1][0].recv_bytes()
        b'next'
    """
    pipes = [Pipe(duplex=False) for _ in range(processes)]
    return [(pipes[number - 1][0], pipes[number][1]) for number in range(processes)]


class OrderedOutput(io.RawIOBase):
    """What one of several processes writes to a file whose parts they make in turn.

    The bytes of the file are those that one process would write, apart from compressed ones: there each part is a frame
    (or member) of its own. A process holds no more than 64 MB of a part whose place is not known; then it waits.

    Args:
        path: The file, which exists.
        number: Of this process, counted from 0: it writes the parts ``number``, ``number + processes``, ...
        processes: How many there are.
        ends: What it reads from and writes to, see :func:`ring`.
        compression: ``gzip``, ``zstd``, ``bzip2``, ``xz`` or None.
    """

    def __init__(
        self,
        path: Path,
        number: int,
        processes: int,
        ends: tuple[Connection, Connection],
        compression: str | None = None,
    ) -> None:
        super().__init__()
        self.number = -1
        self._mine, self._processes = number, processes
        self._before, self._after = ends
        self._compression = compression
        self._file = path.open("r+b", buffering=0)
        self._packed: IO[bytes] | None = None
        self._place: int | None = None
        self._held: list[Any] = []
        self._size = 0

    def writable(self) -> bool:
        """Yes."""
        return True

    def begin(self) -> bool:
        """Go to the next part; whether it belongs to this process."""
        self.number += 1
        if self.number % self._processes != self._mine:
            return False
        self._place = 0 if self.number == 0 else None
        self._held, self._size = [], 0
        self._packed = (
            None if self._compression is None else compressing(cast("IO[bytes]", _Inner(self)), self._compression)
        )
        return True

    def write(self, data: Any) -> int:
        """Write bytes of the part that was begun last.

        Raises:
            Stopped: The process before this one stopped.
        """
        if self._packed is not None:
            self._packed.write(data)
        else:
            self.put(data)
        return memoryview(data).nbytes

    def put(self, data: Any) -> None:
        """Write, or hold, bytes as they go to the file."""
        size = memoryview(data).nbytes
        self._size += size
        if self._place is None and (self._before.poll() or sum(map(_size, self._held)) + size > _HELD):
            self._take_place()
        if self._place is None:
            self._held.append(data)
        else:
            self._write_out([data])

    def end(self) -> None:
        """All of the part is written: tell the next process where it goes on.

        Raises:
            Stopped: The process before this one stopped.
        """
        if self._packed is not None:
            self._packed.close()
            self._packed = None
        held: Sequence[Any] = ()
        if self._place is None:
            # The next process need not wait until this one has written what it holds.
            self._place, held, self._held = self._received(), self._held, []
        # If it stopped, whoever waits for it will see so; all that comes before is still wanted.
        with contextlib.suppress(OSError):
            self._after.send_bytes((self._place + sum(map(_size, held))).to_bytes(8, "little"))
        self._write_out(held)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._file.close()
        super().close()

    def _take_place(self) -> None:
        self._place, held, self._held = self._received(), self._held, []
        self._write_out(held)

    def _received(self) -> int:
        try:
            return int.from_bytes(self._before.recv_bytes(), "little")
        except (EOFError, OSError):
            raise Stopped("another process stopped") from None

    def _write_out(self, pieces: Sequence[Any]) -> None:
        assert self._place is not None
        self._file.seek(self._place)
        for piece in pieces:
            view = memoryview(piece).cast("B") if memoryview(piece).nbytes else memoryview(b"")
            while len(view):
                written = self._file.write(view) or 0
                view = view[written:]
            self._place += _size(piece)


def _size(data: Any) -> int:
    return memoryview(data).nbytes


class _Inner(io.RawIOBase):
    """What a compressor writes to; closing it closes nothing."""

    def __init__(self, output: OrderedOutput) -> None:
        super().__init__()
        self._output = output

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any) -> int:
        """Hand on packed bytes; they may be in a buffer that is used again."""
        self._output.put(bytes(data))
        return memoryview(data).nbytes
