"""Formation of the micrograph: what an electron microscope would show of a phase field.

Ours, not a simulation of electrons: every number was chosen so that micrographs and what remains of them after the
paper's binarisation resemble three real crops.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, gaussian_gradient_magnitude

from pairvae_lib.checks import check_positive, check_range, check_shape
from pairvae_lib.data.simulation.morphologies import Parameters

INTERFACE = 0.08  # of phi: half the width over which a domain turns from one phase into the other
NM_PER_PIXEL = 2.75  # ASSUMED: no public source gives the pixel size of the paper's micrographs
DARK = 60.0  # grey level of PS
PMMA_CONTRAST = (100.0, 40.0)  # grey levels of PMMA above it, at contrast 0 and what contrast 1 adds
EDGE_BRIGHTENING = 40.0  # grey levels per unit slope: electrons leave more easily at an edge
BEAM_SIGMA = 0.9  # px
READOUT_SIGMA = 0.5  # px
DATA_BAR_SHARE = 65 / 415  # rows of the data bar per row of the image: 130 below 830, as in the paper's files


def density(phi: np.ndarray) -> np.ndarray:
    """Local share of PMMA, 0 to 1, of a phase field of any shape."""
    return 0.5 * (1 + np.tanh(phi / INTERFACE))


def formed_micrograph(phi: np.ndarray, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Grey micrograph of a film.

    Domains are domed and, where they stand alone, dimmer; edges are bright; then uneven illumination, shot noise
    and line jitter.

    Parameters
    ----------
    phi : ndarray of shape (layers, rows, cols)
        The phase field at the pixels of the micrograph, top layer first.
    parameters : Parameters
        Its contrast, 0 to 1, sets contrast and dose together.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (rows, cols), uint8
    """
    check_shape("phi", phi, ("layers", "rows", "cols"))
    contrast, doming = parameters.contrast, parameters.doming
    check_range("contrast", contrast, 0, 1)
    check_range("doming", doming, 0, 1)
    top = density(phi[0])
    crowd = gaussian_filter(top, 0.55 * parameters.period_px)
    depth = np.clip(0.55 + 1.5 * (crowd - 0.2), 0.45, 1.15)
    summit = max(float(np.percentile(phi[0], 97)), INTERFACE)  # of a typical domain, also where there is next to none
    dome = np.clip(phi[0] / summit, 0, 1.15)
    body = (1 - doming + doming * dome) * top * depth
    if len(phi) > 1:
        body = 0.85 * body + 0.15 * density(phi[1])
    grey = DARK + (PMMA_CONTRAST[0] + PMMA_CONTRAST[1] * contrast) * body
    grey = gaussian_filter(grey + EDGE_BRIGHTENING * gaussian_gradient_magnitude(top, 1.0), BEAM_SIGMA)
    grey = np.maximum(grey + uneven_illumination(grey.shape, parameters.illumination, rng), 5)
    electrons = 0.06 + 0.9 * contrast**2  # per grey level
    grey = rng.poisson(grey * electrons) / electrons
    grey = grey + rng.standard_normal((len(grey), 1))  # each scan line a little brighter or darker
    return np.clip(np.rint(gaussian_filter(grey, READOUT_SIGMA)), 0, 255).astype(np.uint8)


def uneven_illumination(shape: tuple[int, int], amplitude: float, rng: np.random.Generator) -> np.ndarray:
    """A random quadratic shading that stays within 2 x amplitude.

    Parameters
    ----------
    shape : tuple of int
        (rows, cols).
    amplitude : float
        [grey levels]
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (rows, cols), float64
    """
    check_range("amplitude", amplitude, 0, 255)
    row = np.linspace(-1, 1, shape[0])[:, None]
    col = np.linspace(-1, 1, shape[1])[None, :]
    weights = rng.standard_normal(5)
    terms = (col, row, row * col / 2, (col**2 - 0.33) / 2, (row**2 - 0.33) / 2)
    shading = sum(weight * term for weight, term in zip(weights, terms, strict=True))
    return 2 * amplitude * shading / np.abs(weights).sum() + np.zeros(shape)


def with_data_bar(micrograph: np.ndarray, nm_per_pixel: float = NM_PER_PIXEL) -> np.ndarray:
    """The micrograph above a data bar that says SIMULATED and holds a scale bar of 200 nm.

    Parameters
    ----------
    micrograph : ndarray of shape (rows, cols), uint8
    nm_per_pixel : float
        [nm]; the default is assumed, and the bar says so.

    Returns
    -------
    ndarray of shape (rows + data bar, cols), uint8
        The bar adds 130 rows to 830, as the instrument's does in the paper's data set, and 65 to 415.
    """
    check_shape("micrograph", micrograph, ("rows", "cols"))
    check_positive("nm_per_pixel", nm_per_pixel)
    rows, cols = micrograph.shape
    height = round(DATA_BAR_SHARE * rows)
    bar = Image.new("L", (cols, height), 0)
    draw = ImageDraw.Draw(bar)
    font = ImageFont.load_default(size=0.34 * height)
    small = ImageFont.load_default(size=0.24 * height)
    length = round(200 / nm_per_pixel)  # px
    draw.text((0.02 * cols, height / 2), "SIMULATED", fill=255, font=font, anchor="lm")
    draw.rectangle((cols // 2, 0.3 * height, cols // 2 + length - 1, 0.4 * height), fill=255)
    label = f"200 nm if {nm_per_pixel:g} nm/px (assumed)"
    draw.text((cols // 2, 0.7 * height), label, fill=255, font=small, anchor="lm")
    return np.vstack([micrograph, np.asarray(bar)])
