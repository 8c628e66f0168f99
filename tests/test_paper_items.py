"""Every figure and table of the paper has a function, a place in the book, and a row on the map."""

from __future__ import annotations

import re
from functools import reduce
from pathlib import Path

import pytest

from pairvae_lib import figures
from pairvae_lib.chapters import chapter_names
from pairvae_lib.paper_items import MAP_PAGE, PAPER_ITEMS, item_named, map_page

ROOT = Path(__file__).parents[1]
NUMBERED = [
    *(f"fig-{name}" for name in "1 2 3a 3b 4a 4b 5a 5b 6a 6b 7a 7b s1 s2 s3a s3b s3c s3d s3e s4 s5 s6 s7 s8".split()),
    *("table-s1", "table-s2"),
]


def test_the_list_holds_every_figure_and_table_of_the_paper_once():
    anchors = [item.anchor for item in PAPER_ITEMS]
    assert [anchor for anchor in anchors if re.match(r"(fig|table)-", anchor)] == NUMBERED
    assert len(set(anchors)) == len(anchors)


@pytest.mark.parametrize("item", PAPER_ITEMS, ids=lambda item: item.anchor)
def test_an_item_has_label_caption_and_function(item):
    if item.anchor in NUMBERED:
        assert item.label.lower().replace(".", "").replace(" ", "-") == item.anchor
    assert item.caption.endswith(".")
    assert callable(reduce(getattr, item.function.split("."), figures))
    kind, *words = item.command.split()
    assert (kind, words[0]) in (("make", "book"), ("pairvae", "run"), ("pairvae", "sweep"))
    if words[0] == "run":
        assert words[1] in chapter_names()


@pytest.mark.parametrize("item", PAPER_ITEMS, ids=lambda item: item.anchor)
def test_its_text_holds_its_target_once(item):
    text = (ROOT / item.text).read_text(encoding="utf-8")
    assert len(re.findall(rf"^\({item.anchor}\)=$", text, flags=re.MULTILINE)) == 1


@pytest.mark.parametrize("item", [item for item in PAPER_ITEMS if item.text != MAP_PAGE], ids=lambda item: item.anchor)
def test_its_chapter_names_it_and_calls_its_function(item):
    text = (ROOT / item.text).read_text(encoding="utf-8")
    below = text.split(f"({item.anchor})=\n")[-1]
    assert item.label.startswith("our own") or f"**{item.label}.**" in below
    assert f"{item.function}(" in below


def test_the_committed_map_is_what_the_list_makes():
    assert (ROOT / MAP_PAGE).read_text(encoding="utf-8") == map_page()


def test_the_map_is_in_the_book_and_links_every_item():
    assert MAP_PAGE.removesuffix(".md") in (ROOT / "_toc.yml").read_text(encoding="utf-8")
    for item in PAPER_ITEMS:
        assert f"{{ref}}`{item.label} <{item.anchor}>`" in map_page()


def test_pages_are_named_as_in_the_table_of_contents():
    assert item_named("fig-3a").page == "notebooks/03_solo_vae"
    assert item_named("table-s1").page == "book/paper_map"


def test_an_unknown_anchor_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"^anchor must be one of fig-1, fig-2, .*; got 'fig-9'$"):
        item_named("fig-9")
