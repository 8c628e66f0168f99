"""Ensembles drawn around one pattern of each morphology: Fig. 7, S7 and S8, from saved results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from pairvae_lib.checks import check_one_of
from pairvae_lib.figures.ensembles import ensemble_bands
from pairvae_lib.figures.images import generated_ensemble
from pairvae_lib.figures.saved import array, entry, words

Saved = Mapping[str, Any]


def fig_7a(generation: Saved) -> Figure:
    """Fig. 7A: the reconstruction from scattering, and five micrographs drawn around its latent.

    Parameters
    ----------
    generation : mapping of str to ndarray
        The saved `generation.npz`: "labels" (m,), "variances" (in units of that of the latents), "reconstruction"
        (m, side, side), and for each variance v "drawn v" (m, 5, side, side).

    Notes
    -----
    Source: paper, Fig. 7A.
    """
    return _generated(generation, "1")


def fig_7b(generation: Saved) -> Figure:
    """Fig. 7B: S2 of the drawn micrographs, mean and standard deviation, against the reconstruction and the truth.

    Parameters
    ----------
    generation : mapping of str to ndarray
        "labels" (m,), "r" (R,) [px], "S2 true", "S2 reconstruction" (m, R), and for each variance v "S2 mean v",
        "S2 sd v" (m, R), "distance v" (m, n): mean |S2 drawn - S2 reconstruction| of each of n draws.

    Returns
    -------
    matplotlib Figure
        Every panel names the mean distance of the draws from the reconstruction.

    Notes
    -----
    Source: paper, Fig. 7B; the true curve and the distance are added.
    """
    return _ensemble(generation, "1")


def fig_s7(generation: Saved, part: str = "A") -> Figure:
    """Fig. S7: as Fig. 7 ("A" `fig_7a`, "B" `fig_7b`) with the smallest saved variance."""
    return _part(part, generation, _outermost(generation, smaller=True))


def fig_s8(generation: Saved, part: str = "A") -> Figure:
    """Fig. S8: as Fig. 7 ("A" `fig_7a`, "B" `fig_7b`) with the largest saved variance."""
    return _part(part, generation, _outermost(generation, smaller=False))


def _outermost(generation: Saved, smaller: bool) -> str:
    """The saved variance that is farthest from the paper's on one side."""
    variances = array("generation", generation, "variances").astype(float)
    found = float(variances.min() if smaller else variances.max())
    if not (found < 1 if smaller else found > 1):
        wanted = "below" if smaller else "above"
        raise ValueError(f"generation must hold a variance {wanted} 1; got {', '.join(f'{v:g}' for v in variances)}")
    return f"{found:g}"


def _part(part: str, generation: Saved, variance: str) -> Figure:
    """Micrographs or curves of a variance."""
    check_one_of("part", part, ("A", "B"))
    return (_generated if part == "A" else _ensemble)(generation, variance)


def _generated(generation: Saved, variance: str) -> Figure:
    """The reconstruction and what was drawn around it."""
    return generated_ensemble(
        array("generation", generation, "reconstruction"),
        entry("generation", generation, f"drawn {variance}"),
        words("generation", generation, "labels"),
    )


def _ensemble(generation: Saved, variance: str) -> Figure:
    """S2 of what was drawn, with the mean distance from the reconstruction."""
    distance = array("generation", generation, f"distance {variance}")
    return ensemble_bands(
        array("generation", generation, "r"),
        {name: array("generation", generation, f"S2 {name}") for name in ("reconstruction", "true")},
        array("generation", generation, f"S2 mean {variance}"),
        array("generation", generation, f"S2 sd {variance}"),
        words("generation", generation, "labels"),
        distance.shape[1],
        notes=[f"mean distance {value:.3f}" for value in distance.mean(axis=1)],
    )
