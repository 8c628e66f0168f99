"""The report about a model (HTML) and its card (Markdown): what it gets right and wrong, and what it remembers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from pairvae_lib import __version__, figures
from pairvae_lib.assessment.comparisons import BETTER, WORSE, Comparison, label, shown_name
from pairvae_lib.assessment.ensemble_errors import AREA
from pairvae_lib.assessment.errors import A2, COMPONENTS, INTENSITY, L_HORIZONTAL, L_VERTICAL, S2, examples, metric_of
from pairvae_lib.bundles.appraisal import SHOWN_REFERENCES, Appraisal, appraisal_of
from pairvae_lib.bundles.bundle import EXAMPLES, Bundle
from pairvae_lib.bundles.kinds import KINDS
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.splits import Split
from pairvae_lib.figures.pictures import png
from pairvae_lib.files.webpage import address, rendered
from pairvae_lib.files.writing import replacing
from pairvae_lib.models.flow.condition import conditioning
from pairvae_lib.models.loop import rng_for
from pairvae_lib.models.pairvae import route_name

MOST = 4  # of each subset
DRAWN = 3  # masks, and true crops, of kinds of models that only draw ensembles
LARGEST = 1024  # px or points along a side
Shown = tuple[str, str]  # caption, address
HELD_OUT_MEAN = "mean over held-out samples"
CURVES: tuple[tuple[str, str, str, Callable[..., Figure]], ...] = (
    (S2, "r", "two-point correlation S2", figures.correlation_curves),
    (L_VERTICAL, "z", "lineal path, vertical", figures.lineal_path_curves),
    (L_HORIZONTAL, "z", "lineal path, horizontal", partial(figures.lineal_path_curves, axis="horizontal")),
)
SIZE_LIMIT = 3_000_000  # bytes
METRIC_WORDS = {
    INTENSITY: "mean absolute error of {}, of its range",
    S2: "mean absolute error of the two-point correlation",
    A2: "mean absolute error of the directional correlation, 1 at zero lag",
    L_VERTICAL: "mean absolute error of the lineal path function, vertical",
    L_HORIZONTAL: "mean absolute error of the lineal path function, horizontal",
    AREA: "error of the phase fraction",
    COMPONENTS: "error of the logarithm of the number of connected pieces, about its relative error",
}
FEW = 20  # held-out samples
SPECIAL = re.compile(r"([\\`*_{}\[\]|<>&~])")


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

    The bundle's provenance names the samples; `pairs` must be those that it was trained on. `seed` is of the crops.
    """
    if pairs.digest != bundle.provenance.get("digest"):
        raise ValueError(
            f"the data are not those that the model was trained on: digest {pairs.digest} instead of "
            f"{bundle.provenance.get('digest')}"
        )
    kind, split = KINDS[bundle.kind], split_of(bundle, pairs)
    found = []
    for subset, indices in (("held out", split.held_out), ("training", split.train)):
        chosen = list(examples(pairs.morphologies, indices).items())
        chosen += [(pairs.morphologies[index], index) for index in indices if index not in dict(chosen).values()]
        for morphology, index in chosen[:MOST]:
            count = DRAWN if kind.only_draws else 1
            shown = pairs.shown([index] * count, rng_for(seed, "exhibits", index))
            seen = {name: x[:1] for name, x in shown.items()}
            if kind.only_draws:
                seen[bundle.modalities[0].name] = conditioning(pairs.measured[0], [index], rng_for(seed, "seen", index))
            pictures: dict[str, NDArray] = {}
            for modality in pairs.modalities:
                x = shown[modality.name][: count if modality.is_cropped else 1, 0]
                pictures |= _numbered(f"true {modality.name}", x > 0.5 if modality.kind == "mask" else x)
            for source, target in kind.routes(bundle.model):
                rng = rng_for(seed, f"exhibit-{source}-{target}", index)
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


def write_report(path: Path, bundle: Bundle, shown: list[Exhibit] | None = None) -> Appraisal:
    """Write the report about a model to an HTML file; one that is there is replaced.

    Parameters
    ----------
    shown : list of Exhibit, optional
        Samples with their reconstructions; those of the model's folder if None.

    Returns
    -------
    Appraisal
        What it says, as numbers. ValueError if the model's folder holds no assessment, or something else in its place.
    """
    appraisal = appraisal_of(bundle)
    text = report_page(bundle, appraisal, attached_exhibits(bundle) if shown is None else shown)
    with replacing(path) as file:
        file.write(text.encode())
    return appraisal


def report_page(bundle: Bundle, appraisal: Appraisal, shown: list[Exhibit]) -> str:
    """The report as HTML; ValueError if the model's provenance does not describe a training."""
    words, verdicts = KINDS[bundle.kind], {one.verdict for one in appraisal.comparisons}
    is_good = verdicts == {BETTER} and not appraisal.nearer_answers()
    return rendered(
        "report.html",
        name=str(bundle.provenance.get("name", "model")),
        modalities=[modality.name for modality in bundle.modalities],
        appraisal=appraisal,
        words=words,
        tone="good" if is_good else "bad" if WORSE in verdicts else "",
        compared=[
            (label(one, appraisal.comparisons), one.error, one.reference_error, one.reference, one.told, one.verdict)
            for one in appraisal.comparisons
        ],
        exhibits=[
            (exhibit.title, [_reconstructed(exhibit, target, bundle) for target in bundle.modalities[::-1]])
            for exhibit in shown
        ],
        metric_words=_metric_words(appraisal),
        references=SHOWN_REFERENCES,
        curves=_curves(appraisal, bundle.scalings[1].nm_per_pixel),
        overlaps=[(name, float(np.median(values))) for name, values in appraisal.memorisation.items()],
        data=data_lines(bundle),
        training=training_lines(bundle),
        limits=limit_lines(bundle),
        given_away=given_away(bundle),
    )


def report_content(appraisal: Appraisal) -> dict[str, Any]:
    """The report as plain values, for other programs."""
    return {
        "beats_retrieval": appraisal.sentence(),
        "beats_plain_answers": appraisal.plain_sentence(),
        "comparisons": [_plain(one) for one in appraisal.comparisons],
        "errors": {
            metric: {name: {"train": train, "held out": held} for name, train, held in appraisal.rows(metric)}
            for metric in appraisal.errors
        },
        "memorisation": {name: float(np.median(values)) for name, values in appraisal.memorisation.items()},
        "sentences": appraisal.facts(),
        "samples": {subset: appraisal.count(subset) for subset in ("train", "held out")},
    }


def _metric_words(appraisal: Appraisal) -> dict[str, str]:
    """What every metric is, in words."""
    return METRIC_WORDS | {  # without a name of the technique those of flows, which are of masks alone
        metric_of(metric, one, appraisal.modalities): words.format(one.name)
        for metric, words in METRIC_WORDS.items()
        for one in appraisal.modalities
        if (metric == INTENSITY) == (one.kind != "mask")
    }


def _plain(one: Comparison) -> dict[str, Any]:
    """A comparison."""
    difference = one.difference
    return {
        "route": one.route, "metric": one.metric, "model": one.error, "look_up": one.reference_error,
        "look_up_kind": one.reference, "verdict": one.verdict,
        "difference": None if difference is None else [difference.low, difference.estimate, difference.high],
    }


def _reconstructed(exhibit: Exhibit, target: Modality, bundle: Bundle) -> tuple[str, list[Shown]]:
    """A sample beside its reconstructions: pictures, or profiles over q in one plot."""
    found = {
        name: picture if picture.dtype == np.bool_ else picture.clip(0, 1)
        for name, picture in pictures_of(exhibit, target.name).items()
    }
    if target.is_image:
        if target.kind == "image":
            found = {name: np.rint(255 * picture).astype(np.uint8) for name, picture in found.items()}
        return "pictures", [(shown_name(name), address(png(picture, scale=1))) for name, picture in found.items()]
    scaling = bundle.scaling(target.name)
    if scaling.grid is None:
        raise ValueError(f"the model's scaling must hold the grid of its profiles of {target.name}; got none")
    (_, true), *others = found.items()
    columns = {name: [profile] for name, profile in others}
    axis, unit = scaling.axis, scaling.axis.unit or "unit unknown"
    figure = figures.reconstructions(
        [true], columns, [target.name], np.array(scaling.grid), unit, axis.name, axis.is_log
    )
    return "plots", [(f"{target.name} of {exhibit.title}", address(png(figure)))]


def _curves(appraisal: Appraisal, nm_per_pixel: float | None) -> list[Shown]:
    """Mean curves of held-out micrographs."""
    scale, unit = (1.0, "px") if nm_per_pixel is None else (nm_per_pixel, "nm")
    plots = []
    for metric, axis, words, draw in CURVES:
        names = ("true", appraisal.across[0], route_name(*[appraisal.modalities[1].name] * 2))
        known = {
            name: appraisal.curves[key][np.newaxis]
            for name in names
            if (key := f"{metric} {name}, held out") in appraisal.curves
        }
        if known and axis in appraisal.curves:
            figure = draw(appraisal.curves[axis] * scale, known, [HELD_OUT_MEAN], unit=unit)
            plots.append((f"{words}, {HELD_OUT_MEAN}", address(png(figure))))
    return plots


def escaped(text: object) -> str:
    """Text that Markdown shows as it is, on one line."""
    return SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def model_card(bundle: Bundle, appraisal: Appraisal) -> str:
    """Markdown about a model, from what its folder holds."""
    return rendered(
        "card.md",
        plain=escaped,
        name=bundle.provenance["name"],
        words=KINDS[bundle.kind],
        modalities=bundle.modalities,
        version=__version__,
        appraisal=appraisal,
        shown_name=shown_name,
        metric_words=_metric_words(appraisal),
        data=data_lines(bundle),
        training=training_lines(bundle),
        limits=limit_lines(bundle),
        given_away=given_away(bundle),
    )


def data_lines(bundle: Bundle) -> list[str]:
    """What was measured, a line for each fact.

    Raises
    ------
    ValueError
        If the model's provenance does not describe a training.
    """
    with _described():
        facts = bundle.provenance
        group = facts.get("held_out_group")
        how = f"all of the group {group}" if group else "at random, by morphology"
        lines = [
            f"name: {facts['data']}",
            f"pairs: {len(facts['train'])} to train on, {len(facts['held_out'])} held out ({how})",
            f"morphologies: {', '.join(f'{name} {count}' for name, count in facts['morphologies'].items())}",
            f"digest of all measurements: {facts['digest']}",
        ]
    for modality, scaling in zip(bundle.modalities, bundle.scalings, strict=True):
        name, axis, size = f"{modality.name} ({modality.kind}s)", scaling.axis, scaling.nm_per_pixel
        if scaling.grid is not None and modality.kind == "profile":
            span = f"{scaling.grid[0]:g} to {scaling.grid[-1]:g} {axis.unit or 'in an unknown unit'}"
            lines.append(f"{name}: {axis.name} from {span}" + ("" if scaling.is_log else ", values as they are"))
        elif scaling.pattern_shape is not None and modality.kind == "pattern":
            lines.append(f"{name}: of {scaling.pattern_shape[0]} x {scaling.pattern_shape[1]} px")
        elif modality.is_cropped:
            lines.append(f"{name}: pixel size {'unknown' if size is None else f'{size:g} nm'}")
    return lines


def training_lines(bundle: Bundle) -> list[str]:
    """How the model was made, a line for each fact; errors as `data_lines`."""
    with _described():
        facts = bundle.provenance
        spent = ", ".join(f"{name} {value:.0f} s" for name, value in facts["seconds"].items())
        resumed = "; interrupted and gone on, the time before that is not counted" if facts["resumed"] else ""
        return [
            f"profile: {bundle.profile}",
            f"seed: {facts['seed']}",
            f"date: {facts['date']}",
            f"time: {spent}{resumed}",
            f"versions: {', '.join(f'{name} {value}' for name, value in facts['versions'].items())}",
        ]


def limit_lines(bundle: Bundle) -> list[str]:
    """What the model cannot do; errors as `data_lines`."""
    with _described():
        group, held_out = bundle.provenance.get("held_out_group"), len(bundle.provenance["held_out"])
    last = bundle.modalities[1]
    lines = [KINDS[bundle.kind].limit.format(size=last.shape[0])] if last.is_cropped else []
    lines += [
        "Measurements of another range, size, unit or treatment are refused where that can be seen, and answered "
        "wrongly where not.",
    ]
    if not group:
        lines.append(
            "The held-out samples were drawn at random: where samples come in batches that differ, these numbers "
            "flatter; hold out a whole batch (--held-out) to see."
        )
    if held_out < FEW:
        lines.append(f"Only {held_out} samples were held out: the errors are rough.")
    return lines


def given_away(bundle: Bundle) -> str:
    """What others learn from the files of the model."""
    held = KINDS[bundle.kind].held
    if EXAMPLES in bundle.attachments:
        pictures = f"{EXAMPLES} holds pictures of some samples of the data."
        held = pictures if bundle.kind == "pairvae" else f"{held} But {pictures}"
    return (
        f"{held} The names of the samples, their morphologies, and the errors of each are in it. A model that has "
        "learnt crops by heart can be made to draw them (see Memorisation): do not share it if the images are secret."
    )


@contextmanager
def _described() -> Iterator[None]:
    """Whatever a changed provenance raises as one ValueError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"the model's provenance does not describe a training ({error!r})") from error
