# SPDX-License-Identifier: Apache-2.0
"""The part of JSONPath (RFC 9535) that mappings use: members, array indices and wildcards."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from semcube.errors import InputError, UnsupportedError

__all__ = ["Step", "json_path", "json_values", "path_text"]

Step = str | int | None
"""A member, an index, or None for a wildcard."""

_STEP = re.compile(
    r"""\.(?P<member>[^.\[\]*]+) | \.(?P<any>\*) | \[\s*(?P<wild>\*)\s*\] | \[\s*(?P<index>-?\d+)\s*\]
    | \[\s*'(?P<single>(?:[^'\\]|\\.)*)'\s*\] | \[\s*"(?P<double>(?:[^"\\]|\\.)*)"\s*\]""",
    re.VERBOSE,
)


def json_path(text: str) -> tuple[Step, ...]:
    r"""The steps of a path; ``$`` may be left out.

    Raises:
        UnsupportedError: The path has a filter, a slice, a union or a descendant step.
        InputError: It is no path.

    Example:
        >>> json_path("$.a['b c'][*]"), json_path("name"), json_path("$")
        (('a', 'b c', None), ('name',), ())
    """
    rest = re.sub(r"(?<!\.)\.(?=\[)", "", text.strip().removeprefix("$"))  # many write $.[*] for $[*]
    if rest and not rest.startswith((".", "[")):
        rest = "." + rest
    steps: list[Step] = []
    position = 0
    while position < len(rest):
        found = _STEP.match(rest, position)
        if found is None:
            message, expected = f"JSON path {text!r} at {rest[position:]!r}", "members, [n] and [*]: $.items[*].name"
            if re.match(r"\.\.|\[\s*[?:]|\[[^\]]+[:,]", rest[position:]):
                raise UnsupportedError(message, expected=expected)
            raise InputError(f"{message}; expected {expected}")
        quoted = found["single"] if found["single"] is not None else found["double"]
        if quoted is not None:
            steps.append(re.sub(r"\\(.)", r"\1", quoted))
        elif found["index"] is not None:
            steps.append(int(found["index"]))
        else:
            steps.append(found["member"])
        position = found.end()
    return tuple(steps)


def path_text(steps: Iterable[Step]) -> str:
    """A path in one spelling.

    Example:
        >>> path_text(("a", None, 0, "b c"))
        "$['a'][*][0]['b c']"
    """

    def quoted(member: str) -> str:
        return "'" + re.sub(r"(['\\])", r"\\\1", member) + "'"

    return "$" + "".join(
        f"[{'*' if step is None else step if isinstance(step, int) else quoted(step)}]" for step in steps
    )


def json_values(value: Any, steps: tuple[Step, ...]) -> list[Any]:
    """The values at a path, in the order of the document; nothing where a step does not fit.

    Example:
        >>> json_values({"a": [{"b": 1}, {"c": 2}, {"b": 3}]}, json_path("$.a[*].b"))
        [1, 3]
    """
    found = [value]
    for step in steps:
        reached: list[Any] = []
        for each in found:
            if step is None and isinstance(each, list | dict):
                reached += each.values() if isinstance(each, dict) else each
            elif isinstance(step, str):
                reached += [each[step]] if isinstance(each, dict) and step in each else []
            elif isinstance(step, int) and isinstance(each, list):
                reached += [each[step]] if -len(each) <= step < len(each) else []
        found = reached
    return found
