# SPDX-License-Identifier: Apache-2.0
"""From DE-9IM matrices to the links that were asked for."""

from __future__ import annotations

import numpy as np

from semcube.errors import UsageError
from semcube.geometry.relations import RELATIONS, Relation, matches, relation, transpose

__all__ = ["LinkRelations"]

DISJOINT = ("sfDisjoint", "ehDisjoint", "rcc8dc")
_FAMILIES = {
    name: tuple(row.name for row in RELATIONS.values() if row.family == name and row.name not in DISJOINT)
    for name in ("sf", "eh", "rcc8")
}
_PREFERRED = ("sfWithin", "ehCoveredBy", "ehInside", "rcc8tpp", "rcc8ntpp")
_SYMMETRIC = {row.name for row in RELATIONS.values() if row.inverse == row.name}


class LinkRelations:
    """The relations of a run, looked up by matrix.

    Args:
        wanted: ``all``, ``sf``, ``eh``, ``rcc8``, names, IRIs or DE-9IM patterns, several with commas between.
        minimal: Leave out what follows from another link: ``sfIntersects`` beside any other simple feature relation,
            ``sfWithin`` and ``sfContains`` beside ``sfEquals``.
        self_join: Both sides are one: a pair is met once, and ``minimal`` leaves out inverse links.

    Raises:
        UsageError: A relation is unknown, or holds between geometries that share no point.

    Example:
        >>> LinkRelations("sf").of("212101212")
        ('sfIntersects', 'sfOverlaps')
        >>> LinkRelations("sf", minimal=True).of("212101212")
        ('sfOverlaps',)
    """

    def __init__(self, wanted: str = "sf", *, minimal: bool = False, self_join: bool = False) -> None:
        self.minimal, self.self_join = minimal, self_join
        self.relations = _relations(wanted)
        self.names = tuple(each.name for each in self.relations)

    def iri(self, name: str) -> str:
        """The property of a relation; of a pattern, one of semcube's own namespace."""
        from semcube.vocab import SEMCUBE

        return RELATIONS[name].iri if name in RELATIONS else f"{SEMCUBE}relate-{name.replace('*', 'x')}"

    def of(self, matrix: str) -> tuple[str, ...]:
        """The relations that are linked for a matrix, in the order of the source and target."""
        found = [row.name for row in self.relations if matches(matrix, row)]
        if not self.minimal:
            return tuple(found)
        if "sfEquals" in found:
            found = [name for name in found if name not in ("sfWithin", "sfContains", "sfIntersects")]
        elif any(name.startswith("sf") and name != "sfIntersects" for name in found):
            found = [name for name in found if name != "sfIntersects"]
        return tuple(found)

    def lookup(self, texts: list[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """For each relation: bool by matrix code, for (source, target) and, of a self-join, for the swapped pair.

        The arrays have one more place at their end, for the code -1.
        """
        count = len(texts) + 1
        found = {name: (np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)) for name in self.names}
        for code, text in enumerate(texts):
            ahead = self.of(text)
            back = self.of(transpose(text)) if self.self_join else ()
            for name in ahead:
                found[name][0][code] = not (self.minimal and self.self_join and self._said_by_inverse(name))
            for name in back:
                said = self.minimal and (name in _SYMMETRIC or self._said_by_inverse(name))
                found[name][1][code] = not said
        return found

    def _said_by_inverse(self, name: str) -> bool:
        """Whether the inverse, which is wanted too, says the same and is the one that is kept."""
        if name not in RELATIONS or name in _SYMMETRIC or name in _PREFERRED:
            return False
        return RELATIONS[name].inverse in self.names


def _relations(wanted: str) -> tuple[Relation, ...]:
    chosen: dict[str, Relation] = {}
    for part in (text.strip() for text in wanted.split(",")):
        if part == "all":
            names = [name for family in _FAMILIES.values() for name in family]
        elif part in _FAMILIES:
            names = list(_FAMILIES[part])
        else:
            names = [part]
        for name in names:
            row = _one(name)
            chosen[row.name] = row
    return tuple(chosen.values())


def _one(name: str) -> Relation:
    from semcube.errors import GeometryError

    try:
        row = relation(name)
    except GeometryError as error:
        raise UsageError(
            error.found, expected="all, sf, eh, rcc8, " + ", ".join(RELATIONS) + ", or a DE-9IM pattern"
        ) from None
    if row.may_be_disjoint and row.predicate != "equals":
        raise UsageError(
            f"relation {row.name}, which holds between geometries that share no point",
            expected="relations of geometries that meet",
            fix="take every pair without a link for disjoint",
        )
    return row
