from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from pairvae_lib.config import Binarisation
from pairvae_lib.data.preprocessing import (
    binarised,
    crop_at,
    normalised_profile,
    random_crop,
    random_window,
    rescaled_micrograph,
    resized_pattern,
    standardised_profile,
)


def domains(size=96, seed=0):
    """Grey levels of a structure with a period of about ten pixels, and where it is bright."""
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.normal(size=(size, size)), 3)
    bright = field > 0
    return np.clip(80 + 90 * bright + rng.normal(0, 8, bright.shape), 0, 255).astype(np.uint8), bright


# ---- micrographs of another scale


def test_fewer_pixels_are_means_of_areas():
    grey = np.arange(24).reshape(4, 6) * 10
    assert rescaled_micrograph(grey, 0.5).tolist() == [[35, 55, 75], [155, 175, 195]]
    assert rescaled_micrograph(grey, 0.5).dtype == np.uint8
    assert (rescaled_micrograph(grey, 1) == grey).all()
    image, _ = domains()
    assert rescaled_micrograph(image, 0.7).mean() == pytest.approx(image.mean(), abs=0.1)
    assert rescaled_micrograph(image, 0.7).shape == (67, 67)


def test_a_coarser_scale_keeps_the_structure():
    image, bright = domains(192)
    half = binarised(rescaled_micrograph(image, 0.5))
    assert (half == bright[::2, ::2]).mean() > 0.85


def test_rescaling_errors():
    image, _ = domains()
    for factor in (0, 1.5, -1, float("nan")):
        with pytest.raises(ValueError, match="factor must lie above 0 and up to 1; got "):
            rescaled_micrograph(image, factor)
    with pytest.raises(ValueError, match="factor must leave a pixel of 96 x 96 px; got 0.001"):
        rescaled_micrograph(image, 0.001)
    with pytest.raises(ValueError, match="micrograph must have shape"):
        rescaled_micrograph(np.zeros(5), 0.5)


# ---- patterns


@pytest.mark.parametrize(("shape", "size"), [((192, 192), 96), ((192, 192), 64), ((100, 130), 32), ((10, 7), 32)])
def test_resizing_keeps_the_mean(shape, size):
    pattern = np.random.default_rng(0).uniform(size=shape)
    resized = resized_pattern(pattern, size)
    assert resized.shape == (size, size)
    assert resized.dtype == np.float32
    assert resized.mean() == pytest.approx(pattern.mean(), abs=1e-6)


def test_a_whole_ratio_averages_blocks():
    pattern = np.random.default_rng(0).uniform(size=(12, 12))
    blocks = pattern.reshape(4, 3, 4, 3).mean(axis=(1, 3))
    assert resized_pattern(pattern, 4) == pytest.approx(blocks, abs=1e-6)


def test_a_fractional_ratio_shares_pixels():
    assert resized_pattern(np.array([[0.0, 0.3, 0.6]] * 3), 2)[0] == pytest.approx([0.1, 0.5])


def test_the_same_size_changes_nothing():
    pattern = np.random.default_rng(0).uniform(size=(32, 32)).astype(np.float32)
    assert (resized_pattern(pattern, 32) == pattern).all()


def test_a_bright_pattern_stays_within_one():
    assert resized_pattern(np.ones((191, 191)), 64).max() <= 1


def test_resizing_does_not_alias():
    checkers = (np.indices((64, 64)).sum(axis=0) % 2).astype(float)
    assert resized_pattern(checkers, 32) == pytest.approx(np.full((32, 32), 0.5))


def test_resize_errors():
    with pytest.raises(ValueError, match=r"pattern must hold intensities in \[0, 1\]; got 0 to 255"):
        resized_pattern(np.array([[0, 255]]), 4)
    with pytest.raises(ValueError, match=r"pattern must hold intensities in \[0, 1\]; got no values"):
        resized_pattern(np.zeros((0, 4)), 4)
    with pytest.raises(ValueError, match=r"pattern must have shape \(height, width\); got \(4, 4, 3\)"):
        resized_pattern(np.zeros((4, 4, 3)), 4)
    with pytest.raises(ValueError, match="pattern must be finite; got 1 NaN"):
        resized_pattern(np.array([[0, np.nan]]), 4)
    with pytest.raises(ValueError, match="size must be above 0; got 0"):
        resized_pattern(np.zeros((4, 4)), 0)


# ---- micrographs


def kernel(sigma):
    weights = np.exp(-(np.arange(-2, 3) ** 2) / (2 * sigma**2))
    return weights / weights.sum()


def blurred_by_hand(image, sigma):
    padded = np.pad(image.astype(float), 2, mode="reflect")
    height, width = image.shape
    return sum(
        kernel(sigma)[i] * kernel(sigma)[j] * padded[i : i + height, j : j + width] for i in range(5) for j in range(5)
    )


def binarised_by_hand(grey, window=15, offset=2):
    """Every step by its definition, with loops over the windows."""
    blurred = np.rint(blurred_by_hand(grey, 1.0))
    padded = np.pad(blurred, window // 2, mode="edge")
    bright = np.zeros(grey.shape, bool)
    for row, col in np.ndindex(grey.shape):
        bright[row, col] = blurred[row, col] > np.rint(padded[row : row + window, col : col + window].mean()) - offset
    return blurred_by_hand(bright, 1.1) >= 0.5


@pytest.mark.parametrize("window", [15, 25])
def test_binarisation_by_hand(window):
    grey, _ = domains(48)
    expected = binarised_by_hand(grey, window)
    assert (binarised(grey, Binarisation(window=window)) == expected).all()


def test_binarisation_finds_the_domains():
    grey, bright = domains()
    assert (binarised(grey) == bright).mean() > 0.93
    assert binarised(grey).dtype == np.bool_


def test_binarisation_forgets_illumination():
    grey, _ = domains()
    shade = np.linspace(-50, 50, 96)
    assert (binarised(np.clip(grey + shade, 0, 255)) == binarised(grey)).mean() > 0.97


def test_a_flat_image_is_bright_because_of_the_offset():
    assert binarised(np.full((20, 20), 90, np.uint8)).all()
    assert not binarised(np.full((20, 20), 90, np.uint8), Binarisation(offset=-2)).any()


def test_grey_levels_may_be_floats():
    grey, _ = domains()
    assert (binarised(grey.astype(np.float32)) == binarised(grey)).all()


def test_binarisation_errors():
    with pytest.raises(ValueError, match=r"micrograph must have shape \(height, width\); got \(4, 4, 3\)"):
        binarised(np.zeros((4, 4, 3)))
    with pytest.raises(ValueError, match=r"micrograph must hold grey levels in \[0, 255\]; got 0 to 65535"):
        binarised(np.array([[0, 65535]]))
    with pytest.raises(ValueError, match=r"micrograph must hold grey levels in \[0, 255\]; got no values"):
        binarised(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="micrograph must be finite"):
        binarised(np.array([[np.inf, 1]]))


# ---- crops


def test_crop_at_is_a_view():
    mask = np.arange(30).reshape(5, 6)
    crop = crop_at(mask, 1, 2, 3)
    assert crop.tolist() == [[8, 9, 10], [14, 15, 16], [20, 21, 22]]
    assert np.shares_memory(crop, mask)
    assert crop_at(np.stack([mask, mask]), 1, 2, 3).shape == (2, 3, 3)


def test_random_windows_reach_every_position_and_no_other():
    rng = np.random.default_rng(0)
    windows = {random_window((5, 6), 4, rng) for _ in range(200)}
    assert windows == {(row, col) for row in range(2) for col in range(3)}


def test_random_crops_follow_their_generator():
    mask = np.random.default_rng(1).normal(size=(40, 50))
    row, col = random_window(mask.shape, 8, np.random.default_rng(7))
    assert (random_crop(mask, 8, np.random.default_rng(7)) == mask[row : row + 8, col : col + 8]).all()


def test_a_crop_of_the_whole_image():
    mask = np.eye(6, dtype=bool)
    assert (random_crop(mask, 6, np.random.default_rng(0)) == mask).all()


def test_crop_errors():
    mask = np.zeros((5, 6))
    with pytest.raises(ValueError, match="size must lie between 1 and the 5 x 6 px of the image; got 6"):
        random_crop(mask, 6, np.random.default_rng(0))
    with pytest.raises(ValueError, match="size must lie between 1 and the 5 x 6 px of the image; got 0"):
        random_window(mask.shape, 0, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"window of 3 px at \(3, 0\) must lie within the 5 x 6 px of the image"):
        crop_at(mask, 3, 0, 3)
    with pytest.raises(ValueError, match=r"window of 3 px at \(-1, 0\) must lie within"):
        crop_at(mask, -1, 0, 3)


# ---- profiles


def test_a_power_law_becomes_a_straight_line():
    q = np.geomspace(0.01, 1, 4000)
    grid = np.geomspace(0.01, 1, 33)
    decades = standardised_profile(q, 5 * q**-3, grid)
    assert decades.mean() == pytest.approx(0, abs=1e-12)
    assert np.diff(decades)[1:-1] == pytest.approx(-3 * np.diff(np.log10(grid))[1:-1], rel=1e-3)


def test_the_intensity_scale_does_not_matter():
    rng = np.random.default_rng(0)
    q, intensity = np.geomspace(0.01, 1, 200), rng.uniform(1, 2, 200)
    grid = np.geomspace(0.02, 0.9, 32)
    assert standardised_profile(q, 1e4 * intensity, grid) == pytest.approx(standardised_profile(q, intensity, grid))


def test_a_coarse_grid_averages_and_a_fine_one_interpolates():
    q = np.arange(1.0, 101)
    intensity = np.where(np.arange(100) % 2, 3.0, 1.0)
    coarse = standardised_profile(q, intensity, np.array([10.0, 40.0, 90.0]))
    assert coarse == pytest.approx([0, 0, 0], abs=0.01)  # every cell holds many periods
    fine = np.array([10.0, 10.0001, 10.9999, 11.0])
    ends = standardised_profile(q, intensity, fine)
    assert ends[-1] - ends[0] == pytest.approx(np.log10(1 / 3), abs=1e-3)


def test_limits_scale_and_clip():
    q = np.geomspace(1, 100, 500)
    grid = np.geomspace(1, 100, 32)
    profile = normalised_profile(q, q**-2.0, grid, limits=(-1.0, 1.0))
    decades = standardised_profile(q, q**-2.0, grid)
    assert profile.dtype == np.float32
    assert profile == pytest.approx(np.clip((decades + 1) / 2, 0, 1), abs=1e-6)
    assert (profile.min(), profile.max()) == (0, 1)


def test_profile_errors():
    q, ones = np.arange(1.0, 9), np.ones(8)
    with pytest.raises(ValueError, match="grid must lie within the profile's q of 1 to 8; got 0.5 to 4"):
        standardised_profile(q, ones, [0.5, 4])
    with pytest.raises(ValueError, match="q must hold at least two rising values"):
        standardised_profile(q[::-1], ones, [2, 4])
    with pytest.raises(ValueError, match="grid must hold at least two rising values"):
        standardised_profile(q, ones, [2])
    with pytest.raises(ValueError, match="intensity must be positive and finite; got 0 to 0"):
        standardised_profile(q, 0 * ones, [2, 4])
    with pytest.raises(ValueError, match=r"intensity must have shape \(8,\); got \(7,\)"):
        standardised_profile(q, ones[1:], [2, 4])
    with pytest.raises(ValueError, match=r"limits must be \(low, high\) with low < high; got \(1, 1\)"):
        normalised_profile(q, ones, [2, 4], (1, 1))
