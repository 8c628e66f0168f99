"""The face of the library: a few names, loaded when they are used, that take a folder of pairs to a model in use."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

import pairvae_lib as pv

LIBRARY = Path(__file__).parents[1] / "pairvae_lib"
STUBS = sorted(LIBRARY.rglob("__init__.pyi"))


@pytest.fixture(scope="module")
def script(lab_pairs, tmp_path_factory):
    """The script of the README, in the smallest profile, and what it leaves."""
    dataset = pv.open_pairs(lab_pairs)
    pairs = pv.prepare(dataset, profile="tiny")
    model = pv.train(pairs, seed=43, profile="tiny")
    folder = pv.save_model(tmp_path_factory.mktemp("face") / "model", model, pairs, dataset)
    return pairs, model, folder


def test_four_lines_lead_from_a_folder_to_masks_and_errors(script):
    pairs, model, _ = script
    masks = model.reconstruct(pairs.scattering[:4], "saxs", "sem")
    assert masks.shape == (4, 1, *pairs.modalities[1].shape) and masks.dtype == bool
    expected = model.reconstruct(torch.from_numpy(pairs.scattering[:4]), "saxs", "sem")
    np.testing.assert_array_equal(masks, expected.numpy())
    errors = pv.assess(model, pairs)
    assert set(np.flatnonzero(errors.subsets == "held out")) == set(model.split.held_out)
    assert {"saxs", "sem", "pair"} <= model.history.keys()
    assert model.history["pair"].epochs == model.profile.pair.epochs


def test_its_model_is_a_folder_that_loads_and_says_the_same(script):
    pairs, model, folder = script
    again = pv.load_bundle(folder)
    x = pairs.scattering[:2]
    np.testing.assert_array_equal(again.model.reconstruct(x, "saxs", "sem"), model.reconstruct(x, "saxs", "sem"))
    assert again.provenance["held_out"] == [pairs.sample_ids[index] for index in model.split.held_out]


def test_pairs_of_another_profile_are_refused(script):
    with pytest.raises(ValueError, match="pairs must be prepared in profile 'quick', with saxs of"):
        pv.train(script[0])


def test_a_model_of_unknown_training_needs_its_split(script):
    pairs, model, _ = script
    with pytest.raises(ValueError, match="^split, profile and seed must be given"):
        pv.assess(pv.PairVAE(*model.vaes.values()), pairs)


def test_a_training_that_is_kept_is_read(script, lab_pairs, tmp_path):
    pairs, model, _ = script
    first, again = (pv.train(pairs, profile="tiny", folder=tmp_path) for _ in range(2))
    assert not first.resumed and again.resumed
    for one, other in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_the_readme_shows_it():
    readme = (LIBRARY.parent / "README.md").read_text(encoding="utf-8")
    wanted = pv.__doc__.split("\n\n")[1:-1]
    lines = [line.strip() for block in wanted for line in block.splitlines() if line.strip()]
    assert lines and all(line in readme for line in lines)


@pytest.mark.parametrize("stub", STUBS, ids=lambda path: path.parent.name)
def test_every_lazy_name_is_there(stub):
    package = ".".join(stub.relative_to(LIBRARY.parent).parent.parts)
    named = [alias.name for node in ast.parse(stub.read_text()).body if isinstance(node, ast.ImportFrom)
             for alias in node.names]
    room = import_module(package)
    assert sorted(room.__all__) == sorted(named) and all(hasattr(room, name) for name in named)


@pytest.mark.parametrize(
    ("module", "slow"),
    [("pairvae_lib", {"torch", "matplotlib", "numpy"}), ("pairvae_lib.cli", {"torch", "matplotlib", "nbformat"})],
)
def test_the_import_alone_loads_nothing_slow(module, slow):
    asked = f"import sys, {module}; print(*{slow} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=LIBRARY.parent)
    assert said.stdout.strip() == ""
