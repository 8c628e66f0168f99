"""The claims as a table of a page: every statement in plain words, its verdicts, its numbers one click away.

Without the page's script it is a plain table; with it, menus choose data, assessment and verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pairvae_lib.book.chapters import chapter_names, text_file
from pairvae_lib.checks import check_one_of
from pairvae_lib.claims.ledger import Row, data_of, effect_of, read_ledger
from pairvae_lib.claims.verdicts import DEPENDS, HOLDS, NOT, ONLY_MIXED, UNDECIDED, UNTESTABLE
from pairvae_lib.figures.claims import ASSESSMENTS, VERDICT_MARKS
from pairvae_lib.figures.style import display_name
from pairvae_lib.files.runs import SIMULATED
from pairvae_lib.files.webpage import rendered

# The claims once more, for who has not read the paper; the wording that is decided stands beside it.
PLAIN: Mapping[str, str] = {
    "1": "Trained alone, the autoencoder of scattering errs less than the mean training pattern does.",
    "2a": "Trained alone, the autoencoder of micrographs draws slightly too much PMMA, in every morphology.",
    "2b": "This surplus of PMMA is largest for ladders.",
    "3": "Trained alone, the autoencoder of micrographs keeps the period of hexagonal samples and alternating lines.",
    "4": "It draws vertical runs of PMMA slightly too long, for hexagonal samples and alternating lines.",
    "5": "It loses the long-range order of skew samples.",
    "6": "Pair training makes the reconstruction of scattering from scattering worse.",
    "7a": "Scattering is reconstructed about as well from a micrograph as from scattering.",
    "7b": "Scattering is reconstructed a little worse from a micrograph than from scattering.",
    "8": "A micrograph drawn from scattering is nearer to the truth in S₂ than one drawn from the micrograph.",
    "9a": "Trained alone, the autoencoder of micrographs draws micrographs whose mean S₂ is too high.",
    "9b": "Pair training brings the mean S₂ nearer to the truth, on both routes to a micrograph.",
    "9c": "After pair training the mean S₂ matches the truth closely, on both routes to a micrograph.",
    "9d": "After pair training S₂ varies from image to image as much as the truth does, on both routes.",
    "10a": "Trained alone, the autoencoder of scattering errs much less than both routes after pair training.",
    "10b": "After pair training scattering is reconstructed better from scattering than from a micrograph.",
    "10c": "From 48 to 64 training pairs the errors in scattering stay the same.",
    "11a": "Of all routes to a micrograph, the one from scattering has the smallest error in S₂.",
    "11b": "Micrographs drawn from micrographs err about as much after pair training as before.",
    "11c": "With more training pairs the errors in S₂ of micrographs fall.",
    "12a": "Micrographs that are generated around a reconstruction resemble it.",
    "12b": "Generated with a tenth of the variance, they resemble it more.",
    "12c": "Generated with four times the variance, they resemble it less.",
    "13a": "For alternating lines an adaptive threshold finds the domains better than other thresholds do.",
    "13b": "For ladders an adaptive threshold finds the domains better than other thresholds do.",
    "14a": "If every epoch of pair training takes new crops, the decoder of micrographs learns nothing.",
    "14b": "Pair training is unstable if the autoencoders were not trained alone before.",
    "14c": "New crops first, and then one fixed crop, do train the decoder of micrographs.",
    "15a": "Pair training makes the latents of micrographs cluster more by morphology.",
    "15b": "Pair training makes the latents of scattering cluster less by morphology.",
    "16a": "For hexagonal samples, vertical runs are nearer to the truth from scattering than from the micrograph.",
    "16b": "For hexagonal samples and alternating lines, vertical runs drawn from scattering are slightly too long.",
    "16c": "For hexagonal samples and alternating lines, vertical runs drawn from the micrograph are too short.",
    "16d": "Vertical runs match the truth closely: for skew samples on both routes, for ladders from scattering.",
    "16e": "For skew samples, micrographs drawn from scattering keep the oscillations of S₂.",
    "16f": "For skew samples, micrographs drawn from the micrograph lose the oscillations of S₂.",
    "16g": "For alternating lines both routes to a micrograph keep the period.",
    "16h": "S₂ is too high: for alternating lines on both routes, for hexagonal samples from the micrograph.",
    "16i": "For skew samples, S₂ of micrographs drawn from scattering is slightly too low.",
    "16j": "For ladders both routes of pair training are much better in S₂ than the autoencoder trained alone.",
}
# An answer to what the paper says, and what it means.
WORDS: Mapping[str, tuple[str, str]] = {
    HOLDS: ("yes", "it holds"),
    ONLY_MIXED: ("only mixed", "it holds where training samples are counted; held-out samples alone show less of it"),
    UNDECIDED: ("unclear", "undecided: the data cannot tell"),
    DEPENDS: ("by encoder", "models with other encoders contradict each other"),
    NOT: ("no", "it does not hold"),
    UNTESTABLE: ("not tested", "the results at hand do not say enough"),
}
_ITEM = re.compile(r"Fig\. (S?\d+)([A-Z]?)")
_LABEL = re.compile(r"^\((fig-[\w]+)\)=$", re.MULTILINE)


class Chip(NamedTuple):
    """A verdict as the page shows it."""

    assessment: str
    verdict: str
    symbol: str
    words: str
    effect: str


def published_claims_table(profiles: Iterable[str]) -> str:
    """The published ledgers of some profiles, e.g. "standard" and "paper", as one table: a column for each data set."""
    return claims_table([
        row | {"data": f"{_named(row['data'])}, {profile} profile"}
        for profile in profiles
        for row in read_ledger(profile, published=True)
    ])


def claims_table(rows: Sequence[Row]) -> str:
    """A ledger as an HTML table: one row for each part of a claim, one column for each of its data sets.

    ValueError if there are no rows, or one has an unknown claim, verdict or assessment.
    """
    if not rows:
        raise ValueError("rows must hold at least one row of a ledger; got none")
    cells: dict[str, dict[str, list[Chip]]] = {}
    by_id: dict[str, Row] = {}
    for row in rows:
        check_one_of("claim", row["id"], tuple(PLAIN))
        check_one_of(f"verdict of claim {row['id']}", row["verdict"], tuple(WORDS))
        check_one_of(f"assessment of claim {row['id']}", row["assessment"], ASSESSMENTS)
        mark = VERDICT_MARKS[row["verdict"]]
        chip = Chip(row["assessment"], row["verdict"], mark.symbol, WORDS[row["verdict"]][0], effect_of(row))
        cells.setdefault(row["id"], {}).setdefault(row["data"], []).append(chip)
        by_id.setdefault(row["id"], row)
    found = {row["verdict"] for row in rows}
    return rendered(
        "claims-table.html",
        columns={name: _named(name) for name in data_of(rows)},
        claims={name: by_id[name] | {"plain": PLAIN[name], "cells": of} for name, of in cells.items()},
        links={row["paper_item"]: figure_address(row["paper_item"]) for row in rows},
        marks=VERDICT_MARKS,
        words={verdict: words for verdict, words in WORDS.items() if verdict in found},
    )


def figure_address(paper_item: str) -> str | None:
    """Where the book draws a figure of the paper, from a chapter; that of its first part if a claim is on all of it."""
    named = _ITEM.search(paper_item)
    if named is None:
        return None
    wanted = f"fig-{named[1]}{named[2]}".lower()
    for name in chapter_names():
        for label in sorted(_LABEL.findall(text_file(name).read_text(encoding="utf-8"))):
            if label == wanted or (not named[2] and re.fullmatch(f"{wanted}[a-z]", label)):
                return f"{name}.html#{label}"
    return None


def _named(data: str) -> str:
    """A data set for the head of a column."""
    return f"Simulated pairs{data.removeprefix(SIMULATED)}" if data.startswith(SIMULATED) else display_name(data)
