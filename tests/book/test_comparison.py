"""What the book opens with: numbers that belong to the pictures beside them, and a name for everything that is seen."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pairvae_lib.book.comparison import Compared, compared, comparison_html, told
from pairvae_lib.checks import MissingResult
from pairvae_lib.files.runs import Run
from pairvae_lib.morphology.masks import directional_correlation, two_point_correlation

SIDE = 16
NAMES = ("true sem", "sem_to_sem", "saxs_to_sem", "another crop", "nearest neighbour", "flow")


def sample(name: str = "a", remembered: bool = True) -> Compared:
    """Random pictures; scattering to micrograph draws the true crop itself, or its inverse."""
    rng = np.random.default_rng(0)
    masks = {key: rng.random((SIDE, SIDE)) < 0.4 for key in NAMES}
    masks["saxs_to_sem"] = masks["true sem"] if remembered else ~masks["true sem"]
    patterns = {key: rng.random((SIDE, SIDE)) for key in ("saxs", "saxs_to_saxs", "sem_to_saxs")}
    return Compared(name, "ladders", patterns, masks)


def test_the_statistics_are_the_librarys():
    one = sample()
    for name, mask in one.masks.items():
        np.testing.assert_array_equal(one.s2[name], two_point_correlation(mask)[1])
        np.testing.assert_array_equal(one.a2[name], directional_correlation(mask, SIDE // 4, normalised=True))


def test_a_remembered_crop_is_told_by_its_overlap():
    remembered, other = told(sample(), "trained on"), told(sample(remembered=False), "held out")
    assert remembered.startswith("SAXS→SEM overlaps the crop that it was trained on by 1.00; ")
    assert "SAXS→SEM .000, nearest neighbour ." in remembered
    assert other.startswith("SAXS→SEM overlaps the true crop by 0.00; ")


def test_the_page_has_every_sample_and_shows_the_first_of_each_side():
    html = comparison_html({"trained on": [sample("a"), sample("b")], "held out": [sample("<c>", False)]})
    assert re.findall(r"<option>(.*)</option>", html) == ["ladders (a)", "ladders (b)", "ladders (&lt;c&gt;)"]
    assert re.findall(r'<div class="comparison-sample"( hidden)?>', html) == ["", " hidden", ""]
    assert html.count('class="picture"') == 3 * 9
    names = re.findall(r'alt="([^"]+)"', html)
    assert len(names) == html.count("<img") and all(len(name.split()) > 1 for name in names)
    assert html.count("<svg") == html.count('role="img" aria-label="')
    assert "http" not in html and "<script" not in html


def test_an_error_stands_below_all_but_the_truth():
    one = sample()
    html = comparison_html({"held out": [one]})
    s2 = np.abs(one.s2["flow"] - one.s2["true sem"]).mean()
    a2 = np.abs(one.a2["flow"] - one.a2["true sem"]).mean()
    errors = re.findall(r'<span class="errors">(.*?)</span>', html)
    assert errors[5] == f"S₂ {s2:.3f}, A₂ {a2:.3f}".replace("0.", ".")
    assert errors.count("truth") == 2 and len(errors) == 9


def test_what_has_not_been_trained_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path))
    with pytest.raises(MissingResult, match="pairvae run 02_preprocessing"):
        compared(Run())
