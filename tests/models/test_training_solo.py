"""Barlow Twins pretraining of a backbone."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from lab import changed

from pairvae_lib.config import BarlowPretraining
from pairvae_lib.models import loop as fitting, training as pretraining
from pairvae_lib.models.loop import state_digest
from pairvae_lib.models.pairvae import ConvolutionalBackbone, barlow_twins_loss
from pairvae_lib.models.training import pretrain_barlow

SEED = 43
TRAIN = (7, 2, 10, 0, 5, 9, 3, 8)


class Stopped(Exception):
    """What stops a training here."""


@pytest.fixture
def backbone(small):
    torch.manual_seed(0)
    return ConvolutionalBackbone(small.architecture.encoder_channels)


def recorded_views(monkeypatch, stop_at=None):
    """The projections that the loss compares, of every step."""
    views = []

    def recording(first, second, redundancy_weight):
        if len(views) == stop_at:
            raise Stopped
        views.append((first, second))
        return barlow_twins_loss(first, second, redundancy_weight)

    monkeypatch.setattr(pretraining, "barlow_twins_loss", recording)
    return views


def test_pretraining_trains_the_backbone_and_leaves_it_in_inference_mode(backbone, pattern_pairs, small):
    before = copy.deepcopy(backbone)
    history = pretrain_barlow(backbone, pattern_pairs, TRAIN, small.barlow, SEED)
    assert list(history.losses) == ["barlow"]
    assert history.epochs == small.barlow.steps
    assert not backbone.training
    assert not any(torch.equal(a, b) for a, b in zip(before.parameters(), backbone.parameters(), strict=True))
    assert int(backbone[1].num_batches_tracked) == 2 * small.barlow.steps  # two views a step


def test_pretraining_learns(backbone, pattern_pairs, small):
    settings = BarlowPretraining(steps=40, batch_size=32, projector=(16, 16), noise=0.05, learning_rate=1e-2)
    losses = pretrain_barlow(backbone, pattern_pairs, TRAIN, settings, SEED).losses["barlow"]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_views_have_noise_of_their_own(backbone, pattern_pairs, small):
    """Of micrographs that are all bright, crops and flips show nothing: what remains is the noise."""
    bright = tuple(np.ones_like(mask) for mask in pattern_pairs.masks)
    pairs = changed(pattern_pairs, 1, values=bright)
    shown = []
    backbone.register_forward_pre_hook(lambda _, inputs: shown.append(inputs[0]))
    pretrain_barlow(backbone, pairs, TRAIN, replace(small.barlow, steps=2, noise=0), SEED)
    assert [tuple(x.shape) for x in shown] == [(8, 1, 32, 32)] * 4
    assert all((x == 1).all() for x in shown)
    shown.clear()
    pretrain_barlow(backbone, pairs, TRAIN, replace(small.barlow, steps=2, noise=0.15), SEED)
    noise = torch.stack(shown) - 1
    assert float(noise.std()) == pytest.approx(0.15, rel=0.02)
    assert not torch.equal(noise[0], noise[1])


def test_flips_differ_between_the_views(backbone, pattern_pairs, small):
    mask = np.zeros((32, 32), dtype=bool)
    mask[:16, :8] = True  # a crop of a mask of its own size: flips alone are left
    pairs = changed(pattern_pairs, 1, values=(mask,) * len(pattern_pairs))
    shown = []
    backbone.register_forward_pre_hook(lambda _, inputs: shown.append(inputs[0]))
    pretrain_barlow(backbone, pairs, TRAIN, replace(small.barlow, noise=0), SEED)
    flips = {tuple(x[0].numpy().nonzero()[i].min() for i in (0, 1)) for batch in shown for x in batch}
    assert flips == {(0, 0), (16, 0), (0, 24), (16, 24)}
    first, second = torch.stack(shown[::2]), torch.stack(shown[1::2])
    assert 0.5 < float((first != second).flatten(2).any(2).float().mean()) < 1  # three of four on average


def brightness_of_views(backbone, pairs, settings):
    """Bright pixels of every crop, which flips do not change, (views, crops)."""
    shown = []
    backbone.register_forward_pre_hook(lambda _, inputs: shown.append(inputs[0].sum((1, 2, 3))))
    pretrain_barlow(backbone, pairs, TRAIN, replace(settings, noise=0), SEED)
    return torch.cat(shown[::2]), torch.cat(shown[1::2])


def test_views_are_of_the_same_micrograph(backbone, pattern_pairs, small):
    grey = tuple(np.full_like(mask, i % 2) for i, mask in enumerate(pattern_pairs.masks))
    first, second = brightness_of_views(backbone, changed(pattern_pairs, 1, values=grey), small.barlow)
    assert torch.equal(first, second)
    assert set(first.tolist()) == {0, 32 * 32}


def test_views_are_different_crops(backbone, pattern_pairs, small):
    mask = np.random.default_rng(0).random((64, 64)) < 0.5
    pairs = changed(pattern_pairs, 1, values=(mask,) * len(pattern_pairs))
    first, second = brightness_of_views(backbone, pairs, small.barlow)
    assert float((first != second).float().mean()) > 0.8


def test_only_training_micrographs_are_seen(backbone, pattern_pairs, small):
    grey = tuple(np.full_like(mask, i in TRAIN) for i, mask in enumerate(pattern_pairs.masks))
    pairs = changed(pattern_pairs, 1, values=grey)
    shown = []
    backbone.register_forward_pre_hook(lambda _, inputs: shown.append(inputs[0]))
    pretrain_barlow(backbone, pairs, TRAIN, replace(small.barlow, noise=0), SEED)
    assert all((x == 1).all() for x in shown)


def test_the_last_projection_is_linear(backbone, pattern_pairs, small, monkeypatch):
    views = recorded_views(monkeypatch)
    pretrain_barlow(backbone, pattern_pairs, TRAIN, small.barlow, SEED)
    assert {tuple(view.shape) for step in views for view in step} == {(8, 16)}
    assert float(views[0][0].detach().min()) < 0


@pytest.mark.parametrize("stop_at", [1, 3])
def test_interrupted_and_resumed_equals_uninterrupted(
    backbone, pattern_pairs, small, tmp_path, monkeypatch, stop_at
):
    stopped, resumed = copy.deepcopy(backbone), copy.deepcopy(backbone)
    expected = pretrain_barlow(backbone, pattern_pairs, TRAIN, small.barlow, SEED)
    monkeypatch.setattr(fitting, "CHECKPOINT_SECONDS", -1)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        recorded_views(patch, stop_at)
        pretrain_barlow(stopped, pattern_pairs, TRAIN, small.barlow, SEED, tmp_path / "partial")
    history = pretrain_barlow(resumed, pattern_pairs, TRAIN, small.barlow, SEED, tmp_path / "partial")
    assert history == expected
    assert state_digest(resumed) == state_digest(backbone)


def test_the_global_generator_is_left_alone(backbone, pattern_pairs, small):
    before = torch.random.get_rng_state()
    pretrain_barlow(backbone, pattern_pairs, TRAIN, small.barlow, SEED)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_checkpoint_of_another_seed_is_refused(backbone, pattern_pairs, small, tmp_path):
    first = copy.deepcopy(backbone)
    pretrain_barlow(first, pattern_pairs, TRAIN, small.barlow, SEED, tmp_path / "partial")
    with pytest.raises(ValueError, match="partial was made with other settings: .*seed 43 instead of 44. Remove it"):
        pretrain_barlow(backbone, pattern_pairs, TRAIN, small.barlow, SEED + 1, tmp_path / "partial")
