# SPDX-License-Identifier: Apache-2.0
"""The container image and its composition say what the command line and the server really have."""

from __future__ import annotations

import re
import shutil
import subprocess

from tests.conftest import ROOT


def test_the_composition_is_sound() -> None:
    import yaml

    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert set(composed["services"]) == {"load", "endpoint"}
    endpoint = composed["services"]["endpoint"]
    assert endpoint["depends_on"]["load"]["condition"] == "service_completed_successfully"
    assert endpoint["ports"] == ["${SEMCUBE_PORT:-8000}:8000"]
    used = {volume.split(":")[0] for service in composed["services"].values() for volume in service["volumes"]}
    assert "store" in used
    assert set(composed["volumes"]) == {"store"}
    if compose := compose_command():
        done = subprocess.run([*compose, "config", "-q"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def compose_command() -> list[str]:
    """``docker compose`` where it is installed, as a plugin or on its own."""
    for command in (["docker", "compose"], ["docker-compose"]):
        found = shutil.which(command[0])
        if found and subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0:
            return command
    return []


def test_what_the_image_copies_exists() -> None:
    text = (ROOT / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists(), source


def test_the_image_serves_with_options_that_exist() -> None:
    from typer.main import get_command

    from semcube.cli.serve import app

    text = (ROOT / "Dockerfile").read_text()
    options = {name for parameter in get_command(app).params for name in parameter.opts}
    (command,) = re.findall(r"^CMD (\[.+\])$", text, re.MULTILINE)
    used = set(re.findall(r'"(--[\w-]+)"', command))
    assert used
    assert used <= options
    assert "/health/ready" in text
