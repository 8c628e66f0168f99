"""Throughput: patterns over seconds, of the quickest of several tries."""

from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.applications import bulk
from pairvae_lib.applications.bulk import throughput

PATTERNS = np.arange(3, dtype=np.float32).reshape(3, 1, 1)


def test_rates_are_patterns_over_the_shortest_time(monkeypatch):
    ticks = iter([0, 4, 10, 12, 20, 23] + [100, 101, 200, 201, 300, 301])
    monkeypatch.setattr(bulk, "perf_counter", lambda: next(ticks))
    given = []
    rates = throughput({"a": lambda patterns, n: given.append((patterns.ravel().tolist(), n))}, PATTERNS, (2, 5), n=7)
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
