"""What the book opens with: samples that were trained on beside held-out ones, and what each way makes of them.

Everything is computed from the saved models of a run while the book is built, and embedded in the page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.assessment.baselines import nearest_neighbours
from pairvae_lib.assessment.ensembles import crops_of, flow_answer
from pairvae_lib.assessment.errors import pair_reconstructions
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.scattering import azimuthal_average
from pairvae_lib.figures import display_name
from pairvae_lib.figures.pictures import png
from pairvae_lib.files.runs import Run
from pairvae_lib.files.webpage import address, rendered
from pairvae_lib.models.flow.config import APPLIED_FLOWS
from pairvae_lib.models.flow.training import load_or_train_flow
from pairvae_lib.models.loop import rng_for
from pairvae_lib.models.protocol import load_pair, split_pairs
from pairvae_lib.models.training import focused_crops
from pairvae_lib.morphology.masks import dice, directional_correlation, two_point_correlation

FILE, SCRIPT = "cover-comparison.html", "comparison.js"
PER_MORPHOLOGY = 2  # samples of each side
WIDE, HIGH = 60, 26  # of a curve, in units of its drawing
LOWEST = -0.5  # of A2: what is drawn darkest; 1 is drawn brightest
LEVELS = 24  # of a pattern's and a map's pixel on the page


@dataclass(frozen=True, eq=False)
class Compared:
    """One sample, and what each way makes of it.

    Parameters
    ----------
    sample_id, morphology : str
    patterns : mapping of name to float ndarray of shape (height, width)
        The measured pattern first, then those of the routes; values in [0, 1].
    masks : mapping of name to bool ndarray of shape (height, width)
        The true crop first.
    """

    sample_id: str
    morphology: str
    patterns: Mapping[str, NDArray[np.floating]]
    masks: Mapping[str, NDArray[np.bool_]]
    rings: Mapping[str, NDArray] = field(init=False)  #: mean intensity over rings, by pattern
    s2: Mapping[str, NDArray] = field(init=False)  #: by mask
    a2: Mapping[str, NDArray] = field(init=False)  #: normalised map up to a quarter of the side, by mask

    def __post_init__(self) -> None:
        stack = np.stack(list(self.masks.values()))
        s2, a2 = two_point_correlation(stack)[1], directional_correlation(stack, stack.shape[1] // 4, normalised=True)
        rings = {name: azimuthal_average(pattern)[1] for name, pattern in self.patterns.items()}
        of_masks = {name: dict(zip(self.masks, values, strict=True)) for name, values in (("s2", s2), ("a2", a2))}
        for name, values in ({"rings": rings} | of_masks).items():
            object.__setattr__(self, name, values)


def compared(run: Run) -> dict[str, list[Compared]]:
    """Samples of a run that were trained on, and held-out ones: up to two of each morphology.

    MissingResult if a chapter before has not been executed.
    """
    pairs = PreparedPairs.load(run.require(run.pairs_file, "02_preprocessing"))
    split, seed = split_pairs(pairs, run.seed, run.n_train, run.held_out), run.seed
    model, _ = load_pair(pairs, split.train, run.settings, seed, run.require(run.pair_file, "04_pair_vae"))
    flow_file, chosen_flow = run.require(run.flow_file, "10_applications"), APPLIED_FLOWS[run.profile]
    flow, _ = load_or_train_flow(pairs, split.train, chosen_flow, "fp32", seed, flow_file)
    scattering, micrograph = (modality.name for modality in pairs.modalities)
    sides: dict[str, list[Compared]] = {}
    for side, indices in (("trained on", split.train), ("held out", split.held_out)):
        chosen = _first_of_each(pairs.morphologies, indices)
        if side == "trained on":
            crops = focused_crops(pairs, tuple(chosen), run.settings.pair, seed)
        else:
            crops = pairs.crops(chosen, run.settings.image_size, rng_for(seed, "comparison, crops"))
        given = pairs.scattering[chosen]
        routes = pair_reconstructions(model, {scattering: given, micrograph: crops})
        nearest = nearest_neighbours(pairs.scattering, split.train, chosen)
        patterns = {scattering: given[:, 0]}
        patterns |= {f"{one}_to_{scattering}": routes[f"{one}_to_{scattering}"] for one in (scattering, micrograph)}
        masks = {f"true {micrograph}": crops[:, 0] > 0.5}
        masks |= {f"{one}_to_{micrograph}": routes[f"{one}_to_{micrograph}"] for one in (micrograph, scattering)}
        others = (("another crop", np.array(chosen)[:, np.newaxis]), ("nearest neighbour", nearest))
        for name, sources in others:
            masks[name] = crops_of(pairs, sources, rng_for(seed, f"comparison, {name}"))[:, 0]
        size = pairs.modalities[1].shape[0]
        masks["flow"] = flow_answer(flow, given, 1, size, rng_for(seed, "comparison, flow"))[:, 0]
        sides[side] = [
            Compared(
                pairs.sample_ids[index],
                pairs.morphologies[index],
                {name: np.clip(values[k], 0, 1) for name, values in patterns.items()},
                {name: values[k] for name, values in masks.items()},
            )
            for k, index in enumerate(chosen)
        ]
    return sides


def comparison_html(sides: Mapping[str, Sequence[Compared]]) -> str:
    """Both sides next to each other, as HTML, with the first sample of each and a menu that the page's script shows."""
    shown = {side: [{"name": _named(one), "html": _html(one, side)} for one in samples[:1]] +
             [{"name": _named(one)} for one in samples[1:]] for side, samples in sides.items()}
    return rendered(FILE, sides=shown)


def comparison_script(sides: Mapping[str, Sequence[Compared]]) -> str:
    """The other samples, as a script that defines their HTML by side: the page loads it when a menu is used."""
    others = {side: [_html(one, side) for one in samples[1:]] for side, samples in sides.items()}
    return f"globalThis.pairvaeComparison = {json.dumps(others)};\n"


def _first_of_each(morphologies: Sequence[str], indices: Sequence[int]) -> list[int]:
    """Indices of the first samples of every morphology, by morphology."""
    names = sorted({morphologies[index] for index in indices})
    return [index for name in names for index in _of(name, morphologies, indices)[:PER_MORPHOLOGY]]


def _of(name: str, morphologies: Sequence[str], indices: Sequence[int]) -> list[int]:
    """Those of one morphology."""
    return [index for index in indices if morphologies[index] == name]


def _named(sample: Compared) -> str:
    """A sample in a menu."""
    return f"{display_name(sample.morphology)} ({sample.sample_id})"


def _html(sample: Compared, side: str) -> str:
    """The pictures of one sample, and what they show in words."""
    measured, true = next(iter(sample.patterns)), next(iter(sample.masks))
    words = f"of a sample that was {side}, {display_name(sample.morphology)}"
    tiles = [_tile(name, true, mask, sample.s2, words, sample.a2) for name, mask in sample.masks.items()]
    tiles += [_tile(name, measured, pattern, sample.rings, words) for name, pattern in sample.patterns.items()]
    return rendered("cover-sample.html", sample={"tiles": tiles, "told": told(sample, side)})


def told(sample: Compared, side: str) -> str:
    """What the pictures of a sample show, in sentences."""
    true, _, cross, another, nearest, flow = sample.masks
    own, chance = (
        float(dice(sample.masks[name][np.newaxis], sample.masks[true][np.newaxis])[0]) for name in (cross, another)
    )
    route, crop = display_name(cross), "the crop that it was trained on" if side == "trained on" else "the true crop"
    ways = ", ".join(f"{display_name(name)} {_short(_error(sample.s2, name, true))}" for name in (cross, nearest, flow))
    return (
        f"{route} overlaps {crop} by {own:.2f}; another crop of the same sample overlaps it by {chance:.2f} "
        f"(Dice; 1 is the same picture). Mean error in S₂: {ways}."
    )


def _error(curves: Mapping[str, NDArray], name: str, true: str) -> float:
    """Mean absolute difference from the truth."""
    return float(np.abs(curves[name] - curves[true]).mean())


def _short(value: float) -> str:
    """Three digits, without the zero before the point."""
    return f"{value:.3f}".removeprefix("0")


def _tile(
    name: str, true: str, picture: NDArray, curves: Mapping[str, NDArray], words: str,
    maps: Mapping[str, NDArray] | None = None,
) -> dict[str, Any]:
    """One picture with its curve and, of a mask, its map."""
    caption = display_name(name) if maps is not None or name != true else f"{display_name(name)}, measured"
    most = max(float(curve.max()) for curve in curves.values())
    curve = "S₂" if maps is not None else "mean over rings"
    drawn = None if maps is None else np.clip((maps[name] - LOWEST) / (1 - LOWEST), 0, 1)
    errors = {} if name == true else {curve: _error(curves, name, true)}
    if maps is not None and name != true:
        errors["A₂"] = _error(maps, name, true)
    return {
        "caption": caption,
        "address": _address(picture),
        "alt": f"{caption} {words}",
        "shape": picture.shape,
        "curve": _line(curves[name], most),
        "truth": None if name == true else _line(curves[true], most),
        "curve_alt": f"{curve} of {caption}" + ("" if name == true else ", with the truth"),
        "map": None if drawn is None else _address(drawn),
        "map_alt": f"A₂ of {caption}",
        "errors": [f"{symbol if maps is not None else 'rings'} {_short(value)}" for symbol, value in errors.items()],
    }


def _address(picture: NDArray) -> str:
    """A picture within the page, in few levels."""
    return address(png(picture if picture.dtype == np.bool_ else np.rint(picture * LEVELS) / LEVELS, scale=1))


def _line(values: NDArray, most: float) -> str:
    """A curve as the path of a drawing of `WIDE` by `HIGH`, 0 at its bottom."""
    x = np.linspace(0, WIDE, len(values))
    y = HIGH - (HIGH - 1) * np.clip(values, 0, None) / max(most, 1e-9)
    return "M" + "L".join(f"{a:.0f} {b:.1f}" for a, b in zip(x, y, strict=True))
