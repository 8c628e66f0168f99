"""Figures of the comparison beyond the paper draw what they were given."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from numpy.testing import assert_array_equal  # noqa: E402

from pairvae_lib import figures  # noqa: E402
from pairvae_lib.assessment.statistics import Interval  # noqa: E402

LABELS = ["skew", "ladders", "lines"]
MASKS = np.random.default_rng(0).random((3, 8, 8)) < 0.5


@pytest.fixture(autouse=True)
def no_figure_left_open():
    yield
    plt.close("all")


def images(figure):
    return [axes.images[0].get_array() for axes in figure.axes]


def test_masks_stand_in_named_columns():
    figure = figures.mask_columns({"true": MASKS, "drawn here": ~MASKS, " ": MASKS}, LABELS)
    assert [axes.get_title() for axes in figure.axes[:3]] == ["true", "drawn\nhere", ""]
    assert [axes.get_ylabel() for axes in figure.axes[::3]] == LABELS
    for row in range(3):
        for shown, given in zip(images(figure)[3 * row : 3 * row + 3], (MASKS, ~MASKS, MASKS), strict=True):
            assert_array_equal(shown, given[row])


def test_many_names_stand_in_rows():
    figure = figures.mask_columns({"true": MASKS, "drawn": ~MASKS}, LABELS, turned=True)
    assert [axes.get_title() for axes in figure.axes[:3]] == LABELS
    assert [axes.get_ylabel() for axes in figure.axes[::3]] == ["true", "drawn"]
    assert_array_equal(images(figure)[4], ~MASKS[1])


def test_intervals_stand_in_a_panel_per_metric():
    errors = {
        "S2": {"floor": Interval(0.1, 0.2, 0.3), "flow": Interval(0.2, 0.3, 0.4), "ridge": Interval(0.3, 0.4, 0.5)},
        "A2": {"floor": Interval(1, 2, 3), "flow": Interval(2, 3, 4)},
        "area": {"floor": Interval(1, 2, 3)},
    }
    figure = figures.error_intervals(errors, highlighted=["flow"], reference="floor")
    assert [axes.get_title() for axes in figure.axes] == list(errors)
    first, second, _ = figure.axes
    assert [text.get_text() for text in first.get_yticklabels()] == ["floor", "flow", "ridge"]
    lines = first.get_lines()
    assert_array_equal(lines[2].get_xdata(), [0.2, 0.4])
    assert lines[2].get_color() == figures.ROUTE_COLOURS["generated"] != lines[0].get_color()
    assert_array_equal(lines[-1].get_xdata(), [0.2, 0.2])  # the reference
    assert len(second.get_lines()) == 5  # nothing where there is no ridge


def test_numbers_of_samples_against_the_truth():
    true, given = np.array([1.0, 2, 3]), np.array([1.0, 2, 5])
    figure = figures.scalar_scatter(true, {"flow": given, "PairVAE": true}, ["skew", "skew", "ladders"], "area")
    left, right = figure.axes
    assert (left.get_title(), right.get_title()) == ("flow", "PairVAE")
    diagonal, skew, ladders = left.get_lines()
    assert_array_equal(diagonal.get_xdata(), [1, 5])
    assert_array_equal(skew.get_ydata(), [1, 2])
    assert_array_equal(ladders.get_data(), [[3], [5]])
    assert figure.legends[0].get_texts()[0].get_text() == "skew"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: figures.mask_columns({}, LABELS), "columns must hold at least one named entry; got none"),
        (lambda: figures.mask_columns({"a": MASKS[:2]}, LABELS), "column 'a' must hold one item per label, 3 in all"),
        (lambda: figures.mask_columns({"a": MASKS * 1.0}, LABELS), "column 'a' must be a boolean array"),
        (lambda: figures.error_intervals({}), "errors must hold at least one named entry; got none"),
        (lambda: figures.error_intervals({"S2": {}}), "methods must hold at least one named entry; got none"),
        (lambda: figures.scalar_scatter(np.ones(2), {}, ["a", "b"], "x"), "given must hold at least one named entry"),
        (lambda: figures.scalar_scatter(np.ones(2), {"f": np.ones(3)}, list("ab"), "x"), "given 'f' must hold one"),
    ],
)
def test_errors_name_argument_expectation_and_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
