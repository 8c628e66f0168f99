"""Figures of the applications draw what they were given, and say what is wrong with what they cannot draw."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from numpy.testing import assert_allclose, assert_array_equal  # noqa: E402

from pairvae_lib import figures  # noqa: E402

LABELS = ["skew", "ladders", "skew"]
TRUE = np.array([1.0, 2.0, np.nan])
PATTERN, MASK = np.linspace(0, 1, 64).reshape(8, 8), np.eye(8, dtype=bool)


@pytest.fixture(autouse=True)
def no_figure_left_open():
    plt.close("all")
    yield
    plt.close("all")


def test_throughput_is_drawn_over_whole_decades():
    figure = figures.throughput_lines((1, 8), {"a": np.array([30.0, 200.0]), "b": np.array([4.0, 5.0])})
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.get_lines()] == ["a", "b"]
    assert_array_equal(axes.get_lines()[0].get_xydata(), [[1, 30], [8, 200]])
    assert_allclose(axes.get_ylim(), (1, 1000))
    figure.draw_without_rendering()


def test_a_rate_that_was_not_measured_ends_its_line():
    figure = figures.throughput_lines((1, 8), {"a": np.array([30.0, np.nan])})
    assert_array_equal(figure.axes[0].get_lines()[0].get_ydata(), [30, np.nan])
    figure.draw_without_rendering()


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_agreement_has_a_panel_per_way_and_counts_what_was_not_read(scale):
    read = {"saxs_to_sem": np.array([1.1, 1.9, 3.0]), "other": np.array([np.nan, 2.0, 3.0])}
    deviations = {"true": np.full(3, 0.1), "other": np.full(3, 0.2)}
    figure = figures.agreement_panels(TRUE, read, LABELS, "period [px]", deviations, scale)
    assert [axes.get_title() for axes in figure.axes] == ["SAXS→SEM, 1 not read", "other, 2 not read"]
    points = np.concatenate([line.get_xydata() for line in figure.axes[0].get_lines() if line.get_marker() in "sD"])
    assert_array_equal(points[np.argsort(points[:, 0])], [[1, 1.1], [2, 1.9]])
    assert figure.axes[0].get_xscale() == scale and figure.axes[0].get_xlim() == figure.axes[1].get_ylim()
    assert figure.get_supxlabel() == "period [px], true"
    bars = [collection for collection in figure.axes[1].collections if len(collection.get_segments())]
    assert len(bars) == 2  # both ways, of the one class that is known
    figure.draw_without_rendering()


def test_a_film_is_a_column_per_moment():
    figure = figures.film_strip([1.0, 22.5], {"scattering": [PATTERN] * 2, "true": np.stack([MASK, ~MASK])})
    assert [axes.get_title() for axes in figure.axes[:2]] == ["1", "22.5"]
    assert_array_equal(figure.axes[3].get_images()[0].get_array(), ~MASK)
    assert [figure.axes[k].get_ylabel() for k in (0, 2)] == ["scattering", "true"]


def test_a_frame_is_a_row():
    figure = figures.film_frame({"scattering": PATTERN, "nearest neighbour": MASK})
    assert [axes.get_title() for axes in figure.axes] == ["scattering", "nearest\nneighbour"]


def test_a_frame_of_many_images_has_rows_of_three():
    figure = figures.film_frame({f"way {k}": MASK for k in range(5)})
    assert [axes.get_title() for axes in figure.axes] == [f"way\n{k}" for k in range(5)]
    assert [axes.get_subplotspec().rowspan.start for axes in figure.axes] == [0, 0, 0, 1, 1]


def test_the_two_models_have_the_colours_of_the_route_and_of_what_is_generated():
    ways = {"PairVAE": np.ones(1), "flow": np.ones(1)}
    lines = figures.error_over_time({"skew": np.ones(1)}, {"skew": ways}).axes[0].get_lines()
    assert [line.get_color() for line in lines] == ["#0072B2", "#882255"]


def test_errors_over_time_set_references_apart():
    ways = {"saxs_to_sem": np.array([0.1, 0.01]), "nearest neighbour": np.array([0.2, 0.02])}
    figure = figures.error_over_time({"skew": np.array([1.0, 9.0])}, {"skew": ways})
    route, reference = figure.axes[0].get_lines()
    assert (route.get_linestyle(), reference.get_linestyle()) == ("-", "--")
    assert_array_equal(reference.get_xydata(), [[1, 0.2], [9, 0.02]])


def test_delivery_times_stand_beside_the_wanted_one():
    figure = figures.delivery_times([0.2, 1.5, 0.3])
    (axes,) = figure.axes
    times, wanted = axes.get_lines()
    assert_array_equal(times.get_xydata(), [[1, 0.2], [2, 1.5], [3, 0.3]])
    assert set(wanted.get_ydata()) == {1} and axes.get_ylim()[1] > 1.5


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: figures.throughput_lines((1,), {}), "^rates must hold at least one named entry; got none$"),
        (lambda: figures.throughput_lines((1,), {"a": np.ones(2)}), r"^a must have shape \(1,\); got \(2,\)$"),
        (
            lambda: figures.throughput_lines((1,), {"a": np.array([np.nan])}),
            "^number of known a must be above 0; got 0$",
        ),
        (lambda: figures.throughput_lines((1,), {"a": np.zeros(1)}), "^lowest of a must be above 0; got 0.0$"),
        (lambda: figures.agreement_panels(TRUE, {}, LABELS, "q"), "^predicted must hold at least one"),
        (lambda: figures.agreement_panels(TRUE, {"a": TRUE[:2]}, LABELS, "q"), r"^a must have shape \(3,\); got"),
        (
            lambda: figures.agreement_panels(TRUE, {"a": TRUE}, LABELS, "q", {"a": TRUE[:1]}),
            r"^deviation of a must have shape \(3,\); got \(1,\)$",
        ),
        (
            lambda: figures.agreement_panels(TRUE, {"a": TRUE}, LABELS, "q", scale="cubic"),
            "^scale must be one of linear, log; got 'cubic'$",
        ),
        (
            lambda: figures.agreement_panels(TRUE * np.nan, {"a": TRUE * np.nan}, LABELS, "period"),
            "^period must be known of at least one sample; got NaN only$",
        ),
        (lambda: figures.film_strip([1.0], {}), "^rows must hold at least one"),
        (
            lambda: figures.film_strip([1.0, 2.0], {"true": [MASK]}),
            "^true must hold one image for each of 2 times; got 1$",
        ),
        (lambda: figures.delivery_times([]), "^number of times must be above 0; got 0$"),
        (lambda: figures.delivery_times([0.0]), "^lowest of seconds must be above 0; got 0.0$"),
        (lambda: figures.film_frame({}), "^images must hold at least one"),
        (lambda: figures.error_over_time({}, {}), "^errors must hold at least one"),
        (
            lambda: figures.error_over_time(dict.fromkeys("ab", np.ones(1)), {"a": {"x": np.ones(1)}, "b": {}}),
            r"^errors\['b'\] must have the ways \['x'\]; got \[\]$",
        ),
        (
            lambda: figures.error_over_time({"a": np.ones(2)}, {"a": {"x": np.ones(1)}}),
            r"^a, x must have shape \(2,\); got \(1,\)$",
        ),
    ],
)
def test_what_cannot_be_drawn_is_named(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
