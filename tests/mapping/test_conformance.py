# SPDX-License-Identifier: Apache-2.0
"""The RML-Core test cases (https://github.com/kg-construct/rml-core), read where they are."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph
import pytest

from semcube.errors import InputError
from semcube.mapping import quads
from tests.conftest import shared_folder

FOLDER = (shared_folder() or Path("absent")) / "suites" / "rml-core" / "test-cases"
CASES = sorted(path.name for path in FOLDER.glob("RMLTC*")) if FOLDER.is_dir() else []
BASE = "http://example.com/"


def _expected(path: Path) -> set[pyoxigraph.Quad]:
    # The case of unsafe IRIs expects IRIs with spaces.
    return set(pyoxigraph.parse(path.read_bytes(), format=pyoxigraph.RdfFormat.N_QUADS, lenient=True))


def _made(folder: Path) -> pyoxigraph.Dataset:
    from semcube.io.ntriples import lines_of_keys

    lines = b"".join(lines_of_keys(batch).to_pybytes() for batch in quads((), folder / "mapping.ttl", base=BASE))
    return pyoxigraph.Dataset(pyoxigraph.parse(lines, format=pyoxigraph.RdfFormat.N_QUADS, lenient=True))


@pytest.mark.shared
@pytest.mark.parametrize("name", CASES)
def test_rml_core(name: str) -> None:
    folder = FOLDER / name
    output = folder / "output.nq"
    if not output.exists():
        with pytest.raises(InputError):
            _made(folder)
        return
    made, expected = _made(folder), pyoxigraph.Dataset(_expected(output))
    made.canonicalize(pyoxigraph.CanonicalizationAlgorithm.UNSTABLE)
    expected.canonicalize(pyoxigraph.CanonicalizationAlgorithm.UNSTABLE)
    assert set(made) == set(expected)
