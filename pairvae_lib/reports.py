"""The report about a model: one HTML file that says what it gets right, what it does not, and what it remembers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pairvae_lib import webpage
from pairvae_lib.appraisal import SHOWN_REFERENCES, Appraisal, appraisal_of
from pairvae_lib.bundle import Bundle
from pairvae_lib.cards import METRIC_WORDS, data_lines, given_away, limit_lines, training_lines
from pairvae_lib.comparisons import BETTER, WORSE, Comparison, label, shown_name
from pairvae_lib.evaluation import L_HORIZONTAL, L_VERTICAL, S2
from pairvae_lib.exhibits import Exhibit, attached_exhibits, pictures_of
from pairvae_lib.files import replacing
from pairvae_lib.kinds import KINDS, FlowKind, PairVAEKind

CURVES = (
    (S2, "r", "two-point correlation S2", "distance r"),
    (L_VERTICAL, "z", "lineal path, vertical", "length z"),
    (L_HORIZONTAL, "z", "lineal path, horizontal", "length z"),
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
    name = str(bundle.provenance.get("name", "model"))
    words, (scattering, micrograph) = KINDS[bundle.kind], bundle.modalities
    train, held_out = appraisal.count("train"), appraisal.count("held out")
    intro = (
        f"A model (a {words.name}) of {scattering.name} and {micrograph.name}, assessed on {train} pairs that it was "
        f"trained on and {held_out} pairs that it has not seen. All errors are medians over samples, training and held "
        "out apart; only the held-out ones say what to expect of a new measurement."
    )
    return webpage.document(
        f"{name}: report",
        [
            webpage.heading(name, 1),
            webpage.paragraph(intro),
            *_verdict(appraisal, words),
            *_pictures(bundle, shown),
            *_errors(appraisal, words),
            *_curves(appraisal, bundle.scaling.nm_per_pixel),
            *_memory(appraisal, words),
            *_ensembles(appraisal),
            webpage.heading("Data"),
            webpage.listed(data_lines(bundle)),
            webpage.heading("Training"),
            webpage.listed(training_lines(bundle)),
            webpage.heading("Limits"),
            webpage.listed(limit_lines(bundle)),
            webpage.heading("What the model's folder gives away"),
            webpage.paragraph(given_away(bundle)),
        ],
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


def _verdict(appraisal: Appraisal, words: PairVAEKind | FlowKind) -> list[str]:
    """Whether it beats retrieval."""
    verdicts = {one.verdict for one in appraisal.comparisons}
    is_good = verdicts == {BETTER} and not appraisal.nearer_answers()
    kind = "verdict good" if is_good else "verdict bad" if WORSE in verdicts else "verdict"
    rows = []
    for one in appraisal.comparisons:
        difference = one.difference
        interval = "too few held out" if difference is None else (
            f"{difference.estimate:+.4f} ({difference.low:+.4f} to {difference.high:+.4f})"
        )
        rows.append(
            [label(one, appraisal.comparisons), one.error, one.reference_error, one.reference, interval,
             one.verdict]
        )
    return [
        webpage.heading("Does it beat a look-up in the training data?"),
        webpage.paragraph(appraisal.sentence(), kind),
        webpage.paragraph(appraisal.plain_sentence()),
        webpage.table(
            "Errors on held-out samples",
            ["", "model", "look-up", "kind of look-up", "difference (95 % interval)", "the model is"],
            rows,
        ),
        webpage.paragraph(
            words.look_up + " The interval is over held-out samples of this one training.",
            "soft",
        ),
    ]


def _pictures(bundle: Bundle, shown: list[Exhibit]) -> list[str]:
    """Samples beside their reconstructions."""
    parts = [webpage.heading("Reconstructions")]
    if not shown:
        return [*parts, webpage.paragraph(
            "The model's folder holds no pictures of the data. With the data at hand they are made again: "
            "pairvae report MODEL --data DATA."
        )]
    for exhibit in shown:
        parts.append(webpage.heading(exhibit.title, 3))
        groups = []
        for target in (bundle.modalities[1], bundle.modalities[0]):
            images = {shown_name(name): image for name, image in pictures_of(exhibit, target.name).items()}
            if target.is_image:
                figures = [webpage.picture(image, name) for name, image in images.items()]
                groups.append(webpage.group("pictures", figures))
            else:
                groups.append(_profiles(exhibit.title, images, bundle))
        parts.append(webpage.group("side", groups))
    return parts


def _profiles(title: str, images: dict[str, NDArray], bundle: Bundle) -> str:
    """Profiles over q."""
    if bundle.scaling.q is None:
        raise ValueError("the model's scaling must hold the q of its profiles; got none")
    q, unit = np.array(bundle.scaling.q), bundle.scaling.q_unit or "unit unknown"
    label = f"{bundle.modalities[0].name} of {title}"
    drawn = webpage.plot(label, q, images, f"q [{unit}], logarithmic", "log I, scaled", logarithmic=True)
    return webpage.group("plots", [drawn])


def _errors(appraisal: Appraisal, words: PairVAEKind | FlowKind) -> list[str]:
    """Every route and reference."""
    parts = [
        webpage.heading("Errors"),
        webpage.paragraph(
            f"Grey rows are answers without a network, and the crop-to-crop floor. {words.references}"
        ),
    ]
    for metric in appraisal.metrics:
        if metric in appraisal.errors:
            rows = [
                (shown_name(name), train, held_out, name in SHOWN_REFERENCES)
                for name, train, held_out in appraisal.rows(metric)
            ]
            parts.append(webpage.tracks(f"{metric}: {METRIC_WORDS[metric]}", rows))
    return parts


def _curves(appraisal: Appraisal, nm_per_pixel: float | None) -> list[str]:
    """Mean curves of held-out micrographs."""
    scale, unit = (1.0, "px") if nm_per_pixel is None else (nm_per_pixel, "nm")
    plots = []
    for metric, axis, words, length in CURVES:
        names = {f"{metric} true, held out": "true"}
        for route in (appraisal.to_micrograph, "_to_".join([appraisal.modalities[1]] * 2)):
            names[f"{metric} {route}, held out"] = shown_name(route)
        known = {label: appraisal.curves[name] for name, label in names.items() if name in appraisal.curves}
        if known and axis in appraisal.curves:
            x = appraisal.curves[axis] * scale
            plots.append(webpage.plot(f"{words}, mean over held-out samples", x, known, f"{length} [{unit}]", metric))
    return [webpage.heading("Morphology"), webpage.group("plots", plots)] if plots else []


def _memory(appraisal: Appraisal, words: PairVAEKind | FlowKind) -> list[str]:
    """Whether it draws from memory."""
    rows = [(name, float(np.median(values))) for name, values in appraisal.memorisation.items()]
    return [
        webpage.heading("Memorisation"),
        webpage.paragraph(appraisal.memory_sentence()),
        webpage.table(words.overlaps, ["with", "overlap"], rows),
        webpage.paragraph(
            "\"True\" rows are what a true crop scores that was taken elsewhere: an honest answer does not score more.",
            "soft",
        ),
    ]


def _ensembles(appraisal: Appraisal) -> list[str]:
    """What is told of the ensembles of kinds that draw them."""
    found = [sentence for name, sentence in appraisal.facts().items() if name != "memorisation"]
    return [webpage.heading("Ensembles"), *map(webpage.paragraph, found)] if found else []
