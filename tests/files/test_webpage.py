from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from jinja2 import UndefinedError

from pairvae_lib.files.webpage import TEMPLATES, address, rendered

HOSTILE = '<script>alert(1)</script>"&'
PARTS = TEMPLATES.get_template("parts.html").module


class Reader(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize(
    "page",
    [
        PARTS.listed([HOSTILE]),
        PARTS.table(HOSTILE, [HOSTILE], [[HOSTILE, HOSTILE, 1.0]]),
        PARTS.tracks(HOSTILE, [(HOSTILE, 0.1, 0.2)], ()),
        PARTS.pictures("plots", [(HOSTILE, HOSTILE)]),
        rendered("cover-tiles.html", tiles=[{"address": HOSTILE, "alt": HOSTILE, "caption": HOSTILE, "shape": (1, 1)}]),
    ],
)
def test_text_from_elsewhere_stays_text(page):
    assert "<script" not in page and "&lt;script" in page
    assert not [attributes for _, attributes in Reader(page).tags if any(name.startswith("on") for name in attributes)]


def test_nothing_is_asked_of_anyone():
    page = rendered("page.html")
    assert "default-src 'none'" in page and not re.search(r"https?:|url\(", page)
    assert "&#" not in page and "@media print" in page  # the rules stand as they are
    assert address(b"abc") == "data:image/png;base64,YWJj"


def test_points_lie_on_a_scale_from_zero():
    text = PARTS.tracks("errors", [("a_to_b", 0.5, 1.0), ("mean", 0.0, 0.25)], ("mean",))
    assert re.findall(r"left:([\d.]+)%", text) == ["50.0", "100.0", "0.0", "25.0"]
    assert re.findall(r'<tr class="(\w+)"', text) == ["route", "reference"]
    assert '<td class="number">0.5000</td>' in text and '<th scope="row">a → b</th>' in text
    assert re.findall(r"left:([\d.]+)%", PARTS.tracks("errors", [("a", 0.0, 0.0)], ())) == ["0.0", "0.0"]


def test_a_table_has_numbers_to_the_right():
    text = PARTS.table("t", ["", "n", "w"], [["a", 0.5, "0.5"]])
    assert '<td class="number">0.5000</td>' in text and "<td>0.5</td>" in text and '<th scope="row">a</th>' in text


def test_a_value_that_is_missing_is_no_empty_place():
    with pytest.raises(UndefinedError, match="'name' is undefined"):
        rendered("report.html")
