"""Sphinx extension: hands the library's docstrings to napoleon in the form that it understands."""

from __future__ import annotations

import inspect
import re
from typing import Any

LITERAL_OR_MARKUP = re.compile(r"``.*?``|[*|]", re.DOTALL)
SOURCE_LINE = re.compile(r"(?<=\n\n)Source: ")
FIRST_SECTION = re.compile(r"\n\w+\n-{3,}\n")
BEFORE_NAPOLEON, AFTER_NAPOLEON = 400, 600


def setup(app: Any) -> dict[str, bool]:
    """Register both steps."""
    app.connect("autodoc-process-docstring", rewrite, priority=BEFORE_NAPOLEON)
    app.connect("autodoc-process-docstring", restore_property, priority=AFTER_NAPOLEON)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def escaped(text: str) -> str:
    """The text with its arithmetic (B, *shape), |g| kept from being markup."""
    if ".. math::" in text:
        return text
    return LITERAL_OR_MARKUP.sub(lambda found: found[0] if found[0].startswith("``") else f"\\{found[0]}", text)


def rewrite(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Escape, and make a closing line "Source: ..." a section of its own."""
    lines[:] = SOURCE_LINE.sub("Source\n------\n", escaped("\n".join(lines))).split("\n")


def restore_property(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """The prose of a property as it was: napoleon takes its first line up to a colon for a type."""
    if what == "property":
        lines[:] = FIRST_SECTION.split(escaped(inspect.getdoc(obj) or ""))[0].split("\n")
