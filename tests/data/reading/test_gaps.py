from __future__ import annotations

import numpy as np
import pytest
from detector_files import BEAM, counts, distances, gaps, write_edf
from PIL import Image

from pairvae_lib.data.reading.patterns import filled_pattern, mask_pixels

COUNTS, GAPS = counts(), gaps()


def test_a_gap_takes_the_value_of_its_friedel_mate():
    rng = np.random.default_rng(0)
    half = rng.uniform(1, 9, COUNTS.shape)
    symmetric = half + half[::-1, ::-1]  # about the middle, and otherwise without rule
    missing = np.zeros(COUNTS.shape, bool)
    missing[:, 12:15] = True
    filled = filled_pattern(np.where(missing, -1, symmetric), missing, (29.5, 39.5))
    assert filled == pytest.approx(symmetric)


def test_values_of_masked_pixels_count_for_nothing():
    for value in (-1, 0, 10**9, np.nan):
        levels = np.where(GAPS, value, COUNTS).astype(np.float64)
        filled = filled_pattern(levels, GAPS, BEAM)
        assert (filled[~GAPS] == COUNTS[~GAPS]).all()
        assert filled == pytest.approx(filled_pattern(COUNTS.astype(np.float64), GAPS, BEAM))


def test_where_the_mate_is_missing_too_its_ring_gives_the_value():
    missing = GAPS | GAPS[::-1]  # the beam is at half of neither
    filled = filled_pattern(COUNTS.astype(np.float64), missing, BEAM)
    outside = missing & (distances() > 5)
    assert filled[outside] == pytest.approx(COUNTS[outside], rel=0.1)
    stop = distances() < 3
    assert (filled[stop] <= COUNTS[distances() < 4].max()).all()
    assert filled[28, 41] == pytest.approx(COUNTS[~missing & (np.rint(distances()) == 3)].mean())


def test_the_beam_may_lie_outside():
    beam = (-20.0, 100.0)
    levels = counts(beam=beam, ring=1000).astype(np.float64)
    missing = np.zeros(levels.shape, bool)
    missing[20:23] = True
    assert filled_pattern(levels, missing, beam)[missing] == pytest.approx(levels[missing], rel=0.05)


@pytest.mark.parametrize(
    ("dtype", "expected"), [(np.uint8, np.uint8), (np.uint16, np.uint16), (np.float32, np.float32), (np.int32, float)]
)
def test_types_that_mean_something_are_kept(dtype, expected):
    levels = (COUNTS // 20).astype(dtype)
    assert filled_pattern(levels, GAPS, BEAM).dtype == expected
    assert filled_pattern(levels, np.zeros_like(GAPS), BEAM) is levels


def test_without_a_beam_the_middle_is_taken_if_the_pattern_bears_it_out():
    middle = (29.5, 39.5)
    levels = counts(beam=middle).astype(np.float64)
    missing = gaps(beam=middle)
    assert filled_pattern(levels, missing) == pytest.approx(filled_pattern(levels, missing, middle))
    far = counts(beam=(5.0, 5.0)).astype(np.float64)
    with pytest.raises(ValueError) as error:
        filled_pattern(far, missing)
    assert str(error.value).startswith(
        "masked pixels are filled about the beam, which nobody gave, and the pattern is not symmetric about its middle "
        "(correlation "
    )
    assert str(error.value).endswith("); add a .poni file, or the columns beam_row and beam_col")
    with pytest.raises(ValueError, match="correlation 0.00"):
        filled_pattern(np.ones((4, 4)), np.eye(4, dtype=bool))


def test_a_pattern_of_little_but_gaps_is_refused():
    missing = np.ones(COUNTS.shape, bool)
    missing[:3] = False
    with pytest.raises(ValueError, match="^95% of the pixels hold no measurement; expected at most 90%$"):
        filled_pattern(COUNTS, missing, BEAM)


def test_mask_files(tmp_path):
    write_edf(tmp_path / "mask.edf", GAPS.astype(np.uint8))
    Image.fromarray(np.where(GAPS, 255, 0).astype(np.uint8)).save(tmp_path / "mask.png")
    np.save(tmp_path / "mask.npy", GAPS)
    for name in ("mask.edf", "mask.png", "mask.npy"):
        assert (mask_pixels(tmp_path / name, GAPS.shape) == GAPS).all()
    with pytest.raises(ValueError, match=r"^its mask mask.npy must have shape \(60, 81\); got \(60, 80\)$"):
        mask_pixels(tmp_path / "mask.npy", (60, 81))
    with pytest.raises(ValueError, match=r"^its mask none.npy: is missing$"):
        mask_pixels(tmp_path / "none.npy", GAPS.shape)


def test_a_beam_that_is_far_away_is_refused():
    for beam in ((28.0, 4e41), (-9e8, 0.0)):
        with pytest.raises(ValueError, match=r"^has its beam at row .*; expected it within 10 times the 60 x 80 px$"):
            filled_pattern(COUNTS, GAPS, beam)


def grazing(beam=(148, 80)):
    """A pattern that is dark below row 140, left-right symmetric about column 80."""
    rows, cols = np.indices((200, 160))
    bright = 40 + 400 * np.exp(-(((rows - 120) / 6.0) ** 2)) + 200 * np.exp(-(((np.abs(cols - 80) - 30) / 4.0) ** 2))
    return np.where(rows < 140, bright, 0.0)


def test_at_grazing_incidence_a_gap_is_filled_by_its_mirror_image_or_between_its_neighbours():
    levels = grazing()
    missing = np.zeros(levels.shape, bool)
    missing[:, 100:103] = True
    for beam, told in (((148.0, 80.0), True), ((148.0, 80.0), False)):  # by name, and by what it looks like
        assert filled_pattern(np.where(missing, -1, levels), missing, beam, told) == pytest.approx(levels)
    missing[60:64] = True
    filled = filled_pattern(np.where(missing, -1, levels), missing, (148.0, 80.0), True)
    assert filled[60:64] == pytest.approx(levels[60:64], rel=0.01)
