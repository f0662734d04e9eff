# SPDX-License-Identifier: Apache-2.0
"""The main job on real data: files -> mapping -> RDF -> store -> three answers -> endpoint and map.

Run by ``make demo``; everything it makes is in the folder ``.demo``. Each step is a ``semcube`` command and is printed.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = Path("examples/data")
QUERIES = Path("examples/queries")
MADE = Path(".demo")
SOURCES = ("countries.shp", "places.csv", "air_temperature.nc")
QUESTIONS = ("cities-by-country", "near-zurich", "warming")


def semcube(*arguments: object) -> None:
    """Run one command and show it; stop the demo where it fails."""
    words = [str(argument) for argument in arguments]
    print("\n$ semcube " + " ".join(shlex.quote(word) for word in words), flush=True)
    code = subprocess.run([sys.executable, "-m", "semcube", *words], cwd=ROOT, check=False).returncode
    if code:
        sys.exit(code)


def build() -> None:
    """Map, transform and load the example data."""
    shutil.rmtree(ROOT / MADE, ignore_errors=True)
    (ROOT / MADE).mkdir()
    inputs = [DATA / name for name in SOURCES]
    mapping, ontology = MADE / "countries.rml.ttl", MADE / "countries.owl.ttl"
    semcube("mapping", "generate", inputs[0], "-o", mapping, "--ontology", ontology)
    semcube("transform", *inputs, "--cells", "h3:2", "-o", MADE / "world.nt.zst")
    semcube("load", "--store", MADE / "store", MADE / "world.nt.zst", ontology)


def ask() -> None:
    """Three GeoSPARQL questions, answered on the terminal."""
    for name in QUESTIONS:
        question = (ROOT / QUERIES / f"{name}.rq").read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        print(f"\n-- {question}", end="", flush=True)
        semcube("query", "--store", MADE / "store", "-f", QUERIES / f"{name}.rq", "--format", "table")


def main() -> None:
    """Run the demo; ``--no-serve`` stops before the server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on")
    parser.add_argument("--port", default="8000", help="port to serve on")
    parser.add_argument("--no-serve", action="store_true", help="stop after the questions")
    options = parser.parse_args()
    build()
    ask()
    if not options.no_serve:
        title = "Countries, cities and air temperature"
        semcube("serve", "--store", MADE / "store", "--host", options.host, "--port", options.port, "--title", title)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
