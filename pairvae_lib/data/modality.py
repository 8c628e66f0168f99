"""One characterisation technique as the model sees it. There are exactly two: scattering first, then a micrograph."""

from __future__ import annotations

from dataclasses import dataclass

from pairvae_lib.checks import check_one_of
from pairvae_lib.config import PX_PER_LATENT_CELL, Likelihood


@dataclass(frozen=True)
class Modality:
    """A technique: its name, the shape of one measurement, and the likelihood of its reconstruction.

    Parameters
    ----------
    name : str
        As in the data, e.g. "saxs" or "sem".
    shape : tuple of int
        (height, width) [px] of an image, (points,) of a 1-D profile; each a multiple of 32.
    likelihood : "bernoulli" or "gaussian"
        Bernoulli for a binary image, Gaussian for intensities in [0, 1].
    """

    name: str
    shape: tuple[int, ...]
    likelihood: Likelihood

    def __post_init__(self) -> None:
        check_one_of("likelihood", self.likelihood, ("bernoulli", "gaussian"))
        if len(self.shape) not in (1, 2) or any(n <= 0 or n % PX_PER_LATENT_CELL for n in self.shape):
            raise ValueError(
                f"shape of modality {self.name!r} must be (height, width) or (points,), "
                f"each a multiple of {PX_PER_LATENT_CELL}; got {self.shape}"
            )

    @property
    def is_image(self) -> bool:
        """Whether a measurement is a 2-D image (else a 1-D profile)."""
        return len(self.shape) == 2
