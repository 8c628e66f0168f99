"""Throughput: patterns over seconds, of the quickest of several tries."""

from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.assessment import applications
from pairvae_lib.assessment.applications import throughput

PATTERNS = np.arange(3, dtype=np.float32).reshape(3, 1, 1)


def test_rates_are_patterns_over_the_shortest_time(monkeypatch):
    ticks = iter([0, 4, 10, 12, 20, 23] + [100, 101, 200, 201, 300, 301])
    monkeypatch.setattr(applications, "perf_counter", lambda: next(ticks))
    given = []
    way = {"a": lambda patterns, n: given.append((patterns.ravel().tolist(), n))}
    rates = throughput(way, PATTERNS, (2, 5), n=7, limit=5)
    np.testing.assert_array_equal(rates["a"], [2 / 2, 5 / 1])
    assert given == [([0, 1], 7)] * 3 + [([0, 1, 2, 0, 1], 7)] * 3


@pytest.mark.parametrize(
    ("patterns", "counts", "repeats", "message"),
    [
        (PATTERNS[:0], (1,), 1, "^number of patterns in scattering must be above 0; got 0$"),
        (PATTERNS, (1, 0), 1, "^count must be above 0; got 0$"),
        (PATTERNS, (1,), 0, "^repeats must be above 0; got 0$"),
    ],
)
def test_nothing_to_measure_is_refused(patterns, counts, repeats, message):
    with pytest.raises(ValueError, match=message):
        throughput({"a": lambda *_: None}, patterns, counts, repeats=repeats)


def test_no_time_at_all_is_refused():
    with pytest.raises(ValueError, match="^limit must be above 0; got 0$"):
        throughput({"a": lambda *_: None}, PATTERNS, (1,), limit=0)


def test_a_slow_call_is_the_last_of_its_way(monkeypatch):
    ticks = iter([0, 1, 10, 11, 20, 24] + 3 * [30, 31, 40, 41])
    monkeypatch.setattr(applications, "perf_counter", lambda: next(ticks))
    given = []
    ways = {name: lambda patterns, n, name=name: given.append((name, len(patterns))) for name in ("a", "b")}
    rates = throughput(ways, PATTERNS, (2, 4, 8), repeats=2, limit=3)
    np.testing.assert_array_equal(rates["a"], [2, 1, np.nan])
    np.testing.assert_array_equal(rates["b"], [2, 4, 8])
    assert given == [("a", 2), ("a", 2), ("a", 4)] + [("b", count) for count in (2, 2, 4, 4, 8, 8)]
