"""What the book opens with: pictures and bars that say in words what they show, from published results."""

from __future__ import annotations

import re
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pairvae_lib.book.cover import (
    cover_files,
    headline_markdown,
    instead_markdown,
    memory_html,
    verdicts_html,
    write_cover,
)
from pairvae_lib.claims.verdicts import HOLDS, NOT, ONLY_MIXED, UNDECIDED, UNTESTABLE

RNG = np.random.default_rng(0)
CURVES = {"S2 saxs_to_sem": np.zeros((2, 3)), "training example labels": np.array(["skew", "hexagonal"])}
CROP = RNG.random((2, 8, 8)) > 0.5
CURVES |= {"training example crop": CROP, "training example recalled": CROP, "training example other crop": ~CROP}


def images(html):
    """Alternative texts and pixels."""
    found = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]+)"', html)
    return {alt: np.asarray(Image.open(BytesIO(b64decode(data)))) for data, alt in found}


def test_memory_is_told_by_its_overlap():
    html = memory_html(CURVES, "hexagonal")
    assert "the crop it was trained on: Dice 1.00" in html and "another crop of the sample: Dice 0.00" in html
    crop, recalled, other = images(html).values()
    np.testing.assert_array_equal(crop, recalled)
    np.testing.assert_array_equal(crop.astype(bool), CURVES["training example crop"][1])
    assert not (crop == other).any()


def test_a_morphology_that_is_not_among_the_examples():
    with pytest.raises(ValueError, match="^morphology must be one of .*; got 'ladders'$"):
        memory_html(CURVES, "ladders")


def test_a_missing_picture_is_named():
    with pytest.raises(ValueError, match="^curves must hold 'training example crop'"):
        memory_html({key: value for key, value in CURVES.items() if key != "training example crop"}, "skew")


def rows(assessment, *verdicts, data="simulated"):
    return [{"data": data, "assessment": assessment, "verdict": verdict} for verdict in verdicts]


def test_bars_count_verdicts():
    ledger = rows("mixed", HOLDS, HOLDS, ONLY_MIXED) + rows("held_out", HOLDS, NOT, UNDECIDED)
    html = verdicts_html({"standard": ledger, "quick": rows("mixed", UNTESTABLE, data="afm-gisaxs, all")})
    heads = ["Simulated pairs, standard profile", "Measured pairs, AFM-GISAXS, all, quick profile"]
    assert re.findall(r"<p>(.*)</p>", html) == heads
    assert re.findall(r'role="img" aria-label="([^"]+)"', html) == [
        f"2 {HOLDS}, 1 {ONLY_MIXED}",
        f"1 {HOLDS}, 1 {UNDECIDED}, 1 {NOT}",
        f"1 {UNTESTABLE}",
    ]
    assert re.findall(r"flex-grow:(\d+)", html) == ["2", "1", "1", "1", "1", "1"]
    assert all(verdict in html.split('class="meanings"')[1] for verdict in (HOLDS, ONLY_MIXED, NOT, UNDECIDED))
    assert html.count("<b>mixed</b>") == 2 and html.count("<b>held out</b>") == 1  # no bar for what was not decided


def test_the_committed_cover_shows_what_is_published():
    for path, wanted in cover_files().items():
        committed = path.read_text(encoding="utf-8")
        without = [re.sub(r"base64,[^\"]+", "", text) for text in (committed, wanted)]
        assert without[0] == without[1], f"{path.name}: make it anew with pairvae claims --published"
        ours, theirs = images(committed), images(wanted)
        assert all(np.array_equal(ours[alt], theirs[alt]) for alt in theirs)
        assert len(committed) < 300_000


def medians():
    values = {"S2 saxs_to_sem": 0.016, "S2 sem_to_sem": 0.0075, "S2 kernel ridge": 0.0068}
    values |= {"S2 crop-to-crop floor": 0.0049}
    values |= {"A2 saxs_to_sem": 0.09, "A2 nearest neighbour": 0.06, "A2 crop-to-crop floor": 0.03}
    values |= {"intensity sem_to_saxs": 0.06, "intensity kernel ridge": 0.015, "intensity training mean": 0.02}
    split = {key: key.split(" ", 1) for key in values}
    return [
        {"metric": split[key][0], "name": split[key][1], "train": value / 2, "held out": value}
        for key, value in values.items()
    ]


def test_the_headline_has_both_kinds_of_samples():
    sentence = headline_markdown(medians(), 5)
    assert sentence.startswith("At the paper's size (5 trainings) the median")
    assert "SAXS→SEM is .0080 on training samples and .0160 on held-out ones" in sentence
    assert sentence.endswith("SEM→SEM is .0037 and .0075.\n")


def test_what_to_use_instead_has_a_row_for_each_wish():
    lines = instead_markdown(medians()).splitlines()
    assert len(lines) == 5
    better = ".0068 by kernel ridge regression from the pattern (crop-to-crop floor .0049)"
    assert lines[2].endswith(f"| S₂ | .0160 | {better} |")


def test_what_is_no_better_is_not_recommended():
    changed = [row | {"held out": 0.5} if row["name"] == "nearest neighbour" else row for row in medians()]
    with pytest.raises(ValueError, match="^nearest neighbour must have a smaller error in A2 than saxs_to_sem; got"):
        instead_markdown(changed)


def test_a_missing_median_is_named():
    with pytest.raises(ValueError, match="^medians must hold 'saxs_to_sem' in 'S2'"):
        headline_markdown([], 1)


def test_writing_the_cover(tmp_path, monkeypatch):
    monkeypatch.setattr("pairvae_lib.book.cover.cover_files", lambda: {tmp_path / "a" / "x.html": "text"})
    assert write_cover() == [tmp_path / "a" / "x.html"]
    assert (tmp_path / "a" / "x.html").read_text() == "text"


def test_words_stand_where_there_is_room():
    html = verdicts_html({"standard": rows("mixed", *[HOLDS] * 9, NOT)})
    assert '<span class="word">holds</span> 9' in html and "✗ 1" in html
