"""Every figure and table of the paper has a row on the map, and so a function, a place in the book, and a command."""

from __future__ import annotations

import re
from functools import reduce

import pytest
from paper_map import ITEMS, MAP_PAGE, ROOT, TEXT

from pairvae_lib import figures
from pairvae_lib.book.chapters import chapter_names

NUMBERED = [
    *(f"fig-{name}" for name in "1 2 3a 3b 4a 4b 5a 5b 6a 6b 7a 7b s1 s2 s3a s3b s3c s3d s3e s4 s5 s6 s7 s8".split()),
    *("table-s1", "table-s2"),
]


def test_the_map_holds_every_figure_and_table_of_the_paper_once():
    anchors = [item.anchor for item in ITEMS]
    assert [anchor for anchor in anchors if re.match(r"(fig|table)-", anchor)] == NUMBERED
    assert len(set(anchors)) == len(anchors)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.anchor)
def test_an_item_has_label_caption_function_and_command(item):
    if item.anchor in NUMBERED:
        assert item.label.lower().replace(".", "").replace(" ", "-") == item.anchor
    assert item.caption.endswith(".")
    if item.function is None:
        assert item.place == "this page"
    else:
        assert callable(reduce(getattr, item.function.split("."), figures))
    kind, *words = item.command.split()
    assert (kind, words[0]) in (("make", "book"), ("pairvae", "run"), ("pairvae", "sweep"))
    if words[0] == "run":
        assert words[1] in chapter_names()


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.anchor)
def test_its_page_holds_its_target_once(item):
    assert len(re.findall(rf"^\({item.anchor}\)=$", item.text, flags=re.MULTILINE)) == 1


@pytest.mark.parametrize("item", [item for item in ITEMS if item.function], ids=lambda item: item.anchor)
def test_its_chapter_names_it_and_calls_its_function(item):
    below = item.text.split(f"({item.anchor})=\n")[-1]
    assert item.label.startswith("our own") or f"**{item.label}.**" in below
    assert f"{item.function}(" in below


def test_the_map_is_in_the_book():
    assert MAP_PAGE.removesuffix(".md") in (ROOT / "_toc.yml").read_text(encoding="utf-8")


def test_table_s1_names_a_source_for_every_stated_cell():
    rows = [line.strip("| ").split(" | ") for line in TEXT.split("## Table S1")[1].splitlines() if "Dual VAE: " in line]
    assert len(rows) == 9 and [aspect for aspect, *_ in rows][:2] == ["purpose", "material"]
    for _, _, dual, sources in rows:
        assert "[Lu and Jayaraman (2023)](https://doi.org/10.1021/jacsau.3c00275)" in sources.split("Dual VAE")[0]
        assert (dual == "not stated") == sources.endswith("Dual VAE: none.")
