"""One film over time: a short annealing is the beginning of a longer one."""

from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.data.simulation.film import annealing
from pairvae_lib.data.simulation.morphologies import drawn_parameters
from pairvae_lib.morphology.masks import long_range_order, two_point_correlation

PARAMETERS = drawn_parameters("ladders", np.random.default_rng(1), 0)


@pytest.fixture(scope="module")
def moments():
    return list(annealing(PARAMETERS, "quick", (2, 40), seed=5))


def test_what_is_recorded_has_the_form_of_a_simulated_pair(moments):
    for moment, time in zip(moments, (2, 40), strict=True):
        assert moment.time == time
        assert moment.pattern.shape == (192, 192) and moment.pattern.dtype == np.float32
        assert moment.micrograph.shape == (415, 640) and moment.micrograph.dtype == np.uint8
        assert 0 <= moment.pattern.min() and moment.pattern.max() <= 1


def test_order_grows(moments):
    orders = [long_range_order(two_point_correlation(m.micrograph > np.median(m.micrograph))[1][:40]) for m in moments]
    assert orders[1] > 2 * orders[0]


def test_a_moment_depends_neither_on_the_others_nor_on_the_duration(moments):
    (alone,) = annealing(PARAMETERS, "quick", (2,), seed=5)
    np.testing.assert_array_equal(alone.pattern, moments[0].pattern)
    np.testing.assert_array_equal(alone.micrograph, moments[0].micrograph)


def test_two_layers_are_seen_together():
    skew = drawn_parameters("skew", np.random.default_rng(1))
    (moment,) = annealing(skew, "quick", (4,), seed=5)
    assert moment.pattern.max() > 0


@pytest.mark.parametrize(
    ("size", "times", "message"),
    [("huge", (1,), "^size must be one of quick, full; got 'huge'$"), ("quick", (0,), "^time must be above 0; got 0$")],
)
def test_what_cannot_be_is_refused(size, times, message):
    with pytest.raises(ValueError, match=message):
        list(annealing(PARAMETERS, size, times, seed=5))
