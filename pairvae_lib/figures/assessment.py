"""How well it went: losses (Fig. S3), errors (Fig. 6) and scores; readings of predicted micrographs; times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from pairvae_lib.checks import check_finite, check_one_of, check_positive, check_range, check_shape
from pairvae_lib.figures.drawing import few_plain_ticks
from pairvae_lib.figures.style import (
    FRAME,
    INK,
    ROUTE_COLOURS,
    SPARE_COLOURS,
    WIDTH,
    check_count,
    check_labels,
    check_named,
    darker,
    display_name,
    legend_above,
    morphology_handles,
    morphology_marks,
    name_outer_axes,
    name_panels,
    panels,
    route_colours,
    styled,
)

Numbers = Mapping[str, np.ndarray]  # by name
Losses = Mapping[str, Sequence[float] | np.ndarray]  # by name, a value per epoch
SUBSETS = ("train", "held out")
SHOWN_SINGLY = 50  # up to so many values, every one is drawn on its box
MARKS = ("o", "s", "D", "^", "v", "P", "X")
SCALES = ("linear", "log")
# Tol's muted palette, apart from the routes; local thresholds are drawn through, global ones dashed.
METHOD_LINES = {
    "adaptive mean": ("#332288", "-"),
    "adaptive Gaussian": ("#88CCEE", "-"),
    "Niblack": ("#44AA99", "-"),
    "Sauvola": ("#117733", "-"),
    "Otsu": ("#661100", "--"),
    "Li": ("#999933", "--"),
    "global mean": ("#777777", "--"),
}
SCORE_NAMES = {
    "dice": "Dice coefficient [0–1]",
    "iou": "intersection over union [0–1]",
    "domains_kept": "domains kept [share]",
    "domains_ratio": "domains per true one [ratio]",
    "fraction_bias": "bias of fraction [share]",
}
LABEL_DISTANCE = 0.17  # inch, between the names of two lines


@styled
def training_history(history: Mapping[str, Sequence[float]], phase_boundary: int | None = None) -> Figure:
    """Losses against epochs on a logarithmic axis, each line named at its end.

    Source: paper, Fig. S3, all losses in one panel.

    Parameters
    ----------
    history : mapping of name to list of float
        One value per epoch, above zero; lengths may differ.
    phase_boundary : int, optional
        Number of random-crop epochs; the focused phase begins after it.
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
    label_line_ends(axes)
    return figure


@styled
def error_boxes(
    errors: Mapping[str, Numbers], references: Mapping[str, Mapping[str, float]] | None = None,
    quantity: str = "mean absolute error", unit: str = "dimensionless",
) -> Figure:
    """Box plots of the errors per route, training and held-out samples apart, over reference values.

    The axis is logarithmic if all errors are above 0. Boxes span the quartiles, the white line is the median, whiskers
    reach to 1.5 times the box. There are no notches: crops and seeds of one image are not independent.

    Source: paper, Fig. 6, whose boxes mix training and validation samples.

    Parameters
    ----------
    errors : mapping of route to mapping of subset to ndarray of shape (n,) [`unit`]
        Subsets are "train" and "held out"; one of them may be missing.
    references : mapping of name to mapping of subset to float, optional [`unit`]
        E.g. nearest-neighbour retrieval, training mean, crop-to-crop floor.
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
    height = 0.28 * (len(boxes) + len(references)) + 0.12 * len(errors) + 0.9
    figure, axes = plt.subplots(figsize=(WIDTH, height), layout="constrained")
    places: list[float] = []
    ticks: list[str] = []
    y = 0.0
    for k, (route, subset) in enumerate(boxes):
        values = np.asarray(errors[route][subset], dtype=float)
        is_first = k == 0 or boxes[k - 1][0] != route
        y += 1.0 + 0.4 * is_first
        draw_box(axes, y, values, colours[route], hollow=subset == "train")
        places.append(y)
        ticks.append(f"{display_name(route)}, {subset} ({len(values)})" if is_first else f"{subset} ({len(values)})")
    for k, (name, subsets) in enumerate(references.items()):
        y += 1.0 + 0.4 * (k == 0)
        for subset, value in subsets.items():
            axes.plot(value, y, marker="D", color=INK, markerfacecolor="white" if subset == "train" else INK, zorder=4)
        if "held out" in subsets:
            axes.axvline(subsets["held out"], color=FRAME, linewidth=0.7, linestyle=":", zorder=0)
        places.append(y)
        ticks.append(display_name(name))
    axes.set_yticks(places, ticks)
    axes.set(ylim=(y + 0.7, 0.5), xlabel=f"{quantity} [{unit}]")
    axes.tick_params(axis="y", length=0)
    if min(np.min(values) for subsets in every.values() for values in subsets.values()) > 0:
        axes.set_xscale("log")
        few_plain_ticks(axes.xaxis)
    shown = [subset for subset in SUBSETS if any(subset in subsets for subsets in every.values())]
    faces = {"train": "white", "held out": FRAME}
    handles = [Patch(facecolor=faces[subset], edgecolor=FRAME, label=subset) for subset in shown]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


@styled
def batch_errors(
    medians: Mapping[str, Mapping[str, float]], counts: Mapping[str, int], random: Mapping[str, float] | None = None,
    quantity: str = "median error",
) -> Figure:
    """One line per batch that was left out, one mark per route or reference; below, set apart, the random split.

    Parameters
    ----------
    medians : mapping of batch to mapping of name to float
        The same names for all batches; those of routes are drawn filled.
    counts : mapping of batch to int
        Held-out samples.
    random : mapping of name to float, optional
        Of a random split, whose held-out samples share batches with the training samples.
    quantity : str
        What the medians are of, with its unit.
    """
    check_named("medians", medians)
    names = list(next(iter(medians.values())))
    lines = {f"{batch}\n(n = {counts[batch]})": dict(values) for batch, values in medians.items()}
    if random is not None:
        lines["random split\n(leaky)"] = dict(random)
    for line, values in lines.items():
        if list(values) != names:
            raise ValueError(f"medians of {line.splitlines()[0]!r} must be of {names}; got {list(values)}")
        check_finite(f"medians of {line.splitlines()[0]!r}", np.array(list(values.values())))
    colours = route_colours(names)
    places = np.arange(len(lines), dtype=float)
    if random is not None:
        places[-1] += 0.4
    figure, axes = plt.subplots(figsize=(WIDTH, 0.45 * len(lines) + 1.3), layout="constrained")
    for k, name in enumerate(names):
        route = colours[name] in ROUTE_COLOURS.values()
        axes.plot(
            [values[name] for values in lines.values()], places, MARKS[k % len(MARKS)], color=colours[name],
            markerfacecolor=colours[name] if route else "white", markersize=7, label=display_name(name),
        )
    for place in places:
        axes.axhline(place, color=FRAME, linewidth=0.5, alpha=0.5, zorder=0)
    axes.set_yticks(places, list(lines))
    axes.set(xlabel=quantity, ylim=(places[-1] + 0.5, -0.5))
    axes.set_xlim(left=0)
    axes.tick_params(axis="y", length=0)
    legend_above(figure, axes)
    return figure


@styled
def error_intervals(
    errors: Mapping[str, Mapping[str, tuple[float, float, float]]], highlighted: Sequence[str] = (),
    reference: str | None = None,
) -> Figure:
    """Mean errors with their intervals: one panel per metric, one line per method; `highlighted` in their colours.

    Parameters
    ----------
    errors : mapping of metric to mapping of method to (low, estimate, high)
        Every metric with the same methods, or some of them.
    reference : str, optional
        A method whose estimate is drawn as a line through its panel.
    """
    check_named("errors", errors)
    names = list(dict.fromkeys(name for methods in errors.values() for name in methods))
    check_named("methods", names)
    rows = -(-len(errors) // 2)
    figure, grid = plt.subplots(
        rows, 2, figsize=(WIDTH, rows * (0.19 * len(names) + 0.7)), sharey=True, squeeze=False, layout="constrained"
    )
    for axes, (metric, methods) in zip(grid.flat, errors.items(), strict=False):
        for place, name in enumerate(names):
            if name not in methods:
                continue
            low, estimate, high = methods[name]
            colour = route_colours([name])[name] if name in highlighted else INK
            axes.plot([low, high], [place, place], color=colour, linewidth=1.6)
            axes.plot(estimate, place, "o", color=colour, markersize=4.5)
        if reference in methods:
            axes.axvline(methods[str(reference)][1], color=FRAME, linewidth=0.8, linestyle=":")
        axes.set(title=metric, xscale="log")
        few_plain_ticks(axes.xaxis, (1.0, 3.0))
        axes.set_yticks(range(len(names)), names, fontsize=9)
        axes.set_ylim(len(names) - 0.4, -0.6)
    for axes in list(grid.flat)[len(errors) :]:
        axes.remove()
    return figure


@styled
def threshold_scores(rows: Sequence[Mapping[str, Any]], score: str = "dice") -> Figure:
    """Median of a score against the unevenness of the light: a panel per morphology, a line per method.

    Source: not in the paper, whose Fig. S2 shows masks; experiments have no ground truth.

    Parameters
    ----------
    rows : list of mapping
        Of `thresholds.threshold_study`.
    score : "dice", "iou", "domains_kept", "domains_ratio" or "fraction_bias"
    """
    check_named("rows", rows)
    check_one_of("score", score, tuple(SCORE_NAMES))
    table = pd.DataFrame(rows)
    check_finite(score, table[score].to_numpy(dtype=float))
    medians = table.groupby(["morphology", "method", "illumination"])[score].median()
    labels = list(table["morphology"].unique())
    spare = iter(SPARE_COLOURS * 4)
    lines = {name: METHOD_LINES.get(name) or (next(spare), "-") for name in table["method"].unique()}
    figure, every = panels(len(labels), height=2.7)
    for axes, label in zip(every, labels, strict=True):
        for method, (colour, dashes) in lines.items():
            own = medians[label, method]
            axes.plot(own.index, own, dashes, color=colour, marker="o", markersize=3.5, label=method)
        axes.set_title(display_name(label))
        axes.set_xticks(sorted(table["illumination"].unique()))
    name_outer_axes(every, "shading [× as simulated]", SCORE_NAMES[score])
    for axes in every:
        label_line_ends(axes)
    return figure


@styled
def scalar_scatter(true: np.ndarray, given: Numbers, morphologies: Sequence[str], quantity: str) -> Figure:
    """A number of each held-out sample against that of the ensembles that answer for it: one panel per method.

    Parameters
    ----------
    true : ndarray of shape (n,)
    given : mapping of method to ndarray of shape (n,)
    morphologies : sequence of str, length n
    quantity : str
        What the number is, with its unit.
    """
    check_named("given", given)
    check_count("true", true, morphologies)
    for name, values in given.items():
        check_count(f"given {name!r}", values, morphologies)
    size = (WIDTH, WIDTH / len(given) + 0.9)
    figure, grid = plt.subplots(
        1, len(given), figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    labels = np.array(morphologies)
    ends = [min(true.min(), *(v.min() for v in given.values())), max(true.max(), *(v.max() for v in given.values()))]
    for axes, (name, values) in zip(grid.flat, given.items(), strict=True):
        axes.plot(ends, ends, color=FRAME, linewidth=0.8)
        for label, (colour, marker) in morphology_marks(morphologies).items():
            axes.plot(true[labels == label], values[labels == label], marker, color=colour, markersize=4.5, label=label)
        axes.set_title(name)
        axes.set_box_aspect(1)
    figure.supxlabel(f"{quantity}, true", fontsize=10)
    grid[0, 0].set_ylabel("of the answer")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=2, handletextpad=0.2)
    return figure


@styled
def agreement_panels(
    true: np.ndarray, predicted: Numbers, labels: Sequence[str], quantity: str, deviations: Numbers | None = None,
    scale: str = "linear",
) -> Figure:
    """A number read off predicted micrographs against that off the true ones: a panel per way, a point per sample.

    A sample of which either number is unknown is left out of a panel, and counted in its title.

    Parameters
    ----------
    true : ndarray of shape (n,)
    predicted : mapping of name to ndarray of shape (n,)
        Both NaN where it could not be read.
    labels : sequence of str, length n
        Morphologies.
    quantity : str
        What is read, with its unit.
    deviations : mapping of name to ndarray of shape (n,), optional
        Standard deviations within an ensemble, drawn as bars; that of "true" lies along the horizontal axis.
    scale : "linear" or "log"
    """
    check_labels(labels)
    check_named("predicted", predicted)
    check_one_of("scale", scale, SCALES)
    deviations = deviations or {}
    bars = {f"deviation of {key}": values for key, values in deviations.items()}
    for name, values in {"true": true, **predicted, **bars}.items():
        check_shape(name, np.asarray(values), (len(labels),))
    marks = morphology_marks(labels)
    every = np.concatenate([np.asarray(true), *map(np.asarray, predicted.values())])
    if not np.isfinite(every).any():
        raise ValueError(f"{quantity} must be known of at least one sample; got NaN only")
    figure, places = panels(len(predicted), height=2.7)
    for axes, (name, values) in zip(places, predicted.items(), strict=True):
        known = np.isfinite(true) & np.isfinite(values)
        for label, (colour, marker) in marks.items():
            chosen = known & (np.asarray(labels) == label)
            up, along = (deviations[key][chosen] if key in deviations else None for key in (name, "true"))
            axes.errorbar(
                true[chosen], values[chosen], up, along,
                fmt=marker, color=colour, markersize=5.5, elinewidth=0.8, alpha=0.85,
            )
        missing = f", {int((~known).sum())} not read" if (~known).any() else ""
        axes.set_title(display_name(name) + missing)
        if scale == "log":
            axes.set(xscale="log", yscale="log")
            few_plain_ticks(axes.xaxis)
            few_plain_ticks(axes.yaxis)
        axes.axline((1, 1), (2, 2), color=FRAME, linewidth=1, linestyle="--", zorder=0)
    limits = _limits(every[np.isfinite(every)], scale)
    places[0].set(xlim=limits, ylim=limits)
    name_outer_axes(places, "", "predicted")
    figure.supxlabel(f"{quantity}, true", fontsize=10)
    handles = morphology_handles(marks)
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 4), handletextpad=0.2)
    return figure


@styled
def error_over_time(
    times: Numbers, errors: Mapping[str, Numbers], quantity: str = "error of the mean S2", unit: str = "time units"
) -> Figure:
    """Errors of a predicted film against time, one panel per film, one line per way.

    Parameters
    ----------
    times : mapping of film to ndarray of shape (t,) [`unit`]
        Above zero: the axis is logarithmic.
    errors : mapping of film to mapping of way to ndarray of shape (t,)
        The same ways for every film.
    """
    check_named("errors", errors)
    ways = list(next(iter(errors.values())))
    for film, of_film in errors.items():
        if list(of_film) != ways:
            raise ValueError(f"errors[{film!r}] must have the ways {ways}; got {list(of_film)}")
        for name, values in of_film.items():
            check_shape(f"{film}, {name}", np.asarray(values), (len(times[film]),))
            check_finite(f"{film}, {name}", np.asarray(values))
    colours = route_colours(ways)
    figure, places = panels(len(errors))
    for axes, (film, of_film) in zip(places, errors.items(), strict=True):
        for name, values in of_film.items():
            dashes = "--" if colours[name] in SPARE_COLOURS else "-"  # a reference, not a route
            axes.plot(times[film], values, dashes, marker=".", color=colours[name], label=display_name(name))
        axes.set(xscale="log", yscale="log")
    name_panels(figure, places, errors, f"time [{unit}]", quantity)
    return figure


@styled
def throughput_lines(counts: Sequence[int] | np.ndarray, rates: Numbers) -> Figure:
    """Patterns per second against the number of patterns handed over at once, both logarithmic.

    Parameters
    ----------
    counts : sequence of int, length k
        Patterns at once.
    rates : mapping of name to ndarray of shape (k,) [patterns/s]
        NaN where it was not measured. What stands before a comma is the model, which has one colour.
    """
    check_named("rates", rates)
    for name, values in {"counts": np.asarray(counts), **rates}.items():
        check_shape(name, values, (len(counts),))
        known = np.asarray(values)[np.isfinite(values)]
        check_positive(f"number of known {name}", len(known))
        check_positive(f"lowest of {name}", float(known.min()))
    models = {name: name.split(",")[0] for name in rates}
    colours = route_colours(models.values())
    figure, axes = plt.subplots(figsize=(WIDTH, 3.2), layout="constrained")
    for name, values in rates.items():
        dashes = "-" if name == next(key for key, model in models.items() if model == models[name]) else "--"
        axes.plot(counts, values, dashes, marker="o", markersize=5, color=colours[models[name]], label=name)
    axes.set(xscale="log", yscale="log", xlabel="patterns at once", ylabel="patterns per second")
    axes.set_xticks(list(counts), [str(count) for count in counts])
    axes.minorticks_off()
    low, high = axes.get_ylim()
    axes.set_ylim(10 ** np.floor(np.log10(low)), 10 ** np.ceil(np.log10(high)))
    axes.grid(axis="y", color=FRAME, alpha=0.25)
    label_line_ends(axes)
    return figure


@styled
def delivery_times(seconds: Sequence[float], wanted: float = 1.0) -> Figure:
    """How long [s] it took from each file to its ensemble, in the order in which the files came; `wanted` as a line."""
    check_positive("number of times", len(seconds))
    check_positive("lowest of seconds", float(min(seconds)))
    figure, axes = plt.subplots(figsize=(WIDTH, 2.6), layout="constrained")
    axes.plot(range(1, len(seconds) + 1), seconds, "o", color=INK)
    axes.axhline(wanted, color=FRAME, linestyle="--", linewidth=1)
    axes.text(1.01, wanted, f"{wanted:g} s", transform=axes.get_yaxis_transform(), va="center", fontsize=9)
    axes.set(xlabel="file, in order of arrival", ylabel="file to ensemble [s]")
    axes.set_ylim(0, 1.15 * max(wanted, *seconds))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def draw_box(
    axes: Axes, place: float, values: np.ndarray, colour: str, hollow: bool, upright: bool = False, width: float = 0.7
) -> None:
    """One box, lying unless `upright`; on one that lies every value is drawn where they are few."""
    single = len(values) <= SHOWN_SINGLY and not upright
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
        axes.plot(values, np.full(len(values), place), ".", color=INK, markersize=4, alpha=0.45, zorder=3)


def check_losses(name: str, values: Sequence[float]) -> np.ndarray:
    """Losses as an array; ValueError unless they can be drawn on a logarithmic axis."""
    losses = np.asarray(values, dtype=float)
    check_shape(name, losses, ("epochs",))
    check_finite(name, losses)
    if not losses.size or losses.min() <= 0:
        lowest = losses.min() if losses.size else "none"
        raise ValueError(f"{name} must hold values above 0 for a logarithmic axis; got {lowest}")
    return losses


def draw_losses(axes: Axes, history: Losses, colours: Mapping[str, str], width: float) -> None:
    """Losses against epochs, a line per name; `label_line_ends` names them once the limits are set."""
    for name, values in history.items():
        axes.plot(np.arange(1, len(values) + 1), values, color=colours[name], linewidth=width, label=name)
    axes.set(yscale="log", xlabel="epoch", xlim=(1, max(2, *map(len, history.values()))))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


def label_line_ends(axes: Axes) -> None:
    """Name each line at its right end, once the limits are set: names that would meet are pushed apart.

    A thin line leads from each end to its name. Lines without a label are not named.
    """
    axes.get_ylim()  # a logarithmic axis has its limits only when they are asked for
    named = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    points = [np.asarray(line.get_xydata(), dtype=float) for line in named]
    ends = [own[np.isfinite(own).all(axis=1)][-1] for own in points]
    heights = axes.transAxes.inverted().transform(axes.transData.transform(ends))[:, 1]
    order = np.argsort(heights, kind="stable")
    distance = LABEL_DISTANCE * axes.figure.dpi / axes.bbox.height
    steps = distance * np.arange(len(named))
    pushed_up = np.maximum.accumulate(heights[order] - steps) + steps
    pushed_down = np.minimum.accumulate((heights[order] - steps)[::-1])[::-1] + steps
    places = np.minimum((pushed_up + pushed_down) / 2, 1 - steps[::-1])  # none above the panel
    for k, place in zip(order, np.maximum(places, steps), strict=True):
        colour = str(named[k].get_color())
        leader: dict[str, Any] = {"arrowstyle": "-", "color": colour, "linewidth": 0.8, "linestyle": ":"}
        leader |= {"shrinkA": 0, "shrinkB": 1, "relpos": (0, 0.5)}
        axes.annotate(
            display_name(str(named[k].get_label())), tuple(ends[k]), (1.07, place), textcoords="axes fraction",
            arrowprops=leader, color=darker(colour), va="center", fontsize=8.5, annotation_clip=False,
        )


def _limits(known: np.ndarray, scale: str) -> tuple[float, float]:
    """Common limits of both axes, a little beyond all values."""
    low, high = float(known.min()), float(known.max())
    margin = 0.06 * (high - low) or 0.1
    return (low / 1.4, high * 1.4) if scale == "log" else (low - margin, high + margin)
