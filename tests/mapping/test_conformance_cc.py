# SPDX-License-Identifier: Apache-2.0
"""The RML-CC test cases (collections and containers), read where they are: ``suites/rml-cc`` of the shared data.

That folder is a copy of https://github.com/kg-construct/rml-cc.
"""

from __future__ import annotations

from pathlib import Path

import pyoxigraph
import pytest

from semcube.io.ntriples import lines_of_keys
from semcube.mapping import quads
from tests.conftest import shared_folder

FOLDER = (shared_folder() or Path("absent")) / "suites" / "rml-cc" / "test-cases"
GRAPHS_OF_THEIR_OWN = "RMLTC-CC-0010-Listb"
"""It wants one blank node identifier to mean another node in each graph; elsewhere in RML it is one node."""

if FOLDER.is_dir():

    @pytest.mark.shared
    @pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("RMLTC-CC*")))
    def test_rml_cc(name: str) -> None:
        batches = quads((), FOLDER / name / "mapping.ttl", base="http://example.com/base/")
        made = b"".join(lines_of_keys(batch).to_pybytes() for batch in batches)
        found, expected = (
            _graphs(text, apart=name == GRAPHS_OF_THEIR_OWN)
            for text in (made, (FOLDER / name / "default.nq").read_bytes())
        )
        assert found == expected


def _graphs(text: bytes, *, apart: bool) -> list[pyoxigraph.Dataset]:
    """The quads without the names of blank nodes; each graph on its own if names count there only."""
    all_quads = list(pyoxigraph.parse(text, format=pyoxigraph.RdfFormat.N_QUADS))
    names = sorted({str(quad.graph_name) for quad in all_quads}) if apart else [None]
    found = []
    for name in names:
        part = pyoxigraph.Dataset(quad for quad in all_quads if name is None or str(quad.graph_name) == name)
        part.canonicalize(pyoxigraph.CanonicalizationAlgorithm.UNSTABLE)
        found.append(part)
    return found
