# SPDX-License-Identifier: Apache-2.0
"""The RML-Core test cases (https://github.com/kg-construct/rml-core), read where they are."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph
import pytest

from semcube.errors import SemcubeError, UnsupportedError
from semcube.mapping import quads
from tests.conftest import shared_folder

FOLDER = (shared_folder() or Path("absent")) / "suites" / "rml-core" / "test-cases"
CASES = sorted(path.name for path in FOLDER.glob("RMLTC*")) if FOLDER.is_dir() else []
BASE = "http://example.com/"

JOIN, PATH, DYNAMIC, TYPE = "join", "several values", "from the data", "term type"
UNSUPPORTED = {
    f"RMLTC{number}-JSON": reason
    for numbers, reason in (
        ("0009a 0009b 0021a 0030a 0030b 0030c 0030d 0030e 0030f", JOIN),
        ("0025a 0025c", PATH),
        ("0022b 0022c 0022e 0031b 0031c", DYNAMIC),
        ("0027a 0027b", TYPE),
    )
    for number in numbers.split()
}
"""What is not available, and the word in the message that says so."""


def _expected(path: Path) -> set[pyoxigraph.Quad]:
    return set(pyoxigraph.parse(path.read_bytes(), format=pyoxigraph.RdfFormat.N_QUADS))


def _made(folder: Path) -> pyoxigraph.Dataset:
    from semcube.io.ntriples import lines_of_keys

    lines = b"".join(lines_of_keys(batch).to_pybytes() for batch in quads((), folder / "mapping.ttl", base=BASE))
    return pyoxigraph.Dataset(pyoxigraph.parse(lines, format=pyoxigraph.RdfFormat.N_QUADS))


@pytest.mark.shared
@pytest.mark.parametrize("name", CASES)
def test_rml_core(name: str) -> None:
    folder = FOLDER / name
    output = folder / "output.nq"
    if name in UNSUPPORTED:
        with pytest.raises(UnsupportedError, match=UNSUPPORTED[name]):
            _made(folder)
        return
    if not output.exists():
        with pytest.raises(SemcubeError):
            _made(folder)
        return
    made, expected = _made(folder), pyoxigraph.Dataset(_expected(output))
    made.canonicalize(pyoxigraph.CanonicalizationAlgorithm.UNSTABLE)
    expected.canonicalize(pyoxigraph.CanonicalizationAlgorithm.UNSTABLE)
    assert set(made) == set(expected)
