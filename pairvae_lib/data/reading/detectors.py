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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.data.reading.decoding import field_module, unreadable_as_value_error
from pairvae_lib.data.reading.gate import check_limit, neighbour, opened
from pairvae_lib.data.reading.labels import quantity
from pairvae_lib.data.reading.process import apart

FABIO_SUFFIXES = frozenset({".edf", ".cbf"})
HDF5_SUFFIXES = frozenset({".h5", ".hdf5", ".nxs"})
DETECTOR_SUFFIXES = FABIO_SUFFIXES | HDF5_SUFFIXES

MAX_HEADER = 2**16  # bytes in which a header must end
MAX_DUMMIES = 3  # distinct negative levels of a float image up to which they mark pixels, and are not noise about zero
MAX_DEPTH = 12  # groups within groups; a soft link may lead in a circle
MAX_CURVE_POINTS = 2**20

OVER = ("q", "2-theta", "s")  # axes of curves, as `labels.quantity` calls them
NM = {  # of wavelengths
    "nm": 1.0, "nanometer": 1.0, "nanometre": 1.0, "a": 0.1, "å": 0.1, "angstrom": 0.1, "ångström": 0.1, "pm": 1e-3,
    "m": 1e9, "meter": 1e9, "metre": 1e9,
}  # fmt: skip
NO_IMAGE = "holds no image (a dataset of two axes)"
# Words in the names of datasets that are no measurement themselves.
AUXILIARY = (
    "mask", "flat", "error", "dark", "gain", "background", "variance", "weight", "sigma", "dev", "thumbnail", "std",
    "solid", "polar", "qx", "qy", "qz",
)  # fmt: skip

_beside: ContextVar[tuple[ExitStack, dict[Path, Any]]] = ContextVar("_beside")  # HDF5 files that are open

# A path of NeXus; Dectris files have it, others name their class in an attribute.
_PIXEL_MASK = "entry/instrument/detector/detectorSpecific/pixel_mask"


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

    NaN and infinity. Of integers what is negative; the largest number of their type from 32 bits on, and that of
    unsigned 32 bits in wider types and floats; that of unsigned 16 bits in wider integers, if several pixels have it
    and none has more. Of floats negative values, if they are no more than `MAX_DUMMIES` different whole numbers, or one
    fewer of others (more are noise about zero). `is_detector`: the file is of a format of detectors, in which the
    largest number of 8 and 16 bits marks pixels, too.
    """
    kind, size = levels.dtype.kind, levels.dtype.itemsize
    if kind == "b" or not levels.size or (kind == "u" and size < 4 and not is_detector):
        return np.zeros(levels.shape, dtype=bool)
    if kind in "ui":
        missing = levels < 0
        if kind == "u" or size >= 4:
            missing |= levels == np.iinfo(levels.dtype).max
        if size > 4:
            missing |= levels == 2**32 - 1
        if size >= 4:
            of_16_bits = levels == 2**16 - 1
            if of_16_bits.sum() > 1 and levels[~missing].max() == 2**16 - 1:
                missing |= of_16_bits
        return np.asarray(missing)
    missing = ~np.isfinite(levels) | (levels == levels.dtype.type(2**32 - 1) if size > 2 else False)
    negative = (levels < 0) & ~missing
    if negative.any():
        marks = np.unique(levels[negative])
        if len(marks) <= MAX_DUMMIES - (marks != np.rint(marks)).any():
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
    """Whether a file holds 1-D curves (NXcanSAS, NXdata), else an image."""
    with hdf5_file(path) as file:
        for scope in _scopes(file):
            found = list(_signals(scope))
            if any(signal.axis is not None and signal.is_canonical for signal in found):
                return True
            if found:
                first = [signal for signal in found if signal.rank == min(signal.rank for signal in found)]
                over_q = all(signal.axis is not None and quantity(signal.axis_name) in OVER for signal in first)
                return over_q or all(signal.axis is not None for signal in found)
        return False


def hdf5_curve(
    path: Path,
) -> tuple[NDArray[np.float64], NDArray[np.float64], str, str, NDArray[np.bool_], set[float]]:
    """The only curve of a file: a 1-D signal, or one of several axes with a single curve in it.

    Returns
    -------
    q, intensity : ndarray of shape (N,)
        In the order of the file.
    axis, unit : str
        Name of the axis, and its unit as the file writes it, "" where it does not say.
    masked : ndarray of bool, shape (N,)
        Points that the file's own Mask leaves out.
    wavelengths : set of float
        All that the file names [nm].
    """
    with hdf5_file(path) as file:
        found = _best(file, is_curve=True)
        if len(found) != 1 or found[0].frames != 1:
            count = sum(signal.frames for signal in found)
            raise ValueError(
                f"must hold one curve (a group of class SASdata or NXdata with a signal over an axis); got {count}"
                + (": average or split them first" if count > 1 else "")
            )
        signal = found[0]
        axis = signal.axis
        if axis.size != signal.data.shape[-1] or axis.size > MAX_CURVE_POINTS:
            raise ValueError(
                f"I and Q must have one shape, of at most {MAX_CURVE_POINTS} points; "
                f"got {signal.data.shape} and {axis.shape}"
            )
        q, intensity = (
            np.asarray(_values(item), dtype=np.float64).ravel() for item in (axis, signal.data)
        )
        name = signal.axis_name if quantity(signal.axis_name) else _text(axis.attrs.get("long_name", signal.axis_name))
        unit = next((_text(axis.attrs[key]) for key in ("units", "unit") if key in axis.attrs), name)
        masks = [mask for mask in _masks(file, signal) if mask.size == q.size]
        masked = _values(masks[0]).ravel() != 0 if masks else np.zeros(q.shape, bool)
        return q, intensity, name, unit, masked, set(_wavelengths(file))


def _wavelengths(file: Any) -> Iterator[float]:
    """The wavelengths [nm] that a file names with their unit."""
    for group in _groups(file):
        for name in ("wavelength", "incident_wavelength"):
            item = _hard(group, name)
            if isinstance(item, _h5py().Dataset) and item.size == 1:
                factor = NM.get(_text(item.attrs.get("units", "")).strip().lower().removesuffix("s"))
                if factor:
                    yield round(float(_values(item).ravel()[0]) * factor, 9)


def hdf5_image_shape(path: Path) -> tuple[tuple[int, ...], np.dtype]:
    """Shape (height, width) and type of the only image of a file, without reading it."""
    with hdf5_file(path) as file:
        dataset = _image(file).data
        return dataset.shape[-2:], dataset.dtype


def hdf5_image(path: Path) -> tuple[NDArray, NDArray[np.bool_]]:
    """The only image (H, W) of a file, and which of its pixels (bool) the file's own mask, if any, calls bad."""
    with hdf5_file(path) as file:
        signal = _image(file)
        levels = _values(signal.data).reshape(signal.data.shape[-2:])
        masks = _masks(file, signal)
        fitting = [mask for mask in masks if mask.shape[-2:] == levels.shape and mask.size == levels.size]
        if masks and not fitting:
            raise ValueError(f"pixel_mask must have the shape of the image, {levels.shape}; got {masks[0].shape}")
        bad = np.zeros(levels.shape, dtype=bool)
        for mask in fitting[:1]:
            bad = _values(mask).reshape(levels.shape) != 0
        return levels, bad


@apart
def linked_files(path: Path) -> list[Path]:
    """Files in which a file holds its values: of an Eiger master, its data files, whether they are there or not."""
    if path.suffix.lower() not in HDF5_SUFFIXES:
        return []
    h5py = _h5py()
    with hdf5_file(path) as file:
        names = {
            link.filename
            for group in _groups(file)
            for link in (group.get(name, getlink=True) for name in group)
            if isinstance(link, h5py.ExternalLink)
        }
    return sorted(neighbour(path, name) for name in names)


@dataclass(frozen=True, eq=False)
class _Signal:
    """A dataset that may be the measurement of a file."""

    rank: int  # the lower, the more says that it is
    group: Any
    data: Any
    axis: Any  # of a curve its 1-D axis; None of an image
    axis_name: str
    is_canonical: bool  # of class SASdata

    @property
    def frames(self) -> int:
        """Number of curves or images in it."""
        return int(np.prod(self.data.shape[: -1 if self.axis is not None else -2]))


def _scopes(file: Any) -> list[Any]:
    """Groups in which to look for the measurement, one after the other: where `default` leads, then the file."""
    group, scopes = file, [file]
    for _ in range(MAX_DEPTH):
        name = _text(group.attrs.get("default", ""))
        item = _hard(group, name) if name and "/" not in name else None
        if not isinstance(item, _h5py().Group):
            break
        group = item
        scopes.insert(0, group)
    return scopes


def _best(file: Any, is_curve: bool) -> list[_Signal]:
    """The curves, or the images, that most says are the measurement; none where there is none."""
    for scope in _scopes(file):
        found = [signal for signal in _signals(scope) if (signal.axis is not None) == is_curve]
        if found:
            rank = min(signal.rank for signal in found)
            first = [signal for signal in found if signal.rank == rank]
            return list({(signal.data.file.filename, _address(signal.data)): signal for signal in first}.values())
    return []


def _signals(scope: Any) -> Iterator[_Signal]:
    """Datasets of a group, and of the groups in it, that may be measurements."""
    for group in _groups(scope):
        classes = {_text(group.attrs.get(name, "")) for name in ("NX_class", "canSAS_class")}
        own = group.name.rpartition("/")[2].lower()
        is_canonical, is_detector = "SASdata" in classes, "NXdetector" in classes or own.startswith("detector")
        items = dict(_datasets(group))
        marked = [name for name, item in items.items() if _text(item.attrs.get("signal", "")) == "1"]
        signal = _text(group.attrs.get("signal", "")) or next(iter(marked), "I" if is_canonical else "data")
        for name, item in items.items():
            if item.dtype.kind not in "buif" or not 1 <= item.ndim <= 4:
                continue
            is_named, is_aside = name == signal, any(word in name.lower() for word in AUXILIARY)
            if is_canonical or "NXdata" in classes or own == "data":
                rank = 0 if is_named else 2
            else:
                rank = 1 if is_detector and is_named else 3
            if not is_named and is_aside:
                continue
            axis_name = _axis_name(group, items, name)
            axis = items.get(axis_name)
            if item.ndim == 1 and (axis is None or axis.ndim != 1 or axis_name == name or not (is_named or rank == 3)):
                continue
            if item.ndim > 1 and (axis is None or not _is_of_curves(axis_name, axis, item)):
                axis = None
            if axis is not None and rank > 2 and quantity(name) != "intensity":
                continue
            yield _Signal(rank, group, item, axis, axis_name, is_canonical)


def _axis_name(group: Any, items: dict[str, Any], name: str) -> str:
    """Name of the last axis of a dataset: by its group, by itself, else that which is called q; "" where none is."""
    for said in (group.attrs.get("axes"), items[name].attrs.get("axes"), group.attrs.get("I_axes")):
        if said is not None and np.size(said):
            names = [_text(part) for part in np.ravel(said)]
            last = re.split(r"[:,\s]+", names[-1].strip("[] "))[-1]
            if last in items:
                return last
    return next((other for other in items if other != name and quantity(other) == "q"), "")


def _is_of_curves(axis_name: str, axis: Any, item: Any) -> bool:
    """Whether a dataset of several axes holds curves over its last one, and is no image."""
    is_single = axis.size == axis.shape[-1] == item.shape[-1]
    kind = quantity(axis_name) or quantity(_text(axis.attrs.get("long_name", "")))
    return is_single and kind in ("q", "2-theta", "another axis", "s")


def _image(file: Any) -> _Signal:
    """The only image of a file."""
    found = _best(file, is_curve=False)
    if not found:
        curves = sum(signal.frames for signal in _best(file, is_curve=True))
        raise ValueError(f"holds no image (a dataset of two axes), but {curves} curves" if curves else NO_IMAGE)
    frames = sum(signal.frames for signal in found)
    if len(found) > 1 or frames != 1:
        raise ValueError(f"must hold one image; got {frames} frames in {len(found)} datasets: sum or split them first")
    _checked(found[0].data)
    return found[0]


def _masks(file: Any, signal: _Signal) -> list[Any]:
    """Masks of a signal: beside it, where Dectris has it, and of the file's detectors."""
    beside = [_followed(signal.group, name) for name in ("pixel_mask", "Mask", "mask")]
    detectors = [
        _followed(group, "pixel_mask")
        for group in _groups(file)
        if _text(group.attrs.get("NX_class", "")) == "NXdetector"
    ]
    masks = [*beside, _followed(file, _PIXEL_MASK), *detectors]
    return [mask for mask in masks if isinstance(mask, _h5py().Dataset)]


def _address(dataset: Any) -> int:
    """Where a dataset is in its file, whatever it is called."""
    return int(_h5py().h5o.get_info(dataset.id).addr)


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
            except FileNotFoundError as error:
                raise ValueError(f"needs the file {link.filename} beside it, which is not there") from error
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
