# SPDX-License-Identifier: Apache-2.0
"""The RML-LV test cases (logical views), read where they are: ``suites/rml-lv`` of the shared data.

That folder is a copy of https://github.com/kg-construct/rml-lv.
"""

from __future__ import annotations

from pathlib import Path

import pyoxigraph
import pytest

from semcube.errors import SemcubeError
from semcube.io.ntriples import lines_of_keys
from semcube.mapping import quads
from tests.conftest import shared_folder

FOLDER = (shared_folder() or Path("absent")) / "suites" / "rml-lv" / "test-cases"

if FOLDER.is_dir():

    @pytest.mark.shared
    @pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("RMLLVTC*")))
    def test_rml_lv(name: str) -> None:
        folder = FOLDER / name

        def made() -> bytes:
            batches = quads((), folder / "mapping.ttl", base="http://example.org/")
            return b"".join(lines_of_keys(batch).to_pybytes() for batch in batches)

        output = folder / "output.nq"
        if not output.exists():
            with pytest.raises(SemcubeError):
                made()
            return
        syntax = pyoxigraph.RdfFormat.N_QUADS
        expected = set(pyoxigraph.parse(output.read_bytes(), format=syntax))
        assert set(pyoxigraph.parse(made(), format=syntax)) == expected
