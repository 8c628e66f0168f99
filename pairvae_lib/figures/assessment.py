"""How well it went: loss histories (Fig. S3), and errors per route (Fig. 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from pairvae_lib.checks import check_finite, check_one_of, check_range, check_shape
from pairvae_lib.figures.style import (
    FRAME,
    INK,
    WIDTH,
    check_named,
    darker,
    display_name,
    route_colours,
    styled,
)

SUBSETS = ("train", "held out")
SHOWN_SINGLY = 50  # up to so many values, every one is drawn on its box


@styled
def training_history(history: Mapping[str, Sequence[float]], phase_boundary: int | None = None) -> Figure:
    """Losses against epochs on a logarithmic axis, each line named at its end.

    Parameters
    ----------
    history : mapping of name to list of float
        One value per epoch, above zero; lengths may differ.
    phase_boundary : int, optional
        Number of random-crop epochs; the focused phase begins after it.

    Notes
    -----
    Source: paper, Fig. S3, all losses in one panel.
    """
    check_named("history", history)
    for name, values in history.items():
        check_losses(f"history[{name!r}]", values)
    epochs = max(len(values) for values in history.values())
    colours = route_colours(history)
    figure, axes = plt.subplots(figsize=(WIDTH, 4.0), layout="constrained")
    draw_losses(axes, history, colours, 1.3)
    axes.set_ylabel("loss")
    if phase_boundary is not None:
        check_range("phase_boundary", phase_boundary, 1, epochs)
        axes.axvline(phase_boundary + 0.5, color=FRAME, linewidth=1, linestyle=":")
        axes.set_title(f"random crops to epoch {phase_boundary}, then focused", fontsize=9.5, loc="left")
    label_line_ends(axes, history, colours)
    return figure


@styled
def error_boxes(
    errors: Mapping[str, Mapping[str, np.ndarray]],
    references: Mapping[str, Mapping[str, float]] | None = None,
    quantity: str = "mean absolute error",
    unit: str = "dimensionless",
) -> Figure:
    """Box plots of the errors per route, training and held-out samples apart, over reference values.

    Boxes span the quartiles, the white line is the median, whiskers reach to 1.5 times the box. There are no
    notches: crops and seeds of one image are not independent.

    Parameters
    ----------
    errors : mapping of route to mapping of subset to ndarray of shape (n,) [`unit`]
        Subsets are "train" and "held out"; one of them may be missing.
    references : mapping of name to mapping of subset to float, optional [`unit`]
        E.g. nearest-neighbour retrieval, training mean, crop-to-crop floor.
    quantity : str
        What the error is of.
    unit : str
        Its unit.

    Notes
    -----
    Source: paper, Fig. 6, whose boxes mix training and validation samples.
    """
    check_named("errors", errors)
    references = references or {}
    every: dict[str, Mapping[str, np.ndarray | float]] = {**errors, **references}
    for name, subsets in every.items():
        check_named(name, subsets)
        for subset, values in subsets.items():
            check_one_of(f"subset of {name!r}", subset, SUBSETS)
            check_finite(f"{name}, {subset}", np.asarray(values))
    boxes = [(route, subset) for route, subsets in errors.items() for subset in SUBSETS if subset in subsets]
    for route, subset in boxes:
        check_shape(f"{route}, {subset}", np.asarray(errors[route][subset]), ("n",))
        if not len(errors[route][subset]):
            raise ValueError(f"{route}, {subset} must hold at least one error; got none")

    colours = route_colours(errors)
    rows = len(boxes) + len(references)
    figure, axes = plt.subplots(figsize=(WIDTH, 0.4 * rows + 0.8 + 0.2 * len(errors)), layout="constrained")
    places: list[float] = []
    ticks: list[str] = []
    y = 0.0
    for k, (route, subset) in enumerate(boxes):
        values = np.asarray(errors[route][subset], dtype=float)
        y += 1.0 + 0.5 * (k > 0 and boxes[k - 1][0] != route)
        draw_box(axes, y, values, colours[route], hollow=subset == "train")
        places.append(y)
        ticks.append(f"{display_name(route)}, {subset}\n(n = {len(values)})")
    for k, (name, subsets) in enumerate(references.items()):
        y += 1.0 + 0.5 * (k == 0)
        for subset, value in subsets.items():
            axes.plot(value, y, marker="D", color=INK, markerfacecolor="white" if subset == "train" else INK, zorder=4)
        if "held out" in subsets:
            axes.axvline(subsets["held out"], color=FRAME, linewidth=1, linestyle="--", zorder=0)
        places.append(y)
        ticks.append(display_name(name))
    axes.set_yticks(places, ticks)
    axes.set(ylim=(y + 0.7, 0.3), xlabel=f"{quantity} [{unit}]")
    axes.tick_params(axis="y", length=0)
    shown = [subset for subset in SUBSETS if any(subset in subsets for subsets in every.values())]
    faces = {"train": "white", "held out": FRAME}
    handles = [Patch(facecolor=faces[subset], edgecolor=FRAME, label=subset) for subset in shown]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


def draw_box(
    axes: Axes, place: float, values: np.ndarray, colour: str, hollow: bool, upright: bool = False, width: float = 0.7
) -> None:
    """One box, lying unless `upright`, with every value on it where they are few."""
    single = len(values) <= SHOWN_SINGLY
    axes.boxplot(
        values,
        positions=[place],
        orientation="vertical" if upright else "horizontal",
        widths=width,
        patch_artist=True,
        showfliers=not single,
        manage_ticks=False,
        boxprops={"facecolor": "white" if hollow else colour, "edgecolor": colour, "linewidth": 1.3},
        medianprops={"color": colour if hollow else "white", "linewidth": 2.2},
        whiskerprops={"color": colour},
        capprops={"color": colour},
        flierprops={"marker": ".", "markersize": 3, "markeredgecolor": colour, "alpha": 0.4},
    )
    if single:
        points = (values, np.full(len(values), place))
        axes.plot(*(points[::-1] if upright else points), ".", color=INK, markersize=4, alpha=0.45, zorder=3)


def check_losses(name: str, values: Sequence[float]) -> np.ndarray:
    """Losses as an array; ValueError unless they can be drawn on a logarithmic axis."""
    losses = np.asarray(values, dtype=float)
    check_shape(name, losses, ("epochs",))
    check_finite(name, losses)
    if not losses.size or losses.min() <= 0:
        lowest = losses.min() if losses.size else "none"
        raise ValueError(f"{name} must hold values above 0 for a logarithmic axis; got {lowest}")
    return losses


def draw_losses(
    axes: Axes, history: Mapping[str, Sequence[float] | np.ndarray], colours: Mapping[str, str], width: float
) -> None:
    """Losses against epochs, a line per name; `label_line_ends` names them once the limits are set."""
    for name, values in history.items():
        axes.plot(np.arange(1, len(values) + 1), values, color=colours[name], linewidth=width, label=name)
    axes.set(yscale="log", xlabel="epoch", xlim=(1, max(2, *map(len, history.values()))))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


def label_line_ends(
    axes: Axes, history: Mapping[str, Sequence[float] | np.ndarray], colours: Mapping[str, str]
) -> None:
    """Name each line at its right end, pushed apart where they meet; the losses' axis is logarithmic."""
    low, high = np.log(axes.get_ylim())
    wanted = {name: float((np.log(values[-1]) - low) / (high - low)) for name, values in history.items()}
    place = -1.0
    for name in sorted(wanted, key=lambda key: wanted[key]):
        place = max(wanted[name], place + 0.06)
        axes.annotate(
            display_name(name),
            (len(history[name]), place),
            xycoords=("data", "axes fraction"),
            xytext=(5, 0),
            textcoords="offset points",
            color=darker(colours[name]),
            va="center",
            fontsize=9.5,
        )
