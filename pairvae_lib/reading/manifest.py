"""The manifest of a data folder: a table of which files belong to one sample.

`manifest.csv` has a row per sample, and these columns:

- `sample_id`, unique;
- one column of scattering files and one of micrograph files, as paths relative to the folder;
- optional: `morphology`; `group` or `batch` (samples that must not be split between training and test by
  `group_split`); `nm_per_pixel` of the micrograph; `q_scale`, the q in 1/nm of one pixel of a pattern, or of one unit
  of q in a profile; `image_rows`, the rows of the micrograph above an instrument's data bar; a column of true masks.

A column is a column of files if at least half of its entries end as known files do (`.tif`, `.dat`, ...); other
columns are left aside. Text files are 1-D profiles. For images the column's name tells: one of `PATTERN_WORDS` in it
makes them scattering patterns, one of `MICROGRAPH_WORDS` micrographs, `mask` or `truth` true masks (micrographs, if
there are no others). `kinds` overrules the names, and can leave a column out. Commas, semicolons or tabs separate the
fields.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from pairvae_lib.checks import check_one_of
from pairvae_lib.reading.images import IMAGE_SUFFIXES
from pairvae_lib.reading.listing import Listing, Sample
from pairvae_lib.reading.profiles import PROFILE_SUFFIXES

MANIFEST = "manifest.csv"
PATTERN_WORDS = ("saxs", "waxs", "gisaxs", "sans", "pattern", "scattering")
MICROGRAPH_WORDS = ("sem", "afm", "tem", "micrograph")
TRUTH_WORDS = ("mask", "truth")
KINDS = ("pattern", "profile", "micrograph", "truth", "ignore")
NUMBER_COLUMNS = ("nm_per_pixel", "q_scale", "image_rows")
RESERVED_COLUMNS = ("sample_id", "morphology", "group", "batch", *NUMBER_COLUMNS)


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

    Raises
    ------
    ValueError
        If `kinds` names a column that is not there, or no kind.
    """
    rows = _rows(folder / MANIFEST, problems)
    if not rows:
        return None
    names = list(rows[0][1])
    for name, kind in kinds.items():
        check_one_of("column in kinds", name, names)
        check_one_of(f"kinds[{name!r}]", kind, KINDS)
    columns = _columns(rows, names, kinds, problems)
    if columns is None:
        return None
    samples: list[Sample] = []
    for line, row in rows:
        faults: list[str] = []
        sample = _sample(folder, row, columns, faults)
        problems += [f"{MANIFEST} line {line}: {fault}" for fault in faults]
        if not faults:
            samples.append(sample)
    problems += _repeated(samples)
    return Listing(folder, tuple(samples), columns.scattering, columns.micrograph, columns.is_profile)


@dataclass(frozen=True)
class _Columns:
    """What the columns of a manifest are."""

    scattering: str
    micrograph: str
    truth: str | None
    group: str | None
    is_profile: bool


Row = dict[str, str]


def _rows(path: Path, problems: list[str]) -> list[tuple[int, Row]]:
    """Line numbers and rows of a table, with the faults of the table itself."""
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
                continue
            rows.append((table.line_num, dict(zip(names, map(str.strip, fields), strict=True))))
    except csv.Error as error:
        problems.append(f"{path.name} line {table.line_num}: {error}")
    if not rows:
        problems.append(f"{path.name}: no usable row")
    return rows


def _columns(
    rows: list[tuple[int, Row]], names: list[str], kinds: Mapping[str, str], problems: list[str]
) -> _Columns | None:
    """The roles of the columns, by `kinds`, by their files and by their names."""
    by_kind: dict[str, list[str]] = {kind: [] for kind in KINDS}
    faults: list[str] = []
    for name in names:
        suffixes = [PurePosixPath(row[name]).suffix.lower() for _, row in rows if row[name]]
        images, texts = (sum(s in known for s in suffixes) for known in (IMAGE_SUFFIXES, PROFILE_SUFFIXES))
        if name in ("", *RESERVED_COLUMNS) or (name not in kinds and (images + texts) * 2 < max(len(suffixes), 1)):
            continue
        if images and texts:
            faults.append(f"column {name!r} mixes image files ({images} rows) and text files ({texts} rows)")
            continue
        kind = kinds.get(name) or ("profile" if texts else _kind_of_images(name))
        if kind is None:
            faults.append(
                f"column {name!r} holds image files of unknown kind; rename it (a name with one of "
                f"{', '.join(PATTERN_WORDS)} is a pattern, with one of {', '.join(MICROGRAPH_WORDS)} a micrograph) "
                f"or open the folder with kinds={{{name!r}: 'pattern'}} ('micrograph', 'ignore')"
            )
            continue
        if kind != "ignore" and (kind == "profile") != bool(texts):
            faults.append(f"column {name!r} is a {kind} column, but holds {'text' if texts else 'image'} files")
        by_kind[kind].append(name)
    if not by_kind["micrograph"]:
        by_kind["micrograph"], by_kind["truth"] = by_kind["truth"], []
    explained = bool(faults)
    scattering = by_kind["pattern"] + by_kind["profile"]
    for what, found in (("scattering", scattering), ("micrograph", by_kind["micrograph"])):
        if len(found) > 1 or not (found or explained):
            one = f"columns {', '.join(found)}: keep one with kinds={{{found[-1]!r}: 'ignore'}}" if found else "none"
            faults.append(f"expected one column of {what} files; got {one}")
    if len(by_kind["truth"]) > 1:
        faults.append(f"expected at most one column of true masks; got columns {', '.join(by_kind['truth'])}")
    problems += [f"{MANIFEST}: {fault}" for fault in faults]
    if faults:
        return None
    group = next((name for name in ("group", "batch") if name in names), None)
    truth = by_kind["truth"][0] if by_kind["truth"] else None
    return _Columns(scattering[0], by_kind["micrograph"][0], truth, group, bool(by_kind["profile"]))


def _kind_of_images(name: str) -> str | None:
    """What the words of a column's name say of its images."""
    words = set(re.findall(r"[a-z]+", name.lower()))
    for kind, known in (("truth", TRUTH_WORDS), ("pattern", PATTERN_WORDS), ("micrograph", MICROGRAPH_WORDS)):
        if words & set(known):
            return kind
    return None


def _sample(folder: Path, row: Row, columns: _Columns, faults: list[str]) -> Sample:
    """One row, with its faults."""
    if not row["sample_id"]:
        faults.append("sample_id is empty")
    if columns.group and not row[columns.group]:
        faults.append(f"{columns.group} is empty")
    numbers = {name: _number(row.get(name, ""), name, faults) for name in NUMBER_COLUMNS}
    image_rows = numbers["image_rows"]
    return Sample(
        row["sample_id"],
        _file(folder, row[columns.scattering], columns.scattering, faults),
        _file(folder, row[columns.micrograph], columns.micrograph, faults),
        _file(folder, row[columns.truth], columns.truth, faults) if columns.truth and row[columns.truth] else None,
        row.get("morphology", ""),
        row[columns.group] if columns.group else "",
        numbers["nm_per_pixel"],
        numbers["q_scale"],
        None if image_rows is None else int(image_rows),
    )


def _file(folder: Path, name: str, column: str, faults: list[str]) -> Path:
    """A path of the manifest, which must stay within the folder."""
    path = PurePosixPath(name)
    if not name:
        faults.append(f"{column} is empty")
    elif path.is_absolute() or PureWindowsPath(name).is_absolute() or ".." in PureWindowsPath(name).parts:
        faults.append(f"{column} must be a path within the folder; got {name!r}")
    elif path.suffix.lower() not in IMAGE_SUFFIXES | PROFILE_SUFFIXES:
        faults.append(
            f"{column} must end as one of {', '.join(sorted(IMAGE_SUFFIXES | PROFILE_SUFFIXES))}; got {name!r}"
        )
    return folder / path


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
    faults.append(f"{name} must be a positive {'whole ' * (name == 'image_rows')}number; got {text!r}")
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
