"""The page book/paper_map.md as rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
MAP_PAGE = "book/paper_map.md"
ROW = re.compile(r"\| \[(.+)\]\([^)]*#(.+?)\) \| (.+) \| (.+) \| (?:`(.+)`|–) \| `(.+)` \|")


class Item(NamedTuple):
    label: str
    anchor: str
    caption: str
    place: str  # a chapter, or "this page"
    function: str | None  # below pairvae_lib.figures; None for what is written on the page
    command: str

    @property
    def page(self) -> str:
        """As the table of contents names it."""
        return MAP_PAGE.removesuffix(".md") if self.place == "this page" else f"notebooks/{self.place}"

    @property
    def text(self) -> str:
        """What is written there."""
        path = f"{self.page}.md".replace("notebooks/", "notebooks/text/")
        return (ROOT / path).read_text(encoding="utf-8")


TEXT = (ROOT / MAP_PAGE).read_text(encoding="utf-8")
ITEMS = [Item(*ROW.fullmatch(line).groups()) for line in TEXT.splitlines() if ROW.fullmatch(line)]
