# SPDX-License-Identifier: Apache-2.0
"""Files of the front end: which are reached, as what, for how long."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from semcube.web import assets, plain_page
from semcube.web.assets import asset, background, is_built

FRONTEND = Path(assets.HERE) / "frontend"


@pytest.fixture
def static(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>")
    for name in ("app-0123456789.js", "worker-ABCDEFGH.mjs", "plain.js", "app-0123456789.exe"):
        (folder / "assets" / name).write_text("")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


def test_types_and_lives(static: Path) -> None:
    made = {
        name: asset(name, static) for name in ("index.html", "assets/app-0123456789.js", "assets/worker-ABCDEFGH.mjs")
    }
    page, script, worker = made.values()
    assert page is not None
    assert script is not None
    assert worker is not None
    assert (page.media_type, page.cache_control) == ("text/html; charset=utf-8", "no-cache")
    assert script.media_type == worker.media_type == "text/javascript; charset=utf-8"
    assert script.cache_control == worker.cache_control == "public, max-age=31536000, immutable"
    unhashed = asset("assets/plain.js", static)
    assert unhashed is not None
    assert unhashed.cache_control == "no-cache"


@pytest.mark.parametrize(
    "name",
    ["../secret.txt", "assets/../../secret.txt", "/etc/hosts.txt", "assets", "", ".", "assets/app-0123456789.exe"],
)
def test_nothing_else_is_served(static: Path, name: str) -> None:
    assert asset(name, static) is None


def test_is_built(static: Path, tmp_path: Path) -> None:
    assert is_built(static)
    assert not is_built(tmp_path)


def test_the_background_is_land_in_lon_lat() -> None:
    found = background()
    assert found is not None
    features = json.loads(found.path.read_text())["features"]
    assert len(features) > 100
    assert {f["geometry"]["type"] for f in features} <= {"Polygon", "MultiPolygon", "LineString", "MultiLineString"}


def test_the_plain_page_escapes() -> None:
    page = plain_page([("a", "<b>")])
    assert '<option value="a">&lt;b&gt;</option>' in page
    assert "GROUP BY ?class" in page


def test_the_lock_file_names_no_host_and_fixes_every_version() -> None:
    text = (FRONTEND / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    assert "resolved" not in text
    assert all("integrity" in package for name, package in packages.items() if name)
    own = json.loads((FRONTEND / "package.json").read_text())
    wanted = {**own["dependencies"], **own["devDependencies"]}
    assert all(packages[f"node_modules/{name}"]["version"] == version for name, version in wanted.items())
