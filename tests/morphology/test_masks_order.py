"""What S2 says of order, on curves and stripes whose period is known."""

from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.morphology.masks import domain_period, long_range_order, two_point_correlation


def test_domain_period_of_a_known_curve():
    r = np.arange(60.0)
    curves = np.stack([0.25 + 0.25 * np.cos(2 * np.pi * r / p) * np.exp(-r / 80) for p in (11.3, 18.0)])
    exact = []
    for p in (11.3, 18.0):  # the damping moves the maximum inwards: tan(2 pi r / p) = -p / (160 pi)
        exact.append(p - np.arctan(p / (160 * np.pi)) * p / (2 * np.pi))
    np.testing.assert_allclose(domain_period(r, curves), exact, atol=0.05)


def test_domain_period_passes_over_ripples():
    r = np.arange(60.0)
    curve = 0.25 + 0.25 * np.cos(2 * np.pi * r / 20)
    curve[[4, 14]] += [-0.1, 0.1]  # a dip on the way down, a bump on the way up
    assert curve[4] < curve[5] and curve[14] > curve[15]
    assert domain_period(r, curve, prominence=0.2) == pytest.approx(20, abs=0.05)


def test_domain_period_takes_no_maximum_before_the_first_minimum():
    r = np.arange(60.0)
    assert domain_period(r, 0.25 - 0.25 * np.cos(2 * np.pi * r / 20)) == pytest.approx(30, abs=0.05)


def test_domain_period_of_stripes_is_a_little_beyond_theirs():
    r, s2 = two_point_correlation(np.tile(np.arange(192) % 12 < 6, (192, 1)))
    assert 12 < domain_period(r, s2) < 1.15 * 12


def test_domain_period_is_nan_without_a_maximum():
    r = np.arange(20.0)
    curves = np.stack([np.zeros(20), 0.25 + 0.25 * np.exp(-r), np.cos(r / 8) + 1])
    assert np.isnan(domain_period(r, curves)).all()
    assert domain_period(r, curves).shape == (3,)


def test_order_that_reaches_far_is_the_amplitude_of_the_oscillation():
    r = np.arange(400.0)
    waves = [amplitude * np.cos(2 * np.pi * r / 20) for amplitude in (0.1, 0.2)]
    np.testing.assert_allclose(long_range_order(np.stack(waves)), [0.1 / 2**0.5, 0.2 / 2**0.5], rtol=1e-6)
    assert long_range_order(0.25 + np.exp(-r / 5)) == pytest.approx(0, abs=1e-6)


def test_errors():
    with pytest.raises(ValueError, match=r"s2 must have shape \(\.\.\., 5\) for r of shape \(5,\); got \(4,\)"):
        domain_period(np.arange(5.0), np.zeros(4))
    with pytest.raises(ValueError, match="s2 must be finite; got 1 NaN"):
        domain_period(np.arange(3.0), np.array([0.5, np.nan, 0.2]))
    with pytest.raises(ValueError, match="s2 must be finite; got 1 NaN"):
        long_range_order(np.array([0.5, np.nan, 0.2]))
