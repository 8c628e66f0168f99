"""Tables S1 and S2 of the paper as rows, from sources and from saved results, and as Markdown or HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Literal

import numpy as np

from pairvae_lib.checks import check_one_of
from pairvae_lib.figures.saved import entry
from pairvae_lib.figures.style import check_named, display_name

Saved = Mapping[str, Any]
Row = dict[str, Any]
Pooled = dict[int, dict[str, tuple[np.ndarray, np.ndarray]]]

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

LU = "{cite:t}`lu2023pairvae`"
YAMAN = "{cite:t}`yaman2022dual`"
ABSTRACT = f"abstract of {YAMAN} (arXiv:2208.03861)"
TABLE_S1: tuple[tuple[str, str, str, str, str], ...] = (  # aspect, PairVAE, its source, dual VAE, its source
    (
        "purpose",
        "cross-reconstruction and cross-generation of complementary characterization data of soft materials",
        f"{LU}, introduction",
        "geometry of nanoparticle clusters from hyperspectral images; relation between geometry and far-field "
        "photonic response",
        ABSTRACT,
    ),
    (
        "material",
        "films of blended PS-*b*-PMMA block copolymers on a chemical grating",
        f"{LU}, method",
        "assemblies of gold nanoparticles: monomers, dimers, trimers",
        f"{ABSTRACT}; gold: {LU}, introduction",
    ),
    (
        "first technique",
        "2D SAXS patterns",
        f"{LU}, method",
        "spectra from hyperspectral dark-field microscopy",
        f"{ABSTRACT}; {LU} calls them surface photonic response profiles",
    ),
    (
        "second technique",
        "SEM images, binarised by an adaptive threshold",
        f"{LU}, method",
        "SEM images (particle shapes)",
        f"{LU}, introduction; {ABSTRACT}",
    ),
    (
        "format",
        "192 × 192 px images of both techniques; SEM images cropped at random from 830 × 1280 px",
        f"{LU}, method",
        "spectra: profiles; SEM: images; sizes not stated",
        f"{LU}, introduction",
    ),
    ("number of pairs", "72, of which 32, 48 or 64 are trained on", f"{LU}, method and Fig. 6", "not stated", "none"),
    (
        "correspondence",
        "one-to-many: a pattern averages over more than one micrograph shows",
        f"{LU}, method",
        "not stated",
        "none",
    ),
    (
        "training",
        "solo training of each VAE; then both in tandem: similarity of the latents, and the losses of all four "
        "reconstructions; first random crops, then one crop",
        f"{LU}, method",
        "information is shared between the latent spaces of two VAEs by enforcing a common encoding on pairs of shape "
        "and spectrum; order of training not stated",
        ABSTRACT,
    ),
    (
        "reported result",
        "SAXS→SEM: lowest median error of $S_2$ of all SEM reconstructions at each training size",
        f"{LU}, Fig. 6B",
        "fidelity of the predicted geometry: monomers 0.96, dimers 0.86, trimers 0.58",
        ABSTRACT,
    ),
)


def table_s1() -> list[Row]:
    """Table S1: PairVAE against the dual VAE of Yaman et al. (2022).

    Returns
    -------
    list of dict
        One row per aspect: "aspect", "PairVAE", "dual VAE", and "sources", in Markdown. "not stated" where neither
        the paper nor the abstract of the other work says it.

    Notes
    -----
    Source: the paper's text, which names the aspects (purpose, data domain, dataset format, training protocol), and
    the abstract of Yaman et al., arXiv:2208.03861. The paper's own Table S1 is not public, and the full text of Yaman
    et al. was not at hand.
    """
    return [
        {"aspect": aspect, "PairVAE": pair, "dual VAE": dual, "sources": f"PairVAE: {source}. Dual VAE: {other}."}
        for aspect, pair, source, dual, other in TABLE_S1
    ]


def table_s2(every_errors: Sequence[Saved], micrograph_metric: str = "S2 periodic") -> list[Row]:
    """Table S2: medians of Fig. 6 by route and number of training pairs.

    Parameters
    ----------
    every_errors : list of dict
        The saved `errors.json` of every run of a sweep. Runs of other protocols are left out.
    micrograph_metric : str
        "S2 periodic", the paper's convention, or "S2".

    Returns
    -------
    list of dict
        "metric", "route", "training pairs", "seeds", "mixed" (all images, as the paper), "held out", and for simulated
        data "paper, read off" (None for other sizes). Errors in units of the intensity's range, or dimensionless.

    Raises
    ------
    ValueError
        If there are no runs, of different techniques, or a run lacks a metric.

    Notes
    -----
    Source: paper, Fig. 6 (its Table S2 is not public); the medians in the last column were read off by us, +-0.0005.
    """
    rows = []
    for metric in ("intensity", micrograph_metric):
        routes = routes_of(every_errors, metric)
        by_size = pooled(every_errors, metric)
        for route in routes:
            for n, named in sorted(by_size.items()):
                values, held_out = named[route]
                row = {
                    "metric": metric,
                    "route": display_name(route),
                    "training pairs": n,
                    "seeds": sum(_size(errors) == n for errors in _default_runs(every_errors)),
                    "mixed": float(np.median(values)),
                    "held out": float(np.median(values[held_out])),
                }
                if all(errors["run"]["data"] == "simulated" for errors in every_errors):
                    row["paper, read off"] = PAPER_MEDIANS.get((metric, paper_name(route, every_errors)), {}).get(n)
                rows.append(row)
    return rows


def table_markdown(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table: numbers of three significant digits, a dash where there is none.

    Raises
    ------
    ValueError
        If there are no rows.
    """
    check_named("rows", rows)
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def table_html(rows: Sequence[Row], anchor: str = "") -> str:
    """Rows as an HTML table with an id, for `IPython.display.HTML`; cells as `table_markdown`.

    Raises
    ------
    ValueError
        If there are no rows.
    """
    check_named("rows", rows)
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "".join(f"<tr>{''.join(f'<td>{escape(_cell(value))}</td>' for value in row.values())}</tr>" for row in rows)
    mark = f' id="{escape(anchor)}"' if anchor else ""
    return f'<table{mark} class="dataframe"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def pooled(
    every_errors: Sequence[Saved], metric: str, kind: Literal["errors", "references"] = "errors"
) -> Pooled:
    """Errors of all seeds together, by number of training pairs and name, with a mask of the held-out images.

    Raises
    ------
    ValueError
        If there are no runs, or one lacks the metric.
    """
    runs = _default_runs(every_errors)
    check_named("every_errors", runs)
    parts: dict[int, dict[str, list[tuple[np.ndarray, np.ndarray]]]] = {}
    for errors in runs:
        held_out = np.array([sample["subset"] == "held out" for sample in errors["samples"]])
        for name, values in entry(kind, entry("a run", errors, kind), metric).items():
            defined = np.array([value is not None for value in values])
            kept = np.array([value for value in values if value is not None], dtype=float)
            parts.setdefault(_size(errors), {}).setdefault(name, []).append((kept, held_out[defined]))
    return {
        n: {
            name: (np.concatenate([part for part, _ in pieces]), np.concatenate([apart for _, apart in pieces]))
            for name, pieces in named.items()
        }
        for n, named in parts.items()
    }


def routes_of(every_errors: Sequence[Saved], metric: str) -> list[str]:
    """The routes that a metric judges, in the paper's order: solo, from itself, from the other technique.

    Raises
    ------
    ValueError
        If there are no runs, or they are of different techniques.
    """
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


def _size(errors: Saved) -> int:
    """Number of training pairs of a run."""
    return sum(sample["subset"] == "train" for sample in errors["samples"])


def _cell(value: object) -> str:
    """A value as text."""
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
