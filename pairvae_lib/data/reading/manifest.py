"""Which files of a data folder belong to one sample: by its manifest, or by the layout of the paper's own data.

`manifest.csv` has a row per sample, and these columns:

- `sample_id`, unique;
- two columns of measurements: files as paths relative to the folder;
- optional: `morphology`; `group` or `batch` (samples that must not be split between training and test by
  `group_split`); a column of true masks;
- optional facts of measurements: `nm_per_pixel` of a micrograph (else what its TIFF tags say; "unknown" leaves them
  aside); `q_scale`, the q in 1/nm of one pixel of a pattern, or of one unit of q in a profile; `q_unit` of a profile,
  in place of what its file says; `axis`, the label of what a profile is over ("wavelength [nm]"), where its file does
  not say; `image_rows`, the rows of a micrograph above an instrument's data bar;
- optional facts of detector images: `poni`, a calibration of pyFAI; a column of detector masks; `beam_row` and
  `beam_col`, where the beam meets the detector [px]. One `.poni` file and one `mask.*` (an image) in the folder itself
  count for all samples that have none of their own.

A fact holds for every measurement that it can concern; with the name of a column before it (`afm_nm_per_pixel` of a
column `afm`) for that one alone.

A column is a column of files if at least half of its entries end as known files do (`.tif`, `.dat`, ...); other
columns are left aside. Text files are profiles, and so are HDF5 files with a curve (NXcanSAS). For images the column's
name tells: one of `PATTERN_WORDS` in it makes them patterns, with one of `AVERAGED_WORDS` patterns of which the
azimuthal average is wanted; one of `MASK_WORDS` micrographs that become masks; one of `IMAGE_WORDS` micrographs that
stay grey; `mask` or `truth` true masks (the masks themselves, if there are no others), but with one of `PATTERN_WORDS`
or `DETECTOR_WORDS` masks of the detector. `kinds` overrules the names, and can leave a column out. Profiles of a column
with one of `PATTERN_WORDS` or `AVERAGED_WORDS` are over q; those of others are over what their files say.

The table may come from Excel, R, pandas or a text editor, on any system: in UTF-8, UTF-16 or Windows' code page; with
commas, semicolons or tabs between the fields; with decimal commas; with NA for what is missing; with backslashes in
paths; with names of files that differ in upper and lower case, or in how an accent is stored.
"""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from pairvae_lib.checks import check_one_of
from pairvae_lib.data.modality import KINDS, WHOLE, Kind
from pairvae_lib.data.reading.detectors import HDF5_SUFFIXES, is_curve
from pairvae_lib.data.reading.gate import within
from pairvae_lib.data.reading.images import IMAGE_SUFFIXES, TIFF_SUFFIXES
from pairvae_lib.data.reading.profiles import OVER_ANY, OVER_Q, PROFILE_SUFFIXES, known_unit
from pairvae_lib.data.reading.samples import Listing, MeasuredFile, Sample, Technique, is_grazing

PAPER_IMAGE_ROWS = 830  # px above the data bar of the paper's micrographs; public notebooks
PAPER_IMAGE_WIDTH = 1280  # px

MANIFEST = "manifest.csv"
PATTERN_WORDS = ("saxs", "waxs", "gisaxs", "sans", "pattern", "scattering")
AVERAGED_WORDS = ("profile", "curve")
MASK_WORDS = ("sem", "afm", "tem", "micrograph")
IMAGE_WORDS = ("image", "photo", "optical", "grey", "gray")
TRUTH_WORDS = ("mask", "truth")
DETECTOR_WORDS = ("detector", "beamstop")
COLUMN_KINDS = (*KINDS, "truth", "detector_mask", "ignore")
NUMBER_FACTS = ("nm_per_pixel", "q_scale", "image_rows")
Q = ("q_scale", "q_unit")
FACTS = (*NUMBER_FACTS, "q_unit", "axis", "poni", "beam_row", "beam_col")
RESERVED_COLUMNS = ("sample_id", "morphology", "group", "batch", *FACTS)
SAMPLE_NAMES = ("sampleid", "sample", "sample_name", "id")  # other names of sample_id, if there is no such column
MISSING = ("NA", "N/A", "#N/A", "NaN", "nan", "<NA>", "NULL")  # as R, Excel and pandas write an empty field
MEASUREMENT_SUFFIXES = IMAGE_SUFFIXES | PROFILE_SUFFIXES
MAX_MANIFEST = 2**24  # bytes
PONI = ".poni"
UNKNOWN = "unknown"  # a pixel size that is left unknown whatever the tags say
MAX_FAULTS = 1000  # lines with faults, after which a table is not worth reading on
SHOWN = 80  # characters of a field that a message repeats

Row = dict[str, str]


def paper_listing(folder: Path, problems: list[str]) -> Listing | None:
    """Samples of a folder laid out as the paper's own data: `SEM/*.tif` and `SAXS/*.jpg`, paired by sorted order.

    What is wrong is added to `problems`; None if the files cannot be paired. The sample ids are the names of the
    micrographs.

    Source
    ------
    Public notebooks: the i-th file of one sorted list belongs to the i-th of the other.
    """
    micrographs = _files_in(folder / "SEM", TIFF_SUFFIXES)
    patterns = _files_in(folder / "SAXS", frozenset({".jpg", ".jpeg"}))
    places = {path.stem: place for place, path in enumerate(patterns)}
    if not micrographs or len(micrographs) != len(patterns):
        problems.append(
            f"SEM holds {len(micrographs)} .tif files, SAXS {len(patterns)} .jpg files: expected equal counts"
        )
        stems = {path.stem for path in micrographs}
        if stems & set(places):
            problems += [f"SEM/{path.name}: no pattern of that name" for path in micrographs if path.stem not in places]
            problems += [f"SAXS/{path.name}: no micrograph of that name" for path in patterns if path.stem not in stems]
        return None
    problems += [
        f"SEM/{path.name}: number {place + 1} in SEM, but number {places[path.stem] + 1} in SAXS"
        for place, path in enumerate(micrographs)
        if places.get(path.stem, place) != place
    ]
    times = Counter(path.stem for path in micrographs)
    problems += [f"SEM/{path.name}: another file has the same name" for path in micrographs if times[path.stem] > 1]
    problems += [
        f"{path.parent.name}/{path.name}: must be a file within the folder"
        for path in (*micrographs, *patterns)
        if not within(folder, path)
    ]
    samples = tuple(
        # The paper took the micrographs as they are, whatever their tags say.
        Sample(
            micrograph.stem,
            (
                MeasuredFile(pattern, "pattern"),
                MeasuredFile(micrograph, "mask", image_rows=PAPER_IMAGE_ROWS, has_trusted_tags=False),
            ),
        )
        for micrograph, pattern in zip(micrographs, patterns, strict=True)
    )
    # The patterns may differ in shape: the public notebooks resize each by itself.
    techniques = (Technique("saxs", "pattern"), Technique("sem", "mask"))
    return Listing(folder, samples, techniques, PAPER_IMAGE_WIDTH, one_pattern_shape=False)


def manifest_listing(folder: Path, kinds: Mapping[str, str], problems: list[str]) -> Listing | None:
    """The faultless rows of a folder's `manifest.csv`; None if there is no row, or the columns cannot be told.

    What is wrong is added to `problems`. `kinds` names the kind of a column, one of `COLUMN_KINDS`, where its name does
    not tell.
    """
    rows = _rows(folder / MANIFEST, problems)
    if not rows:
        return None
    names = list(rows[0][1])
    for name, kind in kinds.items():
        check_one_of("column in kinds", name, names)
        check_one_of(f"kinds[{name!r}]", kind, COLUMN_KINDS)
    columns = _told_columns(folder, rows, names, kinds, problems)
    if columns is None:
        return None
    common = _common_files(folder, rows, problems)
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
    first, second = (Technique(name, kind) for name, kind in columns.measured.items())
    roles = {name: columns.role(name) for name in names if name}
    return Listing(folder, tuple(samples), (first, second), columns=roles)


def _files_in(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """Files of a kind by name, without hidden ones."""
    files = (path for path in folder.iterdir() if path.suffix.lower() in suffixes and not path.name.startswith("."))
    return sorted(files, key=lambda path: path.name)


@dataclass(frozen=True)
class _Columns:
    """What the columns of a manifest are; `averaged`: those of images whose azimuthal average is the profile."""

    measured: Mapping[str, Kind]  # the two, in the order of a pair
    truth: str | None
    group: str | None
    averaged: frozenset[str]
    detector_mask: str | None

    def role(self, name: str) -> str:
        """What a column is taken for."""
        if name in self.measured:
            return f"{self.measured[name]}s"
        roles = {
            self.truth: "true masks", self.detector_mask: "detector masks", self.group: "groups",
            "sample_id": "names of the samples", "morphology": "morphologies", "poni": "calibrations",
        }  # fmt: skip
        owned = any(name == f"{column}_{fact}" for column in self.measured for fact in FACTS)
        is_known = owned or (name in RESERVED_COLUMNS and name not in ("group", "batch"))
        return roles.get(name, "facts of the measurements" if is_known else "left aside")


def _told_columns(
    folder: Path, rows: list[tuple[int, Row]], names: list[str], kinds: Mapping[str, str], problems: list[str]
) -> _Columns | None:
    """The roles of the columns, by `kinds`, by their files and by their names; None if they cannot be told."""
    by_kind: dict[str, list[str]] = {kind: [] for kind in COLUMN_KINDS}
    faults: list[str] = []
    averaged: set[str] = set()
    for name in names:
        files = [row[name] for _, row in rows if row[name]]
        images, texts = _forms(folder, files)
        if name in ("", *RESERVED_COLUMNS) or name.endswith(tuple(f"_{fact}" for fact in FACTS)):
            continue
        if (images + texts) * 2 < max(len(files), 1):
            unknown = Counter(PurePosixPath(file).suffix for file in files if _is_there(folder, file))
            if name in kinds or unknown.total() * 2 >= max(len(files), 1):
                if kinds.get(name) != "ignore":
                    ends = ", ".join(end or "no suffix" for end in unknown) or "files that are not there"
                    known = ", ".join(sorted(MEASUREMENT_SUFFIXES))
                    faults.append(f"column {name!r} holds files that end as {ends}; expected one of {known}")
            continue
        if images and texts:
            faults.append(f"column {name!r} mixes image files ({images} rows) and text files ({texts} rows)")
            continue
        kind = kinds.get(name) or ("profile" if texts else _kind_of_images(name))
        if kind is None:
            faults.append(
                f"column {name!r} holds image files of unknown kind; say it by --kind {name}=KIND, one of "
                f"{', '.join(COLUMN_KINDS)} (a name with one of {', '.join(PATTERN_WORDS)} is a pattern, with one of "
                f"{', '.join(MASK_WORDS)} a mask, with one of {', '.join(IMAGE_WORDS)} an image)"
            )
            continue
        if kind not in ("ignore", "profile") and texts:
            faults.append(f"column {name!r} is a {kind} column, but holds text files")
        if kind == "profile" and not texts:
            averaged.add(name)
        by_kind[kind].append(name)
    is_single = len([name for kind in KINDS for name in by_kind[kind]]) < 2
    if not by_kind["mask"] and (is_single or not by_kind["image"]):
        by_kind["mask"], by_kind["truth"] = by_kind["truth"], []
    explained = bool(faults)
    found = {name: kind for kind in KINDS for name in by_kind[kind]}
    # Profiles and patterns, then images, then masks; within that the order of the columns.
    measured = dict(
        sorted(found.items(), key=lambda one: (KINDS.index(one[1]) if one[1] not in WHOLE else 0, names.index(one[0])))
    )
    if len(measured) > 2 or (len(measured) < 2 and not explained):
        told = ", ".join(f"{name} ({kind})" for name, kind in measured.items()) or "none"
        advice = ": leave out all but two by --kind COLUMN=ignore" if len(measured) > 2 else ""
        faults.append(f"expected two columns of measurements; got {told}{advice}")
    for what, several in (("true masks", by_kind["truth"]), ("detector masks", by_kind["detector_mask"])):
        if len(several) > 1:
            faults.append(f"expected at most one column of {what}; got columns {', '.join(several)}")
    problems += [f"{MANIFEST}: {fault}" for fault in faults]
    if faults:
        return None
    return _Columns(
        measured=measured,
        truth=next(iter(by_kind["truth"]), None),
        group=next((name for name in ("group", "batch") if name in names), None),
        averaged=frozenset(averaged & measured.keys()),
        detector_mask=next(iter(by_kind["detector_mask"]), None),
    )


def _forms(folder: Path, files: list[str]) -> tuple[int, int]:
    """How many files of a column are images, and how many 1-D curves."""
    suffixes = [PurePosixPath(file).suffix.lower() for file in files]
    texts = sum(suffix in PROFILE_SUFFIXES for suffix in suffixes)
    images = sum(suffix in IMAGE_SUFFIXES for suffix in suffixes)
    containers = [file for file, suffix in zip(files, suffixes, strict=True) if suffix in HDF5_SUFFIXES]
    if any(_holds_curve(folder, file) for file in containers[:1]):
        return images - len(containers), texts + len(containers)
    return images, texts


def _holds_curve(folder: Path, name: str) -> bool:
    """Whether an HDF5 file of the folder holds a curve; one that cannot be read is reported with the samples."""
    try:
        return _is_there(folder, name) and is_curve(folder / _located(folder, name))
    except (OSError, RuntimeError, ValueError):
        return False


def _kind_of_images(name: str) -> str | None:
    """What the words of a column's name say of its images."""
    words = _words(name)
    if words & set(TRUTH_WORDS):
        return "detector_mask" if words & {*PATTERN_WORDS, *DETECTOR_WORDS} else "truth"
    named = (
        ("profile", AVERAGED_WORDS), ("pattern", PATTERN_WORDS), ("mask", MASK_WORDS), ("image", IMAGE_WORDS)
    )  # fmt: skip
    return next((kind for kind, known in named if words & set(known)), None)


def _common_files(
    folder: Path, rows: list[tuple[int, Row]], problems: list[str]
) -> tuple[Path | None, Path | None]:
    """Calibration and detector mask that lie in the folder itself, and are not the file of a sample."""
    taken = {value.casefold() for _, row in rows for value in row.values()}
    others = (path for path in folder.iterdir() if path.name.casefold() not in taken)
    paths = sorted(path for path in others if not path.name.startswith("."))
    found = {
        "calibrations": [path for path in paths if path.suffix.lower() == PONI],
        "masks": [path for path in paths if path.stem == "mask" and path.suffix.lower() in IMAGE_SUFFIXES],
    }
    for what, files in found.items():
        if len(files) > 1:
            names = ", ".join(path.name for path in files)
            problems.append(f"expected at most one of the folder's {what}; got {names}")
        problems += [
            f"{path.name}: must be a file within the folder" for path in files if not within(folder, path)
        ]
    poni, mask = (next(iter(files), None) for files in found.values())
    return poni, mask


def _rows(path: Path, problems: list[str]) -> list[tuple[int, Row]]:
    """Line numbers and rows of a table, with the faults of the table itself."""
    if not within(path.parent, path) or path.stat().st_size > MAX_MANIFEST:
        problems.append(f"{path.name}: must be a file within the folder, of at most {MAX_MANIFEST // 2**20} MiB")
        return []
    try:
        text = _decoded(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path.name}: cannot be read as text ({error})")
        return []
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and (told := re.fullmatch(r"\W*sep=(.)\W*", lines[0])):  # Excel's first line
        delimiter, text = told[1], text.replace(lines[0], "", 1)
    else:
        delimiter = max(",;\t", key=(lines or [""])[0].count)
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[tuple[int, Row]] = []
    try:
        names = _column_names(next((fields for fields in table if any(map(str.strip, fields))), []))
        repeated = sorted({name for name in names if name and names.count(name) > 1})
        problems += [f"{path.name}: column {name!r} occurs more than once" for name in repeated]
        if "sample_id" not in names:
            problems.append(f"{path.name}: no column sample_id; the columns are {', '.join(names) or 'missing'}")
        if repeated or "sample_id" not in names:
            return []
        for fields in table:
            if not any(field.strip() for field in fields):
                continue
            if len(fields) == len(names) + 1 and not rows and fields[0].strip().isdigit() and names[0]:
                names = ["", *names]  # R leaves the number of the row without a name
            if len(fields) > len(names) and not any(field.strip() for field in fields[len(names) :]):
                fields = fields[: len(names)]
            if len(fields) != len(names):
                problems.append(f"{path.name} line {table.line_num}: {len(fields)} fields for {len(names)} columns")
                if _is_hopeless(problems, table.line_num):
                    return []
                continue
            row = dict(zip(names, map(str.strip, fields), strict=True))
            row = {name: "" if field in MISSING and name != "sample_id" else field for name, field in row.items()}
            rows.append((table.line_num, row))
    except csv.Error as error:
        problems.append(f"{path.name} line {table.line_num}: {error}")
    if not rows:
        problems.append(f"{path.name}: no usable row")
    return rows


def _decoded(data: bytes) -> str:
    """The text of a table: UTF-16 with its mark, UTF-8, else Windows' code page."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        if b"\x00" in data:
            raise
        return data.decode("cp1252")


def _column_names(header: list[str]) -> list[str]:
    """Names of columns, those of reserved ones in their own spelling."""

    def plain(name: str) -> str:
        return re.sub(r"[\s.-]+", "_", re.sub(r"\s*/\s*", "_per_", name.strip().lower()))

    def known(name: str) -> str:
        if plain(name) in RESERVED_COLUMNS:
            return plain(name)
        owner = next((own for own in columns for fact in FACTS if plain(name) == f"{plain(own)}_{fact}"), None)
        return name if owner is None else f"{owner}_{plain(name).removeprefix(f'{plain(owner)}_')}"

    columns = [name.strip() for name in header if name.strip()]
    names = [known(name.strip()) for name in header]
    if "sample_id" not in names:
        other = next((i for known in SAMPLE_NAMES for i, name in enumerate(names) if plain(name) == known), None)
        if other is not None:
            names[other] = "sample_id"
    return names


def _is_hopeless(problems: list[str], line: int) -> bool:
    """Whether there are so many faults that reading ends here, which the last of them says."""
    if len(problems) <= MAX_FAULTS:
        return False
    problems[MAX_FAULTS:] = [f"{MANIFEST}: more than {MAX_FAULTS} faults up to line {line}; the rest was not read"]
    return True


def _sample(
    folder: Path, row: Row, columns: _Columns, common: tuple[Path | None, Path | None], faults: list[str]
) -> Sample:
    """One row, with its faults."""
    if not row["sample_id"]:
        faults.append("sample_id is empty")
    if columns.group and not row[columns.group]:
        faults.append(f"{columns.group} is empty")
    for name in ("sample_id", "morphology", columns.group or ""):
        _check_printable(row.get(name, ""), name, faults)
    first, second = (
        _measured_file(folder, row, name, kind, columns, common, faults) for name, kind in columns.measured.items()
    )
    truth = row[columns.truth] if columns.truth else ""
    return Sample(
        row["sample_id"],
        (first, second),
        _file(folder, truth, columns.truth or "", faults, IMAGE_SUFFIXES) if truth else None,
        row.get("morphology", ""),
        row[columns.group] if columns.group else "",
    )


def _measured_file(
    folder: Path, row: Row, column: str, kind: Kind, columns: _Columns, common: tuple[Path | None, Path | None],
    faults: list[str],
) -> MeasuredFile:
    """One measurement of a row, with its faults; a fact with the name of the column before it comes first."""

    def fact(name: str) -> tuple[str, str]:
        own = f"{column}_{name}"
        return (own, row[own]) if row.get(own) else (name, row.get(name, ""))

    def number(name: str) -> float | None:
        where, text = fact(name)
        return None if text.lower() == UNKNOWN and name == "nm_per_pixel" else _number(text, where, name, faults)

    def optional(where: str, text: str, suffixes: frozenset[str]) -> Path | None:
        return _file(folder, text, where, faults, suffixes) if text else None

    path = _file(folder, row[column], column, faults)
    if kind not in WHOLE:
        rows = number("image_rows")
        return MeasuredFile(
            path,
            kind,
            nm_per_pixel=number("nm_per_pixel"),
            image_rows=None if rows is None else int(rows),
            has_trusted_tags=fact("nm_per_pixel")[1].lower() != UNKNOWN,
        )
    is_averaged = column in columns.averaged
    poni = mask = None
    if is_averaged or kind == "pattern":
        common_poni, common_mask = common
        poni = optional(*fact("poni"), frozenset({PONI})) or common_poni
        masked = row[columns.detector_mask] if columns.detector_mask else ""
        mask = optional(columns.detector_mask or "", masked, IMAGE_SUFFIXES) or common_mask
    if is_averaged and poni is None:
        faults.append(
            f"{column} is to be averaged, which needs a calibration: one {PONI} file in the folder, or the column poni"
        )
    is_scattering = is_averaged or bool(_words(column) & {*PATTERN_WORDS, *AVERAGED_WORDS})
    # A unit or scale of q that is said of no column in particular is not said of a spectrum.
    is_over_q = is_scattering or list(columns.measured.values()).count("profile") < 2
    scale, unit = (fact(name) if is_over_q else (f"{column}_{name}", row.get(f"{column}_{name}", "")) for name in Q)
    return MeasuredFile(
        path,
        kind,
        q_scale=_number(scale[1], scale[0], "q_scale", faults),
        poni=poni,
        detector_mask=mask,
        beam=_beam([fact(name) for name in ("beam_row", "beam_col")], faults),
        is_averaged=is_averaged,
        axis=fact("axis")[1] or (OVER_Q if is_scattering or scale[1] else OVER_ANY),
        q_unit=_q_unit(unit[1], faults),
        is_grazing=kind == "pattern" and is_grazing(column),
    )


def _words(name: str) -> set[str]:
    """The words of a column's name."""
    return set(re.findall(r"[a-z]+", name.lower()))


def _q_unit(text: str, faults: list[str]) -> str:
    """The unit of q that a row gives."""
    try:
        return known_unit(text)
    except ValueError as error:
        faults.append(str(error))
        return ""


def _file(
    folder: Path, name: str, column: str, faults: list[str], suffixes: frozenset[str] = MEASUREMENT_SUFFIXES
) -> Path:
    """A path of the manifest, which must stay within the folder, links included."""
    path = PurePosixPath(_located(folder, name))
    if not name:
        faults.append(f"{column} is empty")
    elif path.is_absolute() or PureWindowsPath(name).is_absolute() or ".." in PureWindowsPath(name).parts:
        faults.append(f"{column} must be a path within the folder; got {_shown(name)}")
    elif path.suffix.lower() not in suffixes:
        faults.append(f"{column} must end as one of {', '.join(sorted(suffixes))}; got {_shown(name)}")
    elif _check_printable(name, column, faults):
        if not within(folder, folder / path):
            faults.append(f"{column} must be a file that lies within the folder; got {_shown(name)}")
    return folder / path


def relative_name(folder: Path, path: Path) -> str:
    """A file by its path within the folder."""
    return path.relative_to(folder).as_posix()


def _is_there(folder: Path, name: str) -> bool:
    """Whether a field names a file of the folder."""
    try:
        path = folder / _located(folder, name)
        return within(folder, path) and path.is_file()
    except (OSError, RuntimeError, ValueError):
        return False


def _located(folder: Path, name: str) -> str:
    """A path of the manifest as the folder spells it, where that can be told.

    The manifest may have come from another system: with backslashes, or with names in other case or another form of
    Unicode. Where there is no single file that fits, the path stays as it is.
    """

    def key(part: str) -> str:
        return unicodedata.normalize("NFC", part).casefold()

    try:
        if (folder / name).exists() or PureWindowsPath(name).is_absolute() or ".." in PureWindowsPath(name).parts:
            return name
        place = Path()
        for part in PurePosixPath(name.replace("\\", "/")).parts:
            here = folder / place
            if not (here / part).exists() and here.is_dir():
                fitting = [other.name for other in here.iterdir() if key(other.name) == key(part)]
                part = fitting[0] if len(fitting) == 1 else part
            place /= part
        return place.as_posix() if (folder / place).exists() else name.replace("\\", "/")
    except (OSError, ValueError):  # names that are too long, or hold what no path may
        return name


def _check_printable(text: str, column: str, faults: list[str]) -> bool:
    """Whether a field has no control characters, which neither names nor paths have."""
    printable = all(character.isprintable() for character in text)
    if not printable:
        faults.append(f"{column} must not hold control characters; got {_shown(text)}")
    return printable


def _shown(text: str) -> str:
    """A field for a message, cut where it is long."""
    return repr(text) if len(text) <= SHOWN else f"{text[:SHOWN]!r}... ({len(text)} characters)"


def _beam(facts: list[tuple[str, str]], faults: list[str]) -> tuple[float, float] | None:
    """Where the beam meets the detector, if the row says so: names and fields of row and column; it may be outside."""
    names, texts = zip(*facts, strict=True)
    if not any(texts):
        return None
    try:
        beam = float(texts[0].replace(",", ".")), float(texts[1].replace(",", "."))
    except ValueError:
        beam = math.nan, math.nan
    if all(map(math.isfinite, beam)):
        return beam
    faults.append(f"{names[0]} and {names[1]} must both be numbers; got {_shown(texts[0])} and {_shown(texts[1])}")
    return None


def _number(text: str, where: str, name: str, faults: list[str]) -> float | None:
    """A positive number (whole for rows), perhaps with a decimal comma, or None where the field is empty."""
    if not text:
        return None
    try:
        number = float(re.sub(r"^(\d*),(\d+)$", r"\1.\2", text))
    except ValueError:
        number = math.nan
    whole = name != "image_rows" or (math.isfinite(number) and number == int(number))
    if math.isfinite(number) and number > 0 and whole:
        return number
    faults.append(f"{where} must be a positive {'whole ' * (name == 'image_rows')}number; got {_shown(text)}")
    return None


def _repeated(samples: list[Sample]) -> list[str]:
    """Sample ids that occur twice, and files of several samples that a split could tear apart."""
    problems: list[str] = []
    first: dict[object, Sample] = {}
    for sample in samples:
        if first.setdefault(("id", sample.sample_id), sample) is not sample:
            problems.append(f"{MANIFEST}: sample_id {sample.sample_id!r} occurs more than once")
        paths = [file.path for file in sample.files]
        if paths[0] == paths[1]:
            problems.append(f"{MANIFEST}: sample {sample.sample_id!r} has one file for both, {paths[0].name}")
            continue
        if first.setdefault(tuple(paths), sample) is not sample:
            problems.append(f"{MANIFEST}: sample {sample.sample_id!r} has the files of an earlier sample")
            continue
        for path in paths:
            earlier = first.setdefault(path, sample)
            if earlier is not sample and not (sample.group and sample.group == earlier.group):
                problems.append(
                    f"{MANIFEST}: {path.name} belongs to samples {earlier.sample_id!r} and {sample.sample_id!r}; "
                    "samples that share a file need the same group, lest a split tear them apart"
                )
    return problems
