"""Seeded splits of the samples into training and held-out ones: stratified, by an interval, or by group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from pairvae_lib.checks import check_finite, check_range

SERIES = "series-"  # what the name of a series begins with, among the groups that can be left out
FIRST_SEED = 43  # of a round of folds; the seed that the book shows


@dataclass(frozen=True)
class Split:
    """Indices of the training samples, in the order of the batches, and of those held out, rising."""

    train: tuple[int, ...]
    held_out: tuple[int, ...]


def stratified_split(labels: Sequence[str], n_train: int, seed: int) -> Split:
    """A random split with about the same mix of labels on both sides.

    Every label gets its share of the training samples, rounded so that the total is exact and that every label of two
    or more samples is on both sides, if the total allows it.

    Seeds that follow one another hold out other samples: from FIRST_SEED on, k seeds together hold out every sample
    (of a label with any held out), where k is the number of parts that the held-out samples are one of; then a new
    order is drawn. With 48 of 72 samples to train on these are 43 to 45, 46 to 48, and so on.

    Parameters
    ----------
    labels : sequence of str, length n
        Morphologies.
    n_train : int
        Number of training samples, from 1 to n - 1.
    seed : int
        Of the generator that picks and orders the training samples.

    Source
    ------
    The paper splits at random without regard to the morphology; stratification, and folds over the seeds, are ours.
    """
    total = len(labels)
    if not 1 <= n_train <= total - 1:
        raise ValueError(f"n_train must lie between 1 and {total - 1} for {total} samples; got {n_train!r}")
    sizes = Counter(labels)
    shares = _shares(sizes, n_train)
    folds = max(-(-sizes[label] // (sizes[label] - count)) for label, count in shares.items() if count < sizes[label])
    fold = (seed - FIRST_SEED) % folds
    rng = np.random.default_rng((seed - fold) % 2**32)
    train: list[int] = []
    for label, count in shares.items():
        members = [index for index, other in enumerate(labels) if other == label]
        order = np.roll(rng.permutation(members), -fold * (len(members) - count))
        train += [int(index) for index in order[:count]]
    # Batches are not shuffled in the public notebooks: rows ordered by label would make batches of one morphology.
    train = [int(index) for index in rng.permutation(train)]
    return Split(tuple(train), tuple(sorted(set(range(total)) - set(train))))


def group_split(groups: Sequence[str] | None, held_out: str, seed: int = 0) -> Split:
    """A split that holds out one whole group.

    Parameters
    ----------
    groups : sequence of str, length n
        Group of each sample; None where the data have none.
    held_out : str
        The group to hold out.
    seed : int
        Of the generator that orders the training samples.
    """
    if groups is None:
        raise ValueError(f"held_out={held_out!r} needs a column 'group' or 'batch' in the manifest; the data have none")
    names = sorted(set(groups))
    if held_out not in names or len(names) < 2:
        raise ValueError(f"held_out must be one of at least two groups ({', '.join(names)}); got {held_out!r}")
    train = [index for index, group in enumerate(groups) if group != held_out]
    order = np.random.default_rng(seed).permutation(train)
    return Split(tuple(map(int, order)), tuple(index for index, group in enumerate(groups) if group == held_out))


def series_of(sample_ids: Sequence[str]) -> tuple[str, ...]:
    """The series of each sample by the letters that its name begins with: "series-E" of "E_100"; "series-" of none.

    A series of films may be spread over several batches: to leave out one of these leaves samples of the same series
    among the training ones.
    """
    return tuple(SERIES + "".join(takewhile(str.isalpha, name)) for name in sample_ids)


def gap_split(labels: Sequence[str], values: Sequence[float], seed: int = 0, share: float = 1 / 3) -> Split:
    """A split that holds out an interval of a control parameter, in every class: the middle of its samples.

    No training sample of a class has a value inside the interval, so that neighbours are not near duplicates; there are
    training samples on both of its sides, so that a held-out sample lies between what was seen.

    Parameters
    ----------
    labels : sequence of str, length n
        Morphologies.
    values : sequence of float, length n
        The parameter of each sample, in any unit.
    seed : int
        Of the generator that orders the training samples.
    share : float
        Of the samples of a class to hold out; rounded, with all samples of equal values, and at least one sample left
        on each side of the interval.
    """
    if len(values) != len(labels):
        raise ValueError(f"values must be {len(labels)} as the labels; got {len(values)}")
    numbers = np.asarray(values, dtype=np.float64)
    check_finite("values", numbers)
    check_range("share", share, 0, 1)
    held_out: list[int] = []
    for label in sorted(set(labels)):
        members = np.array([index for index, other in enumerate(labels) if other == label])
        order = members[np.argsort(numbers[members], kind="stable")]
        count = min(max(round(share * len(order)), 1), len(order) - 2)
        first = (len(order) - count) // 2
        if count >= 1:
            lowest, highest = numbers[order[[first, first + count - 1]]]
            below, above = numbers[members] < lowest, numbers[members] > highest
        if count < 1 or not (below.any() and above.any()):
            raise ValueError(
                f"values of {label!r} must leave samples on both sides of an interval; got {numbers[members].tolist()}"
            )
        held_out += [int(index) for index in members[~below & ~above]]  # with all whose value is the same
    train = sorted(set(range(len(labels))) - set(held_out))
    order = np.random.default_rng(seed).permutation(train)
    return Split(tuple(map(int, order)), tuple(sorted(held_out)))


def _shares(sizes: Counter[str], n_train: int) -> dict[str, int]:
    """Training samples per label: in proportion, exact in total, every label on both sides where that is possible."""
    total = sizes.total()
    lowest = {label: int(size > 1) for label, size in sizes.items()}
    highest = {label: max(size - 1, 1) for label, size in sizes.items()}
    if not sum(lowest.values()) <= n_train:
        lowest = dict.fromkeys(sizes, 0)
    if not n_train <= sum(highest.values()):
        highest = dict(sizes)
    quota = {label: n_train * size / total for label, size in sizes.items()}
    shares = {label: min(max(int(quota[label]), lowest[label]), highest[label]) for label in sorted(sizes)}
    while (missing := n_train - sum(shares.values())) != 0:
        step = 1 if missing > 0 else -1
        bound = highest if step > 0 else lowest
        free = [label for label in shares if shares[label] != bound[label]]
        furthest = max(free, key=lambda label: step * (quota[label] - shares[label]))
        shares[furthest] += step
    return shares
