"""The gate for every file of somebody else: where it lies, how large it is, and of which format, before it is decoded.

A file is opened if it is a regular file, no larger than `LIMITS` allow, and of the format that its name says by its
first bytes. What a file names in turn (HDF5) must lie in the folder of the file, links followed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import file_digest
from io import BufferedReader
from itertools import islice
from pathlib import Path
from stat import S_ISREG
from typing import TypeVar

Item = TypeVar("Item")

FACTOR = "PAIRVAE_LIMITS"  # environment variable: by how much all limits are raised
LIMITS = {  # what one file may ask for
    "bytes": 2**28,
    "bytes of text": 2**24,
    "pixels": 20 * 10**6,  # an Eiger 16M has 18.1 million
    "pages": 64,  # of a TIFF: its image, previews, a pyramid
    "objects": 10_000,  # of an HDF5 file: groups and datasets
    "seconds": 8,  # to decode
    "MiB of memory": 768,  # of the process that decodes it
}
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_FABIO_SPACE = b"\r\n\t "  # before the brace of an EDF header
FORMATS = {  # name and first bytes, by suffix
    ".tif": ("TIFF", _TIFF),
    ".tiff": ("TIFF", _TIFF),
    ".png": ("PNG", (b"\x89PNG\r\n\x1a\n",)),
    ".jpg": ("JPEG", (b"\xff\xd8\xff",)),
    ".jpeg": ("JPEG", (b"\xff\xd8\xff",)),
    ".bmp": ("BMP", (b"BM",)),
    ".npy": ("NPY", (b"\x93NUMPY",)),
    ".edf": ("EDF", (b"{",)),
    ".cbf": ("CBF", (b"###CBF", b"data_")),
    ".h5": ("HDF5", (b"\x89HDF\r\n\x1a\n",)),
    ".hdf5": ("HDF5", (b"\x89HDF\r\n\x1a\n",)),
    ".nxs": ("HDF5", (b"\x89HDF\r\n\x1a\n",)),
}
_OTHERS = {b"%!PS": "PostScript", b"%PDF": "PDF", b"GIF8": "GIF", b"PK\3\4": "ZIP", b"\x1f\x8b": "gzip"}


class TooMuch(ValueError):
    """A file that asks for more than `LIMITS` allow: the message names the limit, and how to raise it."""


def too_much(asks: str, name: str) -> TooMuch:
    """The error for a file that asks for more than one of `LIMITS`."""
    return TooMuch(
        f"{asks}; expected at most {limit(name):.10g} {name} (to allow twice as much of everything, set the "
        f"environment variable {FACTOR}={2 * _factor():g})"
    )


def limit(name: str) -> float:
    """One of `LIMITS`, raised by the factor that the user has set."""
    return LIMITS[name] * _factor()


def check_limit(name: str, value: float, what: str) -> None:
    """Raise TooMuch if `value` is above a limit; `what` says in words what asks for it."""
    if value > limit(name):
        raise too_much(what, name)


def at_most(name: str, items: Iterable[Item]) -> Iterator[Item]:
    """The items, or TooMuch when there are more of them than a limit."""
    most = int(limit(name))
    remaining = iter(items)
    yield from islice(remaining, most)
    if next(remaining, None) is not None:
        raise too_much(f"has more than {most} {name}", name)


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """An open file of a known format, at its beginning, that the gate lets pass."""
    with _regular(path, "bytes") as file:
        _check_format(file, path.suffix.lower())
        file.seek(0)
        yield file


def text_bytes(path: Path) -> bytes:
    """The content of a text file that the gate lets pass."""
    with _regular(path, "bytes of text") as file:
        return file.read()


def digest_of(path: Path) -> str:
    """SHA-256 of a file that the gate lets pass, in hexadecimal digits."""
    with _regular(path, "bytes") as file:
        return file_digest(file, "sha256").hexdigest()


def within(folder: Path, path: Path) -> bool:
    """Whether a path is a regular file that lies in the folder, links followed; or nothing is there."""
    try:
        resolved = path.resolve()
        return resolved.is_relative_to(folder.resolve()) and (path.is_file() or not path.exists())
    except (OSError, RuntimeError, ValueError):  # a circle of links, a name that no system has
        return False


def neighbour(path: Path, name: str) -> Path:
    """A file that another file names: it must lie in the same folder."""
    folder = path.resolve().parent
    if "%" in name or not within(folder, folder / name):
        raise ValueError(f"must not point to files out of its folder; got {name!r}")
    return (folder / name).resolve()


@contextmanager
def _regular(path: Path, limited: str) -> Iterator[BufferedReader]:
    """An open regular file within a limit of size; opening it waits for nobody, as a pipe would."""
    try:
        handle = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))
    except PermissionError as error:
        raise ValueError("must not be kept from being read; this user has no permission for it") from error
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot be opened ({getattr(error, 'strerror', None) or error})") from error
    with handle as file:
        about = os.fstat(file.fileno())
        if not S_ISREG(about.st_mode):
            raise ValueError("is no file")
        check_limit(limited, about.st_size, f"has {about.st_size} bytes")
        yield file


def _check_format(file: BufferedReader, suffix: str) -> None:
    """Raise ValueError if the content is of another format than the name says."""
    if suffix not in FORMATS:
        raise ValueError(f"must end as one of {', '.join(FORMATS)}; got {suffix!r}")
    name, starts = FORMATS[suffix]
    head = file.read(512)
    if name == "EDF":
        head = head.lstrip(_FABIO_SPACE)
    size = os.fstat(file.fileno()).st_size
    place = 512
    while name == "HDF5" and not head.startswith(starts) and place < size:  # behind a block of the user
        file.seek(place)
        head = file.read(8)
        place *= 2
    if not head.startswith(starts):
        raise ValueError(f"is no {name} file, though its name says so{_other(file)}")


def _other(file: BufferedReader) -> str:
    """What the content of a file is instead, where that is known."""
    file.seek(0)
    head = file.read(16)
    known = {start: name for name, starts in FORMATS.values() for start in starts if start not in (b"{", b"data_")}
    found = next((name for start, name in (known | _OTHERS).items() if head.startswith(start)), "")
    return f": its content is {found}" if found else ""


def _factor() -> float:
    """By how much the user has raised all limits."""
    text = os.environ.get(FACTOR, "1")
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 1 <= factor <= 1000:
        raise ValueError(f"environment variable {FACTOR} must be a number from 1 to 1000; got {text!r}")
    return factor
