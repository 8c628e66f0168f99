"""A page that is open, for the tests that read the book."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import Page

KNOWN_FAULT = "THEBE_JS_URL"  # the theme declares it twice


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
        self.page.goto(url, wait_until="networkidle")
        self.page.evaluate("async () => { if (window.MathJax?.startup) await window.MathJax.startup.promise; }")

    @property
    def new_faults(self) -> list[str]:
        """Errors on the page, but for the one of the theme."""
        return [fault for fault in self.faults if KNOWN_FAULT not in fault]
