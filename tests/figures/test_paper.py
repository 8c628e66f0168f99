"""Every figure and table of the paper draws the saved arrays it was given, and says what is missing."""

from __future__ import annotations

import copy

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from matplotlib.colors import to_hex  # noqa: E402
from numpy.testing import assert_allclose, assert_array_equal  # noqa: E402
from scipy.ndimage import gaussian_filter  # noqa: E402
from scipy.stats import spearmanr  # noqa: E402

from pairvae_lib.figures import display_name, paper  # noqa: E402
from pairvae_lib.figures.paper import data as paper_data  # noqa: E402
from pairvae_lib.morphology.masks import (  # noqa: E402
    domain_period,  # noqa: E402
    lineal_path,
    two_point_correlation,
)

LABELS = ["hexagonal", "skew", "alternating lines", "ladders"]
SIDE, SAMPLES = 24, 12
ROUTES = ["solo sem_to_sem", "sem_to_sem", "saxs_to_sem"]
TO_SAXS = ["solo saxs_to_saxs", "saxs_to_saxs", "sem_to_saxs"]


@pytest.fixture(autouse=True)
def no_figure_left_open():
    plt.close("all")
    yield
    plt.close("all")


def masks(rng, *shape):
    """Thresholded Gaussian fields."""
    fields = rng.normal(size=(*shape, SIDE, SIDE))
    return gaussian_filter(fields, (*[0] * len(shape), 2, 2)) > 0


EXAMPLE = {"true": "example true sem"}


def saved_curves(profiles=False):
    """As chapter 5 saves them; with profiles, of the other data set's techniques."""
    rng = np.random.default_rng(5)
    curves = {"example labels": np.array(LABELS), "training example labels": np.array(LABELS)}
    curves["morphologies"] = np.array(LABELS * 3)
    curves["subsets"] = np.array(["train"] * 8 + ["held out"] * 4)
    for series in ("true", *ROUTES):
        curves["example true sem" if series == "true" else f"example {series}"] = masks(rng, 4)
        stack = masks(rng, SAMPLES)
        curves["r"], s2 = two_point_correlation(stack)
        curves[f"S2 {series}"] = s2.astype(np.float16)
        for axis in ("vertical", "horizontal"):
            curves["z"], path = lineal_path(stack, axis)
            curves[f"L {axis} {series}"] = path.astype(np.float16)
    for series in ("true saxs", *TO_SAXS):
        curves[f"example {series}"] = rng.random((4, 32) if profiles else (4, 16, 16)).astype(np.float16)
    for name in ("crop", "recalled", "other crop"):
        curves[f"training example {name}"] = masks(rng, 4)
    for stage in ("solo", "pair"):
        for technique in ("saxs", "sem"):
            curves[f"latents {stage} {technique}"] = rng.normal(size=(SAMPLES, 2)).astype(np.float16)
    if profiles:
        curves["q"] = np.geomspace(0.01, 0.1, 32)
        curves = {key.replace("saxs", "profile").replace("sem", "micrograph"): x for key, x in curves.items()}
    return curves


def saved_errors(seed=43, n=8, data="simulated", protocol="two_phase", profile="quick"):
    """As chapter 5 saves them: n samples to train on, the rest of twelve held out."""
    rng = np.random.default_rng([seed, n])
    references = ("nearest neighbour", "three nearest neighbours", "kernel ridge", "training mean")

    def drawn(names):
        return {name: rng.random(SAMPLES).tolist() for name in names}

    micrograph = ("S2", "S2 periodic")
    return {
        "run": {"profile": profile, "seed": seed, "n_train": n, "data": data, "held_out": "", "protocol": protocol},
        "samples": [
            {"sample_id": str(k), "morphology": LABELS[k % 4], "subset": "train" if k < n else "held out"}
            for k in range(SAMPLES)
        ],
        "modalities": {"scattering": "saxs", "micrograph": "sem"},
        "errors": {"intensity": drawn(TO_SAXS)} | {metric: drawn(ROUTES) for metric in micrograph},
        "references": {"intensity": drawn((*references, "Fourier transform"))}
        | {metric: drawn((*references, "crop-to-crop floor")) for metric in micrograph},
        "uncertainty": {"S2 spread": rng.random(SAMPLES).tolist()},
    }


def saved_history(protocol="two_phase"):
    losses = {name: [0.9, 0.5, 0.1 * (k + 1)] for k, name in enumerate(["barlow", *TO_SAXS[1:], *ROUTES[1:]])}
    return {"pair": losses | {"total": [3.0, 2.0, 1.0]}, "random_crop_epochs": 1, "protocol": protocol}


def saved_generation():
    rng = np.random.default_rng(6)
    out = {"labels": np.array(LABELS), "r": np.arange(9.0), "variances": np.array([0.1, 1.0, 4.0])}
    out |= {name: masks(rng, 4) for name in ("reconstruction", "true")}
    out |= {f"S2 {name}": rng.random((4, 9)).astype(np.float16) for name in ("reconstruction", "true")}
    for v in ("0.1", "1", "4"):
        out[f"drawn {v}"] = masks(rng, 4, 5)
        out |= {f"S2 {kind} {v}": rng.random((4, 9)).astype(np.float16) for kind in ("mean", "sd")}
        out[f"distance {v}"] = rng.random((4, 7)).astype(np.float16)
    return out


CURVES, PROFILES, GENERATION = saved_curves(), saved_curves(profiles=True), saved_generation()


def image_of(axes):
    (image,) = axes.get_images()
    return image.get_array()


def lines_of(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def legend_of(figure):
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


# data -----------------------------------------------------------------------------------------------------------------


def stripes(size=64, period=8):
    """Vertical lines on the left, dots of the same period on the right."""
    row, col = np.indices((size, size))
    lines = col % period < period // 2
    return lines & ((col < size // 2) | (row % period < period // 2))


def test_fig_1_annotates_an_enlarged_part_and_states_the_assumed_size():
    rng = np.random.default_rng(1)
    patterns, grey = rng.random((2, 16, 16)), rng.integers(0, 256, (2, 64, 64)).astype(np.uint8)
    figure = paper.fig_1(patterns, grey, [stripes()] * 2, LABELS[:2], nm_per_pixel=10.0)
    grid = np.reshape(figure.axes, (2, 3))
    for row in range(2):
        assert_array_equal(image_of(grid[row, 0]), patterns[row])
        assert_array_equal(image_of(grid[row, 1]), grey[row])
        assert_array_equal(image_of(grid[row, 2]), grey[row, :32, :32])
    (bar,) = grid[0, 1].get_lines()
    assert np.diff(bar.get_xdata()) == pytest.approx(50)  # 500 nm of 10 nm
    assert not grid[1, 1].get_lines()
    period = lines_of(grid[0, 2])["period"]
    expected = float(domain_period(*two_point_correlation(stripes())))
    assert np.diff(period.get_xdata()).item() == pytest.approx(expected)
    assert figure.get_supxlabel() == "10 nm per px (assumed); the bar applies to column B"
    figure.draw_without_rendering()


def test_fig_1_draws_profiles_and_needs_no_pixel_size():
    profiles, grey = np.random.default_rng(1).random((2, 32)), np.zeros((2, 64, 64), np.uint8)
    figure = paper.fig_1(profiles, grey, [stripes(), np.zeros((64, 64), bool)], LABELS[:2])
    assert_array_equal(figure.axes[3].get_lines()[0].get_ydata(), profiles[1])
    assert figure.axes[2].texts[-1].get_text().endswith(" px")
    assert not figure.axes[5].get_lines()  # no domains, no period
    assert figure.get_supxlabel() == ""


def test_fig_1_draws_raw_profiles_on_their_own_q():
    q = [np.geomspace(0.01, 0.1, 10 + k) for k in range(2)]
    grey, raw = np.zeros((2, 64, 64), np.uint8), [1e4 * values**-2 for values in q]
    figure = paper.fig_1(raw, grey, [stripes()] * 2, LABELS[:2], q=q, q_unit="1/Å", scaled=False)
    (line,) = figure.axes[3].get_lines()
    assert_array_equal(line.get_xdata(), q[1])
    assert_array_equal(line.get_ydata(), raw[1])
    assert figure.axes[3].get_xlabel() == "q [1/Å]"


def test_lines_along_the_grating_are_lamella_like_and_dots_are_not():
    mask = stripes()
    found = paper_data.lamella_like(mask, period=8.0)
    assert_array_equal(found[:, :30], mask[:, :30])
    assert not found[:, 34:].any()
    assert not paper_data.lamella_like(mask, np.nan).any()
    assert not paper_data.lamella_like(mask.T, 8.0)[:30, 34:].any()  # across the grating


def test_fig_s1_shows_whole_micrographs_with_a_bar_of_500_nm():
    grey = np.random.default_rng(1).integers(0, 256, (4, 40, 64)).astype(np.uint8)
    figure = paper.fig_s1(grey, LABELS, nm_per_pixel=20.0)
    for axes, micrograph, label in zip(figure.axes, grey, LABELS, strict=True):
        assert_array_equal(image_of(axes), micrograph)
        assert axes.get_title() == label
        assert np.diff(axes.get_lines()[0].get_xdata()) == pytest.approx(25)
    assert figure.get_supxlabel() == "20 nm per px (assumed)"


def test_fig_2_names_the_four_routes_of_any_techniques():
    for scattering, micrograph in (("saxs", "sem"), ("profile", "afm")):
        figure = paper.fig_2(scattering, micrograph)
        texts = [text.get_text() for text in figure.axes[0].texts]
        for source in (scattering, micrograph):
            for target in (scattering, micrograph):
                assert texts.count(display_name(f"{source}_to_{target}")) == 1 + (source == target)
        assert texts.count("encoder") == texts.count("decoder") == 4
        figure.draw_without_rendering()


# examples -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draw", "series"),
    [
        (paper.fig_3a, ["true saxs", "solo saxs_to_saxs", "true sem", "solo sem_to_sem"]),
        (paper.fig_4a, ["true saxs", "saxs_to_saxs", "sem_to_saxs", "true sem", "sem_to_sem", "saxs_to_sem"]),
    ],
)
def test_examples_stand_in_one_column_per_morphology(draw, series):
    figure = draw(CURVES)
    grid = np.reshape(figure.axes, (len(series), 4))
    for row, name in enumerate(series):
        for column in range(4):
            assert_array_equal(image_of(grid[row, column]), CURVES[f"example {name}"][column])
    assert [axes.get_title() for axes in grid[0]] == LABELS
    assert grid[0, 0].get_ylabel() == "true\nSAXS"


def test_examples_alone_name_their_techniques():
    solo = {key: CURVES[key] for key in ("example labels", "example true saxs", "example true sem")}
    solo |= {f"example {route}": CURVES[f"example {route}"] for route in ("solo saxs_to_saxs", "solo sem_to_sem")}
    names = [axes.get_ylabel() for axes in paper.fig_3a(solo).axes[::4]]
    assert names == ["true\nSAXS", "solo\nSAXS→SAXS", "true\nmicrograph", "solo\nSEM→SEM"]


def test_examples_of_profiles_share_a_row_of_panels():
    figure = paper.fig_4a(PROFILES)
    grid = np.reshape(figure.axes, (4, 4))
    for column in range(4):
        lines = lines_of(grid[0, column])
        for name, key in (("true", "true profile"), ("micrograph→profile", "micrograph_to_profile")):
            assert_array_equal(lines[name].get_ydata(), PROFILES[f"example {key}"][column])
            assert_array_equal(lines[name].get_xdata(), PROFILES["q"])
        assert_array_equal(image_of(grid[3, column]), PROFILES["example profile_to_micrograph"][column])
    assert legend_of(figure) == ["true", "profile→profile", "micrograph→profile"]


@pytest.mark.parametrize(
    ("draw", "routes"), [(paper.fig_3b, ["solo sem_to_sem"]), (paper.fig_4b, ["sem_to_sem", "saxs_to_sem"])]
)
def test_correlation_stands_beside_the_vertical_lineal_path(draw, routes):
    figure = draw(CURVES)
    grid = np.reshape(figure.axes, (4, 2))
    for column, statistic in enumerate((two_point_correlation, lineal_path)):
        for name in ("true", *routes):
            x, expected = statistic(CURVES[EXAMPLE.get(name, f"example {name}")])
            for row in range(4):
                line = lines_of(grid[row, column])[display_name(name)]
                assert_allclose(line.get_ydata(), expected[row])
                assert_allclose(line.get_xdata(), x)
    assert [axes.get_xlabel() for axes in grid[-1]] == ["distance r [px]", "vertical segment z [px]"]
    assert legend_of(figure) == ["true", *map(display_name, routes)]


@pytest.mark.parametrize(
    ("draw", "routes"), [(paper.fig_s4, ["solo sem_to_sem"]), (paper.fig_s5, ["sem_to_sem", "saxs_to_sem"])]
)
def test_horizontal_lineal_paths(draw, routes):
    figure = draw(CURVES)
    for name in ("true", *routes):
        _, expected = lineal_path(CURVES[EXAMPLE.get(name, f"example {name}")], "horizontal")
        for row, axes in enumerate(figure.axes):
            assert_allclose(lines_of(axes)[display_name(name)].get_ydata(), expected[row])
    assert figure.axes[3].get_xlabel() == "horizontal segment z [px]"


def test_recalled_crops_stand_between_true_ones():
    grid = np.reshape(paper.recalled_crops(CURVES).axes, (3, 4))
    for row, name in enumerate(("crop", "recalled", "other crop")):
        for column in range(4):
            assert_array_equal(image_of(grid[row, column]), CURVES[f"training example {name}"][column])


# means ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draw", "key", "routes"),
    [
        (paper.fig_5a, "S2", ROUTES[:1]),
        (paper.fig_5b, "S2", ROUTES[1:]),
        (paper.fig_s6, "L vertical", ROUTES),
        (lambda curves: paper.fig_s6(curves, "horizontal"), "L horizontal", ROUTES),
    ],
)
def test_means_over_all_images_with_the_held_out_mean_dashed(draw, key, routes):
    figure = draw(CURVES)
    assert len(figure.axes) == len(routes)
    for axes, route in zip(figure.axes, routes, strict=True):
        for name in ("true", route):
            stack = CURVES[f"{key} {name}"].astype(float)
            lines = lines_of(axes)
            assert_allclose(lines[display_name(name)].get_ydata(), stack.mean(axis=0))
            apart = lines[f"{display_name(name)}, held out"]
            assert_allclose(apart.get_ydata(), stack[8:].mean(axis=0))
            assert apart.get_linestyle() == "--"
        low = (stack.mean(axis=0) - stack.std(axis=0))[3]
        band = axes.collections[1].get_paths()[0].vertices
        x = lines[display_name(route)].get_xdata()[3]
        assert_allclose(band[band[:, 0] == x, 1].min(), low)
    assert legend_of(figure) == ["all 12 micrographs", "4 held out"]


def test_latent_map_shows_both_techniques_after_both_trainings():
    summary = {"solo saxs": {"between_classes": 0.625, "effective_dimension": 4.25, "spread": 1.0}}
    figure = paper.latent_map(CURVES, summary)
    names = ["solo saxs", "pair saxs", "solo sem", "pair sem"]
    for axes, name in zip(figure.axes, names, strict=True):
        drawn = np.concatenate([points.get_offsets() for points in axes.collections])
        given = CURVES[f"latents {name}"]
        assert_allclose(np.sort(drawn, axis=0), np.sort(given, axis=0))
        first = axes.collections[0]  # training samples of hexagonal, filled
        own = LABELS.index("hexagonal")
        assert_allclose(first.get_offsets(), given[[own, own + 4]])
        assert to_hex(axes.collections[1].get_facecolor()[0]) == "#ffffff"
    assert figure.axes[0].get_title() == "solo SAXS\n62% between classes\n4.2 dimensions"
    assert figure.axes[1].get_title() == "pair SAXS"
    assert legend_of(figure) == ["hexagonal", "skew", "alternating lines", "ladders", "train", "held out"]


# errors and losses ----------------------------------------------------------------------------------------------------

SWEEP = [saved_errors(seed, n) for seed in (43, 44) for n in (6, 8)]


@pytest.mark.parametrize(
    ("draw", "metric", "routes"),
    [
        (paper.fig_6a, "intensity", TO_SAXS),
        (paper.fig_6b, "S2 periodic", ROUTES),
        (lambda errors: paper.fig_6b(errors, "S2"), "S2", ROUTES),
    ],
)
def test_boxes_pool_the_seeds_over_all_and_over_held_out_images(draw, metric, routes):
    # a run of another protocol is left out
    figure = draw([*SWEEP, saved_errors(43, 8, protocol="all_crops")])
    (axes,) = figure.axes
    medians = [line.get_ydata()[0] for line in axes.get_lines() if line.get_linewidth() == 2.2]
    expected = []
    for n in (6, 8):
        for route in routes:
            values = [np.array(e["errors"][metric][route]) for e in SWEEP if e["run"]["n_train"] == n]
            expected += [np.median(values), np.median([part[n:] for part in values])]
    assert_allclose(medians, expected)
    neighbour = [e["references"][metric]["nearest neighbour"] for e in SWEEP]
    level = lines_of(axes)["nearest neighbour"].get_ydata()
    assert_allclose(level[[0, 3]], [np.median([x[n:] for x in neighbour[k::2]]) for k, n in enumerate((6, 8))])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["6", "8"]
    assert axes.get_yscale() == "log"
    assert legend_of(figure)[:5] == [*map(display_name, routes), "all images, as the paper", "held-out images"]
    last = "Fourier transform, raw" if metric == "intensity" else "crop-to-crop floor"
    assert last in [text.get_text() for text in axes.texts]


def diamonds(figure):
    return [line.get_ydata()[0] for axes in figure.axes for line in axes.get_lines() if line.get_marker() == "D"]


def of_the_papers_size(profile, data="simulated"):
    errors = saved_errors(data=data, profile=profile)
    errors["samples"] = [{"sample_id": "", "morphology": "skew", "subset": "train"}] * 48 + errors["samples"][8:]
    for kind in ("errors", "references"):
        for named in errors[kind].values():
            named.update({name: (values * 5)[:52] for name, values in named.items()})
    return errors


def test_medians_of_the_paper_stand_where_data_sizes_and_scale_are_its_own():
    of_paper, of_standard = of_the_papers_size("paper"), of_the_papers_size("standard")
    assert diamonds(paper.fig_6a([of_paper])) == [0.0275, 0.035, 0.039]
    assert diamonds(paper.fig_6a([of_standard])) == []  # errors of intensities, the paper's are of colours
    assert diamonds(paper.fig_6b([of_standard])) == [0.028, 0.0195, 0.0105]
    assert diamonds(paper.fig_6b([of_the_papers_size("paper", "afm-123456")])) == []
    rows = paper.table_s2([of_standard, of_paper])
    read = {(row["profile"], row["metric"]): row["paper, read off"] for row in rows if "solo" in row["route"]}
    assert read == {
        ("paper", "intensity"): 0.0275, ("standard", "intensity"): None,
        ("paper", "S2 periodic"): 0.028, ("standard", "S2 periodic"): 0.028,
    }  # fmt: skip
    assert diamonds(paper.fig_6a(SWEEP)) == []  # six and eight training pairs


def test_fig_s3_takes_the_names_of_the_techniques_from_the_run():
    pair = {name.replace("saxs", "profile").replace("sem", "afm"): of for name, of in saved_history()["pair"].items()}
    assert len(paper.fig_s3({"two_phase": {"pair": pair}}, "E").axes) == 1


@pytest.mark.parametrize(
    ("panel", "loss", "last"),
    [
        ("A", "barlow", 0.1),
        ("B", "saxs_to_saxs", 0.2),
        ("C", "sem_to_saxs", 0.3),
        ("D", "sem_to_sem", 0.4),
        ("E", "saxs_to_sem", 0.5),
    ],
)
def test_fig_s3_shows_one_loss_of_every_protocol(panel, loss, last):
    histories = {protocol: saved_history(protocol) for protocol in ("two_phase", "all_crops")}
    figure = paper.fig_s3(histories, panel)
    (axes,) = figure.axes
    for name in ("two phases (default)", "only random crops"):
        assert_allclose(lines_of(axes)[name].get_ydata(), [0.9, 0.5, last])
        assert_array_equal(lines_of(axes)[name].get_xdata(), [1, 2, 3])
    assert axes.get_ylabel().startswith(f"{display_name(loss)} loss [")
    levels = [line.get_ydata()[0] for line in axes.get_lines() if line.get_linestyle() == ":"]
    assert_allclose(levels, [np.log(2)] if panel in "DE" else [])
    assert sorted(text.get_text() for text in axes.texts) == ["only random crops", "two phases (default)"]


def test_error_against_uncertainty_keeps_training_and_held_out_apart():
    errors = copy.deepcopy(SWEEP[0])
    errors["errors"]["S2"]["saxs_to_sem"][0] = None  # not defined: left out
    figure = paper.error_against_uncertainty(errors)
    spread = np.array(errors["uncertainty"]["S2 spread"][1:])
    error = np.array(errors["errors"]["S2"]["saxs_to_sem"][1:])
    drawn = np.concatenate([points.get_offsets() for points in figure.axes[0].collections])
    assert_allclose(np.sort(drawn, axis=0), np.sort(np.stack([spread, error], axis=1), axis=0))
    apart = spearmanr(spread[5:], error[5:]).statistic
    assert legend_of(figure)[1] == f"held out: Spearman {apart:.2f} (n = 6)"
    assert legend_of(figure)[0].endswith("(n = 5)")


def test_examples_stand_in_the_order_of_classes_that_all_figures_have():
    backwards = {
        key: value[::-1] if key.startswith(("example ", "training example ")) else value
        for key, value in CURVES.items()
    }
    for draw in (paper.fig_4a, paper.recalled_crops):
        for given, ordered in zip(draw(backwards).axes, draw(CURVES).axes, strict=True):
            assert_array_equal(image_of(given), image_of(ordered))
        assert [axes.get_title() for axes in draw(backwards).axes[:4]] == LABELS
    backwards = {key: value if key in ("variances", "r") else value[::-1] for key, value in GENERATION.items()}
    for given, ordered in zip(paper.fig_7a(backwards).axes, paper.fig_7a(GENERATION).axes, strict=True):
        assert_array_equal(image_of(given), image_of(ordered))


# generation -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draw", "variance"), [(paper.fig_7a, "1"), (paper.fig_s7, "0.1"), (paper.fig_s8, "4")]
)
def test_drawn_micrographs_stand_below_the_reconstruction(draw, variance):
    grid = np.reshape(draw(GENERATION).axes, (6, 4))
    for column in range(4):
        assert_array_equal(image_of(grid[0, column]), GENERATION["reconstruction"][column])
        for k in range(5):
            assert_array_equal(image_of(grid[1 + k, column]), GENERATION[f"drawn {variance}"][column, k])


@pytest.mark.parametrize(
    ("draw", "variance"),
    [
        (paper.fig_7b, "1"),
        (lambda generation: paper.fig_s7(generation, "B"), "0.1"),
        (lambda generation: paper.fig_s8(generation, "B"), "4"),
    ],
)
def test_correlation_of_the_drawn_micrographs(draw, variance):
    figure = draw(GENERATION)
    for row, axes in enumerate(figure.axes):
        lines = lines_of(axes)
        for name in ("reconstruction", "true"):
            assert_array_equal(lines[name].get_ydata(), GENERATION[f"S2 {name}"][row])
        assert_array_equal(lines["generated, mean ± sd (n = 7)"].get_ydata(), GENERATION[f"S2 mean {variance}"][row])
        distance = GENERATION[f"distance {variance}"][row].astype(float).mean()
        assert axes.texts[0].get_text() == f"mean distance {distance:.3f}"


def test_errors_of_several_profiles_stand_in_rows_of_the_same_sizes():
    figure = paper.fig_6b([*SWEEP, saved_errors(43, 8, profile="paper")])
    above, below = figure.axes
    assert above.get_title() == "profile paper: 192 px, 1 training each"
    assert below.get_title() == "profile quick: 64 px, 2 trainings each"
    assert above.get_xlim() == below.get_xlim()
    neighbour = lines_of(above)["nearest neighbour"].get_ydata()
    assert np.isnan(neighbour[:2]).all() and np.isfinite(neighbour[3:5]).all()  # none of six pairs
    boxes = [sum(line.get_linewidth() == 2.2 for line in axes.get_lines()) for axes in figure.axes]
    assert boxes == [6, 12]


# tables ---------------------------------------------------------------------------------------------------------------


def test_medians_of_all_trainings_that_are_alike():
    runs = [saved_errors(seed) for seed in (43, 44)]
    for errors in runs:  # what one training alone has noted is left out
        errors["errors"]["S2"]["saxs_to_sem"] = [1.0] * 8 + [errors["run"]["seed"]] * 4
    runs[0]["errors"]["A2"], runs[0]["references"]["A2"] = {"saxs_to_sem": [1.0] * SAMPLES}, {}
    rows = {(row["metric"], row["name"]): row for row in paper.medians(runs)}
    assert {"train": 1, "held out": 43.5, "mixed": 1}.items() <= rows["S2", "saxs_to_sem"].items()
    reference = np.concatenate([errors["references"]["S2"]["kernel ridge"][8:] for errors in runs])
    assert rows["S2", "kernel ridge"]["held out"] == pytest.approx(np.median(reference), rel=1e-12)
    assert not any(metric == "A2" for metric, _ in rows)
    assert paper.medians([saved_errors(protocol="direct")])  # of whatever protocol they are


def test_table_s2_holds_the_medians_of_fig_6():
    rows = paper.table_s2(SWEEP)
    assert len(rows) == 2 * 3 * 2
    row = next(row for row in rows if row["route"] == "SAXS→SEM" and row["training pairs"] == 6)
    values = np.array([errors["errors"]["S2 periodic"]["saxs_to_sem"] for errors in SWEEP[::2]])
    assert row["metric"] == "S2 periodic"
    assert row["seeds"] == 2
    assert row["mixed"] == pytest.approx(np.median(values))
    assert row["held out"] == pytest.approx(np.median(values[:, 6:]))
    assert row["paper, read off"] is None
    assert "paper, read off" not in paper.table_s2([saved_errors(data="afm-123456")])[0]


# errors ---------------------------------------------------------------------------------------------------------------


def without(saved, key):
    return {name: value for name, value in saved.items() if name != key}


GREY, TRUE = np.zeros((4, 24, 24), np.uint8), np.zeros((4, 24, 24), bool)
OTHER = saved_errors() | {"modalities": {"scattering": "profile", "micrograph": "afm"}}
ZERO = {"two_phase": {"pair": {"barlow": [0.5, 0.0]}}}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paper.fig_1(GREY / 1.0, GREY, TRUE[:2], LABELS), "masks must hold one item per label, 4 .*got 2"),
        (lambda: paper.fig_1(GREY / 1.0, GREY, GREY, LABELS), r"masks\[0\] must be a boolean array"),
        (lambda: paper.fig_1(GREY / 1.0, GREY, TRUE[:, 1:], LABELS), r"masks\[0\] must have shape \(24, 24\)"),
        (lambda: paper.fig_s1(GREY[:1], LABELS), "micrographs must hold one item per label"),
        (lambda: paper_data.lamella_like(GREY[0], 5.0), "mask must be a boolean array"),
        (lambda: paper.fig_3a({}), "curves must hold 'S2 <scattering>_to_<micrograph>'; got $"),
        (
            lambda: paper.fig_3a(without(CURVES, "example solo sem_to_sem")),
            "curves must hold 'example solo sem_to_sem'; got L horizontal",
        ),
        (lambda: paper.fig_3b(without(CURVES, "example true sem")), "curves must hold 'example true sem'"),
        (lambda: paper.fig_4a(without(CURVES, "example labels")), "curves must hold 'example labels'"),
        (lambda: paper.fig_4b(without(CURVES, "example saxs_to_sem")), "curves must hold 'example saxs_to_sem'"),
        (lambda: paper.fig_s4(without(CURVES, "example true sem")), "curves must hold 'example true sem'"),
        (lambda: paper.fig_s5(without(CURVES, "example sem_to_sem")), "curves must hold 'example sem_to_sem'"),
        (lambda: paper.recalled_crops(without(CURVES, "training example crop")), "must hold 'training example crop'"),
        (lambda: paper.fig_5a(without(CURVES, "subsets")), "curves must hold 'subsets'"),
        (
            lambda: paper.fig_5a(CURVES | {"subsets": np.array(["train"] * 12)}),
            "number of held-out micrographs must be above 0",
        ),
        (
            lambda: paper.fig_5b(CURVES | {"subsets": np.array(["held out"] * 3)}),
            r"held_out must have shape \(12,\); got \(3,\)",
        ),
        (lambda: paper.fig_s6(CURVES, "radial"), "curves must hold 'L radial true'"),
        (
            lambda: paper.latent_map(CURVES | {"latents solo saxs": np.zeros((3, 2))}),
            r"latents solo saxs must have shape \(12, 2\); got \(3, 2\)",
        ),
        (
            lambda: paper.latent_map(CURVES | {"latents pair sem": np.full((12, 2), np.nan)}),
            "latents pair sem must be finite",
        ),
        (lambda: paper.fig_6a([]), "every_errors must hold at least one"),
        (lambda: paper.fig_6a([saved_errors(protocol="direct")]), "every_errors must hold at least one"),
        (lambda: paper.fig_6a([saved_errors(), OTHER]), "modalities of a run must be one of"),
        (lambda: paper.fig_6b(SWEEP, "A3"), "errors must hold 'A3'; got S2, S2 periodic, intensity"),
        (lambda: paper.fig_6a([without(SWEEP[0], "references")]), "a run must hold 'references'"),
        (lambda: paper.table_s2([]), "every_errors must hold at least one"),
        (lambda: paper.fig_s3({"two_phase": saved_history()}, "F"), "panel must be one of A, B, C, D, E; got 'F'"),
        (lambda: paper.fig_s3({}, "A"), "protocol_histories must hold at least one"),
        (lambda: paper.fig_s3({"solo": saved_history()}, "A"), "protocol must be one of two_phase, direct"),
        (lambda: paper.fig_s3({"direct": {}}, "A"), "history of 'direct' must hold 'pair'; got nothing"),
        (lambda: paper.fig_s3(ZERO, "B"), "pair losses of 'two_phase' must hold 'saxs_to_saxs'; got barlow"),
        (lambda: paper.fig_s3(ZERO, "A"), "barlow of 'two_phase' must hold values above 0"),
        (
            lambda: paper.fig_s3({"direct": {"pair": {"barlow": [np.nan]}}}, "A"),
            "barlow of 'direct' must be finite",
        ),
        (lambda: paper.error_against_uncertainty({}), "errors must hold 'modalities'; got nothing"),
        (lambda: paper.error_against_uncertainty(without(SWEEP[0], "uncertainty")), "errors must hold 'uncertainty'"),
        (
            lambda: paper.error_against_uncertainty(saved_errors(n=10)),
            "held out must hold at least 3 samples with error and spread; got 2",
        ),
        (lambda: paper.fig_7a(without(GENERATION, "drawn 1")), "generation must hold 'drawn 1'; got S2 mean 0.1"),
        (lambda: paper.fig_7b(without(GENERATION, "S2 sd 1")), "generation must hold 'S2 sd 1'"),
        (lambda: paper.fig_s7(GENERATION, "C"), "part must be one of A, B; got 'C'"),
        (lambda: paper.fig_s8(GENERATION, "C"), "part must be one of A, B; got 'C'"),
        (
            lambda: paper.fig_s7(GENERATION | {"variances": np.array([1.0, 4.0])}),
            "generation must hold a variance below 1; got 1, 4",
        ),
        (
            lambda: paper.fig_s8(GENERATION | {"variances": np.array([0.1, 1.0])}),
            "generation must hold a variance above 1; got 0.1, 1",
        ),
    ],
)
def test_errors_name_what_is_missing(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    assert plt.get_fignums() == []
