"""One look for every figure: white ground, colour-blind safe colours, text that stays legible on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

P = ParamSpec("P")
T = TypeVar("T")

WIDTH = 5.4  # inch, 540 px at 100 dpi: a phone 390 px wide shows it at two thirds, 10 pt as about 9 px
INK = "#222222"
FRAME = "#888888"

STYLE: Any = {  # a dict; the type of its keys differs between versions of matplotlib
    "figure.dpi": 100,
    "figure.facecolor": "white",  # solid, so that the black text also stands on a dark page
    "savefig.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": FRAME,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "font.size": 10,
    "lines.linewidth": 1.7,
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
}

# Okabe and Ito's palette: one colour per route, the same in every figure; solo is the lighter relative of pair.
ROUTE_COLOURS = {
    "true": "#000000",
    "saxs_to_saxs": "#009E73",
    "sem_to_saxs": "#CC79A7",
    "sem_to_sem": "#D55E00",
    "saxs_to_sem": "#0072B2",
    "solo saxs_to_saxs": "#56B4E9",
    "solo sem_to_sem": "#E69F00",
    "saxs": "#56B4E9",
    "sem": "#E69F00",
    "generated": "#882255",
    "total": "#000000",
    "barlow": "#777777",
}
# Tol's bright palette, another set of hues than the routes'. The real AFM set's lines and dots share colours with
# the paper's morphologies that look like them; the two sets never meet in one figure.
MORPHOLOGIES = {
    "hexagonal": ("#4477AA", "o"),
    "skew": ("#EE6677", "s"),
    "alternating lines": ("#228833", "^"),
    "ladders": ("#AA3377", "D"),
    "dots": ("#4477AA", "o"),
    "mixed": ("#EE6677", "s"),
    "lines": ("#228833", "^"),
    "unlabelled": ("#777777", "."),
}
MORPHOLOGY_COLOURS = {name: colour for name, (colour, _) in MORPHOLOGIES.items()}
SPARE_COLOURS = ("#332288", "#999933", "#44AA99", "#661100", "#88CCEE", "#DDCC77")  # Tol's muted palette
SPARE_MARKERS = ("v", "P", "X", "<", ">", "*")


def display_name(name: str) -> str:
    """A route, morphology, loss or subset as a reader should see it: `saxs_to_sem` as `SAXS→SEM`, `a_b` as `a b`."""
    words = name.replace("_to_", "→").replace("_", " ")
    words = re.sub(r"\b(saxs|sem|afm|gisaxs|waxs|sans|tem|kl)\b", lambda match: match.group().upper(), words)
    return words.replace("barlow", "Barlow")


def route_colours(names: Iterable[str]) -> dict[str, str]:
    """Colour by route or curve name; names of other techniques take spare colours in the order given."""
    spare = iter(SPARE_COLOURS * 4)
    return {name: ROUTE_COLOURS.get(_route_key(name)) or next(spare) for name in names}


def morphology_marks(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker by morphology: those of MORPHOLOGIES in its order, then others as they first appear."""
    spare = iter(zip(SPARE_COLOURS * 4, SPARE_MARKERS * 4, strict=True))
    every = list(dict.fromkeys(names))
    in_order = (every[place] for place in class_order(every))
    return {name: MORPHOLOGIES.get(name.replace("_", " ")) or next(spare) for name in in_order}


def class_order(names: Sequence[str]) -> list[int]:
    """Places of some names, those of MORPHOLOGIES first and in its order: the order of classes in every figure."""
    known = list(MORPHOLOGIES)
    plain = [name.replace("_", " ") for name in names]
    return sorted(range(len(plain)), key=lambda k: known.index(plain[k]) if plain[k] in known else len(known))


def morphology_handles(marks: Mapping[str, tuple[str, str]]) -> list[Line2D]:
    """What a legend shows of `morphology_marks`."""
    return [
        Line2D([], [], linestyle="", marker=marker, color=colour, label=display_name(label))
        for label, (colour, marker) in marks.items()
    ]


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Draw under STYLE and leave matplotlib's settings as they were; a figure that fails is not left half drawn."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> T:
        open_before = set(plt.get_fignums())
        plt.draw_if_interactive()  # loads the backend; a notebook's sets `interactive`, which the context would undo
        with plt.rc_context(STYLE):
            try:
                return draw(*args, **kwargs)
            except ValueError:
                for number in set(plt.get_fignums()) - open_before:
                    plt.close(number)
                raise

    return drawn


def darker(colour: str, share: float = 0.7) -> str:
    """The same hue with less light: text needs more contrast than a line does."""
    return "#" + "".join(f"{round(int(colour[k : k + 2], 16) * share):02x}" for k in (1, 3, 5))


def check_labels(labels: Sequence[str]) -> None:
    """Raise ValueError unless there is at least one label and all are strings."""
    if isinstance(labels, str) or not len(labels) or not all(isinstance(label, str) for label in labels):
        raise ValueError(f"labels must be a list of at least one string, one per morphology; got {labels!r}")


def check_count(name: str, items: Sized, labels: Sequence[str]) -> None:
    """Raise ValueError unless there are as many items as labels."""
    if len(items) != len(labels):
        raise ValueError(f"{name} must hold one item per label, {len(labels)} in all; got {len(items)}")


def check_named(name: str, items: Any) -> None:
    """Raise ValueError if a mapping of things to draw is empty."""
    if not items:
        raise ValueError(f"{name} must hold at least one named entry; got none")


def panels(count: int, height: float = 2.3) -> tuple[Figure, list[Axes]]:
    """A figure of `count` panels, two a row, with common axes; `height` [inch] is that of one row."""
    columns = min(count, 2)
    rows = -(-count // columns)
    size = (WIDTH, max(rows * height, 3.0) + 0.5)
    figure, grid = plt.subplots(
        rows, columns, figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    every = list(grid.flat)
    for axes in every[count:]:
        axes.remove()
    return figure, every[:count]


def name_outer_axes(every: Sequence[Axes], x_label: str, y_label: str) -> None:
    """Axis labels at the left and lower edge of `panels`; a panel with none below it keeps its own."""
    for k, axes in enumerate(every):
        if k % 2 == 0:
            axes.set_ylabel(y_label)
        lowest = k + 2 >= len(every)
        axes.set_xlabel(x_label if lowest else "")
        axes.tick_params(labelbottom=lowest)


def name_panels(figure: Figure, every: Sequence[Axes], names: Iterable[str], x_label: str, y_label: str) -> None:
    """What `panels` have written on them: a title each, axis labels at the edges, one legend above."""
    for axes, name in zip(every, names, strict=True):
        axes.set_title(display_name(name))
    name_outer_axes(every, x_label, y_label)
    legend_above(figure, every[0])


def legend_above(figure: Figure, axes: Axes) -> None:
    """One legend for all panels, above them, from the entries of one panel, in as few rows as the width allows."""
    handles, names = axes.get_legend_handles_labels()
    widths = [0.58 + 0.08 * len(name) for name in names]  # inch, measured: the line with its gaps, and a letter
    fitting = (c for c in range(len(names), 1, -1) if sum(map(max, np.array_split(widths, c))) < WIDTH)
    figure.legend(handles, names, loc="outside upper center", ncols=next(fitting, 1), handlelength=1.6)


def _route_key(name: str) -> str:
    """The key of ROUTE_COLOURS that a name stands for."""
    key = name.lower().replace("→", "_to_").removeprefix("pair ")
    meant = {
        "truth": "true",
        "ground truth": "true",
        "reconstruction": "saxs_to_sem",
        "pairvae": "saxs_to_sem",
        "flow": "generated",
    }
    return meant.get(key, key.replace("micrograph", "sem").replace("profile", "saxs"))
