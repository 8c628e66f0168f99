"""The conditional flow: its state, its condition, and what its sampler arrives at."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pairvae_lib.data.modality import Modality
from pairvae_lib.models.flow.config import FlowArchitecture
from pairvae_lib.models.flow.network import PX_PER_STEP, ConditionalFlow, fresh_flow, noised

SMALL = FlowArchitecture(channels=(8, 8, 16), embedded=16, components=3)


@pytest.fixture(params=["pattern_pairs", "profile_pairs"])
def pairs(request):
    """Pairs of either kind of scattering."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def flow(pairs):
    """An untrained flow that knows its condition."""
    fresh = fresh_flow(*pairs.modalities, SMALL, len(pairs), seed=0)
    fresh.regression.learn(pairs.scattering, np.random.default_rng(0).standard_normal((len(pairs), 3)))
    return fresh.eval()


def test_the_state_goes_from_noise_to_the_mask(pattern_pairs):
    mask = torch.tensor([[[[0.0, 1.0]]], [[[1.0, 0.0]]], [[[1.0, 1.0]]]])
    noise = torch.full_like(mask, 0.5)
    state = noised(mask, noise, torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(state[:, 0, 0], torch.tensor([[0.5, 0.5], [0.75, -0.25], [1.0, 1.0]]))


@pytest.mark.parametrize("size", [8, 20, (9, 37)])
def test_masks_of_any_size(flow, pairs, size):
    masks = flow.sample(torch.from_numpy(pairs.scattering[:2]), size, np.random.default_rng(0), steps=2)
    assert masks.dtype == torch.bool
    assert masks.shape == (2, 1, *((size, size) if isinstance(size, int) else size))


def test_the_generator_decides_the_ensemble(flow, pairs):
    torch.nn.init.normal_(flow.net.out.weight)  # a fresh network answers the same to any noise
    scattering = torch.from_numpy(pairs.scattering[[0, 0]])

    def drawn(seed):
        return flow.sample(scattering, 16, np.random.default_rng(seed), steps=3)

    assert drawn(1).equal(drawn(1)) and not drawn(1).equal(drawn(2))
    assert not drawn(1)[0].equal(drawn(1)[1])


@pytest.mark.parametrize("steps", [1, 4, 7])
def test_a_network_that_knows_the_mask_is_followed_to_it(flow, pairs, steps, monkeypatch):
    mask = torch.from_numpy(np.random.default_rng(0).random((2, 1, 16, 16)) < 0.4)
    times = []

    def knows(x, time, condition):
        times.append(float(time[0]))
        return torch.where(mask, 3.0, -3.0)

    monkeypatch.setattr(flow, "forward", knows)
    assert flow.sample(torch.from_numpy(pairs.scattering[:2]), 16, np.random.default_rng(0), steps).equal(mask)
    assert times == pytest.approx(np.arange(steps) / steps)


def test_initial_weights_come_from_the_seed_alone(pattern_pairs):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first, second, other = (fresh_flow(*pattern_pairs.modalities, SMALL, 4, seed) for seed in (3, 3, 4))
    assert torch.random.get_rng_state().equal(before)
    same = [a.equal(b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)]
    assert all(same)
    assert not first.net.into.weight.equal(other.net.into.weight)


def test_the_condition_reaches_the_logits(flow):
    x, time = torch.zeros(2, 1, PX_PER_STEP, PX_PER_STEP), torch.full((2,), 0.3)
    torch.nn.init.normal_(flow.net.out.weight)
    torch.nn.init.normal_(flow.net.up[-1].second.weight)
    logits = flow(x, time, torch.tensor([[0.0, 0, 0], [1.0, -1, 2]]))
    assert (logits[0] - logits[1]).abs().max() > 1e-3


def test_errors_name_what_is_wrong(flow, pairs):
    scattering, micrograph = pairs.modalities
    with pytest.raises(ValueError, match=r"a flow draws masks, so the second .* mask; got .* and sem \(image\)"):
        ConditionalFlow(scattering, Modality("sem", (32, 32), "image"), SMALL, 4)
    known = torch.from_numpy(pairs.scattering[:1])
    with pytest.raises(ValueError, match=r"scattering must have shape \(batch, 1, "):
        flow.sample(known[0], 16, np.random.default_rng(0))
    for size, steps, name in ((0, 2, "height"), ((8, -1), 2, "width"), (8, 0, "steps")):
        with pytest.raises(ValueError, match=f"{name} must be above 0; got"):
            flow.sample(known, size, np.random.default_rng(0), steps)
