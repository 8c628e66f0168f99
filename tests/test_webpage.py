from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from pairvae_lib import webpage

HOSTILE = '<script>alert(1)</script>"&'


class Reader(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def test_text_from_elsewhere_stays_text():
    x = np.arange(3.0)
    page = webpage.document(HOSTILE, [
        webpage.heading(HOSTILE),
        webpage.paragraph(HOSTILE, HOSTILE),
        webpage.listed([HOSTILE]),
        webpage.table(HOSTILE, [HOSTILE], [[HOSTILE, HOSTILE, 1.0]]),
        webpage.tracks(HOSTILE, [(HOSTILE, 0.1, 0.2, True)]),
        webpage.plot(HOSTILE, x, {HOSTILE: x}, HOSTILE, HOSTILE),
        webpage.picture(np.zeros((2, 2), bool), HOSTILE),
    ])
    assert "<script" not in page
    assert not [attributes for _, attributes in Reader(page).tags if any(name.startswith("on") for name in attributes)]


def test_nothing_is_asked_of_anyone():
    page = webpage.document("a", [webpage.picture(np.zeros((2, 2)), "b")])
    assert "default-src 'none'" in page and not re.search(r"https?:", page)
    sources = [attributes["src"] for tag, attributes in Reader(page).tags if tag == "img"]
    assert len(sources) == 1 and sources[0].startswith("data:image/png;base64,")


def test_points_lie_on_a_scale_from_zero():
    text = webpage.tracks("errors", [("route", 0.5, 1.0, False), ("mean", 0.0, 0.25, True)])
    assert re.findall(r"left:([\d.]+)%", text) == ["50.0", "100.0", "0.0", "25.0"]
    assert re.findall(r'<tr class="(\w+)"', text) == ["route", "reference"]
    assert '<td class="number">0.5000</td>' in text


def test_a_plot_spans_its_axes_and_names_its_curves():
    x = np.array([1.0, 10.0, 100.0])
    text = webpage.plot("curves", x, {"a": x / 100, "b": np.array([0.0, 0.5, 1.0])}, "q", "I", logarithmic=True)
    first, second = re.findall(r'<polyline points="([^"]*)"', text)[:2]
    places = [float(point.split(",")[0]) for point in second.split()]
    assert places[0] == webpage.LEFT and places[2] == webpage.WIDTH - webpage.RIGHT
    assert places[1] == pytest.approx((places[0] + places[2]) / 2, abs=0.1)
    assert float(second.split()[2].split(",")[1]) == webpage.TOP
    assert 'aria-label="curves"' in text and "</svg>a</span>" in text and first != second


def test_what_cannot_be_drawn_is_refused():
    x = np.arange(3.0)
    with pytest.raises(ValueError, match=r"^curve 'a' must have shape \(3,\); got \(2,\)$"):
        webpage.plot("t", x, {"a": x[:2]}, "x", "y")
    with pytest.raises(ValueError, match="^curves must be at most 3; got 4$"):
        webpage.plot("t", x, dict.fromkeys("abcd", x), "x", "y")
    with pytest.raises(ValueError, match=r"^image must have shape \(height, width\); got \(3,\)$"):
        webpage.picture(x, "t")
