"""Files of area detectors and beamlines: EDF and CBF through fabio; HDF5 through h5py.

HDF5 holds detector images (NeXus, Eiger master files) or 1-D curves (NXcanSAS), and can point to other files: external
links (as Eiger's master file does, to its data files) and virtual datasets. HDF5 itself never opens such a file: it is
opened here, through the gate, and must lie in the folder of the file that names it. External storage is refused.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.data.reading.decoding import field_module, unreadable_as_value_error
from pairvae_lib.data.reading.gate import check_limit, neighbour, opened
from pairvae_lib.data.reading.process import apart

FABIO_SUFFIXES = frozenset({".edf", ".cbf"})
HDF5_SUFFIXES = frozenset({".h5", ".hdf5", ".nxs"})
DETECTOR_SUFFIXES = FABIO_SUFFIXES | HDF5_SUFFIXES

MAX_HEADER = 2**16  # bytes in which a header must end
MAX_DUMMIES = 2  # distinct negative levels of a float image up to which they mark pixels, and are not noise about zero
MAX_DEPTH = 12  # groups within groups; a soft link may lead in a circle
MAX_CURVE_POINTS = 2**20

_beside: ContextVar[tuple[ExitStack, dict[Path, Any]]] = ContextVar("_beside")  # HDF5 files that are open

# A path of NeXus; Dectris files have it, others name their class in an attribute.
_PIXEL_MASK = "entry/instrument/detector/detectorSpecific/pixel_mask"
_NM = ("1/nm", "nm-1", "nm^-1", "1/nanometer", "nanometer^-1")
_ANGSTROM = ("1/a", "1/å", "a-1", "a^-1", "1/angstrom", "angstrom-1", "angstrom^-1", "1/ang")
_METRE = ("1/m", "m-1", "m^-1")


def detector_shape(path: Path) -> tuple[tuple[int, ...], np.dtype]:
    """Shape (height, width) and type of the image of a detector file, by its header alone."""
    if path.suffix.lower() in HDF5_SUFFIXES:
        return hdf5_image_shape(path)
    with unreadable_as_value_error():
        with opened(path) as file:
            size = path.stat().st_size
            head = file.read(MAX_HEADER)
        return _edf_shape(head, size) if path.suffix.lower() == ".edf" else _cbf_shape(head, size)


def detector_image(path: Path) -> tuple[NDArray, NDArray[np.bool_]]:
    """Image of a detector file, and the pixels at which it says itself that it saw nothing.

    These are the pixels of the file's own mask (Eiger), of its dummy value (EDF), and those of `no_signal`. The header
    must have been checked.

    Returns
    -------
    levels : ndarray of float64, shape (H, W)
        Counts; of any value where `missing`.
    missing : ndarray of bool, shape (H, W)
    """
    if path.suffix.lower() in HDF5_SUFFIXES:
        levels, missing = hdf5_image(path)
    else:
        name = path.suffix.lower()[1:]
        module = field_module(f"fabio.{name}image", f"reading {name.upper()}")
        logging.getLogger("fabio").setLevel(logging.CRITICAL)  # what is wrong with a file is said once, by us
        kind = module.EdfImage if name == "edf" else module.CbfImage  # not by content: that may be of another format
        with unreadable_as_value_error(), opened(path), kind().read(str(path)) as image:
            if image.nframes != 1:
                raise ValueError(f"must hold one image; got {image.nframes} frames: sum or split them first")
            _check_alone(image.header)
            levels, header = np.asarray(image.data), dict(image.header)
        missing = _dummies(levels, header)
    if levels.ndim != 2:
        raise ValueError(f"must hold one image of two axes; got shape {levels.shape}")
    return levels.astype(np.float64), missing | no_signal(levels, is_detector=True)


def no_signal(levels: NDArray, is_detector: bool = False) -> NDArray[np.bool_]:
    """Pixels (bool, of the shape of `levels`) that hold no measurement by the customs of detectors.

    NaN and infinity; of integers what is negative, and the largest number of unsigned 32 and 64 bits (of detector
    files of every unsigned type); of floats negative values, if they are no more than `MAX_DUMMIES` different ones
    (others are noise about zero). `is_detector`: the file is of a format of detectors, in which the largest number of
    8 and 16 bits marks pixels, too.
    """
    kind = levels.dtype.kind
    if kind == "b" or (kind == "u" and levels.dtype.itemsize < 4 and not is_detector):
        return np.zeros(levels.shape, dtype=bool)
    if kind == "u":
        return levels == np.iinfo(levels.dtype).max
    if kind == "i":
        return levels < 0
    missing = ~np.isfinite(levels)
    negative = (levels < 0) & ~missing
    if negative.any() and len(np.unique(levels[negative])) <= MAX_DUMMIES:
        missing |= negative
    return missing


def _dummies(levels: NDArray, header: dict) -> NDArray[np.bool_]:
    """Pixels of the value that an EDF header calls Dummy."""
    keys = {str(key).lower(): value for key, value in header.items()}
    try:
        dummy, width = float(keys["dummy"]), float(keys.get("ddummy", 0))
    except (KeyError, ValueError):
        return np.zeros(levels.shape, dtype=bool)
    return np.abs(levels.astype(np.float64) - dummy) <= abs(width)


def _check_alone(names: Iterable[str]) -> None:
    """Raise ValueError if an EDF header has its pixels read from another file."""
    found = next((name.strip() for name in names if "binaryfile" in name.lower()), None)
    if found is not None:
        raise ValueError(f"must hold its pixels itself; got a header with {found[:40]}")


def _edf_shape(head: bytes, size: int) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type by an EDF header."""
    start, end = head.find(b"{"), head.find(b"}")
    if not 0 <= start < end:
        raise ValueError("is no EDF file: no header in braces")
    text = head[start:end].decode("latin-1")
    entries = (entry.partition("=") for entry in text[1:].split(";"))
    fields = {key.strip().lower(): value.strip() for key, sign, value in entries if sign}
    _check_alone(fields)
    dtype = _typed(fields.get("datatype", ""), "edf")
    height, width = _whole(fields.get("dim_2", ""), "Dim_2"), _whole(fields.get("dim_1", ""), "Dim_1")
    if "dim_3" in fields and fields["dim_3"] != "1":
        raise ValueError(f"must hold one image; got a stack of {fields['dim_3']}")
    expected, held = height * width * dtype.itemsize, size - (end + 2)  # a line ends after the brace
    if fields.get("compression", "none").lower() in ("", "none") and held < expected:
        raise ValueError(f"is cut: {held} bytes of pixels, expected {expected} for {height} x {width} px")
    return (height, width), dtype


def _cbf_shape(head: bytes, size: int) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type by a CBF header."""
    start = head.find(b"--CIF-BINARY-FORMAT-SECTION--")
    end = head.find(b"\x0c\x1a\x04\xd5")
    if not 0 <= start < end:
        raise ValueError("is no CBF file: no binary section")
    text = head[start:end].decode("latin-1")
    entries = (line.partition(":") for line in text.splitlines())
    fields = {key.strip().lower(): value.strip().strip('"') for key, sign, value in entries if sign}
    dtype = _typed(fields.get("x-binary-element-type", ""), "cbf")
    height = _whole(fields.get("x-binary-size-second-dimension", ""), "X-Binary-Size-Second-Dimension")
    width = _whole(fields.get("x-binary-size-fastest-dimension", ""), "X-Binary-Size-Fastest-Dimension")
    held = size - (end + 4)
    binary = _whole(fields.get("x-binary-size", ""), "X-Binary-Size")
    # Byte offset, the compression of CBF, takes at least a byte for a pixel.
    if held < binary or binary < height * width:
        raise ValueError(
            f"is cut: {held} bytes of pixels in the file, {binary} by its header, for {height} x {width} px"
        )
    return (height, width), dtype


def _typed(name: str, format_name: str) -> np.dtype:
    """Type of pixels by its name in headers of a format, as fabio knows them."""
    types = field_module(f"fabio.{format_name}image", f"reading {format_name.upper()}").DATA_TYPES
    if name not in types:
        raise ValueError(f"holds pixels of an unknown type; got {name[:40]!r}")
    return np.dtype(types[name])


def _whole(text: str, name: str) -> int:
    """A whole number of a header."""
    if not re.fullmatch(r"[0-9]{1,18}", text.strip()):
        raise ValueError(f"{name} must be a whole number; got {text[:40]!r}")
    return int(text)


def _h5py() -> Any:
    """The package, or ValueError with the command that installs it."""
    return field_module("h5py", "reading HDF5")


@contextmanager
def hdf5_file(path: Path) -> Iterator[Any]:
    """An open HDF5 file, with the decompression that detectors use."""
    _h5py()
    field_module("hdf5plugin", "reading HDF5")
    with unreadable_as_value_error():
        with ExitStack() as stack:
            token = _beside.set((stack, {}))
            try:
                yield _opened_file(path)
            finally:
                _beside.reset(token)


def _opened_file(path: Path) -> Any:
    """A file that is open until the first one of `hdf5_file` is closed."""
    stack, files = _beside.get()
    path = path.resolve()
    if path not in files:
        with opened(path):
            files[path] = stack.enter_context(_h5py().File(path, "r"))
    return files[path]


@apart
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
        q, intensity = (np.asarray(_values(item), dtype=np.float64) for item in curves[0])
        unit = _text(q_set.attrs.get("units", "")).strip().lower().replace(" ", "")
        if unit in _METRE:
            return q * 1e-9, intensity, "1/nm"
        return q, intensity, "1/nm" if unit in _NM else "1/angstrom" if unit in _ANGSTROM else ""


def hdf5_image_shape(path: Path) -> tuple[tuple[int, ...], np.dtype]:
    """Shape (height, width) and type of the only image of a file, without reading it."""
    with hdf5_file(path) as file:
        dataset = _image(file)
        return dataset.shape[-2:], dataset.dtype


def hdf5_image(path: Path) -> tuple[NDArray, NDArray[np.bool_]]:
    """The only image (H, W) of a file, and which of its pixels (bool) the detector's own mask, if any, calls bad."""
    with hdf5_file(path) as file:
        dataset = _image(file)
        levels = _values(dataset).reshape(dataset.shape[-2:])
        mask = _followed(file, _PIXEL_MASK)
        bad = np.zeros(levels.shape, dtype=bool)
        if mask is not None:
            if mask.shape != levels.shape:
                raise ValueError(f"pixel_mask must have the shape of the image, {levels.shape}; got {mask.shape}")
            bad = _values(mask) != 0
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


def _image(file: Any) -> Any:
    """The only dataset that is an image: of a group of class NXdata or named `data`, else of any."""
    found = [
        (group, name, group_item)
        for group in _groups(file)
        for name, group_item in _datasets(group)
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
    return _checked(next(iter(unique.values())))


def _groups(group: Any) -> Iterator[Any]:
    """A group and all groups in it, each once: a hard link may lead in a circle."""
    waiting, seen, names = [(group, 0)], {group}, 0
    while waiting:
        group, depth = waiting.pop(0)
        names += len(group)
        check_limit("objects", names, f"has {names} groups and datasets, or more")
        yield group
        for name in group if depth < MAX_DEPTH else ():
            item = _hard(group, name)
            if isinstance(item, _h5py().Group) and item not in seen:
                seen.add(item)
                waiting.append((item, depth + 1))


def _datasets(group: Any) -> Iterator[tuple[str, Any]]:
    """Datasets of a group, its links followed within the folder."""
    for name in group:
        item = _followed(group, name)
        if isinstance(item, _h5py().Dataset):
            yield name, item


def _followed(group: Any, name: str, depth: int = 0) -> Any:
    """What a name of a group leads to; None where there is nothing."""
    item = group
    for part in name.split("/"):
        if not _has(item, part):
            return None
        link = item.get(part, getlink=True)
        if isinstance(link, _h5py().ExternalLink):
            where, beside = f"{item.name}/{part}", neighbour(Path(item.file.filename), link.filename)
            try:
                item = _followed(_opened_file(beside), link.path.strip("/"), depth + 1) if depth < MAX_DEPTH else None
            except FileNotFoundError:
                item = None
            if item is None:
                raise ValueError(f"{where} points to nothing that can be read")
            continue
        if isinstance(link, _h5py().SoftLink):
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
        if not _has(item, part) or item.get(part, getclass=True, getlink=True) is not _h5py().HardLink:
            return None
        item = item[part]
    return item


def _has(item: Any, part: str) -> bool:
    """Whether a group has a link of that name, wherever it leads."""
    return isinstance(item, _h5py().Group) and part not in ("", ".") and bool(item.id.links.exists(part.encode()))


def _checked(dataset: Any) -> Any:
    """A dataset whose values lie in HDF5 files of the folder, and are not too many."""
    if dataset.external:
        raise ValueError(f"{dataset.name} must hold its values itself; got external storage")
    for shape, whose in ((dataset.shape, ""), (dataset.chunks or (), "chunks of ")):
        count = int(np.prod(shape, dtype=object))
        check_limit("pixels", count, f"{dataset.name} has {whose}{count} values")
    for source in dataset.virtual_sources() if dataset.is_virtual else ():
        if source.file_name != ".":
            neighbour(Path(dataset.file.filename), source.file_name)
    return dataset


def _values(dataset: Any, depth: int = 0) -> NDArray:
    """All values of a dataset; those of a virtual one are fetched from its sources."""
    if not _checked(dataset).is_virtual:
        return np.asarray(dataset[()])
    values = np.full(dataset.shape, dataset.fillvalue, dataset.dtype)
    for source in dataset.virtual_sources():
        own, place = dataset.file, Path(dataset.file.filename)
        file = own if source.file_name == "." else _opened_file(neighbour(place, source.file_name))
        item = _hard(file, source.dset_name.strip("/"))
        if not isinstance(item, _h5py().Dataset) or depth == MAX_DEPTH:
            raise ValueError(f"{dataset.name} points to nothing that can be read; got {source.dset_name!r}")
        if item.external:
            _checked(item)  # which refuses it
        placed, chosen = _selected(source.vspace, values.shape), _selected(source.src_space, item.shape)
        if not item.is_virtual:
            item.id.read(placed, chosen, values)
            continue
        with _h5py().File("values", "w", driver="core", backing_store=False) as memory:
            held = memory.create_dataset("values", data=_values(item, depth + 1))
            held.id.read(placed, chosen, values)
    return values


def _selected(stored: Any, shape: tuple[int, ...]) -> Any:
    """A selection of elements, as a virtual dataset stores it, in an array of this shape."""
    h5s = _h5py().h5s
    space = h5s.create_simple(shape)
    if stored.get_select_type() == h5s.SEL_ALL:
        return space
    if stored.is_regular_hyperslab():
        start, stride, count, block = stored.get_regular_hyperslab()
        space.select_hyperslab(start, count, stride, block)
        return space
    space.select_none()
    for first, last in stored.get_select_hyper_blocklist():
        space.select_hyperslab(tuple(first), tuple(last - first + 1), op=h5s.SELECT_OR)
    return space


def _text(value: Any) -> str:
    """An attribute as text, whether stored as bytes, array or string."""
    value = value[0] if isinstance(value, np.ndarray) and value.size == 1 else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
