"""Which runs a sweep is made of."""

from __future__ import annotations

import pytest

from pairvae_lib.book.sweep import DEFAULTS, Sweep
from pairvae_lib.files.runs import Run


def test_the_papers_sweep():
    swept = Sweep.parsed(Run("standard"), DEFAULTS)
    assert len(swept.runs) == 15 + 3 * 4
    assert swept.example == Run("standard", 43, 48) and swept.example in swept.runs
    assert swept.compared == [Run("standard", seed, 48) for seed in (43, 42, 44)]
    combinations = {(run.seed, run.n_train) for run in swept.runs[:15]}
    assert combinations == {(seed, size) for seed in range(42, 47) for size in (32, 48, 64)}
    others = swept.runs[15:]
    assert [run.n_train for run in others] == [48] * 12
    assert [run.seed for run in others[::4]] == [43, 42, 44]
    assert [run.protocol for run in others] == 3 * ["direct", "one_crop", "ten_crops", "all_crops"]


def test_what_is_not_listed_is_that_of_the_base():
    base = Run("tiny", 7, 8)
    assert Sweep.parsed(base, {}).runs == [base]
    assert Sweep.parsed(base, {"seeds": "5"}).example == Run("tiny", 5, 8)
    grouped = Sweep.parsed(base, {"groups": "b 1,c", "sizes": 6})  # a workflow reads one number as a number
    assert [(run.held_out, run.n_train) for run in grouped.runs] == [("b 1", 6), ("c", 6)]
    both = Sweep.parsed(base, {"groups": "b,random"})
    assert [run.held_out for run in both.runs] == ["b", ""] and both.example.held_out == "b"


def test_the_usual_protocol_is_not_run_twice():
    assert len(Sweep.parsed(Run("tiny"), {"protocols": "two_phase,direct"}).runs) == 2


@pytest.mark.parametrize("key", ["seeds", "sizes"])
def test_only_whole_numbers(key):
    with pytest.raises(ValueError, match=f"^{key} must be whole numbers between commas; got '42,x'$"):
        Sweep.parsed(Run("tiny"), {key: "42,x"})


def test_only_known_protocols():
    with pytest.raises(ValueError, match="^protocols must be one of direct, .*; got 'best'$"):
        Sweep.parsed(Run("tiny"), {"protocols": "best"})
