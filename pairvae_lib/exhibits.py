"""Pictures of a few samples beside their reconstructions: for reports, and in a model's folder only when asked for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from pairvae_lib.bundle import EXAMPLES, Bundle
from pairvae_lib.evaluation import examples
from pairvae_lib.fitting import generator
from pairvae_lib.kinds import KINDS
from pairvae_lib.pairs import PreparedPairs
from pairvae_lib.splits import Split

MOST = 4  # of each subset
DRAWN = 3  # masks, and true crops, of kinds of models that only draw ensembles
LARGEST = 1024  # px or points along a side


@dataclass(frozen=True, eq=False)
class Exhibit:
    """One sample with what the model makes of it.

    Parameters
    ----------
    title : str
        E.g. "held out: lines".
    pictures : dict of str to ndarray
        "true saxs", "true sem", "saxs_to_sem", ...: masks (bool), patterns or profiles (float32 in [0, 1]). Where a
        model only draws, there are DRAWN of either: "true sem", "true sem 2", ..., "saxs_to_sem", "saxs_to_sem 2", ...
    """

    title: str
    pictures: dict[str, NDArray]


def exhibits(bundle: Bundle, pairs: PreparedPairs, seed: int) -> list[Exhibit]:
    """Up to MOST held-out and as many training samples, of different morphologies, with all routes of the model.

    Parameters
    ----------
    bundle : Bundle
        Its provenance names the samples.
    pairs : PreparedPairs
        The data that it was trained on.
    seed : int
        Of the crops.
    """
    if pairs.digest != bundle.provenance.get("digest"):
        raise ValueError(
            f"the data are not those that the model was trained on: digest {pairs.digest} instead of "
            f"{bundle.provenance.get('digest')}"
        )
    scattering, micrograph = (modality.name for modality in bundle.modalities)
    kind, split = KINDS[bundle.kind], split_of(bundle, pairs)
    found = []
    for subset, indices in (("held out", split.held_out), ("training", split.train)):
        chosen = list(examples(pairs.morphologies, indices).items())
        chosen += [(pairs.morphologies[index], index) for index in indices if index not in dict(chosen).values()]
        for morphology, index in chosen[:MOST]:
            count = DRAWN if kind.only_draws else 1
            crops = pairs.crops([index] * count, bundle.modalities[1].shape[0], generator(seed, "exhibits", index))
            seen = {scattering: pairs.scattering[[index]], micrograph: crops[:1]}
            pictures = {f"true {scattering}": seen[scattering][0, 0]}
            pictures |= _numbered(f"true {micrograph}", crops[:, 0] > 0.5)
            for source, target in kind.routes(bundle.model):
                rng = generator(seed, f"exhibit-{source}-{target}", index)
                answers = kind.best(bundle.model, seen[source], source, target)
                if answers is None:
                    answers = kind.drawn(bundle.model, seen[source], source, target, count, rng)[0]
                pictures |= _numbered(f"{source}_to_{target}", answers)
            found.append(Exhibit(f"{subset}: {morphology}, {pairs.sample_ids[index]}", pictures))
    return found


def pictures_of(exhibit: Exhibit, target: str) -> dict[str, NDArray]:
    """The pictures of one technique, true ones first."""
    own = re.compile(rf"(true |.*_to_){re.escape(target)}( \d+)?")
    return {name: picture for name, picture in exhibit.pictures.items() if own.fullmatch(name)}


def split_of(bundle: Bundle, pairs: PreparedPairs) -> Split:
    """The split that a model was trained with, by the names of the samples in its provenance."""
    places = {sample_id: index for index, sample_id in enumerate(pairs.sample_ids)}
    named = {name: cast(list[str], bundle.provenance[name]) for name in ("train", "held_out")}
    return Split(*(tuple(places[sample_id] for sample_id in named[name]) for name in ("train", "held_out")))


def packed_exhibits(shown: list[Exhibit]) -> bytes:
    """Exhibits as the content of a safetensors file: masks and intensities in 256 levels."""
    arrays = {
        json.dumps([number, exhibit.title, name]): np.ascontiguousarray(
            picture if picture.dtype == np.bool_ else np.rint(picture.clip(0, 1) * 255).astype(np.uint8)
        )
        for number, exhibit in enumerate(shown)
        for name, picture in exhibit.pictures.items()
    }
    return save(arrays)


def attached_exhibits(bundle: Bundle) -> list[Exhibit]:
    """Those that a model's folder holds; none if it holds none."""
    if EXAMPLES not in bundle.attachments:
        return []
    try:
        arrays = load(bundle.attachments[EXAMPLES])
        found: dict[tuple[int, str], dict[str, NDArray]] = {}
        for (number, title, name), picture in [(json.loads(key), arrays[key]) for key in sorted(arrays)]:
            found.setdefault((number, str(title)), {})[str(name)] = _checked(picture)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{EXAMPLES} does not hold pictures ({error})") from error
    return [Exhibit(title, _in_order(pictures)) for (_, title), pictures in found.items()]


def _checked(picture: NDArray) -> NDArray:
    """A mask, or intensities from levels."""
    if picture.dtype not in (np.bool_, np.uint8) or picture.ndim not in (1, 2) or not 0 < max(picture.shape) <= LARGEST:
        raise ValueError(f"a picture of {picture.dtype} with shape {picture.shape}")
    return picture if picture.dtype == np.bool_ else (picture / np.float32(255)).astype(np.float32)


def _in_order(pictures: dict[str, NDArray]) -> dict[str, NDArray]:
    """What is true first; numbered ones in their order."""
    return dict(sorted(pictures.items(), key=lambda item: (not item[0].startswith("true "), item[0])))


def _numbered(name: str, pictures: NDArray) -> dict[str, NDArray]:
    """Pictures by a name, those after the first with a number."""
    return {f"{name} {number}" if number > 1 else name: picture for number, picture in enumerate(pictures, start=1)}
