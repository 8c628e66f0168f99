"""Lines that read well on a code host stand for more in a page."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[2] / "book"


@pytest.fixture
def page_marks(monkeypatch):
    monkeypatch.syspath_prepend(str(BOOK))
    yield __import__("page_marks")
    sys.modules.pop("page_marks")


@pytest.mark.parametrize(
    ("written", "in_the_page"),
    [
        ("Above\n\n[The table](instead.md)\n", "Above\n\n```{include} instead.md\n```\n"),
        ("![Routes](images/four-routes.svg)", "```{raw} html\n:file: images/four-routes.svg\n```"),
        ("<!-- images/cover-memory.html -->", "```{raw} html\n:file: images/cover-memory.html\n```"),
        ("See [Fig. 4A](../notebooks/04_pair_vae.ipynb#fig-4a).", "See [Fig. 4A](#fig-4a)."),
    ],
)
def test_what_stands_in_place_of_a_line(page_marks, written, in_the_page):
    source = [written]
    page_marks.resolve(None, "index", source)
    assert source == [in_the_page]


@pytest.mark.parametrize("text", ["See [the table](instead.md).", "<!-- a note -->", "![Chapter](../other.svg)"])
def test_what_stands_within_a_sentence_stays(page_marks, text):
    source = [text]
    page_marks.resolve(None, "index", source)
    assert source == [text]


def test_what_a_page_holds_is_there():
    texts = {path.name: path.read_text(encoding="utf-8") for path in BOOK.glob("*.md")}
    assert not [name for name, text in texts.items() if "```{include}" in text or ":file:" in text]
