"""Numbers of the chapters that are held to bands: what they were on other processors and from other starts.

Training amplifies the last bit of every operation, and processors round in different orders. So a number of a chapter
is compared with a band: the range that it had in runs under several arithmetics and from perturbed starts, widened on
either side by its own width. A conclusion, such as "the nearest neighbour has the smaller error", is held where it came
out the same in all those runs. `make references` makes the runs and writes what was seen.

Nothing here raises an error because of a number: a reader's run says what lies outside, and goes on. Tests fail.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from pairvae_lib.files.arrays import rounded, write_json
from pairvae_lib.files.runs import Run, project_root
from pairvae_lib.models.precision import arithmetic_in_force

WIDENING = 1.0  # of the range seen, on either side
NARROWEST = 0.005  # of the middle of a band, on either side: the last digits of what is not trained
WIDEST = 0.5  # of the middle, on either side: a wider band says nothing, and the number is not held

# What one run of a chapter noted: "numbers", "conclusions", "arithmetic", and if it trained "weights".
Found = Mapping[str, Any]


def reference_file() -> Path:
    """What the numbers of the chapters were, in the quick profile."""
    return project_root() / "notebooks" / "reference.json"


def agreement(
    run: Run,
    chapter: str,
    numbers: Mapping[str, float],
    conclusions: Mapping[str, bool] | None = None,
    weights: str | None = None,
) -> str:
    """Note the numbers of a chapter, and say in a sentence whether they lie in the bands seen on other processors.

    Parameters
    ----------
    run : Run
        Only the default run has a reference.
    conclusions : mapping of str to bool, optional
        Statements about the numbers, and whether they are true here.
    weights : str, optional
        Digest of what was trained: `state_digest`.
    """
    if run != Run():
        return "There is no reference for these parameters."
    found = {
        "numbers": rounded(numbers),
        "conclusions": {name: bool(true) for name, true in (conclusions or {}).items()},
        "arithmetic": arithmetic_in_force(),
    } | ({} if weights is None else {"weights": weights})
    write_json(run.numbers_file(chapter), found)
    outside = differences(found, bands(chapter))
    held = _held(bands(chapter))
    if not outside:
        return f"OK: {held} are as on other processors."
    return f"Of {held}, {len(outside)} are not as on other processors: {'; '.join(outside)}."


def conclusion_table(run: Run, chapter: str, conclusions: Mapping[str, bool]) -> pd.DataFrame:
    """A row for each conclusion of a chapter: whether it holds here, and for the default run on other processors."""
    table = pd.DataFrame({"here": ["yes" if true else "no" for true in conclusions.values()]}, index=list(conclusions))
    if run == Run():
        usual = bands(chapter)["conclusions"]
        known = {None: "either way", True: "yes", False: "no"}
        table["on other processors"] = [known[usual[name]] if name in usual else "not known" for name in conclusions]
    return table.rename_axis("statement")


def bands(chapter: str) -> dict[str, Any]:
    """What a chapter is held to: "numbers" ([lowest, highest]) and "conclusions" (True or False), by name; or None.

    None stands for what came out too differently to be held. "fixed" has the numbers in the fixed arithmetic, and
    "weights", if the chapter trains, the digest of what it trains there.
    """
    return widened(seen_so_far().get(chapter, {"numbers": {}, "conclusions": {}}))


def seen_so_far() -> dict[str, Any]:
    """What the reference file holds of each chapter: as `bands`, but numbers as the ranges that were seen."""
    return _reference(reference_file()).get("chapters", {})


def noted(run: Run, chapter: str) -> dict[str, Any] | None:
    """What a chapter of a run has noted, or None if it notes nothing or was not run."""
    file = run.numbers_file(chapter)
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def differences(found: Found, expected: Found) -> list[str]:
    """Whatever of a chapter lies outside its band, came out otherwise, is missing or is new; a line for each."""
    lines = []
    for part in ("numbers", "conclusions"):
        lines += [f"“{name}” is missing" for name in expected[part] if name not in found[part]]
        lines += [f"“{name}” is new" for name in found[part] if name not in expected[part]]
    for name, value in found["numbers"].items():
        band = expected["numbers"].get(name)
        if band is not None and (value is None or not band[0] <= value <= band[1]):
            told = "not defined" if value is None else f"{value:.3g}"
            lines.append(f"{name} is {told} (band: {band[0]:.3g} to {band[1]:.3g})")
    for name, true in found["conclusions"].items():
        usual = expected["conclusions"].get(name)
        if usual is not None and true != usual:
            lines.append(f"“{name}” is {'true' if true else 'not true'}")
    return lines


def widened(known: Found) -> dict[str, Any]:
    """The ranges of a chapter as its bands."""
    return dict(known) | {"numbers": {name: _band(known["numbers"][name]) for name in known["numbers"]}}


def seen(found: Found) -> dict[str, Any]:
    """What one run of a chapter noted, as ranges: the lowest and the highest of each number, or None if not defined."""
    numbers = {name: None if value is None else [value, value] for name, value in found["numbers"].items()}
    return {"numbers": numbers, "conclusions": found["conclusions"]}


def merged(ranges: Iterable[Found]) -> dict[str, Any]:
    """The ranges of a chapter over all that was seen, under several arithmetics and starts, or on other processors."""
    first, *others = every = list(ranges)
    for other, part in product(others, ("numbers", "conclusions")):
        if other[part].keys() != first[part].keys():
            got = f"{sorted(other[part])} and {sorted(first[part])}"
            raise ValueError(f"all runs must note the same {part}; got {got}")
    numbers: dict[str, list[float] | None] = {}
    for name in first["numbers"]:
        known = [one["numbers"][name] for one in every]
        defined = [band for band in known if band is not None]
        whole = len(defined) == len(known)
        numbers[name] = [min(low for low, _ in defined), max(high for _, high in defined)] if whole else None
    answers = {name: {one["conclusions"][name] for one in every} for name in first["conclusions"]}
    common = {name: known.pop() if len(known) == 1 else None for name, known in answers.items()}
    return {"numbers": numbers, "conclusions": common}


def _band(range_seen: tuple[float, float] | None) -> list[float] | None:
    """The widened range, or None where it is too wide to say anything, or a value was not defined."""
    if range_seen is None:
        return None
    low, high = range_seen
    middle = (low + high) / 2
    widened = max((high - low) * (0.5 + WIDENING), NARROWEST * abs(middle))
    if widened > WIDEST * abs(middle):
        return None
    return [float(f"{middle - widened:.4g}"), float(f"{middle + widened:.4g}")]


def _held(expected: Found) -> str:
    """How much of a chapter is held, in words."""
    numbers = sum(band is not None for band in expected["numbers"].values())
    conclusions = sum(usual is not None for usual in expected["conclusions"].values())
    words = f"{numbers} number{'s' * (numbers != 1)}"
    return words + (f" and {conclusions} conclusion{'s' * (conclusions != 1)}" if conclusions else "")


@cache
def _reference(file: Path) -> dict[str, Any]:
    """The committed file, read once; empty where there is none yet."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
