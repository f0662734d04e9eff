# SPDX-License-Identifier: Apache-2.0
"""The text of a query or an update, from the command line, a file or standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from semcube.errors import SourceError, UsageError

__all__ = ["given_text"]


def given_text(text: str | None, file: Path | None, what: str) -> str:
    """The text that the user gave in one of the ways.

    Args:
        text: The argument; ``-`` is standard input.
        file: The file; ``-`` is standard input.
        what: ``query`` or ``update``, for messages.

    Raises:
        UsageError: None was given, or two.
        SourceError: The file cannot be read.
    """
    if (text is None) == (file is None):
        found = f"no {what}" if text is None else f"a {what} and a file"
        raise UsageError(found, expected=f"the text of the {what}, or a file with -f", fix=f"see semcube {what} --help")
    if text is not None and text != "-":
        return text
    if file is None or str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"it cannot be read ({error})", source=file, expected="a text file in UTF-8") from error
