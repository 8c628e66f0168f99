"""HDF5 files: detector images (NeXus, Eiger master files) and 1-D curves (NXcanSAS), without leaving the folder.

An HDF5 file can point to others: external links (as Eiger's master file does, to its data files), virtual and external
storage. They are followed within the file's own folder, and refused elsewhere: a file from somebody else must not make
us read what it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.data.reading.decoding import unreadable_as_value_error
from pairvae_lib.data.reading.field import field_module

HDF5_SUFFIXES = frozenset({".h5", ".hdf5", ".nxs"})
MAX_DEPTH = 12  # groups within groups; a soft link may lead in a circle
MAX_CURVE_POINTS = 2**20

# A path of NeXus; Dectris files have it, others name their class in an attribute.
_PIXEL_MASK = "entry/instrument/detector/detectorSpecific/pixel_mask"
_NM = ("1/nm", "nm-1", "nm^-1", "1/nanometer", "nanometer^-1")
_ANGSTROM = ("1/a", "1/å", "a-1", "a^-1", "1/angstrom", "angstrom-1", "angstrom^-1", "1/ang")
_METRE = ("1/m", "m-1", "m^-1")


def _h5py() -> Any:
    """The package, or ValueError with the command that installs it."""
    return field_module("h5py", "reading HDF5")


@contextmanager
def hdf5_file(path: Path) -> Iterator[Any]:
    """An open HDF5 file, with the decompression that detectors use."""
    h5py = _h5py()
    field_module("hdf5plugin", "reading HDF5")
    with unreadable_as_value_error():
        if not path.is_file():
            raise FileNotFoundError
        with h5py.File(path, "r") as file:
            yield file


def is_curve(path: Path) -> bool:
    """Whether a file holds a 1-D curve (NXcanSAS), else an image."""
    with hdf5_file(path) as file:
        return bool(_curves(file))


def hdf5_curve(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """The q and intensity of the only NXcanSAS curve of a file.

    Returns
    -------
    q, intensity : ndarray of shape (N,)
        In the order of the file.
    unit : str
        Of q, "1/nm" (converted from 1/m), "1/angstrom", or "" where the file does not say.
    """
    with hdf5_file(path) as file:
        curves = _curves(file)
        if len(curves) != 1:
            raise ValueError(
                f"must hold one NXcanSAS curve (a group of class SASdata with 1-D I and Q); got {len(curves)}"
            )
        q_set, intensity_set = curves[0]
        if q_set.shape != intensity_set.shape or q_set.size > MAX_CURVE_POINTS:
            raise ValueError(
                f"I and Q must have one shape, of at most {MAX_CURVE_POINTS} points; "
                f"got {intensity_set.shape} and {q_set.shape}"
            )
        q, intensity = (np.asarray(_checked(item, path.parent)[()], dtype=np.float64) for item in curves[0])
        unit = _text(q_set.attrs.get("units", "")).strip().lower().replace(" ", "")
        if unit in _METRE:
            return q * 1e-9, intensity, "1/nm"
        return q, intensity, "1/nm" if unit in _NM else "1/angstrom" if unit in _ANGSTROM else ""


def hdf5_image_shape(path: Path) -> tuple[tuple[int, ...], np.dtype]:
    """Shape (height, width) and type of the only image of a file, without reading it."""
    with hdf5_file(path) as file:
        dataset = _image(file, path.parent)
        return dataset.shape[-2:], dataset.dtype


def hdf5_image(path: Path) -> tuple[NDArray, NDArray[np.bool_]]:
    """The only image of a file, and which of its pixels the detector's own mask calls bad.

    Returns
    -------
    levels : ndarray of shape (H, W)
        As in the file.
    bad : ndarray of bool, shape (H, W)
        All False where the file has no pixel mask.
    """
    with hdf5_file(path) as file:
        dataset = _image(file, path.parent)
        levels = np.asarray(dataset[()]).reshape(dataset.shape[-2:])
        mask = _followed(file, _PIXEL_MASK, path.parent)
        bad = np.zeros(levels.shape, dtype=bool)
        if mask is not None:
            if mask.shape != levels.shape:
                raise ValueError(f"pixel_mask must have the shape of the image, {levels.shape}; got {mask.shape}")
            bad = np.asarray(_checked(mask, path.parent)[()]) != 0
        return levels, bad


def _curves(file: Any) -> list[tuple[Any, Any]]:
    """Datasets Q and I of all groups of class SASdata."""
    return [
        (group["Q"], group["I"])
        for group in _groups(file)
        if "SASdata" in (_text(group.attrs.get("canSAS_class", "")), _text(group.attrs.get("NX_class", "")))
        and all(isinstance(_hard(group, name), _h5py().Dataset) for name in "QI")
        and group["I"].ndim == 1
    ]


def _image(file: Any, folder: Path) -> Any:
    """The only dataset that is an image: of a group of class NXdata or named `data`, else of any."""
    found = [
        (group, name, group_item)
        for group in _groups(file)
        for name, group_item in _datasets(group, folder)
        if 2 <= group_item.ndim <= 4 and group_item.dtype.kind in "buif" and "mask" not in name.lower()
    ]
    named = [
        entry
        for entry in found
        if _text(entry[0].attrs.get("NX_class", "")) == "NXdata" or entry[0].name.rpartition("/")[2] == "data"
    ]
    signals = [entry for entry in named if entry[1] == _text(entry[0].attrs.get("signal", "")) or entry[1] == "data"]
    images = [entry[2] for entry in signals or named or found]
    unique = {(item.file.filename, item.name): item for item in images}
    if not unique:
        raise ValueError("holds no image (a dataset of two axes)")
    frames = sum(int(np.prod(item.shape[:-2])) for item in unique.values())
    if len(unique) > 1 or frames != 1:
        raise ValueError(f"must hold one image; got {frames} frames in {len(unique)} datasets: sum or split them first")
    return _checked(next(iter(unique.values())), folder)


def _groups(group: Any, depth: int = 0) -> Iterator[Any]:
    """A group and all groups in it."""
    yield group
    for name in group if depth < MAX_DEPTH else ():
        item = _hard(group, name)
        if isinstance(item, _h5py().Group):
            yield from _groups(item, depth + 1)


def _datasets(group: Any, folder: Path) -> Iterator[tuple[str, Any]]:
    """Datasets of a group, its links followed within the folder."""
    for name in group:
        item = _followed(group, name, folder)
        if isinstance(item, _h5py().Dataset):
            yield name, item


def _followed(group: Any, name: str, folder: Path) -> Any:
    """What a name of a group leads to; None where there is nothing."""
    item = group
    for part in name.split("/"):
        if not isinstance(item, _h5py().Group) or part not in set(item):
            return None
        link = item.get(part, getlink=True)
        if isinstance(link, _h5py().ExternalLink):
            _check_within(link.filename, folder)
        elif isinstance(link, _h5py().SoftLink):
            # A soft link may name an external one on its way: only plain names are followed.
            target = item.file if link.path.startswith("/") else item
            item = None if link.path == f"{item.name}/{part}" else _hard(target, link.path.strip("/"))
            continue
        try:
            item = item[part]
        except (KeyError, OSError) as error:
            raise ValueError(f"{item.name}/{part} points to nothing that can be read") from error
    return item


def _hard(group: Any, name: str) -> Any:
    """What a path of plain names leads to; None where a part of it is a link or missing."""
    item = group
    for part in name.split("/"):
        plain = isinstance(item, _h5py().Group) and part in set(item)
        if not plain or item.get(part, getclass=True, getlink=True) is not _h5py().HardLink:
            return None
        item = item[part]
    return item


def _checked(dataset: Any, folder: Path) -> Any:
    """A dataset whose values lie in files of the folder."""
    if dataset.external:
        raise ValueError(f"{dataset.name} must hold its values itself; got external storage")
    if dataset.is_virtual:
        for source in dataset.virtual_sources():
            if source.file_name != ".":
                _check_within(source.file_name, folder)
    return dataset


def _check_within(name: str, folder: Path) -> None:
    """Raise ValueError unless a file that an HDF5 file names lies in its own folder."""
    if not (folder / name).resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"must not point to files out of its folder; got {name!r}")


def _text(value: Any) -> str:
    """An attribute as text, whether stored as bytes, array or string."""
    value = value[0] if isinstance(value, np.ndarray) and value.size == 1 else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
