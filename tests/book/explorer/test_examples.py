"""What the explorer moves: held-out examples and directions, from a model and back from the file."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from lab import fresh_model, pairs_of_kinds
from safetensors.numpy import save_file

from pairvae_lib.book.explorer.examples import FILE, Exploration, write_exploration
from pairvae_lib.checks import DataError
from pairvae_lib.claims.published import EXAMPLE_PROFILE, published_root
from pairvae_lib.data.modality import Axis, Modality
from pairvae_lib.data.pairs import as_seen
from pairvae_lib.data.splits import Split
from pairvae_lib.models.latents import decoded, posterior
from pairvae_lib.models.training import focused

SPLIT = Split(train=(0, 1, 2, 3, 4, 5), held_out=(6, 7, 8, 9, 10, 11))
PAIRS = [
    ("profile", "profile"), ("image", "profile"), ("mask", "pattern"), ("pattern", "mask"), ("profile", "mask"),
    ("image", "image"), ("mask", "mask"),
]


def explored_of(pairs, small, **given):
    model = fresh_model(pairs, small)
    return model, Exploration.of(model, pairs, SPLIT, np.random.default_rng(0), **given)


@pytest.fixture
def explored(fresh_pair, pattern_pairs):
    return Exploration.of(fresh_pair, pattern_pairs, SPLIT, np.random.default_rng(0))


def test_examples_are_held_out_two_of_every_morphology(explored, pattern_pairs):
    assert explored.sample_ids == ("sample 6", "sample 8", "sample 7", "sample 9")
    assert explored.morphologies == ("columns", "columns", "rows", "rows")
    np.testing.assert_allclose(
        as_seen(explored.measured["saxs"]), pattern_pairs.scattering[[6, 8, 7, 9], 0], atol=0.5 / 255
    )
    assert explored.measured["sem"].shape == (4, 32, 32) and explored.measured["sem"].dtype == bool


def test_of_a_single_morphology_there_are_four(fresh_pair, pattern_pairs):
    alike = replace(pattern_pairs, morphologies=("unlabelled",) * 12)
    explored = Exploration.of(fresh_pair, alike, SPLIT, np.random.default_rng(0))
    assert explored.sample_ids == ("sample 6", "sample 7", "sample 8", "sample 9")


def test_training_samples_come_with_the_crops_that_were_trained_on(fresh_pair, pattern_pairs, tmp_path):
    seen = (np.random.default_rng(1).random((6, 1, 32, 32)) < 0.5).astype(np.float32)
    explored = Exploration.of(fresh_pair, pattern_pairs, SPLIT, np.random.default_rng(0), seen)
    assert explored.sample_ids[4:] == ("sample 0", "sample 1")
    assert explored.trained_on == (False,) * 4 + (True,) * 2
    np.testing.assert_array_equal(explored.measured["sem"][4:], seen[:2, 0] > 0.5)
    latents = posterior(fresh_pair.vae("sem"), seen[:2]).latent_mean.flatten(1).numpy()
    np.testing.assert_allclose(explored.centres["sem"][4:], latents, atol=1e-6)
    assert Exploration.load(explored.save(tmp_path / FILE)).trained_on == explored.trained_on
    with pytest.raises(ValueError, match="^seen must have shape"):
        Exploration.of(fresh_pair, pattern_pairs, SPLIT, np.random.default_rng(0), seen[:5])


@pytest.mark.parametrize("kinds", PAIRS)
def test_a_centre_is_the_latent_of_what_is_shown_and_decodes_to_its_reconstruction(kinds, small):
    pairs = pairs_of_kinds(*kinds)
    model, explored = explored_of(pairs, small)
    for source in model.names:
        shown = as_seen(explored.measured[source])[:, np.newaxis]
        latents = posterior(model.vae(source), shown).latent_mean
        np.testing.assert_allclose(explored.centres[source], latents.flatten(1), atol=1e-6)
        centres = torch.from_numpy(explored.centres[source]).view(-1, *explored.latent_shape)
        for target in model.names:
            rebuilt = model.reconstruct(shown, source, target)[:, 0]
            np.testing.assert_allclose(decoded(model.vae(target), centres), rebuilt, atol=1e-6)


def test_what_is_shown_of_each_kind_is_what_was_measured(small):
    pairs = pairs_of_kinds("image", "profile")
    _, explored = explored_of(pairs, small)
    image, profile = (explored.measured[modality.name] for modality in pairs.modalities)
    whole = np.stack([pairs.measured[0].values[i] for i in (6, 8, 7, 9)])
    assert image.dtype == np.uint8 and image.shape == (4, 32, 32)
    windows = np.lib.stride_tricks.sliding_window_view(whole, (32, 32), axis=(1, 2)).reshape(4, -1, 32, 32)
    assert (windows == image[:, np.newaxis]).all((2, 3)).any(1).all()  # each is a crop of its own image
    np.testing.assert_array_equal(profile, pairs.measured[1].values[[6, 8, 7, 9], 0])
    axis, grid = explored.axes["profile #2"]
    assert axis == Axis("wavelength", "nm", False) and list(explored.axes) == ["profile #2"]
    np.testing.assert_array_equal(grid, pairs.measured[1].grid)


@pytest.mark.parametrize("kinds", [("image", "mask"), ("profile", "profile")])
def test_an_array_of_what_was_seen_is_refused_where_it_could_be_of_either(kinds, small):
    pairs = pairs_of_kinds(*kinds)
    seen = focused(pairs, SPLIT.train, small.pair, 43)
    first, second = seen
    for wrong in (seen[second], {}, {"other": seen[first], **seen}):
        with pytest.raises(ValueError, match=f"^seen must hold what the model was trained on of {first} and {second}"):
            explored_of(pairs, small, seen=wrong)


@pytest.mark.parametrize("kinds", PAIRS)
def test_what_was_trained_on_is_shown_as_it_was_seen(kinds, small):
    pairs = pairs_of_kinds(*kinds)
    seen = focused(pairs, SPLIT.train, small.pair, 43)
    _, explored = explored_of(pairs, small, seen=seen)
    assert explored.sample_ids[4:] == ("sample 0", "sample 1") and explored.trained_on[3:5] == (False, True)
    for name, x in seen.items():
        np.testing.assert_allclose(as_seen(explored.measured[name])[4:], x[:2, 0], atol=0.501 / 255)


def test_directions_span_the_training_latents_and_variances_are_of_all(explored, fresh_pair, pattern_pairs):
    latents = posterior(fresh_pair.vae("saxs"), pattern_pairs.scattering).latent_mean.flatten(1).numpy()
    np.testing.assert_allclose(explored.variances["saxs"], latents.var(axis=0), rtol=1e-5)
    train = latents[list(SPLIT.train)]
    directions = explored.directions["saxs"]
    assert directions.shape == (5, latents.shape[1])  # six samples lie in five dimensions
    centred = train - train.mean(axis=0)
    np.testing.assert_allclose(directions.T @ directions, centred.T @ centred / len(train), atol=1e-5)


def assert_equal(one, other):
    """All that two explorations hold is the same."""
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if not isinstance(a, dict):
            assert a == b, field.name
            continue
        assert list(a) == list(b), field.name
        for x, y in zip(a.values(), b.values(), strict=True):
            for p, q in zip(x, y, strict=True) if isinstance(x, tuple) else [(x, y)]:
                np.testing.assert_array_equal(p, q, err_msg=field.name, strict=isinstance(p, np.ndarray))


@pytest.mark.parametrize("kinds", PAIRS)
def test_a_file_gives_back_what_was_written(kinds, small, tmp_path):
    _, explored = explored_of(pairs_of_kinds(*kinds), small)
    assert_equal(Exploration.load(explored.save(tmp_path / "new" / FILE)), explored)


def write_version_1(path, explored, q_unit):
    """The same exploration of scattering and masks, as files were before they held other kinds."""
    first, second = explored.modalities
    arrays, words = explored._own()
    words.pop("trained_on")  # older files have no word on it
    arrays |= {"scattering": explored.measured[first.name]}
    arrays |= {"mask_bits": np.packbits(explored.measured[second.name], axis=-1)}
    if first.name in explored.axes:
        arrays["q"] = explored.axes[first.name][1].astype(np.float32)
    modalities = [{"name": one.name, "shape": one.shape} for one in explored.modalities]
    described = words | {"modalities": modalities, "q_unit": q_unit}
    described |= {"sample_ids": explored.sample_ids, "morphologies": explored.morphologies}
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(arrays, path, {"format": "pairvae exploration 1", "described": json.dumps(described)})


@pytest.mark.parametrize("kind", ["pattern", "profile"])
def test_a_file_of_version_1_is_read(kind, small, tmp_path):
    _, explored = explored_of(pairs_of_kinds(kind, "mask"), small)
    for axis, grid in explored.axes.values():
        grid[:] = grid.astype(np.float32)  # older files have a grid in 32 bits
        assert axis == Axis("q", "1/nm")
    write_version_1(tmp_path / FILE, explored, "1/nm" if explored.axes else "")
    assert_equal(Exploration.load(tmp_path / FILE), explored)


def test_the_published_exploration_is_read():
    path = published_root() / EXAMPLE_PROFILE / "simulated" / "seed43-n48" / FILE
    explored = Exploration.load(path)
    assert explored.modalities == (Modality("saxs", (192, 192), "pattern"), Modality("sem", (192, 192), "mask"))
    assert explored.measured["saxs"].dtype == np.uint8
    assert explored.measured["sem"].mean() == pytest.approx(0.5, abs=0.2)
    assert explored.axes == {} and explored.trained_on == (False,) * 8 + (True,) * 4


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
    with pytest.raises(DataError, match="no file of the explorer: its format must be 'pairvae exploration 2'"):
        Exploration.load(path)
    path.write_bytes(explored.save(tmp_path / "whole").read_bytes()[:-100])
    with pytest.raises(DataError, match="a broken file of the explorer"):
        Exploration.load(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="a broken file of the explorer"):
        Exploration.load(path)
