"""One technique as the model sees it: the kind of its measurements, and the axis that a curve is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.checks import check_one_of
from pairvae_lib.config import PX_PER_LATENT_CELL, Likelihood

Kind = Literal["profile", "pattern", "image", "mask"]
# A curve; 2-D intensities; a grey and a binary micrograph. A pair is in this order: what is cropped comes last.
KINDS: tuple[Kind, ...] = get_args(Kind)
WHOLE: tuple[Kind, ...] = ("profile", "pattern")  # seen whole; of the others, a random crop

NAMELESS = "x"  # an axis that no file names


@dataclass(frozen=True)
class Axis:
    """What a curve is over: the name and unit ("" where unknown), and whether its points are at equal steps of the log.

    The default is that of scattering curves.
    """

    name: str = "q"
    unit: str = ""
    is_log: bool = True

    @property
    def label(self) -> str:
        """In words: "q [1/nm]"."""
        return f"{self.name} [{self.unit or 'unit unknown'}]"

    def grid(self, low: float, high: float, points: int) -> NDArray[np.float64]:
        """Points at equal steps of the axis, or of its logarithm, from `low` to `high`; at least two."""
        if not low < high or (self.is_log and low <= 0):
            raise ValueError(f"low and high must fulfil {'0 < ' * self.is_log}low < high; got {low!r} and {high!r}")
        if points < 2:
            raise ValueError(f"points must be at least 2; got {points!r}")
        return (np.geomspace if self.is_log else np.linspace)(low, high, points)


@dataclass(frozen=True)
class Modality:
    """A technique: its name, the shape of one measurement, and its kind.

    Parameters
    ----------
    name : str
        As in the data, e.g. "saxs" or "sem".
    shape : tuple of int
        (height, width) [px] of an image, (points,) of a profile; each a multiple of 32.
    kind : "profile", "pattern", "image" or "mask"
        See `KINDS`.
    """

    name: str
    shape: tuple[int, ...]
    kind: Kind

    def __post_init__(self) -> None:
        check_one_of(f"kind of modality {self.name!r}", self.kind, KINDS)
        dims = 1 if self.kind == "profile" else 2
        if len(self.shape) != dims or any(n <= 0 or n % PX_PER_LATENT_CELL for n in self.shape):
            raise ValueError(
                f"shape of modality {self.name!r} must be {'(points,)' if dims == 1 else '(height, width)'} of a "
                f"{self.kind}, each a multiple of {PX_PER_LATENT_CELL}; got {self.shape}"
            )

    @property
    def likelihood(self) -> Likelihood:
        """Of its reconstruction: Bernoulli for masks, Gaussian for intensities in [0, 1]."""
        return "bernoulli" if self.kind == "mask" else "gaussian"

    @property
    def is_image(self) -> bool:
        """Whether a measurement has two dimensions (else it is a profile)."""
        return self.kind != "profile"

    @property
    def is_cropped(self) -> bool:
        """Whether the model sees random crops of a measurement (else all of it)."""
        return self.kind not in WHOLE
