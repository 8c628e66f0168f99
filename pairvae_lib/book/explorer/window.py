"""A window to drag over a whole micrograph: what changes with its place, and what scattering does not tell."""

from __future__ import annotations

import numpy as np
import traitlets
from matplotlib.figure import Figure

from pairvae_lib.book.explorer.widget import FRONT_END, StillWidget, bundled
from pairvae_lib.checks import check_shape
from pairvae_lib.figures.drawing import draw_image, draw_scattering, tiles
from pairvae_lib.figures.pictures import png
from pairvae_lib.figures.style import display_name, styled
from pairvae_lib.morphology.masks import two_point_correlation

LARGEST = 128  # px, of the window's side
PLACES = 3  # of the window in the still picture


class CropWindow(StillWidget):
    """The widget, whose front end needs nothing but this; see `crop_window`."""

    _esm = bundled(FRONT_END / "crop.js")
    _css = FRONT_END / "explorer.css"
    mask_bits = traitlets.Bytes().tag(sync=True)
    shape: traitlets.List = traitlets.List().tag(sync=True)
    size = traitlets.Int().tag(sync=True)
    r: traitlets.List = traitlets.List().tag(sync=True)
    s2: traitlets.List = traitlets.List().tag(sync=True)
    scattering = traitlets.Bytes().tag(sync=True)
    scattering_text = traitlets.Unicode().tag(sync=True)


def crop_window(
    mask: np.ndarray, scattering: np.ndarray, scattering_name: str = "saxs", q: np.ndarray | None = None,
    q_unit: str = "1/nm",
) -> CropWindow:
    """A window of a whole micrograph, with its S2 and its spectrum, beside the scattering of the sample.

    Parameters
    ----------
    mask : bool ndarray of shape (height, width)
        At least 32 px high and wide. The window's side is a power of two, at most half of the mask's shorter side.
    scattering : ndarray of shape (rows, columns) or (points,)
        A pattern in [0, 1], or a profile of raw intensities.
    q : ndarray of shape (points,), optional [`q_unit`]
    """
    check_shape("mask", mask, ("height", "width"))
    if min(mask.shape) < 32:
        raise ValueError(f"mask must be at least 32 px high and wide; got {mask.shape}")
    size = min(LARGEST, 2 ** int(np.log2(min(mask.shape) // 2)))
    r, s2 = two_point_correlation(mask)
    values = np.asarray(scattering)
    pattern = png(values.astype(float), scale=1) if values.ndim == 2 else png(_profile(values, q, q_unit))
    text = f"A window at {PLACES} places of one micrograph, and the spectrum of each"
    return CropWindow(
        png(_still(mask, size)),
        text,
        mask_bits=np.packbits(mask, axis=-1).tobytes(),
        shape=list(mask.shape),
        size=size,
        r=r[: size // 2].tolist(),
        s2=s2[: size // 2].tolist(),
        scattering=pattern,
        scattering_text=f"{display_name(scattering_name)} of the sample",
    )


@styled
def _profile(scattering: np.ndarray, q: np.ndarray | None, q_unit: str) -> Figure:
    """The profile of the sample."""
    figure, grid = tiles(1, 1)
    draw_scattering(grid[0, 0], scattering, q, q_unit, scaled=False)
    return figure


@styled
def _still(mask: np.ndarray, size: int) -> Figure:
    """The window at a few places, above its spectra."""
    figure, grid = tiles(2, PLACES)
    rows, columns = (np.linspace(0, side - size, PLACES).astype(int) for side in mask.shape)
    for column, (row, start) in enumerate(zip(rows, columns, strict=True)):
        crop = mask[row : row + size, start : start + size]
        draw_image(grid[0, column], crop)
        power = np.abs(np.fft.fftshift(np.fft.fft2(crop - crop.mean()))) ** 2
        draw_image(grid[1, column], np.clip(1 + np.log10(np.maximum(power / power.max(), 1e-9)) / 4, 0, 1))
    grid[0, 0].set_ylabel("window")
    grid[1, 0].set_ylabel("spectrum")
    return figure
