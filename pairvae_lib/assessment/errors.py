"""Assessment of the trained models: errors per image and route, references beside them, memorisation, latents.

The image is the unit: the errors of its crops are averaged first. Training and held-out images are kept apart; the
paper mixes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pairvae_lib.assessment.baselines import crop_to_crop_floor, references, retrieved
from pairvae_lib.assessment.memorisation import memorisation
from pairvae_lib.assessment.spectra import fourier_transform, noise_floor, power_spectrum_features
from pairvae_lib.config import Profile
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.splits import Split
from pairvae_lib.files.arrays import rounded, write_json
from pairvae_lib.files.runs import Run
from pairvae_lib.models.latents import (
    PART,
    correlation_spread,
    in_parts,
    latent_statistics,
    latents_of,
    principal_components,
)
from pairvae_lib.models.loop import rng_for
from pairvae_lib.models.pairvae import VAE, PairVAE, route_name
from pairvae_lib.models.protocol import TrainedPairVAE
from pairvae_lib.models.training import focused_crops
from pairvae_lib.morphology.masks import (
    component_counts,
    directional_correlation,
    domain_period,
    lineal_path,
    long_range_order,
    phase_fraction,
    two_point_correlation,
)

INTENSITY, S2, A2 = "intensity", "S2", "A2"
S2_PERIODIC, L_VERTICAL, L_HORIZONTAL, COMPONENTS = "S2 periodic", "L vertical", "L horizontal", "components"
CURVES = (S2, L_VERTICAL, L_HORIZONTAL)  # metrics that are functions of a length: drawn as such in figures
FLOOR, TRUE = "crop-to-crop floor", "true"
NOISE = "noise floor"  # of patterns
FOURIER, FOURIER_FITTED = "Fourier transform", "Fourier transform, fitted scale"  # the latter of unknown pixel sizes
NEAREST_SCATTERING = "nearest scattering"  # of the training samples, by the scattering itself: what SAXS -> SAXS may do
SUBSETS = ("train", "held out")
NEITHER = "neither"
POSTERIOR_SAMPLES = 8


@dataclass(frozen=True, eq=False)
class Assessment:
    """What `assess` found, for the n images of a data set.

    Parameters
    ----------
    sample_ids, morphologies : tuple of str, length n
    subsets : ndarray of str, shape (n,)
        "train", "held out", or "neither" (of the groups to train on, but more than `n_train`).
    errors : dict of metric to dict of route to ndarray of shape (n,)
        Mean absolute errors, averaged over the crops of an image. Metrics: "intensity" [of its range] of profiles,
        patterns and images, and those of `morphology_statistics` of masks; "intensity of saxs", ... where both
        techniques have the same (`metric_of`). Routes: "solo saxs_to_saxs", "saxs_to_sem", ... with the names of the
        data.
    references : dict of metric to dict of name to ndarray of shape (n,)
        The same errors of predictions that need no network, and the crop-to-crop floor.
    memorisation : dict of name to ndarray
        Dice coefficients, see `pairvae_lib.assessment.memorisation`; none of other pairs than profiles or patterns with
        masks.
    properties : dict of property to dict of series to ndarray of shape (n,)
        Numbers that describe masks themselves: see `morphology_properties`. Series: "true", and the routes to
        a micrograph.
    curves : dict of str to ndarray
        "r" and "z" [px]; "S2 true", "L vertical saxs_to_sem", ...: of shape (n, lengths), averaged over the crops;
        "sample_ids", "morphologies", "subsets".
    modalities : (str, str)
        Names of the techniques.
    is_of_masks : bool
        Whether they are a profile or pattern (scattering), and masks (micrograph).
    """

    sample_ids: tuple[str, ...]
    morphologies: tuple[str, ...]
    subsets: np.ndarray
    errors: dict[str, dict[str, np.ndarray]]
    references: dict[str, dict[str, np.ndarray]]
    memorisation: dict[str, np.ndarray]
    properties: dict[str, dict[str, np.ndarray]]
    curves: dict[str, np.ndarray]
    modalities: tuple[str, str] = ("saxs", "sem")
    is_of_masks: bool = True

    def medians(self) -> list[dict[str, str | float]]:
        """One row for every metric and route or reference: the median over images of each subset and of all."""
        rows: list[dict[str, str | float]] = []
        for metric, routes in self.errors.items():
            every = {"route": routes, "reference": self.references[metric]}
            for kind, named in every.items():
                for name, values in named.items():
                    row: dict[str, str | float] = {"metric": metric, "kind": kind, "name": name}
                    row |= {subset: float(np.median(values[self.subsets == subset])) for subset in SUBSETS}
                    rows.append(row | {"mixed": float(np.median(values))})
        return rows

    def split(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Values of all images, by subset."""
        return {subset: values[self.subsets == subset] for subset in SUBSETS}

    def content(self) -> dict[str, Any]:
        """All but the curves as plain values."""
        places = ("scattering", "micrograph") if self.is_of_masks else ("first", "second")
        return {
            "samples": [
                {"sample_id": sample_id, "morphology": morphology, "subset": str(subset)}
                for sample_id, morphology, subset in zip(self.sample_ids, self.morphologies, self.subsets, strict=True)
            ],
            "modalities": dict(zip(places, self.modalities, strict=True)),
            "medians": self.medians(),
            "errors": rounded(self.errors),
            "references": rounded(self.references),
            "memorisation": rounded(self.memorisation),
            "properties": rounded(self.properties),
        }

    def save(self, path: Path, run: Run, **others: Mapping) -> None:
        """Write `content` as JSON, atomically, with the parameters of the run and other plain results."""
        parameters = asdict(run) | {"data": run.data_root.name, "encoder": run.settings.architecture.encoder}
        results = {name: rounded(values) for name, values in others.items()}
        write_json(path, {"run": parameters} | self.content() | results)


def write_sweep(runs: Sequence[Run], path: Path) -> None:
    """Gather the medians of several runs into one JSON file, atomically: a row for each.

    MissingResult if a run has not been assessed; the message names the command.
    """
    rows = []
    for run in runs:
        content = json.loads(run.require(run.errors_file, "05_evaluation").read_text())
        n_train = sum(sample["subset"] == "train" for sample in content["samples"])
        of_run = {"seed": run.seed, "n_train": n_train, "protocol": run.protocol}
        rows += [of_run | row for row in content["medians"]]
    write_json(path, rows)


def solo_reconstructions(vaes: Mapping[str, VAE], measurements: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Both techniques through their own VAE, from the posterior mean.

    Measurements, float32 (n, 1, ...), give boolean masks or intensities in [0, 1], (n, ...), by route.
    """
    return {
        route_name(name, name): in_parts(vae.reconstruct, torch.from_numpy(measurements[name]))
        for name, vae in vaes.items()
    }


def pair_reconstructions(model: PairVAE, measurements: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The four routes of a PairVAE, from the posterior mean; as `solo_reconstructions`."""
    return {
        route_name(source, target): in_parts(
            partial(model.reconstruct, source=source, target=target), torch.from_numpy(measurements[source])
        )
        for source, target in model.routes
    }


def decoded_routes(
    solo: Mapping[str, VAE], model: PairVAE, measurements: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """All routes as they are compared: boolean masks (n, ...); scattering as it is decoded, (n, 1 or 3, ...).

    So what a model draws in colours is compared in colours. From the posterior mean; "solo" stands before those of
    single VAEs.
    """
    vaes = {f"solo {route_name(name, name)}": (vae, vae) for name, vae in solo.items()}
    vaes |= {route_name(source, target): (model.vae(source), model.vae(target)) for source, target in model.routes}
    found = {}
    for route, (encoder, decoder) in vaes.items():
        with torch.inference_mode():
            decoded = torch.cat([
                decoder.decode(encoder.encode(part).latent_mean)
                for part in torch.from_numpy(measurements[encoder.modality.name]).split(PART)
            ])
            is_mask = decoder.modality.kind == "mask"
            found[route] = (decoder.mode(decoded)[:, 0] if is_mask else decoded).numpy()
    return found


def morphology_statistics(masks: np.ndarray) -> dict[str, np.ndarray]:
    """The statistics that micrographs are compared by.

    Parameters
    ----------
    masks : bool ndarray of shape (..., height, width)

    Returns
    -------
    dict
        "S2": unbiased two-point correlation, (..., R). "S2 periodic": the same in the paper's convention. "A2":
        directional autocorrelation up to a quarter of the image, 1 at zero lag, (..., lags * lags); unlike the radial
        S2 it knows of orientation. "L vertical", "L horizontal": lineal path functions up to a quarter of the image,
        (..., Z). "components": logarithm of one more than the number of connected pieces, (..., 1); a small difference
        is about the relative error of their number.
    """
    quarter = min(masks.shape[-2:]) // 4
    lengths = np.arange(quarter + 1)
    directional = directional_correlation(masks, quarter, normalised=True)
    return {
        S2: two_point_correlation(masks)[1],
        S2_PERIODIC: two_point_correlation(masks, periodic=True)[1],
        A2: directional.reshape(*masks.shape[:-2], -1),
        L_VERTICAL: lineal_path(masks, "vertical", lengths)[1],
        L_HORIZONTAL: lineal_path(masks, "horizontal", lengths)[1],
        COMPONENTS: np.log1p(component_counts(masks))[..., np.newaxis],
    }


def morphology_properties(masks: np.ndarray, statistics: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Numbers that describe the morphology of each image, from several crops of it, bool (n, crops, height, width).

    Returns
    -------
    dict of str to ndarray of shape (n,)
        "phase fraction"; "period" [px], the first maximum of S2, NaN where there is none; "long-range order", see
        `morphology.long_range_order`; "lineal path", the mean of the vertical L(z) over its lengths; "components".
    """
    r, _ = two_point_correlation(masks[0, 0])
    s2 = statistics[S2].mean(axis=1)
    return {
        "phase fraction": phase_fraction(masks).mean(axis=1),
        "period": domain_period(r, s2),
        "long-range order": long_range_order(s2),
        "lineal path": statistics[L_VERTICAL].mean(axis=(1, 2)),
        "components": component_counts(masks).mean(axis=1),
    }


def assess(
    model: PairVAE, pairs: PreparedPairs, split: Split | None = None, profile: Profile | None = None,
    seed: int | None = None, solo: Mapping[str, VAE] | None = None,
) -> Assessment:
    """Errors of all routes and references on all images, with memorisation.

    Parameters
    ----------
    split, profile, seed
        Those of the training if `models.train` made the model. The profile says how many crops of each micrograph.
    solo : mapping of name to VAE, optional
        Solo-trained VAEs, to be assessed as well.

    Notes
    -----
    Source: paper, Fig. 6: MAE of intensities, and MAE between the S2 of true and reconstructed crops; held-out images
    apart, the posterior mean instead of a sample, the references and the directional A2 are ours.
    """
    if isinstance(model, TrainedPairVAE):
        split, profile = split or model.split, profile or model.profile
        seed = model.seed if seed is None else seed
    if split is None or profile is None or seed is None:
        raise ValueError("split, profile and seed must be given for a model that train() did not make; got None")
    n, everyone = len(pairs), np.arange(len(pairs))
    seen = _assessed(pairs, profile.assessment.crops, seed)
    answers = decoded_routes(solo or {}, model, seen)
    answers = {route: x.reshape(n, -1, *x.shape[1:]) for route, x in answers.items()}  # one for a sample, or for a crop
    targets = {f"solo {route_name(name, name)}": name for name in solo or {}}
    targets |= {route_name(*route): route[1] for route in model.routes}
    true = {name: x.reshape(n, -1, *x.shape[2:]) for name, x in seen.items()}
    errors: dict[str, dict[str, np.ndarray]] = {}
    guesses: dict[str, dict[str, np.ndarray]] = {}
    properties: dict[str, dict[str, np.ndarray]] = {}
    lengths: dict[str, np.ndarray] = {}
    curves: dict[str, np.ndarray] = {}
    for modality, other in zip(pairs.modalities, pairs.measured[::-1], strict=True):
        name = modality.name
        to_it = {route: values for route, values in answers.items() if targets[route] == name}
        features = true[other.modality.name]
        if other.modality.is_cropped:
            features = power_spectrum_features(features > 0.5 if other.modality.kind == "mask" else features)

        def guessed(of_true: np.ndarray, features: np.ndarray = features) -> dict[str, np.ndarray]:
            return references(features, of_true, split.train, everyone, rng_for(seed, "references"))

        if modality.kind == "mask":
            masks = {TRUE: true[name] > 0.5} | to_it
            statistics = {series: morphology_statistics(stack) for series, stack in masks.items()}
            for metric, of_true in statistics[TRUE].items():
                key = metric_of(metric, modality, pairs.modalities)
                errors[key] = {series: _mean_absolute(statistics[series][metric], of_true) for series in to_it}
                guesses[key] = {guess: _mean_absolute(values, of_true) for guess, values in guessed(of_true).items()}
                guesses[key][FLOOR] = crop_to_crop_floor(of_true)
            described = {series: morphology_properties(stack, statistics[series]) for series, stack in masks.items()}
            for what in described[TRUE]:
                key = metric_of(what, modality, pairs.modalities)
                properties[key] = {series: values[what] for series, values in described.items()}
            lengths = {"r": two_point_correlation(masks[TRUE][0, 0])[0], "z": np.arange(modality.shape[0] // 4 + 1)}
            for metric in CURVES:
                key = metric_of(metric, modality, pairs.modalities)
                curves |= {f"{key} {series}": values[metric].mean(axis=1) for series, values in statistics.items()}
            continue

        def coded(intensities: np.ndarray, name: str = name) -> np.ndarray:
            """Measurements (m, 1, *shape) as the model sees and decodes them: (m, 1 or 3, *shape)."""
            return model.vae(name).coded(torch.from_numpy(intensities)).numpy()

        key = metric_of(INTENSITY, modality, pairs.modalities)
        compared = coded(seen[name])
        compared = compared.reshape(n, -1, *compared.shape[1:])
        errors[key] = {route: _mean_absolute(values, compared) for route, values in to_it.items()}
        of_true = compared if modality.is_cropped else compared[:, 0]
        predicted = guessed(of_true)
        if is_scattering(pairs, name) and other.modality.kind == "mask":
            fourier = FOURIER if pairs.cycles is not None else FOURIER_FITTED
            crops = true[other.modality.name] > 0.5
            spectral = fourier_transform(crops, pairs.scattering[:, 0], split.train, pairs.q, pairs.cycles)
            predicted[fourier] = coded(spectral[:, np.newaxis])
        if not modality.is_cropped:
            nearest = NEAREST_SCATTERING if other.modality.kind == "mask" else f"nearest {name}"
            predicted[nearest] = retrieved(of_true, of_true, split.train, everyone)
        guesses[key] = {guess: _mean_absolute(values, of_true) for guess, values in predicted.items()}
        if modality.is_cropped:
            guesses[key][FLOOR] = crop_to_crop_floor(of_true)
        noise = noise_floor(of_true, seen[name][:, 0] > 0) if modality.kind == "pattern" else None
        if noise is not None:
            guesses[key][NOISE] = noise

    subsets = np.full(n, NEITHER, dtype="<U8")
    subsets[list(split.train)] = "train"
    subsets[list(split.held_out)] = "held out"
    remembered: dict[str, np.ndarray] = {}
    first, second = pairs.modalities
    if second.kind == "mask" and not first.is_cropped:
        cross = answers[route_name(first.name, second.name)][:, 0]
        remembered = memorisation(cross, pairs, split, profile.pair, true[second.name] > 0.5, seed)
    labels = {"sample_ids": np.array(pairs.sample_ids), "morphologies": np.array(pairs.morphologies)}
    return Assessment(
        sample_ids=pairs.sample_ids,
        morphologies=pairs.morphologies,
        subsets=subsets,
        errors=errors,
        references=guesses,
        memorisation=remembered,
        properties=properties,
        curves=lengths | labels | curves | {"subsets": subsets},
        modalities=(first.name, second.name),
        is_of_masks=second.kind == "mask" and not first.is_cropped,
    )


def metric_of(metric: str, modality: Modality, modalities: Sequence[Modality]) -> str:
    """A metric of reconstructions of a technique: with its name where the other has the same metrics."""
    alike = [one for one in modalities if (one.kind == "mask") == (modality.kind == "mask")]
    return metric if len(alike) == 1 else f"{metric} of {modality.name}"


def is_scattering(pairs: PreparedPairs, name: str) -> bool:
    """Whether a technique measured patterns, or profiles over q."""
    axis = pairs.of(name).axis
    return pairs.of(name).modality.kind == "pattern" or (axis is not None and axis.name == "q")


def _assessed(pairs: PreparedPairs, crops: int, seed: int) -> dict[str, np.ndarray]:
    """What is reconstructed, by technique: (n, 1, ...), of micrographs several crops of each, (n * crops, 1, ...)."""
    rng = rng_for(seed, "assessment")
    everyone = np.arange(len(pairs))
    images = np.repeat(everyone, crops)
    if all(modality.is_cropped for modality in pairs.modalities):
        return pairs.shown(images, rng)
    return {
        one.modality.name: one.shown(images if one.modality.is_cropped else everyone, rng) for one in pairs.measured
    }


def examples(morphologies: Sequence[str], indices: Sequence[int]) -> dict[str, int]:
    """The first of these indices of every morphology, by morphology."""
    first: dict[str, int] = {}
    for index in indices:
        first.setdefault(morphologies[index], index)
    return dict(sorted(first.items()))


def latent_results(
    solo: Mapping[str, VAE], model: PairVAE, pairs: PreparedPairs, profile: Profile, seed: int
) -> tuple[dict[str, dict[str, float]], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Latents before and after pair training, one crop of each micrograph.

    Returns
    -------
    statistics : dict
        `latents.latent_statistics` of "solo saxs", "solo sem", "pair saxs", "pair sem".
    coordinates : dict of ndarray of shape (n, 2)
        Their principal components: "latents solo saxs", ...
    uncertainty : dict of ndarray of shape (n,)
        "S2 spread": `latents.correlation_spread` of scattering -> micrograph.
    """
    scattering, micrograph = (modality.name for modality in pairs.modalities)
    crops = pairs.crops(range(len(pairs)), profile.image_size, rng_for(seed, "latents"))
    latents = latents_of(solo, model, {scattering: pairs.scattering, micrograph: crops})
    spread = correlation_spread(
        model, pairs.scattering, scattering, micrograph, POSTERIOR_SAMPLES, rng_for(seed, "posterior samples")
    )
    return (
        {label: latent_statistics(values, pairs.morphologies) for label, values in latents.items()},
        {f"latents {label}": principal_components(values) for label, values in latents.items()},
        {"S2 spread": spread},
    )


def example_results(
    solo: Mapping[str, VAE], model: PairVAE, pairs: PreparedPairs, split: Split, profile: Profile, seed: int
) -> dict[str, np.ndarray]:
    """One held-out and one training sample of each of m morphologies, with all reconstructions.

    Returns
    -------
    dict of str to ndarray
        Held out: "example labels", "example index" (m); for micrographs (m, side, side), "example true sem",
        "example solo sem_to_sem", ...; likewise for scattering. Training: "training example labels",
        "training example crop" (of the focused phase), "training example recalled" (drawn from the scattering),
        "training example other crop". And "q" of 1-D profiles.
    """
    scattering, micrograph = (modality.name for modality in pairs.modalities)
    shown = examples(pairs.morphologies, split.held_out)
    chosen = list(shown.values())
    measured = {
        scattering: pairs.scattering[chosen],
        micrograph: pairs.crops(chosen, profile.image_size, rng_for(seed, "examples")),
    }
    found = {
        "example labels": np.array(list(shown)),
        "example index": np.array(chosen),
        f"example true {scattering}": measured[scattering][:, 0],
        f"example true {micrograph}": measured[micrograph][:, 0] > 0.5,
    }
    found |= {f"example solo {route}": values for route, values in solo_reconstructions(solo, measured).items()}
    found |= {f"example {route}": values for route, values in pair_reconstructions(model, measured).items()}

    trained = examples(pairs.morphologies, split.train)
    chosen = list(trained.values())
    crops = pairs.crops(chosen, profile.image_size, rng_for(seed, "other"))
    recalled = pair_reconstructions(model, {scattering: pairs.scattering[chosen], micrograph: crops})
    found |= {
        "training example labels": np.array(list(trained)),
        "training example crop": focused_crops(pairs, tuple(chosen), profile.pair, seed)[:, 0] > 0.5,
        "training example recalled": recalled[route_name(scattering, micrograph)],
        "training example other crop": crops[:, 0] > 0.5,
    }
    return found if pairs.q is None else found | {"q": pairs.q}


def _mean_absolute(values: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Mean absolute difference per image: (n, ...) -> (n,)."""
    difference = np.abs(values - true)
    return difference.reshape(len(difference), -1).mean(axis=1)
