"""All answers of one comparison held to the same truth, and its outcome as one small file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch

from benchmarks.beyond.bundles import save_flow
from benchmarks.beyond.definition import Budget, Contest, contest_pairs, contest_split
from benchmarks.beyond.models import FLOW, Clock, Models, trained_models
from benchmarks.beyond.peers import Peer
from pairvae_lib.assessment.baselines import retrieved, training_mean
from pairvae_lib.assessment.ensemble_errors import (
    METRICS,
    ONE_CROP,
    SCALARS,
    denoising_losses,
    ensemble_statistics,
    error_table,
    memorised,
    ridge_statistics,
    spread_ratio,
)
from pairvae_lib.assessment.ensembles import (
    Masks,
    crops_of,
    decoded_ensembles,
    flow_answer,
    neighbours_answer,
    own_crops,
    pairvae_answer,
    repeated,
)
from pairvae_lib.assessment.spectra import SpectralReadout, fourier_transform, power_spectrum_features
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.splits import Split
from pairvae_lib.files.arrays import rounded, write_arrays, write_json
from pairvae_lib.models.loop import rng_for
from pairvae_lib.models.training import focused_crops

FLOOR, ONE, THREE, CLASS, OTHER = "floor", "nearest neighbour", "three neighbours", "class mixture", "another sample"
PAIRVAE_DRAWN = "PairVAE, drawn as in Fig. 7"  # with the variance of the latents of all training samples
STATISTICS_RIDGE, PAIRVAE, SHUFFLED = "statistics ridge", "PairVAE", "flow, shuffled scattering"
SHOWN = 4  # masks of an answer in the pictures
_plain = partial(rounded, digits=4)


def run_contest(contest: Contest, report: Callable[[str], None] = lambda _: None) -> Path:
    """Train what is not trained yet, assess all of it on the held-out samples, and write flow and outcome.

    Parameters
    ----------
    contest : Contest
    report : callable
        Takes a sentence on how long training will take.

    Returns
    -------
    Path
        `contest.result_file`; one that is there is left as it is.
    """
    if contest.result_file.exists():
        return contest.result_file
    pairs, folder = contest_pairs(contest)
    split, described = contest_split(contest, pairs, folder)
    models = trained_models(contest, pairs, split, report)
    if not contest.bundle_folder.exists():
        save_flow(contest.bundle_folder, contest, models.flow, pairs, split, described, half=False)
    outcome, pictures = assessed(contest, models, pairs, split)
    outcome["run"] = asdict(contest) | {"data": contest.data_root.name, "held_out": described}
    outcome["run"] |= {"n_train": len(split.train), "n_held_out": len(split.held_out)}
    write_arrays(contest.pictures_file, pictures)
    write_json(contest.result_file, outcome)
    return contest.result_file


def assessed(
    contest: Contest, models: Models, pairs: PreparedPairs, split: Split
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The outcome as plain values, and pictures."""
    budget, seed = contest.settings, contest.seed
    queries = np.array(split.held_out)
    size = pairs.modalities[1].shape[0]
    drawn = Clock(contest.folder / "seconds.json").seconds

    def rng(stage: str) -> np.random.Generator:
        return rng_for(seed, f"contest {stage}")

    true = own_crops(pairs, queries, budget.true, rng("true"))
    scattering = pairs.scattering[queries]
    answers: dict[str, np.ndarray] = {
        FLOOR: own_crops(pairs, queries, budget.drawn, rng(FLOOR)),
        ONE_CROP: own_crops(pairs, queries, 1, rng(ONE_CROP)),
        ONE: neighbours_answer(pairs, split, 1, budget.drawn, rng(ONE)),
        THREE: neighbours_answer(pairs, split, 3, budget.drawn, rng(THREE)),
        CLASS: class_answer(pairs, split, budget.drawn, rng(CLASS)),
        OTHER: others_answer(pairs, split, budget.drawn, rng(OTHER)),
        PAIRVAE: pairvae_answer(models.pairvae, scattering, *models.pairvae.names, budget.drawn, rng(PAIRVAE)),
        PAIRVAE_DRAWN: decoded_ensembles(models.pairvae, pairs, split.train, seed)(scattering, budget.drawn),
    }
    for name, peer in models.peers.items():
        answers[name] = peer_answer(peer, pairs, split.held_out, budget.drawn, rng(name))
    start = process_time()
    answers[FLOW] = flow_answer(models.flow, scattering, budget.drawn, size, rng(FLOW), budget.steps)
    drawn["flow, a mask"] = round((process_time() - start) / answers[FLOW][:, :, 0, 0].size, 4)
    wrong = np.roll(rng(SHUFFLED).permutation(len(queries)), 1)  # nobody keeps a place but by chance
    answers[SHUFFLED] = flow_answer(models.flow, scattering[wrong], budget.drawn, size, rng(FLOW), budget.steps)

    true_statistics = ensemble_statistics(true)
    statistics = {name: ensemble_statistics(masks) for name, masks in answers.items()}
    known = ensemble_statistics(own_crops(pairs, range(len(pairs)), budget.drawn, rng("ridge")))
    ridge = ridge_statistics(pairs.scattering, known, split.train, split.held_out)
    errors = error_table(statistics | {STATISTICS_RIDGE: ridge}, true_statistics)

    classes = [pairs.morphologies[index] for index in queries]
    looked_at = np.unique(np.linspace(0, len(queries) - 1, budget.memorisation).round().astype(int))
    copied = {name: memorised(answers[name][looked_at, 0], pairs, split.train) for name in (FLOOR, PAIRVAE, FLOW)}
    own, others = denoising_losses(models.flow, true[:, 0], scattering, scattering[wrong], lambda: rng("denoising"))
    seconds = {PAIRVAE: _sum(drawn, "solo", "pair"), **{name: drawn.get(name) for name in (*models.peers, FLOW)}}
    outcome = {
        "samples": [pairs.sample_ids[index] for index in queries],
        "morphologies": classes,
        "errors": _plain(errors),
        "spread": {
            name: _plain(spread_ratio(given[METRICS[0]], true_statistics[METRICS[0]]))
            for name, given in statistics.items()
            if name != ONE_CROP  # one alone has no spread
        },
        "within_class": {
            name: round(within_class_correlation(given, true_statistics, classes), 4)
            for name, given in statistics.items()
        },
        "scalars": {
            name: {metric: _plain(given[metric].reshape(len(queries), -1).mean(axis=1)) for metric in SCALARS}
            for name, given in [("true", true_statistics), *((key, statistics[key]) for key in (THREE, PAIRVAE, FLOW))]
        },
        "memorisation": _plain(copied),
        "denoising": {"own": _plain(own), "others": _plain(others)},
        "scattering": _plain(scattering_errors(models, pairs, split, budget, rng)),
        "seconds": seconds | {"flow, a mask": drawn["flow, a mask"]},
    }
    return outcome, pictures(models, pairs, split, true, answers, seed)


def scattering_errors(
    models: Models,
    pairs: PreparedPairs,
    split: Split,
    budget: Budget,
    rng: Callable[[str], np.random.Generator],
) -> dict[str, np.ndarray]:
    """The way back: mean absolute error of the scattering from several crops of each held-out micrograph."""
    queries, train = list(split.held_out), list(split.train)
    source, target = (modality.name for modality in reversed(pairs.modalities))
    crops = own_crops(pairs, range(len(pairs)), budget.drawn, rng("spectra"))
    spectra = power_spectrum_features(crops)
    true = pairs.scattering[:, 0]
    seen = torch.from_numpy(_images(crops[queries].reshape(-1, *crops.shape[2:])))
    with torch.inference_mode():
        decoded = {PAIRVAE: models.pairvae.reconstruct(seen, source, target)}
        for name, peer in models.peers.items():
            decoded[name] = peer.reconstruct(seen, source, target, seed=0)
    found = {  # one answer of all crops of a sample
        name: values.numpy().reshape(len(queries), budget.drawn, *true.shape[1:]).mean(axis=1)
        for name, values in decoded.items()
    }
    found |= {
        "training mean": training_mean(true, train, queries),
        ONE: retrieved(spectra, true, train, queries, 1),
        THREE: retrieved(spectra, true, train, queries, 3),
        "Fourier transform": fourier_transform(crops, true, train, pairs.q, pairs.cycles)[queries],
        "spectral readout": SpectralReadout(spectra[train], true[train]).predict(spectra[queries]),
    }
    return {
        name: np.abs(values - true[queries]).reshape(len(queries), -1).mean(axis=1) for name, values in found.items()
    }


def pictures(
    models: Models, pairs: PreparedPairs, split: Split, true: np.ndarray, answers: dict[str, np.ndarray], seed: int
) -> dict[str, np.ndarray]:
    """Masks of one held-out and one training sample of each class, with what they answer to."""
    classes = sorted(set(pairs.morphologies[index] for index in split.held_out))
    places = [next(i for i, q in enumerate(split.held_out) if pairs.morphologies[q] == name) for name in classes]
    trained = [next((t for t in split.train if pairs.morphologies[t] == name), split.train[0]) for name in classes]
    source, target = (modality.name for modality in pairs.modalities)
    rng = rng_for(seed, "contest pictures")
    with torch.inference_mode():
        rebuilt = models.pairvae.reconstruct(torch.from_numpy(pairs.scattering[trained]), source, target)
    shown = {
        "true": true[places, :SHOWN],
        **{name: answers[name][places, :SHOWN] for name in (ONE, PAIRVAE, *models.peers, FLOW)},
        "training crop": focused_crops(pairs, tuple(trained), models.settings.pair, seed) > 0.5,
        "training reconstruction": rebuilt.numpy(),
        "other crops": own_crops(pairs, trained, 2, rng),
    }
    return shown | {
        "classes": np.array(classes),
        "samples": np.array([pairs.sample_ids[split.held_out[place]] for place in places]),
        "scattering": pairs.scattering[np.array(split.held_out)[places], 0].astype(np.float16),
    }


def _images(masks: np.ndarray) -> np.ndarray:
    """Masks (n, height, width) as a network sees them."""
    return masks[:, np.newaxis].astype(np.float32)


def _sum(seconds: dict[str, float | None], *names: str) -> float | None:
    """Sum of times, None where one is not known."""
    known = [seconds.get(name) for name in names]
    return None if None in known else round(sum(value for value in known if value is not None), 1)


def peer_answer(
    peer: Peer, pairs: PreparedPairs, queries: Sequence[int], count: int, rng: np.random.Generator
) -> Masks:
    """What a peer decodes from samples of the posterior of the scattering."""
    source, target = (modality.name for modality in pairs.modalities)
    return repeated(
        pairs.scattering[list(queries)],
        count,
        lambda x: peer.reconstruct(x, source, target, int(rng.integers(2**31))) > 0,
    )


def class_answer(pairs: PreparedPairs, split: Split, count: int, rng: np.random.Generator) -> Masks:
    """Crops of random training samples of the true class, which somebody has told: an oracle for the class alone."""
    labels = np.array(pairs.morphologies)
    train = np.array(split.train)
    drawn = []
    for index in split.held_out:
        same = train[labels[train] == labels[index]]
        drawn.append(rng.choice(same if len(same) else train, count))  # a class that no training sample has: any
    return crops_of(pairs, np.stack(drawn), rng)


def others_answer(pairs: PreparedPairs, split: Split, count: int, rng: np.random.Generator) -> Masks:
    """Crops of one random training sample: what an answer to another question scores."""
    return own_crops(pairs, rng.choice(np.array(split.train), len(split.held_out)), count, rng)


def within_class_correlation(
    given: Mapping[str, np.ndarray], true: Mapping[str, np.ndarray], morphologies: Sequence[str]
) -> float:
    """Whether an answer follows the sample, or only its class.

    Parameters
    ----------
    given, true : mapping of metric to ndarray of shape (n, masks, ...)
        Of SCALARS at least.
    morphologies : sequence of str, length n

    Returns
    -------
    float
        Correlation over the samples of each scalar about the mean of its class, averaged over the scalars; 0 where an
        answer does not vary within a class.
    """
    names, member = np.unique(np.asarray(morphologies), return_inverse=True)
    correlations = []
    for metric in SCALARS:
        pair = []
        for values in (given[metric], true[metric]):
            means = values.reshape(len(values), -1).mean(axis=1)
            centres = np.array([means[member == index].mean() for index in range(len(names))])
            pair.append(means - centres[member])
        scale = np.sqrt(np.square(pair[0]).sum() * np.square(pair[1]).sum())
        correlations.append(float((pair[0] * pair[1]).sum() / scale) if scale > 1e-12 else 0.0)
    return float(np.mean(correlations))
