"""Errors and losses of the paper: Fig. 6A, 6B and S3, and whether the ensemble's spread foretells the error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.stats import spearmanr

from pairvae_lib.checks import check_one_of
from pairvae_lib.figures.assessment import check_losses, draw_box, draw_losses, label_line_ends
from pairvae_lib.figures.drawing import few_plain_ticks
from pairvae_lib.figures.paper.tables import PAPER_MEDIANS, paper_name, pooled, routes_of
from pairvae_lib.figures.saved import entry
from pairvae_lib.figures.style import (
    FRAME,
    INK,
    WIDTH,
    check_named,
    darker,
    display_name,
    morphology_handles,
    morphology_marks,
    route_colours,
    styled,
)

Saved = Mapping[str, Any]
LN2 = float(np.log(2))  # nats per pixel of a decoder that knows nothing of a balanced mask
REFERENCES: Mapping[str, tuple[str, Literal["-", "--", "-.", ":"]]] = {  # greys and browns, apart from routes
    "nearest neighbour": ("#222222", "-"),
    "three nearest neighbours": ("#222222", ":"),
    "training mean": ("#777777", "--"),
    "crop-to-crop floor": ("#8c510a", "-."),
    "kernel ridge": ("#8c510a", "-"),
    "Fourier transform": ("#777777", ":"),
}
SPELT_OUT = {"kernel ridge": "kernel ridge on spectra", "Fourier transform": "Fourier transform, raw"}
TO_SCATTERING = ("nearest neighbour", "three nearest neighbours", "training mean", "kernel ridge", "Fourier transform")
TO_MICROGRAPH = ("nearest neighbour", "three nearest neighbours", "training mean", "crop-to-crop floor")
PROTOCOL_COLOURS = {
    "two_phase": "#0072B2",
    "direct": "#D55E00",
    "one_crop": "#009E73",
    "ten_crops": "#CC79A7",
    "all_crops": "#222222",
}
PROTOCOL_NAMES = {
    "two_phase": "two phases (default)",
    "direct": "no solo training",
    "one_crop": "one crop",
    "ten_crops": "few random crops",
    "all_crops": "only random crops",
}


def fig_6a(every_errors: Sequence[Saved]) -> Figure:
    """Fig. 6A: errors of reconstructed scattering against the number of training pairs, over all seeds.

    Parameters
    ----------
    every_errors : list of dict
        The saved `errors.json` of every run of a sweep. Runs of other protocols are left out.

    Returns
    -------
    matplotlib Figure
        One panel per route. Hollow boxes: all images, as in the paper; filled: held-out images. Lines: medians of the
        references over held-out images. Open diamonds: the paper's medians, for simulated data and its sizes only.

    Notes
    -----
    Source: paper, Fig. 6A, whose boxes mix training and validation samples and whose intensities are colours; without
    notches, since the images of five seeds are the same 72. Medians read off: +-0.0005.
    """
    return _errors_by_size(every_errors, "intensity", "mean absolute error of the intensity [of its range]")


def fig_6b(every_errors: Sequence[Saved], metric: str = "S2 periodic") -> Figure:
    """Fig. 6B: errors of the S2 of reconstructed micrographs; parameters as `fig_6a`.

    Parameters
    ----------
    every_errors : list of dict
        As in `fig_6a`.
    metric : str
        "S2 periodic", the paper's convention, "S2", the unbiased one, or another metric of micrographs. The paper's
        medians are shown beside the two.

    Notes
    -----
    Source: paper, Fig. 6B; see `fig_6a`.
    """
    names = {"S2 periodic": "$S_2$ (PoreSpy's periodic)", "S2": "$S_2$", "A2": "$A_2$"}
    return _errors_by_size(every_errors, metric, f"mean absolute error of {names.get(metric, metric)} [dimensionless]")


@styled
def fig_s3(
    protocol_histories: Mapping[str, Saved], panel: str, scattering: str = "saxs", micrograph: str = "sem"
) -> Figure:
    """Fig. S3A to E: one of the five losses of pair training against epochs, one line per protocol.

    Parameters
    ----------
    protocol_histories : mapping of protocol to dict
        The saved `history.json` of one run per protocol: "pair" holds "barlow" and the routes, one value per epoch.
    panel : "A" to "E"
        The loss: A Barlow Twins, B scattering to scattering, C micrograph to scattering, D micrograph to micrograph,
        E scattering to micrograph.
    scattering, micrograph : str
        Names of the techniques.

    Returns
    -------
    matplotlib Figure
        D and E mark ln 2, the loss of a decoder that knows nothing of a balanced mask.

    Notes
    -----
    Source: paper, text on Fig. S3, which names D and E in connection with the decoder of micrographs; the letters of
    the other three losses are in the order of our four routes (the Supporting Information is not public).
    """
    s, m = scattering, micrograph
    losses = {"A": "barlow", "B": f"{s}_to_{s}", "C": f"{m}_to_{s}", "D": f"{m}_to_{m}", "E": f"{s}_to_{m}"}
    check_one_of("panel", panel, tuple(losses))
    check_named("protocol_histories", protocol_histories)
    loss, bernoulli = losses[panel], panel in "DE"
    lines: dict[str, np.ndarray] = {}
    for protocol, history in protocol_histories.items():
        check_one_of("protocol", protocol, tuple(PROTOCOL_NAMES))
        pair = entry(f"history of {protocol!r}", history, "pair")
        values = entry(f"pair losses of {protocol!r}", pair, loss)
        lines[PROTOCOL_NAMES[protocol]] = check_losses(f"{loss} of {protocol!r}", values)
    colours = {PROTOCOL_NAMES[protocol]: PROTOCOL_COLOURS[protocol] for protocol in protocol_histories}
    figure, axes = plt.subplots(figsize=(WIDTH, 3.6), layout="constrained")
    draw_losses(axes, lines, colours, 1.0)
    unit = {"A": "dimensionless"}.get(panel, "nats per px" if bernoulli else "squared intensity")
    axes.set_ylabel(f"{display_name(loss)} loss [{unit}]")
    few_plain_ticks(axes.yaxis)
    if bernoulli:
        axes.axhline(LN2, color=FRAME, linestyle=":", linewidth=1.2)
        axes.set_title("dotted: ln 2, a decoder that knows nothing", fontsize=9.5, loc="left")
        axes.set_ylim(top=max(axes.get_ylim()[1], 1.1 * LN2))
    label_line_ends(axes, lines, colours)
    return figure


@styled
def error_against_uncertainty(errors: Saved) -> Figure:
    """Not in the paper: error of scattering -> micrograph against the spread of S2 over sampled latents.

    Parameters
    ----------
    errors : dict
        The saved `errors.json`: "uncertainty" holds "S2 spread", "errors" the metric "S2", both one value per sample.

    Returns
    -------
    matplotlib Figure
        Filled: training samples; hollow: held-out ones; with Spearman's rank correlation of each.
    """
    names = entry("errors", errors, "modalities")
    route = f"{names['scattering']}_to_{names['micrograph']}"
    spread = _floats(entry("uncertainty", entry("errors", errors, "uncertainty"), "S2 spread"))
    error = _floats(entry("S2", entry("errors", entry("errors", errors, "errors"), "S2"), route))
    subsets, labels = (np.array([sample[key] for sample in errors["samples"]]) for key in ("subset", "morphology"))
    defined = np.isfinite(spread) & np.isfinite(error)
    marks = morphology_marks(sorted(labels))
    figure, axes = plt.subplots(figsize=(WIDTH, 4.4), layout="constrained")
    handles = []
    for subset, hollow in (("train", False), ("held out", True)):
        of_subset = defined & (subsets == subset)
        if of_subset.sum() < 3:
            raise ValueError(f"{subset} must hold at least 3 samples with error and spread; got {of_subset.sum()}")
        for label, (colour, marker) in marks.items():
            chosen = of_subset & (labels == label)
            face = "white" if hollow else colour
            axes.scatter(
                spread[chosen], error[chosen], s=34, marker=marker, color=face, edgecolors=colour, linewidths=1.3
            )
        rho = spearmanr(spread[of_subset], error[of_subset]).statistic
        name = f"{subset}: Spearman {rho:.2f} (n = {of_subset.sum()})"
        face = "white" if hollow else INK
        handles.append(Line2D([], [], linestyle="", marker="o", color=INK, markerfacecolor=face, label=name))
    handles += morphology_handles(marks)
    axes.set(
        xlabel="standard deviation of $S_2$ over sampled latents [dimensionless]",
        ylabel=f"error of $S_2$, {display_name(route)} [dimensionless]",
    )
    figure.legend(handles=handles, loc="outside upper center", ncols=2, handletextpad=0.2)
    return figure


@styled
def _errors_by_size(every_errors: Sequence[Saved], metric: str, quantity: str) -> Figure:
    """One panel per route: boxes against the number of training pairs, all and held-out images, with references."""
    routes = routes_of(every_errors, metric)
    found = pooled(every_errors, metric)
    references = pooled(every_errors, metric, kind="references")
    medians = references[references["held out"]].groupby(["name", "n"])["error"].median().unstack()
    sizes = sorted(found["n"].unique())
    names = TO_SCATTERING if metric == "intensity" else TO_MICROGRAPH
    shown = [name for name in names if name in medians.index and medians.loc[name].notna().all()]
    colours = route_colours(routes)
    figure, grid = plt.subplots(
        len(routes), 1, figsize=(WIDTH, 2.2 * len(routes) + 0.9), sharex=True, sharey=True, squeeze=False
    )
    figure.set_layout_engine("constrained")
    simulated = all(errors["run"]["data"] == "simulated" for errors in every_errors)
    for axes, route in zip(grid[:, 0], routes, strict=True):
        for place, n in enumerate(sizes):
            own = found[(found["n"] == n) & (found["name"] == route)]
            for shift, values in ((-0.2, own["error"]), (0.2, own["error"][own["held out"]])):
                draw_box(axes, place + shift, values.to_numpy(), colours[route], shift < 0, upright=True, width=0.3)
            paper = PAPER_MEDIANS.get((metric, paper_name(route, every_errors)), {}).get(n) if simulated else None
            if paper is not None:
                axes.plot(place - 0.42, paper, marker="D", color=INK, markerfacecolor="white", zorder=5)
        for name in shown:
            _reference_line(axes, list(medians.loc[name]), name)
        axes.set_title(display_name(route), color=darker(colours[route]), loc="left")
        axes.set_xticks(range(len(sizes)), [f"{n}" for n in sizes])
        axes.set(xlim=(-0.6, len(sizes) - 0.4))
        axes.set_ylim(bottom=0)
    grid[-1, 0].set_xlabel("number of training pairs")
    figure.supylabel(quantity, fontsize=10)
    handles: list[Any] = [
        Patch(facecolor="white", edgecolor=FRAME, label="all images, as the paper"),
        Patch(facecolor=FRAME, edgecolor=FRAME, label="held-out images"),
    ]
    if simulated and any((metric, paper_name(route, every_errors)) in PAPER_MEDIANS for route in routes):
        handles.append(
            Line2D([], [], linestyle="", marker="D", color=INK, markerfacecolor="white", label="paper, read off")
        )
    handles += [
        Line2D([], [], color=REFERENCES[name][0], linestyle=REFERENCES[name][1], label=SPELT_OUT.get(name, name))
        for name in shown
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, handlelength=2.2)
    return figure


def _reference_line(axes: Axes, medians: Sequence[float], name: str) -> None:
    """Held-out medians of a reference: level over the boxes of each size."""
    colour, line = REFERENCES[name]
    places = np.ravel([(k - 0.46, k + 0.46, np.nan) for k in range(len(medians))])
    axes.plot(places, np.repeat(medians, 3), color=colour, linestyle=line, linewidth=1.2, zorder=1, label=name)


def _floats(values: Sequence[float | None]) -> np.ndarray:
    """Numbers of a JSON list, NaN where there is none."""
    return np.array([np.nan if value is None else value for value in values], dtype=float)
