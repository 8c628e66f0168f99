"""Ensembles to a physical property: the effective conductivity of a film whose two phases conduct differently.

The same equation holds for diffusivity, heat, and permittivity: div(k grad u) = 0.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

from pairvae_lib.checks import check_mask, check_one_of, check_positive, check_shape
from pairvae_lib.morphology.masks import AXES, LineDirection

CONDUCTIVITIES = (1.0, 0.01)  # of PMMA and of the other phase; only their ratio matters


def effective_conductivity(
    mask: NDArray[np.bool_], axis: LineDirection, conductivities: tuple[float, float] = CONDUCTIVITIES
) -> float:
    """Effective conductivity along one axis: two opposite edges held at different potentials, the others insulating.

    Finite volumes, one for each pixel; two neighbours conduct in series. This is exact for stripes: along them the
    arithmetic mean of the conductivities, across them the harmonic mean.

    Parameters
    ----------
    mask : bool ndarray of shape (height, width)
        True = PMMA.
    axis : "vertical" or "horizontal"
        Direction of the current.
    conductivities : (float, float)
        Of PMMA and of the other phase.

    Returns
    -------
    float [unit of the conductivities]

    Source
    ------
    Torquato, Random Heterogeneous Materials (2002), chapters 13 and 16; Patankar, Numerical Heat Transfer and Fluid
    Flow (1980), section 4.2-3 for the harmonic mean between two cells.
    """
    check_mask("mask", mask)
    check_shape("mask", mask, ("height", "width"))
    check_one_of("axis", axis, tuple(AXES))
    for value in conductivities:
        check_positive("conductivity", value)
    k = np.where(mask, *map(float, conductivities))
    k = k if axis == "vertical" else k.T  # the current runs down the rows
    rows, cols = k.shape
    cell = np.arange(k.size).reshape(k.shape)
    first = np.concatenate([cell[:-1].ravel(), cell[:, :-1].ravel()])
    second = np.concatenate([cell[1:].ravel(), cell[:, 1:].ravel()])
    flat = k.ravel()
    between = 2 * flat[first] * flat[second] / (flat[first] + flat[second])
    at_the_edges = np.zeros_like(k)  # half a cell to an edge
    at_the_edges[0] += 2 * k[0]
    at_the_edges[-1] += 2 * k[-1]
    diagonal = np.bincount(first, between, k.size) + np.bincount(second, between, k.size) + at_the_edges.ravel()
    entries = np.concatenate([diagonal, -between, -between])
    places = np.concatenate([cell.ravel(), first, second]), np.concatenate([cell.ravel(), second, first])
    matrix = coo_array((entries, places), shape=(k.size, k.size)).tocsc()
    supply = np.zeros_like(k)
    supply[0] = 2 * k[0]  # the upper edge at potential 1, the lower one at 0
    potential = spsolve(matrix, supply.ravel(), permc_spec="MMD_AT_PLUS_A").reshape(k.shape)
    current = float((2 * k[0] * (1 - potential[0])).sum())
    return current * rows / cols


def ensemble_conductivity(
    ensembles: Mapping[str, NDArray[np.bool_]], conductivities: tuple[float, float] = CONDUCTIVITIES
) -> dict[str, dict[LineDirection, np.ndarray]]:
    """Effective conductivity of every member of some ensembles, both ways.

    Parameters
    ----------
    ensembles : mapping of str to bool ndarray of shape (m, n, height, width)
        By the name of the way that drew them; "true" for crops of the true micrographs.
    conductivities : (float, float)
        Of PMMA and of the other phase.

    Returns
    -------
    dict of name to dict of direction to ndarray of shape (m, n)
    """
    return {
        name: {
            axis: np.array([[effective_conductivity(mask, axis, conductivities) for mask in drawn] for drawn in masks])
            for axis in AXES
        }
        for name, masks in ensembles.items()
    }


def conductivity_errors(
    found: Mapping[str, Mapping[LineDirection, np.ndarray]],
) -> dict[LineDirection, dict[str, np.ndarray]]:
    """Error of the ensembles' mean conductivity, in decades: by direction and way, an ndarray of shape (m,).

    The absolute difference of the log10 of the means of what `ensemble_conductivity` found to that of "true", a name
    that must be among them.
    """
    check_one_of("'true'", "true", tuple(found))

    def mean(name: str, axis: LineDirection) -> np.ndarray:
        return np.log10(found[name][axis].mean(axis=1))

    return {
        axis: {name: np.abs(mean(name, axis) - mean("true", axis)) for name in found if name != "true"} for axis in AXES
    }


def spread_rows(found: Mapping[str, Mapping[LineDirection, np.ndarray]]) -> list[dict[str, str | float]]:
    """How near the predicted property and its spread come to those of the true micrographs.

    A row for each direction and way of what `ensemble_conductivity` found, "true" among them: "direction", "way",
    "error of the mean" (median over samples of the absolute difference of the log10 of the ensembles' means), "spread"
    and "true spread" (median over samples of the standard deviation of log10 within an ensemble).
    """

    def spread(name: str, axis: LineDirection) -> float:
        return float(np.median(np.log10(found[name][axis]).std(axis=1)))

    return [
        {
            "direction": axis,
            "way": name,
            "error of the mean": float(np.median(error)),
            "spread": spread(name, axis),
            "true spread": spread("true", axis),
        }
        for axis, errors in conductivity_errors(found).items()
        for name, error in errors.items()
    ]
