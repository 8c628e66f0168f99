"""How a claim is decided: an effect with its interval, a range that it should lie in, and what follows.

A claim says that a number lies in a range. For numbers of images the verdict rests on a hierarchical bootstrap and on
p values that Holm's method has adjusted; for numbers of whole trainings, which are few, on all of them agreeing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np

from pairvae_lib.assessment.statistics import (
    FEWEST_IMAGES,
    SIGNIFICANT,
    Statistic,
    hierarchical_bootstrap,
    hierarchical_resamples,
    median,
    two_sided_p_value,
)

HOLDS = "holds"
ONLY_MIXED = "holds only mixed with training data"
NOT = "does not hold"
UNDECIDED = "undecided"
UNTESTABLE = "cannot be tested here"
# The weakest first: of several the first one here counts.
VERDICTS = (NOT, UNDECIDED, ONLY_MIXED, UNTESTABLE, HOLDS)

RESAMPLES = 4000


class CannotBeTested(Exception):
    """These data or runs cannot say anything about a claim; the message is the reason."""


@dataclass(frozen=True)
class Range:
    """Where a claim says that a number lies: bounds, infinite on a side that the claim leaves open."""

    low: float = -math.inf
    high: float = math.inf

    @property
    def bounds(self) -> tuple[float, ...]:
        """The finite ones."""
        return tuple(bound for bound in (self.low, self.high) if math.isfinite(bound))

    def __contains__(self, value: float) -> bool:
        return self.low < value < self.high

    def __str__(self) -> str:
        if len(self.bounds) == 2:
            return f"between {self.low:.3g} and {self.high:.3g}"
        return f"above {self.low:.3g}" if math.isfinite(self.low) else f"below {self.high:.3g}"


@dataclass(frozen=True, eq=False)
class Sample:
    """Numbers of images.

    Parameters
    ----------
    values : ndarray of shape (observations, ...)
    image, seed : ndarray of shape (observations,)
        The image that a value belongs to, and the training that it comes from.
    """

    values: np.ndarray
    image: np.ndarray
    seed: np.ndarray


@dataclass(frozen=True, eq=False)
class Case:
    """One number to decide on; a claim about every class or every training size has several.

    Parameters
    ----------
    label : str
        Which one, e.g. "skew"; "" if there is one only.
    sample : Sample or ndarray of shape (trainings,)
        Numbers of images, or one of each training.
    statistic : callable
        Of one value per image.
    against : Sample, optional
        Other images: the number is then the difference of the statistics, `sample` less `against`.
    unit_size : float, optional
        What the effect is divided by to read it as a share.
    trainings : int, optional
        How many the numbers come from, where their averages are given.
    counted : str
        What one value belongs to, for a reader: "image", or "draw".
    """

    label: str
    sample: Sample | np.ndarray
    statistic: Statistic = median
    against: Sample | None = None
    unit_size: float | None = None
    trainings: int | None = None
    counted: str = "image"


@dataclass(frozen=True)
class Finding:
    """What was found in one case; None is what cannot be said.

    Parameters
    ----------
    interval : tuple of float
        95 % bootstrap interval, or the range over trainings.
    p : float
        Two-sided, of the bound that decides; None for numbers of trainings.
    relative : float
        The effect as a share.
    verdict : str
        Decided already: of trainings, or that there is nothing to decide on.
    by_seed : mapping of training to float
        The effect in each of several trainings: the interval averages over what one does to all images alike.
    """

    label: str
    effect: float | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None
    n_images: int = 0
    n_seeds: int = 0
    relative: float | None = None
    verdict: str | None = None
    reason: str = ""
    by_seed: Mapping[str, float] = field(default_factory=dict)


def examined(case: Case, claimed: Range, key: str, resamples: int = RESAMPLES) -> Finding:
    """Effect, interval and p value of one case.

    Parameters
    ----------
    claimed : Range
        Where the claim says that the effect lies.
    key : str
        Seeds the bootstrap, so that a case does not depend on what else is examined.

    Returns
    -------
    Finding
        Without a verdict if it has a p value: that is to be adjusted first, see `decided`.

    Notes
    -----
    Inside the range, p is the larger one of its bounds' p values (two one-sided tests for a range with two bounds);
    outside, that of the bound which is crossed. A bootstrap of few images is too sure of itself: p is at least what
    a sign test of equal signs would give, 2^(1 - images).
    """
    if isinstance(case.sample, np.ndarray):
        return _of_trainings(case, claimed)
    samples = [case.sample] + ([case.against] if case.against else [])
    fewest = min(len(np.unique(sample.image)) for sample in samples)
    trainings = case.trainings or len({str(name) for sample in samples for name in sample.seed})
    if fewest < FEWEST_IMAGES:
        count = f"{fewest} {case.counted}" + "s" * (fewest != 1)
        reason = f"{count} of {case.label}" if case.label else count
        reason += f"; at least {FEWEST_IMAGES} are needed"
        return Finding(case.label, n_images=fewest, n_seeds=trainings, verdict=UNTESTABLE, reason=reason)
    rng = np.random.default_rng(crc32(f"{key} {case.label}".encode()))
    estimates, drawn = [], []
    for sample in samples:
        given = (sample.values, sample.image, sample.seed, case.statistic)
        drawn.append(hierarchical_resamples(*given, resamples, rng))
        estimates.append(hierarchical_bootstrap(*given, 1, rng).estimate)
    effect = estimates[0] - sum(estimates[1:])
    resampled = drawn[0] - sum(drawn[1:])
    p_values = [two_sided_p_value(resampled, bound) for bound in claimed.bounds]
    crossed = [p for p, bound in zip(p_values, claimed.bounds, strict=True) if not _is_inside(effect, bound, claimed)]
    low, high = np.quantile(resampled, (0.025, 0.975))
    return Finding(
        label=case.label,
        effect=effect,
        interval=(float(low), float(high)),
        p=max(max(crossed or p_values), 2.0 ** (1 - fewest)),
        n_images=sum(len(np.unique(sample.image)) for sample in samples),
        n_seeds=trainings,
        relative=effect / case.unit_size if case.unit_size else None,
        by_seed=_by_seed(case.sample, case) if trainings > 1 else {},
    )


def decided(finding: Finding, claimed: Range, p: float | None) -> tuple[str, str]:
    """Verdict and reason, given the p value adjusted by Holm's method; None where the finding has none.

    Inside the range and significant: holds. Outside and significant: does not hold. Else the data cannot tell, which is
    another thing than that the claim does not hold.
    """
    if finding.verdict is not None:
        return finding.verdict, finding.reason
    assert finding.effect is not None and finding.interval is not None and p is not None
    low, high = finding.interval
    inside = finding.effect in claimed
    where = ("" if inside else "not ") + str(claimed)
    if p < SIGNIFICANT:
        return (HOLDS if inside else NOT), f"the effect is {where}, p = {p:.2g}"
    spanned = [f"{bound:.3g}" for bound in claimed.bounds if low <= bound <= high]
    what = f"its interval spans {' and '.join(spanned)}" if spanned else f"adjusted p = {p:.2g}"
    return UNDECIDED, f"the effect is {where}, but {what}"


def weakest(verdicts: Iterable[str]) -> str:
    """What several verdicts come to that must all hold."""
    return min(verdicts, key=VERDICTS.index)


def over_assessments(mixed: str, held_out: str) -> str:
    """What the verdicts on the paper's mixed assessment and on held-out samples come to."""
    if mixed == HOLDS and held_out in (NOT, UNDECIDED):
        return ONLY_MIXED
    return weakest((mixed, held_out))


def _by_seed(sample: Sample, case: Case) -> dict[str, float]:
    """The effect in every single training; nothing where trainings were averaged, or groups are compared."""
    if case.trainings or case.against:
        return {}
    names = np.unique(sample.seed)
    return {str(name): float(case.statistic(sample.values[sample.seed == name])) for name in names}


def _is_inside(effect: float, bound: float, claimed: Range) -> bool:
    """Whether the effect is on the claimed side of this bound."""
    return effect > bound if bound == claimed.low else effect < bound


def _of_trainings(case: Case, claimed: Range) -> Finding:
    """The finding of numbers of which each is a whole training's: it holds if it holds in every one."""
    values = np.asarray(case.sample, dtype=np.float64)
    inside = [float(value) in claimed for value in values]
    verdict = HOLDS if all(inside) else UNDECIDED if any(inside) else NOT
    several = len(values) > 1
    return Finding(
        label=case.label,
        effect=float(np.median(values)),
        interval=(float(values.min()), float(values.max())) if several else None,
        n_seeds=len(values),
        verdict=verdict,
        reason=f"in {sum(inside)} of {len(values)} trainings {claimed}" if several else "one training, no interval",
    )
