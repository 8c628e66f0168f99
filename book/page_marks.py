"""Sphinx extension: mends marks of pages that mislead a screen reader."""

from __future__ import annotations

from typing import Any

LIST = '<div role="list" class="citation-list">'


def setup(app: Any) -> dict[str, bool]:
    """Register the step."""
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def mend(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Bibliographies call themselves lists, and hold no list items: their entries have a role of their own."""
    if "body" in context:
        context["body"] = context["body"].replace(LIST, LIST.replace('role="list" ', ""))
