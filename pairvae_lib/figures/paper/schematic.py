"""Fig. 2, drawn by us: solo training (A) and pair training with its four routes (B)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from pairvae_lib.figures.drawing import PATTERN_MAP
from pairvae_lib.figures.style import FRAME, INK, WIDTH, darker, display_name, route_colours, styled

BOTTOM, HEIGHT = 0.25, 6.35  # inch
ENCODER, DECODER, LATENT = "#e4ecf5", "#f5ecdf", "#ffffff"
INPUT, ENCODED, LATENTS, DECODED, OUTPUT = 0.62, 1.78, 2.72, 3.68, 4.86  # centres [inch from the left]


@styled
def fig_2(scattering: str = "saxs", micrograph: str = "sem") -> Figure:
    """Fig. 2: schematic of solo training (A) and of pair training with its four routes (B).

    Parameters
    ----------
    scattering, micrograph : str
        Names of the techniques.

    Notes
    -----
    Source: content of the paper's Fig. 2; the drawing is ours.
    """
    s, m = scattering, micrograph
    routes = [f"{s}_to_{s}", f"{m}_to_{s}", f"{m}_to_{m}", f"{s}_to_{m}"]
    colours = route_colours([*routes, f"solo {s}_to_{s}", f"solo {m}_to_{m}"])
    figure = plt.figure(figsize=(WIDTH, HEIGHT))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(BOTTOM, BOTTOM + HEIGHT))
    axes.set_axis_off()

    _heading(axes, 6.42, "A  solo training: two autoencoders, each for itself")
    for y, name, image in ((5.62, s, _pattern()), (4.42, m, _stripes())):
        route = f"solo {name}_to_{name}"
        colour = colours[route]
        _picture(axes, INPUT, y, image, display_name(name))
        _chain(axes, y)
        for start, end in ((1.0, 1.42), (2.12, 2.46), (2.98, 3.32), (4.02, 4.46)):
            _arrow(axes, (start, y), (end, y), colour)
        _picture(axes, OUTPUT, y, image, f"{display_name(name)}→{display_name(name)}", darker(colour), faded=True)

    _heading(axes, 3.62, "B  pair training: alike latents, and four reconstructions")
    upper, lower = 2.62, 0.92
    for y, name, image in ((upper, s, _pattern()), (lower, m, _stripes())):
        _picture(axes, INPUT, y, image, display_name(name))
        _chain(axes, y)
        for start, end in ((1.0, 1.42), (2.12, 2.46)):
            _arrow(axes, (start, y), (end, y), INK)
    axes.annotate(
        "",
        (LATENTS, lower + 0.3),
        (LATENTS, upper - 0.3),
        arrowprops={"arrowstyle": "<->", "color": INK, "linestyle": "--", "shrinkA": 0, "shrinkB": 0},
    )
    term = "Barlow Twins term:\nmakes the latents of\none sample alike"
    axes.text(LATENTS - 0.1, (upper + lower) / 2, term, ha="right", va="center")
    places = {f"{s}_to_{s}": upper + 0.13, f"{m}_to_{s}": upper - 0.13}
    places |= {f"{s}_to_{m}": lower + 0.13, f"{m}_to_{m}": lower - 0.13}
    for route, end in places.items():
        start = upper if route.startswith(f"{s}_to_") else lower
        _arrow(axes, (2.98, start), (3.32, end) if abs(start - end) < 0.5 else (3.34, end), colours[route])
        target = upper if route.endswith(f"_to_{s}") else lower
        shift = 0.48 if end > target else -0.48
        _arrow(axes, (4.02, end), (4.3, target + shift), colours[route])
        axes.text(4.36, target + shift, display_name(route), color=darker(colours[route]), va="center", weight="bold")
    for y, image in ((upper, _pattern()), (lower, _stripes())):
        _image(axes, OUTPUT, y, image, 0.3, faded=True)
    return figure


def _heading(axes: Axes, y: float, text: str) -> None:
    """The name of a part."""
    axes.text(0.12, y, text, weight="bold", va="center", fontsize=10.5)


def _picture(
    axes: Axes, x: float, y: float, image: np.ndarray, name: str, colour: str = INK, faded: bool = False
) -> None:
    """A measurement with its name below."""
    _image(axes, x, y, image, 0.38, faded)
    axes.text(x, y - 0.44, name, ha="center", va="top", color=colour, weight="bold")


def _image(axes: Axes, x: float, y: float, image: np.ndarray, half: float, faded: bool = False) -> None:
    """A small image centred at a place; reconstructions are coarser."""
    shown = image[::3, ::3] if faded else image
    axes.imshow(
        shown,
        extent=(x - half, x + half, y - half, y + half),
        cmap="gray" if image.dtype == np.bool_ else PATTERN_MAP,
        interpolation="nearest",
        zorder=2,
    )
    corner, side = (x - half, y - half), 2 * half
    axes.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=FRAME, linewidth=0.8, zorder=3))
    axes.set(xlim=(0, WIDTH), ylim=(BOTTOM, BOTTOM + HEIGHT), aspect="auto")  # imshow sets them anew


def _chain(axes: Axes, y: float) -> None:
    """Encoder, latent and decoder of one technique."""
    for x, left, right, colour, name in (
        (ENCODED, 0.42, 0.24, ENCODER, "encoder"),
        (DECODED, 0.24, 0.42, DECODER, "decoder"),
    ):
        corners = [(x - 0.35, y - left), (x - 0.35, y + left), (x + 0.35, y + right), (x + 0.35, y - right)]
        axes.add_patch(Polygon(corners, facecolor=colour, edgecolor=FRAME))
        axes.text(x, y, name, ha="center", va="center", fontsize=9)
    axes.add_patch(Rectangle((LATENTS - 0.24, y - 0.24), 0.48, 0.48, facecolor=LATENT, edgecolor=INK))
    axes.text(LATENTS, y, "latent\n$z$", ha="center", va="center", fontsize=9, linespacing=1.0)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    """A solid arrow between two places."""
    axes.annotate(
        "",
        end,
        start,
        arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.7, "shrinkA": 0, "shrinkB": 0},
        zorder=4,
    )


def _pattern() -> np.ndarray:
    """A pattern of lines that are nearly in order: peaks along the horizontal, on a weak ring."""
    row, col = np.indices((48, 48)) - 23.5
    q = np.hypot(row, col)
    peaks = sum(h * np.exp(-((np.abs(col) - k) ** 2 + row**2 / 2) / 4) for k, h in ((8, 1.0), (16, 0.5)))
    ring = 0.35 * np.exp(-((q - 8) ** 2) / 6)
    return np.clip(0.08 + ring + peaks, 0, 1) * (q > 2.5)


def _stripes() -> np.ndarray:
    """Wavy vertical lines with a few gaps."""
    row, col = np.indices((48, 48))
    lines = np.sin(2 * np.pi * (col + 1.2 * np.sin(row / 6)) / 9) > 0.1
    return lines & ~((row // 6 + 2 * (col // 9)) % 7 == 0)
