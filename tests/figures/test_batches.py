"""Errors batch by batch: every number where it belongs."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

from pairvae_lib import figures  # noqa: E402

MEDIANS = {"one": {"profile_to_micrograph": 0.1, "nearest": 0.2}, "two": {"profile_to_micrograph": 0.3, "nearest": 0.1}}
COUNTS = {"one": 5, "two": 6}


@pytest.fixture(autouse=True)
def no_figure_left_open():
    yield
    plt.close("all")


def test_every_batch_has_a_line_and_the_random_split_stands_apart():
    figure = figures.batch_errors(MEDIANS, COUNTS, {"profile_to_micrograph": 0.05, "nearest": 0.06}, "error")
    (axes,) = figure.axes
    ticks = [text.get_text() for text in axes.get_yticklabels()]
    assert ticks == ["one\n(n = 5)", "two\n(n = 6)", "random split\n(leaky)"]
    cross, nearest = (line for line in axes.get_lines() if line.get_label() in ("profile→micrograph", "nearest"))
    np.testing.assert_allclose(cross.get_xdata(), [0.1, 0.3, 0.05])
    np.testing.assert_allclose(np.diff(cross.get_ydata()), [1, 1.4])
    assert cross.get_markerfacecolor() != "white" and nearest.get_markerfacecolor() == "white"
    figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("medians", "random", "message"),
    [
        ({}, None, "^medians must hold at least one named entry; got none$"),
        ({"one": {"a": 1.0}, "two": {"b": 1.0}}, None, r"^medians of 'two' must be of \['a'\]; got \['b'\]$"),
        ({"one": {"a": 1.0}}, {"a": 1.0, "b": 1.0}, r"^medians of 'random split' must be of \['a'\]; got \["),
        ({"one": {"a": np.nan}}, None, "^medians of 'one' must be finite; got 1 NaN or infinite of 1 values$"),
    ],
)
def test_what_cannot_be_drawn_is_named(medians, random, message):
    with pytest.raises(ValueError, match=message):
        figures.batch_errors(medians, COUNTS, random)
