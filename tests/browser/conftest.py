"""A server of the built book, and Chromium to read it with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, sync_playwright
from visiting import Visit, come_near_widgets

HTML = Path(__file__).parents[2] / "_build" / "html"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
REQUIRED = os.environ.get("PAIRVAE_REQUIRE_BROWSER") == "1"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Of a server of the built book."""
    if not (HTML / "index.html").is_file():
        pytest.fail("there is no built book: make book")
    with ThreadingHTTPServer(("localhost", 0), partial(Quiet, directory=HTML)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window; skipped where there is none, unless it is required."""
    if CHROMIUM is None:
        if REQUIRED:
            pytest.fail("PAIRVAE_REQUIRE_BROWSER is set, and there is no chromium")
        pytest.skip("there is no chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=[1280, 390])
def visit(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """The PAGE of a test's file, wide and narrow; without a fault, and nothing wider than the window."""
    visit = Visit(browser.new_page(viewport={"width": request.param, "height": 900}))
    visit.open(f"{address}/{request.module.PAGE}")
    come_near_widgets(visit.page)
    yield visit
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= request.param
    assert visit.faults == []
    visit.page.close()
