"""Access to saved results: the arrays of `curves.npz` and `generation.npz`, with errors that name what is missing."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from pairvae_lib.figures.style import class_order


def entry(name: str, source: Mapping[str, Any], key: str) -> Any:
    """What a saved result holds under a key."""
    if key not in source:
        raise ValueError(f"{name} must hold {key!r}; got {', '.join(sorted(map(str, source))) or 'nothing'}")
    return source[key]


def array(name: str, source: Mapping[str, Any], key: str) -> np.ndarray:
    """A saved array; half precision is widened, in which means would lose digits."""
    values = np.asarray(entry(name, source, key))
    return values.astype(np.float64) if values.dtype == np.float16 else values


def words(name: str, source: Mapping[str, Any], key: str) -> list[str]:
    """A saved array of strings as a list."""
    return [str(word) for word in entry(name, source, key)]


def in_class_order(
    name: str, source: Mapping[str, Any], labels: str, prefix: str = "", others: Collection[str] = ()
) -> dict[str, Any]:
    """Saved examples, one of each class, in the order of classes that all figures have.

    `labels` is the key of the classes. All that begins with `prefix`, but for `others`, has one entry for each class.
    """
    order = class_order(words(name, source, labels))
    return {
        key: np.asarray(value)[order] if key.startswith(prefix) and key not in others else value
        for key, value in source.items()
    }


def trained_techniques(history: Mapping[str, Any]) -> tuple[str, str]:
    """Names of the scattering and of the micrograph, in the order of the losses of a pair training."""
    found = [match[1] for match in (re.fullmatch(r"(\w+)_to_\1", str(key)) for key in history) if match]
    return (found[0], found[1]) if len(found) == 2 else ("saxs", "sem")


def techniques(curves: Mapping[str, Any]) -> tuple[str, str]:
    """Names of the scattering and of the micrograph: of the series that `curves` holds, else of its true examples."""
    keys = [str(key) for key in curves]
    for key in keys:
        found = re.fullmatch(r"S2 (\w+)_to_(\w+)", key)
        if found and found[1] != found[2]:
            return found[1], found[2]
    true = [key.removeprefix("example true ") for key in keys if key.startswith("example true ")]
    if len(true) == 2:
        return true[0], true[1]
    raise ValueError(f"curves must hold 'S2 <scattering>_to_<micrograph>'; got {', '.join(sorted(keys))}")
