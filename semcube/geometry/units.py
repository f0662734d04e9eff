# SPDX-License-Identifier: Apache-2.0
"""Units of measure by IRI: OGC (``uom:``) and QUDT (``unit:``)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from semcube.errors import InputError
from semcube.vocab import UNIT, UOM

__all__ = ["Unit", "unit"]


@dataclass(frozen=True)
class Unit:
    """A unit of length or of angle, or the square of one.

    Example:
        >>> unit("http://qudt.org/vocab/unit/KiloM").factor
        1000.0
    """

    iri: str
    kind: Literal["length", "angle", "area", "scale"]
    factor: float
    """Metres per unit of length, degrees per unit of angle, square metres per unit of area."""


_METRES = {
    "metre": 1.0,
    "meter": 1.0,
    "kilometre": 1000.0,
    "kilometer": 1000.0,
    "centimetre": 0.01,
    "millimetre": 0.001,
    "mile": 1609.344,
    "statuteMile": 1609.344,
    "nauticalMile": 1852.0,
    "foot": 0.3048,
    "yard": 0.9144,
    "inch": 0.0254,
    "surveyFoot": 1200 / 3937,
}
_DEGREES = {"degree": 1.0, "radian": math.degrees(1.0), "grad": 0.9, "minute": 1 / 60, "second": 1 / 3600}
_QUDT_METRES = {
    "M": 1.0,
    "KiloM": 1000.0,
    "HectoM": 100.0,
    "DecaM": 10.0,
    "DeciM": 0.1,
    "CentiM": 0.01,
    "MilliM": 0.001,
    "MicroM": 1e-6,
    "MI": 1609.344,
    "MI_US": 6336000 / 3937,
    "MI_N": 1852.0,
    "FT": 0.3048,
    "FT_US": 1200 / 3937,
    "YD": 0.9144,
    "IN": 0.0254,
}
_QUDT_DEGREES = {
    "DEG": 1.0,
    "RAD": math.degrees(1.0),
    "GRAD": 0.9,
    "GON": 0.9,
    "ARCMIN": 1 / 60,
    "ARCSEC": 1 / 3600,
    "MIN_Angle": 1 / 60,
}
_QUDT_SQUARE_METRES = {
    "M2": 1.0,
    "KiloM2": 1e6,
    "CentiM2": 1e-4,
    "MilliM2": 1e-6,
    "HA": 1e4,
    "ARE": 100.0,
    "AC": 4046.8564224,
    "MI2": 1609.344**2,
    "FT2": 0.3048**2,
    "YD2": 0.9144**2,
}
_SQUARE = {"squareMetre": 1.0, "squareKilometre": 1e6, "hectare": 1e4}


def _table() -> dict[str, Unit]:
    rows: dict[str, Unit] = {}
    for namespace, kind, names in (
        (UOM, "length", _METRES),
        (UOM, "angle", _DEGREES),
        (UOM, "area", _SQUARE),
        (UOM, "scale", {"unity": 1.0, "GridSpacing": 1.0}),
        (UNIT, "length", _QUDT_METRES),
        (UNIT, "angle", _QUDT_DEGREES),
        (UNIT, "area", _QUDT_SQUARE_METRES),
    ):
        for name, factor in names.items():
            rows[namespace + name] = Unit(namespace + name, kind, factor)  # type: ignore[arg-type]
    return rows


_UNITS = _table()


def unit(iri: str) -> Unit:
    """The unit that an IRI names, http or https.

    Raises:
        InputError: No such unit is known.

    Example:
        >>> unit("http://www.opengis.net/def/uom/OGC/1.0/radian").factor
        57.29577951308232
    """
    found = _UNITS.get("http://" + iri.removeprefix("https://").removeprefix("http://"))
    if found is None:
        raise InputError(
            f"unit <{iri}> is not known",
            expected=f"a unit of length or angle of <{UOM}> or <{UNIT}>",
            fix=f"use for example <{UOM}metre>, <{UOM}degree> or <{UNIT}KiloM>",
        )
    return found
