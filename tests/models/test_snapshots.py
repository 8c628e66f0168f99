"""Looks at a training: which samples, what is seen, and that the training does not notice."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from pairvae_lib.models.loop import snapshot_epochs, state_digest
from pairvae_lib.models.pairvae import PairVAE, fresh_vae
from pairvae_lib.models.snapshots import looking, pictures, watched_pairs
from pairvae_lib.models.training import focused_crops, train_pair, train_solo

SEED = 43
TRAIN = (7, 2, 10, 0, 5, 9, 3, 8)


@pytest.fixture
def watched(pattern_pairs, small):
    return watched_pairs(pattern_pairs, TRAIN, small.pair, SEED)


def test_one_sample_of_each_morphology_is_watched_on_either_side(pattern_pairs, small, watched):
    names = sorted(set(pattern_pairs.morphologies))[:3]
    assert [pattern_pairs.morphologies[i] for i in watched.trained_on] == names
    assert set(watched.trained_on) <= set(TRAIN)
    assert watched.held_out and not set(watched.held_out) & set(TRAIN)
    samples = (*watched.trained_on, *watched.held_out)
    np.testing.assert_array_equal(watched.measurements["saxs"], pattern_pairs.scattering[list(samples)])
    np.testing.assert_array_equal(
        watched.measurements["sem"], focused_crops(pattern_pairs, samples, small.pair, SEED)
    )


def test_a_look_shows_what_the_model_reconstructs(pattern_pairs, small, watched):
    vae = fresh_vae(pattern_pairs.modalities[0], small, SEED)
    vae.eval()
    seen = looking(vae, {"saxs_to_saxs": (vae, vae)}, watched.measurements)()
    expected = vae.reconstruct(torch.from_numpy(watched.measurements["saxs"])).detach()[:, 0]
    assert seen["saxs_to_saxs"].dtype == torch.uint8
    np.testing.assert_allclose(pictures(seen)["saxs_to_saxs"], expected, atol=0.5 / 255 + 1e-6)


def test_a_mask_stays_a_mask():
    shown = pictures({"a": torch.zeros(1, 2, 2, dtype=torch.bool), "b": torch.zeros(1, 2, 2, dtype=torch.uint8)})
    assert shown["a"].dtype == np.bool_ and shown["b"].dtype == np.float32


@pytest.mark.parametrize("modality", [0, 1])
@pytest.mark.parametrize("profile", ["small", "small_barlow"])
def test_solo_training_does_not_notice_that_it_is_looked_at(pattern_pairs, watched, modality, profile, request):
    profile = request.getfixturevalue(profile)
    unseen, seen = (fresh_vae(pattern_pairs.modalities[modality], profile, SEED) for _ in range(2))
    name = seen.modality.name
    look = looking(seen, {"route": (seen, seen)}, watched.measurements)
    torch.manual_seed(5)
    expected = train_solo(unseen, pattern_pairs, TRAIN, profile.solo, SEED)
    history = train_solo(seen, pattern_pairs, TRAIN, profile.solo, SEED, snapshot=look)
    assert history.losses == expected.losses
    assert state_digest(seen) == state_digest(unseen)
    assert tuple(history.snapshots) == snapshot_epochs(history.epochs)
    assert len(history.snapshots[0]["route"]) == len(watched.measurements[name])


def test_pair_training_does_not_notice_that_it_is_looked_at(pattern_pairs, small, watched):
    vaes = [fresh_vae(modality, small, SEED + i) for i, modality in enumerate(pattern_pairs.modalities)]
    unseen, seen = PairVAE(*copy.deepcopy(vaes)), PairVAE(*vaes)
    routes = {f"{a}_to_{b}": (seen.vae(a), seen.vae(b)) for a, b in seen.routes}
    look = looking(seen, routes, watched.measurements)
    expected = train_pair(unseen, pattern_pairs, TRAIN, small.pair, SEED)
    history = train_pair(seen, pattern_pairs, TRAIN, small.pair, SEED, snapshot=look)
    assert history.losses == expected.losses
    assert state_digest(seen) == state_digest(unseen)
    assert tuple(history.snapshots) == snapshot_epochs(history.epochs)
    assert {name: seen.dtype for name, seen in history.snapshots[0].items()} == {
        "saxs_to_saxs": torch.uint8, "saxs_to_sem": torch.bool, "sem_to_saxs": torch.uint8, "sem_to_sem": torch.bool,
    }
