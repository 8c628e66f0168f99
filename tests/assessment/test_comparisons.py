from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.assessment.comparisons import compared, label, median_interval, shown_name
from pairvae_lib.assessment.statistics import FEWEST_IMAGES

SPREAD = np.linspace(-0.01, 0.01, 9)


def test_the_better_look_up_is_the_one_to_beat():
    one = compared("a_to_b", "S2", 0.1 + SPREAD, {"one": 0.3 + SPREAD, "three": 0.2 + SPREAD})
    assert (one.reference, one.verdict) == ("three", "better")
    assert (one.error, one.reference_error) == pytest.approx((0.1, 0.2))
    assert one.difference.estimate == pytest.approx(-0.1)


def test_few_samples_have_no_interval():
    assert median_interval(np.ones(FEWEST_IMAGES - 1)) is None
    found = median_interval(3 + SPREAD)
    assert found.low < found.estimate == pytest.approx(3) and found.estimate < found.high


def test_routes_are_shown_with_an_arrow():
    assert shown_name("solo saxs_to_sem") == "solo saxs → sem"


def test_a_route_is_named_where_there_are_several():
    asked = ("a_to_b", "S2"), ("a_to_b", "A2"), ("b_to_a", "I")
    one, other, back = (compared(route, metric, SPREAD, {"one": SPREAD}) for route, metric in asked)
    assert label(one, [one, other]) == "S2" and label(one, [one, other, back]) == "a → b (S2)"
