"""Public data sets that cannot be included: fetched from their source, and held to known checksums.

The registry of a data set (`pairvae_lib/registries`) has a line for every file of the data folder: its SHA-256, its
name, and the file of the source that it comes from. Micrographs are copied as they are. Profiles are columns of
spreadsheets there; which column is which profile is told by its checksum, not by its header, so that nothing is ever
mistaken for something else. The manifest follows from the names: folders of the source are morphologies, spreadsheets
are batches.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from pathlib import Path, PurePosixPath

from pairvae_lib.checks import DataError, check_one_of
from pairvae_lib.data.reading.decoding import field_module
from pairvae_lib.data.reading.manifest import MANIFEST
from pairvae_lib.files.writing import writing

REPOSITORY = "MaResearchLab/BCP-ML-Characterization-Framework"
COMMIT = "f7a7c285cfdd4333df53ed7dd26c68850497456b"
SOURCE = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}"
DATA_SETS = ("afm-gisaxs",)
MIRROR = "PAIRVAE_DATA"  # environment variable: a folder that has the data sets already

PROFILE_HEADER = "# q (1/angstrom)  I (arbitrary units); in-plane GISAXS line cut\n"
_RETRIES = 2

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Entry:
    """One file of a data folder."""

    sha256: str
    name: str
    source: str

    @property
    def is_profile(self) -> bool:
        """Whether it is a column of a spreadsheet."""
        return self.source.endswith(".xlsx")


def registry(name: str) -> tuple[Entry, ...]:
    """The files of a data set, one of `DATA_SETS`."""
    check_one_of("data set", name, DATA_SETS)
    return parsed_registry((Path(__file__).parent / "registries" / f"{name}.txt").read_text(encoding="utf-8"))


def parsed_registry(text: str) -> tuple[Entry, ...]:
    """Entries of the text of a registry: checksum, name and source between blanks, a file a line."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return tuple(Entry(*line.split(" ")) for line in lines)


def mirrored(name: str) -> Path | None:
    """The folder of a data set in the local mirror that `PAIRVAE_DATA` names: itself, or a folder of that name in it.

    None where the variable is not set; DataError if it names a folder without the data set.
    """
    root = os.environ.get(MIRROR)
    if not root:
        return None
    for folder in (Path(root) / name, Path(root)):
        if (folder / MANIFEST).is_file():
            return folder
    raise DataError(root, [f"{MIRROR} must name a folder with {name}/{MANIFEST}; it has none"])


def fetched(
    entries: tuple[Entry, ...],
    out: Path,
    mirror: Path | None = None,
    source: str = SOURCE,
    progress: Progress = lambda done, total: None,
) -> Path:
    """A data folder with these files, from a local mirror or from the net.

    It is built beside `out`, in `<out>.partial`, and takes its name when it is complete; what an interrupted call has
    downloaded is kept there for the next one.

    Parameters
    ----------
    entries : tuple of Entry
        See `registry`.
    out : Path
        The folder to make. One that is there and complete is kept.
    mirror : Path, optional
        A folder that has all files already; then nothing is downloaded.
    source : str
        Address of the source's files.
    progress : callable
        Called with the number of files done, and of all.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    FileExistsError
        If `out` is there and something else.
    DataError
        With a line for every file that cannot be had, or is not as it was.
    """
    out = Path(out)
    if out.exists():
        if out.is_dir() and not wrong_files(entries, out):
            return out
        raise FileExistsError(f"{out} is there already, and is not this data set as it was; choose another folder")
    partial = out.with_name(f"{out.name}.partial")
    with writing(out):
        shutil.rmtree(partial / "data", ignore_errors=True)
        (partial / "data").mkdir(parents=True)
        if mirror is not None:
            _copy(entries, mirror, partial / "data", progress)
        else:
            _download(entries, partial, source, progress)
        (partial / "data" / MANIFEST).write_text(manifest_text(entries), encoding="utf-8", newline="")
        wrong = wrong_files(entries, partial / "data")
        if wrong:
            raise DataError(mirror or source, [f"{name}: {reason}" for name, reason in wrong.items()])
        (partial / "data").replace(out)
        shutil.rmtree(partial)
    return out


def wrong_files(entries: Iterable[Entry], folder: Path) -> dict[str, str]:
    """Files of a data folder that are not as registered, with the reason."""
    reasons = {}
    for entry in entries:
        path = folder / entry.name
        if not path.is_file():
            reasons[entry.name] = "is missing"
        elif (found := sha256(path.read_bytes()).hexdigest()) != entry.sha256:
            reasons[entry.name] = f"has another content than expected (SHA-256 {found[:12]}, not {entry.sha256[:12]})"
    return reasons


def manifest_text(entries: tuple[Entry, ...]) -> str:
    """The manifest that follows from the names: a row per micrograph, in the order of the registry.

    Every micrograph has a profile of the same stem.
    """
    profiles = {PurePosixPath(entry.name).stem: entry for entry in entries if entry.is_profile}
    rows = ["sample_id,micrograph,profile,morphology,batch"]
    for entry in entries:
        if not entry.is_profile and entry.name != MANIFEST:
            sample, profile = PurePosixPath(entry.name).stem, profiles[PurePosixPath(entry.name).stem]
            morphology, batch = PurePosixPath(entry.source).parent.name, PurePosixPath(profile.source).stem
            rows.append(f"{sample},{entry.name},{profile.name},{morphology},{batch}")
    return "\n".join(rows) + "\n"


def column_texts(spreadsheet: Path) -> Iterator[str]:
    """Every column of a spreadsheet's first sheet as the text of a profile, if it can be one.

    Sheets of the source have names in their first row, and either one column of q before all columns of intensity, or
    one before each: both are offered. Rows without two numbers are left out; q rises. The text is a header, and lines
    of q and intensity to six digits.
    """
    openpyxl = field_module("openpyxl", "reading spreadsheets")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles that nobody looks at
        try:
            book = openpyxl.load_workbook(spreadsheet, read_only=True, data_only=True)
            rows = [row for row in book.worksheets[0].iter_rows(min_row=2, values_only=True)]
            book.close()
        except Exception as error:  # a broken zip file raises anything
            raise ValueError(f"cannot be read as a spreadsheet ({type(error).__name__}: {error})") from error
    width = max(map(len, rows), default=0)
    columns = [[row[place] if place < len(row) else None for row in rows] for place in range(width)]
    for place in range(1, width):
        for q in dict.fromkeys((place - 1, 0)):
            pairs = zip(columns[q], columns[place], strict=True)
            numbers = [(a, b) for a, b in pairs if isinstance(a, int | float) and isinstance(b, int | float)]
            points = sorted(((a, b) for a, b in numbers if isfinite(a) and isfinite(b)), key=lambda point: point[0])
            if points:
                yield PROFILE_HEADER + "".join(f"{a:.6g} {b:.6g}\n" for a, b in points)


def _copy(entries: tuple[Entry, ...], mirror: Path, folder: Path, progress: Progress) -> None:
    """Copy the files of a mirror that are as they should be."""
    wrong = wrong_files(entries, mirror)
    if wrong:
        raise DataError(mirror, [f"{name}: {reason}" for name, reason in wrong.items()])
    for done, entry in enumerate(entries):
        progress(done, len(entries))
        (folder / entry.name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(mirror / entry.name, folder / entry.name)
    progress(len(entries), len(entries))


def _download(entries: tuple[Entry, ...], partial: Path, source: str, progress: Progress) -> None:
    """Download the files of the source, and make those of the data folder from them."""
    pooch = field_module("pooch", "downloading")
    field_module("openpyxl", "reading spreadsheets")  # before anything is downloaded
    pooch.get_logger().setLevel("ERROR")
    files: dict[str, str | None] = {
        entry.source: None if entry.is_profile else f"sha256:{entry.sha256}"
        for entry in entries
        if entry.name != MANIFEST
    }
    store = pooch.create(partial / "source", f"{source.rstrip('/')}/", registry=files, retry_if_failed=_RETRIES)
    problems, paths = [], {}
    for done, name in enumerate(files):
        progress(done, len(files))
        try:
            paths[name] = Path(store.fetch(name))
        except (OSError, ValueError) as error:  # of requests, of the system; another checksum
            problems.append(f"{name}: cannot be fetched ({type(error).__name__}: {error})")
            if len(problems) == 3 and not paths:
                break  # no connection: the others will not come either
    progress(len(files), len(files))
    if problems:
        raise DataError(source, problems)
    for entry in entries:
        target = partial / "data" / entry.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if entry.name != MANIFEST and not entry.is_profile:
            shutil.copyfile(paths[entry.source], target)
    for name in dict.fromkeys(entry.source for entry in entries if entry.is_profile):
        problems += _unpack(name, paths[name], [entry for entry in entries if entry.source == name], partial / "data")
    if problems:
        raise DataError(source, problems)


def _unpack(name: str, spreadsheet: Path, entries: list[Entry], folder: Path) -> list[str]:
    """Write the profiles of a spreadsheet; returns what it did not hold."""
    try:
        texts = {sha256(text.encode()).hexdigest(): text for text in column_texts(spreadsheet)}
    except ValueError as error:
        return [f"{name}: {error}"]
    missing = [entry for entry in entries if entry.sha256 not in texts]
    for entry in entries:
        if entry.sha256 in texts:
            (folder / entry.name).write_text(texts[entry.sha256], encoding="utf-8", newline="")
    return [f"{entry.name}: no column of {name} has its checksum" for entry in missing]
