"""What the book opens with, as HTML for any screen and ground: what is remembered, verdicts in one glance.

Pictures are embedded. Text takes the colours of the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pairvae_lib.claims.ledger import PUBLISHED, Row, data_of, ledger_file, read_ledger
from pairvae_lib.claims.published import published_results
from pairvae_lib.claims.verdicts import UNTESTABLE
from pairvae_lib.figures import display_name
from pairvae_lib.figures.claims import VERDICT_MARKS
from pairvae_lib.figures.paper import medians as medians_of
from pairvae_lib.figures.pictures import png
from pairvae_lib.figures.saved import array, techniques, words
from pairvae_lib.files.runs import SIMULATED, Run, project_root
from pairvae_lib.files.webpage import address, rendered
from pairvae_lib.files.writing import replacing
from pairvae_lib.morphology.masks import dice

MORPHOLOGY = "hexagonal"  # of the sample on the cover
FOR_WORDS = 6  # so many of some forty give a segment room for them


def cover_files() -> dict[Path, str]:
    """The files that the first page includes, with what they must hold: drawn from published results."""
    shown = published_results(Run())
    medians = medians_of(shown.alike)
    folder = project_root() / "book" / "images"
    ledgers = {name: read_ledger(name, published=True) for name in PUBLISHED if ledger_file(name, True).exists()}
    return {
        folder / "cover-memory.html": memory_html(shown.curves, MORPHOLOGY),
        folder / "cover-verdicts.html": verdicts_html(ledgers),
        project_root() / "book" / "headline.md": headline_markdown(medians, len(shown.alike)),
        project_root() / "book" / "instead.md": instead_markdown(medians),
    }


def write_cover() -> list[Path]:
    """Write `cover_files`."""
    files = cover_files()
    for path, text in files.items():
        with replacing(path) as file:
            file.write(text.encode())
    return list(files)


def memory_html(curves: Mapping[str, Any], morphology: str) -> str:
    """What is drawn from the scattering of a training sample, between two true crops of it, with their overlap."""
    example = _position(curves, "training example labels", morphology)
    s, m = techniques(curves)
    names = ("crop", "recalled", "other crop")
    crop, recalled, other = (array("curves", curves, f"training example {name}")[example] for name in names)
    own, others = (float(dice(recalled[np.newaxis], one[np.newaxis])[0]) for one in (crop, other))
    route, pattern, kind = (display_name(name) for name in (f"{s}_to_{m}", s, morphology))
    trained = f"Crop of a {kind} micrograph that was trained on"
    drawn = f"Micrograph drawn from the {pattern} pattern of that training sample: the same picture"
    apart = "Another crop of the same micrograph: a different picture"
    tiles = [
        _tile(crop, f"the crop it was trained on: Dice {own:.2f}", trained),
        _tile(recalled, f"{route}, drawn from the scattering alone", drawn),
        _tile(other, f"another crop of the sample: Dice {others:.2f}", apart),
    ]
    return rendered("cover-tiles.html", tiles=tiles)


def headline_markdown(medians: Sequence[Row], trainings: int) -> str:
    """The two routes to a micrograph on training and on held-out samples, in a sentence; medians of `figures.paper`."""
    cross, own = (_median(medians, "S2", route) for route in ("saxs_to_sem", "sem_to_sem"))
    return (
        f"At the paper's size ({trainings} training{'s' * (trainings > 1)}) the median error in S₂ of "
        f"{display_name('saxs_to_sem')} is {_short(cross['train'])} on "
        f"training samples and {_short(cross['held out'])} on held-out ones; that of {display_name('sem_to_sem')} is "
        f"{_short(own['train'])} and {_short(own['held out'])}.\n"
    )


# What a reader wants, the error that measures it, PairVAE's route to it, and what is nearer: (its name, what it is).
_WANTED = (
    ("statistics of the micrograph, from scattering", "S2", "saxs_to_sem", "kernel ridge",
     "kernel ridge regression from the pattern"),
    ("a micrograph to look at, from scattering", "A2", "saxs_to_sem", "nearest neighbour",
     "showing the micrograph of the nearest training pattern"),
    ("scattering, from a micrograph", "intensity", "sem_to_saxs", "kernel ridge",
     "kernel ridge regression from its power spectrum"),
)  # fmt: skip
_ERRORS = {"S2": "S₂", "A2": "A₂, with direction", "intensity": "intensity"}
_FLOORS = {"intensity": "training mean"}  # what else tells whether an error is small


def instead_markdown(medians: Sequence[Row]) -> str:
    """What PairVAE is wanted for and what does it better without a network, as a table; parameters as above."""
    lines = ["| wanted | error | PairVAE | better here |", "|---|---|---:|---|"]
    for wanted, metric, route, name, what in _WANTED:
        errors = {key: _median(medians, metric, key)["held out"] for key in (route, name)}
        if errors[name] >= errors[route]:
            raise ValueError(f"{name} must have a smaller error in {metric} than {route}; got {errors}")
        floor = _FLOORS.get(metric, "crop-to-crop floor")
        beside = f"{display_name(floor)} {_short(_median(medians, metric, floor)['held out'])}"
        better = f"{_short(errors[name])} by {what} ({beside})"
        lines.append(f"| {wanted} | {_ERRORS[metric]} | {_short(errors[route])} | {better} |")
    return "\n".join(lines) + "\n"


def _median(medians: Sequence[Row], metric: str, name: str) -> Row:
    """The row of a metric and a name."""
    for row in medians:
        if (row["metric"], row["name"]) == (metric, name):
            return row
    raise ValueError(f"medians must hold {name!r} in {metric!r}; got neither")


def _short(value: float) -> str:
    """Two or three digits, without the zero before the point."""
    return f"{value:.4f}".removeprefix("0") if value < 0.02 else f"{value:.3f}".removeprefix("0")


def verdicts_html(ledgers: Mapping[str, Sequence[Row]]) -> str:
    """How many parts of the claims hold, for every data set and both assessments of each profile's ledger, as HTML.

    A list of bars, whose segments say in words and numbers what their colours say.
    """
    studies = []
    for profile, rows in ledgers.items():
        for data in data_of(rows):
            bars = []
            for assessment in ("mixed", "held_out"):
                found = [row["verdict"] for row in rows if (row["data"], row["assessment"]) == (data, assessment)]
                counts = {verdict: found.count(verdict) for verdict in VERDICT_MARKS if verdict in found}
                bars += [(display_name(assessment), counts)] if found else []
            name = "Simulated pairs" if data == SIMULATED else f"Measured pairs, {display_name(data)}"
            studies.append((f"{name}, {profile} profile", bars))
    shown = {"studies": studies, "marks": VERDICT_MARKS, "untestable": UNTESTABLE, "for_words": FOR_WORDS}
    return rendered("cover-verdicts.html", **shown)


def _position(curves: Mapping[str, Any], key: str, morphology: str) -> int:
    """Where the example of a morphology stands."""
    labels = words("curves", curves, key)
    if morphology not in labels:
        raise ValueError(f"morphology must be one of {', '.join(labels)}; got {morphology!r}")
    return labels.index(morphology)


def _tile(picture: np.ndarray, caption: str, alt: str) -> Row:
    """One picture with its name."""
    shown = picture if picture.dtype == np.bool_ else np.clip(picture.astype(float), 0, 1)
    return {"address": address(png(shown, scale=1)), "alt": alt, "caption": caption, "shape": shown.shape}
