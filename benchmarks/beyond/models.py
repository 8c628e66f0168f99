"""The models of one comparison, each trained on the same pairs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from benchmarks.beyond.definition import Contest
from benchmarks.beyond.peers import Peer, load_or_train_peer
from pairvae_lib.config import Profile
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.splits import Split
from pairvae_lib.files.arrays import write_json
from pairvae_lib.models.flow.network import ConditionalFlow
from pairvae_lib.models.flow.training import flow_seconds, load_or_train_flow
from pairvae_lib.models.loop import time_in_words
from pairvae_lib.models.pairvae import PairVAE
from pairvae_lib.models.precision import training_precision
from pairvae_lib.models.protocol import load_or_train_pair, load_or_train_solo, training_seconds

FLOW = "flow"
Made = TypeVar("Made")


@dataclass
class Models:
    """All trained models of a comparison."""

    pairvae: PairVAE
    peers: dict[str, Peer]
    flow: ConditionalFlow
    settings: Profile  # those that PairVAE was trained by


def trained_models(
    contest: Contest, pairs: PreparedPairs, split: Split, report: Callable[[str], None] = lambda _: None
) -> Models:
    """The models: read where they are there, else trained and written."""
    budget, train, seed = contest.settings, split.train, contest.seed
    share = min(1.0, budget.samples / len(train))
    profile = fewer_epochs(budget.profile, share)
    clock = Clock(contest.folder / "seconds.json")
    if profile.precision == "auto" and not (contest.folder / "flow.pt").exists():
        # An epoch of a peer, and how many there are, are chosen to take about as long as PairVAE.
        seconds = (1 + len(contest.peers)) * training_seconds(pairs, train, replace(profile, precision="fp32"), seed)
        seconds += flow_seconds(pairs, train, budget.flow, profile.precision, seed)
        report(f"seed {seed}: {time_in_words(seconds, training_precision(profile.precision))}")
    trained_flow = partial(load_or_train_flow, pairs, train, budget.flow, profile.precision, seed)
    flow, _ = clock.timed(FLOW, contest.folder / "flow.pt", trained_flow)
    fp32 = replace(profile, precision="fp32")
    solo, _ = clock.timed("solo", contest.folder / "solo.pt", partial(load_or_train_solo, pairs, train, fp32, seed))
    pairvae, _ = clock.timed(
        "pair", contest.folder / "pair.pt", partial(load_or_train_pair, solo, pairs, train, fp32, seed)
    )
    epochs = {name: max(1, round(share * count)) for name, count in budget.peers.epochs.items()}
    peer_settings = replace(budget.peers, epochs=epochs)
    peers = {}
    for name in contest.peers:
        made = partial(load_or_train_peer, name, pairs, train, profile, peer_settings, seed)
        peers[name], _ = clock.timed(name, contest.folder / f"{name.lower()}.pt", made)
    return Models(pairvae, peers, flow, profile)


def fewer_epochs(profile: Profile, share: float) -> Profile:
    """The same profile with a share of all its epochs, at least one of each kind."""
    solo, pair = profile.solo, profile.pair
    return replace(
        profile,
        solo=replace(solo, epochs={key: max(1, round(share * count)) for key, count in solo.epochs.items()}),
        pair=replace(
            pair,
            random_crop_epochs=max(1, round(share * pair.random_crop_epochs)),
            focused_epochs=max(1, round(share * pair.focused_epochs)),
        ),
    )


class Clock:
    """Processor seconds of trainings, kept beside the models; of one that was resumed, nothing is known."""

    def __init__(self, file: Path):
        self.file = file

    @property
    def seconds(self) -> dict[str, float | None]:
        """By name."""
        return json.loads(self.file.read_text(encoding="utf-8")) if self.file.exists() else {}

    def timed(self, name: str, file: Path, made: Callable[[Path], Made]) -> Made:
        """What `made` makes of a file, timed if that takes a whole training."""
        there, resumed = file.exists(), any(file.parent.glob(f"{file.stem}*.partial"))
        start = time.process_time()
        result = made(file)
        if not there:
            spent = None if resumed else round(time.process_time() - start, 1)
            write_json(self.file, self.seconds | {name: spent})
        return result
