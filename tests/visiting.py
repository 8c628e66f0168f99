"""A page that is open, for the tests that read the book."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import Page

VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]'


def come_near_widgets(page: Page) -> None:
    """Scroll to the first widget of a page, if it has one, and wait until it is drawn: it is loaded only then."""
    if page.locator(VIEW).count():
        page.locator(".cell_output").filter(has=page.locator(VIEW)).first.scroll_into_view_if_needed()
        page.locator(".jupyter-widgets, .pairvae-explorer").first.wait_for(timeout=30_000)


@dataclass
class Visit:
    """A page that is open, and what has happened on it."""

    page: Page
    requests: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def open(self, url: str) -> None:
        """Load the page with all that it asks for, and wait until its formulas are set."""
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("response", lambda answer: self.refused.append(answer.url) if answer.status >= 400 else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda told: self.faults.append(told.text) if told.type == "error" else None)
        self.page.goto(url, wait_until="networkidle")
        self.page.evaluate("async () => { if (window.MathJax?.startup) await window.MathJax.startup.promise; }")
