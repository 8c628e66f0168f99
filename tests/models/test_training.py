"""The protocol: what is drawn when, what is trained, what is held still, and that a stop costs nothing."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from benchmarks.literal import LiteralOutput, literal_pair_losses, make_literal
from pairvae_lib.config import PAPER_LATENTS, Architecture, PairTraining
from pairvae_lib.data.modality import Modality
from pairvae_lib.models import loop as fitting, training
from pairvae_lib.models.loop import rng_for, standard_normal, state_digest
from pairvae_lib.models.pairvae import DoublingConvolution, PairVAE, fresh_vae
from pairvae_lib.models.training import (
    focused_crops,
    loss_weights,
    pair_losses,
    solo_measurements,
    train_pair,
    train_solo,
)

SEED = 43
TRAIN = (7, 2, 10, 0, 5, 9, 3, 8)
ENCODERS = pytest.mark.parametrize("encoder", ["cnn", "barlow_cnn"])


class Stopped(Exception):
    """What stops a training here."""


def with_encoder(profile, encoder):
    return replace(profile, architecture=replace(profile.architecture, encoder=encoder))


def fresh_vaes(pairs, profile):
    return [fresh_vae(modality, profile, SEED + i) for i, modality in enumerate(pairs.modalities)]


def same_masks(pairs):
    """The same pairs, all with one micrograph that is different at every place."""
    mask = np.random.default_rng(0).random(pairs.masks[0].shape) < 0.5
    return replace(pairs, masks=(mask,) * len(pairs))


def batch_norms(module):
    return [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]


def stop_after(monkeypatch, calls, name):
    """Let the training stop in the midst of an epoch, at this call of a loss."""
    remaining = iter(range(calls))
    loss = getattr(training, name)

    def stopping(*arguments):
        if next(remaining, None) is None:
            raise Stopped
        return loss(*arguments)

    monkeypatch.setattr(training, name, stopping)


def recorded(monkeypatch, name):
    """Arguments of all calls of a function of the training."""
    calls = []
    function = getattr(training, name)

    def recording(*arguments):
        calls.append(arguments)
        return function(*arguments)

    monkeypatch.setattr(training, name, recording)
    return calls


def drawn_noise(monkeypatch):
    """The noise of every batch, in the order drawn."""
    noises = []

    def recording(*arguments):
        noises.append(standard_normal(*arguments))
        return noises[-1]

    monkeypatch.setattr(training, "standard_normal", recording)
    return noises


# solo -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 1], ids=["saxs", "sem"])
def test_solo_interrupted_and_resumed_equals_uninterrupted(pattern_pairs, small, tmp_path, monkeypatch, which):
    whole, stopped, resumed = (fresh_vaes(pattern_pairs, small)[which] for _ in range(3))
    expected = train_solo(whole, pattern_pairs, TRAIN, small.solo, SEED)
    monkeypatch.setattr(fitting, "CHECKPOINT_SECONDS", -1)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_after(patch, 5, "kl_divergence")  # two batches an epoch: in the midst of the third
        train_solo(stopped, pattern_pairs, TRAIN, small.solo, SEED, tmp_path / "partial")
    calls = recorded(monkeypatch, "kl_divergence")
    history = train_solo(resumed, pattern_pairs, TRAIN, small.solo, SEED, tmp_path / "partial")
    assert len(calls) == 2 * (whole.modality.likelihood == "gaussian") + 4  # 3 or 2 epochs were left
    assert history == expected
    assert state_digest(resumed) == state_digest(whole)


def test_the_seed_decides(pattern_pairs, small):
    vaes = [fresh_vaes(pattern_pairs, small)[1] for _ in range(3)]
    for vae, seed in zip(vaes, (1, 1, 2), strict=True):
        train_solo(vae, pattern_pairs, TRAIN, small.solo, seed)
    assert state_digest(vaes[0]) == state_digest(vaes[1]) != state_digest(vaes[2])


@pytest.mark.parametrize(("which", "epochs"), [(0, 5), (1, 4)], ids=["saxs", "sem"])
def test_solo_history(pattern_pairs, small, which, epochs):
    vae = fresh_vaes(pattern_pairs, small)[which]
    history = train_solo(vae, pattern_pairs, TRAIN, small.solo, SEED)
    assert list(history.losses) == ["negative_elbo", "reconstruction", "kl"]
    assert history.epochs == epochs
    assert not vae.training
    # the pull on each latent is that of the paper's 1152
    beta = small.solo.kl_weight["bernoulli"] * PAPER_LATENTS / 8
    for total, reconstruction, kl in zip(*history.losses.values(), strict=True):
        assert total == pytest.approx(reconstruction + beta * kl, rel=1e-5)


@pytest.fixture(scope="module")
def one_crop(pattern_pairs):
    """The same pairs, with micrographs of the size of a crop: an easy task."""
    return replace(pattern_pairs, masks=tuple(mask[:32, :32] for mask in pattern_pairs.masks))


@pytest.fixture(scope="module")
def learnt(one_crop, small):
    """VAEs that have learnt, with their reconstruction losses."""
    filters, kernel = {"bernoulli": 8, "gaussian": 8}, {"bernoulli": 5, "gaussian": 5}
    wider = Architecture("cnn", (8, 8, 16, 16, 16), 16, 16, filters, kernel)
    settings = replace(small.solo, epochs={"bernoulli": 80, "gaussian": 60}, learning_rate=5e-3)
    vaes = fresh_vaes(one_crop, replace(small, architecture=wider))
    histories = [train_solo(vae, one_crop, TRAIN, settings, SEED) for vae in vaes]
    return vaes, [history.losses["reconstruction"] for history in histories]


def loss_of_the_mean_image(pairs) -> dict[str, float]:
    """What a decoder gets that pays no heed to its latent: the variance, and the entropy of each pixel."""
    patterns = pairs.scattering[list(TRAIN)]
    p = np.clip(np.mean([pairs.masks[i] for i in TRAIN], axis=0), 1e-9, 1 - 1e-9)
    return {
        "saxs": float(np.square(patterns - patterns.mean(axis=0)).mean()),
        "sem": float(-(p * np.log(p) + (1 - p) * np.log(1 - p)).mean()),
    }


def test_solo_training_learns(one_crop, learnt):
    saxs, sem = learnt[1]
    alone = loss_of_the_mean_image(one_crop)
    assert saxs[-1] < 0.9 * alone["saxs"] < 0.1 * saxs[0]
    assert sem[-1] < 0.9 * alone["sem"] < 0.9 * sem[0]


def test_solo_trains_batch_norm_in_training_mode(pattern_pairs, small):
    vae = fresh_vaes(pattern_pairs, small)[1]
    train_solo(vae, pattern_pairs, TRAIN, small.solo, SEED)
    steps = small.solo.epochs["bernoulli"] * 2
    assert {int(norm.num_batches_tracked) for norm in batch_norms(vae)} == {steps}


@pytest.mark.parametrize("crops", ["per_epoch", "replayed"])
def test_crops_of_solo_training(pattern_pairs, small, monkeypatch, crops):
    pairs = same_masks(pattern_pairs)
    calls = recorded(monkeypatch, "reconstruction_loss")
    settings = replace(small.solo, crops=crops)
    train_solo(fresh_vaes(pairs, small)[1], pairs, TRAIN, settings, SEED)
    targets = torch.stack([target for _, target, _ in calls]).reshape(4, len(TRAIN), -1)  # epochs, images
    distinct = [len(targets[:, image].unique(dim=0)) for image in range(len(TRAIN))]
    assert distinct == [1] * len(TRAIN) if crops == "replayed" else min(distinct) > 1
    assert len(targets[0].unique(dim=0)) > 1  # every image has its own window


def test_a_bank_shows_a_few_crops_of_each_image_with_their_own_features(pattern_pairs, small_barlow, monkeypatch):
    pairs, vae = same_masks(pattern_pairs), fresh_vaes(pattern_pairs, small_barlow)[1]
    monkeypatch.setattr(training, "BANK_CROPS", 3)
    computed = []
    prepared_of = vae.prepared
    monkeypatch.setattr(vae, "prepared", lambda x: computed.append(len(x)) or prepared_of(x))
    shown_in = solo_measurements(vae, pairs, TRAIN, "bank", SEED)
    epochs = [shown_in(epoch) for epoch in range(40)]
    assert computed == [len(TRAIN)] * 3  # once for each crop, however many epochs
    for x, prepared in epochs[:3]:
        assert_close(prepared, prepared_of(x))
    seen = torch.stack([x for x, _ in epochs]).flatten(2)  # epochs, images, pixels
    bank = np.stack([pairs.crops(TRAIN, 32, rng_for(SEED, "solo-sem-crops", number)) for number in range(3)])
    for image in range(len(TRAIN)):
        np.testing.assert_array_equal(
            seen[:, image].unique(dim=0), torch.from_numpy(bank[:, image]).flatten(1).unique(dim=0)
        )
    picks = [tuple(map(tuple, x.flatten(1)[:2].tolist())) for x, _ in epochs]
    assert len(set(picks)) > 3  # images choose their crops independently
    again = solo_measurements(vae, pairs, TRAIN, "bank", SEED)(7)
    assert torch.equal(again[0], epochs[7][0])


def test_another_schedule_of_crops_is_refused(pattern_pairs, small):
    with pytest.raises(ValueError, match="^crops must be one of per_epoch, replayed, bank; got 'never'$"):
        solo_measurements(fresh_vaes(pattern_pairs, small)[1], pattern_pairs, TRAIN, "never", SEED)


def test_the_pattern_is_the_same_in_every_epoch(pattern_pairs, small, monkeypatch):
    calls = recorded(monkeypatch, "reconstruction_loss")
    train_solo(fresh_vaes(pattern_pairs, small)[0], pattern_pairs, TRAIN, small.solo, SEED)
    for call, (_, target, likelihood) in enumerate(calls):
        batch = TRAIN[:4] if call % 2 == 0 else TRAIN[4:]
        np.testing.assert_array_equal(target, pattern_pairs.scattering[list(batch)])
        assert likelihood == "gaussian"


def test_a_sample_of_the_posterior_is_decoded(pattern_pairs, small, monkeypatch):
    """With noise that is new in every batch of every epoch."""
    vae = fresh_vaes(pattern_pairs, small)[1]
    latents, noises, posteriors = [], drawn_noise(monkeypatch), recorded(monkeypatch, "kl_divergence")
    decode = vae.decode
    monkeypatch.setattr(vae, "decode", lambda latent: latents.append(latent) or decode(latent))
    train_solo(vae, pattern_pairs, TRAIN, small.solo, SEED)
    assert len(noises) == 4 * 2
    assert len(torch.stack(noises).unique(dim=0)) == 4 * 2
    for (latent_mean, latent_scale), latent, noise in zip(posteriors, latents, noises, strict=True):
        assert_close(latent, latent_mean + latent_scale * noise)


def test_pairs_that_fill_no_batch_get_their_turn_in_the_next_epoch(pattern_pairs, small, fresh_pair, monkeypatch):
    turns = [[0, 1, 2, 3], [4, 5, 0, 1], [2, 3, 4, 5]] * 2  # six pairs in batches of four: one an epoch
    expected = [pattern_pairs.scattering[[TRAIN[i] for i in turn]] for turn in turns]
    calls = recorded(monkeypatch, "reconstruction_loss")
    train_solo(fresh_pair.vae("saxs"), pattern_pairs, TRAIN[:6], small.solo, SEED)
    np.testing.assert_array_equal(torch.stack([target for _, target, _ in calls]), expected[:5])
    calls = recorded(monkeypatch, "pair_losses")
    train_pair(fresh_pair, pattern_pairs, TRAIN[:6], small.pair, SEED)
    np.testing.assert_array_equal(torch.stack([x["saxs"] for _, x, *_ in calls]), expected)


@pytest.mark.parametrize("encoder", ["barlow_cnn", "narrow_resnet", "resnet50"])
def test_a_frozen_backbone_is_the_same_before_and_after(pattern_pairs, small, encoder):
    settings = replace(small.solo, epochs={"bernoulli": 1, "gaussian": 1})
    for vae in fresh_vaes(pattern_pairs, with_encoder(small, encoder)):
        backbone, whole = state_digest(vae.encoder.backbone), state_digest(vae)
        train_solo(vae, pattern_pairs, TRAIN, settings, SEED)
        assert state_digest(vae.encoder.backbone) == backbone
        assert state_digest(vae) != whole


@pytest.mark.parametrize("which", [0, 1], ids=["saxs", "sem"])
def test_cached_features_equal_recomputation_in_training(pattern_pairs, small_barlow, monkeypatch, which):
    cached, recomputed = (fresh_vaes(pattern_pairs, small_barlow)[which] for _ in range(2))
    history = train_solo(cached, pattern_pairs, TRAIN, small_barlow.solo, SEED)
    posterior = recomputed.encoder.posterior
    monkeypatch.setattr(recomputed.encoder, "prepared", lambda x: x)
    monkeypatch.setattr(recomputed.encoder, "posterior", lambda x: posterior(recomputed.encoder.backbone(x)))
    expected = train_solo(recomputed, pattern_pairs, TRAIN, small_barlow.solo, SEED)
    for name, losses in history.losses.items():
        assert losses == pytest.approx(expected.losses[name], rel=1e-4), name


def test_both_trainings_take_the_steps_of_the_literal_layers(pattern_pairs, small, fresh_pair, monkeypatch):
    calls = recorded(monkeypatch, "adam")
    sem = fresh_pair.vae("sem")
    train_solo(sem, pattern_pairs, TRAIN, replace(small.solo, learning_rate=2e-3, adam_eps=1e-6), SEED)
    train_pair(fresh_pair, pattern_pairs, TRAIN, replace(small.pair, learning_rate=3e-3), SEED)
    assert calls == [(sem, 2e-3, 1e-6), (fresh_pair, 3e-3, 1e-7)]


def test_a_checkpoint_in_another_precision_is_refused(pattern_pairs, small, fresh_pair, tmp_path):
    model = copy.deepcopy(fresh_pair)
    train_solo(fresh_pair.vae("sem"), pattern_pairs, TRAIN, small.solo, SEED, tmp_path / "solo")
    train_pair(copy.deepcopy(model), pattern_pairs, TRAIN, small.pair, SEED, tmp_path / "pair")
    for name in model.names:
        model.vae(name).precision = "bf16"
    message = "was made with other settings: precision 'fp32' instead of 'bf16'. Remove it to start anew"
    with pytest.raises(ValueError, match=f"solo {message}"):
        train_solo(copy.deepcopy(model.vae("sem")), pattern_pairs, TRAIN, small.solo, SEED, tmp_path / "solo")
    with pytest.raises(ValueError, match=f"pair {message}"):
        train_pair(model, pattern_pairs, TRAIN, small.pair, SEED, tmp_path / "pair")


def test_a_vae_of_another_modality_is_refused(pattern_pairs, small):
    vae = fresh_vae(Modality("afm", (32, 32), "gaussian"), small, 0)
    with pytest.raises(ValueError, match=r"^modality of the VAE must be one of .*'saxs'.*'sem'.*; got .*'afm'"):
        train_solo(vae, pattern_pairs, TRAIN, small.solo, SEED)


def test_too_few_pairs_for_a_batch(pattern_pairs, small, fresh_pair):
    with pytest.raises(ValueError, match="^n_train must be at least the batch size 4; got 3$"):
        train_solo(fresh_pair.vae("sem"), pattern_pairs, TRAIN[:3], small.solo, SEED)
    with pytest.raises(ValueError, match="^n_train must be at least the batch size 4; got 3$"):
        train_pair(fresh_pair, pattern_pairs, TRAIN[:3], small.pair, SEED)


# pair -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("losses_before", [3, 9], ids=["random crops", "focused"])
@ENCODERS
def test_pair_interrupted_and_resumed_equals_uninterrupted(
    pattern_pairs, small, tmp_path, monkeypatch, encoder, losses_before
):
    vaes = fresh_vaes(pattern_pairs, with_encoder(small, encoder))
    whole, stopped, resumed = (PairVAE(*copy.deepcopy(vaes)) for _ in range(3))
    expected = train_pair(whole, pattern_pairs, TRAIN, small.pair, SEED)
    monkeypatch.setattr(fitting, "CHECKPOINT_SECONDS", -1)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_after(patch, losses_before, "pair_losses")
        train_pair(stopped, pattern_pairs, TRAIN, small.pair, SEED, tmp_path / "partial")
    calls = recorded(monkeypatch, "pair_losses")
    history = train_pair(resumed, pattern_pairs, TRAIN, small.pair, SEED, tmp_path / "partial")
    assert len(calls) == 12 - losses_before // 2 * 2
    assert history == expected
    assert state_digest(resumed) == state_digest(whole)


def test_weights_are_the_papers(fresh_pair):
    assert loss_weights(fresh_pair, PairTraining()) == {
        "barlow": 0.005,
        "saxs_to_saxs": 0.04,
        "saxs_to_sem": 0.4,
        "sem_to_saxs": 1.0,
        "sem_to_sem": 0.04,
    }


def test_total_is_the_weighted_sum(pattern_pairs, small, fresh_pair):
    history = train_pair(fresh_pair, pattern_pairs, TRAIN, small.pair, SEED)
    weights = loss_weights(fresh_pair, small.pair)
    assert history.losses.keys() == {"total"} | weights.keys()
    assert history.epochs == small.pair.epochs == 6
    for epoch, total in enumerate(history.losses["total"]):
        expected = sum(weight * history.losses[name][epoch] for name, weight in weights.items())
        assert total == pytest.approx(expected, rel=1e-5)


def test_pair_training_learns(one_crop, small, learnt):
    model = PairVAE(*copy.deepcopy(learnt[0]))
    settings = replace(small.pair, random_crop_epochs=0, focused_epochs=50, learning_rate=5e-3)
    losses = train_pair(model, one_crop, TRAIN, settings, SEED).losses
    alone = loss_of_the_mean_image(one_crop)
    assert losses["total"][-1] < 0.7 * losses["total"][0]
    for route in ("saxs_to_sem", "sem_to_saxs", "sem_to_sem"):
        assert losses[route][-1] < 0.9 * alone[route.split("_")[-1]], route


def test_batch_norm_is_frozen_but_for_gamma_and_beta(pattern_pairs, small):
    vaes = fresh_vaes(pattern_pairs, small)
    for vae in vaes:
        train_solo(vae, pattern_pairs, TRAIN, small.solo, SEED)
    before = copy.deepcopy(vaes)
    train_pair(PairVAE(*vaes), pattern_pairs, TRAIN, small.pair, SEED)
    for old, new in zip(before, vaes, strict=True):
        assert len(batch_norms(new)) == 5 + 4  # encoder and decoder
        for was, is_now in zip(batch_norms(old), batch_norms(new), strict=True):
            assert torch.equal(was.running_mean, is_now.running_mean)
            assert torch.equal(was.running_var, is_now.running_var)
            assert torch.equal(was.num_batches_tracked, is_now.num_batches_tracked)
            assert not torch.equal(was.weight, is_now.weight)
            assert not torch.equal(was.bias, is_now.bias)


def test_a_frozen_backbone_is_the_same_after_pair_training(pattern_pairs, small_barlow, monkeypatch):
    vaes = fresh_vaes(pattern_pairs, small_barlow)
    before = [state_digest(vae.encoder.backbone) for vae in vaes]
    calls = recorded(monkeypatch, "pair_losses")
    train_pair(PairVAE(*vaes), pattern_pairs, TRAIN, small_barlow.pair, SEED)
    assert [state_digest(vae.encoder.backbone) for vae in vaes] == before
    for model, measurements, prepared, *_ in calls:
        for name, x in measurements.items():
            with torch.no_grad():
                assert_close(prepared[name], model.vae(name).encoder.backbone(x))


def micrographs_by_epoch(calls):
    """What the model was shown, (epochs, images, pixels)."""
    return torch.stack([measurements["sem"] for _, measurements, *_ in calls]).reshape(-1, len(TRAIN), 32 * 32)


def test_all_images_share_a_window_that_moves_and_then_stays(pattern_pairs, small, fresh_pair, monkeypatch):
    pairs = same_masks(pattern_pairs)
    calls = recorded(monkeypatch, "pair_losses")
    train_pair(fresh_pair, pairs, TRAIN, small.pair, SEED)
    shown = micrographs_by_epoch(calls)
    assert (shown == shown[:, :1]).all()
    assert len(shown[:3, 0].unique(dim=0)) == 3
    assert (shown[2:] == shown[2]).all()


@pytest.mark.parametrize("random_crop_epochs", [0, 1, 3])
def test_focused_crops_are_those_of_the_focused_phase(
    pattern_pairs, small, fresh_pair, monkeypatch, random_crop_epochs
):
    calls = recorded(monkeypatch, "pair_losses")
    settings = replace(small.pair, random_crop_epochs=random_crop_epochs)
    train_pair(fresh_pair, pattern_pairs, TRAIN, settings, SEED)
    focused = focused_crops(pattern_pairs, TRAIN, settings, SEED)
    assert (focused.shape, focused.dtype) == ((len(TRAIN), 1, 32, 32), np.float32)
    shown = micrographs_by_epoch(calls)[max(random_crop_epochs - 1, 0) :]
    np.testing.assert_array_equal(shown, np.broadcast_to(focused.reshape(1, len(TRAIN), -1), shown.shape))


def test_the_noise_of_pair_training_is_never_the_same(pattern_pairs, small, fresh_pair, monkeypatch):
    noises = drawn_noise(monkeypatch)
    train_pair(fresh_pair, pattern_pairs, TRAIN, small.pair, SEED)
    assert len(noises) == len(torch.stack(noises).unique(dim=0)) == 6 * 2 * 2  # epochs, batches, techniques


def test_both_techniques_are_of_the_same_samples(pattern_pairs, small, fresh_pair, monkeypatch):
    calls = recorded(monkeypatch, "pair_losses")
    train_pair(fresh_pair, pattern_pairs, TRAIN, replace(small.pair, random_crop_epochs=0), SEED)
    focused = focused_crops(pattern_pairs, TRAIN, replace(small.pair, random_crop_epochs=0), SEED)
    for call, (_, measurements, *_) in enumerate(calls):
        batch = slice(0, 4) if call % 2 == 0 else slice(4, 8)
        np.testing.assert_array_equal(measurements["saxs"], pattern_pairs.scattering[list(TRAIN[batch])])
        np.testing.assert_array_equal(measurements["sem"], focused[batch])


@ENCODERS
def test_both_latents_in_one_batch_equal_one_after_the_other(pattern_pairs, small, encoder):
    """One step of ours against the original's, written out: values and gradients in double precision."""
    vaes = fresh_vaes(pattern_pairs, with_encoder(small, encoder))
    for vae in vaes:
        train_solo(vae, pattern_pairs, TRAIN, small.solo, SEED)  # running statistics that matter
    model = PairVAE(*vaes).double().eval()
    model.zero_grad()  # left by the last step
    torch.manual_seed(1)
    literal = copy.deepcopy(model)
    for name in literal.names:
        make_literal(literal.vae(name).decoder)
    output, literal_output = model.vae("sem").decoder.output, literal.vae("sem").decoder.output
    assert isinstance(output, DoublingConvolution) and isinstance(literal_output, LiteralOutput)
    with torch.no_grad():
        output.weight.copy_(literal_output.collapsed_weight)
        output.bias.copy_(literal_output.collapsed_bias)

    x = {
        "saxs": torch.from_numpy(pattern_pairs.scattering[:4]).double(),
        "sem": torch.from_numpy(pattern_pairs.crops(range(4), 32, np.random.default_rng(0))).double(),
    }
    prepared = {name: model.vae(name).encoder.prepared(x[name]) for name in x}
    losses = pair_losses(model, x, prepared, rng_for(SEED, "noise"), small.pair)
    total = sum(weight * losses[name] for name, weight in loss_weights(model, small.pair).items())
    rng = rng_for(SEED, "noise")
    noises = {name: standard_normal(rng, torch.empty(4, *model.vae(name).latent_shape)).double() for name in x}
    expected = literal_pair_losses(literal, x, noises, small.pair)
    assert_close(total, expected, rtol=1e-12, atol=0)

    total.backward()
    expected.backward()
    ours, theirs = dict(model.named_parameters()), dict(literal.named_parameters())
    collapsed = "vaes.sem.decoder.output."
    for name in [name for name in ours if not name.startswith(collapsed) and ours[name].requires_grad]:
        assert_close(ours[name].grad, theirs[name].grad, rtol=1e-9, atol=1e-14, msg=lambda text, n=name: f"{n}: {text}")
    # the mean over the original's channels hands each of them its share of our gradient
    weight, bias = theirs[f"{collapsed}layer.weight"], theirs[f"{collapsed}layer.bias"]
    assert_close(ours[f"{collapsed}weight"].grad, weight.grad.sum(1, keepdim=True), rtol=1e-9, atol=1e-14)
    assert_close(ours[f"{collapsed}bias"].grad, bias.grad.sum(0, keepdim=True), rtol=1e-9, atol=1e-14)
