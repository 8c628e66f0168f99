"""Small PNG files for pages: few colours, whole-number enlargement."""

from __future__ import annotations

from io import BytesIO

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from pairvae_lib.checks import check_positive, check_shape

CSS_DPI = 100  # what the figures are laid out for; a scale of 2 suits a screen of doubled density
FIGURE_COLOURS = 64  # of a palette; enough for lines, text and a colour map in one figure
PATTERN_COLOURS = 64


def png(picture: Figure | np.ndarray, scale: int = 2) -> bytes:
    """A figure, mask, micrograph or pattern as a PNG file with few colours.

    Parameters
    ----------
    picture : matplotlib Figure, or ndarray of shape (height, width)
        A figure is closed after it was drawn, so that the notebook does not show it a second time. bool: a mask,
        white = True. uint8: a grey micrograph. float: a pattern in [0, 1], colour-mapped as in the figures.
    scale : int
        Pixels per pixel of an array, or per CSS pixel of a figure.
    """
    check_positive("scale", scale)
    if isinstance(picture, Figure):
        image = _figure_image(picture, scale)
    else:
        check_shape("picture", picture, ("height", "width"))
        image = _array_image(picture)
        image = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _figure_image(figure: Figure, scale: int) -> Image.Image:
    """The figure with a palette of its own; closed."""
    file = BytesIO()
    figure.savefig(file, format="png", dpi=CSS_DPI * scale, facecolor="white")
    plt.close(figure)
    return Image.open(file).convert("RGB").quantize(FIGURE_COLOURS, dither=Image.Dither.NONE)


def _array_image(array: np.ndarray) -> Image.Image:
    """A mask with 1 bit, a micrograph with 8 bit, a pattern with a palette."""
    if array.dtype == np.bool_ or array.dtype == np.uint8:
        return Image.fromarray(array)
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"picture must be bool, uint8 or float; got {array.dtype}")
    if not (array.min() >= 0 and array.max() <= 1):  # also for NaN
        raise ValueError(f"a pattern must lie between 0 and 1; got {array.min()} to {array.max()}")
    levels = np.rint(array * (PATTERN_COLOURS - 1)).astype(np.uint8)
    image = Image.fromarray(levels)
    colours = matplotlib.colormaps["inferno"](np.linspace(0, 1, PATTERN_COLOURS))[:, :3]
    image.putpalette(np.rint(colours * 255).astype(np.uint8).tobytes())
    return image
