from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.assessment.statistics import (
    Interval,
    hierarchical_bootstrap,
    hierarchical_resamples,
    holm,
    median,
    two_sided_p_value,
)


def family(images=12, seeds=5, crops=4, seed=0, between=1.0, within=0.3):
    """Values of images that differ, with less spread over seeds and crops; and their labels."""
    rng = np.random.default_rng(seed)
    image, run = (index.ravel() for index in np.indices((images, seeds, crops))[:2])
    values = rng.normal(0, between, images)[image] + rng.normal(0, within, image.size)
    return values, image, run


def test_bootstrap_of_equal_values_has_no_width():
    interval = hierarchical_bootstrap(
        np.full(12, 0.25), np.arange(12) // 3, np.arange(12) % 3, np.median, 50, np.random.default_rng(0)
    )
    assert interval == Interval(0.25, 0.25, 0.25)


def test_bootstrap_over_two_images_has_the_binomial_distribution():
    drawn = hierarchical_resamples(
        np.array([0.0, 1.0]), np.array(["a", "b"]), np.array([42, 42]), np.mean, 8000, np.random.default_rng(1)
    )
    values, counts = np.unique(drawn, return_counts=True)
    np.testing.assert_array_equal(values, [0, 0.5, 1])
    np.testing.assert_allclose(counts / 8000, [0.25, 0.5, 0.25], atol=0.02)


def test_seeds_are_resampled_within_an_image():
    drawn = hierarchical_resamples(
        np.array([0.0, 1.0]), np.array(["a", "a"]), np.array([42, 43]), np.mean, 8000, np.random.default_rng(2)
    )
    values, counts = np.unique(drawn, return_counts=True)
    np.testing.assert_array_equal(values, [0, 0.5, 1])
    np.testing.assert_allclose(counts / 8000, [0.25, 0.5, 0.25], atol=0.02)


def test_a_training_that_shifts_all_images_widens_the_interval():
    # two trainings, 0 and 1 for every image: a resample has both, or one of them twice
    values, image = np.tile([0.0, 1.0], 50), np.repeat(np.arange(50), 2)
    drawn = hierarchical_resamples(values, image, np.tile([0, 1], 50), np.mean, 8000, np.random.default_rng(12))
    found, counts = np.unique(drawn, return_counts=True)
    np.testing.assert_array_equal(found, [0, 0.5, 1])
    np.testing.assert_allclose(counts / 8000, [0.25, 0.5, 0.25], atol=0.02)


def test_an_image_that_no_drawn_training_has_is_left_out():
    seen = set()

    def note(values, axis):
        seen.update(frozenset(row) for row in values.tolist())
        return np.zeros(len(values))

    values, image, seed = np.array([1.0, 2.0, 3.0]), np.array(["a", "b", "c"]), np.array([1, 2, 2])
    hierarchical_resamples(values, image, seed, note, 300, np.random.default_rng(13))
    assert seen == {frozenset(one) for one in ((1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (1, 2, 3))}


def test_columns_may_have_images_of_their_own():
    nan = np.nan
    values, image = np.array([[1.0, nan], [3.0, nan], [nan, 5.0]]), np.array(["a", "b", "c"])

    def apart(v, axis):
        medians = median(v, axis)
        return medians[..., 1] - medians[..., 0]

    found = hierarchical_bootstrap(values, image, np.zeros(3), apart, 200, np.random.default_rng(14))
    assert found == Interval(2.0, 3.0, 4.0)  # a resample without "c", or with it alone, is drawn again
    with pytest.raises(ValueError, match="^statistic must be a number in most resamples; got 0 numbers of 200$"):
        hierarchical_resamples(
            values, image, np.zeros(3), lambda v, axis: np.full(len(v), nan), 10, np.random.default_rng(15)
        )


def test_the_median_is_that_of_the_numbers_which_are_there():
    nan = np.nan
    rows = np.array([[3.0, 1.0, 2.0, nan], [nan, 4.0, 1.0, nan], [nan] * 4, [4.0, 1.0, 3.0, 2.0]])
    np.testing.assert_array_equal(median(rows, axis=1), [2, 2.5, nan, 2.5])
    np.testing.assert_array_equal(median(rows.T), [2, 2.5, nan, 2.5])


def test_each_image_keeps_to_its_own_seeds():
    # image a has seeds that give 0, image b one seed that gives 1: no draw mixes them
    values, image, seed = np.array([0.0, 0.0, 1.0]), np.array(["a", "a", "b"]), np.array([1, 2, 3])
    drawn = hierarchical_resamples(
        values, image, seed, lambda v, axis: np.isin(np.ptp(v, axis=axis), (0, 1)), 200, np.random.default_rng(3)
    )
    assert (drawn == 1).all()


def test_the_image_is_the_unit():
    values, image, seed = family(crops=1)
    once = hierarchical_bootstrap(values, image, seed, np.median, 400, np.random.default_rng(4))
    repeated = hierarchical_bootstrap(
        np.repeat(values, 10), np.repeat(image, 10), np.repeat(seed, 10), np.median, 400, np.random.default_rng(4)
    )
    np.testing.assert_allclose(  # ten times the crops, and not a hair narrower
        [once.low, once.estimate, once.high], [repeated.low, repeated.estimate, repeated.high]
    )


def test_an_image_counts_once_however_many_crops_it_has():
    values, image = np.array([0.0, 0.0, 0.0, 3.0]), np.array([0, 0, 0, 1])
    assert hierarchical_bootstrap(values, image, np.zeros(4), np.mean, 10, np.random.default_rng(5)).estimate == 1.5
    # and a seed counts once within its image
    seed = np.array([7, 7, 8])
    estimate = hierarchical_bootstrap(
        np.array([0.0, 0.0, 3.0]), np.zeros(3), seed, np.mean, 9, np.random.default_rng(6)
    )
    assert estimate.estimate == 1.5


def test_interval_has_the_width_of_the_normal_theory():
    values, image, seed = family(images=60, seeds=1, crops=1)
    interval = hierarchical_bootstrap(values, image, seed, np.mean, 4000, np.random.default_rng(7))
    assert interval.estimate == pytest.approx(values.mean())
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(60), rel=0.06)
    narrow = hierarchical_bootstrap(values, image, seed, np.mean, 4000, np.random.default_rng(7), confidence=0.5)
    assert narrow.high - narrow.low == pytest.approx(2 * 0.6745 * values.std() / np.sqrt(60), rel=0.06)


def test_intervals_cover_the_truth():
    # 24 images of 3 seeds: the 90 % interval of the mean misses 0 in about one of ten repetitions
    hits = 0
    for repetition in range(100):
        values, image, seed = family(images=24, seeds=3, crops=1, seed=repetition)
        interval = hierarchical_bootstrap(values, image, seed, np.mean, 200, np.random.default_rng(repetition), 0.9)
        hits += interval.low <= 0 <= interval.high
    assert 80 <= hits <= 97


def test_order_and_names_of_labels_do_not_matter():
    values, image, seed = family()
    mixed = np.random.default_rng(8).permutation(len(values))
    first = hierarchical_resamples(values, image, seed, np.median, 20, np.random.default_rng(9))
    names = np.array([f"sample{number:02}" for number in image])
    second = hierarchical_resamples(values[mixed], names[mixed], seed[mixed], np.median, 20, np.random.default_rng(9))
    np.testing.assert_allclose(first, second)


def test_p_value_counts_the_rarer_side():
    resamples = np.concatenate([np.full(95, 1.0), np.full(4, -1.0)])
    assert two_sided_p_value(resamples) == pytest.approx(2 * 5 / 100)
    assert two_sided_p_value(-resamples) == pytest.approx(2 * 5 / 100)
    assert two_sided_p_value(np.full(99, 1.0)) == pytest.approx(0.02)  # never 0
    assert two_sided_p_value(np.array([-1.0, 1.0])) == 1.0
    assert two_sided_p_value(np.zeros(9)) == 1.0
    assert two_sided_p_value(np.full(99, 1.0), null=1.0) == 1.0


def test_p_value_of_a_true_null_is_uniform():
    p = []
    for repetition in range(100):
        values, image, seed = family(images=24, seeds=2, crops=1, seed=1000 + repetition)
        drawn = hierarchical_resamples(values, image, seed, np.mean, 100, np.random.default_rng(repetition))
        p.append(two_sided_p_value(drawn))
    assert 0.03 <= np.mean(np.array(p) <= 0.1) <= 0.2
    assert 0.4 <= np.mean(p) <= 0.6


def test_holm_by_hand():
    # sorted .005 .01 .03 .04, times 4 3 2 1 = .02 .03 .06 .04, made rising: .02 .03 .06 .06
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.5, 0.9, 0.4])), [1, 1, 1])
    np.testing.assert_allclose(holm(np.array([0.02, 0.02])), [0.04, 0.04])
    np.testing.assert_allclose(holm(np.array([0.03])), [0.03])


def test_errors_name_argument_and_value():
    rng = np.random.default_rng(11)
    three = np.arange(3.0)
    with pytest.raises(ValueError, match="values must be finite; got 1 NaN"):
        hierarchical_resamples(np.array([0, np.nan]), np.zeros(2), np.zeros(2), np.mean, 5, rng)
    with pytest.raises(ValueError, match=r"image must hold a label for each of the 3 values; got \(2,\)"):
        hierarchical_resamples(three, np.zeros(2), np.zeros(3), np.mean, 5, rng)
    with pytest.raises(ValueError, match=r"seed must hold a label for each of the 3 values; got \(4,\)"):
        hierarchical_bootstrap(three, np.zeros(3), np.zeros(4), np.mean, 5, rng)
    with pytest.raises(ValueError, match="n must be above 0; got 0"):
        hierarchical_bootstrap(three, three, three, np.mean, 0, rng)
    with pytest.raises(ValueError, match="confidence must lie between 0 and 1; got 95"):
        hierarchical_bootstrap(three, three, three, np.mean, 5, rng, confidence=95)
    with pytest.raises(ValueError, match="resamples must be a list of at least one number"):
        two_sided_p_value(np.array([]))
    with pytest.raises(ValueError, match="largest of p_values must lie between 0 and 1; got 1.2"):
        holm(np.array([0.1, 1.2]))
    with pytest.raises(ValueError, match="smallest of p_values must lie between 0 and 1; got -0.1"):
        holm(np.array([-0.1, 0.2]))
    with pytest.raises(ValueError, match="p_values must be finite"):
        holm(np.array([0.1, np.nan]))


def test_the_bootstrap_takes_curves():
    values, image, seed = family()
    curves = np.stack([values, 2 * values], axis=1)
    drawn = [
        hierarchical_resamples(given, image, seed, statistic, 50, np.random.default_rng(9))
        for given, statistic in ((values, np.mean), (curves, lambda v, axis: v.mean(axis=axis)[..., 1] / 2))
    ]
    np.testing.assert_allclose(drawn[0], drawn[1])
    with pytest.raises(ValueError, match="image must hold a label for each of the 240 values"):
        hierarchical_resamples(curves, image[:3], seed, np.mean, 5, np.random.default_rng(9))
