"""Small results as JSON: written whole or not at all, and held to committed reference numbers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pairvae_lib.checks import DataError
from pairvae_lib.files import replacing
from pairvae_lib.runs import Run, project_root

UPDATE = "PAIRVAE_UPDATE_REFERENCE"
_SHORT_LIST = re.compile(r"\[[^][{}]*\]")  # no list or object inside


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path` atomically, a list of plain values to a line; its folder is made when needed."""
    with replacing(path) as file:
        file.write(_SHORT_LIST.sub(_on_one_line, json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def compact(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays as they are stored for figures: fractions in half precision, which keeps three digits."""
    halved = {"f4", "f8"}
    return {
        name: values.astype(np.float16) if values.dtype.str[1:] in halved and values.ndim > 1 else values
        for name, values in arrays.items()
    }


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays of numbers, truth values and texts to one compressed .npz file, atomically."""
    with replacing(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read what `write_arrays` wrote; nothing in the file is executed.

    Raises
    ------
    DataError
        If it is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except FileNotFoundError:
        raise
    except Exception as error:  # a broken zip file raises anything
        raise DataError(path, [f"not a file of arrays, or a broken one ({error}); make it again"]) from error


def _on_one_line(found: re.Match[str]) -> str:
    """A list with its line breaks taken out."""
    return re.sub(r"\n\s*", " ", found[0]).replace("[ ", "[").replace(" ]", "]")


def reference_file() -> Path:
    """The numbers of the committed notebooks."""
    return project_root() / "notebooks" / "reference.json"


def agreement(run: Run, chapter: str, numbers: Mapping[str, float], relative: float, absolute: float = 0.0) -> str:
    """Hold the numbers of a chapter to those of its committed notebook.

    Training amplifies the last bit of every operation, so that machines agree on a result only within a tolerance; an
    output compared letter by letter would not travel.

    Parameters
    ----------
    run : Run
        Only the default run has a reference.
    chapter : str
        E.g. "03_solo_vae".
    numbers : mapping of str to float
    relative, absolute : float
        Tolerance: absolute + relative * |reference|.

    Returns
    -------
    str
        A sentence to print.

    Raises
    ------
    ValueError
        If a number is missing, new or outside the tolerance.
    """
    if run != Run():
        return "no committed reference for these parameters"
    file = reference_file()
    reference = json.loads(file.read_text()) if file.exists() else {}
    if os.environ.get(UPDATE):
        reference[chapter] = {name: float(f"{value:.6g}") for name, value in numbers.items()}
        write_json(file, dict(sorted(reference.items())))
    expected = reference.get(chapter, {})
    differing = [
        f"{name}: {numbers.get(name)} instead of {expected.get(name)}"
        for name in sorted(expected.keys() | numbers.keys())
        if name not in expected
        or name not in numbers
        or not abs(numbers[name] - expected[name]) <= absolute + relative * abs(expected[name])
    ]
    if differing:
        raise ValueError(f"{chapter} does not agree with {file.name}: " + "; ".join(differing))
    return f"OK: {len(numbers)} numbers agree with the committed reference"
