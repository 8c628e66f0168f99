"""Checks of what a user hands over, and the one wording for all errors: name, what was expected, what was got."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np


class DataError(ValueError):
    """Input files that cannot be used: one line for every file, so that all are mended in one go."""

    def __init__(self, folder: Path | str, problems: Iterable[str]):
        self.problems = list(problems)
        count = f"{len(self.problems)} problem" + "s" * (len(self.problems) != 1)
        super().__init__("\n".join([f"{folder}: {count}", *(f"  - {problem}" for problem in self.problems)]))


class MissingResult(FileNotFoundError):
    """A result that an earlier notebook writes is not there; the message holds the command that makes it."""

    def __init__(self, path: Path, command: str):
        super().__init__(f"{path} is not there yet; make it with: {command}")


def check_one_of(name: str, value: Any, allowed: Collection[Any]) -> None:
    """Raise ValueError unless `value` is one of `allowed`."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}; got {value!r}")


def check_positive(name: str, value: float) -> None:
    """Raise ValueError unless `value` is above zero."""
    if not value > 0:
        raise ValueError(f"{name} must be above 0; got {value!r}")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError unless low <= value <= high."""
    if not low <= value <= high:
        raise ValueError(f"{name} must lie between {low} and {high}; got {value!r}")


def check_shape(name: str, array: Any, expected: tuple[int | str, ...]) -> None:
    """Raise ValueError unless the shape of `array` is `expected`; a string stands for any length."""
    shape = tuple(array.shape)
    fits = len(shape) == len(expected) and all(
        isinstance(want, str) or have == want for have, want in zip(shape, expected, strict=True)
    )
    if not fits:
        wanted = ", ".join(map(str, expected)) + "," * (len(expected) == 1)
        raise ValueError(f"{name} must have shape ({wanted}); got {shape}")


def check_finite(name: str, array: np.ndarray) -> None:
    """Raise ValueError if `array` holds NaN or infinity."""
    bad = int(np.size(array) - np.isfinite(array).sum())
    if bad:
        raise ValueError(f"{name} must be finite; got {bad} NaN or infinite of {np.size(array)} values")


def check_mask(name: str, mask: np.ndarray) -> None:
    """Raise ValueError unless `mask` is boolean with at least two axes (for others PoreSpy returns NaN silently)."""
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.ndim < 2:
        kind = f"{mask.dtype} of shape {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise ValueError(f"{name} must be a boolean array of shape (..., height, width); got {kind}")
