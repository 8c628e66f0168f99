from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.assessment.statistics import median
from pairvae_lib.claims.verdicts import (
    DEPENDS,
    HOLDS,
    NOT,
    ONLY_MIXED,
    UNDECIDED,
    UNTESTABLE,
    Case,
    Finding,
    Range,
    Sample,
    contrasted,
    decided,
    examined,
    over_assessments,
    over_encoders,
    undecidable,
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


def test_a_p_value_at_the_floor_of_the_resampling_is_told_as_a_bound():
    sure = examined(Case("", sample(np.full(20, 1.0))), Range(low=0), "key", 500)
    assert sure.p == sure.least_p == 2 / 501 and sure.p_is_bound
    assert decided(sure, Range(low=0), sure.p)[1] == "the effect is above 0, p <= 0.004"
    unsure = examined(Case("", sample(np.linspace(-0.4, 1.1, 20))), Range(low=0), "key", 500)
    assert not unsure.p_is_bound and decided(unsure, Range(low=0), 0.02)[1] == "the effect is above 0, p = 0.02"


def test_what_cannot_be_significant_whatever_the_data_say_is_found_from_the_numbers_of_images():
    def of(images):
        return Finding("", effect=1.0, interval=(0.0, 2.0), p=0.5, least_p=2.0 ** (1 - images), n_images=images)

    assert undecidable([of(6)]) == {}  # p = .031 of one test
    # of two tests of six images the first may have p = .031 x 2
    assert list(undecidable([of(6), of(6)])) == [0, 1]
    # of one of 20 images and one of six the latter may come last
    assert undecidable([of(20), of(6)]) == {}
    found = undecidable([of(20), of(6), Finding("", verdict=UNTESTABLE), of(6)], "held-out images")
    assert list(found) == [1, 3]
    assert found[1] == (
        "too few held-out images: whatever they say, p is 0.031 or more, 0.062 or more among 3 tests"
    )


def pair(training, held_out, statistic=median):
    """A case of all images, and one of those held out, the first of them."""
    values = np.concatenate([held_out, training])
    mixed = sample(values)
    alone = Sample(*(array[: len(held_out)] for array in (mixed.values, mixed.image, mixed.seed)))
    return Case("", mixed, statistic), Case("", alone, statistic)


def test_an_effect_that_vanishes_on_held_out_samples_is_shown_by_comparing_both():
    gone = contrasted(*pair(np.linspace(1, 2, 40), np.linspace(-1, 0.5, 20)), Range(low=0), "key", 500)
    assert gone.estimate > 0.9 and gone.p < 0.01 and gone.interval[0] > 0
    # the same in both, however few were held out: nothing is shown
    same = contrasted(*pair(np.linspace(1, 2, 40), np.linspace(1, 2, 6)), Range(low=0), "key", 500)
    assert same.p > 0.1 and same.interval[0] < 0 < same.interval[1]
    # truer of held-out samples
    truer = contrasted(*pair(np.linspace(-1, 0.5, 40), np.linspace(1, 2, 20)), Range(low=0), "key", 500)
    assert truer.estimate < 0 and truer.p < 0.01
    # of a range with two bounds it is the distance from the nearer one that counts
    two = contrasted(*pair(np.full(40, 1.0), np.full(20, 1.3)), Range(0.8, 1.25), "key", 500)
    assert two.estimate == pytest.approx(0.2 - -0.05)


def test_the_contrast_is_never_surer_than_a_sign_test_of_the_held_out_images():
    few = contrasted(*pair(np.full(60, 1.0), np.full(7, -1.0)), Range(low=0), "key", 500)
    assert few.p == few.least_p == 2.0**-6 and few.p_is_bound


def test_a_verdict_that_changes_with_the_encoder_is_none_on_the_paper():
    assert over_encoders([HOLDS, HOLDS, UNTESTABLE]) == HOLDS
    assert over_encoders([NOT, NOT]) == NOT
    assert over_encoders([HOLDS, NOT]) == over_encoders([HOLDS, ONLY_MIXED]) == DEPENDS
    assert over_encoders([HOLDS, UNDECIDED]) == UNDECIDED  # another verdict is not shown
    assert over_encoders([HOLDS, UNDECIDED, NOT]) == DEPENDS
    assert over_encoders([HOLDS, UNTESTABLE]) == over_encoders([HOLDS]) == over_encoders([]) == UNTESTABLE


def test_what_one_training_does_to_all_images_widens_the_interval():
    shifts = np.array([0.5, 1.0, 1.5])
    values = (np.linspace(-0.01, 0.01, 20)[:, np.newaxis] + shifts).ravel()
    several = Sample(values, np.repeat(np.arange(20), 3), np.tile(["a", "b", "c"], 20))
    low, high = examined(Case("", several), Range(low=0), "key", 500).interval
    assert low < 0.6 and high > 1.4


def test_trainings_must_agree():
    def of(*values):
        return decided(examined(Case("", np.array(values)), Range(low=0), "key"), Range(low=0), None)

    assert of(1, 2, 3) == (HOLDS, "in 3 of 3 trainings above 0")
    assert of(1, -2, 3) == (UNDECIDED, "in 2 of 3 trainings above 0")
    assert of(-1, -2, -3) == (NOT, "in 0 of 3 trainings above 0")
    assert of(-1, -2) == (UNTESTABLE, "2 trainings; at least 3 are needed")
    assert of(1) == (UNTESTABLE, "1 training; at least 3 are needed")


def test_significant_without_adjustment_is_not_enough():
    finding = Finding("", effect=1.0, interval=(0.5, 1.5), p=0.01, n_images=9)
    assert decided(finding, Range(low=0), 0.06) == (UNDECIDED, "the effect is above 0, but adjusted p = 0.06")


def test_the_weakest_verdict_counts():
    assert weakest([HOLDS, UNTESTABLE]) == UNTESTABLE
    assert weakest([UNTESTABLE, ONLY_MIXED]) == ONLY_MIXED
    assert weakest([ONLY_MIXED, UNDECIDED, NOT]) == NOT


@pytest.mark.parametrize(
    ("mixed", "held_out", "shown", "both"),
    [
        (HOLDS, HOLDS, False, HOLDS),
        (HOLDS, NOT, True, ONLY_MIXED),
        (HOLDS, NOT, False, NOT),
        (HOLDS, UNDECIDED, True, ONLY_MIXED),
        (HOLDS, UNDECIDED, False, UNDECIDED),
        (HOLDS, UNTESTABLE, False, UNTESTABLE),
        (UNDECIDED, HOLDS, False, UNDECIDED),
        (NOT, HOLDS, True, NOT),
        (UNTESTABLE, UNTESTABLE, False, UNTESTABLE),
    ],
)
def test_both_assessments_make_the_verdict_on_a_part(mixed, held_out, shown, both):
    assert over_assessments(mixed, held_out, shown) == both
