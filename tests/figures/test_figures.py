"""Every figure draws the arrays it was given, and says what is wrong with those it cannot draw."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from numpy.testing import assert_allclose, assert_array_equal  # noqa: E402
from scipy.ndimage import gaussian_filter  # noqa: E402

from pairvae_lib import figures  # noqa: E402
from pairvae_lib.claims import verdicts  # noqa: E402
from pairvae_lib.figures import style  # noqa: E402
from pairvae_lib.figures.claims import VERDICT_MARKS  # noqa: E402

VERDICTS = list(VERDICT_MARKS)
LABELS = ["hexagonal", "skew", "alternating lines", "ladders"]
SIZE = 24
R = np.arange(12.0)


@pytest.fixture(autouse=True)
def no_figure_left_open():
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def masks(rng):
    return gaussian_filter(rng.normal(size=(4, SIZE, SIZE)), (0, 2, 2)) > 0


@pytest.fixture
def micrographs(rng):
    return rng.integers(0, 256, (4, SIZE, SIZE)).astype(np.uint8)


@pytest.fixture
def patterns(rng):
    return rng.random((4, 32, 32)).astype(np.float32)


def image_of(axes):
    (image,) = axes.get_images()
    return image.get_array()


def lines_of(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def legend_of(figure):
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


# images ---------------------------------------------------------------------------------------------------------------


def test_pairs_overview_shows_pattern_micrograph_and_mask_in_rows(patterns, micrographs, masks):
    figure = figures.pairs_overview(patterns, micrographs, masks, LABELS)
    for row in range(4):
        for axes, given in zip(figure.axes[3 * row : 3 * row + 3], (patterns, micrographs, masks), strict=True):
            assert_array_equal(image_of(axes), given[row])
    assert [axes.get_title() for axes in figure.axes[:3]] == ["scattering", "micrograph", "mask"]
    assert [axes.get_ylabel() for axes in figure.axes[::3]] == LABELS
    figure.draw_without_rendering()


def test_pairs_overview_draws_profiles_over_q(micrographs, masks, rng):
    q = np.geomspace(0.01, 0.1, 32)
    profiles = rng.random((4, 32))
    figure = figures.pairs_overview(profiles, micrographs, masks, LABELS, q=q, q_unit="1/Å")
    axes = figure.axes[3]
    (line,) = axes.get_lines()
    assert_array_equal(line.get_ydata(), profiles[1])
    assert_array_equal(line.get_xdata(), q)
    assert (axes.get_xscale(), axes.get_xlabel(), axes.get_title()) == ("log", "q [1/Å]", "skew")


def test_pairs_overview_draws_raw_profiles_on_their_own_q(micrographs, masks):
    q = [np.geomspace(0.01, 0.1, 10 + k) for k in range(4)]
    raw = [1e4 * values**-2 for values in q]
    figure = figures.pairs_overview(raw, list(micrographs), list(masks), LABELS, q=q, scaled=False)
    (line,) = figure.axes[9].get_lines()
    assert_array_equal(line.get_xdata(), q[3])
    assert_array_equal(line.get_ydata(), raw[3])
    assert figure.axes[9].get_yscale() == "log"
    figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("nm_per_pixel", "text", "length"),
    [(2.75, "20 nm", 20 / 2.75), (None, "5 px", 5.0), (1000.0, "5000 nm", 5.0)],
)
def test_scale_bar_has_a_round_length_below_a_third_of_the_width(micrographs, nm_per_pixel, text, length):
    axes = plt.figure().add_subplot()
    figures.draw_image(axes, micrographs[0], nm_per_pixel, scale_bar=True)
    (bar,) = axes.get_lines()
    assert np.diff(bar.get_xdata()) == pytest.approx(length)
    assert axes.texts[0].get_text().strip() == text


def test_scale_bar_takes_a_given_length_that_fits(micrographs):
    for length, text in ((30.0, "30 nm"), (500.0, "20 nm")):
        axes = plt.figure().add_subplot()
        figures.draw_image(axes, micrographs[0], 2.75, scale_bar=True, bar_length=length)
        assert axes.texts[0].get_text().strip() == text


def test_pixel_size_of_every_micrograph(patterns, micrographs, masks):
    figure = figures.pairs_overview(patterns, micrographs, masks, LABELS, nm_per_pixel=[1, 2, 10, 20])
    assert [axes.texts[0].get_text().strip() for axes in figure.axes[1::3]] == ["5 nm", "10 nm", "50 nm", "100 nm"]


def test_draw_scattering_counts_points_without_q():
    axes = plt.figure().add_subplot()
    figures.draw_scattering(axes, np.linspace(0, 1, 5))
    assert_array_equal(axes.get_lines()[0].get_xdata(), np.arange(5))
    assert axes.get_xlabel() == "point"


def test_threshold_examples_name_the_dice_coefficient_with_the_truth(micrographs, masks):
    results = {"adaptive mean": masks, "Otsu": ~masks}
    figure = figures.threshold_examples(micrographs, results, LABELS, truth=masks, nm_per_pixel=2.75)
    grid = np.reshape(figure.axes, (4, 4))
    for row in range(4):
        for column, given in enumerate((micrographs, masks, masks, ~masks)):
            assert_array_equal(image_of(grid[row, column]), given[row])
    assert {axes.get_xlabel() for axes in grid[:, 2]} == {"Dice 1.00"}
    assert {axes.get_xlabel() for axes in grid[:, 3]} == {"Dice 0.00"}
    assert [axes.get_title() for axes in grid[0]] == ["micrograph", "truth", "adaptive\nmean", "Otsu"]
    assert [axes.get_ylabel() for axes in grid[:, 0]] == ["hexagonal", "skew", "alternating\nlines", "ladders"]


def test_threshold_examples_without_truth_name_no_dice(micrographs, masks):
    figure = figures.threshold_examples(micrographs, {"Otsu": masks}, LABELS)
    assert [axes.get_title() for axes in figure.axes] == ["micrograph", "Otsu"] + [""] * 6
    assert {axes.get_xlabel() for axes in figure.axes} == {""}


def threshold_rows():
    """Two samples a morphology: the Dice coefficient rises with method and falls with the light."""
    return [
        {
            "morphology": label,
            "method": method,
            "illumination": light,
            "dice": 0.9 - 0.1 * light + 0.05 * k + 0.02 * sample,
            "domains_kept": 1.0,
        }
        for label in LABELS
        for k, method in enumerate(("Otsu", "Niblack", "another"))
        for light in (4.0, 0.0, 1.0)
        for sample in (0, 1)
    ]


def test_threshold_scores_are_medians_over_samples_against_the_light():
    figure = figures.threshold_scores(threshold_rows())
    assert [axes.get_title() for axes in figure.axes] == LABELS
    for axes in figure.axes:
        lines = lines_of(axes)
        assert list(lines) == ["Otsu", "Niblack", "another"]
        assert_allclose(lines["Niblack"].get_xdata(), [0, 1, 4])
        assert_allclose(lines["Niblack"].get_ydata(), [0.96, 0.86, 0.56])
        assert [text.get_text() for text in axes.texts] == ["Otsu", "Niblack", "another"]
        places = [text.get_position()[1] for text in axes.texts]
        assert np.diff(places).min() > 0.08  # of the height: the names do not touch
    assert figure.axes[0].get_ylabel() == "Dice coefficient [0–1]"
    assert figure.axes[2].get_xlabel() == "shading [× as simulated]"
    figure.draw_without_rendering()


def test_names_of_equal_scores_stay_within_the_panel_and_apart():
    figure = figures.threshold_scores(threshold_rows(), "domains_kept")
    places = sorted(text.get_position()[1] for text in figure.axes[0].texts)
    assert np.diff(places).min() > 0.08 and 0 <= places[0] and places[-1] <= 1


def test_reconstructions_of_masks_stand_in_columns(masks):
    columns = {"solo sem_to_sem": ~masks, "saxs_to_sem": masks}
    figure = figures.reconstructions(masks, columns, LABELS)
    grid = np.reshape(figure.axes, (4, 3))
    for column, given in enumerate((masks, ~masks, masks)):
        for row in range(4):
            assert_array_equal(image_of(grid[row, column]), given[row])
    assert [axes.get_title() for axes in grid[0]] == ["true", "solo\nSEM→SEM", "SAXS→SEM"]


def test_reconstructions_of_patterns_share_one_intensity_scale(patterns):
    figure = figures.reconstructions(patterns, {"sem_to_saxs": patterns / 2}, LABELS)
    assert_array_equal(image_of(figure.axes[1]), patterns[0] / 2)
    assert {axes.get_images()[0].get_clim() for axes in figure.axes} == {(0.0, 1.0)}


def test_reconstructions_of_profiles_are_curves_per_morphology(rng):
    q = np.geomspace(0.01, 0.1, 32)
    true, other = rng.random((2, 3, 32))
    figure = figures.reconstructions(true, {"micrograph_to_profile": other}, ["lines", "mixed", "dots"], q=q)
    assert [axes.get_title() for axes in figure.axes] == ["lines", "mixed", "dots"]
    for row, axes in enumerate(figure.axes):
        lines = lines_of(axes)
        assert_array_equal(lines["true"].get_ydata(), true[row])
        assert_array_equal(lines["micrograph→profile"].get_ydata(), other[row])
        assert_array_equal(lines["true"].get_xdata(), q)
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "q [1/nm]", "q [1/nm]"]


def test_training_progress_stands_below_the_truth(masks, patterns):
    true = {"saxs": patterns[:, None], "sem": masks[:, None].astype(np.float32)}
    drawn = {"saxs_to_sem": ~masks, "sem_to_sem": masks}
    figure = figures.training_progress(true, drawn, [f"{label}\nheld out" for label in LABELS])
    grid = np.reshape(figure.axes, (3, 4))  # no route leads to saxs
    for row, stack in enumerate((masks, ~masks, masks)):
        for column in range(4):
            assert image_of(grid[row, column]).dtype == bool
            assert_array_equal(image_of(grid[row, column]), stack[column])
    assert [axes.get_ylabel() for axes in grid[:, 0]] == ["true\nSEM", "SAXS\n→SEM", "SEM\n→SEM"]
    assert [axes.get_title() for axes in grid[0]][1:3] == ["skew\nheld out", "alternating\nlines\nheld out"]
    patterned = figures.training_progress(true, {"sem_to_saxs": patterns / 2}, LABELS)
    assert_array_equal(image_of(patterned.axes[4]), patterns[0] / 2)


def test_training_progress_of_profiles_shares_axes(rng):
    q = np.geomspace(0.01, 0.1, 32)
    true, own, other = rng.random((3, 2, 32))
    drawn = {"profile_to_profile": own, "micrograph_to_profile": other}
    figure = figures.training_progress({"profile": true[:, None]}, drawn, ["lines", "dots"], q)
    for column, axes in enumerate(figure.axes):
        lines = lines_of(axes)
        assert_array_equal(lines["true"].get_ydata(), true[column])
        assert_array_equal(lines["micrograph→profile"].get_ydata(), other[column])
        assert_array_equal(lines["true"].get_xdata(), q)
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 3


def test_generated_ensemble_below_the_reconstruction(masks, rng):
    generated = rng.random((4, 5, SIZE, SIZE)) > 0.5
    figure = figures.generated_ensemble(masks, generated, LABELS)
    grid = np.reshape(figure.axes, (6, 4))
    for column in range(4):
        assert_array_equal(image_of(grid[0, column]), masks[column])
        for k in range(5):
            assert_array_equal(image_of(grid[1 + k, column]), generated[column, k])


# curves ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draw", "x_label", "y_label"),
    [
        (figures.correlation_curves, "distance r [nm]", "$S_2(r)$"),
        (figures.lineal_path_curves, "vertical segment z [nm]", "$L(z)$"),
    ],
)
def test_curves_have_one_panel_per_morphology(draw, x_label, y_label, rng):
    curves = {"true": rng.random((4, 12)), "sem_to_sem": rng.random((4, 12)), "saxs_to_sem": rng.random((4, 12))}
    figure = draw(R, curves, LABELS, unit="nm")
    assert [axes.get_title() for axes in figure.axes] == LABELS
    for row, axes in enumerate(figure.axes):
        lines = lines_of(axes)
        for name, stack in curves.items():
            line = lines[figures.display_name(name)]
            assert_array_equal(line.get_ydata(), stack[row])
            assert_array_equal(line.get_xdata(), R)
            assert line.get_color() == figures.ROUTE_COLOURS[name]
    assert legend_of(figure) == ["true", "SEM→SEM", "SAXS→SEM"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "", x_label, x_label]
    assert [axes.get_ylabel() for axes in figure.axes] == [y_label, "", y_label, ""]


def test_horizontal_lineal_path_is_named_so(rng):
    figure = figures.lineal_path_curves(R, {"true": rng.random((1, 12))}, ["skew"], axis="horizontal")
    assert figure.axes[0].get_xlabel() == "horizontal segment z [px]"


def test_mean_correlation_shows_each_route_against_the_reference(rng):
    stacks = {"true": rng.random((6, 12)), "sem_to_sem": rng.random((9, 12)), "saxs_to_sem": rng.random((3, 12))}
    figure = figures.mean_correlation(R, stacks)
    assert [axes.get_title() for axes in figure.axes] == ["SEM→SEM (n = 9)", "SAXS→SEM (n = 3)"]
    for axes, name in zip(figure.axes, ("sem_to_sem", "saxs_to_sem"), strict=True):
        lines = lines_of(axes)
        assert_allclose(lines["true"].get_ydata(), stacks["true"].mean(axis=0))
        assert_allclose(lines[figures.display_name(name)].get_ydata(), stacks[name].mean(axis=0))
        low = stacks[name].mean(axis=0) - stacks[name].std(axis=0)
        band = axes.collections[1].get_paths()[0].vertices
        assert_allclose([band[band[:, 0] == r, 1].min() for r in R], low)
    assert figure.axes[0].texts[0].get_text() == "true (n = 6)"


def test_mean_correlation_of_one_stack_is_one_panel(rng):
    figure = figures.mean_correlation(R, {"true": rng.random((6, 12))})
    assert [axes.get_title() for axes in figure.axes] == ["true (n = 6)"]


def test_ensemble_correlation_against_reconstruction_and_truth(rng):
    reconstruction, true = rng.random((2, 4, 12))
    generated = rng.random((4, 10, 12))
    figure = figures.ensemble_correlation(R, reconstruction, generated, LABELS, true=true)
    for row, axes in enumerate(figure.axes):
        lines = lines_of(axes)
        assert_array_equal(lines["reconstruction"].get_ydata(), reconstruction[row])
        assert_array_equal(lines["true"].get_ydata(), true[row])
        assert_allclose(lines["generated, mean ± sd (n = 10)"].get_ydata(), generated[row].mean(axis=0))
    without = figures.ensemble_correlation(R, reconstruction, generated, LABELS)
    assert "true" not in legend_of(without)


def test_the_features_of_s2_of_one_mask_stand_where_they_are():
    lines = np.tile(np.arange(60) % 12 < 6, (60, 1))  # half of it bright; the radial mean puts the maximum beyond 12 px
    _, axes = figures.marked_correlation(lines).axes
    marks = [tuple(line.get_xydata()[0]) for line in axes.get_lines() if line.get_marker() == "o"]
    assert marks[0] == (0, 0.5)
    assert marks[1][1] < 0.25 < marks[2][1] and marks[1][0] < 12 < marks[2][0] < 14
    assert [text.get_text() for text in axes.texts][0] == "share of bright pixels: 0.50"
    assert [text.get_text() for text in axes.texts][-1] == "far away: 0.50² = 0.25"


def test_a_mask_without_a_period_has_no_period_marked():
    mask, axes = figures.marked_correlation(np.ones((20, 20), bool)).axes
    assert len([line for line in axes.get_lines() if line.get_marker() == "o"]) == 1
    assert mask.get_xlabel() == ""


def test_the_matrix_of_two_latents_is_drawn_as_it_is(rng):
    correlation = rng.uniform(-1, 1, (40, 40))
    axes, bar = figures.latent_correlation(correlation, ("saxs", "sem"), shown=8).axes
    assert_array_equal(image_of(axes), correlation[:8, :8])
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("number of the SAXS latent", "number of the SEM latent")
    with pytest.raises(ValueError, match="correlation must have shape"):
        figures.latent_correlation(correlation[:3], ("saxs", "sem"))


# assessment -----------------------------------------------------------------------------------------------------------


def test_training_history_on_a_logarithmic_axis():
    history = {"barlow": [0.9, 0.5, 0.1], "saxs_to_sem": [0.7, 0.6, 0.4], "total": [2.0, 1.0]}
    figure = figures.training_history(history, phase_boundary=1)
    (axes,) = figure.axes
    lines = lines_of(axes)
    for name, values in history.items():
        assert_array_equal(lines[name].get_ydata(), values)
        assert_array_equal(lines[name].get_xdata(), np.arange(1, len(values) + 1))
    assert axes.get_yscale() == "log"
    assert axes.get_title(loc="left") == "random crops to epoch 1, then focused"
    assert axes.get_lines()[-1].get_xdata()[0] == 1.5


def test_names_at_line_ends_keep_apart():
    figure = figures.training_history({"a": [1.0, 0.5], "b": [1.0, 0.5], "c": [1.0, 0.501]})
    places = sorted(text.xyann[1] for text in figure.axes[0].texts)
    assert np.diff(places).min() >= 0.04
    assert {text.xy for text in figure.axes[0].texts} == {(2, 0.5), (2, 0.501)}  # where the lines to them begin
    assert sorted(text.get_text() for text in figure.axes[0].texts) == ["a", "b", "c"]


def test_error_boxes_show_medians_counts_and_references(rng):
    errors = {
        "solo sem_to_sem": {"train": rng.random(24), "held out": rng.random(12)},
        "saxs_to_sem": {"held out": rng.random(200)},
    }
    references = {"training mean": {"train": 0.3, "held out": 0.4}, "floor": {"held out": 0.05}}
    figure = figures.error_boxes(errors, references, "mean absolute error of $S_2$", "dimensionless")
    (axes,) = figure.axes
    given = [values for subsets in errors.values() for values in subsets.values()]
    drawn = [line for line in axes.get_lines() if line.get_linewidth() == 2.2]
    assert_allclose([line.get_xdata()[0] for line in drawn], [np.median(values) for values in given])
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "solo SEM→SEM, train (24)",
        "held out (12)",
        "SAXS→SEM, held out (200)",
        "training mean",
        "floor",
    ]
    diamonds = [line.get_xdata()[0] for line in axes.get_lines() if line.get_marker() == "D"]
    assert diamonds == [0.3, 0.4, 0.05]
    points = [line.get_xdata() for line in axes.get_lines() if line.get_marker() == "." and line.get_markersize() == 4]
    assert [len(values) for values in points] == [24, 12]  # few values are shown one by one
    assert legend_of(figure) == ["train", "held out"]
    assert axes.get_xlabel() == "mean absolute error of $S_2$ [dimensionless]"
    assert axes.get_xscale() == "log"
    assert figures.error_boxes({"a": {"train": np.array([0.0, 1.0])}}).axes[0].get_xscale() == "linear"


def test_error_boxes_of_held_out_samples_only(rng):
    figure = figures.error_boxes({"saxs_to_sem": {"held out": rng.random(3)}})
    assert legend_of(figure) == ["held out"]


# style ----------------------------------------------------------------------------------------------------------------


def test_figures_are_legible_on_a_dark_page_and_a_phone(patterns, micrographs, masks):
    figure = figures.pairs_overview(patterns, micrographs, masks, LABELS)
    assert figure.get_facecolor() == (1.0, 1.0, 1.0, 1.0)
    assert figure.get_figwidth() <= 5.5
    assert min(text.get_fontsize() for axes in figure.axes for text in (axes.title, axes.yaxis.label)) >= 9


def test_settings_of_matplotlib_stay_as_they_were(rng):
    before = dict(plt.rcParams)
    figures.mean_correlation(R, {"true": rng.random((2, 12))})
    assert dict(plt.rcParams) == before


def test_a_figure_that_fails_is_not_left_open(patterns, micrographs):
    with pytest.raises(ValueError):
        figures.pairs_overview(patterns, micrographs, np.zeros((4, 2, 2)), LABELS)
    assert plt.get_fignums() == []


def test_colours_of_routes_and_morphologies_are_fixed_and_differ():
    assert style.route_colours(["pair saxs_to_sem", "SAXS→SEM", "profile_to_micrograph"]) == dict.fromkeys(
        ["pair saxs_to_sem", "SAXS→SEM", "profile_to_micrograph"], figures.ROUTE_COLOURS["saxs_to_sem"]
    )
    routes = [
        "true",
        "saxs_to_saxs",
        "sem_to_saxs",
        "sem_to_sem",
        "saxs_to_sem",
        "solo saxs_to_saxs",
        "solo sem_to_sem",
    ]
    assert len({figures.ROUTE_COLOURS[route] for route in routes}) == len(routes)
    assert len({figures.MORPHOLOGY_COLOURS[label] for label in LABELS}) == 4
    unknown = style.route_colours(["raman_to_ir", "true", "ir_to_raman"])
    assert len(set(unknown.values())) == 3


def test_morphologies_keep_colour_and_marker():
    marks = style.morphology_marks(["gyroid", "ladders", "alternating_lines", "ladders", "hexagonal"])
    assert list(marks) == ["hexagonal", "alternating_lines", "ladders", "gyroid"]
    assert marks["alternating_lines"] == (figures.MORPHOLOGY_COLOURS["alternating lines"], "^")
    assert len(set(marks.values())) == 4


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("saxs_to_sem", "SAXS→SEM"),
        ("solo sem_to_sem", "solo SEM→SEM"),
        ("alternating_lines", "alternating lines"),
        ("barlow", "Barlow"),
        ("profile_to_micrograph", "profile→micrograph"),
        ("held out", "held out"),
    ],
)
def test_display_names(name, shown):
    assert figures.display_name(name) == shown


# errors ---------------------------------------------------------------------------------------------------------------

FOUR = np.zeros((4, 4, 4))
MASKS = np.zeros((4, 4, 4), bool)
GREY = np.zeros((4, 4, 4), np.uint8)
S2 = np.zeros((4, 12))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: figures.pairs_overview([], [], [], []), r"labels must be a list of at least one string.*got \[\]"),
        (lambda: figures.pairs_overview(FOUR, GREY, MASKS, "skew"), "labels must be a list .*got 'skew'"),
        (
            lambda: figures.pairs_overview(FOUR[:3], GREY, MASKS, LABELS),
            "scattering must hold one item per label, 4 in all",
        ),
        (lambda: figures.pairs_overview(FOUR, GREY[:1], MASKS, LABELS), "micrographs must hold .*got 1"),
        (lambda: figures.pairs_overview(FOUR, GREY, MASKS[:2], LABELS), "masks must hold .*got 2"),
        (lambda: figures.pairs_overview(FOUR, GREY, GREY, LABELS), r"masks\[0\] must be a boolean array"),
        (
            lambda: figures.pairs_overview(FOUR, GREY, MASKS, LABELS, nm_per_pixel=[1, 2]),
            "nm_per_pixel must hold .*got 2",
        ),
        (lambda: figures.pairs_overview(FOUR, GREY, MASKS, LABELS, nm_per_pixel=0), "nm_per_pixel must be above 0"),
        (lambda: figures.pairs_overview(S2, GREY, MASKS, LABELS, q=[R, R]), "q must hold one item per label"),
        (lambda: figures.pairs_overview(S2, GREY, MASKS, LABELS, q=R[1:]), r"q must have shape \(12,\); got \(11,\)"),
        (lambda: figures.pairs_overview(S2, GREY, MASKS, LABELS, q=R), "lowest q must be above 0; got 0.0"),
        (lambda: figures.pairs_overview(S2, GREY, MASKS, LABELS, scaled=False), "lowest intensity .* must be above 0"),
        (
            lambda: figures.pairs_overview(S2 + 2, GREY, MASKS, LABELS),
            "scattering must lie between 0 and 1; got 2 to 2",
        ),
        (
            lambda: figures.pairs_overview(FOUR - 1, GREY, MASKS, LABELS),
            "pattern must lie between 0 and 1; got -1 to -1",
        ),
        (lambda: figures.pairs_overview(FOUR * np.nan, GREY, MASKS, LABELS), "scattering must be finite"),
        (
            lambda: figures.pairs_overview(FOUR[None], GREY[:1], MASKS[:1], ["a"]),
            r"scattering must have shape .*got \(4, 4, 4\)",
        ),
        (lambda: figures.pairs_overview(FOUR, [R] * 4, MASKS, LABELS), r"image must have shape \(height, width\)"),
        (lambda: figures.threshold_examples(GREY, {}, LABELS), "results must hold at least one named entry"),
        (
            lambda: figures.threshold_examples(GREY, {"li": MASKS[:1]}, LABELS),
            "li must hold one item per label, 4 in all; got 1",
        ),
        (lambda: figures.threshold_examples(GREY, {"li": GREY}, LABELS), r"li\[0\] must be a boolean array"),
        (
            lambda: figures.threshold_examples(GREY, {"li": MASKS}, LABELS, truth=MASKS[:, 1:]),
            r"truth\[0\] must have shape \(4, 4\)",
        ),
        (lambda: figures.threshold_scores([]), "rows must hold at least one named entry; got none"),
        (
            lambda: figures.threshold_scores([{"dice": 1.0}], "beauty"),
            "score must be one of dice, iou, domains_kept, domains_ratio, fraction_bias; got 'beauty'",
        ),
        (lambda: figures.threshold_scores([{"dice": np.nan}]), "dice must be finite"),
        (
            lambda: figures.reconstructions(MASKS, {"a": MASKS[:, 1:]}, LABELS),
            r"a\[0\] must have shape \(4, 4\); got \(3, 4\)",
        ),
        (lambda: figures.reconstructions(FOUR, {"a": FOUR * np.nan}, LABELS), r"a\[0\] must be finite"),
        (lambda: figures.reconstructions(FOUR, {"a": FOUR + 3}, LABELS), r"a\[0\] must lie between 0 and 1"),
        (lambda: figures.reconstructions(S2, {"a": S2}, LABELS, q=R[1:]), r"q must have shape \(12,\)"),
        (
            lambda: figures.training_progress({"sem": FOUR[:, None]}, {"sem_to_saxs": FOUR}, LABELS),
            "drawn must lead to sem; got sem_to_saxs",
        ),
        (
            lambda: figures.training_progress({"sem": FOUR[:, None]}, {"sem_to_sem": FOUR[:3]}, LABELS),
            "sem_to_sem must hold one item per label, 4 in all; got 3",
        ),
        (
            lambda: figures.training_progress({"sem": FOUR[:, None]}, {"sem_to_sem": FOUR[:, 1:]}, LABELS),
            r"sem_to_sem must have shape \(4, 4, 4\); got \(4, 3, 4\)",
        ),
        (lambda: figures.generated_ensemble(MASKS, MASKS[:3, None], LABELS), "generated must hold one item per label"),
        (
            lambda: figures.generated_ensemble(GREY, MASKS[:, None], LABELS),
            r"reconstruction\[0\] must be a boolean array",
        ),
        (
            lambda: figures.generated_ensemble(MASKS, MASKS, LABELS),
            r"generated\[0\] must have shape \(4, 4, 4\); got \(4, 4\)",
        ),
        (lambda: figures.generated_ensemble(MASKS, GREY[:, None], LABELS), r"generated\[0\] must be a boolean array"),
        (lambda: figures.correlation_curves(R, {}, LABELS), "curves must hold at least one"),
        (
            lambda: figures.correlation_curves(R, {"true": S2[1:]}, LABELS),
            r"curves\['true'\] must have shape \(4, 12\); got \(3, 12\)",
        ),
        (lambda: figures.correlation_curves(S2, {"true": S2}, LABELS), r"r must have shape \(points,\)"),
        (lambda: figures.correlation_curves(R, {"true": S2 * np.nan}, LABELS), r"curves\['true'\] must be finite"),
        (
            lambda: figures.lineal_path_curves(R, {"true": S2}, LABELS, axis="radial"),
            "axis must be one of vertical, horizontal",
        ),
        (lambda: figures.lineal_path_curves(S2, {"true": S2}, LABELS), r"z must have shape \(points,\)"),
        (lambda: figures.mean_correlation(R, {}), "stacks must hold at least one"),
        (lambda: figures.mean_correlation(R, {"true": S2[:1]}), r"stacks\['true'\] must hold at least 2 curves.*got 1"),
        (
            lambda: figures.ensemble_correlation(R, S2[:2], [S2] * 4, LABELS),
            r"reconstruction must have shape \(4, 12\)",
        ),
        (lambda: figures.ensemble_correlation(R, S2, [S2] * 4, LABELS, true=S2[:1]), r"true must have shape \(4, 12\)"),
        (lambda: figures.ensemble_correlation(R, S2, [S2] * 3, LABELS), "generated must hold one item per label"),
        (
            lambda: figures.ensemble_correlation(R, S2, [S2[:1]] * 4, LABELS),
            r"generated\[0\] must hold at least 2 curves",
        ),
        (lambda: figures.mean_lineal_path(R, {"true": S2}, "radial"), "axis must be one of vertical, horizontal"),
        (lambda: figures.mean_lineal_path(R, {"true": S2[:1]}), r"stacks\['true'\] must hold at least 2 curves"),
        (
            lambda: figures.mean_correlation(R, {"true": S2}, held_out=np.zeros(4, bool)),
            "number of held-out micrographs must be above 0; got 0",
        ),
        (lambda: figures.ensemble_bands(R, {}, S2, S2[:2], LABELS, 5), r"deviation must have shape \(4, 12\)"),
        (lambda: figures.ensemble_bands(R, {}, S2, S2, LABELS, 5, notes=["a"]), "notes must hold one item per label"),
        (lambda: figures.training_history({}), "history must hold at least one"),
        (lambda: figures.training_history({"kl": []}), r"history\['kl'\] must hold values above 0.*got none"),
        (lambda: figures.training_history({"kl": [1.0, 0.0]}), r"history\['kl'\] must hold values above 0.*got 0.0"),
        (lambda: figures.training_history({"kl": [1.0, np.nan]}), r"history\['kl'\] must be finite"),
        (lambda: figures.training_history({"kl": [[1.0]]}), r"history\['kl'\] must have shape \(epochs,\)"),
        (lambda: figures.training_history({"kl": [1.0, 2.0]}, 3), "phase_boundary must lie between 1 and 2; got 3"),
        (lambda: figures.error_boxes({}), "errors must hold at least one"),
        (lambda: figures.error_boxes({"a": {}}), "a must hold at least one"),
        (lambda: figures.error_boxes({"a": {"test": R}}), "subset of 'a' must be one of train, held out; got 'test'"),
        (lambda: figures.error_boxes({"a": {"train": R[:0]}}), "a, train must hold at least one error; got none"),
        (lambda: figures.error_boxes({"a": {"train": R * np.nan}}), "a, train must be finite"),
        (lambda: figures.error_boxes({"a": {"train": S2}}), r"a, train must have shape \(n,\); got \(4, 12\)"),
        (lambda: figures.error_boxes({"a": {"train": R}}, {"b": {"held out": np.nan}}), "b, held out must be finite"),
    ],
)
def test_errors_name_argument_expectation_and_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    assert plt.get_fignums() == []


def ledger_rows(data):
    return [
        {"id": claim, "paper_item": "Fig. 3", "data": name, "assessment": assessment}
        | {"verdict": VERDICTS[(k + (assessment == "mixed")) % len(VERDICTS)]}
        for name in data
        for k, claim in enumerate(("1", "2a", "2b", "3", "4", "5"))
        for assessment in ("mixed", "held_out")
    ]


@pytest.mark.parametrize("data", [["simulated"], ["simulated", "afm-gisaxs, batches held out", "afm-gisaxs, leaky"]])
def test_a_verdict_is_told_by_a_symbol_and_not_by_colour_alone(data):
    figure = figures.verdict_matrix(ledger_rows(data))
    (axes,) = figure.axes
    shown = [text.get_text() for text in axes.texts]
    tiles = [text for text in shown if text[0] in "".join(mark.symbol for mark in VERDICT_MARKS.values())]
    assert len(tiles) == 6 * 2 * len(data) == len(axes.patches)
    for verdict, mark in VERDICT_MARKS.items():
        assert sum(tile[0] == mark.symbol for tile in tiles) == 2 * len(data)
        assert f"{mark.symbol} {verdict}" in [text.get_text() for text in figure.legends[0].get_texts()]
    assert ("✓ holds" in tiles) == (len(data) == 1)  # there is no room for words in six columns
    assert [tick.get_text() for tick in axes.get_yticklabels()][1] == "2a  Fig. 3"
    headings = [" ".join(text.split()) for text in shown]
    assert "simulated" in headings and (len(data) == 1 or "AFM-GISAXS, batches held out" in headings)
    assert max(len(line) for text in shown for line in text.split("\n")) <= 44 // len(data)


def test_all_verdicts_can_be_drawn():
    assert set(VERDICT_MARKS) == set(verdicts.VERDICTS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verdict": "maybe"}, "verdict of claim 1 must be one of holds, .*; got 'maybe'"),
        ({"assessment": "both"}, "assessment of claim 1 must be one of mixed, held_out; got 'both'"),
    ],
)
def test_an_unknown_verdict_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        figures.verdict_matrix([ledger_rows(["simulated"])[0] | change])
    with pytest.raises(ValueError, match="rows must hold at least one"):
        figures.verdict_matrix([])
