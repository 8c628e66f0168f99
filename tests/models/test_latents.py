"""Latents whose clusters, width and dimension are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pairvae_lib.models import latents as room
from pairvae_lib.models.latents import (
    correlation_spread,
    latent_statistics,
    latents_of,
    posterior,
    principal_components,
    principal_directions,
)


def test_a_posterior_in_parts_is_that_of_the_encoder(fresh_pair, pattern_pairs, monkeypatch):
    vae = fresh_pair.vae("saxs")
    with torch.no_grad():
        expected = vae.encode(torch.from_numpy(pattern_pairs.scattering))
    monkeypatch.setattr(room, "PART", 5)
    found = posterior(vae, pattern_pairs.scattering)
    torch.testing.assert_close(found.latent_mean, expected.latent_mean)
    torch.testing.assert_close(found.latent_scale, expected.latent_scale)
    with pytest.raises(ValueError, match=r"^saxs measurements must have shape \(batch, 1, 32, 32\); got"):
        posterior(vae, pattern_pairs.scattering[:, :, ::2])


def test_latents_before_and_after(fresh_pair, pattern_pairs):
    crops = pattern_pairs.crops(range(12), 32, np.random.default_rng(0))
    solo = {name: fresh_pair.vae(name) for name in fresh_pair.names}
    found = latents_of(solo, fresh_pair, {"saxs": pattern_pairs.scattering, "sem": crops})
    assert list(found) == ["solo saxs", "solo sem", "pair saxs", "pair sem"]
    assert all(values.shape == (12, 8) for values in found.values())
    np.testing.assert_array_equal(found["solo sem"], found["pair sem"])  # the same encoders here


def test_components_of_a_line_and_of_a_plane():
    rng = np.random.default_rng(0)
    along = rng.normal(size=(30, 1)) * 5
    found = principal_components(along * np.array([[0.6, 0.8, 0]]) + 7)
    centred = (along - along.mean())[:, 0]
    np.testing.assert_allclose(np.abs(found[:, 0]), np.abs(centred))
    np.testing.assert_allclose(found[:, 1], 0, atol=1e-9)
    turned = principal_components(-(along * np.array([[0.6, 0.8, 0]])))
    np.testing.assert_allclose(np.abs(turned[:, 0]), np.abs(centred))
    assert turned[np.abs(turned[:, 0]).argmax(), 0] > 0 and found[np.abs(found[:, 0]).argmax(), 0] > 0


def test_a_step_along_a_direction_is_one_standard_deviation_of_the_component():
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(30, 4)) * [5, 1, 3, 0.1] + 7
    directions = principal_directions(latents, 3)
    coordinates = principal_components(latents, 3)
    sizes = np.linalg.norm(directions, axis=1)
    np.testing.assert_allclose(sizes, coordinates.std(axis=0))
    np.testing.assert_allclose((latents - latents.mean(axis=0)) @ (directions / sizes[:, None]).T, coordinates)
    with pytest.raises(ValueError, match=r"^components must lie between 1 and 4 for latents of \(30, 4\); got 5$"):
        principal_directions(latents, 5)
    with pytest.raises(ValueError, match="between 1 and 2"):
        principal_directions(latents[:3], 3)


def test_clusters_without_width_and_a_cloud_without_clusters():
    labels = ["a", "b"] * 50
    points = np.where(np.array(labels)[:, None] == "a", [1.0, 0, 0], [-1.0, 0, 0])
    found = latent_statistics(points, labels)
    assert found == pytest.approx({"between_classes": 1, "effective_dimension": 1, "spread": 1 / 3**0.5})
    cloud = np.random.default_rng(0).normal(size=(4000, 3)) * 2
    found = latent_statistics(cloud, ["a", "b"] * 2000)
    assert found["between_classes"] < 0.01
    assert found["effective_dimension"] == pytest.approx(3, abs=0.05)
    assert found["spread"] == pytest.approx(2, abs=0.05)


def test_a_certain_posterior_has_no_spread(fresh_pair, pattern_pairs, monkeypatch):
    x = pattern_pairs.scattering
    spread = correlation_spread(fresh_pair, x, "saxs", "sem", 4, np.random.default_rng(0))
    assert spread.shape == (12,) and (spread >= 0).all()
    again = correlation_spread(fresh_pair, x, "saxs", "sem", 4, np.random.default_rng(0))
    np.testing.assert_array_equal(spread, again)
    certain = posterior(fresh_pair.vae("saxs"), x)
    certain.latent_scale.zero_()
    monkeypatch.setattr(room, "posterior", lambda vae, x: certain)
    none = correlation_spread(fresh_pair, x, "saxs", "sem", 4, np.random.default_rng(0))
    np.testing.assert_allclose(none, 0, atol=1e-12)


def test_errors():
    with pytest.raises(ValueError, match="^labels must be 3 as the latents; got 2$"):
        latent_statistics(np.eye(3), ["a", "b"])
    with pytest.raises(ValueError, match="latents must be finite"):
        principal_components(np.full((3, 2), np.nan))
