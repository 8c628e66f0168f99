"""Trained models as files: the same whether trained, interrupted or read; refused where they are others."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from pairvae_lib.assessment.errors import INTENSITY, assess
from pairvae_lib.data.splits import Split, group_split, stratified_split
from pairvae_lib.models import (
    loop as fitting,
    pairvae,
    precision,
    protocol as trained,
    training,
    training as pretraining,
)
from pairvae_lib.models.loop import state_digest
from pairvae_lib.models.pairvae import doublings, fresh_vae
from pairvae_lib.models.protocol import (
    expected_time,
    load_or_train_pair,
    load_or_train_solo,
    load_pair,
    save_histories,
    split_pairs,
    starting_vaes,
    trained_in,
)

SEED = 43
TRAIN = (7, 2, 10, 0, 5, 9, 3, 8)


class Stopped(Exception):
    """What stops a training here."""


def stop_after(patch, steps):
    """Let pair training stop after so many steps."""
    loss, remaining = training.pair_losses, iter(range(steps))

    def stopping(*arguments):
        if next(remaining, None) is None:
            raise Stopped
        return loss(*arguments)

    patch.setattr(training, "pair_losses", stopping)


def looks(history):
    """What was seen of a training, to compare."""
    return {
        (epoch, route): seen.numpy().tobytes()
        for epoch, snapshot in history.snapshots.items()
        for route, seen in snapshot.items()
    }


def digests(vaes):
    return {name: state_digest(vae) for name, vae in vaes.items()}


@pytest.fixture
def solo_file(tmp_path):
    return tmp_path / "seed43" / "solo.pt"


@pytest.fixture
def pair_file(tmp_path):
    return tmp_path / "seed43" / "pair.pt"


# the split ------------------------------------------------------------------------------------------------------------


def test_two_thirds_are_trained_on(pattern_pairs):
    split = split_pairs(pattern_pairs, SEED)
    assert split == stratified_split(pattern_pairs.morphologies, 8, SEED)
    assert (len(split.train), len(split.held_out)) == (8, 4)


def test_any_number_is_trained_on(pattern_pairs):
    assert split_pairs(pattern_pairs, SEED, 5) == stratified_split(pattern_pairs.morphologies, 5, SEED)


def test_a_series_that_spans_batches_can_be_left_out(pattern_pairs):
    names = tuple(f"{'EF'[k % 2]}_{k}" for k in range(len(pattern_pairs)))
    pairs = replace(pattern_pairs, sample_ids=names)
    split = split_pairs(pairs, SEED, held_out="series-E")
    assert [names[k][0] for k in split.held_out] == ["E"] * len(split.held_out)
    assert {names[k][0] for k in split.train} == {"F"} and len(split.train) + len(split.held_out) == len(pairs)
    with pytest.raises(ValueError, match="^held_out must be one of at least two groups .series-E, series-F.; got"):
        split_pairs(pairs, SEED, held_out="series-A")


def test_a_group_is_left_out(pattern_pairs):
    split = split_pairs(pattern_pairs, SEED, held_out="b")
    assert split == group_split(pattern_pairs.groups, "b", SEED)
    assert split.held_out == (1, 4, 7, 10)
    some = split_pairs(pattern_pairs, SEED, 3, "b")
    assert some == Split(split.train[:3], split.held_out)
    assert split_pairs(pattern_pairs, SEED, 8, "b") == split


def test_impossible_splits(pattern_pairs):
    with pytest.raises(ValueError, match="^n_train must lie between 1 and 11 for 12 samples; got 12$"):
        split_pairs(pattern_pairs, SEED, 12)
    for n_train in (0, 9):
        with pytest.raises(ValueError, match=f"^n_train must lie between 1 and 8 without 'b'; got {n_train}$"):
            split_pairs(pattern_pairs, SEED, n_train, "b")
    with pytest.raises(ValueError, match=r"^held_out must be one of at least two groups \(a, b, c\); got 'd'$"):
        split_pairs(pattern_pairs, SEED, held_out="d")
    with pytest.raises(ValueError, match="^held_out='b' needs a column 'group' or 'batch' in the manifest"):
        split_pairs(replace(pattern_pairs, groups=None), SEED, held_out="b")


# solo -----------------------------------------------------------------------------------------------------------------


def test_solo_is_trained_once_and_then_read(pattern_pairs, small, solo_file, monkeypatch):
    vaes, histories = load_or_train_solo(pattern_pairs, TRAIN, small, SEED, solo_file)
    assert [path.name for path in solo_file.parent.iterdir()] == ["solo.pt"]
    assert {name: history.epochs for name, history in histories.items()} == {"saxs": 5, "sem": 4}

    monkeypatch.setattr(trained, "train_solo", None)  # would raise
    again, read = load_or_train_solo(pattern_pairs, TRAIN, small, SEED, solo_file)
    assert digests(again) == digests(vaes)
    assert read == histories
    assert looks(read["sem"]) == looks(histories["sem"]) and looks(read["sem"])
    assert not any(vae.training for vae in [*vaes.values(), *again.values()])
    x = torch.from_numpy(pattern_pairs.scattering)
    assert torch.equal(again["saxs"].reconstruct(x), vaes["saxs"].reconstruct(x))


def test_solo_training_is_that_of_train_solo(pattern_pairs, small, solo_file):
    vaes, histories = load_or_train_solo(pattern_pairs, TRAIN, small, SEED, solo_file)
    vae = fresh_vae(pattern_pairs.modalities[1], small, SEED + 1)
    assert training.train_solo(vae, pattern_pairs, TRAIN, small.solo, SEED) == histories["sem"]
    assert state_digest(vae) == state_digest(vaes["sem"])


def test_another_solo_training_is_refused(pattern_pairs, small, small_barlow, solo_file):
    load_or_train_solo(pattern_pairs, TRAIN, small, SEED, solo_file)
    before = solo_file.read_bytes()
    longer = replace(small, solo=replace(small.solo, epochs={"bernoulli": 4, "gaussian": 6}))
    others = {
        "seed 43 instead of 44": (TRAIN, small, 44),
        "initial '[0-9a-f]{16}' instead of '[0-9a-f]{16}'": (TRAIN, small, 44),
        r"train \[7, 2, .*\] instead of \[2, 7, ": ((2, 7, *TRAIN[2:]), small, SEED),
        "settings .*'gaussian': 5}.* instead of .*'gaussian': 6}": (TRAIN, longer, SEED),
        "architecture .*'encoder': 'cnn'.* instead of .*'encoder': 'barlow_cnn'": (TRAIN, small_barlow, SEED),
        "barlow .*'steps': 4.* instead of .*'steps': 5": (
            TRAIN, replace(small, barlow=replace(small.barlow, steps=5)), SEED,
        ),
    }
    for difference, (train, profile, seed) in others.items():
        with pytest.raises(ValueError, match=f"solo.pt was made with other settings: .*{difference}.*Remove it to sta"):
            load_or_train_solo(pattern_pairs, train, profile, seed, solo_file)
    assert solo_file.read_bytes() == before


def test_a_broken_file_is_refused(pattern_pairs, small, solo_file):
    solo_file.parent.mkdir()
    solo_file.write_bytes(b"half of a file")
    with pytest.raises(ValueError, match="solo.pt must be a checkpoint of this project; got .* Remove it to start"):
        load_or_train_solo(pattern_pairs, TRAIN, small, SEED, solo_file)


@pytest.mark.parametrize(
    ("stage", "calls"), [("barlow_twins_loss", 2), ("kl_divergence", 3), ("kl_divergence", 15)], ids=str
)
def test_an_interrupted_solo_training_goes_on(pattern_pairs, small_barlow, tmp_path, monkeypatch, stage, calls):
    whole, histories = load_or_train_solo(pattern_pairs, TRAIN, small_barlow, SEED, tmp_path / "whole.pt")
    monkeypatch.setattr(fitting, "CHECKPOINT_SECONDS", -1)
    module = pretraining if stage == "barlow_twins_loss" else training
    loss, remaining = getattr(module, stage), iter(range(calls))

    def stopping(*arguments):
        if next(remaining, None) is None:
            raise Stopped
        return loss(*arguments)

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(module, stage, stopping)
        load_or_train_solo(pattern_pairs, TRAIN, small_barlow, SEED, tmp_path / "stopped.pt")
    assert not (tmp_path / "stopped.pt").exists()
    assert list(tmp_path.glob("*.partial"))
    resumed, read = load_or_train_solo(pattern_pairs, TRAIN, small_barlow, SEED, tmp_path / "stopped.pt")
    assert digests(resumed) == digests(whole)
    assert (tmp_path / "stopped.pt").read_bytes() == (tmp_path / "whole.pt").read_bytes()
    assert read == histories
    assert {name: looks(one) for name, one in read.items()} == {name: looks(one) for name, one in histories.items()}
    assert not list(tmp_path.glob("*.partial"))


def test_the_image_encoders_share_a_pretrained_backbone_and_keep_it(pattern_pairs, small_barlow, solo_file):
    vaes, histories = load_or_train_solo(pattern_pairs, TRAIN, small_barlow, SEED, solo_file)
    assert list(histories) == ["barlow", "saxs", "sem"]
    assert histories["barlow"].epochs == small_barlow.barlow.steps
    backbone = copy.deepcopy(fresh_vae(pattern_pairs.modalities[0], small_barlow, SEED).encoder.backbone)
    untrained = state_digest(backbone)
    backbone.requires_grad_(True)
    pretraining.pretrain_barlow(backbone, pattern_pairs, TRAIN, small_barlow.barlow, SEED)
    assert untrained != state_digest(backbone)
    for vae in vaes.values():
        assert state_digest(vae.encoder.backbone) == state_digest(backbone)
        assert not any(parameter.requires_grad for parameter in vae.encoder.backbone.parameters())
        assert not vae.encoder.backbone.training


def test_the_encoder_of_a_profile_is_trained(profile_pairs, small_barlow, solo_file):
    vaes, _ = load_or_train_solo(profile_pairs, TRAIN, small_barlow, SEED, solo_file)
    fresh = fresh_vae(profile_pairs.modalities[0], small_barlow, SEED).encoder
    trained_one = vaes["profile"].encoder
    assert not trained_one.frozen and vaes["sem"].encoder.frozen
    assert all(parameter.requires_grad for parameter in trained_one.parameters())
    assert state_digest(trained_one.backbone) != state_digest(fresh.backbone)


# precision ------------------------------------------------------------------------------------------------------------


def test_vaes_compute_in_another_precision_for_a_while(fresh_pair, pattern_pairs):
    vaes = [fresh_pair.vae(name) for name in fresh_pair.names]
    x = torch.from_numpy(pattern_pairs.scattering)
    with torch.no_grad(), trained_in("bf16", *vaes):
        assert [vae.precision for vae in vaes] == ["bf16", "bf16"]
        rough = [vae.decode(vae.encode(x).latent_mean) for vae in vaes]
    assert [vae.precision for vae in vaes] == ["fp32", "fp32"]
    with torch.no_grad():
        fine = [vae.decode(vae.encode(x).latent_mean) for vae in vaes]
    assert torch.equal(rough[0], fine[0])  # its kernels are small: bfloat16 would be the slower one
    assert not torch.equal(rough[1], fine[1])
    torch.testing.assert_close(rough[1], fine[1], rtol=0.05, atol=0.02)


def test_a_failed_training_leaves_single_precision_behind(fresh_pair):
    vae = fresh_pair.vae("sem")
    with pytest.raises(Stopped), trained_in("bf16", vae):
        raise Stopped
    assert vae.precision == "fp32"


def test_training_in_bfloat16_is_another_training(pattern_pairs, small, tmp_path):
    rough = replace(small, precision="bf16")
    solo, pair = {}, {}
    for name, profile in (("fp32", small), ("bf16", rough)):
        solo_file, pair_file = tmp_path / f"solo {name}.pt", tmp_path / f"pair {name}.pt"
        solo[name], histories = load_or_train_solo(pattern_pairs, TRAIN, profile, SEED, solo_file)
        started = copy.deepcopy(solo[name])
        pair[name], history = load_or_train_pair(started, pattern_pairs, TRAIN, profile, SEED, pair_file)
        assert all(np.isfinite(list(found.final.values())).all() for found in [*histories.values(), history])
    assert digests(solo["bf16"]) != digests(solo["fp32"])
    assert state_digest(pair["bf16"]) != state_digest(pair["fp32"])
    assert {value.dtype for value in pair["bf16"].state_dict().values()} == {torch.float32, torch.int64}
    assert all(pair["bf16"].vae(name).precision == "fp32" for name in pair["bf16"].names)

    message = "was made with other settings: .*precision 'bf16' instead of 'fp32'. Remove it to start anew"
    with pytest.raises(ValueError, match=f"solo bf16.pt {message}"):
        load_or_train_solo(pattern_pairs, TRAIN, small, SEED, tmp_path / "solo bf16.pt")
    with pytest.raises(ValueError, match=f"pair bf16.pt {message}"):
        load_or_train_pair(solo["bf16"], pattern_pairs, TRAIN, small, SEED, tmp_path / "pair bf16.pt")


# pair -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def solo(pattern_pairs, small, solo_file):
    return load_or_train_solo(pattern_pairs, TRAIN, small, SEED, solo_file)[0]


def test_pair_is_trained_once_and_then_read(pattern_pairs, small, solo, pair_file, monkeypatch):
    solo_digests = digests(solo)
    model, history = load_or_train_pair(copy.deepcopy(solo), pattern_pairs, TRAIN, small, SEED, pair_file)
    assert history.epochs == small.pair.epochs
    assert not list(pair_file.parent.glob("*.partial"))
    assert digests(model.vaes) != solo_digests

    monkeypatch.setattr(trained, "train_pair", None)  # would raise
    again, read = load_or_train_pair(copy.deepcopy(solo), pattern_pairs, TRAIN, small, SEED, pair_file)
    assert state_digest(again) == state_digest(model)
    assert read == history
    assert not again.training


def test_a_pair_trained_model_is_read_without_solo_vaes(pattern_pairs, small, small_barlow, solo, pair_file):
    with pytest.raises(FileNotFoundError, match="pair.pt"):
        load_pair(pattern_pairs, TRAIN, small, SEED, pair_file)
    model, history = load_or_train_pair(copy.deepcopy(solo), pattern_pairs, TRAIN, small, SEED, pair_file)
    again, read = load_pair(pattern_pairs, TRAIN, small, SEED, pair_file)
    assert state_digest(again) == state_digest(model) and read == history and not again.training
    with pytest.raises(ValueError, match="pair.pt was made with other settings: seed 43 instead of 44"):
        load_pair(pattern_pairs, TRAIN, small, 44, pair_file)
    with pytest.raises(ValueError, match="'encoder': 'cnn'.* instead of .*'barlow_cnn'"):
        load_pair(pattern_pairs, TRAIN, small_barlow, SEED, pair_file)


def test_another_pair_training_is_refused(pattern_pairs, small, solo, pair_file):
    load_or_train_pair(copy.deepcopy(solo), pattern_pairs, TRAIN, small, SEED, pair_file)
    with pytest.raises(ValueError, match="pair.pt was made with other settings: seed 43 instead of 44. Remove it"):
        load_or_train_pair(copy.deepcopy(solo), pattern_pairs, TRAIN, small, 44, pair_file)
    other = replace(small, pair=replace(small.pair, focused_epochs=4))
    with pytest.raises(ValueError, match="settings .*'focused_epochs': 3.* instead of .*'focused_epochs': 4"):
        load_or_train_pair(copy.deepcopy(solo), pattern_pairs, TRAIN, other, SEED, pair_file)
    untrained = {name: fresh_vae(vae.modality, small, SEED) for name, vae in solo.items()}
    with pytest.raises(ValueError, match="pair.pt was made with other settings: initial '[0-9a-f]{16}' instead of"):
        load_or_train_pair(untrained, pattern_pairs, TRAIN, small, SEED, pair_file)


def test_an_interrupted_pair_training_goes_on(pattern_pairs, small, solo, pair_file, monkeypatch):
    whole, history = load_or_train_pair(copy.deepcopy(solo), pattern_pairs, TRAIN, small, SEED, pair_file)
    written = pair_file.read_bytes()
    pair_file.unlink()
    monkeypatch.setattr(fitting, "CHECKPOINT_SECONDS", -1)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_after(patch, 7)
        load_or_train_pair(copy.deepcopy(solo), pattern_pairs, TRAIN, small, SEED, pair_file)
    assert [path.name for path in pair_file.parent.glob("pair*")] == ["pair.partial"]
    resumed, read = load_or_train_pair(copy.deepcopy(solo), pattern_pairs, TRAIN, small, SEED, pair_file)
    assert state_digest(resumed) == state_digest(whole)
    assert pair_file.read_bytes() == written
    assert read == history
    assert looks(read) == looks(history) and looks(read)


def test_a_training_goes_on_in_the_forms_that_it_began_with(pattern_pairs, small, solo, pair_file, monkeypatch):
    profile = replace(small, precision="auto")
    monkeypatch.setattr(precision, "resolved", lambda *_: "fp32")
    monkeypatch.setattr(trained, "resolved", lambda *_: "fp32")
    monkeypatch.setattr(pairvae, "fastest", lambda candidates, *_: candidates[1])
    whole, history = load_or_train_pair(copy.deepcopy(solo), pattern_pairs, TRAIN, profile, SEED, pair_file)
    assert history.forms == ["transposed"] * 5 + ["tiled"] * 4 + ["rowwise"]  # patterns keep theirs
    assert {layer.form for layer in doublings(whole.vae("sem"))} == {"subpixel"}  # as long as it is trained
    pair_file.unlink()
    monkeypatch.setattr(fitting, "CHECKPOINT_SECONDS", -1)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_after(patch, 7)
        load_or_train_pair(copy.deepcopy(solo), pattern_pairs, TRAIN, profile, SEED, pair_file)
    monkeypatch.setattr(pairvae, "fastest", lambda candidates, *_: candidates[0])  # on a busier day
    resumed, read = load_or_train_pair(copy.deepcopy(solo), pattern_pairs, TRAIN, profile, SEED, pair_file)
    assert (state_digest(resumed), read.forms) == (state_digest(whole), history.forms)
    other, _ = load_or_train_pair(copy.deepcopy(solo), pattern_pairs, TRAIN, profile, SEED, pair_file.with_name("b.pt"))
    assert state_digest(other) != state_digest(whole)  # rounded otherwise


@pytest.mark.parametrize("encoder", ["cnn", "barlow_cnn"])
def test_a_profile_and_a_micrograph_go_all_the_way(profile_pairs, small, tmp_path, encoder):
    profile = replace(small, architecture=replace(small.architecture, encoder=encoder))
    split = split_pairs(profile_pairs, SEED)
    solo, histories = load_or_train_solo(profile_pairs, split.train, profile, SEED, tmp_path / "solo.pt")
    file = tmp_path / "pair.pt"
    model, history = load_or_train_pair(copy.deepcopy(solo), profile_pairs, split.train, profile, SEED, file)
    assert {"profile_to_sem", "sem_to_profile"} < history.losses.keys()
    assert {"profile", "sem"} <= histories.keys()
    x = torch.from_numpy(profile_pairs.scattering)
    assert model.reconstruct(x, "profile", "sem").shape == (12, 1, 32, 32)
    assert model.reconstruct(x, "profile", "profile").shape == (12, 1, 64)
    found = assess(model, profile_pairs, split, profile, SEED, solo)
    assert list(found.errors[INTENSITY]) == ["solo profile_to_profile", "profile_to_profile", "sem_to_profile"]
    assert all(np.isfinite(values).all() for routes in found.errors.values() for values in routes.values())


# protocols ------------------------------------------------------------------------------------------------------------


def test_direct_training_starts_from_fresh_vaes_with_the_pretrained_backbone(pattern_pairs, small_barlow, solo_file):
    solo, _ = load_or_train_solo(pattern_pairs, TRAIN, small_barlow, SEED, solo_file)
    usual = starting_vaes(pattern_pairs, TRAIN, small_barlow, SEED, solo_file)
    assert digests(usual) == digests(solo)
    direct = starting_vaes(pattern_pairs, TRAIN, small_barlow, SEED, solo_file, "direct")
    for i, modality in enumerate(pattern_pairs.modalities):
        fresh, vae = fresh_vae(modality, small_barlow, SEED + i), direct[modality.name]
        assert state_digest(vae.decoder) == state_digest(fresh.decoder)
        assert state_digest(vae.encoder.hidden) == state_digest(fresh.encoder.hidden)
        assert state_digest(vae.encoder.backbone) == state_digest(solo[modality.name].encoder.backbone)
        assert not vae.training


def test_histories_are_saved_with_what_they_are_of(pattern_pairs, small, tmp_path):
    histories = {"barlow": fitting.History({"barlow": [1 / 3]}), "sem": fitting.History({"kl": [2.0, 1.0]})}
    save_histories(tmp_path / "history.json", histories, fitting.History({"total": [0.5]}), small.pair, "two_phase")
    assert json.loads((tmp_path / "history.json").read_text()) == {
        "barlow": {"barlow": [0.3333]}, "solo sem": {"kl": [2.0, 1.0]}, "pair": {"total": [0.5]},
        "random_crop_epochs": 3, "protocol": "two_phase",
    }


def test_the_time_that_is_expected_is_that_of_all_steps(pattern_pairs, small, monkeypatch):
    """On a clock that a step of solo training moves by 1 s, one of pair training by 2 s, and a start by 7 s."""
    clock = [0.0]

    def solo(vae, pairs, train, settings, seed):
        clock[0] += 7 + settings.epochs[vae.modality.likelihood] * len(train) // settings.batch_size

    def pair(model, pairs, train, settings, seed):
        clock[0] += 7 + 2 * settings.epochs * len(train) // settings.batch_size

    monkeypatch.setattr(trained, "train_solo", solo)
    monkeypatch.setattr(trained, "train_pair", pair)
    monkeypatch.setattr(fitting.time, "perf_counter", lambda: clock[0])
    # 8 samples are 2 batches of 4: 2 (4 + 5) + 2 * 2 * 6 = 42 s; a hundred times as many epochs are 70 min
    told = expected_time(pattern_pairs, TRAIN, small, SEED)
    assert told.startswith("about 1 min of training on this processor (fp32,")
    more = {"bernoulli": 400, "gaussian": 500}
    longer = replace(small, solo=replace(small.solo, epochs=more), pair=replace(small.pair, focused_epochs=597))
    assert expected_time(pattern_pairs, TRAIN, longer, SEED).startswith("about 70 min of")
    ten_times = replace(small.pair, focused_epochs=5997)
    assert expected_time(pattern_pairs, TRAIN, replace(longer, pair=ten_times), SEED).startswith("about 7.2 hours of")


def test_a_time_is_expected_of_real_steps(pattern_pairs, small_barlow, capfd):
    weights = torch.random.get_rng_state()
    assert expected_time(pattern_pairs, TRAIN, small_barlow, SEED).startswith("about 1 min of")
    assert torch.equal(torch.random.get_rng_state(), weights) and capfd.readouterr() == ("", "")
