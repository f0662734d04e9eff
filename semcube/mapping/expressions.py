# SPDX-License-Identifier: Apache-2.0
"""What makes a value of a row, function calls apart: references, constants, templates."""

from __future__ import annotations

import re
from dataclasses import dataclass

from semcube.errors import MappingError
from semcube.io.terms import Term

__all__ = ["Constant", "Reference", "Template", "parse_template"]


@dataclass(frozen=True, slots=True)
class Reference:
    """The value of a column."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """The same term for every row."""

    term: Term


@dataclass(frozen=True, slots=True)
class Template:
    """Text with references: ``http://example.org/{id}``."""

    parts: tuple[str | Reference, ...]

    @property
    def references(self) -> tuple[str, ...]:
        """Names of the columns in it."""
        return tuple(part.name for part in self.parts if isinstance(part, Reference))

    def __str__(self) -> str:
        def escape(text: str) -> str:
            return re.sub(r"([\\{}])", r"\\\1", text)

        return "".join(
            "{" + escape(part.name) + "}" if isinstance(part, Reference) else escape(part) for part in self.parts
        )


def parse_template(text: str) -> Template:
    r"""The template of its text; a backslash escapes ``{``, ``}`` and itself.

    Raises:
        MappingError: A brace is not closed, not opened or empty.

    Example:
        >>> parse_template("http://a/{id}").parts
        ('http://a/', Reference(name='id'))
        >>> str(parse_template(r"\{x\}{y}"))
        '\\{x\\}{y}'
    """
    parts: list[str | Reference] = []
    current, inside, index = "", False, 0
    while index < len(text):
        character = text[index]
        if character == "\\" and index + 1 < len(text) and text[index + 1] in "\\{}":
            index += 1
            current += text[index]
        elif (character == "{") is not inside and character in "{}":
            if inside and not current:
                raise MappingError(f"template {text!r} has an empty reference", expected="a column name in the braces")
            if inside:
                parts.append(Reference(current))
            elif current:
                parts.append(current)
            current, inside = "", not inside
        elif character in "{}":
            raise MappingError(
                f"template {text!r} has an unexpected {character!r} at character {index + 1}",
                expected="references as {column}",
                fix="write \\{ or \\} for a brace that is part of the text",
            )
        else:
            current += character
        index += 1
    if inside:
        raise MappingError(f"template {text!r} has a brace that is not closed", expected="references as {column}")
    if current:
        parts.append(current)
    return Template(tuple(parts))
