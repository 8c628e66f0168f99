"""What an ensemble is good for: patterns per second, readings against true ones, films of micrographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pairvae_lib.checks import check_finite, check_one_of, check_positive, check_shape
from pairvae_lib.figures.drawing import draw_image, few_plain_ticks, image_grid, tiles
from pairvae_lib.figures.style import (
    FRAME,
    ROUTE_COLOURS,
    SPARE_COLOURS,
    WIDTH,
    check_labels,
    check_named,
    display_name,
    legend_above,
    morphology_handles,
    morphology_marks,
    name_outer_axes,
    panels,
    route_colours,
    styled,
)

SCALES = ("linear", "log")


@styled
def throughput_lines(counts: Sequence[int] | np.ndarray, rates: Mapping[str, np.ndarray]) -> Figure:
    """Patterns per second against the number of patterns handed over at once, both logarithmic.

    Parameters
    ----------
    counts : sequence of int, length k
        Patterns at once.
    rates : mapping of name to ndarray of shape (k,) [patterns/s]
        NaN where it was not measured.
    """
    check_named("rates", rates)
    for name, values in {"counts": np.asarray(counts), **rates}.items():
        check_shape(name, values, (len(counts),))
        known = np.asarray(values)[np.isfinite(values)]
        check_positive(f"number of known {name}", len(known))
        check_positive(f"lowest of {name}", float(known.min()))
    colours = route_colours(rates)
    figure, axes = plt.subplots(figsize=(WIDTH, 3.2), layout="constrained")
    for name, values in rates.items():
        axes.plot(counts, values, marker="o", markersize=5, color=colours[name], label=display_name(name))
    axes.set(xscale="log", yscale="log", xlabel="patterns at once", ylabel="patterns per second")
    axes.set_xticks(list(counts), [str(count) for count in counts])
    axes.minorticks_off()
    low, high = axes.get_ylim()
    axes.set_ylim(10 ** np.floor(np.log10(low)), 10 ** np.ceil(np.log10(high)))
    axes.grid(axis="y", color=FRAME, alpha=0.25)
    legend_above(figure, axes)
    return figure


@styled
def agreement_panels(
    true: np.ndarray,
    predicted: Mapping[str, np.ndarray],
    labels: Sequence[str],
    quantity: str,
    deviations: Mapping[str, np.ndarray] | None = None,
    scale: str = "linear",
) -> Figure:
    """A number read off predicted micrographs against that off the true ones: a panel per way, a point per sample.

    Parameters
    ----------
    true : ndarray of shape (n,)
        NaN where it could not be read.
    predicted : mapping of name to ndarray of shape (n,)
        Likewise.
    labels : sequence of str, length n
        Morphologies.
    quantity : str
        What is read, with its unit.
    deviations : mapping of name to ndarray of shape (n,), optional
        Standard deviations within an ensemble, drawn as bars; that of "true" lies along the horizontal axis.
    scale : "linear" or "log"
        Of both axes.

    Returns
    -------
    matplotlib Figure
        A sample of which either number is unknown is left out of a panel, and counted in its title.
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
            axes.errorbar(
                true[chosen],
                values[chosen],
                deviations[name][chosen] if name in deviations else None,
                deviations["true"][chosen] if "true" in deviations else None,
                fmt=marker,
                color=colour,
                markersize=5.5,
                elinewidth=0.8,
                alpha=0.85,
            )
        missing = f", {int((~known).sum())} not read" if (~known).any() else ""
        axes.set_title(display_name(name) + missing)
        if scale == "log":
            axes.set(xscale="log", yscale="log")
            few_plain_ticks(axes.xaxis)
            few_plain_ticks(axes.yaxis)
        axes.axline((1, 1), (2, 2), color=FRAME, linewidth=1, linestyle="--", zorder=0)
    low, high = _limits(every, scale)
    places[0].set(xlim=(low, high), ylim=(low, high))
    name_outer_axes(places, "", "predicted")
    figure.supxlabel(f"{quantity}, true", fontsize=10)
    handles = morphology_handles(marks)
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 4), handletextpad=0.2)
    return figure


@styled
def film_strip(
    times: Sequence[float] | np.ndarray, rows: Mapping[str, Sequence[np.ndarray] | np.ndarray], unit: str = "time units"
) -> Figure:
    """A film as a strip, a column per moment: scattering, true micrograph, and what is predicted below each other.

    Parameters
    ----------
    times : sequence of float, length t [`unit`]
    rows : mapping of name to ndarrays of shape (height, width), t of them
        Patterns in [0, 1] or boolean masks.
    unit : str
    """
    check_named("rows", rows)
    for name, images in rows.items():
        if len(images) != len(times):
            raise ValueError(f"{name} must hold one image for each of {len(times)} times; got {len(images)}")
    names = [display_name(name).replace(" ", "\n", 1) for name in rows]
    figure = image_grid(list(rows.values()), names, [f"{time:.3g}" for time in times], extra_height=0.15)
    figure.supxlabel(f"time of annealing [{unit}]", fontsize=10)
    return figure


@styled
def film_frame(images: Mapping[str, np.ndarray]) -> Figure:
    """One moment of a film: named images side by side, in rows of three where there are more than four.

    Parameters
    ----------
    images : mapping of name to ndarray of shape (height, width)
        Patterns in [0, 1] or boolean masks.
    """
    check_named("images", images)
    columns = len(images) if len(images) <= 4 else 3
    figure, grid = tiles(-(-len(images) // columns), columns)
    for axes, (name, image) in zip(grid.flat, images.items(), strict=False):
        draw_image(axes, np.asarray(image))
        axes.set_title(display_name(name).replace(" ", "\n", 1))
    for axes in grid.flat[len(images) :]:
        axes.remove()
    return figure


@styled
def error_over_time(
    times: Mapping[str, np.ndarray],
    errors: Mapping[str, Mapping[str, np.ndarray]],
    quantity: str = "error of the mean S2",
    unit: str = "time units",
) -> Figure:
    """Errors of a predicted film against time, one panel per film, one line per way.

    Parameters
    ----------
    times : mapping of film to ndarray of shape (t,) [`unit`]
        Above zero: the axis is logarithmic.
    errors : mapping of film to mapping of way to ndarray of shape (t,)
        The same ways for every film.
    quantity, unit : str
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
        _lines(axes, times[film], of_film, colours)
        axes.set(xscale="log", yscale="log", title=display_name(film))
    name_outer_axes(places, f"time [{unit}]", quantity)
    legend_above(figure, places[0])
    return figure


@styled
def delivery_times(seconds: Sequence[float], wanted: float = 1.0) -> Figure:
    """How long it took from each file to its ensemble, in the order in which the files came.

    Parameters
    ----------
    seconds : sequence of float [s]
    wanted : float [s]
        Drawn as a line.
    """
    check_positive("number of times", len(seconds))
    check_positive("lowest of seconds", float(min(seconds)))
    figure, axes = plt.subplots(figsize=(WIDTH, 2.6), layout="constrained")
    axes.plot(range(1, len(seconds) + 1), seconds, "o", color=ROUTE_COLOURS["saxs_to_sem"])
    axes.axhline(wanted, color=FRAME, linestyle="--", linewidth=1)
    axes.annotate(f"{wanted:g} s", (1, wanted), xytext=(0, 2), textcoords="offset points", va="bottom", fontsize=9)
    axes.set(xlabel="file, in order of arrival", ylabel="file to ensemble [s]")
    axes.set_ylim(0, 1.15 * max(wanted, *seconds))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _lines(axes: Axes, x: np.ndarray, lines: Mapping[str, np.ndarray], colours: Mapping[str, str]) -> None:
    """One marked line per name."""
    for name, values in lines.items():
        dashed = colours[name] in SPARE_COLOURS  # a reference, not a route
        axes.plot(
            x, values, marker=".", color=colours[name], linestyle="--" if dashed else "-", label=display_name(name)
        )


def _limits(values: np.ndarray, scale: str) -> tuple[float, float]:
    """Common limits of both axes, a little beyond all finite values."""
    known = values[np.isfinite(values)]
    if scale == "log":
        return float(known.min()) / 1.4, float(known.max()) * 1.4
    margin = 0.06 * float(np.ptp(known)) or 0.1
    return float(known.min()) - margin, float(known.max()) + margin
