"""Ways from scattering to micrographs: the same from outside, each what it says it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pairvae_lib.assessment.ensembles import (
    decoded_ensembles,
    flow_ensembles,
    nearest_ensembles,
    random_ensembles,
    true_ensembles,
)
from pairvae_lib.models.flow.config import FlowArchitecture
from pairvae_lib.models.flow.network import fresh_flow
from pairvae_lib.models.latents import posterior

TRAIN, HELD_OUT = (0, 1, 2, 3, 4, 5, 6, 7), [8, 9, 10, 11]


@pytest.fixture
def flow(pattern_pairs):
    """A flow whose last layer is not zero, so that its noise and its condition matter."""
    architecture = FlowArchitecture((8, 8, 16), embedded=16, components=2)
    flow = fresh_flow(*pattern_pairs.modalities, architecture, len(TRAIN), 1).eval()
    torch.manual_seed(1)
    for block in (*flow.net.down, *flow.net.up, flow.net.middle):
        torch.nn.init.normal_(block.second.weight, std=0.2)
    torch.nn.init.normal_(flow.net.out.weight, std=0.2)
    targets = np.random.default_rng(1).standard_normal((len(TRAIN), 2))
    flow.regression.learn(pattern_pairs.scattering[list(TRAIN)], targets)
    return flow


@pytest.fixture(params=["decoded", "flow", "nearest", "random"])
def way(request, fresh_pair, flow, pattern_pairs):
    if request.param == "flow":
        return flow_ensembles(flow, 1, steps=2)
    if request.param == "decoded":
        return decoded_ensembles(fresh_pair, pattern_pairs, TRAIN, 1)
    return {"nearest": nearest_ensembles, "random": random_ensembles}[request.param](pattern_pairs, TRAIN, 1)


def test_every_way_draws_masks_for_every_pattern_and_the_same_ones_again(way, pattern_pairs):
    scattering = pattern_pairs.scattering[HELD_OUT]
    masks = way(scattering, 3)
    assert masks.shape == (4, 3, 32, 32) and masks.dtype == np.bool_
    np.testing.assert_array_equal(way(scattering, 3), masks)
    assert way(scattering[:1], 5).shape == (1, 5, 32, 32)


def test_no_members_are_refused(way, pattern_pairs):
    with pytest.raises(ValueError, match="^n must be above 0; got 0$"):
        way(pattern_pairs.scattering[HELD_OUT], 0)


def test_a_single_draw_is_the_reconstruction(fresh_pair, pattern_pairs):
    scattering = pattern_pairs.scattering[HELD_OUT]
    with torch.inference_mode():
        expected = fresh_pair.reconstruct(torch.from_numpy(scattering), "saxs", "sem").numpy()
    masks = decoded_ensembles(fresh_pair, pattern_pairs, TRAIN, 1)(scattering, 1)
    np.testing.assert_array_equal(masks, expected)


def test_latents_are_drawn_around_the_pattern_s_with_the_variance_of_the_training_set(
    fresh_pair, pattern_pairs, monkeypatch
):
    """With a decoder that shows the sign of a latent, the share of True is known."""
    sem = fresh_pair.vae("sem")
    monkeypatch.setattr(sem, "decode", lambda latent: latent[:, :1])
    monkeypatch.setattr(sem, "mode", lambda decoded: decoded > 0)
    scattering = pattern_pairs.scattering[HELD_OUT[:1]]
    masks = decoded_ensembles(fresh_pair, pattern_pairs, TRAIN, 1)(scattering, 4000)
    latents = posterior(fresh_pair.vae("saxs"), pattern_pairs.scattering).latent_mean[:, 0]
    centre, deviation = latents[HELD_OUT[0]], latents[list(TRAIN)].std(dim=0, correction=0)
    expected = torch.distributions.Normal(0, 1).cdf(centre / deviation).numpy()
    np.testing.assert_allclose(masks[0].mean(axis=0), expected, atol=0.03)


def test_masks_of_a_flow_differ_by_noise_pattern_and_steps(flow, pattern_pairs):
    scattering = pattern_pairs.scattering[HELD_OUT]
    masks = flow_ensembles(flow, 1, steps=2)(scattering, 3)
    assert (masks[:, 0] != masks[:, 1]).any(axis=(1, 2)).all()
    others = pattern_pairs.scattering[HELD_OUT[::-1]]
    assert (flow_ensembles(flow, 1, steps=2)(others, 3) != masks).any()
    assert (flow_ensembles(flow, 1, steps=4)(scattering, 3) != masks).any()
    assert (flow_ensembles(flow, 2, steps=2)(scattering, 3) != masks).any()


def test_a_flow_needs_a_step(flow):
    with pytest.raises(ValueError, match="^steps must be above 0; got 0$"):
        flow_ensembles(flow, 1, steps=0)


def test_the_nearest_sample_is_the_one_with_the_same_peak(pattern_pairs):
    """Samples i and i + 10 have lines of the same period and direction, hence the same scattering."""
    masks = nearest_ensembles(pattern_pairs, TRAIN, 1)(pattern_pairs.scattering[[10, 11]], 2)
    for found, own in zip(masks, (0, 1), strict=True):
        crop = pattern_pairs.masks[own]
        for mask in found:
            windows = [crop[row : row + 32, col : col + 32] for row in range(9) for col in range(13)]
            assert any((mask == window).all() for window in windows)


def test_random_ensembles_know_nothing_of_the_pattern(pattern_pairs):
    draw = random_ensembles(pattern_pairs, TRAIN, 1)
    first, second = pattern_pairs.scattering[[8, 9]], pattern_pairs.scattering[[10, 11]]
    np.testing.assert_array_equal(draw(first, 4), draw(second, 4))


def test_scattering_of_another_kind_is_refused_by_the_lookup(pattern_pairs):
    with pytest.raises(ValueError, match=r"^scattering must have shape \(samples, 1, 32, 32\); got \(2, 1, 16, 16\)$"):
        nearest_ensembles(pattern_pairs, TRAIN, 1)(np.zeros((2, 1, 16, 16), np.float32), 1)


def test_true_crops_are_the_sample_s_own_and_follow_the_seed(pattern_pairs):
    masks = true_ensembles(pattern_pairs, [3, 4], 6, 1)
    assert masks.shape == (2, 6, 32, 32)
    assert (masks[0] == masks[0, :, :, :1]).all()  # lines along the rows
    assert (masks[1] == masks[1, :, :1]).all()  # lines along the columns
    assert (true_ensembles(pattern_pairs, [3, 4], 6, 2) != masks).any()
