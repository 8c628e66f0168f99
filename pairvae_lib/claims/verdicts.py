"""How a claim is decided: an effect with its interval, a range that it should lie in, and what follows.

A claim says that a number lies in a range. For numbers of images the verdict rests on a bootstrap over images and
trainings, and on p values that Holm's method has adjusted; for numbers of whole trainings, which are few, on all of
them agreeing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np

from pairvae_lib.assessment.statistics import (
    FEWEST_IMAGES,
    SIGNIFICANT,
    Statistic,
    hierarchical_resamples,
    holm,
    image_means,
    median,
    of_those_there,
    two_sided_p_value,
)

HOLDS = "holds"
ONLY_MIXED = "holds only mixed with training data"
NOT = "does not hold"
UNDECIDED = "undecided"
UNTESTABLE = "cannot be tested here"
DEPENDS = "depends on the encoder, which is not public"
# The weakest first: of several the first one here counts.
VERDICTS = (NOT, DEPENDS, UNDECIDED, ONLY_MIXED, UNTESTABLE, HOLDS)

RESAMPLES = 6000
FEWEST_TRAININGS = 3  # that a claim about whole trainings is decided by


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

    def margin(self, values: np.ndarray) -> np.ndarray:
        """How far inside values lie: the distance of each from the nearer bound, below 0 outside."""
        return np.minimum(values - self.low, self.high - values)

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
        NaN is a number that is not there, see `statistics.hierarchical_resamples`.
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
        Of one value per image, as `statistics.hierarchical_resamples` takes it.
    unit_size : float, optional
        What the effect is divided by to read it as a share.
    counted : str
        What one value belongs to, for a reader: "image", or "draw".
    """

    label: str
    sample: Sample | np.ndarray
    statistic: Statistic = median
    unit_size: float | None = None
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
    least_p : float
        What p would be at least, whatever the data say.
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
    least_p: float = 0.0
    n_images: int = 0
    n_seeds: int = 0
    relative: float | None = None
    verdict: str | None = None
    reason: str = ""
    by_seed: Mapping[str, float] = field(default_factory=dict)

    @property
    def p_is_bound(self) -> bool:
        """Whether p is the least that there can be, so that the true one is that or less."""
        return self.p is not None and self.p <= self.least_p


@dataclass(frozen=True)
class Contrast:
    """By how much further inside the claimed range an effect lies over all samples than on held-out ones alone.

    Parameters
    ----------
    estimate : float
        In the units of the effect; above 0 where the claim is less true of held-out samples.
    interval : tuple of float
        95 %, from resamples of images and trainings that are the same for both.
    p, least_p : float
        As of a Finding, against 0.
    """

    estimate: float
    interval: tuple[float, float]
    p: float
    least_p: float

    @property
    def p_is_bound(self) -> bool:
        """Whether p is the least that there can be."""
        return self.p <= self.least_p


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
    sample = case.sample
    fewest, trainings = _fewest_images(sample), len(np.unique(sample.seed))
    if fewest < FEWEST_IMAGES:
        count = f"{fewest} {case.counted}" + "s" * (fewest != 1)
        reason = f"{count} of {case.label}" if case.label else count
        reason += f"; at least {FEWEST_IMAGES} are needed"
        return Finding(case.label, n_images=fewest, n_seeds=trainings, verdict=UNTESTABLE, reason=reason)
    effect = float(case.statistic(image_means(sample.values, sample.image, sample.seed), axis=0))
    resampled = _resampled(sample, case.statistic, f"{key} {case.label}", resamples)
    p_values = [two_sided_p_value(resampled, bound) for bound in claimed.bounds]
    crossed = [p for p, bound in zip(p_values, claimed.bounds, strict=True) if not _is_inside(effect, bound, claimed)]
    least_p = max(2 / (resamples + 1), 2.0 ** (1 - fewest))
    return Finding(
        label=case.label,
        effect=effect,
        interval=_interval(resampled),
        p=max(max(crossed or p_values), least_p),
        least_p=least_p,
        n_images=len(np.unique(sample.image)),
        n_seeds=trainings,
        relative=effect / case.unit_size if case.unit_size else None,
        by_seed=_by_seed(sample, case.statistic) if trainings > 1 else {},
    )


def contrasted(mixed: Case, held_out: Case, claimed: Range, key: str, resamples: int = RESAMPLES) -> Contrast:
    """The effect over all samples held directly against that on held-out samples, on the same resamples of both."""
    everything, part = mixed.sample, held_out.sample
    assert isinstance(everything, Sample) and isinstance(part, Sample)  # whole trainings are neither
    alone = set(zip(part.image.tolist(), part.seed.tolist(), strict=True))
    is_part = [one in alone for one in zip(everything.image.tolist(), everything.seed.tolist(), strict=True)]
    hidden = everything.values.astype(np.float64).copy()
    hidden[~np.array(is_part)] = np.nan
    both = Sample(np.stack([everything.values, hidden], axis=1), everything.image, everything.seed)

    def lost(values: np.ndarray, axis: int) -> np.ndarray:
        assert axis == 1
        whole, rest = (of_those_there(mixed.statistic, values[:, :, place]) for place in (0, 1))
        return claimed.margin(whole) - claimed.margin(rest)

    resampled = _resampled(both, lost, f"{key} contrast {mixed.label}", resamples)
    least_p = max(2 / (resamples + 1), 2.0 ** (1 - _fewest_images(part)))
    return Contrast(
        estimate=float(lost(image_means(both.values, both.image, both.seed)[np.newaxis], axis=1)[0]),
        interval=_interval(resampled),
        p=max(two_sided_p_value(resampled), least_p),
        least_p=least_p,
    )


def undecidable(findings: Sequence[Finding], counted: str = "images") -> dict[int, str]:
    """Those of several findings, by place, that cannot be significant whatever the data say, each with the reason.

    All that have a p value are adjusted together, and even at the least p values that their numbers of images can reach
    these stay above the level. They need not be counted among the tests.

    Source
    ------
    Tarone, Biometrics 46, 515 (1990).
    """
    places = [place for place, one in enumerate(findings) if one.p is not None]
    if not places:
        return {}
    least = holm(np.array([findings[place].least_p for place in places]))
    return {
        place: f"too few {counted}: whatever they say, p is {findings[place].least_p:.2g} or more, "
        f"{p:.2g} or more among {len(places)} tests"
        for place, p in zip(places, least, strict=True)
        if p >= SIGNIFICANT
    }


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
    sign = "<=" if finding.p_is_bound else "="
    if p < SIGNIFICANT:
        return (HOLDS if inside else NOT), f"the effect is {where}, p {sign} {p:.2g}"
    spanned = [f"{bound:.3g}" for bound in claimed.bounds if low <= bound <= high]
    what = f"its interval spans {' and '.join(spanned)}" if spanned else f"adjusted p {sign} {p:.2g}"
    return UNDECIDED, f"the effect is {where}, but {what}"


def weakest(verdicts: Iterable[str]) -> str:
    """What several verdicts come to that must all hold."""
    return min(verdicts, key=VERDICTS.index)


def over_assessments(mixed: str, held_out: str, shown: bool) -> str:
    """What the verdicts on the paper's mixed assessment and on held-out samples come to.

    `shown` is whether a `Contrast` shows that the claim is less true of held-out samples: that it is not decided there
    does not.
    """
    if mixed == HOLDS and held_out in (NOT, UNDECIDED) and shown:
        return ONLY_MIXED
    return weakest((mixed, held_out))


def over_encoders(verdicts: Iterable[str]) -> str:
    """What the verdicts with several encoders come to: one that changes is no statement about the paper.

    Fewer than two that can be tested cannot tell it. Where they neither contradict each other nor all decide, it is
    undecided.
    """
    found = [verdict for verdict in verdicts if verdict != UNTESTABLE]
    if len(found) < 2:
        return UNTESTABLE
    if len({verdict for verdict in found if verdict not in (UNDECIDED, DEPENDS)}) > 1 or DEPENDS in found:
        return DEPENDS
    return UNDECIDED if UNDECIDED in found else found[0]


def _fewest_images(sample: Sample) -> int:
    """Images that have a number; of several columns in the one with fewest."""
    if not len(sample.values):
        return 0
    means = image_means(sample.values, sample.image, sample.seed)
    return int((~np.isnan(means)).reshape(len(means), -1).sum(axis=0).min())


def _resampled(sample: Sample, statistic: Statistic, key: str, resamples: int) -> np.ndarray:
    """The bootstrap distribution; the key seeds it."""
    rng = np.random.default_rng(crc32(key.encode()))
    return hierarchical_resamples(sample.values, sample.image, sample.seed, statistic, resamples, rng)


def _interval(resampled: np.ndarray) -> tuple[float, float]:
    """95 % of the resamples."""
    low, high = np.quantile(resampled, (0.025, 0.975))
    return float(low), float(high)


def _by_seed(sample: Sample, statistic: Statistic) -> dict[str, float]:
    """The effect in every single training; nothing where it takes several."""
    found = {str(name): float(statistic(sample.values[sample.seed == name], axis=0)) for name in np.unique(sample.seed)}
    return {} if any(math.isnan(value) for value in found.values()) else found


def _is_inside(effect: float, bound: float, claimed: Range) -> bool:
    """Whether the effect is on the claimed side of this bound."""
    return effect > bound if bound == claimed.low else effect < bound


def _of_trainings(case: Case, claimed: Range) -> Finding:
    """The finding of numbers of which each is a whole training's: it holds if it holds in every one."""
    values = np.asarray(case.sample, dtype=np.float64)
    if len(values) < FEWEST_TRAININGS:
        count = f"{len(values)} training" + "s" * (len(values) != 1)
        return Finding(
            case.label,
            effect=float(np.median(values)),
            n_seeds=len(values),
            verdict=UNTESTABLE,
            reason=f"{count}; at least {FEWEST_TRAININGS} are needed",
        )
    inside = [float(value) in claimed for value in values]
    verdict = HOLDS if all(inside) else UNDECIDED if any(inside) else NOT
    return Finding(
        label=case.label,
        effect=float(np.median(values)),
        interval=(float(values.min()), float(values.max())),
        n_seeds=len(values),
        verdict=verdict,
        reason=f"in {sum(inside)} of {len(values)} trainings {claimed}",
    )
