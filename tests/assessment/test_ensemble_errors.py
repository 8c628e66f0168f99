from __future__ import annotations

import numpy as np
import pytest

from benchmarks.beyond.assessment import within_class_correlation
from pairvae_lib.assessment.ensemble_errors import (
    METRICS,
    ensemble_statistics,
    error_table,
    memorised,
    ridge_statistics,
    spread_ratio,
    statistic_errors,
)
from pairvae_lib.morphology.masks import two_point_correlation

RNG = np.random.default_rng(0)


def noise(fractions, masks=4, size=32):
    """White noise of the given phase fractions, (n, masks, size, size)."""
    return RNG.random((len(fractions), masks, size, size)) < np.array(fractions)[:, None, None, None]


def test_statistics_are_those_of_the_masks():
    masks = noise([0.3, 0.7])
    found = ensemble_statistics(masks)
    assert tuple(found) == METRICS and all(values.shape[:2] == (2, 4) for values in found.values())
    np.testing.assert_allclose(found["area"][..., 0], masks.mean(axis=(-2, -1)))
    np.testing.assert_array_equal(found["S2"], two_point_correlation(masks)[1])


def test_statistics_need_ensembles_of_masks():
    with pytest.raises(ValueError, match=r"masks must have shape \(n, masks, height, width\); got \(4, 32, 32\)"):
        ensemble_statistics(noise([0.3])[0])
    with pytest.raises(ValueError, match="masks must be a boolean array"):
        ensemble_statistics(noise([0.3]).astype(float))


def test_an_error_is_that_of_the_averages():
    given = np.array([[[0.0, 2.0], [2.0, 0.0]]])  # averages to 1, 1
    assert statistic_errors(given, np.full((1, 5, 2), 1.0)) == 0
    assert statistic_errors(given, np.full((1, 5, 2), 1.5)) == pytest.approx(0.5)


def test_spread_is_1_for_the_sample_and_0_for_one_answer_repeated():
    values = RNG.standard_normal((3, 500, 7))
    np.testing.assert_allclose(spread_ratio(values, values), 1)
    np.testing.assert_allclose(spread_ratio(2 * values, values), 2)
    np.testing.assert_allclose(spread_ratio(np.repeat(values[:, :1], 8, axis=1), values), 0, atol=1e-12)


def scalars(values):
    return dict.fromkeys(("area", "L vertical", "L horizontal", "components"), np.asarray(values, float)[:, None, None])


def test_correlation_forgets_the_class_and_follows_the_sample():
    labels = ["a", "a", "a", "b", "b", "b"]
    true = scalars([1, 2, 3, 11, 12, 13])
    assert within_class_correlation(scalars([5, 6, 7, 1, 2, 3]), true, labels) == pytest.approx(1)
    assert within_class_correlation(scalars([3, 2, 1, 13, 12, 11]), true, labels) == pytest.approx(-1)
    assert within_class_correlation(scalars([2, 2, 2, 12, 12, 12]), true, labels) == 0  # the class alone


def test_a_crop_of_a_training_micrograph_is_found_out(pattern_pairs):
    copy = pattern_pairs.masks[3][5:37, 7:39]
    found = memorised(np.stack([copy, ~copy & False]), pattern_pairs, (0, 3))
    assert found[0] == 1 and found[1] == 0
    assert memorised(copy[None], pattern_pairs, (0, 2))[0] < 0.9


def test_a_micrograph_that_a_mask_was_taken_from_can_be_passed_over(pattern_pairs):
    crops = pattern_pairs.crops([0, 3], 32, np.random.default_rng(0))[:, 0] > 0.5
    np.testing.assert_array_equal(memorised(crops, pattern_pairs, (0, 2, 3)), 1)
    found = memorised(crops, pattern_pairs, (0, 2, 3), own=(0, 3))
    assert (found < 0.9).all() and found[0] == memorised(crops[:1], pattern_pairs, (2, 3))[0]


def test_a_table_holds_every_answer_to_every_statistic():
    true, near, far = (ensemble_statistics(noise([fraction] * 3)) for fraction in (0.5, 0.52, 0.8))
    found = error_table({"near": near, "far": far}, true)
    assert tuple(found) == METRICS and all(set(named) == {"near", "far"} for named in found.values())
    assert (found["area"]["near"] < found["area"]["far"]).all()


def test_statistics_can_be_learnt_without_a_mask():
    fractions = np.linspace(0.2, 0.8, 9)
    known = ensemble_statistics(noise(fractions))
    found = ridge_statistics(fractions[:, None], known, [0, 1, 2, 3, 5, 6, 7, 8], [4])
    assert found["S2"].shape == (1, 1, *known["S2"].shape[2:])
    assert found["area"].item() == pytest.approx(0.5, abs=0.05)
