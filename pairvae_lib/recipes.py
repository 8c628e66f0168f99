"""How each kind of model is trained and assessed: what `producing.produce` does between the pairs and the folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save
from torch import nn

from pairvae_lib.applying import SELF_ERRORS
from pairvae_lib.budgets import FLOWS
from pairvae_lib.bundle import ASSESSMENT, LATENTS
from pairvae_lib.config import Profile
from pairvae_lib.evaluation import CURVES, INTENSITY, TRUE, Assessment, assess
from pairvae_lib.flow_assessment import assess_flow
from pairvae_lib.flow_training import flow_trained
from pairvae_lib.model import route_name
from pairvae_lib.pairs import PreparedPairs
from pairvae_lib.splits import Split
from pairvae_lib.trained import pair_trained, solo_trained
from pairvae_lib.uses import training_variance

Stage = Callable[[str, str], AbstractContextManager[None]]  # name of a stage, and a sentence about it


@dataclass(frozen=True, eq=False)
class Made:
    """A trained model with what its folder says of it.

    Parameters
    ----------
    model : nn.Module
    attachments : mapping of str to bytes
        By `bundle.ATTACHMENTS`.
    facts : mapping
        Plain values for the provenance that other kinds do not have.
    """

    model: nn.Module
    attachments: Mapping[str, bytes]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """How a kind of model is made.

    Parameters
    ----------
    stems : tuple of str
        Begins of the names of its files while it is unfinished.
    check : callable
        (split, profile); raises ValueError if there are too few training pairs.
    made : callable
        (pairs, split, profile, seed, folder for unfinished files, stage) to `Made`.
    """

    stems: tuple[str, ...]
    check: Callable[[Split, Profile], None]
    made: Callable[[PreparedPairs, Split, Profile, int, Path, Stage], Made]

    def unfinished(self, folder: Path) -> list[str]:
        """Names of what a training has left in a folder."""
        return sorted(
            path.name for stem in self.stems for end in ("pt", "partial") for path in folder.glob(f"{stem}*.{end}")
        )


def _check_pairvae(split: Split, profile: Profile) -> None:
    """A batch to train on."""
    needed = max(profile.solo.batch_size, profile.pair.batch_size)
    if len(split.train) < needed:
        raise ValueError(f"n_train must be at least the batch size {needed}; got {len(split.train)} training pairs")


def _made_pairvae(
    pairs: PreparedPairs, split: Split, profile: Profile, seed: int, work: Path, stage: Stage
) -> Made:
    """Each technique by itself, then both together."""
    with stage("solo training", f"Training each technique by itself ({_sizes(split)})"):
        solo, _ = solo_trained(pairs, split.train, profile, seed, work / "solo.pt")
    with stage("pair training", "Training both together"):
        started, _ = solo_trained(pairs, split.train, profile, seed, work / "solo.pt")
        model, _ = pair_trained(started, pairs, split.train, profile, seed, work / "pair.pt")
    with stage("assessment", "Assessing it on training and held-out samples"):
        assessment = assess(solo, model, pairs, split, profile, seed)
    scattering = pairs.modalities[0].name
    errors = assessment.errors[INTENSITY][route_name(scattering, scattering)][list(split.held_out)]
    return Made(
        model,
        {
            ASSESSMENT: _as_bytes(appraisal_content(assessment)),
            LATENTS: save(training_variance(model, pairs, split.train, seed)),
        },
        {SELF_ERRORS: {"median": float(np.median(errors)), "largest": float(errors.max())}},
    )


def appraisal_content(assessment: Assessment) -> dict[str, Any]:
    """An assessment as plain values, for a model's folder: no image, no curve of a single sample.

    Parameters
    ----------
    assessment : Assessment
        Of `evaluation.assess`.
    """
    curves: dict[str, list[float]] = {name: assessment.curves[name].tolist() for name in ("r", "z")}
    scattering, micrograph = assessment.modalities
    for metric in CURVES:
        for series in (TRUE, route_name(scattering, micrograph), route_name(micrograph, micrograph)):
            for subset, values in assessment.split(assessment.curves[f"{metric} {series}"]).items():
                curves[f"{metric} {series}, {subset}"] = [float(f"{value:.5g}") for value in values.mean(axis=0)]
    return assessment.content() | {"curves": curves}


def _check_flow(split: Split, profile: Profile) -> None:
    """More training pairs than components of the condition, and three neighbours for each of them."""
    needed = max(FLOWS[profile.name].architecture.components + 1, 4)
    if len(split.train) < needed:
        raise ValueError(
            f"n_train must be at least {needed} for a flow, more than the components of the statistics it is told; got "
            f"{len(split.train)} training pairs"
        )


def _made_flow(pairs: PreparedPairs, split: Split, profile: Profile, seed: int, work: Path, stage: Stage) -> Made:
    """One network, on random crops."""
    chosen = FLOWS[profile.name]
    with stage("training", f"Training the flow ({_sizes(split)})"):
        flow, _ = flow_trained(pairs, split.train, chosen, profile.precision, seed, work / "flow.pt")
    with stage("assessment", "Assessing it on training and held-out samples"):
        content = assess_flow(flow, pairs, split, seed)
    return Made(flow, {ASSESSMENT: _as_bytes(content)})


RECIPES: dict[str, Recipe] = {  # by `bundle.KINDS`
    "pairvae": Recipe(("solo", "pair"), _check_pairvae, _made_pairvae),
    "flow": Recipe(("flow",), _check_flow, _made_flow),
}


def _sizes(split: Split) -> str:
    """Of both parts, in words."""
    return f"{len(split.train)} pairs, {len(split.held_out)} held out"


def _as_bytes(content: Mapping[str, Any]) -> bytes:
    """Plain values as JSON."""
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
