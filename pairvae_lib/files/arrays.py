"""Small results as JSON and arrays: written whole or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pairvae_lib.checks import DataError
from pairvae_lib.files.writing import replacing

_SHORT_LIST = re.compile(r"\[[^][{}]*\]")  # no list or object inside


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path` atomically, a list of plain values to a line; its folder is made when needed."""
    with replacing(path) as file:
        file.write(_SHORT_LIST.sub(_on_one_line, json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def rounded(values: Any, digits: int = 6) -> Any:
    """Arrays, in mappings or not, as lists of so many significant digits; None where a value is not defined."""
    if isinstance(values, Mapping):
        return {key: rounded(value, digits) for key, value in values.items()}
    if isinstance(values, np.ndarray):
        return [rounded(value, digits) for value in values]
    return float(f"{values:.{digits}g}") if np.isfinite(values) else None


def compact(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays as they are stored for figures: curves in half precision, pictures of [0, 1] in 256 levels, axes as is."""
    small = dict(arrays)
    for name, values in arrays.items():
        if values.dtype.kind == "f" and values.ndim >= 3 and 0 <= values.min() and values.max() <= 1:
            small[name] = np.rint(255 * values.astype(np.float32)).astype(np.uint8)
        elif values.dtype.kind == "f" and values.ndim > 1:
            small[name] = values.astype(np.float16)
    return small


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays of numbers, truth values and texts to one compressed .npz file, atomically."""
    with replacing(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read what `write_arrays` wrote, pictures of 256 levels as numbers in [0, 1]; nothing in the file is executed.

    Raises
    ------
    DataError
        If it is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            levels = {name: values for name, values in archive.items() if values.dtype == np.uint8}
            return dict(archive) | {name: values.astype(np.float32) / 255 for name, values in levels.items()}
    except FileNotFoundError:
        raise
    except Exception as error:  # a broken zip file raises anything
        raise DataError(path, [f"not a file of arrays, or a broken one ({error}); make it again"]) from error


def _on_one_line(found: re.Match[str]) -> str:
    """A list with its line breaks taken out."""
    return re.sub(r"\n\s*", " ", found[0]).replace("[ ", "[").replace(" ]", "]")
