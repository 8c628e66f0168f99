"""Training of the flow: what is drawn, that a stop costs nothing, and that the scattering is used in the end."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from pairvae_lib.models import loop as fitting
from pairvae_lib.models.flow import training as flow_training
from pairvae_lib.models.flow.config import Flow, FlowArchitecture, FlowTraining
from pairvae_lib.models.flow.network import fresh_flow
from pairvae_lib.models.flow.training import denoising_loss, load_or_train_flow, pace, train_flow, turned
from pairvae_lib.models.loop import state_digest

ARCHITECTURE = FlowArchitecture(channels=(8, 8, 16), embedded=16, components=3)
SETTINGS = FlowTraining(rounds=3, steps_per_round=2, batch_size=4, warm_up=2)
TRAIN = (7, 2, 10, 0, 5, 9, 3, 8)
SEED = 43


class Stopped(Exception):
    """What stops a training here."""


def trained(pairs, settings=SETTINGS, partial=None):
    flow = fresh_flow(*pairs.modalities, ARCHITECTURE, len(TRAIN), SEED)
    history = train_flow(flow, pairs, TRAIN, settings, SEED, partial)
    return flow, history


def test_the_same_training_twice_is_the_same_bit_for_bit(pattern_pairs):
    (first, losses), (second, again) = trained(pattern_pairs), trained(pattern_pairs)
    assert state_digest(first) == state_digest(second) and losses == again
    assert losses.epochs == 3 and not first.training


def test_a_stop_costs_nothing(pattern_pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "CHECKPOINT_SECONDS", -1.0)
    whole, _ = trained(pattern_pairs)
    calls = iter(range(3))
    loss = flow_training.reconstruction_loss

    def stopping(*args):
        if next(calls, None) is None:
            raise Stopped
        return loss(*args)

    monkeypatch.setattr(flow_training, "reconstruction_loss", stopping)
    with pytest.raises(Stopped):
        trained(pattern_pairs, partial=tmp_path / "flow.partial")
    monkeypatch.setattr(flow_training, "reconstruction_loss", loss)
    resumed, history = trained(pattern_pairs, partial=tmp_path / "flow.partial")
    assert state_digest(resumed) == state_digest(whole) and history.epochs == 3


def test_the_time_that_is_expected_is_that_of_all_steps(pattern_pairs, monkeypatch):
    clock = [0.0]

    def train(flow, pairs, train, settings, seed):
        clock[0] += 7 + 3 * settings.steps  # seconds: a start, and of each step

    monkeypatch.setattr(flow_training, "train_flow", train)
    monkeypatch.setattr(fitting.time, "perf_counter", lambda: clock[0])
    chosen = Flow(ARCHITECTURE, replace(SETTINGS, rounds=10, steps_per_round=20))
    assert flow_training.flow_seconds(pattern_pairs, TRAIN, chosen, "fp32", SEED) == pytest.approx(600)


def test_a_trained_flow_is_read_and_one_of_other_settings_refused(pattern_pairs, tmp_path):
    def made(settings):
        file = tmp_path / "flow.pt"
        return load_or_train_flow(pattern_pairs, TRAIN, Flow(ARCHITECTURE, settings), "fp32", SEED, file)

    first, losses = made(SETTINGS)
    assert not list(tmp_path.glob("*.partial"))
    second, again = made(SETTINGS)
    assert state_digest(first) == state_digest(second) and losses == again
    with pytest.raises(ValueError, match="was made with other settings: settings"):
        made(replace(SETTINGS, learning_rate=1e-4))


def test_the_scattering_is_used(telling_pairs):
    settings = FlowTraining(
        rounds=6, steps_per_round=20, batch_size=12, warm_up=10, learning_rate=5e-3, condition_noise=0.1,
        condition_dropout=0.0,
    )
    flow = fresh_flow(*telling_pairs.modalities, ARCHITECTURE, 32, SEED)
    history = train_flow(flow, telling_pairs, tuple(range(32)), settings, SEED)
    assert history.final["cross_entropy"] < 0.6 * np.log(2)
    columns, rows = range(32, 40, 2), range(33, 40, 2)  # of these, none was trained on
    crops = telling_pairs.crops([*columns, *rows], 32, np.random.default_rng(0))
    own, others = (
        denoising_loss(flow, crops, telling_pairs.scattering[who], 0.25, np.random.default_rng(1))
        for who in ([*columns, *rows], [*rows, *columns])
    )
    assert own.shape == (8,) and own.mean() < 0.85 * others.mean()


def test_a_profile_conditions_as_well(profile_pairs):
    flow, history = trained(profile_pairs)
    assert np.isfinite(history.losses["cross_entropy"]).all()
    assert flow.sample(torch.from_numpy(profile_pairs.scattering[:1]), 16, np.random.default_rng(0), 2).shape[-1] == 16


def test_a_pattern_shares_its_axes_with_the_micrograph_and_a_profile_knows_none(pattern_pairs, profile_pairs):
    for pairs, own, other in (pattern_pairs, "half_turn", "dihedral"), (profile_pairs, "dihedral", "half_turn"):
        chosen = state_digest(trained(pairs)[0])
        assert chosen == state_digest(trained(pairs, replace(SETTINGS, symmetry=own))[0])
        assert chosen != state_digest(trained(pairs, replace(SETTINGS, symmetry=other))[0])


@pytest.mark.parametrize(("symmetry", "count"), [("half_turn", 2), ("dihedral", 8)])
def test_only_true_symmetries_turn_a_crop(symmetry, count):
    crop = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    seen = turned(np.repeat(crop, 200, axis=0), symmetry, np.random.default_rng(0))
    distinct = {tuple(image.ravel()) for image in seen}
    assert len(distinct) == count and tuple(crop[0, 0, ::-1, ::-1].ravel()) in distinct
    assert (tuple(crop[0, 0].T.ravel()) in distinct) == (symmetry == "dihedral")


def test_the_learning_rate_rises_and_falls():
    settings = FlowTraining(rounds=10, steps_per_round=10, warm_up=20)
    rates = [pace(step, settings) for step in range(settings.steps)]
    top = int(np.argmax(rates))
    assert rates[0] == pytest.approx(1 / 20) and 15 <= top <= 20 and rates[-1] < 1e-3
    assert all(a < b for a, b in pairwise(rates[: top + 1])) and all(a > b for a, b in pairwise(rates[top:]))


def test_errors_name_what_is_wrong(pattern_pairs, profile_pairs):
    flow = fresh_flow(*profile_pairs.modalities, ARCHITECTURE, len(TRAIN), SEED)
    with pytest.raises(ValueError, match="modalities of the flow must be one of"):
        train_flow(flow, pattern_pairs, TRAIN, SETTINGS, SEED)
    with pytest.raises(ValueError, match="symmetry must be one of half_turn, dihedral; got 'mirror'"):
        trained(pattern_pairs, replace(SETTINGS, symmetry="mirror"))
    with pytest.raises(ValueError, match="training samples must be at least 3; got 2"):
        train_flow(fresh_flow(*pattern_pairs.modalities, ARCHITECTURE, 2, SEED), pattern_pairs, (0, 1), SETTINGS, SEED)


def test_a_flow_of_few_samples_has_no_more_components_than_they(pattern_pairs, tmp_path):
    chosen = Flow(FlowArchitecture((8, 8, 16), 16, 8), FlowTraining(rounds=1, steps_per_round=1, batch_size=4))
    flow, _ = load_or_train_flow(pattern_pairs, (0, 1, 2, 3, 4), chosen, "fp32", SEED, tmp_path / "flow.pt")
    assert flow.architecture.components == 4
    assert all(parameter.isfinite().all() for parameter in flow.state_dict().values())
