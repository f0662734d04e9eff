# SPDX-License-Identifier: Apache-2.0
"""Units and CF standard names -> IRIs of QUDT and of the NERC vocabulary server."""

from __future__ import annotations

import re

from semcube.vocab import UNIT

__all__ = ["standard_name_iri", "unit_iri"]

_UNITS = {
    "1": "UNITLESS", "": "UNITLESS", "%": "PERCENT", "percent": "PERCENT", "ppm": "PPM", "ppb": "PPB",
    "K": "K", "kelvin": "K", "degC": "DEG_C", "celsius": "DEG_C", "degree_celsius": "DEG_C", "degrees_celsius": "DEG_C",
    "m": "M", "metre": "M", "meter": "M", "metres": "M", "meters": "M", "km": "KiloM", "cm": "CentiM", "mm": "MilliM",
    "m2": "M2", "km2": "KiloM2", "ha": "HA", "m3": "M3", "s": "SEC", "second": "SEC", "seconds": "SEC",
    "min": "MIN", "h": "HR", "hour": "HR", "hours": "HR", "d": "DAY", "day": "DAY", "days": "DAY", "year": "YR",
    "kg": "KiloGM", "g": "GM", "mol": "MOL", "Pa": "PA", "hPa": "HectoPA", "mbar": "MilliBAR", "bar": "BAR",
    "J": "J", "W": "W", "V": "V", "Hz": "HZ", "sr": "SR", "rad": "RAD", "radian": "RAD", "radians": "RAD",
    "degree": "DEG", "degrees": "DEG", "degrees_north": "DEG", "degrees_east": "DEG", "dB": "DeciB",
    "m s-1": "M-PER-SEC", "m s-2": "M-PER-SEC2", "mm day-1": "MilliM-PER-DAY", "mm h-1": "MilliM-PER-HR",
    "mm yr-1": "MilliM-PER-YR", "kg m-2": "KiloGM-PER-M2", "kg m-3": "KiloGM-PER-M3", "kg kg-1": "KiloGM-PER-KiloGM",
    "kg m-2 s-1": "KiloGM-PER-M2-SEC", "g m-3": "GM-PER-M3", "mg m-3": "MilliGM-PER-M3", "g kg-1": "GM-PER-KiloGM",
    "W m-2": "W-PER-M2", "J m-2": "J-PER-M2", "m-1": "PER-M", "s-1": "PER-SEC", "mol m-2": "MOL-PER-M2",
    "mol mol-1": "MOL-PER-MOL", "mol m-3": "MOL-PER-M3", "m2 m-2": "M2-PER-M2", "m3 m-3": "M3-PER-M3",
    "m3 s-1": "M3-PER-SEC", "t ha-1": "TONNE-PER-HA",
}  # fmt: skip
_FOLDED = {name.lower(): iri for name, iri in _UNITS.items() if len(name) > 2}


def unit_iri(text: str | None) -> str | None:
    """The QUDT unit of a UDUNITS text; None if it is not known.

    Example:
        >>> unit_iri("mg m^-3"), unit_iri("kg/m**2"), unit_iri("bananas")
        ('http://qudt.org/vocab/unit/MilliGM-PER-M3', 'http://qudt.org/vocab/unit/KiloGM-PER-M2', None)
    """
    if text is None:
        return None
    plain = re.sub(r"\^|\*\*", "", text.strip()).replace("*", " ").replace("·", " ").replace(".", " ")
    head, *divisors = plain.split("/")
    for each in divisors:
        match = re.fullmatch(r"\s*([A-Za-z]+)(\d*)\s*", each)
        head += f" {match[1]}-{match[2] or 1}" if match else f"/{each}"
    key = " ".join(head.split())
    found = _UNITS.get(key) or _FOLDED.get(key.lower())
    return None if found is None else UNIT + found


def standard_name_iri(name: str | None) -> str | None:
    """The concept of a CF standard name.

    Example:
        >>> standard_name_iri("sea_ice_area_fraction")
        'http://vocab.nerc.ac.uk/standard_name/sea_ice_area_fraction/'
    """
    if name is None or not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name):
        return None
    return f"http://vocab.nerc.ac.uk/standard_name/{name}/"
