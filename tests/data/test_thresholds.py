"""Thresholds against a truth that is known exactly, and the simulator under other lights."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import filters

from pairvae_lib.config import Binarisation
from pairvae_lib.data.folder import open_pairs
from pairvae_lib.data.preprocessing import binarised, blurred_micrograph, smoothed_mask
from pairvae_lib.data.simulation import simulate
from pairvae_lib.data.simulation.film import relit_micrographs
from pairvae_lib.data.thresholds import (
    METHODS,
    SMALLEST_DOMAIN,
    LitSample,
    lit_samples,
    save_study,
    scores,
    threshold_study,
)

SIZE = 96
LOCAL = ("adaptive mean", "adaptive Gaussian", "Niblack")
GLOBAL = ("Otsu", "Li", "global mean")


def lamellae() -> np.ndarray:
    """Vertical lines of 6 px, with a period of 12 px."""
    return np.tile(np.arange(SIZE) % 12 < 6, (SIZE, 1))


def two_levels(shading: float) -> np.ndarray:
    """The lines with 40 grey levels between the phases, and light that rises by `shading` from top to bottom."""
    light = shading * (np.linspace(0, 1, SIZE) - 0.5)[:, None]
    return np.rint(100 + 40 * lamellae() + light).astype(np.uint8)


# ---- methods


@pytest.mark.parametrize("method", METHODS)
def test_even_light_suits_every_method(method):
    found = scores(METHODS[method](two_levels(0)), lamellae())
    assert found["domains_kept"] == 1
    assert found["dice"] > (0.7 if method == "Sauvola" else 0.85)  # it widens domains wherever contrast is below R


@pytest.mark.parametrize("method", GLOBAL)
def test_a_global_threshold_fails_where_light_changes_by_more_than_the_contrast(method):
    # by 160 levels against 40: a global threshold takes the dark end for PS and the bright end for PMMA
    found = scores(METHODS[method](two_levels(160)), lamellae())
    assert found["dice"] < 0.7


@pytest.mark.parametrize("method", LOCAL)
def test_a_local_threshold_does_not_feel_that_light(method):
    found = scores(METHODS[method](two_levels(160)), lamellae())
    assert found["dice"] > 0.9
    assert found["domains_kept"] == 1
    assert found["domains_ratio"] == pytest.approx(1, abs=1 / 8)  # of 8 lines, one piece at the border may be added


def test_the_paper_s_method_and_its_rivals_are_those_of_preprocessing():
    grey = two_levels(30)
    blurred = blurred_micrograph(grey, Binarisation())
    rivals = {
        "Niblack": filters.threshold_niblack(blurred, 15, -0.2),
        "Otsu": filters.threshold_otsu(blurred),
        "Li": filters.threshold_li(blurred),
        "global mean": blurred.mean(),
    }
    assert (METHODS["adaptive mean"](grey) == binarised(grey)).all()
    for method, threshold in rivals.items():
        assert (METHODS[method](grey) == smoothed_mask(blurred > threshold, Binarisation())).all()


def test_the_thresholds_of_fig_s2():
    rng = np.random.default_rng(0)  # a structure with a period of about ten pixels
    bright = gaussian_filter(rng.normal(size=(96, 96)), 3) > 0
    grey = np.clip(80 + 90 * bright + rng.normal(0, 8, bright.shape), 0, 255).astype(np.uint8)
    masks = {name: METHODS[name](grey) for name in ("adaptive mean", "Otsu", "Niblack", "Li", "global mean")}
    for name, mask in masks.items():
        assert mask.dtype == np.bool_
        assert (mask == bright).mean() > 0.9, name
    # Niblack's threshold lies above the local mean, the paper's two grey levels below it
    assert masks["Niblack"].mean() < masks["adaptive mean"].mean()
    shaded = np.clip(grey * np.linspace(0.2, 1.4, 96), 0, 255)
    assert (METHODS["Otsu"](shaded) == bright).mean() < 0.8 < (METHODS["adaptive mean"](shaded) == bright).mean()


def test_every_method_checks_its_micrograph():
    for method in METHODS.values():
        with pytest.raises(ValueError, match=r"micrograph must have shape \(height, width\); got \(4, 4, 3\)"):
            method(np.zeros((4, 4, 3)))


# ---- scores


def test_a_perfect_mask():
    assert scores(lamellae(), lamellae()) == {
        "dice": 1,
        "iou": 1,
        "domains_kept": 1,
        "domains_ratio": 1,
        "fraction_bias": 0,
    }


def test_iou_follows_from_dice():
    mask = np.random.default_rng(0).random((SIZE, SIZE)) < 0.3
    found = scores(mask, lamellae())
    assert found["iou"] == pytest.approx(found["dice"] / (2 - found["dice"]))


def test_a_domain_is_kept_from_half_its_pixels_on():
    truth = np.zeros((20, 40), bool)
    truth[2:12, 2:6] = truth[2:12, 20:24] = True  # 40 px each
    mask = truth.copy()
    mask[2:7, 2:6] = False  # half of the first
    found = scores(mask, truth)
    assert (found["domains_kept"], found["domains_ratio"]) == (1, 1)
    assert found["fraction_bias"] == pytest.approx(-20 / 800)
    mask[7, 2] = False  # and one more
    assert scores(mask, truth)["domains_kept"] == 0.5


def test_pieces_that_are_too_small_are_no_domains():
    truth = np.zeros((20, 40), bool)
    truth[2:12, 2:6] = True
    truth[0, 20 : 20 + SMALLEST_DOMAIN - 1] = True
    mask = truth.copy()
    mask[0] = False
    assert scores(mask, truth)["domains_kept"] == scores(mask, truth)["domains_ratio"] == 1


def test_a_white_mask_keeps_every_domain_and_has_one():
    found = scores(np.ones((SIZE, SIZE), bool), lamellae())
    assert (found["domains_kept"], found["domains_ratio"], found["fraction_bias"]) == (1, 1 / 8, 0.5)


def test_a_black_mask_has_nothing():
    assert scores(np.zeros((SIZE, SIZE), bool), lamellae()) == {
        "dice": 0,
        "iou": 0,
        "domains_kept": 0,
        "domains_ratio": 0,
        "fraction_bias": -0.5,
    }


def test_score_errors():
    with pytest.raises(ValueError, match="mask must be a boolean array"):
        scores(lamellae().astype(int), lamellae())
    with pytest.raises(ValueError, match=r"truth must have shape \(height, width\); got \(1, 96, 96\)"):
        scores(lamellae(), lamellae()[None])
    with pytest.raises(ValueError, match=r"mask must have shape \(96, 96\); got \(96, 95\)"):
        scores(lamellae()[:, 1:], lamellae())
    with pytest.raises(ValueError, match="truth must hold a domain of at least 20 px; got none"):
        scores(lamellae(), np.zeros((SIZE, SIZE), bool))


# ---- study


def test_a_study_has_a_row_for_every_sample_light_and_method(tmp_path):
    sample = LitSample("a", "lines", lamellae(), {0.0: two_levels(0), 4.0: two_levels(160)})
    unknown = LitSample("b", "lines", None, {1.0: two_levels(0)})
    rows = threshold_study([sample, unknown])
    assert len(rows) == 2 * len(METHODS)
    assert list(rows[0]) == [
        *("sample_id", "morphology", "method", "illumination"),
        *("dice", "iou", "domains_kept", "domains_ratio", "fraction_bias"),
    ]
    assert {row["sample_id"] for row in rows} == {"a"}
    save_study(tmp_path / "thresholds.json", rows)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    content = json.loads((tmp_path / "thresholds.json").read_text(), parse_constant=refuse)
    assert content == {"rows": rows, "methods": list(METHODS), "illuminations": [0, 4]}


# ---- light


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("relit") / "data", 5, seed=7, progress=False)


def test_the_simulator_s_own_light_gives_its_own_bytes(simulated):
    dataset = open_pairs(simulated)
    samples = lit_samples(dataset, (0.0, 1.0, 4.0))
    assert [sample.sample_id for sample in samples] == list(dataset.sample_ids)
    for index, sample in enumerate(samples):
        assert sample.morphology == dataset.morphologies[index]
        assert np.array_equal(sample.micrographs[1.0], dataset.micrograph(index))
        assert np.array_equal(sample.truth, dataset.true_mask(index))


def test_another_light_multiplies_the_shading_and_leaves_the_film(simulated):
    dark, own, strong = (
        micrograph.astype(float) for micrograph in relit_micrographs(1, "quick", 7, (0, 1, 2))[1].values()
    )
    # over large tiles, noise averages out and what is left is the shading (little of it is clipped at twice its size)
    first, second = ((image - dark)[:400, :600].reshape(4, 100, 6, 100).mean(axis=(1, 3)) for image in (own, strong))
    assert np.abs(first).max() > 2
    assert second == pytest.approx(2 * first, abs=1.0)


def test_a_study_takes_the_first_samples_of_every_morphology(simulated):
    names = [sample.sample_id for sample in lit_samples(open_pairs(simulated), (1.0,), per_morphology=1)]
    assert names == ["sim0000", "sim0001", "sim0002", "sim0003"]


def test_measured_data_are_taken_as_they_are(simulated, tmp_path):
    measured = tmp_path / "measured"
    shutil.copytree(simulated, measured)
    (measured / "simulation.json").unlink()
    dataset = open_pairs(measured)
    (sample, *_) = lit_samples(dataset)
    assert list(sample.micrographs) == [1.0]
    assert np.array_equal(sample.micrographs[1.0], dataset.micrograph(0))
    manifest = (measured / "manifest.csv").read_text()
    (measured / "manifest.csv").write_text(manifest.replace("saxs,sem,mask,", "saxs,sem,notes,", 1))
    unknown = lit_samples(open_pairs(measured, kinds={"notes": "ignore"}))
    assert unknown[0].truth is None and threshold_study(unknown) == []


def test_errors_of_light(simulated, tmp_path):
    with pytest.raises(ValueError, match="illumination must lie between 0 and inf; got -1"):
        relit_micrographs(0, "quick", 7, [-1])
    with pytest.raises(ValueError, match="index must lie between 0 and inf; got -1"):
        relit_micrographs(-1, "quick", 7, [1])
    with pytest.raises(ValueError, match="size must be one of quick, full; got 'huge'"):
        relit_micrographs(0, "huge", 7, [1])
    with pytest.raises(ValueError, match="per_morphology must be above 0; got 0"):
        lit_samples(open_pairs(simulated), per_morphology=0)
    other = tmp_path / "other"
    shutil.copytree(simulated, other)
    manifest = (other / "manifest.csv").read_text()
    (other / "manifest.csv").write_text(manifest.replace("sim0000,", "film,", 1))
    with pytest.raises(ValueError, match="sample_id of a simulated sample must be sim and a number; got 'film'"):
        lit_samples(open_pairs(other))
    record = json.loads((other / "simulation.json").read_text())
    (other / "simulation.json").write_text(json.dumps(record | {"version": 0}))
    with pytest.raises(ValueError, match="simulation.json must be of version 1 of the simulator; got 0"):
        lit_samples(open_pairs(other))
