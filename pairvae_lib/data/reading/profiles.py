"""Files of 1-D profiles as arrays: text, and curves in HDF5 (NXcanSAS, NXdata)."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.checks import check_one_of
from pairvae_lib.data.reading.decoding import unreadable_as_value_error
from pairvae_lib.data.reading.detectors import HDF5_SUFFIXES, hdf5_curve
from pairvae_lib.data.reading.gate import text_bytes
from pairvae_lib.data.reading.labels import UNITS, axis_of, plain, q_units, quantity
from pairvae_lib.data.reading.process import apart

PROFILE_SUFFIXES = frozenset({".dat", ".txt", ".csv", ".xy", ".chi"})
MIN_POINTS = 16
MAX_TURNS = 8  # of q from rising to falling; the q of a profile rises, those of a 2-D table go to and fro
MAX_DUMMIES = 2  # distinct negative intensities, each of several points, up to which they mark points without one
UNKNOWN = "unknown"  # a unit of q that is left unknown whatever the file says
OVER_Q, OVER_ANY = "q", ""  # what the axis of a curve must be; else it is told by a label

_MISSING = frozenset(
    {"", "-", "--", "na", "n/a", "#n/a", "nan", "-nan", "+nan", "nan(ind)", "-nan(ind)", "null", "none"}
)
_COMMENT = ("#", "%", "!", "//")
_FORTRAN = re.compile(r"(?<=[0-9.])[dD](?=[+-]?[0-9])")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eEdD][+-]?[0-9]+)?")
_LENGTH = r"(?:å|a|nm|m)(?![a-zåö])|ang\w*"
_WAVELENGTH = re.compile(
    rf"(?:wave\s?length|lambda|λ)[\"'\s]*(?:[(\[]\s*({_LENGTH})\s*[)\]])?[\"'\s]*[:=]?\s*\(?\s*"
    rf"([0-9.]+(?:e[+-]?[0-9]+)?)\s*\)?\s*[\[(]?({_LENGTH})?"
)
_NM = {"nm": 1.0, "å": 0.1, "a": 0.1, "an": 0.1, "m": 1e9}
_HEAD = re.compile(r"^\W*(?:columns?|fields?|labels?|the \d+ columns are)\s*[:=]?\s*", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Curve:
    """A 1-D profile, and how it was read.

    Parameters
    ----------
    q, intensity : ndarray of shape (N,)
        In the order of the file; of points that have both. Of another axis than q, its values in place of q.
    unit : str
        Of q: "1/nm", "1/angstrom", or "" where unknown. Of another axis, as the file writes it.
    unit_from : str
        Where the unit comes from.
    columns : str
        Which columns were taken.
    left_out : mapping of str to int
        Points that do not count, by the reason why.
    warnings : tuple of str
        What to beware of.
    axis : str
        "q", or what else the curve is over; "" where nothing says.
    """

    q: NDArray[np.float64]
    intensity: NDArray[np.float64]
    unit: str = ""
    unit_from: str = ""
    columns: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    axis: str = "q"


def read_profile(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """The q, the intensity and the unit of q of `read_curve`."""
    curve = read_curve(path)
    return curve.q, curve.intensity, curve.unit


@apart
def read_curve(path: Path, q_unit: str = "", axis: str = OVER_Q) -> Curve:
    """The profile of a text file with two or more columns, or of an HDF5 file with one curve.

    Text is in UTF-8, UTF-16 or Latin-1. Blanks, tabs, commas, semicolons or bars separate the numbers; a comma may be
    the decimal point where it separates nothing. Lines of words or numbers may stand above the table, and words below
    it. Where a line above names the columns, they are found by their names: the axis, and the intensity; else they are
    the first two. A profile over 2-theta becomes one over q where the file names the wavelength. A point of which a
    number is missing or not finite is left out.

    Parameters
    ----------
    q_unit : str
        "1/nm", "1/angstrom" or "unknown", in place of what the file says; "" to go by the file.
    axis : str
        "q" if the profile must be over q; "" for any axis, by the file; or a label ("wavelength [nm]") in place of what
        the file says.
    """
    given = known_unit(q_unit)
    label = axis if axis not in (OVER_Q, OVER_ANY) else ""
    is_q_wanted = axis == OVER_Q or quantity(label) == "q"
    read = _hdf5_curve if path.suffix.lower() in HDF5_SUFFIXES else _text_curve
    curve = read(path, bool(given), is_q_wanted)
    if label and not is_q_wanted:
        name, unit = axis_of(label)
        if curve.axis and curve.axis != name:
            raise ValueError(f"its axis is {curve.axis}, and {label!r} is said of it; leave out one of them")
        curve = replace(curve, axis=name, unit=unit or curve.unit, unit_from="axis" if unit else curve.unit_from)
    if given and curve.axis == "q":
        unit = "" if given == UNKNOWN else given
        if curve.unit and curve.unit != unit:
            warned = f"q is taken in {unit or 'an unknown unit'}, as q_unit says, and the file says {curve.unit}"
            curve = replace(curve, warnings=(*curve.warnings, warned))
        curve = replace(curve, unit=unit, unit_from="q_unit")
    return _measured_points(curve)


def _measured_points(curve: Curve) -> Curve:
    """A curve without the points that hold no measurement; ValueError where too few are left, or it is none."""
    q, intensity, is_over_q = curve.q, curve.intensity, curve.axis == "q"
    finite = np.isfinite(q) & np.isfinite(intensity)
    negative = intensity[finite & (intensity < 0)]
    levels, times = np.unique(negative, return_counts=True)
    is_marked = is_over_q and len(levels) <= MAX_DUMMIES and (times > 1).all()
    marked = finite & np.isin(intensity, levels) if is_marked else np.zeros(len(q), dtype=bool)
    left_out = dict(curve.left_out) | {
        "without a number": int((~finite).sum()),
        f"marked by {' and '.join(f'{level:g}' for level in levels)}": int(marked.sum()),
    }
    kept = finite & ~marked
    usable = int((kept & (q != 0) & (intensity > 0)).sum() if is_over_q else kept.sum())
    if usable < MIN_POINTS:
        raise ValueError(
            f"must hold at least {MIN_POINTS} points{' of positive intensity' * is_over_q}; got {usable}"
            + ("" if len(q) else ", no line is numbers in two columns")
        )
    turns = np.diff(q[finite])
    turns = np.sign(turns[turns != 0])
    if (count := int((np.diff(turns) != 0).sum())) > MAX_TURNS:
        name = curve.axis or "the first column"
        raise ValueError(f"{name} must rise or fall; it turns {count} times, as in a 2-D table, which is no profile")
    places = np.abs(q[kept]) if is_over_q else q[kept]
    shared = len(places) - len(np.unique(places))
    told = f"{shared} points are at the {curve.axis or 'place'} of another; the mean of all at one place is taken"
    return replace(
        curve, q=q[kept], intensity=intensity[kept], left_out={why: n for why, n in left_out.items() if n},
        warnings=(*curve.warnings, told) if shared else curve.warnings,
    )  # fmt: skip


def known_unit(text: str) -> str:
    """A unit of q that a person gave, in any spelling: one of `UNITS`, "unknown", or "" if nothing was given."""
    if text.strip().lower() in ("", UNKNOWN):
        return text.strip().lower()
    found = q_units(text)
    if len(found) != 1 or found[0][1] != 1:
        check_one_of("q_unit", text, (*UNITS, UNKNOWN))
    return found[0][0]


def _hdf5_curve(path: Path, is_unit_given: bool, is_q_wanted: bool) -> Curve:
    """The curve of an HDF5 file; the points are not checked."""
    q, intensity, axis, unit, masked, wavelengths = hdf5_curve(path)
    q, intensity = q[~masked], intensity[~masked]
    kind, taken = quantity(axis), f"{axis} and its signal"
    left_out = {"masked in the file": int(masked.sum())}
    if kind == "2-theta" and (len(wavelengths) == 1 or is_q_wanted):
        wavelength = _only_wavelength(wavelengths, axis)
        q = _q_of_angles(q, wavelength, axis_of(unit)[0] if unit != axis else unit)
        return Curve(q, intensity, "1/nm", _by_angle(wavelength), taken, left_out)
    is_other = kind in ("2-theta", "another axis", "number of the row")
    if is_other and is_q_wanted:
        raise ValueError(f"must be a profile over q; got one over {axis!r}")
    if is_other or (not is_q_wanted and kind not in ("q", "q component", "s") and not q_units(unit)):
        name, own = axis_of(axis)
        own = own or ("" if unit == axis else axis_of(f"x [{unit}]")[1])
        return Curve(q, intensity, own, f"the attribute units of {axis}" if own else "", taken, left_out, axis=name)
    known = q_units(unit)
    if len(known) > 1 and not is_unit_given:
        raise ValueError(f"the unit of {axis} must be one; got {unit!r}: say which by q_unit")
    name, factor = known[0] if known else ("", 1.0)
    origin = f"the attribute units of {axis}" if name else ""
    warned = () if kind in ("q", "q component", "s") or name else (f"{axis!r} is taken for q",)
    return Curve(q * factor, intensity, name, origin, taken, left_out, warned)


@dataclass(frozen=True)
class _Table:
    """The table of a text: rows of fields (numbers, NaN where one is missing), the lines above, and what was left."""

    values: NDArray[np.float64]  # (rows, columns)
    is_empty: NDArray[np.bool_]  # columns in which every field is empty
    header: list[str]
    aside: int  # lines of numbers out of the table


def _text_curve(path: Path, is_unit_given: bool, is_q_wanted: bool) -> Curve:
    """The curve of a text; the points are not checked."""
    table = _table(_text(path))
    values = table.values[:, ~table.is_empty]
    count = values.shape[1]
    if not len(values):
        return Curve(np.zeros(0), np.zeros(0))
    labels = _labels(table, count)
    place = _place_of_axis(labels, values, is_q_wanted)
    label = labels[place] if labels else ""
    over = _place_of_intensity(labels, place, count)
    q, intensity = values[:, place], values[:, over]
    names = [repr(labels[i]) if labels else f"number {i + 1}" for i in (place, over)]
    taken = f"columns {names[0]} and {names[1]} of {count}"
    if table.aside:
        taken += f"; {table.aside} lines of numbers out of the table left aside"
    kind = quantity(label)
    if kind == "2-theta":
        wavelengths = _wavelengths(table.header)
        if len(wavelengths) == 1 or is_q_wanted:
            wavelength = _only_wavelength(wavelengths, label)
            return Curve(_q_of_angles(q, wavelength, label), intensity, "1/nm", _by_angle(wavelength), taken)
    if not is_q_wanted and labels and not q_units(label) and kind not in ("q", "q component", "s"):
        name, unit = axis_of(label)
        return Curve(q, intensity, unit, f"the label {label!r}" if unit else "", taken, axis=name)
    unit, factor, origin = _unit_of_q(table.header, label, is_unit_given)
    is_guess = kind == "s" or (label and not kind and bool(unit))
    warned = (f"column {label!r} is taken for q = 4 pi sin(theta) / wavelength",) if is_guess else ()
    is_unknown = not (is_q_wanted or labels or unit or is_unit_given)
    return Curve(q * factor, intensity, unit, origin, taken, warnings=warned, axis="" if is_unknown else "q")


def _q_of_angles(angles: NDArray[np.float64], wavelength: float, label: str) -> NDArray[np.float64]:
    """The q [1/nm] of 2-theta, in degrees unless its label or unit says rad."""
    radians = angles if "rad" in plain(label) else np.radians(angles)
    return 4 * np.pi / wavelength * np.sin(radians / 2)


def _by_angle(wavelength: float) -> str:
    """Where the unit of such a q comes from."""
    return f"2-theta and the wavelength of {wavelength:g} nm in the file"


def _table(text: str) -> _Table:
    """The table of a text: the longest run of lines of numbers that no line of words cuts."""
    blocks: list[list[tuple[int, list[str]]]] = [[]]
    above: list[list[str]] = [[]]  # lines of words before each block
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        fields = None if line.lstrip().startswith(_COMMENT) else _fields(line)
        if fields is not None:
            blocks[-1].append((number, fields))
        elif blocks[-1] and not line.lstrip().startswith(_COMMENT):
            blocks.append([])
            above.append([*above[-1], line])
        else:
            above[-1].append(line)
    widths = [Counter(len(fields) for _, fields in block if len(fields) > 1) for block in blocks]
    sizes = [max(width.values(), default=0) for width in widths]
    best = int(np.argmax(sizes))
    if not sizes[best]:
        return _Table(np.zeros((0, 2)), np.zeros(2, dtype=bool), [], 0)
    columns = widths[best].most_common(1)[0][0]
    for other, width in enumerate(widths):
        if other != best and width[columns] > 1:
            number = blocks[max(other, best)][0][0]
            raise ValueError(f"a second table begins at line {number}; expected one table without words in it")
    rows = blocks[best]
    while len(rows[0][1]) != columns:
        rows = rows[1:]
    first = [_number(field) for field in rows[0][1]]
    if len(rows) > 2 and first[0] == len(rows) - 1 and first[0] > (_number(rows[-1][1][0]) or 0) > 0:
        rows = rows[1:]  # the number of points
    for number, fields in rows:
        if len(fields) > columns or len(fields) < 2:
            raise ValueError(f"line {number} must hold {columns} numbers as the others; got {len(fields)}")
    aside = sum(map(len, blocks)) - len(rows)
    filled = [fields + [""] * (columns - len(fields)) for _, fields in rows]
    _check_decimals(filled)
    values = np.array([[_number(field) for field in fields] for fields in filled], dtype=np.float64)
    is_empty = np.array([all(not field for field in column) for column in zip(*filled, strict=True)])
    return _Table(values, is_empty, above[best], aside)


def _fields(line: str) -> list[str] | None:
    """The fields of a line of numbers, of which some may be missing; None if the line is none."""
    body = line.strip("\r\n ")
    separator = next((mark for mark in ";\t|" if mark in body), "")
    if not separator and "," in body:
        is_decimal = all(_DECIMAL_COMMA.fullmatch(part) or part.isdigit() for part in body.replace('"', "").split())
        separator = "" if is_decimal and len(body.split()) > 1 else ","
    if separator:
        fields = [field.strip(" \t'") for field in next(csv.reader([body], delimiter=separator, skipinitialspace=True))]
        if any(re.search(r"\s", field) for field in fields) or any(field.endswith(",") for field in fields):
            fields = re.sub(r"[,;\t|]+", " ", body).split()
    else:
        fields = [field.strip("\"'") for field in body.split()]
    while fields and not fields[-1]:
        fields.pop()
    numbers = [_number(field) for field in fields]
    known = sum(number is not None and bool(field) for number, field in zip(numbers, fields, strict=True))
    has_number = any(number is not None and np.isfinite(number) for number in numbers)
    # A flag or a name may stand in a row behind its numbers.
    if not has_number or numbers[0] is None or known * 2 <= len([field for field in fields if field]):
        return None
    return fields


def _number(field: str) -> float | None:
    """A field as a number, NaN where it says that there is none; None where it is a word."""
    if field.lower() in _MISSING or set(field) == {"*"}:
        return np.nan
    if _DECIMAL_COMMA.fullmatch(field):
        field = field.replace(",", ".")
    try:
        return float(_FORTRAN.sub("e", field)) if "_" not in field else None
    except ValueError:
        return None


def _check_decimals(rows: list[list[str]]) -> None:
    """Raise ValueError where decimal points and decimal commas are mixed, or commas have two meanings."""
    fields = [field for row in rows for field in row]
    if len(rows[0]) in (4, 6) and all(field.lstrip("+-").isdigit() for field in fields):
        raise ValueError(
            f"lines hold {len(rows[0])} whole numbers: are the commas decimal ones, and between the numbers, too? "
            "write semicolons or tabs between the numbers"
        )
    if any("," in field for field in fields) and any("." in field for field in fields):
        raise ValueError("numbers must have decimal points or decimal commas; got both")


def _parts(line: str) -> list[list[str]]:
    """The ways in which a line may be labels of columns."""
    body = _HEAD.sub("", re.sub(r"^;\s", "", line.strip()).lstrip("#%!*/ "))
    ways = []
    for separator in "\t;|,":
        if separator in body:
            parts = [part.strip() for part in next(csv.reader([body], delimiter=separator, skipinitialspace=True))]
            while parts and not parts[-1]:
                parts.pop()
            ways.append(parts)
    ways.append(re.split(r"\s{2,}", body))
    words: list[str] = []
    for word in re.findall(r"[^\s(\[]*(?:\([^)]*\)|\[[^\]]*\])\S*|\S+", re.sub(r"[,;|\t]", " ", body)):
        is_unit = words and (word[0] in "([/" or (q_units(word) and not quantity(word)))
        if is_unit or (words and words[-1].endswith("/")):
            words[-1] += f" {word}"
        else:
            words.append(word)
    return [*ways, words]


def _labels(table: _Table, count: int) -> list[str]:
    """Labels of the columns; none where no line above the table names them."""
    lines = [line for line in table.header if line.strip(" #%!*/")]
    whole = len(table.is_empty)
    for place in range(len(lines) - 1, -1, -1):
        kind, following = quantity(lines[place]), quantity(lines[place + 1]) if place + 1 < len(lines) else ""
        if kind in ("q", "2-theta") or (kind == "another axis" and following == "intensity"):
            return [lines[place].strip(" #%!*/"), "intensity", *[""] * (count - 2)]  # a line for each column
        for parts in _parts(lines[place]):
            if len(parts) == whole != count:
                parts = [part for part, empty in zip(parts, table.is_empty, strict=True) if not empty]
            if len(parts) == count - 1 > 1 and _counts_rows(table.values[:, 0]):
                parts = ["", *parts]  # R leaves the row number without a label
            kinds = [quantity(part) for part in parts]
            is_metadata = any(part.endswith((":", "=")) or part == "=" or (part and _number(part)) for part in parts)
            has_axis = any(kind in ("q", "2-theta", "q component") for kind in kinds)
            has_intensity = "intensity" in kinds
            has_other = any(kind in ("another axis", "s", "number of the row") for kind in kinds)
            is_last = place == len(lines) - 1 and kinds[0] in ("another axis", "s")
            is_inverse = bool(parts[0] and q_units(parts[0]))
            is_named = has_axis or (has_intensity and (has_other or count == 2)) or is_last or is_inverse
            if len(parts) == count and not is_metadata and is_named:
                below = _units_row(lines[place + 1 :], parts, kinds)
                return below or parts
            # Fewer or more labels than columns: the first names the first column.
            is_first = kinds[0] in ("q", "2-theta") and (has_intensity or count == 2)
            is_first = is_first or (is_last and (has_intensity or bool(re.search(r"[(\[]", parts[0]))))
            if len(parts) > 1 and not is_metadata and is_first:
                named = [parts[0], "intensity", *[""] * (count - 2)]
                return _units_row(lines[place + 1 :], named, [kinds[0]]) or named
    return []


def _units_row(lines: list[str], labels: list[str], kinds: list[str]) -> list[str]:
    """Labels with the units that stand in a line of their own below them; none where there is no such line."""
    for line in lines[:2]:
        for parts in _parts(line):
            place = next((i for i, kind in enumerate(kinds) if kind == "q"), None)
            if place is not None and place < len(parts) and q_units(parts[place]) and not q_units(labels[place]):
                return [f"{label} {parts[i] if i == place else ''}".strip() for i, label in enumerate(labels)]
    return []


def _counts_rows(values: NDArray[np.float64]) -> bool:
    """Whether a column is the number of the row."""
    return bool(values[0] in (0, 1) and (values == values[0] + np.arange(len(values))).all())


def _place_of_axis(labels: list[str], values: NDArray[np.float64], is_q_wanted: bool) -> int:
    """The column of q, or of 2-theta, else of another axis if q is not wanted; ValueError where there is none."""
    kinds = [quantity(label) for label in labels]
    named = ", ".join(repr(label) for label in labels if label)
    if not labels:
        if values.shape[1] > 2 and _counts_rows(values[:, 0]):
            raise ValueError("the first column is the number of the row; name the columns in a line above them")
        return 0
    components = [label for label, kind in zip(labels, kinds, strict=True) if kind == "q component"]
    found = [i for i, kind in enumerate(kinds) if kind == "q"]
    if not found and len(components) > 1:
        raise ValueError(f"is a 2-D table over {' and '.join(components)}, not a profile over q")
    if len({q_units(labels[i])[0] for i in found if q_units(labels[i])}) > 1:
        raise ValueError(f"q stands in more than one unit; keep one of the columns {named}")
    found = found or [i for i, kind in enumerate(kinds) if kind == "q component"]
    found = found or [i for i, kind in enumerate(kinds) if kind == "2-theta"]
    if found:
        return found[0]
    first = next((i for i, kind in enumerate(kinds) if kind != "number of the row"), 0)
    if kinds[first] == "s" or (not is_q_wanted and kinds[first] in ("another axis", "")):
        return first
    if kinds[first] or (kinds[0] == "number of the row" and not q_units(labels[first])):
        raise ValueError(f"must be a profile over q, but no column is called q; the columns are {named}")
    return first


def _place_of_intensity(labels: list[str], place: int, count: int) -> int:
    """The column of the intensity: by its name, else the next after q."""
    kinds = [quantity(label) for label in labels] or [""] * count
    behind = [i for i in range(place + 1, count)]
    for wanted in (("intensity",), ("",)):
        others = [*behind, *range(place)]
        found = [i for i in others if kinds[i] in wanted]
        if found:
            return found[0]
    raise ValueError(f"must have a column of intensities; the columns are {', '.join(map(repr, labels))}")


def _unit_of_q(header: list[str], label: str, is_given: bool) -> tuple[str, float, str]:
    """Unit of q, the factor to it, and where it stands: in the label of q, else in a line that speaks of q or units."""
    own = q_units(label)
    lines = [line for line in header if re.search(r"(?<![a-z])q(?![a-z])|vector|transfer|units?(?![a-z])", plain(line))]
    others = [known for line in lines for known in q_units(line) if known[1] == 1]
    found = list(dict.fromkeys([*own, *others]))
    if len(found) > 1 and not is_given:
        named = " and ".join(unit if factor == 1 else f"{factor:g} {unit}" for unit, factor in found)
        raise ValueError(f"the header names more than one unit of q, {named}; say which by q_unit")
    if not found:
        return "", 1.0, ""
    unit, factor = (own or found)[0]
    return unit, factor, f"the label {label!r}" if own else "the header"


def _wavelengths(header: list[str]) -> set[float]:
    """The wavelengths [nm] that a header names."""
    found = set()
    for match in _WAVELENGTH.finditer(plain("\n".join(header))):
        value, unit = float(match[2]), (match[1] or match[3] or "")[:2]
        if unit or 0 < value < 1e-6:  # a number alone can only be told if it is in m
            found.add(round(value * _NM[unit or "m"], 9))
    return found


def _only_wavelength(found: set[float], label: str) -> float:
    """The one wavelength [nm] by which a profile over 2-theta becomes one over q, or ValueError."""
    if len(found) != 1:
        raise ValueError(
            f"must be a profile over q; got {label!r}, and the file names {len(found) or 'no'} "
            f"wavelength{'s' * (len(found) > 1)} with a unit, by which it could be converted"
        )
    return next(iter(found))


def _text(path: Path) -> str:
    """The text of a file in UTF-8, in UTF-16, else in Latin-1, in which instruments write the angstrom."""
    with unreadable_as_value_error():
        data = text_bytes(path)
        if data.startswith(b"version https://git-lfs"):
            raise ValueError("is a pointer of Git LFS, not the file itself; fetch it with: git lfs pull")
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16")
        if b"\x00" in data:
            raise ValueError("is no text in UTF-8, UTF-16 or Latin-1")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return data.decode("latin-1")
