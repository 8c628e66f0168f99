from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.data.scattering import (
    azimuthal_average,
    colour_mapped,
    folded_profile,
    inverted_colour_map,
    power_spectrum,
)


def test_the_stops_of_the_colour_map():
    assert colour_mapped([0, 0.25, 0.5, 0.75, 1]).tolist() == [
        [0, 0, 0],
        [0, 0, 254],
        [254, 0, 0],
        [254, 254, 0],
        [254, 254, 254],
    ]


def test_the_colour_map_round_trip_is_exact():
    values = np.arange(1017, dtype=np.float32).reshape(9, 113) / np.float32(1016)
    rgb = colour_mapped(values)
    inverted, residual = inverted_colour_map(rgb)
    assert (inverted == values).all()
    assert (colour_mapped(inverted) == rgb).all()
    assert residual == 0


def test_noise_off_the_colour_map_hardly_moves_the_intensity():
    rng = np.random.default_rng(0)
    values = rng.uniform(size=(40, 40))
    noisy = np.clip(colour_mapped(values) + rng.normal(0, 4, (40, 40, 3)), 0, 255).astype(np.uint8)
    inverted, residual = inverted_colour_map(noisy)
    assert np.abs(inverted - values).mean() < 0.01
    assert 1 < residual < 8


def test_another_colour_map_is_far_off():
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    assert inverted_colour_map(grey)[1] > 40


def test_colour_map_errors():
    with pytest.raises(ValueError, match=r"values must lie in \[0, 1\]; got -0.5 to 2"):
        colour_mapped([-0.5, 2])
    with pytest.raises(ValueError, match="values must be finite; got 1 NaN or infinite of 2"):
        colour_mapped([0, np.nan])
    with pytest.raises(ValueError, match=r"rgb must have shape \(height, width, 3\); got \(4, 4\)"):
        inverted_colour_map(np.zeros((4, 4), np.uint8))


@pytest.mark.parametrize("shape", [(8, 8), (9, 12)])
def test_the_mean_of_the_power_spectrum_is_the_variance(shape):
    image = np.random.default_rng(0).normal(3, 2, shape)
    spectrum = power_spectrum(image)
    assert spectrum.mean() == pytest.approx(image.var())
    assert spectrum[shape[0] // 2, shape[1] // 2] == pytest.approx(0)


def test_the_power_of_stripes_lies_at_their_frequency():
    image = np.tile(np.cos(2 * np.pi * 4 * np.arange(32) / 32), (32, 1))
    spectrum = power_spectrum(image)
    bright = sorted(map(tuple, np.argwhere(spectrum > 1e-9).tolist()))
    assert bright == [(16, 12), (16, 20)]
    assert spectrum[16, 12] == pytest.approx(32 * 32 / 4)


def test_power_spectrum_errors():
    with pytest.raises(ValueError, match=r"image must have shape \(height, width\)"):
        power_spectrum(np.zeros(4))
    with pytest.raises(ValueError, match="image must be finite"):
        power_spectrum(np.full((4, 4), np.nan))


def test_rings_of_a_radial_pattern():
    rows, cols = np.indices((21, 31))
    ring = np.floor(np.hypot(rows - 10, cols - 15) + 0.5)
    q_px, intensity = azimuthal_average(ring**2)
    assert q_px.tolist() == list(range(11))
    assert intensity == pytest.approx(q_px**2)


def test_rings_about_another_centre_and_without_masked_pixels():
    rows, cols = np.indices((20, 20))
    ring = np.floor(np.hypot(rows - 9.5, cols - 9.5) + 0.5)
    valid = np.ones((20, 20), bool)
    valid[:, 8:12] = False
    pattern = np.where(valid, ring, np.nan)
    q_px, intensity = azimuthal_average(pattern, centre=(9.5, 9.5), valid=valid)
    assert q_px.tolist() == [float(k) for k in range(3, 10)]  # the bar hides rings 0 to 2
    assert intensity == pytest.approx(q_px)


def test_ring_errors():
    with pytest.raises(ValueError, match=r"centre must lie within the pattern of 4 x 5 px; got \(4, 2\)"):
        azimuthal_average(np.zeros((4, 5)), centre=(4, 2))
    with pytest.raises(ValueError, match=r"valid must have shape \(4, 5\); got \(5, 4\)"):
        azimuthal_average(np.zeros((4, 5)), valid=np.ones((5, 4), bool))
    with pytest.raises(ValueError, match="pattern must be finite"):
        azimuthal_average(np.full((4, 5), np.nan))
    with pytest.raises(ValueError, match="pattern must have shape"):
        azimuthal_average(np.zeros(5))


def test_branches_are_averaged_where_both_exist():
    q = np.arange(-5.0, 9)
    intensity = np.where(q > 0, 10.0, 20.0)
    folded_q, folded = folded_profile(q, intensity)
    assert folded_q.tolist() == [float(k) for k in range(1, 9)]
    assert folded.tolist() == [15.0] * 5 + [10.0] * 3


def test_branches_are_interpolated_onto_each_other():
    positive, negative = np.arange(1.0, 10), -np.arange(1.5, 9)
    folded_q, folded = folded_profile(np.concatenate([positive, negative]), np.concatenate([positive, -negative]))
    assert folded_q == pytest.approx(np.arange(1, 9.1, 0.5))
    assert folded == pytest.approx(folded_q)


def test_order_and_repeated_points_do_not_matter():
    q, intensity = np.array([3.0, 1, 2, 2, 4]), np.array([3.0, 8, 4, 6, 2])
    folded_q, folded = folded_profile(q, intensity)
    assert (folded_q.tolist(), folded.tolist()) == ([1, 2, 3, 4], [8, 5, 3, 2])


def test_points_without_intensity_are_dropped_and_negative_ones_averaged():
    q = np.array([-1.0, 0, 1, 2, 3, 4, 5])
    intensity = np.array([0.0, 9, 9, np.nan, 0, -2, 4])
    assert [list(part) for part in folded_profile(q, intensity)] == [[1, 4, 5], [9, 1, 1]]


def test_a_gap_in_one_branch_is_filled_by_the_other_alone():
    q = np.arange(1.0, 21)
    gap = (q > 7) & (q < 13)
    signed = np.concatenate([q[~gap], -q])
    intensity = np.concatenate([np.full((~gap).sum(), 10.0), np.full(20, 20.0)])
    folded_q, folded = folded_profile(signed, intensity)
    assert folded_q.tolist() == q.tolist()
    assert folded.tolist() == np.where(gap, 20.0, 15.0).tolist()


def test_the_shadow_of_the_beam_stop_is_dropped():
    q = np.arange(1.0, 31)
    intensity = 3000 / q
    intensity[:5] = [0.4, 0.5, 0.3, 2, 150]  # leaks behind the stop, then its half-shadowed edge
    folded_q, folded = folded_profile(q, intensity)
    assert folded_q.tolist() == list(range(6, 31))
    assert folded == pytest.approx(3000 / folded_q)


def test_a_bright_leak_behind_the_beam_stop_is_dropped():
    # as in a real branch, where the leak is 1.4% of the largest intensity and noisy
    intensity = np.array([4.1, 3.5, 4.1, 3.6, 4.2, 4.0, 3.9, 4.3, 120, 288, 246, 219, 191])
    folded_q, _ = folded_profile(-np.arange(1.0, 14), intensity)
    assert folded_q[0] == 10


def test_a_smooth_rise_is_no_shadow():
    q = np.linspace(0.01, 1, 100)
    peak = np.exp(-(((q - 0.5) / 0.2) ** 2)) + 0.01
    assert folded_profile(q, peak)[0].tolist() == q.tolist()


def test_a_sharp_peak_behind_a_falling_start_is_no_shadow():
    intensity = np.array([9.0, 7, 5, 4, 80, 4, 3, 2])
    assert len(folded_profile(np.arange(1.0, 9), intensity)[0]) == 8


def test_folding_errors():
    with pytest.raises(ValueError, match="at least one point of positive intensity away from q = 0; got none"):
        folded_profile([0, 1], [5, 0])
    with pytest.raises(ValueError, match=r"intensity must have shape \(2,\); got \(3,\)"):
        folded_profile([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match=r"q must have shape \(points,\); got \(1, 2\)"):
        folded_profile([[1, 2]], [[1, 2]])


def test_a_sharp_first_peak_is_no_beam_stop():
    q = np.arange(0.05, 1.5, 0.004)
    for shift in (0.0, 0.001, 0.002, 0.003):
        peaks = sum(a / (1 + ((q - n * (0.2 + shift)) / 0.004) ** 2) for n, a in ((1, 300), (2, 30), (3, 15)))
        left_out = {}
        assert folded_profile(q, 1 + 0.02 * q**-2 + peaks, left_out)[0][0] == pytest.approx(0.05)
        assert not any(left_out.values())


def test_a_noisy_tail_about_zero_keeps_its_mean():
    q = np.linspace(1, 2, 400)
    intensity = np.random.default_rng(0).normal(1, 4, 400)
    left_out = {}
    folded_q, folded = folded_profile(q, intensity, left_out)
    assert (folded > 0).all()
    assert left_out["negative, averaged with a neighbour"] > 100
    # Of the whole range, as an integral over q; dropping the negative points would give more than 3.
    assert np.trapezoid(folded, folded_q) == pytest.approx(intensity.mean(), abs=0.25)


def test_points_that_do_not_count_are_counted():
    q = np.concatenate([[0.0], np.arange(1.0, 300)])
    intensity = np.concatenate([[5.0], 1e3 / q[1:]])
    intensity[[4, 9]] = 0
    intensity[200] = -1
    left_out = {}
    assert len(folded_profile(q, intensity, left_out)[0]) == 296
    counted = {why: count for why, count in left_out.items() if count}
    assert counted == {"at q = 0": 1, "of zero intensity": 2, "negative": 1}
