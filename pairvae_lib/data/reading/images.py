"""Files of images (TIFF, PNG, JPEG, npy, and those of detectors) as arrays."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pairvae_lib.data.reading.decoding import unreadable_as_value_error
from pairvae_lib.data.reading.detectors import DETECTOR_SUFFIXES, detector_image, detector_shape, no_signal

TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
IMAGE_SUFFIXES = TIFF_SUFFIXES | DETECTOR_SUFFIXES | {".png", ".jpg", ".jpeg", ".npy"}

MAX_BYTES = 2**30  # of decoded pixels: what a header claims is checked before memory is taken
MAX_FRAME_PX = 4  # a constant band at an edge up to this width is a frame that software drew, not image
GREY_PERCENTILES = (0.1, 99.9)  # what becomes black and white of images with more than 8 bits
LUMINANCE = np.array([0.299, 0.587, 0.114])  # of red, green, blue; ITU-R BT.601

# Pillow's modes: channels and type of their arrays. CMYK and the rarer ones are left out on purpose.
_MODES = {
    "1": (1, "?"),
    "L": (1, "u1"),
    "LA": (2, "u1"),
    "P": (3, "u1"),
    "RGB": (3, "u1"),
    "RGBA": (4, "u1"),
    "I;16": (1, "u2"),
}


@dataclass(frozen=True)
class ImageHeader:
    """What a file says of its image before the pixels are decoded.

    Parameters
    ----------
    height, width : int
        Size [px].
    channels : int
        1 to 4.
    dtype : numpy dtype
        Type of the pixels: bool, integer or float.
    """

    height: int
    width: int
    channels: int
    dtype: np.dtype

    def __post_init__(self) -> None:
        if not (self.height > 0 and self.width > 0 and 1 <= self.channels <= 4):
            raise ValueError(
                f"must be an image of 1 to 4 channels; got {self.height} x {self.width} px, {self.channels} channels"
            )
        if self.dtype.kind not in "buif":
            raise ValueError(f"must hold real numbers as pixels; got {self.dtype}")
        size = self.height * self.width * self.channels * self.dtype.itemsize
        if size > MAX_BYTES:
            raise ValueError(
                f"claims {self.height} x {self.width} px, {size / 2**30:.3g} GiB of pixels; expected at most "
                f"{MAX_BYTES / 2**30:g} GiB"
            )


def image_header(path: Path) -> ImageHeader:
    """Size and type of an image, without decoding it.

    Parameters
    ----------
    path : Path
        A file with one of `IMAGE_SUFFIXES`.
    """
    with unreadable_as_value_error():
        if path.suffix.lower() in DETECTOR_SUFFIXES:
            (height, width), dtype = detector_shape(path)
            return ImageHeader(height, width, 1, dtype)
        if path.suffix.lower() in TIFF_SUFFIXES:
            with tifffile.TiffFile(path) as tiff:
                page = _only_page(tiff)
                if page.dtype is None:
                    raise ValueError("holds pixels of an unknown type")
                channels = 3 if page.photometric == tifffile.PHOTOMETRIC.PALETTE else page.samplesperpixel
                return ImageHeader(page.imagelength, page.imagewidth, channels, np.dtype(page.dtype))
        if path.suffix.lower() == ".npy":
            shape, dtype = _npy_header(path)
            if len(shape) not in (2, 3):
                raise ValueError(f"must have shape (height, width) or (height, width, channels); got {shape}")
            height, width, channels = (*shape, 1)[:3]
            header = ImageHeader(height, width, channels, dtype)
            np.lib.format.open_memmap(path, mode="r")  # raises if the file is shorter
            return header
        with _opened(path) as image:
            if image.mode not in _MODES:
                raise ValueError(f"pixels of type {image.mode} are not supported; save it as grey or RGB")
            return ImageHeader(image.height, image.width, _MODES[image.mode][0], np.dtype(_MODES[image.mode][1]))


def read_image(path: Path) -> NDArray:
    """Pixels of an image as they are in the file.

    Parameters
    ----------
    path : Path
        A file with one of `IMAGE_SUFFIXES`.

    Returns
    -------
    ndarray of shape (H, W) or (H, W, channels)
        Of the file's own type; indexed colours as RGB, inverted grey (MinIsWhite) put right.
    """
    image, missing = image_pixels(path)
    bad = int((missing if path.suffix.lower() in DETECTOR_SUFFIXES else ~np.isfinite(image)).sum())
    if bad:
        what = "hold no measurement" if path.suffix.lower() in DETECTOR_SUFFIXES else "are NaN or infinite"
        raise ValueError(f"{bad} of {image.size} pixels {what}")
    return image


def image_pixels(path: Path) -> tuple[NDArray, NDArray[np.bool_]]:
    """Pixels of an image as they are in the file, and which of them hold no measurement.

    Parameters
    ----------
    path : Path
        A file with one of `IMAGE_SUFFIXES`.

    Returns
    -------
    image : ndarray of shape (H, W) or (H, W, channels)
        Of the file's own type (of detectors float64); indexed colours as RGB, inverted grey (MinIsWhite) put right.
    missing : ndarray of bool, shape (H, W) or (H, W, channels)
        See `detectors.no_signal` and `detectors.detector_image`.
    """
    image_header(path)
    with unreadable_as_value_error():
        if path.suffix.lower() in DETECTOR_SUFFIXES:
            return detector_image(path)
        if path.suffix.lower() in TIFF_SUFFIXES:
            image = _tiff_pixels(path)
        elif path.suffix.lower() == ".npy":
            with path.open("rb") as file:
                image = np.lib.format.read_array(file, allow_pickle=False)
        else:
            with _opened(path) as opened:
                image = np.asarray(opened.convert("RGB") if opened.mode == "P" else opened)
    return image, no_signal(image)


def is_grey(image: NDArray) -> bool:
    """Whether the image has no colours: one channel, one and alpha, or equal ones.

    Parameters
    ----------
    image : ndarray of shape (H, W) or (H, W, channels)
        As `read_image` returns it.
    """
    if image.ndim == 2 or image.shape[2] < 3:
        return True
    return bool((image[..., 0] == image[..., 1]).all() and (image[..., 0] == image[..., 2]).all())


def grey_image(image: NDArray) -> NDArray:
    """One value per pixel: the only channel, the common value of equal ones, or the luminance; alpha is left out.

    Parameters
    ----------
    image : ndarray of shape (H, W) or (H, W, channels)
        As `read_image` returns it.

    Returns
    -------
    ndarray of shape (H, W)
        Of the same type.
    """
    if image.ndim == 2:
        return image
    if is_grey(image):
        return image[..., 0]
    luminance = image[..., :3] @ LUMINANCE
    return (np.rint(luminance) if image.dtype.kind in "ui" else luminance).astype(image.dtype)


def eight_bit(grey: NDArray) -> NDArray[np.uint8]:
    """Grey levels in 8 bits.

    An image of two levels becomes 0 and 255. 8-bit images stay as they are. Others (16 bit, float) are scaled so that
    their `GREY_PERCENTILES` become black and white: hot and dead pixels do not squeeze the contrast.

    Parameters
    ----------
    grey : ndarray of shape (H, W)
        Of any real type.

    Returns
    -------
    ndarray of uint8, shape (H, W)
    """
    low, high = grey.min(), grey.max()
    if low == high:
        raise ValueError(f"all pixels are equal ({low:g})")
    if ((grey == low) | (grey == high)).all():
        return np.where(grey == high, 255, 0).astype(np.uint8)
    if grey.dtype == np.uint8:
        return grey
    values = grey.astype(np.float64)
    dark, light = np.percentile(values, GREY_PERCENTILES)
    if dark == light:  # nearly all pixels are equal, what is left is not noise alone
        dark, light = float(low), float(high)
    return np.rint(np.clip((values - dark) / (light - dark), 0, 1) * 255).astype(np.uint8)


def frame_window(grey: NDArray) -> tuple[slice, slice]:
    """Rows and columns of an image within its frame.

    A frame is the band of equal pixels that some software leaves at one or more edges. It is cut if at most
    `MAX_FRAME_PX` wide; a wider constant band is taken for image.

    Parameters
    ----------
    grey : ndarray of shape (H, W)
        Of any type.

    Returns
    -------
    rows, cols : slice
    """
    return _within(grey), _within(grey.T)


def _npy_header(path: Path) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of an npy file."""
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    return shape, dtype


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image of Pillow, whose own limit on sizes gives way to ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            image = Image.open(path)
        except UnidentifiedImageError as error:
            raise ValueError("is no image in a known format") from error  # Pillow's words hold the whole path
        with image:
            yield image


def _only_page(tiff: tifffile.TiffFile) -> tifffile.TiffPage:
    """The image of a TIFF file; smaller pages beside it are previews."""
    page = tiff.pages.first
    shapes = [(other.imagelength, other.imagewidth) for other in tiff.pages if isinstance(other, tifffile.TiffPage)]
    alike = shapes.count((page.imagelength, page.imagewidth))
    if alike > 1 or page.imagedepth > 1:
        raise ValueError(f"must hold one image; got a stack of {max(alike, page.imagedepth)}")
    return page


def _tiff_pixels(path: Path) -> NDArray:
    """Pixels of a TIFF file, channels last."""
    kinds = tifffile.PHOTOMETRIC
    with tifffile.TiffFile(path) as tiff:
        page = _only_page(tiff)
        image = page.asarray()
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and image.ndim == 3:
            image = np.moveaxis(image, 0, -1)
        if page.photometric == kinds.PALETTE and page.colormap is not None:
            return (page.colormap.T[image] >> 8).astype(np.uint8)
        if page.photometric == kinds.MINISWHITE:
            return ~image if image.dtype.kind in "bu" else -image
        if page.photometric not in (kinds.MINISBLACK, kinds.RGB, kinds.YCBCR):
            raise ValueError(
                f"colours of type {kinds(page.photometric).name} are not supported; save it as grey or RGB"
            )
        return image


def _within(grey: NDArray) -> slice:
    """Rows that are not frame."""
    start, stop = _band(grey), len(grey) - _band(grey[::-1])
    return slice(start, stop) if start < stop else slice(None)


def _band(grey: NDArray) -> int:
    """Width of the constant band at the first rows; 0 where it is too wide for a frame."""
    head = grey[: MAX_FRAME_PX + 1]
    constant = (head == head[0, 0]).all(axis=1)
    width = len(head) if constant.all() else int(np.argmin(constant))
    return width if width <= MAX_FRAME_PX else 0
