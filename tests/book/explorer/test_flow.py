"""What the explorer of a flow shows: from a flow, and back from the file."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pairvae_lib.book.explorer import examples as flow_exploration
from pairvae_lib.book.explorer.examples import FILE, FlowExploration, write_flow_exploration
from pairvae_lib.checks import DataError
from pairvae_lib.data.modality import Axis
from pairvae_lib.data.pairs import as_seen
from pairvae_lib.models.flow.config import FlowArchitecture
from pairvae_lib.models.flow.network import fresh_flow

SHOWN, CROPS = 3, 4


def flow_of(pairs):
    """A flow that has learnt its condition, and nothing else."""
    flow = fresh_flow(*pairs.modalities, FlowArchitecture((8, 8, 8), 8, 2), len(pairs), 0).eval()
    flow.regression.learn(pairs.scattering, np.random.default_rng(0).standard_normal((len(pairs), 2)))
    return flow


def examples(pairs):
    """Arguments of `FlowExploration.of` after the flow."""
    crops = pairs.crops(np.repeat(range(SHOWN), CROPS), pairs.modalities[1].shape[0], np.random.default_rng(0)) > 0.5
    masks = crops.reshape(SHOWN, CROPS, *pairs.modalities[1].shape)
    return [pairs.sample_ids[:SHOWN], pairs.morphologies[:SHOWN], pairs.scattering[:SHOWN, 0], masks]


def test_a_condition_is_that_of_what_is_shown(pattern_pairs):
    flow = flow_of(pattern_pairs)
    explored = FlowExploration.of(flow, *examples(pattern_pairs))
    shown = as_seen(explored.measured["saxs"])
    np.testing.assert_allclose(shown, pattern_pairs.scattering[:SHOWN, 0], atol=0.5 / 255)
    with torch.no_grad():
        expected = flow.condition(torch.from_numpy(shown)[:, None]).numpy()
    np.testing.assert_array_equal(explored.conditions, expected)
    assert explored.measured["sem"].shape == (SHOWN, CROPS, 32, 32) and expected.std() > 0


@pytest.mark.parametrize("kind", ["pattern", "profile"])
def test_a_file_gives_back_what_was_written(kind, pattern_pairs, profile_pairs, tmp_path):
    pairs = pattern_pairs if kind == "pattern" else profile_pairs
    explored = FlowExploration.of(flow_of(pairs), *examples(pairs), pairs.q, "1/nm")
    again = FlowExploration.load(explored.save(tmp_path / "new" / FILE))
    for name in ("sample_ids", "morphologies", "modalities"):
        assert getattr(again, name) == getattr(explored, name)
    np.testing.assert_array_equal(again.conditions, explored.conditions)
    for modality in pairs.modalities:
        np.testing.assert_array_equal(again.measured[modality.name], explored.measured[modality.name], strict=True)
    assert list(again.axes) == (["profile"] if kind == "profile" else [])
    for name, (axis, grid) in again.axes.items():
        assert axis == Axis("q", "1/nm")
        np.testing.assert_array_equal(grid, pairs.of(name).grid)


@pytest.mark.parametrize(
    ("place", "change", "message"),
    [
        (1, lambda names: names[:2], r"^morphologies must have shape \(3,\); got \(2,\)$"),
        (2, lambda x: x[:, :8], r"^scattering must have shape \(3, 32, 32\); got \(3, 8, 32\)$"),
        (2, lambda x: x * np.nan, "^scattering must be finite"),
        (3, lambda x: x[:, :, :8], r"^masks must have shape \(3, crops, 32, 32\); got \(3, 4, 8, 32\)$"),
    ],
)
def test_what_does_not_fit_the_flow_is_refused(pattern_pairs, place, change, message):
    given = examples(pattern_pairs)
    given[place] = change(given[place])
    with pytest.raises(ValueError, match=message):
        FlowExploration.of(flow_of(pattern_pairs), *given)


def test_what_a_front_end_loads_is_in_one_folder(pattern_pairs, tmp_path, monkeypatch):
    exported = []
    monkeypatch.setattr(flow_exploration, "export_flow", lambda flow, file: exported.append((flow, file)))
    flow = flow_of(pattern_pairs)
    folder = write_flow_exploration(tmp_path / "flow", flow, FlowExploration.of(flow, *examples(pattern_pairs)))
    assert exported == [(flow, folder / "saxs_to_sem_flow.onnx")]
    assert FlowExploration.load(folder / FILE).modalities == flow.modalities


def test_another_or_a_broken_file_is_refused(pattern_pairs, tmp_path):
    path = tmp_path / FILE
    with pytest.raises(FileNotFoundError, match=f"{FILE} is not there$"):
        FlowExploration.load(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="a broken file of the explorer"):
        FlowExploration.load(path)
    explored = FlowExploration.of(flow_of(pattern_pairs), *examples(pattern_pairs))
    other = explored.save(path).read_bytes().replace(b"pairvae ensembles 2", b"pairvae ensembles 3")
    path.write_bytes(other)
    with pytest.raises(DataError, match="no file of the explorer: its format must be 'pairvae ensembles 2'"):
        FlowExploration.load(path)
