# SPDX-License-Identifier: Apache-2.0
"""Take the pictures of the documentation with a real browser: ``python docs/screenshots.py`` after ``make demo``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
ARGUMENTS = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
PORT = 8765
PICTURES = {"map.png": ("temperature-map", "kelvin"), "page.png": ("cities-map", "country")}


def wait(page: Page, condition: str) -> None:
    """Until a condition of the page holds."""
    deadline = time.monotonic() + 60
    while not page.evaluate(condition):
        if time.monotonic() > deadline:
            sys.exit(f"the page never came to: {condition}")
        page.wait_for_timeout(100)


def take(page: Page, name: str, query: str, colour: str) -> None:
    """Run a query, colour the map by a variable, take the picture."""
    text = (ROOT / "examples" / "queries" / f"{query}.rq").read_text(encoding="utf-8")
    page.evaluate("query => document.querySelector('.CodeMirror').CodeMirror.setValue(query)", text)
    page.click("#run")
    wait(page, "['done', 'error'].includes(window.semcube.state.status)")
    page.select_option("#colour", value=colour)
    page.wait_for_timeout(2500)
    page.screenshot(path=str(IMAGES / name))


def main() -> None:
    """Serve the demo's store and take every picture."""
    from playwright.sync_api import sync_playwright

    command = [sys.executable, "-m", "semcube", "serve", "--store", ".demo/store", "--port", str(PORT)]
    server = subprocess.Popen(command, cwd=ROOT)
    IMAGES.mkdir(exist_ok=True)
    try:
        with sync_playwright() as playwright:
            path = os.environ.get("SEMCUBE_CHROMIUM") or shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            time.sleep(5)
            page.goto(f"http://127.0.0.1:{PORT}/")
            wait(page, "window.semcube && window.semcube.state.status !== 'starting'")
            for name, (query, colour) in PICTURES.items():
                take(page, name, query, colour)
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
