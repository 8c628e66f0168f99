"""Ensembles around a latent: exact where the variance vanishes, and the right normal distribution elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pairvae_lib.models import latents as latents_room
from pairvae_lib.models.latents import ensemble, ensemble_results, posterior
from pairvae_lib.morphology.masks import two_point_correlation


@pytest.fixture
def latents(fresh_pair, pattern_pairs):
    return posterior(fresh_pair.vae("saxs"), pattern_pairs.scattering).latent_mean


@pytest.fixture
def variance(latents):
    return torch.linspace(0.5, 2, latents[0].numel()).reshape(latents[0].shape)


def test_parts_make_no_difference(fresh_pair, pattern_pairs, latents, variance, monkeypatch):
    drawn = ensemble(fresh_pair, latents[0], variance, "saxs", 12, np.random.default_rng(0))
    monkeypatch.setattr(latents_room, "PART", 5)
    again = ensemble(fresh_pair, latents[0], variance, "saxs", 12, np.random.default_rng(0))
    np.testing.assert_allclose(again, drawn, rtol=1e-5)


@pytest.mark.parametrize("target", ["saxs", "sem"])
def test_without_variance_an_ensemble_is_the_reconstruction(fresh_pair, pattern_pairs, latents, variance, target):
    with torch.no_grad():
        x = torch.from_numpy(pattern_pairs.scattering[:1])
        reconstruction = fresh_pair.reconstruct(x, "saxs", target)[0, 0].numpy()
    for scale, none in ((1e-30, variance), (1.0, torch.zeros_like(variance))):
        drawn = ensemble(fresh_pair, latents[0], none, target, 3, np.random.default_rng(0), scale)
        assert drawn.shape == (3, 32, 32)
        assert drawn.dtype == (np.bool_ if target == "sem" else np.float32)
        for image in drawn:
            np.testing.assert_allclose(image, reconstruction, rtol=1e-6)


@pytest.mark.parametrize("scale", [0.25, 1.0, 4.0])
def test_latents_are_drawn_from_the_normal_distribution_asked_for(fresh_pair, latents, variance, monkeypatch, scale):
    decoded = []
    vae = fresh_pair.vae("sem")
    decode = vae.decode
    monkeypatch.setattr(vae, "decode", lambda latent: decoded.append(latent) or decode(latent))
    drawn = ensemble(fresh_pair, latents[3], variance, "sem", 5, np.random.default_rng(7), scale)
    noise = torch.from_numpy(np.random.default_rng(7).standard_normal((5, 8, 1, 1), dtype=np.float32))
    torch.testing.assert_close(torch.cat(decoded), latents[3] + scale**0.5 * variance.sqrt() * noise)
    with torch.no_grad():
        np.testing.assert_array_equal(drawn, (decode(torch.cat(decoded)) > 0)[:, 0])


def test_the_generator_decides(fresh_pair, latents, variance):
    rng = np.random.default_rng(1)
    first, second = (ensemble(fresh_pair, latents[0], variance, "saxs", 4, rng) for _ in range(2))
    again = ensemble(fresh_pair, latents[0], variance, "saxs", 4, np.random.default_rng(1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)


def test_the_model_is_left_as_it_was(fresh_pair, latents, variance):
    before = {name: value.clone() for name, value in fresh_pair.state_dict().items()}
    ensemble(fresh_pair, latents[0], variance, "sem", 4, np.random.default_rng(1))
    assert all(torch.equal(value, before[name]) for name, value in fresh_pair.state_dict().items())


def test_errors(fresh_pair, pattern_pairs, latents, variance):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="^n must be above 0; got 0$"):
        ensemble(fresh_pair, latents[0], variance, "sem", 0, rng)
    for scale in (0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=f"^variance_scale must be above 0; got {scale}$"):
            ensemble(fresh_pair, latents[0], variance, "sem", 1, rng, scale)
    with pytest.raises(ValueError, match=r"^variance must have the centre's shape \(8, 1, 1\); got \(1, 1\)$"):
        ensemble(fresh_pair, latents[0], variance[0], "sem", 1, rng)
    with pytest.raises(ValueError, match=r"^latent must have shape \(batch, 8, 1, 1\); got \(1, 8, 1\)$"):
        ensemble(fresh_pair, latents[0, :, 0], variance[:, 0], "sem", 1, rng)
    with pytest.raises(ValueError, match="^modality must be one of saxs, sem; got 'afm'$"):
        ensemble(fresh_pair, latents[0], variance, "afm", 1, rng)


def test_results_of_ensembles_by_hand():
    rng = np.random.default_rng(0)
    true, rebuilt = rng.random((2, 2, 16, 16)) < 0.5
    drawn = {0.25: rng.random((2, 7, 16, 16)) < 0.5, 1.0: np.repeat(rebuilt[:, None], 7, axis=1)}
    found = ensemble_results(["rows", "columns"], true, rebuilt, drawn)
    assert list(found["labels"]) == ["rows", "columns"] and list(found["variances"]) == [0.25, 1.0]
    r, s2 = two_point_correlation(drawn[0.25])
    np.testing.assert_array_equal(found["r"], r)
    np.testing.assert_allclose(found["S2 mean 0.25"], s2.mean(axis=1))
    np.testing.assert_allclose(found["S2 sd 0.25"], s2.std(axis=1))
    expected = [[np.abs(s2[row, k] - found["S2 reconstruction"][row]).mean() for k in range(7)] for row in range(2)]
    np.testing.assert_allclose(found["distance 0.25"], expected)
    np.testing.assert_array_equal(found["distance 1"], np.zeros((2, 7)))  # no variance: the reconstruction itself
    np.testing.assert_allclose(found["S2 mean 1"], found["S2 reconstruction"])
    np.testing.assert_array_equal(found["drawn 0.25"], drawn[0.25][:, :5])
    np.testing.assert_allclose(found["S2 true"], two_point_correlation(true)[1])
