"""A training to move through: what the model drew after every so many epochs, with the loss and the overlap then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import traitlets
from numpy.typing import NDArray

from pairvae_lib.book.explorer.widget import FRONT_END, StillWidget, bundled
from pairvae_lib.checks import check_shape
from pairvae_lib.figures.images import training_progress
from pairvae_lib.figures.pictures import png
from pairvae_lib.figures.style import display_name, route_colours

POINTS = 300  # of a loss curve, at most: no page is wider in pixels that matter


class TrainingScrub(StillWidget):
    """The widget, whose front end needs nothing but this; see `training_scrub`."""

    _esm = bundled(FRONT_END / "training.js")
    _css = FRONT_END / "explorer.css"
    labels: traitlets.List = traitlets.List().tag(sync=True)
    epochs: traitlets.List = traitlets.List().tag(sync=True)
    routes: traitlets.List = traitlets.List().tag(sync=True)
    losses: traitlets.List = traitlets.List().tag(sync=True)
    phase_boundary = traitlets.Int().tag(sync=True)
    shape: traitlets.List = traitlets.List().tag(sync=True)
    true_bits = traitlets.Bytes().tag(sync=True)
    drawn_bits = traitlets.Bytes().tag(sync=True)


def training_scrub(
    true: NDArray[np.bool_], drawn: Mapping[int, Mapping[str, NDArray[np.bool_]]],
    losses: Mapping[str, Sequence[float]], labels: Sequence[str], phase_boundary: int = 0, micrograph: str = "sem",
) -> TrainingScrub:
    """A slider through a training, from its start: masks, their overlap with the truth, and a cursor on the losses.

    Parameters
    ----------
    true : bool ndarray of shape (n, height, width)
        Crops of n samples.
    drawn : mapping of epochs of training to mapping of route to bool ndarray of shape (n, height, width)
        What each route drew after so many epochs; the same routes each time.
    losses : mapping of route to sequence of float
        Mean loss of every epoch, of each of these routes.
    labels : sequence of str
        Names of the n samples.
    phase_boundary : int [epochs]
        Where the second phase of the training begins; 0 for none.
    """
    if not drawn:
        raise ValueError("drawn must hold at least one moment of the training; got none")
    routes = list(next(iter(drawn.values())))
    check_shape("true", true, (len(labels), "height", "width"))
    for epochs, of_routes in drawn.items():
        if list(of_routes) != routes:
            raise ValueError(f"drawn after {epochs} epochs must hold {routes}; got {list(of_routes)}")
        for route, masks in of_routes.items():
            check_shape(f"{route} after {epochs} epochs", masks, true.shape)
    if missing := [route for route in routes if route not in losses]:
        raise ValueError(f"losses must hold every route of drawn; got none of {', '.join(missing)}")
    stack = np.array([[of_routes[route] for route in routes] for of_routes in drawn.values()], bool)
    colours = route_colours(routes)
    last = {route: masks for route, masks in list(drawn.values())[-1].items()}
    still = training_progress({micrograph: true[:, np.newaxis].astype(np.float32)}, last, labels)
    return TrainingScrub(
        png(still, scale=1),
        f"Micrographs of {len(labels)} samples above what is drawn of them at the end of training",
        labels=[label.replace("\n", ", ") for label in labels],
        epochs=[int(epochs) for epochs in drawn],
        routes=[display_name(route) for route in routes],
        losses=[{"colour": colours[route], **thinned(losses[route])} for route in routes],
        phase_boundary=phase_boundary,
        shape=list(true.shape[1:]),
        true_bits=np.packbits(true, axis=-1).tobytes(),
        drawn_bits=np.packbits(stack, axis=-1).tobytes(),
    )


def thinned(losses: Sequence[float]) -> dict[str, list[float]]:
    """A loss curve in at most `POINTS` points: of each stretch of epochs its last one and its median loss."""
    parts = np.array_split(np.asarray(losses, float), min(POINTS, len(losses)))
    ends = np.cumsum([len(part) for part in parts])
    return {"x": [int(end) for end in ends], "y": [float(f"{np.median(part):.4g}") for part in parts]}
