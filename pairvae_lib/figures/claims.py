"""The claims ledger as a matrix of verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_lowercase
from textwrap import wrap
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from pairvae_lib.checks import check_one_of
from pairvae_lib.figures.style import FRAME, INK, WIDTH, check_named, display_name, styled

ASSESSMENTS = ("mixed", "held_out")
ROW = 0.25  # inch


class Mark(NamedTuple):
    """How a verdict is drawn: symbol, short word, colours of the tile and of what stands on it."""

    symbol: str
    word: str
    colour: str
    ink: str


# Okabe and Ito's colours; the symbol and the word say the same without them.
VERDICT_MARKS: Mapping[str, Mark] = {
    "holds": Mark("✓", "holds", "#0072B2", "white"),
    "holds only mixed with training data": Mark("◐", "only mixed", "#9AD0F0", INK),
    "undecided": Mark("?", "undecided", "#F0E442", INK),
    "depends on the encoder, which is not public": Mark("↔", "encoder", "#CC79A7", INK),
    "does not hold": Mark("✗", "does not", "#B34700", "white"),
    "cannot be tested here": Mark("–", "", "white", FRAME),
}


@styled
def verdict_matrix(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Verdicts of all claims: one line per part of a claim, one column per data set and assessment.

    Parameters
    ----------
    rows : sequence of dict
        Of a ledger: id, paper_item, data, assessment ("mixed" or "held_out") and verdict are read.
    """
    check_named("rows", rows)
    for row in rows:
        check_one_of(f"verdict of claim {row['id']}", row["verdict"], tuple(VERDICT_MARKS))
        check_one_of(f"assessment of claim {row['id']}", row["assessment"], ASSESSMENTS)
    claims = {row["id"]: row["paper_item"] for row in rows}
    data = list(dict.fromkeys(row["data"] for row in rows))
    columns = [(name, assessment) for name in data for assessment in ASSESSMENTS]
    lines = list(claims)
    figure, axes = plt.subplots(figsize=(WIDTH, ROW * len(lines) + 1.7), layout="constrained")
    words = len(columns) <= 4  # more columns leave no room for them
    for row in rows:
        mark = VERDICT_MARKS[row["verdict"]]
        column, line = columns.index((row["data"], row["assessment"])), lines.index(row["id"])
        edge = FRAME if mark.colour == "white" else "white"
        axes.add_patch(Rectangle((column, line), 1, 1, facecolor=mark.colour, edgecolor=edge, linewidth=0.6))
        text = f"{mark.symbol} {mark.word}".strip() if words else mark.symbol
        axes.text(column + 0.5, line + 0.5, text, ha="center", va="center_baseline", color=mark.ink, fontsize=9)
    axes.set(xlim=(0, len(columns)), ylim=(len(lines), 0))
    axes.set_yticks([k + 0.5 for k in range(len(lines))], [f"{name}  {item}" for name, item in claims.items()])
    axes.set_xticks(
        [k + 0.5 for k in range(len(columns))], [assessment.replace("_", "\n") for _, assessment in columns]
    )
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for k, name in enumerate(data):
        label = "\n".join(wrap(display_name(name), max(10, 44 // len(data)), break_long_words=False))
        size = 10 if words else 8.5
        axes.annotate(label, (2 * k + 1, 0), (0, 30), textcoords="offset points", ha="center", va="bottom", size=size)
        if k:
            axes.axvline(2 * k, color="white", linewidth=4)
        number = None
        for line, claim in enumerate(lines):  # a rule above the first part of every claim
            number, before = claim.rstrip(ascii_lowercase), number
            if before not in (None, number):
                axes.plot([2 * k, 2 * k + 2], [line, line], color=INK, linewidth=0.8)
    handles = [
        Patch(facecolor=mark.colour, edgecolor=FRAME, label=f"{mark.symbol} {verdict}")
        for verdict, mark in VERDICT_MARKS.items()
        if any(row["verdict"] == verdict for row in rows)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure
