# SPDX-License-Identifier: Apache-2.0
"""The query page in a browser: it works, and it asks nobody but our server."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from semcube.server import ServerSettings
from semcube.store import Store
from semcube.web import is_built
from tests.conftest import skip_or_fail
from tests.server.live import live

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

ARGUMENTS = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
DONE = "['done', 'error'].includes(window.semcube.state.status)"
FIRES = 400


def data() -> str:
    chance = random.Random(7)
    lines = [
        "@prefix ex: <http://example.org/> . @prefix geo: <http://www.opengis.net/ont/geosparql#> .",
        "@prefix xsd: <http://www.w3.org/2001/XMLSchema#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .",
    ]
    for i in range(FIRES):
        lat, lon, month = chance.gauss(42, 4), chance.gauss(14, 6), chance.randint(1, 12)
        lines.append(
            f'ex:fire{i} a ex:Fire ; ex:detected "2019-{month:02}-05T10:00:00Z"^^xsd:dateTime ;'
            f" ex:power {chance.uniform(1, 90):.1f} ;"
            f' ex:sensor "{chance.choice(["MODIS", "VIIRS"])}" ; geo:hasGeometry [ geo:asWKT'
            f' "<http://www.opengis.net/def/crs/EPSG/0/4326> POINT({lat:.4f} {lon:.4f})"^^geo:wktLiteral ] .'
        )
    ring = "10 40, 16 40, 16 44, 10 44, 10 40"
    lines.append(f'ex:park a ex:Park ; rdfs:label "Park"@en ; geo:asWKT "POLYGON(({ring}))"^^geo:wktLiteral .')
    lines.append('ex:road a ex:Road ; geo:asWKT "LINESTRING(8 39, 12 43, 18 45)"^^geo:wktLiteral .')
    return "\n".join(lines)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not is_built():
        skip_or_fail("the front end is not built; run 'make web'")
    with Store.open(tmp_path_factory.mktemp("browser") / "store", create=True) as store:
        store.load(data().encode(), format="ttl")
        with live(store, ServerSettings(title="Test")) as client:
            yield str(client.base_url).rstrip("/") + "/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.environ.get("SEMCUBE_CHROMIUM") or shutil.which("chromium")
    if path is None:
        skip_or_fail("there is no browser; install chromium or set SEMCUBE_CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield opened
        opened.close()


Open = Callable[..., "Page"]


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Open]:
    """Open the page; at the end, no console errors and no requests to other hosts."""
    contexts, complaints, outside = [], [], []

    def look(path: str = "", width: int = 1280, height: int = 800, scheme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: complaints.append(str(e)))
        page.on("request", lambda r: None if r.url.startswith((address, "blob:", "data:")) else outside.append(r.url))
        page.goto(address + path)
        wait(page, "window.semcube && window.semcube.state.status !== 'starting'")
        return page

    yield look
    for context in contexts:
        context.close()
    # WebGL in software says how slow it is; a wrong query answers 400, which the browser logs
    harmless = ("GPU stall", "WebGL", "400 (Bad Request)")
    assert [text for text in complaints if not any(word in text for word in harmless)] == []
    assert outside == []


def wait(page: Page, condition: str, seconds: float = 40) -> None:
    # not page.wait_for_function: that evaluates text inside the page, which the page's policy forbids
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, (condition, state(page))
        page.wait_for_timeout(50)


def state(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("window.semcube.state")
    return found


def example(page: Page, label: str) -> dict[str, Any]:
    wait(page, "document.querySelectorAll('#examples option').length > 3")
    page.select_option("#examples", label=label)
    wait(page, DONE)
    return state(page)


def ask(page: Page, query: str) -> dict[str, Any]:
    page.evaluate("query => document.querySelector('.CodeMirror').CodeMirror.setValue(query)", query)
    page.click("#run")
    wait(page, DONE)
    return state(page)


def shoot(page: Page, name: str) -> None:
    folder = os.environ.get("SEMCUBE_SCREENSHOTS")
    if folder:
        page.wait_for_timeout(600)
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_an_example_is_drawn(visit: Open) -> None:
    page = visit()
    found = example(page, f"Fire ({FIRES})")
    assert (found["status"], found["rows"], found["drawn"], found["visible"]) == ("done", FIRES, FIRES, FIRES)
    assert found["colour"] == "power"
    assert page.inner_text("#status").endswith(f"{FIRES} on the map")
    assert page.locator("tbody tr").count() == 50
    assert page.locator("#legend .ramp").is_visible()
    shoot(page, "map-light")


def test_time_moves_and_counts(visit: Open) -> None:
    page = visit()
    example(page, f"Fire ({FIRES})")
    assert page.locator("#slider").is_visible()
    page.locator("#slider input").press("Home")
    wait(page, f"window.semcube.state.visible < {FIRES}")
    january = state(page)["visible"]
    assert 0 < january < FIRES / 4
    assert "2019" in page.inner_text(".moment")
    page.select_option("#slider select", "until")
    page.locator("#slider input").press("End")
    wait(page, f"window.semcube.state.visible === {FIRES}")
    page.locator("#slider input").press("Home")
    page.click(".play")
    wait(page, f"window.semcube.state.visible > {january}")
    page.click(".play")
    shoot(page, "map-time")


def test_a_click_shows_all_bindings_with_links(visit: Open) -> None:
    page = visit()
    example(page, f"Fire ({FIRES})")
    page.locator("td .chip").first.click()
    popup = page.locator(".maplibregl-popup-content")
    assert popup.locator("dt").all_inner_texts() == ["feature", "detected", "power", "sensor"]
    link = popup.locator("a[target=_blank]").first
    assert str(link.get_attribute("href")).startswith("http://example.org/fire")
    assert link.get_attribute("rel") == "noopener noreferrer"
    page.wait_for_timeout(900)
    page.keyboard.press("Escape")
    box = page.locator("#map canvas").bounding_box()
    assert box is not None
    page.locator(".maplibregl-popup-close-button").click()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    popup.wait_for()
    assert popup.locator("dt").first.inner_text() == "feature"
    shoot(page, "map-popup")


def test_categories_polygons_and_lines(visit: Open) -> None:
    page = visit(scheme="dark")
    found = ask(page, "SELECT ?x ?type ?wkt { ?x a ?type ; <http://www.opengis.net/ont/geosparql#asWKT> ?wkt }")
    assert (found["drawn"], found["colour"]) == (2, "x")
    page.select_option("#colour", "type")
    wait(page, "window.semcube.state.colour === 'type'")
    assert sorted(page.locator("#legend .name").all_inner_texts()) == [
        "http://example.org/Park",
        "http://example.org/Road",
    ]
    shoot(page, "map-dark")


def test_other_kinds_of_answers(visit: Open) -> None:
    page = visit()
    assert ask(page, "ASK { ?s a <http://example.org/Park> }")["status"] == "done"
    assert page.inner_text(".message.boolean strong") == "Yes"
    found = ask(page, "CONSTRUCT { ?s a <http://example.org/Green> } WHERE { ?s a <http://example.org/Park> }")
    assert found["variables"] == ["subject", "predicate", "object"]
    assert page.locator("tbody tr").count() == 1
    assert ask(page, "SELECT ?s { ?s a <http://example.org/None> }")["rows"] == 0
    assert page.inner_text("#map-note") == "The answer is empty."


def test_a_wrong_query_is_marked_where_it_is_wrong(visit: Open) -> None:
    page = visit()
    found = ask(page, "SELECT *\nWHERE { ?s ?p }")
    assert found["status"] == "error"
    assert "line 2, column 15" in page.inner_text(".message.error")
    assert page.locator(".fault-line").count() == 1
    shoot(page, "error")


def test_the_address_shares_query_and_view(visit: Open) -> None:
    page = visit("#query=ASK%20%7B%7D&view=14,42,5")
    wait(page, DONE)
    assert page.inner_text(".message.boolean strong") == "Yes"
    ask(page, "SELECT * { ?s ?p ?o } LIMIT 3")
    assert "LIMIT+3" in page.url
    assert "view=14.0000" in page.url


def test_a_resource_is_explored(visit: Open) -> None:
    page = visit()
    ask(page, "SELECT ?x { ?x a <http://example.org/Park> }")
    page.click("td .iri")
    wait(page, "window.semcube.state.variables.includes('property')")
    wait(page, DONE)
    assert state(page)["drawn"] == 1
    assert page.locator("tbody tr").count() == 3


def test_the_plan(visit: Open) -> None:
    page = visit()
    page.click("#explain")
    page.locator("pre.plan").wait_for()
    assert "parsed" in page.inner_text("pre.plan")


def test_completion_knows_our_classes(visit: Open) -> None:
    page = visit()
    page.evaluate("document.querySelector('.CodeMirror').CodeMirror.setValue('')")
    page.click("#editor .CodeMirror")
    page.keyboard.type("SELECT * { ?x a <http://example.org/F")
    page.keyboard.press("Control+Space")
    page.locator(".CodeMirror-hint", has_text="http://example.org/Fire").wait_for()
    page.keyboard.press("Enter")
    wait(page, "document.querySelector('.CodeMirror').CodeMirror.getValue().includes('org/Fire>')")


def test_download(visit: Open) -> None:
    page = visit()
    ask(page, "SELECT ?x { ?x a <http://example.org/Park> }")
    with page.expect_download() as caught:
        page.select_option("#download", "csv")
    assert Path(caught.value.path()).read_text().split() == ["x", "http://example.org/park"]
    assert caught.value.suggested_filename == "answer.csv"


def test_a_long_query_can_be_stopped(visit: Open) -> None:
    page = visit()
    numbers = " ".join(str(n) for n in range(300))
    query = " ".join(f"VALUES ?{v} {{ {numbers} }}" for v in "abcd")
    page.evaluate("q => document.querySelector('.CodeMirror').CodeMirror.setValue(q)",
                  f"SELECT (COUNT(*) AS ?n) {{ {query} FILTER(REGEX(STR(?a + ?b + ?c + ?d), '77')) }}")  # fmt: skip
    page.click("#run")
    wait(page, "window.semcube.state.status === 'running'")
    page.click("#run")
    wait(page, "window.semcube.state.status === 'stopped'")
    assert ask(page, "ASK {}")["status"] == "done"


def test_keyboard_alone_is_enough(visit: Open) -> None:
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.focus("#editor textarea")
    page.keyboard.press("Control+Enter")
    wait(page, DONE)
    page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.closest('#editor')")
    page.focus("#tab-table")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("#tab-plan", "aria-selected") == "true"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen(visit: Open, scheme: str) -> None:
    page = visit(width=400, height=800, scheme=scheme)
    example(page, f"Fire ({FIRES})")
    shoot(page, f"narrow-{scheme}-table")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.click("#tab-map")
    assert page.locator("#map canvas").is_visible()
    box = page.locator("#map canvas").bounding_box()
    assert box is not None
    assert box["width"] == 400
    assert box["height"] > 300
    shoot(page, f"narrow-{scheme}-map")


def test_the_api_page(visit: Open) -> None:
    page = visit("docs")
    assert state(page)["operations"] > 10
    page.locator("summary", has_text="/update").click()
    assert page.locator("text=All of it is done, or nothing").is_visible()
    shoot(page, "api")
