from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, label
from scipy.special import j0

from pairvae_lib.morphology.masks import (
    chord_lengths,
    component_counts,
    dice,
    directional_correlation,
    lineal_path,
    phase_fraction,
    two_point_correlation,
)


def random_masks(*shape, seed=0, sigma=2.0):
    rng = np.random.default_rng(seed)
    fields = gaussian_filter(rng.normal(size=shape), (0,) * (len(shape) - 2) + (sigma, sigma))
    return fields > 0.1 * fields.std()


def vertical_stripes(size=64, period=8, width=4):
    """Lines along the columns, as the chemical grating has them."""
    return np.tile(np.arange(size) % period < width, (size, 1))


def direct_s2(mask, ring_of, rings, periodic):
    """S2 by its definition: every lag by a shift of the image, no FFT."""
    height, width = mask.shape
    sums, members = np.zeros(rings), np.zeros(rings)
    for row in range(-rings, rings + 1):
        for col in range(-rings, rings + 1):
            ring = ring_of(np.hypot(row, col))
            if ring >= rings:
                continue
            if periodic:
                value = (mask & np.roll(mask, (row, col), axis=(0, 1))).mean()
            else:
                here = mask[max(0, row) : height + min(0, row), max(0, col) : width + min(0, col)]
                there = mask[max(0, -row) : height + min(0, -row), max(0, -col) : width + min(0, -col)]
                value = (here & there).mean()
            sums[ring] += value
            members[ring] += 1
    return sums / members


# --- phase fraction ---------------------------------------------------------------------------------------------------


def test_phase_fraction_counts_pixels_per_mask():
    masks = np.zeros((3, 2, 4, 5), dtype=bool)
    masks[0, 1, :2] = True
    assert phase_fraction(masks).shape == (3, 2)
    assert phase_fraction(masks)[0, 1] == 0.5
    assert phase_fraction(masks).sum() == 0.5


# --- S2 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(192, 192), (64, 64), (50, 37), (33, 65)])
def test_s2_equals_porespy(shape):
    from porespy import metrics

    mask = random_masks(*shape)
    reference = metrics.two_point_correlation(mask)
    r, s2 = two_point_correlation(mask)
    np.testing.assert_allclose(s2, reference.probability_scaled, rtol=0, atol=1e-12)
    assert len(r) == min(shape) // 2
    assert np.abs(r - reference.distance).max() <= 0.5  # PoreSpy: the middle of the bin; here: the mean of its lags


@pytest.mark.parametrize("shape", [(12, 12), (11, 16), (17, 13)])
def test_unbiased_s2_equals_a_direct_count(shape):
    mask = random_masks(*shape, seed=1, sigma=1)
    r, s2 = two_point_correlation(mask)
    np.testing.assert_allclose(s2, direct_s2(mask, lambda d: int(np.floor(d)), len(r), False), rtol=0, atol=1e-13)
    lags = np.hypot(*np.mgrid[-20:21, -20:21])
    np.testing.assert_allclose(r, [lags[(lags >= k) & (lags < k + 1)].mean() for k in range(len(r))])


@pytest.mark.parametrize("shape", [(12, 12), (11, 16), (17, 13)])
def test_periodic_s2_equals_a_direct_count(shape):
    mask = random_masks(*shape, seed=2, sigma=1)
    r, s2 = two_point_correlation(mask, periodic=True)
    np.testing.assert_allclose(s2, direct_s2(mask, lambda d: int(np.ceil(d)), len(r), True), rtol=0, atol=1e-13)
    np.testing.assert_array_equal(r, np.arange(min(shape) // 2) + 0.5)


@pytest.mark.parametrize("periodic", [False, True])
def test_s2_starts_at_the_phase_fraction(periodic):
    masks = random_masks(5, 40, 48)
    _, s2 = two_point_correlation(masks, periodic)
    np.testing.assert_array_equal(s2[:, 0], phase_fraction(masks))


def test_s2_of_a_disordered_field_tends_to_the_squared_phase_fraction():
    masks = np.random.default_rng(3).random((32, 64, 64)) < 0.3
    _, s2 = two_point_correlation(masks)
    np.testing.assert_allclose(s2.mean(axis=0)[1:], 0.09, atol=0.002)


def test_s2_of_one_phase_is_constant():
    masks = np.stack([np.zeros((20, 24), dtype=bool), np.ones((20, 24), dtype=bool)])
    for periodic in (False, True):
        _, s2 = two_point_correlation(masks, periodic)
        np.testing.assert_array_equal(s2[0], 0)
        np.testing.assert_allclose(s2[1], 1, rtol=0, atol=1e-15)


@pytest.mark.parametrize("periodic", [False, True])
def test_s2_of_a_stack_is_that_of_its_masks(periodic):
    masks = random_masks(2, 3, 30, 44)
    r, s2 = two_point_correlation(masks, periodic)
    assert s2.shape == (2, 3, 15) and r.shape == (15,)
    np.testing.assert_array_equal(s2[1, 2], two_point_correlation(masks[1, 2], periodic)[1])
    assert two_point_correlation(masks[:0], periodic)[1].shape == (0, 3, 15)


@pytest.mark.parametrize("periodic", [False, True])
def test_s2_of_a_thresholded_gaussian_field_follows_the_arcsine_law(periodic):
    size, lags = 96, np.fft.fftfreq(96, 1 / 96)
    distance = np.hypot(lags[:, np.newaxis], lags)
    rho = np.exp(-((distance / 12) ** 2)) * j0(0.7 * distance)
    power = np.maximum(np.fft.fft2(rho).real, 0)
    rho = np.fft.ifft2(power).real / np.fft.ifft2(power).real[0, 0]
    rng = np.random.default_rng(4)
    fields = np.fft.ifft2(np.sqrt(power) * np.fft.fft2(rng.normal(size=(100, size, size)))).real
    masks = np.concatenate([fields > 0, fields < 0])  # with their negatives: the phase fraction is 1/2 on the nose
    expected = 0.25 + np.arcsin(np.clip(rho, -1, 1)) / (2 * np.pi)
    _, s2 = two_point_correlation(masks, periodic)
    ring = (np.ceil(distance) if periodic else np.floor(distance)).astype(int)
    by_ring = np.array([expected[ring == k].mean() for k in range(size // 2)])
    assert np.ptp(by_ring[5:20]) > 0.02  # it oscillates, so the law is put to the test
    np.testing.assert_allclose(s2.mean(axis=0), by_ring, rtol=0, atol=1.5e-3)


def test_a_caller_cannot_change_the_cached_radii():
    mask = vertical_stripes(16)
    two_point_correlation(mask)[0][:] = -1
    assert two_point_correlation(mask)[0][0] == 0


# --- directional S2 ---------------------------------------------------------------------------------------------------


def test_directional_s2_of_stripes():
    s2 = directional_correlation(vertical_stripes(64, period=8, width=4), max_lag=8)
    assert s2.shape == (17, 17)
    np.testing.assert_array_equal(s2[:, 8], 0.5)  # down the lines: constant
    across = directional_correlation(vertical_stripes(68, period=8, width=4)[:, :64], max_lag=4)[4, 4:]
    # windows that do not hold whole periods miss by a pixel or two of 64
    np.testing.assert_allclose(across, [0.5, 0.375, 0.25, 0.125, 0], rtol=0, atol=0.03)


def test_directional_s2_of_stripes_on_whole_periods():
    # with lag d, 8 n - d columns overlap; 4 n - d of them see two bright ones: known to the last digit
    n = 8
    s2 = directional_correlation(vertical_stripes(8 * n, 8, 4), max_lag=4)[4, 4:]
    pairs = [sum(c % 8 < 4 and (c + d) % 8 < 4 for c in range(8 * n - d)) / (8 * n - d) for d in range(5)]
    np.testing.assert_array_equal(s2, pairs)


def test_directional_s2_is_what_s2_averages():
    mask = random_masks(30, 26)
    s2 = directional_correlation(mask, max_lag=12)
    lags = np.hypot(*np.mgrid[-12:13, -12:13])
    averaged = [s2[(lags >= k) & (lags < k + 1)].mean() for k in range(13)]
    np.testing.assert_allclose(averaged, two_point_correlation(mask)[1], rtol=0, atol=1e-14)
    np.testing.assert_array_equal(s2, s2[::-1, ::-1])
    assert s2[12, 12] == mask.mean()


def test_directional_s2_takes_lags_as_row_and_column():
    mask = np.zeros((9, 9), dtype=bool)
    mask[4, 4] = mask[6, 3] = True  # one pair, two rows down and one column to the left
    s2 = directional_correlation(mask, max_lag=2)
    assert s2[4, 1] == s2[0, 3] == 1 / (7 * 8)
    assert s2.sum() == pytest.approx(2 / 81 + 2 / 56)


def test_normalised_directional_s2_is_one_at_zero_lag_and_zero_without_order():
    masks = np.random.default_rng(5).random((16, 64, 64)) < 0.4
    correlation = directional_correlation(masks, 5, normalised=True)
    np.testing.assert_allclose(correlation[:, 5, 5], 1)
    correlation[:, 5, 5] = 0
    assert np.abs(correlation.mean(axis=0)).max() < 0.02
    stripes = directional_correlation(vertical_stripes(64), 4, normalised=True)
    np.testing.assert_allclose(stripes[:, 4], 1)


def test_normalised_directional_s2_of_one_phase_is_zero():
    masks = np.stack([np.zeros((8, 8), dtype=bool), np.ones((8, 8), dtype=bool)])
    np.testing.assert_array_equal(directional_correlation(masks, 2, normalised=True), 0)


def test_directional_s2_of_a_stack():
    masks = random_masks(2, 3, 20, 22)
    s2 = directional_correlation(masks, 4)
    assert s2.shape == (2, 3, 9, 9)
    np.testing.assert_array_equal(s2[1, 2], directional_correlation(masks[1, 2], 4))


# --- lineal path and chords -------------------------------------------------------------------------------------------


def test_lineal_path_starts_twice_at_the_phase_fraction():
    masks = random_masks(4, 30, 40)
    for axis in ("vertical", "horizontal"):
        z, path = lineal_path(masks, axis)
        np.testing.assert_array_equal(z, np.arange(16))
        np.testing.assert_array_equal(path[:, 0], phase_fraction(masks))
        np.testing.assert_array_equal(path[:, 1], phase_fraction(masks))
        assert (np.diff(path, axis=1) <= 1e-2).all()


@pytest.mark.parametrize("axis", ["vertical", "horizontal"])
def test_lineal_path_equals_a_count_of_windows(axis):
    mask = random_masks(19, 23, seed=6, sigma=3)
    lines = mask.T if axis == "vertical" else mask
    z, path = lineal_path(mask, axis, lengths=range(1, lines.shape[1] + 1))
    for length, value in zip(z, path, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(lines, length, axis=1)
        assert value == windows.all(axis=-1).mean()


def test_lineal_path_along_and_across_stripes():
    mask = vertical_stripes(64, period=8, width=4)
    _, along = lineal_path(mask, "vertical", lengths=np.arange(65))
    np.testing.assert_array_equal(along, 0.5)
    _, across = lineal_path(mask, "horizontal", lengths=[0, 1, 2, 3, 4, 5])
    np.testing.assert_allclose(across, [0.5, 0.5, 8 * 3 / 63, 8 * 2 / 62, 8 / 61, 0])


def test_lineal_path_of_a_stack():
    masks = random_masks(2, 3, 20, 22)
    _, path = lineal_path(masks, "horizontal", [3, 0, 7])
    assert path.shape == (2, 3, 3)
    np.testing.assert_array_equal(path[1, 2], lineal_path(masks[1, 2], "horizontal", [3, 0, 7])[1])
    assert lineal_path(masks[:0])[1].shape == (0, 3, 11)


@pytest.mark.parametrize(("axis", "number"), [("vertical", 0), ("horizontal", 1)])
def test_chords_equal_porespy(axis, number):
    from porespy import filters

    mask = random_masks(61, 64, seed=7)
    chords = filters.apply_chords(mask, spacing=1, axis=number, trim_edges=False)
    sizes = np.bincount(label(chords)[0].ravel())[1:]
    assert sorted(chord_lengths(mask, axis)) == sorted(sizes)


def test_chords_line_by_line():
    mask = np.array([[1, 1, 0, 1], [1, 1, 1, 1], [0, 0, 0, 1]], dtype=bool)
    np.testing.assert_array_equal(chord_lengths(mask, "horizontal"), [2, 1, 1])
    np.testing.assert_array_equal(chord_lengths(mask, "horizontal", spacing=0), [2, 1, 4, 1])
    np.testing.assert_array_equal(chord_lengths(mask, "vertical", spacing=0), [2, 2, 1, 3])
    assert chord_lengths(np.zeros((3, 3), dtype=bool)).shape == (0,)


def test_chords_give_the_lineal_path():
    mask = random_masks(30, 30, seed=8)
    chords = chord_lengths(mask, "vertical", spacing=0)
    z, path = lineal_path(mask, "vertical")
    windows = [np.maximum(chords - max(length, 1) + 1, 0).sum() for length in z]
    np.testing.assert_allclose(path, windows / (30 * (31 - np.maximum(z, 1))))


# --- components, Dice, period -----------------------------------------------------------------------------------------


def test_components_touch_along_edges_only():
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 1, 0, 0]], dtype=bool)
    counts = component_counts(np.stack([[mask, ~mask], [np.zeros_like(mask), np.ones_like(mask)]]))
    np.testing.assert_array_equal(counts, [[3, 2], [0, 1]])
    assert component_counts(mask) == 3


def test_dice_of_equal_disjoint_half_and_empty_masks():
    mask = vertical_stripes(16)
    empty = np.zeros_like(mask)
    half = mask & (np.arange(16) < 8)
    np.testing.assert_array_equal(dice(mask, np.stack([mask, ~mask, empty])), [1, 0, 0])
    assert dice(mask, half) == pytest.approx(2 / 3)
    assert dice(empty, empty) == 1


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [phase_fraction, two_point_correlation, lineal_path, component_counts, lambda m: directional_correlation(m, 2)],
)
def test_only_boolean_masks_are_taken(function):
    with pytest.raises(
        ValueError, match=r"masks must be a boolean array of shape \(\.\.\., height, width\); got uint8"
    ):
        function(np.full((8, 8), 255, dtype=np.uint8))
    with pytest.raises(ValueError, match=r"masks must be a boolean .* got bool of shape \(8,\)"):
        function(np.zeros(8, dtype=bool))


def test_chords_and_dice_name_their_argument():
    with pytest.raises(ValueError, match="mask must be a boolean array .* got float64"):
        chord_lengths(np.zeros((8, 8)))
    with pytest.raises(ValueError, match="first must be a boolean array"):
        dice(np.zeros((8, 8)), np.zeros((8, 8), dtype=bool))
    with pytest.raises(ValueError, match="second must be a boolean array"):
        dice(np.zeros((8, 8), dtype=bool), np.zeros((8, 8)))


def test_errors_name_argument_and_value():
    mask = vertical_stripes(16)
    with pytest.raises(ValueError, match="masks must be at least 2 x 2 px; got 1 x 8"):
        two_point_correlation(np.zeros((1, 8), dtype=bool))
    with pytest.raises(ValueError, match="max_lag must lie between 0 and 15 px for masks of 16 x 16 px; got 16"):
        directional_correlation(mask, 16)
    with pytest.raises(ValueError, match="axis must be one of vertical, horizontal; got 0"):
        lineal_path(mask, 0)
    with pytest.raises(ValueError, match="axis must be one of vertical, horizontal; got 'row'"):
        chord_lengths(mask, "row")
    for lengths in ([17], [-1], [0.5], [], [[1]]):
        with pytest.raises(ValueError, match="lengths must be whole numbers between 0 and 16 px; got"):
            lineal_path(mask, lengths=lengths)
    with pytest.raises(ValueError, match=r"mask must have shape \(height, width\); got \(2, 16, 16\)"):
        chord_lengths(np.stack([mask, mask]))
    with pytest.raises(ValueError, match="spacing must be 0 px or more; got -1"):
        chord_lengths(mask, spacing=-1)
    with pytest.raises(ValueError, match=r"second must have the height and width of first, \(16, 16\); got \(8, 16\)"):
        dice(mask, mask[:8])
