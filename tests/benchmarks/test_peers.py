"""Multimodal VAEs of others in this project's clothes. Where MultiVae is not installed, only its message is tested."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from benchmarks.beyond import peers
from benchmarks.beyond.peers import PEERS, Peer, PeerTraining, load_or_train_peer, train_peer
from pairvae_lib.models import loop as fitting
from pairvae_lib.models.loop import state_digest
from pairvae_lib.models.pairvae import fresh_vae

needs_multivae = pytest.mark.skipif(find_spec("multivae") is None, reason="the extra 'peers' is not installed")
# Warnings of MultiVae's own imports are not this project's.
pytestmark = pytest.mark.filterwarnings("ignore:::(multivae|pythae|pydantic|torchvision|torchmetrics|importlib)")
SETTINGS = PeerTraining(epochs={"MVAE": 3, "MoPoE": 3}, batch_size=4, warm_up=2)
TRAIN = (7, 2, 10, 0, 5, 9, 3, 8)


def fresh(name, pairs, profile):
    return Peer(name, *(fresh_vae(modality, profile, seed) for seed, modality in enumerate(pairs.modalities)), SETTINGS)


@needs_multivae
@pytest.mark.parametrize("name", PEERS)
def test_a_peer_trains_the_same_twice_and_goes_on_after_a_stop(name, pattern_pairs, small, tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "CHECKPOINT_SECONDS", -1.0)
    whole = fresh(name, pattern_pairs, small)
    history = train_peer(whole, pattern_pairs, TRAIN, SETTINGS, 43)
    assert history.epochs == 3 and history.final["loss"] < history.losses["loss"][0]
    stopped, resumed = (fresh(name, pattern_pairs, small) for _ in range(2))
    loss, calls = Peer.loss, iter(range(5))

    def stopping(*args):
        if next(calls, None) is None:
            raise InterruptedError
        return loss(*args)

    monkeypatch.setattr(Peer, "loss", stopping)
    with pytest.raises(InterruptedError):
        train_peer(stopped, pattern_pairs, TRAIN, SETTINGS, 43, tmp_path / "partial")
    monkeypatch.setattr(Peer, "loss", loss)
    assert train_peer(resumed, pattern_pairs, TRAIN, SETTINGS, 43, tmp_path / "partial") == history
    assert state_digest(resumed) == state_digest(whole)


@needs_multivae
@pytest.mark.parametrize("name", PEERS)
def test_both_ways_from_samples_of_the_posterior(name, profile_pairs, small):
    peer = fresh(name, profile_pairs, small).eval()
    profile = torch.from_numpy(profile_pairs.scattering[[0, 0, 1]])
    logits = peer.reconstruct(profile, "profile", "sem", seed=1)
    assert logits.shape == (3, 1, 32, 32) and not logits[0].equal(logits[1])
    assert logits.equal(peer.reconstruct(profile, "profile", "sem", seed=1))
    assert not logits.equal(peer.reconstruct(profile, "profile", "sem", seed=2))
    crops = torch.from_numpy(profile_pairs.crops([0, 1], 32, np.random.default_rng(0)))
    assert peer.reconstruct(crops, "sem", "profile", seed=1).shape == (2, 1, 64)


@needs_multivae
def test_a_trained_peer_is_read_and_one_of_other_settings_refused(pattern_pairs, small, tmp_path):
    def made(settings):
        return load_or_train_peer("MoPoE", pattern_pairs, TRAIN, small, settings, 43, tmp_path / "mopoe.pt")

    (first, history), (second, again) = made(SETTINGS), made(SETTINGS)
    assert state_digest(first) == state_digest(second) and history == again
    with pytest.raises(ValueError, match="was made with other settings: settings"):
        made(replace(SETTINGS, beta=2.0))


def test_an_unknown_peer_is_refused(pattern_pairs, small):
    with pytest.raises(ValueError, match="peer must be one of MVAE, MoPoE; got 'GAN'"):
        fresh("GAN", pattern_pairs, small)


def test_without_multivae_the_message_says_how_to_get_it(pattern_pairs, small, monkeypatch):
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install -c constraints.txt -e '.\[peers\]'"):
        fresh("MVAE", pattern_pairs, small)
