"""Trained flows as folders, which every command that takes a model reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.beyond.definition import Contest, contest_pairs, contest_split
from pairvae_lib.bundles.bundle import Bundle, Scaling, origin, save_bundle
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.splits import Split
from pairvae_lib.models.flow.config import FLOW_SHOWN
from pairvae_lib.models.flow.network import ConditionalFlow
from pairvae_lib.models.flow.training import load_or_train_flow

CARD = """# Conditional flow, {scattering} to {micrograph}

Draws ensembles of binary micrographs for one measurement of {scattering}; trained on random crops of {n_train} pairs
({data}), {n_held_out} held out: {held_out}. Which samples those are stands in `config.json`. Its errors on held-out
samples, beside those of looking up neighbours, of PairVAE and of others, are in chapter 8 of the book.

What it draws has the statistics that the scattering tells of. It says nothing about the place on the sample, and
nothing about measurements unlike those that it was trained on. `model.safetensors` holds the scattering that it was
trained on, from which it reads its condition; no micrograph. Licence: MIT.
"""


def save_flow(
    folder: Path, contest: Contest, flow: ConditionalFlow, pairs: PreparedPairs, split: Split, held_out: str, half: bool
) -> Path:
    """Write a flow of a comparison as a bundle.

    Parameters
    ----------
    folder : Path
        It must not exist yet.
    contest, flow, pairs, split
        Which flow, and what it was trained on.
    held_out : str
        Who was held out, in words.
    half : bool
        Numbers in 16 bits.
    """
    names = [modality.name for modality in pairs.modalities]
    facts = origin(contest.data_root.name, contest.seed, pairs, split, name="flow")
    profile = contest.settings.profile
    scalings = Scaling.of(pairs, binarisation=profile.binarisation)
    bundle = Bundle(flow, pairs.modalities, scalings, profile.name, facts, "flow")
    card = CARD.format(
        scattering=names[0], micrograph=names[1], n_train=len(split.train), n_held_out=len(split.held_out),
        data=contest.data_root.name, held_out=held_out,
    )
    return save_bundle(folder, bundle, card, half)


def save_shown_flow(folder: Path, contest: Contest) -> Path:
    """Train the small flow that comes with the book, unless that was done, and write it as a bundle.

    Parameters
    ----------
    folder : Path
        It must not exist yet.
    contest : Contest
        Whose training samples it sees.
    """
    pairs, data = contest_pairs(contest)
    split, held_out = contest_split(contest, pairs, data)
    budget = contest.settings
    small = replace(budget.flow, architecture=replace(FLOW_SHOWN, components=budget.flow.architecture.components))
    file = contest.data_root / "shown.pt"
    flow, _ = load_or_train_flow(pairs, split.train, small, budget.profile.precision, contest.seed, file)
    return save_flow(folder, contest, flow, pairs, split, held_out, half=True)
