"""Errors and losses of the paper (Fig. 6 and S3, Table S2), and our own: latents, and whether spread foretells error.

Table S1 stands in book/paper_map.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter
from scipy.stats import spearmanr

from pairvae_lib.checks import check_finite, check_one_of, check_shape
from pairvae_lib.config import profile_named
from pairvae_lib.figures.assessment import check_losses, draw_box, draw_losses, label_line_ends
from pairvae_lib.figures.drawing import few_plain_ticks
from pairvae_lib.figures.saved import array, entry, techniques, trained_techniques, words
from pairvae_lib.figures.style import (
    FRAME,
    INK,
    WIDTH,
    check_named,
    display_name,
    morphology_handles,
    morphology_marks,
    route_colours,
    styled,
)

Saved = Mapping[str, Any]
SIMULATED = "simulated"  # what the run notes as its data
Row = dict[str, Any]
DESCRIBED = "\n{between_classes:.0%} between classes\n{effective_dimension:.1f} dimensions"  # of a latent space
LN2 = float(np.log(2))  # nats per pixel of a decoder that knows nothing of a balanced mask
REFERENCES: Mapping[str, tuple[str, Literal["-", "--", "-.", ":"]]] = {  # greys and browns, apart from routes
    "nearest neighbour": ("#222222", "-"),
    "three nearest neighbours": ("#222222", ":"),
    "training mean": ("#777777", "--"),
    "crop-to-crop floor": ("#8c510a", "-."),
    "noise floor": ("#8c510a", "-."),
    "kernel ridge": ("#8c510a", "-"),
    "nearest scattering": ("#8c510a", ":"),
    "Fourier transform": ("#777777", ":"),
    "Fourier transform, fitted scale": ("#777777", ":"),
}
SPELT_OUT = {"kernel ridge": "kernel ridge on spectra", "Fourier transform": "Fourier transform, raw"}
TO_SCATTERING = (  # as far as they are noted: older results have no "nearest scattering", small patterns no floor
    "nearest neighbour", "three nearest neighbours", "training mean", "kernel ridge", "nearest scattering",
    "noise floor", "Fourier transform", "Fourier transform, fitted scale",
)  # fmt: skip
TO_MICROGRAPH = ("nearest neighbour", "three nearest neighbours", "training mean", "crop-to-crop floor")
PROTOCOLS = {  # names, and colours that no route has
    "two_phase": ("two phases (default)", "#332288"),
    "direct": ("no solo training", "#661100"),
    "one_crop": ("one crop", "#999933"),
    "ten_crops": ("few random crops", "#EE99AA"),
    "all_crops": ("only random crops", "#888888"),
}
_READ_OFF = {  # number of training images: median; read off the paper's Fig. 6 by us, +-0.0005
    ("intensity", "solo saxs_to_saxs"): {32: 0.034, 48: 0.0275, 64: 0.026},
    ("intensity", "saxs_to_saxs"): {32: 0.041, 48: 0.035, 64: 0.034},
    ("intensity", "sem_to_saxs"): {32: 0.0445, 48: 0.039, 64: 0.0375},
    ("S2 periodic", "solo sem_to_sem"): {32: 0.027, 48: 0.028, 64: 0.0215},
    ("S2 periodic", "sem_to_sem"): {32: 0.035, 48: 0.0195, 64: 0.019},
    ("S2 periodic", "saxs_to_sem"): {32: 0.0145, 48: 0.0105, 64: 0.008},
}
PAPER_MEDIANS: Mapping[tuple[str, str], Mapping[int, float]] = _READ_OFF | {
    ("S2", route): medians for (metric, route), medians in _READ_OFF.items() if metric == "S2 periodic"
}


def fig_6a(every_errors: Sequence[Saved]) -> Figure:
    """Fig. 6A: errors of reconstructed scattering against the number of training pairs, over all seeds.

    Source: paper, Fig. 6A, whose boxes mix training and validation samples and whose intensities are colours; without
    notches, since the images of five seeds are the same 72. Medians read off: +-0.0005.

    Parameters
    ----------
    every_errors : list of dict
        The saved `errors.json` of every run of a sweep. Runs of other protocols are left out.

    Returns
    -------
    matplotlib Figure
        A row per profile, the largest first; a colour per route, on a logarithmic axis. Hollow boxes: all images, as in
        the paper; filled: held-out images. Lines: medians of the references over held-out images. Diamonds: the
        paper's medians, for simulated data, the paper's sizes, and errors on the paper's scale only.
    """
    return _errors_by_size(every_errors, "intensity", "absolute error of the intensity [of its range]")


def fig_6b(every_errors: Sequence[Saved], metric: str = "S2 periodic") -> Figure:
    """Fig. 6B: errors of the S2 of reconstructed micrographs; the rest as `fig_6a`.

    Parameters
    ----------
    metric : str
        "S2 periodic", the paper's convention, "S2", the unbiased one, or another metric of micrographs. The paper's
        medians are shown beside the two.
    """
    names = {"S2 periodic": "periodic $S_2$", "S2": "$S_2$", "A2": "$A_2$"}
    return _errors_by_size(every_errors, metric, f"absolute error of {names.get(metric, metric)} [dimensionless]")


@styled
def fig_s3(protocol_histories: Mapping[str, Saved], panel: str) -> Figure:
    """Fig. S3A to E: one of the five losses of pair training against epochs, one line per protocol.

    Source: paper, text on Fig. S3, which names D and E in connection with the decoder of micrographs; the letters of
    the other three losses are in the order of our four routes (the Supporting Information is not public).

    Parameters
    ----------
    protocol_histories : mapping of protocol to dict
        The saved `history.json` of one run per protocol: "pair" holds "barlow" and the routes, one value per epoch.
    panel : "A" to "E"
        The loss: A Barlow Twins, B scattering to scattering, C micrograph to scattering, D micrograph to micrograph,
        E scattering to micrograph. D and E mark ln 2, the loss of a decoder that knows nothing of a balanced mask.
    """
    check_named("protocol_histories", protocol_histories)
    s, m = trained_techniques(next(iter(protocol_histories.values())).get("pair", {}))
    losses = {"A": "barlow", "B": f"{s}_to_{s}", "C": f"{m}_to_{s}", "D": f"{m}_to_{m}", "E": f"{s}_to_{m}"}
    check_one_of("panel", panel, tuple(losses))
    loss, bernoulli = losses[panel], panel in "DE"
    lines: dict[str, np.ndarray] = {}
    for protocol, history in protocol_histories.items():
        check_one_of("protocol", protocol, tuple(PROTOCOLS))
        pair = entry(f"history of {protocol!r}", history, "pair")
        values = entry(f"pair losses of {protocol!r}", pair, loss)
        lines[PROTOCOLS[protocol][0]] = check_losses(f"{loss} of {protocol!r}", values)
    colours = dict(PROTOCOLS.values())
    figure, axes = plt.subplots(figsize=(WIDTH, 3.6), layout="constrained")
    draw_losses(axes, lines, colours, 1.0)
    unit = {"A": "dimensionless"}.get(panel, "nats per px" if bernoulli else "squared intensity")
    axes.set_ylabel(f"{display_name(loss)} loss [{unit}]")
    few_plain_ticks(axes.yaxis)
    if bernoulli:
        axes.axhline(LN2, color=FRAME, linestyle=":", linewidth=1.2)
        axes.set_title("dotted: ln 2, a decoder that knows nothing", fontsize=9.5, loc="left")
        axes.set_ylim(top=max(axes.get_ylim()[1], 1.1 * LN2))
    label_line_ends(axes)
    return figure


@styled
def error_against_uncertainty(errors: Saved) -> Figure:
    """Not in the paper: error of scattering -> micrograph against the spread of S2 over sampled latents.

    Filled: training samples; hollow: held-out ones; with Spearman's rank correlation of each.

    Parameters
    ----------
    errors : dict
        The saved `errors.json`: "uncertainty" holds "S2 spread", "errors" the metric "S2", both one value per sample.
    """
    names = entry("errors", errors, "modalities")
    route = f"{names['scattering']}_to_{names['micrograph']}"
    spread = _floats(entry("uncertainty", entry("errors", errors, "uncertainty"), "S2 spread"))
    error = _floats(entry("S2", entry("errors", entry("errors", errors, "errors"), "S2"), route))
    subsets, labels = (np.array([sample[key] for sample in errors["samples"]]) for key in ("subset", "morphology"))
    defined = np.isfinite(spread) & np.isfinite(error)
    marks = morphology_marks(labels)
    figure, axes = plt.subplots(figsize=(WIDTH, 4.4), layout="constrained")
    handles = []
    for subset, hollow in (("train", False), ("held out", True)):
        of_subset = defined & (subsets == subset)
        if of_subset.sum() < 3:
            raise ValueError(f"{subset} must hold at least 3 samples with error and spread; got {of_subset.sum()}")
        for label, (colour, marker) in marks.items():
            chosen = of_subset & (labels == label)
            face = "white" if hollow else colour
            x, y = spread[chosen], error[chosen]
            axes.scatter(x, y, s=34, marker=marker, color=face, edgecolors=colour, linewidths=1.3)
        rho = spearmanr(spread[of_subset], error[of_subset]).statistic
        handles.append(_mark(f"{subset}: Spearman {rho:.2f} (n = {of_subset.sum()})", hollow))
    handles += morphology_handles(marks)
    axes.set(
        xlabel="standard deviation of $S_2$ over sampled latents [$10^{-4}$]",
        ylabel=f"error of $S_2$, {display_name(route)} [dimensionless]",
    )
    for axis, values, scaled in ((axes.xaxis, spread[defined], 1e4), (axes.yaxis, error[defined], 1)):
        if values.min() > 0:
            axis.axes.set(**{f"{axis.axis_name}scale": "log"})
            few_plain_ticks(axis)
        axis.set_major_formatter(FuncFormatter(lambda value, _, scaled=scaled: f"{scaled * value:g}"))
    figure.legend(handles=handles, loc="outside upper center", ncols=2, handletextpad=0.2)
    return figure


@styled
def latent_map(curves: Saved, latents: Mapping[str, Mapping[str, float]] | None = None) -> Figure:
    """Latents of both techniques after solo and after pair training, each on its own principal plane.

    Filled: training samples; hollow: held-out ones.

    Source: not in the paper, which says that solo scattering latents are the more clustered ones, that pair training
    loosens them and draws those of the micrographs together, and shows no latents.

    Parameters
    ----------
    curves : mapping of str to ndarray
        "latents <solo|pair> <technique>" (n, 2): leading principal components of the posterior means;
        "morphologies", "subsets" (n,).
    latents : mapping, optional
        "latents" of the saved `errors.json`: per "<solo|pair> <technique>" the share of the variance between the
        morphologies ("between_classes") and the "effective_dimension"; written above the panels.
    """
    labels = words("curves", curves, "morphologies")
    held_out = np.array(words("curves", curves, "subsets")) == "held out"
    marks = morphology_marks(labels)
    figure, grid = plt.subplots(2, 2, figsize=(WIDTH, 6.3), layout="constrained")
    for row, technique in zip(grid, techniques(curves), strict=True):
        for axes, stage in zip(row, ("solo", "pair"), strict=True):
            name = f"{stage} {technique}"
            points = array("curves", curves, f"latents {name}").astype(float)
            check_shape(f"latents {name}", points, (len(labels), 2))
            check_finite(f"latents {name}", points)
            for label, (colour, marker) in marks.items():
                for apart in (False, True):
                    chosen = points[(np.array(labels) == label) & (held_out == apart)]
                    face = "white" if apart else colour
                    axes.scatter(*chosen.T, s=26, marker=marker, color=face, edgecolors=colour, linewidths=1.2)
            described = DESCRIBED.format(**latents[name]) if latents and name in latents else ""
            axes.set_title(display_name(name) + described, fontsize=9.5)
        row[0].set_ylabel("principal component 2")
    for axes in grid[1]:
        axes.set_xlabel("principal component 1")
    handles = [*morphology_handles(marks), _mark("train"), _mark("held out", hollow=True)]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, handletextpad=0.2)
    return figure


def table_s2(every_errors: Sequence[Saved], micrograph_metric: str = "S2 periodic") -> list[Row]:
    """Table S2: medians of Fig. 6 by route and number of training pairs.

    Source: paper, Fig. 6 (its Table S2 is not public); the medians in the last column were read off by us, +-0.0005.

    Parameters
    ----------
    every_errors : list of dict
        The saved `errors.json` of every run of a sweep. Runs of other protocols are left out.
    micrograph_metric : str
        "S2 periodic", the paper's convention, or "S2".

    Returns
    -------
    list of dict
        "profile", "metric", "route", "training pairs", "seeds", "mixed" (all images, as the paper), "held out", and for
        simulated data "paper, read off" (None for other sizes, and where the scale is not the paper's). Errors in units
        of the intensity's range, or dimensionless.
    """
    check_named("every_errors", _default_runs(every_errors))
    rows = []
    for metric, (profile, runs) in product(("intensity", micrograph_metric), _by_profile(every_errors).items()):
        found = pooled(runs, metric)
        for route in routes_of(every_errors, metric):
            for n, own in found[found["name"] == route].groupby("n"):
                row = {
                    "profile": profile,
                    "metric": metric,
                    "route": display_name(route),
                    "training pairs": n,
                    "seeds": sum(_size(errors) == n for errors in runs),
                    "mixed": own["error"].median(),
                    "held out": own["error"][own["held out"]].median(),
                }
                if all(errors["run"]["data"] == SIMULATED for errors in runs):
                    row["paper, read off"] = _paper_medians(runs, metric, route).get(n)
                rows.append(row)
    return rows


def medians(every_errors: Sequence[Saved]) -> list[Row]:
    """Medians over the samples of all trainings, of every metric that all of them have noted.

    Parameters
    ----------
    every_errors : list of dict
        The saved `errors.json` of trainings that differ in the seed alone.

    Returns
    -------
    list of dict
        "metric", "name" of a route or reference, "train", "held out" and "mixed".
    """
    check_named("every_errors", every_errors)
    rows: list[Row] = []
    kinds: tuple[Literal["errors", "references"], ...] = ("errors", "references")
    for metric, kind in product(every_errors[0]["errors"], kinds):
        if all(metric in errors[kind] for errors in every_errors):
            for name, own in pooled(every_errors, metric, kind).groupby("name", sort=False):
                of = own.groupby("held out")["error"].median()
                row = {"metric": metric, "name": name, "train": of.get(False), "held out": of.get(True)}
                rows.append(row | {"mixed": own["error"].median()})
    return rows


@styled
def _errors_by_size(every_errors: Sequence[Saved], metric: str, quantity: str) -> Figure:
    """A row for every profile, the largest first: boxes of all routes for each number of training pairs."""
    check_named("every_errors", _default_runs(every_errors))
    routes = routes_of(every_errors, metric)
    profiles = _by_profile(every_errors)
    sizes = sorted({_size(errors) for runs in profiles.values() for errors in runs})
    heights = [4.3 if row == 0 else 3.5 for row in range(len(profiles))]
    figure, rows = plt.subplots(len(profiles), figsize=(WIDTH, sum(heights)), height_ratios=heights, squeeze=False)
    figure.set_layout_engine("constrained")
    compared = [
        _draw_sizes(axes, runs, metric, routes, sizes)
        for axes, runs in zip(rows[:, 0], profiles.values(), strict=True)
    ]
    for axes, (profile, runs) in zip(rows[:, 0], profiles.items(), strict=True):
        counts = sorted({sum(_size(errors) == n for errors in runs) for n in map(_size, runs)})
        trainings = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1])))) + " training" + "s" * (counts[-1] > 1)
        axes.set_title(f"profile {profile}: {profile_named(profile).image_size} px, {trainings} each", fontsize=9.5)
        label_line_ends(axes)
    figure.supylabel(quantity, fontsize=plt.rcParams["axes.labelsize"])
    rows[-1, 0].set_xlabel("number of training pairs")
    colours = route_colours(routes)
    handles: list[Any] = [Patch(facecolor=colours[route], label=display_name(route)) for route in routes]
    handles += [
        Patch(facecolor="white", edgecolor=FRAME, label="all images, as the paper"),
        Patch(facecolor=FRAME, edgecolor=FRAME, label="held-out images"),
    ]
    if any(compared):
        handles.append(_mark("median of the paper", hollow=True, marker="D"))
    figure.legend(handles=handles, loc="outside upper center", ncols=2, handlelength=1.6)
    return figure


def _draw_sizes(
    axes: Axes, runs: Sequence[Saved], metric: str, routes: Sequence[str], sizes: Sequence[int]
) -> bool:
    """Boxes of the runs of one profile over the references; whether the paper has medians to compare them with."""
    found = pooled(runs, metric)
    references = pooled(runs, metric, kind="references")
    medians = references[references["held out"]].groupby(["name", "n"])["error"].median().unstack()
    names = TO_SCATTERING if metric == "intensity" else TO_MICROGRAPH
    shown = [name for name in names if name in medians.index and medians.loc[name].notna().all()]
    colours = route_colours(routes)
    for (size, n), (k, route) in product(enumerate(sizes), enumerate(routes)):
        own = found[(found["n"] == n) & (found["name"] == route)]
        if own.empty:
            continue
        place = size + 0.29 * (k - (len(routes) - 1) / 2)
        for shift, values in ((-0.065, own["error"]), (0.065, own["error"][own["held out"]])):
            draw_box(axes, place + shift, values.to_numpy(), colours[route], shift < 0, upright=True, width=0.11)
        if (paper := _paper_medians(runs, metric, route).get(n)) is not None:
            axes.plot(place, paper, "D", color=INK, markerfacecolor=colours[route], markersize=7, zorder=5)
    for name in shown:
        _reference_line(axes, list(medians.loc[name].reindex(sizes)), name)
    axes.set_xticks(range(len(sizes)), [f"{n}" for n in sizes])
    axes.set_xlim(-0.55, len(sizes) - 0.45)
    if found["error"].min() > 0:
        axes.set_yscale("log")
        few_plain_ticks(axes.yaxis)
    return any(_paper_medians(runs, metric, route) for route in routes)


def _paper_medians(runs: Sequence[Saved], metric: str, route: str) -> Mapping[int, float]:
    """The paper's medians by number of training pairs; none where the runs are of other pairs or on another scale."""
    same_scale = metric != "intensity" or profile_named(runs[0]["run"]["profile"]).architecture.pattern_channels == 3
    if not same_scale or any(errors["run"]["data"] != SIMULATED for errors in runs):
        return {}
    return PAPER_MEDIANS.get((metric, paper_name(route, runs)), {})


def _mark(name: str, hollow: bool = False, marker: str = "o") -> Line2D:
    """A mark of a legend, filled or hollow."""
    face = "white" if hollow else INK
    return Line2D([], [], linestyle="", marker=marker, color=INK, markerfacecolor=face, label=name)


def _reference_line(axes: Axes, medians: Sequence[float], name: str) -> None:
    """Held-out medians of a reference: level over the boxes of each size."""
    colour, line = REFERENCES[name]
    places = np.ravel([(k - 0.46, k + 0.46, np.nan) for k in range(len(medians))])
    values, label = np.repeat(medians, 3), SPELT_OUT.get(name, name)
    axes.plot(places, values, color=colour, linestyle=line, linewidth=1.2, zorder=1, label=label)


def _floats(values: Sequence[float | None]) -> np.ndarray:
    """Numbers of a JSON list, NaN where there is none."""
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def pooled(
    every_errors: Sequence[Saved], metric: str, kind: Literal["errors", "references"] = "errors"
) -> pd.DataFrame:
    """Defined errors of all runs, a row each: "n" training pairs, "name", "error", and whether it is "held out"."""
    check_named("every_errors", every_errors)
    tables = []
    for errors in every_errors:
        table = pd.DataFrame(entry(kind, entry("a run", errors, kind), metric), dtype=float)
        table["held out"] = [sample["subset"] == "held out" for sample in errors["samples"]]
        tables.append(table.assign(n=_size(errors)).melt(["n", "held out"], var_name="name", value_name="error"))
    return pd.concat(tables).dropna()


def routes_of(every_errors: Sequence[Saved], metric: str) -> list[str]:
    """The routes that a metric judges, in the paper's order: solo, from itself, from the other technique."""
    check_named("every_errors", every_errors)
    names = every_errors[0]["modalities"]
    for errors in every_errors:
        check_one_of("modalities of a run", errors["modalities"], (names,))
    s, m = names["scattering"], names["micrograph"]
    source, target = (m, s) if metric == "intensity" else (s, m)
    return [f"solo {target}_to_{target}", f"{target}_to_{target}", f"{source}_to_{target}"]


def paper_name(route: str, every_errors: Sequence[Saved]) -> str:
    """A route in the paper's names of the techniques."""
    names = every_errors[0]["modalities"]
    return route.replace(names["scattering"], "saxs").replace(names["micrograph"], "sem")


def _default_runs(every_errors: Sequence[Saved]) -> list[Saved]:
    """Runs of the default protocol."""
    return [errors for errors in every_errors if errors["run"]["protocol"] == "two_phase"]


def _by_profile(every_errors: Sequence[Saved]) -> dict[str, list[Saved]]:
    """Runs of the default protocol by profile, that of the largest images first."""
    found: dict[str, list[Saved]] = {}
    for errors in _default_runs(every_errors):
        found.setdefault(errors["run"]["profile"], []).append(errors)
    return dict(sorted(found.items(), key=lambda one: -profile_named(one[0]).image_size))


def _size(errors: Saved) -> int:
    """Number of training pairs of a run."""
    return sum(sample["subset"] == "train" for sample in errors["samples"])
