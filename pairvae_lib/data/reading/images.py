"""Files of images (TIFF, PNG, JPEG, BMP, npy, those of detectors) as arrays, and what they tell of the microscope."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from pairvae_lib.data.reading.decoding import unreadable_as_value_error
from pairvae_lib.data.reading.detectors import DETECTOR_SUFFIXES, detector_image, detector_shape, no_signal
from pairvae_lib.data.reading.gate import FORMATS, at_most, check_limit, opened
from pairvae_lib.data.reading.process import apart

TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
IMAGE_SUFFIXES = TIFF_SUFFIXES | DETECTOR_SUFFIXES | {".png", ".jpg", ".jpeg", ".bmp", ".npy"}

MAX_FRAME_PX = 4  # a constant band at an edge up to this width is a frame that software drew, not image
BAR_ROWS = (0.02, 0.25)  # of the height: the thinnest and the thickest data bar
BAR_SHARE = 0.7  # of the pixels of a row of a data bar have its grey level
BAR_NOISE = 8  # grey levels, as JPEG leaves them
BAR_CONTRAST = 64  # grey levels between the text of a bar and the bar
BAR_TEXT = 4  # rows with text
GREY_PERCENTILES = (0.1, 99.9)  # what becomes black and white of images with more than 8 bits
LUMINANCE = np.array([0.299, 0.587, 0.114])  # of red, green, blue; ITU-R BT.601

SAME_SCALE = 0.01  # relative difference of pixel sizes up to which images are left as they are
TESCAN = 50431  # number of its TIFF tag
ZEISS_WIDTH = 1024  # px, the screen of which Zeiss gives the pixel size
MAX_SCALE_RATIO = 4.0  # coarsest over finest; beyond it the finest images would lose what they are good for

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
_NANOMETRES = {
    "nm": 1.0, "nanometer": 1.0, "nanometre": 1.0,
    "um": 1e3, "µm": 1e3, "μm": 1e3, "micron": 1e3, "microns": 1e3, "micrometer": 1e3, "micrometre": 1e3,
    "å": 0.1, "angstrom": 0.1, "pm": 1e-3, "mm": 1e6, "m": 1e9,
}  # fmt: skip


@dataclass(frozen=True)
class ImageHeader:
    """What a file says of its image before the pixels are decoded."""

    height: int  # px
    width: int  # px
    channels: int  # 1 to 4
    dtype: np.dtype  # bool, integer or float

    def __post_init__(self) -> None:
        if not (self.height > 0 and self.width > 0 and 1 <= self.channels <= 4):
            raise ValueError(
                f"must be an image of 1 to 4 channels; got {self.height} x {self.width} px, {self.channels} channels"
            )
        if self.dtype.kind not in "buif":
            raise ValueError(f"must hold real numbers as pixels; got {self.dtype}")
        check_limit("pixels", self.height * self.width, f"claims {self.height} x {self.width} px")


@apart
def image_header(path: Path) -> ImageHeader:
    """Size and type of the image of a file with one of `IMAGE_SUFFIXES`, without decoding it."""
    with _opened(path) as (header, _):
        return header


@apart
def read_image(path: Path) -> NDArray:
    """Pixels of an image as `image_pixels` reads them, or ValueError if one of them holds no measurement."""
    image, missing = image_pixels(path)
    is_detector = path.suffix.lower() in DETECTOR_SUFFIXES
    bad = int((missing if is_detector else ~np.isfinite(image)).sum())
    if bad:
        what = "hold no measurement" if is_detector else "are NaN or infinite"
        raise ValueError(f"{bad} of {image.size} pixels {what}")
    return image


@apart
def image_pixels(path: Path) -> tuple[NDArray, NDArray[np.bool_]]:
    """Pixels of an image as they are in the file, and which of them hold no measurement.

    Returns
    -------
    image : ndarray of shape (H, W) or (H, W, channels)
        Of the file's own type (of detectors float64); indexed colours as RGB, inverted grey (MinIsWhite) put right.
        Photographs (JPEG, PNG) that say how the camera was held are upright.
    missing : ndarray of bool, shape (H, W) or (H, W, channels)
        See `detectors.no_signal` and `detectors.detector_image`.
    """
    with _opened(path) as (_, decoded):
        return decoded()


def is_grey(image: NDArray) -> bool:
    """Whether an image (H, W) or (H, W, channels) has no colours: one channel, one and alpha, or equal ones."""
    if image.ndim == 2 or image.shape[2] < 3:
        return True
    return bool((image[..., 0] == image[..., 1]).all() and (image[..., 0] == image[..., 2]).all())


def grey_image(image: NDArray) -> NDArray:
    """One value per pixel: the only channel, the common value of equal ones, or the luminance; alpha is left out.

    Takes an image of shape (H, W) or (H, W, channels); returns an ndarray of shape (H, W) and of the same type.
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

    Takes an ndarray of shape (H, W) of any real type; returns one of uint8.
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
    values -= dark  # in place: large images leave no room for copies
    values /= light - dark
    np.clip(values, 0, 1, out=values)
    values *= 255
    return np.rint(values, out=values).astype(np.uint8)


def frame_window(grey: NDArray) -> tuple[slice, slice]:
    """Rows and columns of an image of shape (H, W) within its frame.

    A frame is the band of equal pixels that some software leaves at one or more edges. It is cut if at most
    `MAX_FRAME_PX` wide; a wider constant band is taken for image.
    """
    return _within(grey), _within(grey.T)


@apart
def file_nm_per_pixel(path: Path) -> float | None:
    """Pixel size [nm] that a microscope or ImageJ wrote into an image file; None where it does not say.

    Only TIFF has such tags: of FEI and Thermo (PixelWidth), Zeiss (Image Pixel Size, else Width, else Pixel Size, which
    is that of an image of 1024 px), TESCAN (PixelSizeX), ImageJ (resolution and its unit). A plain resolution in dots
    per inch is that of a printer, and is left aside.
    """
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return None
    with unreadable_as_value_error(), opened(path) as file, tifffile.TiffFile(file) as tiff:
        sides = _fei(tiff) or _zeiss(tiff) or _tescan(tiff) or _imagej(tiff)
    if sides is None:
        return None
    across, down = sides
    if not (math.isfinite(across) and math.isfinite(down) and across > 0 and down > 0):
        raise ValueError(f"pixel size in its tags must be positive; got {across:g} x {down:g} nm")
    if abs(across - down) > SAME_SCALE * across:
        raise ValueError(f"must have square pixels; got {across:g} x {down:g} nm in its tags")
    return across


@apart
def file_image_rows(path: Path) -> int | None:
    """Rows above the data bar by the tags of a TIFF file; None where they do not say, or there is no bar.

    FEI and Thermo name the rows of the image (ResolutionY), TESCAN those of the bar (ImageStripSize).
    """
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return None
    with unreadable_as_value_error(), opened(path) as file, tifffile.TiffFile(file) as tiff:
        height = _only_page(tiff).imagelength
        named = ((tiff.fei_metadata or {}).get("Image") or {}).get("ResolutionY")
        strip = _tescan_tags(tiff).get("ImageStripSize")
        try:
            rows = height - int(strip) if strip else int(named) if named else height
        except (TypeError, ValueError):
            return None
    return rows if 0 < rows < height else None


def data_bar(grey: NDArray[np.uint8]) -> int | None:
    """The first row of what looks like an instrument's data bar at the bottom of an image (H, W) in 8 bits, else None.

    A bar is a strip of one grey level with text in another, from `BAR_ROWS` of the height on. An image of two levels
    has none.
    """
    height = len(grey)
    if ((grey == 0) | (grey == 255)).all():
        return None
    strip = grey[-int(BAR_ROWS[1] * height) :].astype(np.int16)
    level = np.median(strip[-max(int(BAR_ROWS[0] * height), 1) :])
    is_flat = np.abs(strip - level) <= BAR_NOISE
    flat_rows = is_flat.mean(axis=1) >= BAR_SHARE
    start = len(strip) - (int(np.argmin(flat_rows[::-1])) if not flat_rows.all() else len(strip))
    size = len(strip) - start
    if size < max(BAR_ROWS[0] * height, MAX_FRAME_PX + 1) or size == len(strip):
        return None
    with_text = (np.abs(strip[start:] - level) > BAR_CONTRAST).any(axis=1).sum()
    above = np.abs(grey[: height - size].astype(np.int16) - level) <= BAR_NOISE
    return height - size if with_text >= BAR_TEXT and above.mean() < BAR_SHARE else None


def common_scale(sizes: list[float | None]) -> float | None:
    """The pixel size [nm] to which all micrographs of a data set are brought: the coarsest, which invents no detail.

    None where all stay as they are: none of `sizes` [nm] is known, or all agree to within `SAME_SCALE`.
    """
    known = [size for size in sizes if size is not None]
    if not known:
        return None
    if len(known) < len(sizes):
        raise ValueError(
            f"the pixel size is known of {len(known)} of {len(sizes)} micrographs, so that they cannot be brought to "
            "one scale; fill the column nm_per_pixel for all, or write unknown in it for all"
        )
    finest, coarsest = min(known), max(known)
    if coarsest > MAX_SCALE_RATIO * finest:
        raise ValueError(
            f"pixel sizes from {finest:g} to {coarsest:g} nm differ by more than a factor of {MAX_SCALE_RATIO:g}; "
            "leave out the micrographs of one magnification"
        )
    return None if coarsest <= (1 + SAME_SCALE) * finest else coarsest


@contextmanager
def _opened(path: Path) -> Iterator[tuple[ImageHeader, Callable[[], tuple[NDArray, NDArray[np.bool_]]]]]:
    """The checked header of an image, and what decodes its pixels."""
    suffix = path.suffix.lower()
    with unreadable_as_value_error():
        if suffix in DETECTOR_SUFFIXES:
            (height, width), dtype = detector_shape(path)
            yield ImageHeader(height, width, 1, dtype), lambda: detector_image(path)
        elif suffix in TIFF_SUFFIXES:
            with opened(path) as file, tifffile.TiffFile(file) as tiff:
                page = _only_page(tiff)
                if page.dtype is None:
                    raise ValueError("holds pixels of an unknown type")
                channels = 3 if page.photometric == tifffile.PHOTOMETRIC.PALETTE else page.samplesperpixel
                header = ImageHeader(page.imagelength, page.imagewidth, channels, np.dtype(page.dtype))
                yield header, lambda: _with_gaps(_tiff_pixels(page))
        elif suffix == ".npy":
            with opened(path) as file:
                header = _npy_header(file)
                np.lib.format.open_memmap(path, mode="r")  # raises if the file is shorter
                file.seek(0)
                yield header, lambda: _with_gaps(np.lib.format.read_array(file, allow_pickle=False))
        else:
            with opened(path) as file, _opened_by_pillow(file, FORMATS[suffix][0]) as image:
                if image.mode not in _MODES:
                    raise ValueError(f"pixels of type {image.mode} are not supported; save it as grey or RGB")
                channels, kind = _MODES[image.mode]
                is_on_its_side = image.getexif().get(ExifTags.Base.Orientation, 1) in range(5, 9)
                height, width = image.size if is_on_its_side else image.size[::-1]

                def upright() -> NDArray:
                    """As a camera held it."""
                    return np.asarray(ImageOps.exif_transpose(image.convert("RGB") if image.mode == "P" else image))

                yield ImageHeader(height, width, channels, np.dtype(kind)), lambda: _with_gaps(upright())


def _with_gaps(image: NDArray) -> tuple[NDArray, NDArray[np.bool_]]:
    """Pixels, and which of them hold no measurement."""
    return image, no_signal(image)


def _npy_header(file: IO[bytes]) -> ImageHeader:
    """Size and type by the header of an npy file."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if len(shape) not in (2, 3):
        raise ValueError(f"must have shape (height, width) or (height, width, channels); got {shape}")
    height, width, channels = (*shape, 1)[:3]
    return ImageHeader(height, width, channels, dtype)


@contextmanager
def _opened_by_pillow(file: IO[bytes], name: str) -> Iterator[Image.Image]:
    """An image of Pillow in the one format that it may have; Pillow's own limit on sizes gives way to ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            image = Image.open(file, formats=[name])
        except UnidentifiedImageError as error:
            raise ValueError(f"is no whole {name} file") from error  # Pillow's words hold the whole path
        with image:
            yield image


def _only_page(tiff: tifffile.TiffFile) -> tifffile.TiffPage:
    """The image of a TIFF file, its largest page; smaller ones beside it are previews."""
    pages = [other for other in at_most("pages", tiff.pages) if isinstance(other, tifffile.TiffPage)]
    page = max(pages, key=lambda other: other.imagelength * other.imagewidth)  # the first of equal ones
    shapes = [(other.imagelength, other.imagewidth) for other in pages]
    alike = shapes.count((page.imagelength, page.imagewidth))
    if alike > 1 or page.imagedepth > 1:
        raise ValueError(f"must hold one image; got a stack of {max(alike, page.imagedepth)}")
    return page


def _tiff_pixels(page: tifffile.TiffPage) -> NDArray:
    """Pixels of a TIFF page, channels last."""
    kinds = tifffile.PHOTOMETRIC
    image = page.asarray(maxworkers=1)
    if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and image.ndim == 3:
        image = np.moveaxis(image, 0, -1)
    if page.photometric == kinds.PALETTE and page.colormap is not None:
        return (page.colormap.T[image] >> 8).astype(np.uint8)
    if page.photometric == kinds.MINISWHITE:
        return ~image if image.dtype.kind in "bu" else -image
    if page.photometric not in (kinds.MINISBLACK, kinds.RGB, kinds.YCBCR):
        raise ValueError(f"colours of type {kinds(page.photometric).name} are not supported; save it as grey or RGB")
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


def _fei(tiff: tifffile.TiffFile) -> tuple[float, float] | None:
    """Width and height of a pixel [nm] by the tags of FEI and Thermo."""
    scan = (tiff.fei_metadata or {}).get("Scan") or {}
    if "PixelWidth" not in scan:
        return None
    width = float(scan["PixelWidth"])
    return width * 1e9, float(scan.get("PixelHeight", width)) * 1e9


def _zeiss(tiff: tifffile.TiffFile) -> tuple[float, float] | None:
    """Width and height of a pixel [nm] by the tags of Zeiss."""
    tags, width = tiff.sem_metadata or {}, _only_page(tiff).imagewidth
    # The pixel size is that of the screen, whatever the size of the stored image.
    for name, pixels in (("ap_image_pixel_size", 1.0), ("ap_width", width), ("ap_pixel_size", width / ZEISS_WIDTH)):
        entry = tags.get(name)
        if isinstance(entry, tuple) and len(entry) == 3 and str(entry[2]).lower() in _NANOMETRES:
            size = float(entry[1]) * _NANOMETRES[str(entry[2]).lower()] / pixels
            return size, size
    return None


def _tescan(tiff: tifffile.TiffFile) -> tuple[float, float] | None:
    """Width and height of a pixel [nm] by the tags of TESCAN."""
    tags = _tescan_tags(tiff)
    if "PixelSizeX" not in tags:
        return None
    width = float(tags["PixelSizeX"])
    return width * 1e9, float(tags.get("PixelSizeY", width)) * 1e9


def _tescan_tags(tiff: tifffile.TiffFile) -> dict[str, str]:
    """Names and values that TESCAN wrote into a file."""
    tag = _only_page(tiff).tags.get(TESCAN)
    value = b"" if tag is None else tag.value
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    lines = (line.partition("=") for line in text.splitlines())
    return {key.strip(): said.strip() for key, mark, said in lines if mark}


def _imagej(tiff: tifffile.TiffFile) -> tuple[float, float] | None:
    """Width and height of a pixel [nm] by the tags of ImageJ, where its unit is one of length."""
    unit = str((tiff.imagej_metadata or {}).get("unit", "")).strip().lower()
    unit = re.sub(r"\\u00b5", "µ", unit)
    tags = _only_page(tiff).tags
    if unit not in _NANOMETRES or "XResolution" not in tags or "YResolution" not in tags:
        return None
    (x_count, x_units), (y_count, y_units) = tags["XResolution"].value, tags["YResolution"].value
    if not (x_count and y_count):
        raise ValueError("pixel size in its tags must be positive; got a resolution of 0")
    return x_units / x_count * _NANOMETRES[unit], y_units / y_count * _NANOMETRES[unit]
