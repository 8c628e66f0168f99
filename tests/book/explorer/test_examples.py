"""What the explorer moves: held-out examples and directions, from a model and back from the file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from pairvae_lib.book.explorer.examples import FILE, Exploration, write_exploration
from pairvae_lib.checks import DataError
from pairvae_lib.data.splits import Split
from pairvae_lib.models.latents import posterior
from pairvae_lib.models.pairvae import PairVAE, fresh_vae

SPLIT = Split(train=(0, 1, 2, 3, 4, 5), held_out=(6, 7, 8, 9, 10, 11))


@pytest.fixture(scope="module")
def profile_pair(small, profile_pairs):
    first, second = (fresh_vae(modality, small, seed) for seed, modality in enumerate(profile_pairs.modalities))
    return PairVAE(first, second).eval()


@pytest.fixture
def explored(fresh_pair, pattern_pairs):
    return Exploration.of(fresh_pair, pattern_pairs, SPLIT, np.random.default_rng(0))


def test_examples_are_held_out_two_of_every_morphology(explored, pattern_pairs):
    assert explored.sample_ids == ("sample 6", "sample 8", "sample 7", "sample 9")
    assert explored.morphologies == ("columns", "columns", "rows", "rows")
    np.testing.assert_allclose(explored.scattering, pattern_pairs.scattering[[6, 8, 7, 9], 0], atol=0.5 / 255)
    assert explored.masks.shape == (4, 32, 32) and explored.masks.dtype == bool


def test_training_samples_come_with_the_crops_that_were_trained_on(fresh_pair, pattern_pairs, tmp_path):
    seen = (np.random.default_rng(1).random((6, 1, 32, 32)) < 0.5).astype(np.float32)
    explored = Exploration.of(fresh_pair, pattern_pairs, SPLIT, np.random.default_rng(0), seen)
    assert explored.sample_ids[4:] == ("sample 0", "sample 1")
    assert explored.trained_on == (False,) * 4 + (True,) * 2
    np.testing.assert_array_equal(explored.masks[4:], seen[:2, 0] > 0.5)
    latents = posterior(fresh_pair.vae("sem"), seen[:2]).latent_mean.flatten(1).numpy()
    np.testing.assert_allclose(explored.centres["sem"][4:], latents, atol=1e-6)
    assert Exploration.load(explored.save(tmp_path / FILE)).trained_on == explored.trained_on
    with pytest.raises(ValueError, match="^seen must have shape"):
        Exploration.of(fresh_pair, pattern_pairs, SPLIT, np.random.default_rng(0), seen[:5])


def test_a_file_from_before_says_of_no_sample_that_it_was_trained_on(explored):
    described = explored._own()[1]
    described.pop("trained_on")
    arrays, _ = explored._own()
    older = {"modalities": [{"name": "saxs"}, {"name": "sem"}], "sample_ids": explored.sample_ids} | described
    assert Exploration._own_fields(older, arrays)["trained_on"] == (False,) * 4


def test_a_centre_is_the_latent_of_what_is_shown(explored, fresh_pair):
    for name, shown in (("saxs", explored.scattering), ("sem", explored.masks.astype(np.float32))):
        latents = posterior(fresh_pair.vae(name), shown[:, np.newaxis]).latent_mean.flatten(1).numpy()
        np.testing.assert_allclose(explored.centres[name], latents, atol=1e-6)


def test_directions_span_the_training_latents_and_variances_are_of_all(explored, fresh_pair, pattern_pairs):
    latents = posterior(fresh_pair.vae("saxs"), pattern_pairs.scattering).latent_mean.flatten(1).numpy()
    np.testing.assert_allclose(explored.variances["saxs"], latents.var(axis=0), rtol=1e-5)
    train = latents[list(SPLIT.train)]
    directions = explored.directions["saxs"]
    assert directions.shape == (5, latents.shape[1])  # six samples lie in five dimensions
    centred = train - train.mean(axis=0)
    np.testing.assert_allclose(directions.T @ directions, centred.T @ centred / len(train), atol=1e-5)


@pytest.mark.parametrize("kind", ["pattern", "profile"])
def test_a_file_gives_back_what_was_written(kind, fresh_pair, pattern_pairs, profile_pair, profile_pairs, tmp_path):
    model, pairs = (fresh_pair, pattern_pairs) if kind == "pattern" else (profile_pair, profile_pairs)
    explored = Exploration.of(model, pairs, SPLIT, np.random.default_rng(0))
    again = Exploration.load(explored.save(tmp_path / "new" / FILE))
    for name in ("sample_ids", "morphologies", "modalities", "latent_shape", "q_unit"):
        assert getattr(again, name) == getattr(explored, name)
    np.testing.assert_array_equal(again.scattering, explored.scattering)
    np.testing.assert_array_equal(again.masks, explored.masks)
    for name in model.names:
        for kind_of in ("centres", "directions", "variances"):
            np.testing.assert_array_equal(getattr(again, kind_of)[name], getattr(explored, kind_of)[name])
    if explored.q is None:
        assert again.q is None
    else:
        np.testing.assert_allclose(again.q, explored.q, rtol=1e-6)


def test_what_a_front_end_loads_is_in_one_folder(fresh_pair, explored, tmp_path):
    folder = write_exploration(tmp_path / "model", fresh_pair, explored)
    assert {file.name for file in folder.iterdir()} == {"saxs_decoder.onnx", "sem_decoder.onnx", FILE}
    torch.testing.assert_close(fresh_pair.vae("saxs").latent_shape, Exploration.load(folder / FILE).latent_shape)


def test_equal_contents_are_equal_files(explored, tmp_path):
    files = [explored.save(tmp_path / str(number)) for number in range(8)]
    assert len({path.read_bytes() for path in files}) == 1


def test_another_or_a_broken_file_is_refused(explored, tmp_path):
    path = tmp_path / FILE
    with pytest.raises(FileNotFoundError, match=f"{FILE} is not there$"):
        Exploration.load(path)
    save_file({"x": np.zeros(3, np.float32)}, path)
    with pytest.raises(DataError, match="no file of the explorer: its format must be 'pairvae exploration 1'"):
        Exploration.load(path)
    path.write_bytes(explored.save(tmp_path / "whole").read_bytes()[:-100])
    with pytest.raises(DataError, match="a broken file of the explorer"):
        Exploration.load(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="a broken file of the explorer"):
        Exploration.load(path)
