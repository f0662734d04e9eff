# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys

import pytest

from semcube import geometry


def test_public_names_exist() -> None:
    for name in geometry.__all__:
        assert getattr(geometry, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = geometry.nothing


def test_the_function_crs_is_not_hidden_by_its_module() -> None:
    assert "semcube.geometry.crs" in sys.modules
    assert geometry.crs(4326).iri == "http://www.opengis.net/def/crs/EPSG/0/4326"


def test_importing_the_room_loads_nothing_heavy() -> None:
    heavy = ("numpy", "shapely", "pyproj", "pyarrow")
    code = f"import sys, semcube.geometry; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
