# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest

from semcube.errors import InputError
from semcube.geometry import unit
from semcube.vocab import UNIT, UOM


@pytest.mark.parametrize(
    ("iri", "kind", "factor"),
    [
        (UOM + "metre", "length", 1),
        ("https://www.opengis.net/def/uom/OGC/1.0/metre", "length", 1),
        (UOM + "kilometre", "length", 1000),
        (UOM + "degree", "angle", 1),
        (UOM + "radian", "angle", 180 / math.pi),
        (UOM + "unity", "scale", 1),
        (UNIT + "M", "length", 1),
        (UNIT + "KiloM", "length", 1000),
        (UNIT + "MI_N", "length", 1852),
        (UNIT + "FT", "length", 0.3048),
        (UNIT + "DEG", "angle", 1),
        (UNIT + "HA", "area", 10_000),
        (UNIT + "KiloM2", "area", 1e6),
    ],
)
def test_known_units(iri: str, kind: str, factor: float) -> None:
    assert unit(iri).kind == kind
    assert unit(iri).factor == pytest.approx(factor)


def test_an_unknown_unit_is_named() -> None:
    with pytest.raises(InputError, match="furlong"):
        unit(UOM + "furlong")
