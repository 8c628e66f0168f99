"""The report about a model: one HTML file that says what it gets right, what it does not, and what it remembers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pairvae_lib import figures
from pairvae_lib.appraisal import SHOWN_REFERENCES, Appraisal, appraisal_of
from pairvae_lib.bundle import Bundle
from pairvae_lib.cards import METRIC_WORDS, data_lines, given_away, limit_lines, training_lines
from pairvae_lib.comparisons import BETTER, WORSE, Comparison, label, shown_name
from pairvae_lib.evaluation import L_HORIZONTAL, L_VERTICAL, S2
from pairvae_lib.exhibits import Exhibit, attached_exhibits, pictures_of
from pairvae_lib.files import replacing
from pairvae_lib.kinds import KINDS
from pairvae_lib.modality import Modality
from pairvae_lib.model import route_name
from pairvae_lib.webpage import address, rendered
from pairvae_lib.widgets import png

Shown = tuple[str, str]  # caption, address
HELD_OUT_MEAN = "mean over held-out samples"
CURVES: tuple[tuple[str, str, str, Callable[..., Figure]], ...] = (
    (S2, "r", "two-point correlation S2", figures.correlation_curves),
    (L_VERTICAL, "z", "lineal path, vertical", figures.lineal_path_curves),
    (L_HORIZONTAL, "z", "lineal path, horizontal", partial(figures.lineal_path_curves, axis="horizontal")),
)
SIZE_LIMIT = 3_000_000  # bytes


def write_report(path: Path, bundle: Bundle, shown: list[Exhibit] | None = None) -> Appraisal:
    """Write the report about a model.

    Parameters
    ----------
    path : Path
        The HTML file; one that is there is replaced.
    bundle : Bundle
    shown : list of Exhibit, optional
        Samples with their reconstructions; those of the model's folder if None.

    Returns
    -------
    Appraisal
        What it says, as numbers.

    Raises
    ------
    ValueError
        If the model's folder holds no assessment, or something else in its place.
    CannotWrite
        If the file cannot be written.
    """
    appraisal = appraisal_of(bundle)
    text = report_page(bundle, appraisal, attached_exhibits(bundle) if shown is None else shown)
    with replacing(path) as file:
        file.write(text.encode())
    return appraisal


def report_page(bundle: Bundle, appraisal: Appraisal, shown: list[Exhibit]) -> str:
    """The report as HTML.

    Raises
    ------
    ValueError
        If the model's provenance does not describe a training.
    """
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
        metric_words=METRIC_WORDS,
        references=SHOWN_REFERENCES,
        curves=_curves(appraisal, bundle.scaling.nm_per_pixel),
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
        return "pictures", [(shown_name(name), address(png(picture, scale=1))) for name, picture in found.items()]
    if bundle.scaling.q is None:
        raise ValueError("the model's scaling must hold the q of its profiles; got none")
    (_, true), *others = found.items()
    columns = {name: [profile] for name, profile in others}
    q, unit = np.array(bundle.scaling.q), bundle.scaling.q_unit or "unit unknown"
    figure = figures.reconstructions([true], columns, [target.name], q, unit)
    return "plots", [(f"{target.name} of {exhibit.title}", address(png(figure)))]


def _curves(appraisal: Appraisal, nm_per_pixel: float | None) -> list[Shown]:
    """Mean curves of held-out micrographs."""
    scale, unit = (1.0, "px") if nm_per_pixel is None else (nm_per_pixel, "nm")
    plots = []
    for metric, axis, words, draw in CURVES:
        names = ("true", appraisal.to_micrograph, route_name(*[appraisal.modalities[1]] * 2))
        known = {
            name: appraisal.curves[key][np.newaxis]
            for name in names
            if (key := f"{metric} {name}, held out") in appraisal.curves
        }
        if known and axis in appraisal.curves:
            figure = draw(appraisal.curves[axis] * scale, known, [HELD_OUT_MEAN], unit=unit)
            plots.append((f"{words}, {HELD_OUT_MEAN}", address(png(figure))))
    return plots
