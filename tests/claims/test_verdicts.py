from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.claims.verdicts import (
    HOLDS,
    NOT,
    ONLY_MIXED,
    UNDECIDED,
    UNTESTABLE,
    Case,
    Finding,
    Range,
    Sample,
    decided,
    examined,
    over_assessments,
    weakest,
)


def sample(values, seeds: int = 1) -> Sample:
    values = np.repeat(np.asarray(values, dtype=float), seeds, axis=0)
    return Sample(values, np.arange(len(values)) // seeds, np.arange(len(values)) % seeds)


def verdict(values, claimed: Range) -> tuple[str, str]:
    finding = examined(Case("", sample(values)), claimed, "key", 500)
    return decided(finding, claimed, finding.p)


def test_a_range_says_what_it_is():
    assert [str(Range(low=0)), str(Range(high=0.8)), str(Range(0.8, 1.25))] == [
        "above 0",
        "below 0.8",
        "between 0.8 and 1.25",
    ]
    assert 1 in Range(0.8, 1.25) and 1.25 not in Range(0.8, 1.25) and 7 in Range(low=0)


@pytest.mark.parametrize(
    ("values", "claimed", "expected"),
    [
        (np.linspace(1, 2, 20), Range(low=0), HOLDS),
        (np.linspace(1, 2, 20), Range(high=0), NOT),
        (np.linspace(-1, 1.1, 20), Range(low=0), UNDECIDED),
        (np.linspace(-1.1, 1, 20), Range(low=0), UNDECIDED),
        (np.linspace(0.95, 1.05, 20), Range(0.8, 1.25), HOLDS),
        (np.linspace(1.3, 1.4, 20), Range(0.8, 1.25), NOT),
        (np.linspace(0.5, 0.6, 20), Range(0.8, 1.25), NOT),
        (np.linspace(0.3, 2.0, 20), Range(0.8, 1.25), UNDECIDED),
        (np.zeros(20), Range(low=0), UNDECIDED),
    ],
)
def test_significance_decides_either_way(values, claimed, expected):
    assert verdict(values, claimed)[0] == expected


def test_the_reason_names_the_bound_that_the_interval_spans():
    assert "the effect is above 0, but its interval spans 0" == verdict(np.linspace(-1, 1.1, 20), Range(low=0))[1]


def test_few_images_are_never_surer_than_a_sign_test():
    assert examined(Case("", sample(np.full(7, 1.0))), Range(low=0), "key", 500).p == 2.0**-6
    assert examined(Case("", sample(np.full(7, 1.0), seeds=5)), Range(low=0), "key", 500).p == 2.0**-6
    few = examined(Case("skew", sample(np.full(5, 1.0))), Range(low=0), "key", 500)
    assert (few.verdict, few.reason) == (UNTESTABLE, "5 images of skew; at least 6 are needed")


def test_two_groups_are_compared_by_the_difference_of_their_medians():
    case = Case("", sample(np.linspace(3, 4, 21)), against=sample(np.linspace(0, 1, 11)))
    found = examined(case, Range(low=0), "key", 500)
    assert found.effect == pytest.approx(3) and found.n_images == 32
    assert found.interval[0] < 3 < found.interval[1] and found.interval[0] > 2


def test_trainings_must_agree():
    def of(*values):
        return decided(examined(Case("", np.array(values)), Range(low=0), "key"), Range(low=0), None)

    assert of(1, 2, 3) == (HOLDS, "in 3 of 3 trainings above 0")
    assert of(1, -2, 3) == (UNDECIDED, "in 2 of 3 trainings above 0")
    assert of(-1, -2) == (NOT, "in 0 of 2 trainings above 0")
    assert of(1) == (HOLDS, "one training, no interval")


def test_significant_without_adjustment_is_not_enough():
    finding = Finding("", effect=1.0, interval=(0.5, 1.5), p=0.01, n_images=9)
    assert decided(finding, Range(low=0), 0.06) == (UNDECIDED, "the effect is above 0, but adjusted p = 0.06")


def test_the_weakest_verdict_counts():
    assert weakest([HOLDS, UNTESTABLE]) == UNTESTABLE
    assert weakest([UNTESTABLE, ONLY_MIXED]) == ONLY_MIXED
    assert weakest([ONLY_MIXED, UNDECIDED, NOT]) == NOT


@pytest.mark.parametrize(
    ("mixed", "held_out", "both"),
    [
        (HOLDS, HOLDS, HOLDS),
        (HOLDS, NOT, ONLY_MIXED),
        (HOLDS, UNDECIDED, ONLY_MIXED),
        (HOLDS, UNTESTABLE, UNTESTABLE),
        (UNDECIDED, HOLDS, UNDECIDED),
        (NOT, HOLDS, NOT),
        (UNTESTABLE, UNTESTABLE, UNTESTABLE),
    ],
)
def test_both_assessments_make_the_verdict_on_a_part(mixed, held_out, both):
    assert over_assessments(mixed, held_out) == both
