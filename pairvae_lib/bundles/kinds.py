"""The kinds of models: how each is trained, assessed, described in its folder, asked for answers, and spoken of.

A kind is a class without state, and KINDS names one of each. Shapes: m measurements, n members of an ensemble.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import nn

from pairvae_lib.assessment.ensemble_errors import assess_flow
from pairvae_lib.assessment.ensembles import flow_answer, pairvae_answer
from pairvae_lib.assessment.errors import CURVES, INTENSITY, TRUE, Assessment, assess, metric_of
from pairvae_lib.config import Architecture, Profile
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.splits import Split
from pairvae_lib.models.flow.config import FLOWS, FlowArchitecture
from pairvae_lib.models.flow.network import ConditionalFlow, check_drawable
from pairvae_lib.models.flow.training import flow_seconds, load_or_train_flow
from pairvae_lib.models.latents import posterior
from pairvae_lib.models.loop import rng_for, time_in_words
from pairvae_lib.models.pairvae import VAE, PairVAE, route_name
from pairvae_lib.models.precision import training_precision
from pairvae_lib.models.protocol import expected_time, load_or_train_pair, load_or_train_solo

ASSESSMENT, LATENTS = "assessment.json", "latents.safetensors"  # files of a model's folder
SELF_ERRORS = "self_errors"  # in a model's provenance: of a technique -> itself by its name, on held-out samples

LEAST_FOR_FLOW = 4  # training pairs

Stage = Callable[[str, str], AbstractContextManager[None]]  # name of a stage, and a sentence about it
Trained = tuple[nn.Module, dict[str, bytes], dict[str, Any]]  # with files of its folder, and facts for its provenance


class PairVAEKind:
    """PairVAE: all four routes, a best answer to each, and latents to draw around."""

    stems = ("solo", "pair")  # beginnings of the names of its files while it is unfinished
    only_draws = False

    name = "PairVAE"
    look_up = (
        "The look-up answers with the training sample whose measurement (of a micrograph, its power spectrum) is "
        "nearest, or with the mean over the three nearest, whichever is better."
    )
    references = "The crop-to-crop floor is the error of one true crop against another of the same micrograph."
    overlaps = "Overlap (Dice coefficient, median) of what is drawn from scattering"
    use = (
        "The single reconstruction answers what the other technique would show of a sample only as far as the table "
        "above says; the ensemble around it shows how far the model's own uncertainty reaches, which is not all of its "
        "error."
    )
    limit = "One crop of {size} px is drawn, not the place it is taken from: scattering does not tell that."
    held = "It holds no image and no curve of a sample."

    def check(self, split: Split, profile: Profile) -> None:
        """Raise ValueError unless there is a batch to train on."""
        needed = max(profile.solo.batch_size, profile.pair.batch_size)
        if len(split.train) < needed:
            raise ValueError(f"n_train must be at least the batch size {needed}; got {len(split.train)} training pairs")

    def trained(
        self, pairs: PreparedPairs, split: Split, profile: Profile, seed: int, work: Path, stage: Stage
    ) -> Trained:
        """Each technique by itself, then both together; what is unfinished lies in `work`."""
        long = profile.precision == "auto" and not (work / "pair.pt").exists()
        told = f"; {expected_time(pairs, split.train, profile, seed)}" if long else ""
        with stage("solo training", f"Training each technique by itself ({_sizes(split)}{told})"):
            solo, _ = load_or_train_solo(pairs, split.train, profile, seed, work / "solo.pt")
        with stage("pair training", "Training both together"):  # which changes what it starts from: read once more
            started, _ = load_or_train_solo(pairs, split.train, profile, seed, work / "solo.pt")
            model, _ = load_or_train_pair(started, pairs, split.train, profile, seed, work / "pair.pt")
        with stage("assessment", "Assessing it on training and held-out samples"):
            return model, *self.assessed(model, pairs, split, profile, seed, solo)

    def assessed(
        self, model: PairVAE, pairs: PreparedPairs, split: Split, profile: Profile, seed: int,
        solo: Mapping[str, VAE] | None = None,
    ) -> tuple[dict[str, bytes], dict[str, Any]]:
        """Files of its folder (assessment, spread of the latents), and facts for its provenance."""
        assessment = assess(model, pairs, split, profile, seed, solo)
        known = {}
        for modality in pairs.modalities:
            if modality.kind != "mask":
                errors = assessment.errors[metric_of(INTENSITY, modality, pairs.modalities)]
                held_out = errors[route_name(modality.name, modality.name)][list(split.held_out)]
                known[modality.name] = {"median": float(np.median(held_out)), "largest": float(held_out.max())}
        measured = pairs.shown(split.train, rng_for(seed, "latents"))
        spread = {  # of the latents, over the training samples
            name: posterior(model.vae(name), x).latent_mean.var(dim=0, correction=0).contiguous()
            for name, x in measured.items()
        }
        content = assessment.content() | {"curves": mean_curves(assessment)}
        return {ASSESSMENT: _as_bytes(content), LATENTS: save(spread)}, {SELF_ERRORS: known}

    def described(self, model: nn.Module) -> dict[str, Any]:
        """Architecture and latent shape, for JSON."""
        first = cast(PairVAE, model).vae(cast(PairVAE, model).names[0])
        return {
            "architecture": asdict(first.architecture) | {"backbone_weights": None},
            "latent_shape": list(first.latent_shape),
        }

    def fresh(self, described: Mapping[str, Any], modalities: tuple[Modality, Modality]) -> PairVAE:
        """A model of that description, with fresh weights."""
        given: Mapping[str, Any] = described["architecture"]
        values: dict[str, Any] = {key: tuple(one) if isinstance(one, list) else one for key, one in given.items()}
        channels, rows, cols = map(int, described["latent_shape"])
        return PairVAE(*(VAE(modality, Architecture(**values), (channels, rows, cols)) for modality in modalities))

    def routes(self, model: nn.Module) -> list[tuple[str, str]]:
        """Source and target of what it knows: all four."""
        return cast(PairVAE, model).routes

    def drawn(
        self, model: nn.Module, x: NDArray[np.float32], source: str, target: str, n: int, rng: np.random.Generator
    ) -> NDArray:
        """(m, 1, *source shape) -> (m, n, *target shape), decoded from samples of the posterior."""
        return pairvae_answer(cast(PairVAE, model), x, source, target, n, rng)

    def best(self, model: nn.Module, x: NDArray[np.float32], source: str, target: str) -> NDArray:
        """(m, 1, *source shape) -> (m, *target shape), decoded from the posterior's mean."""
        with torch.inference_mode():
            return cast(PairVAE, model).reconstruct(torch.from_numpy(x), source, target)[:, 0].numpy()


class FlowKind:
    """Conditional flow: ensembles of masks from the other technique, and nothing else; members as of `PairVAEKind`."""

    stems = ("flow",)
    only_draws = True

    name = "conditional flow"
    look_up = (
        "Ensembles of masks are compared with many crops of the true micrograph, statistic by statistic. The "
        "look-up answers with crops of the training sample whose measurement (of a micrograph, its power spectrum) is "
        "nearest, or of the three nearest, whichever is better."
    )
    references = (
        "Kernel ridge and the training mean are statistics without any image. The crop-to-crop floor is "
        "the error of as many other crops of the same micrograph."
    )
    overlaps = "Overlap (Dice coefficient, median) of masks with the crop of any training micrograph that fits best"
    use = (
        "An ensemble answers \"which statistics, and which look, would the micrograph of this sample have\" as "
        "far as the table above says. No member of it is the micrograph; average statistics over the ensemble."
    )
    limit = (
        "Crops of {size} px are drawn, not the place they are taken from: the measurement does not tell that. The way "
        "back is not predicted."
    )
    held = (
        "It holds the first measurement of every training sample, which its regression compares with: profiles as "
        "they are, patterns at half their resolution, of micrographs the power spectrum. It holds no micrograph."
    )

    def check(self, split: Split, profile: Profile) -> None:
        """Three neighbours for each training pair; else ValueError."""
        if len(split.train) < LEAST_FOR_FLOW:
            raise ValueError(
                f"n_train must be at least {LEAST_FOR_FLOW} for a flow, which looks at three neighbours of each; got "
                f"{len(split.train)} training pairs"
            )

    def trained(
        self, pairs: PreparedPairs, split: Split, profile: Profile, seed: int, work: Path, stage: Stage
    ) -> Trained:
        """One network, on random crops of masks; ValueError for another pair of kinds."""
        check_drawable(*pairs.modalities)
        told = ""
        if profile.precision == "auto" and not (work / "flow.pt").exists():
            seconds = flow_seconds(pairs, split.train, FLOWS[profile.name], profile.precision, seed)
            told = f"; {time_in_words(seconds, training_precision(profile.precision))}"
        with stage("training", f"Training the flow ({_sizes(split)}{told})"):
            flow, _ = load_or_train_flow(
                pairs, split.train, FLOWS[profile.name], profile.precision, seed, work / "flow.pt"
            )
        with stage("assessment", "Assessing it on training and held-out samples"):
            content = assess_flow(flow, pairs, split, seed)
        return flow, {ASSESSMENT: _as_bytes(content)}, {}

    def described(self, model: nn.Module) -> dict[str, Any]:
        """Architecture, and of how many samples it knows."""
        flow = cast(ConditionalFlow, model)
        return {"architecture": asdict(flow.architecture), "samples": len(flow.regression.known)}

    def fresh(self, described: Mapping[str, Any], modalities: tuple[Modality, Modality]) -> ConditionalFlow:
        """A model of that description, with fresh weights."""
        values = described["architecture"]
        architecture = FlowArchitecture(
            tuple(map(int, values["channels"])), int(values["embedded"]), int(values["components"])
        )
        return ConditionalFlow(*modalities, architecture, int(described["samples"]))

    def routes(self, model: nn.Module) -> list[tuple[str, str]]:
        """From the first technique to the second alone."""
        scattering, micrograph = cast(ConditionalFlow, model).modalities
        return [(scattering.name, micrograph.name)]

    def drawn(
        self, model: nn.Module, x: NDArray[np.float32], source: str, target: str, n: int, rng: np.random.Generator
    ) -> NDArray:
        """Drawn at the size of the training crops."""
        flow = cast(ConditionalFlow, model)
        return flow_answer(flow, x, n, flow.modalities[1].shape[0], rng)

    def best(self, model: nn.Module, x: NDArray[np.float32], source: str, target: str) -> None:
        """None: it only draws."""


KINDS: dict[str, PairVAEKind | FlowKind] = {"pairvae": PairVAEKind(), "flow": FlowKind()}


def mean_curves(assessment: Assessment) -> dict[str, list[float]]:
    """Curves for a model's folder, none of a single sample: "r", "z" [px], and means over the samples of a subset."""
    axes = (name for name in ("r", "z") if name in assessment.curves)
    curves: dict[str, list[float]] = {name: assessment.curves[name].tolist() for name in axes}
    first, second = assessment.modalities
    for metric in CURVES:
        for series in (TRUE, route_name(first, second), route_name(second, second)):
            found = assessment.curves.get(f"{metric} {series}")
            for subset, values in assessment.split(found).items() if found is not None else ():
                curves[f"{metric} {series}, {subset}"] = [float(f"{value:.5g}") for value in values.mean(axis=0)]
    return curves


def _sizes(split: Split) -> str:
    """Of both parts, in words."""
    return f"{len(split.train)} pairs, {len(split.held_out)} held out"


def _as_bytes(content: Mapping[str, Any]) -> bytes:
    """Plain values as JSON."""
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
