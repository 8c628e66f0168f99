from __future__ import annotations

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from pairvae_lib.assessment.baselines import (
    crop_to_crop_floor,
    kernel_ridge,
    nearest_neighbours,
    references,
    retrieved,
    shuffled,
    training_mean,
)
from pairvae_lib.models import kernel_regression
from pairvae_lib.models.kernel_regression import KernelRegression

N = 20
TRAIN = np.arange(0, N, 2)
HELD_OUT = np.arange(1, N, 2)


def smooth_pairs(seed=0, n=N):
    """Features (n, 6, 5) and targets (n, 7) that both follow one hidden number, 0 .. 1 in steps."""
    rng = np.random.default_rng(seed)
    hidden = np.linspace(0, 1, n)
    features = hidden[:, np.newaxis, np.newaxis] * rng.normal(size=(6, 5)) + 0.5
    targets = np.stack([np.sin(2 * hidden + phase) for phase in np.linspace(0, 1, 7)], axis=1)
    return features, targets


def test_nearest_neighbours_on_a_line():
    features, _ = smooth_pairs()
    found = nearest_neighbours(features, TRAIN, [1, 7, 19], k=2)
    assert [set(row) for row in found[:2]] == [{0, 2}, {6, 8}]
    np.testing.assert_array_equal(found[2], [18, 16])


def test_nearest_neighbours_equal_a_brute_force_search():
    features = np.random.default_rng(1).normal(size=(N, 4, 3))
    found = nearest_neighbours(features, TRAIN, HELD_OUT, k=3, components=12)
    flat = features.reshape(N, -1)
    for query, row in zip(HELD_OUT, found, strict=True):
        distance = np.linalg.norm(flat[TRAIN] - flat[query], axis=1)
        # 10 training samples span 9 dimensions: what sticks out of these is the same for all of them
        np.testing.assert_array_equal(row, TRAIN[np.argsort(distance)[:3]])


def test_few_components_leave_out_weak_directions():
    rng = np.random.default_rng(2)
    features = rng.normal(size=(N, 3)) * [10, 5, 0.1]
    found = nearest_neighbours(features, TRAIN, HELD_OUT, components=2)
    plane = features[:, :2]
    nearest = [TRAIN[np.argmin(np.linalg.norm(plane[TRAIN] - plane[query], axis=1))] for query in HELD_OUT]
    np.testing.assert_array_equal(found[:, 0], nearest)


def test_a_training_sample_does_not_retrieve_itself():
    features, targets = smooth_pairs()
    found = nearest_neighbours(features, TRAIN, TRAIN, k=9)
    for sample, row in zip(TRAIN, found, strict=True):
        assert set(row) == set(TRAIN) - {sample}
    # even where another sample has the very same features
    features[4] = features[2]
    np.testing.assert_array_equal(nearest_neighbours(features, TRAIN, [2, 4]), [[4], [2]])


def test_retrieved_is_the_mean_over_the_neighbours():
    features, targets = smooth_pairs()
    np.testing.assert_array_equal(retrieved(features, targets, TRAIN, [19])[0], targets[18])
    np.testing.assert_allclose(retrieved(features, targets, TRAIN, [7], k=2)[0], (targets[6] + targets[8]) / 2)


def test_training_mean_leaves_the_query_out():
    _, targets = smooth_pairs()
    mean = training_mean(targets, TRAIN, [1, 4])
    np.testing.assert_allclose(mean[0], targets[TRAIN].mean(axis=0))
    np.testing.assert_allclose(mean[1], targets[[0, 2, 6, 8, 10, 12, 14, 16, 18]].mean(axis=0))


def test_shuffled_pairs_come_from_other_training_samples_and_from_the_generator():
    targets = np.arange(N, dtype=float)[:, np.newaxis]
    query = np.repeat([1, 4], 300)
    drawn = shuffled(targets, TRAIN, query, np.random.default_rng(3))[:, 0]
    assert set(drawn[query == 1]) == set(TRAIN)
    assert set(drawn[query == 4]) == set(TRAIN) - {4}
    np.testing.assert_array_equal(drawn, shuffled(targets, TRAIN, query, np.random.default_rng(3))[:, 0])


def test_kernel_ridge_follows_a_smooth_relation():
    features, targets = smooth_pairs()
    for query in (HELD_OUT[:-1], TRAIN[1:-1]):
        error = np.abs(kernel_ridge(features, targets, TRAIN, query) - targets[query]).mean()
        assert error < 0.02 < np.abs(retrieved(features, targets, TRAIN, query) - targets[query]).mean()


def test_kernel_ridge_falls_back_on_the_mean_without_a_relation():
    rng = np.random.default_rng(4)
    features, targets = rng.normal(size=(60, 8)), rng.normal(size=(60, 200))
    train, query = np.arange(40), np.arange(40, 60)
    error = np.square(kernel_ridge(features, targets, train, query) - targets[query]).mean()
    assert error < 1.1 * np.square(training_mean(targets, train, query) - targets[query]).mean()


def test_kernel_ridge_shifts_with_the_targets():
    features, targets = smooth_pairs()
    first = kernel_ridge(features, targets, TRAIN, HELD_OUT)
    np.testing.assert_allclose(kernel_ridge(features, targets + 5, TRAIN, HELD_OUT), first + 5, atol=2e-3)


def test_kernel_ridge_on_training_samples_equals_refitting_without_them(monkeypatch):
    features = np.random.default_rng(5).normal(size=(N, 3, 2))
    targets = np.stack([features.sum(axis=(1, 2)), np.sin(features[:, 0, 0])], axis=1)
    monkeypatch.setattr(kernel_regression, "KERNEL_WIDTHS", (1.5,))
    monkeypatch.setattr(kernel_regression, "NOISE_LEVELS", (0.1,))
    # the kernel's scale comes from all training samples: the same one for the refit
    monkeypatch.setattr(kernel_regression, "pdist", lambda x, metric: np.array([6.0]))
    left_out = kernel_ridge(features, targets, TRAIN, TRAIN)
    refitted = [kernel_ridge(features, targets, TRAIN[TRAIN != sample], [sample])[0] for sample in TRAIN]
    np.testing.assert_allclose(left_out, refitted, rtol=0, atol=1e-8)


def test_the_regression_is_the_mean_of_a_gaussian_process_with_a_free_mean(monkeypatch):
    features, targets = smooth_pairs()
    flat = features.reshape(N, -1)
    monkeypatch.setattr(kernel_regression, "NOISE_LEVELS", (0.01,))
    fitted = KernelRegression(flat[TRAIN], targets[TRAIN])
    kernel = ConstantKernel(kernel_regression.MEAN_VARIANCE) + RBF(fitted.width)
    process = GaussianProcessRegressor(kernel, alpha=0.01, optimizer=None).fit(flat[TRAIN], targets[TRAIN])
    np.testing.assert_allclose(fitted.predict(flat[HELD_OUT]), process.predict(flat[HELD_OUT]), atol=1e-8)
    np.testing.assert_allclose(kernel_ridge(features, targets, TRAIN, HELD_OUT), fitted.predict(flat[HELD_OUT]))


def test_kernel_ridge_picks_the_least_left_out_error(monkeypatch):
    features, targets = smooth_pairs()
    targets = targets + np.random.default_rng(6).normal(0, 0.1, targets.shape)
    chosen = np.square(kernel_ridge(features, targets, TRAIN, TRAIN) - targets[TRAIN]).sum()
    errors = []
    for width in kernel_regression.KERNEL_WIDTHS:
        for noise in kernel_regression.NOISE_LEVELS:
            with monkeypatch.context() as patch:
                patch.setattr(kernel_regression, "KERNEL_WIDTHS", (width,))
                patch.setattr(kernel_regression, "NOISE_LEVELS", (noise,))
                errors.append(np.square(kernel_ridge(features, targets, TRAIN, TRAIN) - targets[TRAIN]).sum())
    assert chosen == pytest.approx(min(errors)) and min(errors) < max(errors)


def test_references_hold_every_baseline_and_keep_shapes_and_inputs():
    features, targets = smooth_pairs()
    images = targets[:, :, np.newaxis] * np.ones(4)
    before = features.copy(), images.copy()
    found = references(features, images, tuple(TRAIN), tuple(range(N)), np.random.default_rng(7))
    assert list(found) == [
        "nearest neighbour", "three nearest neighbours", "kernel ridge", "training mean", "shuffled pairs",
    ]  # fmt: skip
    assert all(prediction.shape == (N, 7, 4) for prediction in found.values())
    np.testing.assert_array_equal(features, before[0])
    np.testing.assert_array_equal(images, before[1])
    error = {name: np.abs(prediction - images).mean() for name, prediction in found.items()}
    assert error["kernel ridge"] < error["nearest neighbour"] < error["training mean"] < error["shuffled pairs"]


def test_floor_is_the_mean_over_all_pairs_of_crops():
    curves = np.array([[[0.0, 0.0], [1.0, 1.0], [3.0, 5.0]], [[2.0, 2.0]] * 3])
    np.testing.assert_allclose(crop_to_crop_floor(curves), [np.mean([1, 4, 3]), 0])


def test_floor_of_averages_compares_groups_of_crops():
    curves = np.array([[[0.0], [2.0], [3.0], [5.0], [99.0]]])
    np.testing.assert_allclose(crop_to_crop_floor(curves, averaged=2), [3.0])  # means 1 and 4; the fifth is left over


def test_errors_name_argument_and_value():
    features, targets = smooth_pairs()
    with pytest.raises(ValueError, match="k must lie between 1 and 10; got 11"):
        nearest_neighbours(features, TRAIN, HELD_OUT, k=11)
    with pytest.raises(ValueError, match="k must lie between 1 and 9; got 10"):
        nearest_neighbours(features, TRAIN, TRAIN, k=10)
    with pytest.raises(ValueError, match="components must be above 0; got 0"):
        nearest_neighbours(features, TRAIN, HELD_OUT, components=0)
    with pytest.raises(ValueError, match=r"train must be sample indices from 0 to 19; got \[20\]"):
        training_mean(targets, [20], HELD_OUT)
    with pytest.raises(ValueError, match=r"query must be sample indices from 0 to 19; got \[-1\]"):
        training_mean(targets, TRAIN, [-1])
    with pytest.raises(ValueError, match=r"query must be sample indices from 0 to 19; got \[0.5\]"):
        retrieved(features, targets, TRAIN, [0.5])
    with pytest.raises(ValueError, match=r"query must be sample indices from 0 to 19; got \[\]"):
        kernel_ridge(features, targets, TRAIN, [])
    with pytest.raises(ValueError, match=r"train must name every sample once; got \[1, 1, 2\]"):
        kernel_ridge(features, targets, [1, 1, 2], HELD_OUT)
    with pytest.raises(ValueError, match="train must hold a sample other than the query sample 3; got none"):
        shuffled(targets, [3], [3], np.random.default_rng(0))
    with pytest.raises(ValueError, match="targets must hold one entry for each of 20 samples, as features; got 19"):
        retrieved(features, targets[:-1], TRAIN, HELD_OUT)
    with pytest.raises(ValueError, match="features must be finite; got 30 NaN"):
        kernel_ridge(np.where(features == features[3], np.nan, features), targets, TRAIN, HELD_OUT)
    with pytest.raises(ValueError, match="targets must be finite"):
        training_mean(targets * np.nan, TRAIN, HELD_OUT)
    with pytest.raises(ValueError, match="training samples must be at least 3; got 2"):
        kernel_ridge(features, targets, [0, 1], HELD_OUT)
    with pytest.raises(ValueError, match="features of the training samples must differ; got equal ones only"):
        kernel_ridge(np.ones_like(features), targets, TRAIN, HELD_OUT)
    with pytest.raises(ValueError, match=r"statistics must have shape \(n, crops, ...\); got \(3,\)"):
        crop_to_crop_floor(np.zeros(3))
    with pytest.raises(ValueError, match="averaged must lie between 1 and 2; got 3"):
        crop_to_crop_floor(np.zeros((3, 5, 7)), averaged=3)
    with pytest.raises(ValueError, match="statistics must be finite"):
        crop_to_crop_floor(np.full((3, 5, 7), np.inf))
