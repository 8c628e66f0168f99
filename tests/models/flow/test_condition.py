"""What the flow is told: components of the statistics, and the regression that reads them off the scattering."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pairvae_lib.assessment.baselines import kernel_ridge
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.pairs import Measurements
from pairvae_lib.models.flow.condition import (
    LOOKS,
    MISSED,
    StatisticsRegression,
    conditioning,
    micrograph_features,
    morphology_components,
    scattering_features,
)
from pairvae_lib.models.flow.config import FlowTraining

PATTERN, PROFILE = Modality("saxs", (32, 32), "pattern"), Modality("gisaxs", (32,), "profile")
SAMPLES = 30


def masks_of(fractions, crops=6, size=16):
    """Crops of noise, the n-th with the n-th phase fraction."""
    rng = np.random.default_rng(0)
    return rng.random((len(fractions), crops, size, size)) < np.reshape(fractions, (-1, 1, 1, 1))


def related(modality, seed=0):
    """Scattering and targets that are smooth functions of it."""
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((SAMPLES, 2))
    ramp = np.linspace(0, 1, int(np.prod(modality.shape)))
    signal = 0.5 + 0.1 * (hidden[:, :1] * ramp + hidden[:, 1:] * ramp[::-1])
    scattering = np.clip(signal, 0, 1).astype(np.float32).reshape(SAMPLES, 1, *modality.shape)
    return scattering, np.stack([hidden[:, 0], hidden.sum(axis=1), rng.standard_normal(SAMPLES)], axis=1)


def test_components_are_whitened_and_the_first_follows_what_varies():
    fractions = np.linspace(0.2, 0.7, 12)
    components = morphology_components(masks_of(fractions), 3)
    assert components.shape == (12, 3)
    np.testing.assert_allclose(components.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(components.T @ components / 12, np.eye(3), atol=1e-9)
    assert abs(np.corrcoef(components[:, 0], fractions)[0, 1]) > 0.95


def test_equal_morphologies_have_no_components():
    masks = np.repeat(masks_of([0.4]), 5, axis=0)
    np.testing.assert_array_equal(morphology_components(masks, 2), 0)


def test_few_samples_have_few_components():
    components = morphology_components(masks_of([0.3, 0.4, 0.6]), 5)
    np.testing.assert_allclose(components[:, :2].T @ components[:, :2] / 3, np.eye(2), atol=1e-9)
    np.testing.assert_array_equal(components[:, 2:], 0)


def test_features_are_roots_of_means_of_a_pattern_and_a_profile_itself():
    pattern = torch.arange(16.0).reshape(1, 1, 4, 4)
    expected = torch.tensor([[2.5, 4.5, 10.5, 12.5]], dtype=torch.float64).sqrt()
    torch.testing.assert_close(scattering_features(pattern), expected)
    torch.testing.assert_close(scattering_features(pattern.reshape(1, 1, 16)), pattern.double().reshape(1, 16))


@pytest.mark.parametrize("modality", [PATTERN, PROFILE])
def test_answers_are_those_of_the_kernel_ridge_in_other_units(modality):
    scattering, targets = related(modality)
    train = np.arange(20)
    regression = StatisticsRegression(modality, len(train), 3)
    scaled = regression.learn(scattering[train], targets[train]).numpy()
    answers = regression(torch.from_numpy(scattering)).numpy()
    features = scattering_features(torch.from_numpy(scattering)).numpy()
    units = (scaled / targets[train]).mean(axis=0)
    np.testing.assert_allclose(scaled, units * targets[train], rtol=1e-5)
    for place in range(3):
        expected = kernel_ridge(features, targets[:, [place]], train, range(SAMPLES))[:, 0]
        np.testing.assert_allclose(answers[20:, place], units[place] * expected[20:], atol=1e-3)
        missed = units[place] * (targets[train, place] - expected[train])  # there, each is left out
        if place == 2:  # of noise nothing can be told
            assert np.sqrt(np.square(missed).mean()) == pytest.approx(MISSED, rel=1e-4)
        else:
            assert np.sqrt(np.square(missed).mean()) <= MISSED * 1.0001


def test_training_blurs_by_as_much_as_the_regression_misses():
    assert FlowTraining().condition_noise == MISSED


def test_what_cannot_be_told_stays_near_the_mean():
    scattering, targets = related(PATTERN)
    regression = StatisticsRegression(PATTERN, SAMPLES, 3)
    scaled = regression.learn(scattering, targets)
    answers = regression(torch.from_numpy(related(PATTERN, seed=1)[0]))
    assert answers[:, 2].std() < 0.5 * scaled[:, 2].std() and answers[:, 0].std() > 0.7 * scaled[:, 0].std()


def stripes(periods, size=32, seed=0):
    """Grey images of 80 x 90 px, the n-th with stripes of the n-th period [px] along the columns, and with noise."""
    rng = np.random.default_rng(seed)
    waves = (np.sin(2 * np.pi * (np.arange(80)[:, None] / period + rng.random())) for period in periods)
    images = [120 + 50 * wave + 15 * rng.standard_normal((80, 90)) for wave in waves]
    return Measurements(Modality("optical", (size, size), "image"), tuple(image.astype(np.uint8) for image in images))


def test_features_of_a_micrograph_do_not_know_where_it_was_cropped():
    crops = torch.rand(2, 3, 32, 64, generator=torch.Generator().manual_seed(0))
    features = micrograph_features(crops)
    assert features.shape == (2, 16 * 16)
    torch.testing.assert_close(micrograph_features(crops.roll((5, 11), (2, 3))), features)
    torch.testing.assert_close(micrograph_features(crops.flip(2, 3)), features)  # one half of the plane tells the other
    torch.testing.assert_close(micrograph_features(crops[:, [2, 0, 1]] + 0.1), features)
    assert (micrograph_features(crops.flip(2)) - features).abs().max() > 0.1


def test_a_condition_is_read_off_several_crops_of_a_micrograph(pattern_pairs):
    patterns, masks = pattern_pairs.measured
    seen = conditioning(masks, (3, 0), np.random.default_rng(0))
    assert seen.shape == (2, LOOKS, 32, 32) and len({crop.tobytes() for crop in seen[0]}) > 1
    known = {(row, col) for row in range(masks.values[3].shape[0] - 31) for col in range(masks.values[3].shape[1] - 31)}
    assert any((masks.values[3][row : row + 32, col : col + 32] == seen[0, 0]).all() for row, col in known)
    np.testing.assert_array_equal(
        conditioning(patterns, (3, 0), np.random.default_rng(0)), pattern_pairs.scattering[[3, 0]]
    )


def test_the_period_of_stripes_is_read_off_images():
    periods = np.linspace(5, 10, 21)
    images, unknown = stripes(periods), stripes([7.1, 8.3], seed=1)
    rng = np.random.default_rng(0)
    regression = StatisticsRegression(images.modality, len(periods), 1)
    targets = (periods - periods.mean())[:, np.newaxis]
    unit = regression.learn(conditioning(images, range(len(periods)), rng), targets).numpy()[0, 0] / targets[0, 0]
    answers = regression(torch.from_numpy(conditioning(unknown, range(2), rng))).numpy()[:, 0]
    np.testing.assert_allclose(answers / unit + periods.mean(), [7.1, 8.3], atol=0.3)


def test_errors_name_what_is_wrong():
    scattering, targets = related(PATTERN)
    regression = StatisticsRegression(PATTERN, SAMPLES, 3)
    with pytest.raises(ValueError, match="masks must be"):
        morphology_components(masks_of([0.3, 0.4]).astype(float), 1)
    with pytest.raises(ValueError, match=r"scattering must have shape \(30, 1, 32, 32\)"):
        regression.learn(scattering[:, 0], targets)
    with pytest.raises(ValueError, match=r"targets must have shape \(30, 3\)"):
        regression.learn(scattering, targets[:, :2])
    with pytest.raises(ValueError, match="scattering must be finite; got 1 NaN"):
        broken = scattering.copy()
        broken.flat[0] = np.nan
        regression.learn(broken, targets)
    with pytest.raises(ValueError, match="features of the training samples must differ; got equal ones only"):
        regression.learn(np.repeat(scattering[:1], SAMPLES, axis=0), targets)
    with pytest.raises(ValueError, match="training samples must be at least 3; got 2"):
        StatisticsRegression(PATTERN, 2, 1).learn(scattering[:2], targets[:2, :1])
    with pytest.raises(ValueError, match=r"scattering must have shape \(batch, 1, 32, 32\)"):
        regression(torch.from_numpy(scattering[0]))
