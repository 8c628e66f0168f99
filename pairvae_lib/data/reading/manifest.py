"""The manifest of a data folder: a table of which files belong to one sample.

`manifest.csv` has a row per sample, and these columns:

- `sample_id`, unique;
- one column of scattering files and one of micrograph files, as paths relative to the folder;
- optional: `morphology`; `group` or `batch` (samples that must not be split between training and test by
  `group_split`); `nm_per_pixel` of the micrograph (else what its TIFF tags say; "unknown" leaves them aside);
  `q_scale`, the q in 1/nm of one pixel of a pattern, or of one unit of q in a profile; `image_rows`, the rows of the
  micrograph above an instrument's data bar; a column of true masks;
- optional, of detector images: `poni`, a calibration of pyFAI; a column of detector masks; `beam_row` and `beam_col`,
  where the beam meets the detector [px]. One `.poni` file and one `mask.*` (an image) in the folder itself count for
  all samples that have none of their own.

`reading.columns` says how the columns are told. Commas, semicolons or tabs separate the fields.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from pairvae_lib.checks import check_one_of
from pairvae_lib.data.reading.columns import KINDS, MANIFEST, NUMBER_COLUMNS, Columns, Row, told_columns
from pairvae_lib.data.reading.images import IMAGE_SUFFIXES
from pairvae_lib.data.reading.listing import Listing, Sample, is_file_within
from pairvae_lib.data.reading.profiles import PROFILE_SUFFIXES

MAX_MANIFEST = 2**24  # bytes
PONI = ".poni"
UNKNOWN = "unknown"  # a pixel size that is left unknown whatever the tags say
MAX_FAULTS = 1000  # lines with faults, after which a table is not worth reading on
SHOWN = 80  # characters of a field that a message repeats


def manifest_listing(folder: Path, kinds: Mapping[str, str], problems: list[str]) -> Listing | None:
    """Samples of a folder with a `manifest.csv`; what is wrong with it is added to `problems`.

    Parameters
    ----------
    folder : Path
        Holds `manifest.csv`.
    kinds : mapping of str to str
        Kind of a column, one of `KINDS`, where its name does not tell.
    problems : list of str
        Grows by a line for every fault.

    Returns
    -------
    Listing or None
        The faultless rows; None if there are none, or the columns cannot be told.
    """
    rows = _rows(folder / MANIFEST, problems)
    if not rows:
        return None
    names = list(rows[0][1])
    for name, kind in kinds.items():
        check_one_of("column in kinds", name, names)
        check_one_of(f"kinds[{name!r}]", kind, KINDS)
    columns = told_columns(folder, rows, names, kinds, problems)
    if columns is None:
        return None
    common = _Common.of(folder, rows, problems)
    samples: list[Sample] = []
    for line, row in rows:
        faults: list[str] = []
        sample = _sample(folder, row, columns, common, faults)
        problems += [f"{MANIFEST} line {line}: {fault}" for fault in faults]
        if not faults:
            samples.append(sample)
        if _is_hopeless(problems, line):
            return None
    problems += _repeated(samples)
    return Listing(folder, tuple(samples), columns.scattering, columns.micrograph, columns.is_profile)


@dataclass(frozen=True)
class _Common:
    """Files of a folder that count for all its samples."""

    poni: Path | None
    mask: Path | None

    @classmethod
    def of(cls, folder: Path, rows: list[tuple[int, Row]], problems: list[str]) -> _Common:
        """What lies in the folder itself, and is not the file of a sample."""
        taken = {value for _, row in rows for value in row.values()}
        paths = sorted(path for path in folder.iterdir() if path.name not in taken and not path.name.startswith("."))
        found = {
            "calibrations": [path for path in paths if path.suffix.lower() == PONI],
            "masks": [path for path in paths if path.stem == "mask" and path.suffix.lower() in IMAGE_SUFFIXES],
        }
        for what, files in found.items():
            names = ", ".join(path.name for path in files)
            if len(files) > 1:
                problems.append(f"expected at most one of the folder's {what}; got {names}")
            problems += [
                f"{path.name}: must be a file within the folder" for path in files if not is_file_within(folder, path)
            ]
        poni, mask = (next(iter(files), None) for files in found.values())
        return cls(poni, mask)


def _rows(path: Path, problems: list[str]) -> list[tuple[int, Row]]:
    """Line numbers and rows of a table, with the faults of the table itself."""
    if not is_file_within(path.parent, path) or path.stat().st_size > MAX_MANIFEST:
        problems.append(f"{path.name}: must be a file within the folder, of at most {MAX_MANIFEST // 2**20} MiB")
        return []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path.name}: cannot be read as UTF-8 text ({error})")
        return []
    header = text.partition("\n")[0]
    table = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    rows: list[tuple[int, Row]] = []
    try:
        names = [name.strip() for name in next(table, [])]
        repeated = sorted({name for name in names if name and names.count(name) > 1})
        problems += [f"{path.name}: column {name!r} occurs more than once" for name in repeated]
        if "sample_id" not in names:
            problems.append(f"{path.name}: no column sample_id; the columns are {', '.join(names) or 'missing'}")
        if repeated or "sample_id" not in names:
            return []
        for fields in table:
            if not any(field.strip() for field in fields):
                continue
            if len(fields) != len(names):
                problems.append(f"{path.name} line {table.line_num}: {len(fields)} fields for {len(names)} columns")
                if _is_hopeless(problems, table.line_num):
                    return []
                continue
            rows.append((table.line_num, dict(zip(names, map(str.strip, fields), strict=True))))
    except csv.Error as error:
        problems.append(f"{path.name} line {table.line_num}: {error}")
    if not rows:
        problems.append(f"{path.name}: no usable row")
    return rows


def _is_hopeless(problems: list[str], line: int) -> bool:
    """Whether there are so many faults that reading ends here, which the last of them says."""
    if len(problems) <= MAX_FAULTS:
        return False
    problems[MAX_FAULTS:] = [f"{MANIFEST}: more than {MAX_FAULTS} faults up to line {line}; the rest was not read"]
    return True


def _sample(folder: Path, row: Row, columns: Columns, common: _Common, faults: list[str]) -> Sample:
    """One row, with its faults."""
    if not row["sample_id"]:
        faults.append("sample_id is empty")
    if columns.group and not row[columns.group]:
        faults.append(f"{columns.group} is empty")
    for name in ("sample_id", "morphology", columns.group or ""):
        _check_printable(row.get(name, ""), name, faults)
    keeps_unknown = row.get("nm_per_pixel", "").lower() == UNKNOWN
    numbers = {
        name: None if keeps_unknown and name == "nm_per_pixel" else _number(row.get(name, ""), name, faults)
        for name in NUMBER_COLUMNS
    }
    image_rows = numbers["image_rows"]

    def optional(column: str | None, suffixes: frozenset[str] = IMAGE_SUFFIXES) -> Path | None:
        return _file(folder, row[column], column, faults, suffixes) if column and row[column] else None

    is_detector_image = columns.is_averaged or not columns.is_profile
    poni = (optional(columns.poni, frozenset({PONI})) or common.poni) if is_detector_image else None
    if columns.is_averaged and poni is None:
        faults.append(
            f"{columns.scattering} is to be averaged, which needs a calibration: one {PONI} file in the folder, or "
            "the column poni"
        )
    return Sample(
        row["sample_id"],
        _file(folder, row[columns.scattering], columns.scattering, faults),
        _file(folder, row[columns.micrograph], columns.micrograph, faults),
        optional(columns.truth),
        row.get("morphology", ""),
        row[columns.group] if columns.group else "",
        numbers["nm_per_pixel"],
        numbers["q_scale"],
        None if image_rows is None else int(image_rows),
        poni,
        (optional(columns.detector_mask) or common.mask) if is_detector_image else None,
        _beam(row, faults),
        columns.is_averaged,
        not keeps_unknown,
    )


def _file(
    folder: Path,
    name: str,
    column: str,
    faults: list[str],
    suffixes: frozenset[str] = IMAGE_SUFFIXES | PROFILE_SUFFIXES,
) -> Path:
    """A path of the manifest, which must stay within the folder, links included."""
    path = PurePosixPath(name)
    if not name:
        faults.append(f"{column} is empty")
    elif path.is_absolute() or PureWindowsPath(name).is_absolute() or ".." in PureWindowsPath(name).parts:
        faults.append(f"{column} must be a path within the folder; got {_shown(name)}")
    elif path.suffix.lower() not in suffixes:
        faults.append(f"{column} must end as one of {', '.join(sorted(suffixes))}; got {_shown(name)}")
    elif _check_printable(name, column, faults):
        try:
            if not is_file_within(folder, folder / path):
                faults.append(f"{column} must be a file that lies within the folder; got {_shown(name)}")
        except (OSError, RuntimeError, ValueError) as error:  # names that are too long, links in a circle
            faults.append(f"{column} is no usable path ({type(error).__name__}); got {_shown(name)}")
    return folder / path


def _check_printable(text: str, column: str, faults: list[str]) -> bool:
    """Whether a field has no control characters, which neither names nor paths have."""
    printable = all(character.isprintable() for character in text)
    if not printable:
        faults.append(f"{column} must not hold control characters; got {_shown(text)}")
    return printable


def _shown(text: str) -> str:
    """A field for a message, cut where it is long."""
    return repr(text) if len(text) <= SHOWN else f"{text[:SHOWN]!r}... ({len(text)} characters)"


def _beam(row: Row, faults: list[str]) -> tuple[float, float] | None:
    """Where the beam meets the detector, if the row says so; it may be outside."""
    texts = row.get("beam_row", ""), row.get("beam_col", "")
    if not any(texts):
        return None
    try:
        beam = float(texts[0]), float(texts[1])
    except ValueError:
        beam = math.nan, math.nan
    if all(map(math.isfinite, beam)):
        return beam
    faults.append(f"beam_row and beam_col must both be numbers; got {_shown(texts[0])} and {_shown(texts[1])}")
    return None


def _number(text: str, name: str, faults: list[str]) -> float | None:
    """A positive number (whole for rows), or None where the field is empty."""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    whole = name != "image_rows" or (math.isfinite(number) and number == int(number))
    if math.isfinite(number) and number > 0 and whole:
        return number
    faults.append(f"{name} must be a positive {'whole ' * (name == 'image_rows')}number; got {_shown(text)}")
    return None


def _repeated(samples: list[Sample]) -> list[str]:
    """Sample ids that occur twice, and files of several samples that a split could tear apart."""
    problems: list[str] = []
    first: dict[object, Sample] = {}
    for sample in samples:
        if first.setdefault(("id", sample.sample_id), sample) is not sample:
            problems.append(f"{MANIFEST}: sample_id {sample.sample_id!r} occurs more than once")
        if first.setdefault((sample.scattering, sample.micrograph), sample) is not sample:
            problems.append(f"{MANIFEST}: sample {sample.sample_id!r} has the files of an earlier sample")
            continue
        for path in (sample.scattering, sample.micrograph):
            earlier = first.setdefault(path, sample)
            if earlier is not sample and not (sample.group and sample.group == earlier.group):
                problems.append(
                    f"{MANIFEST}: {path.name} belongs to samples {earlier.sample_id!r} and {sample.sample_id!r}; "
                    "samples that share a file need the same group, lest a split tear them apart"
                )
    return problems
