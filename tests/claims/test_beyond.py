"""Outcomes over seeds: means, intervals, and differences that are corrected for their number."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pairvae_lib.checks import MissingResult
from pairvae_lib.claims.beyond import (
    difference_rows,
    differences,
    error_rows,
    mean_errors,
    mean_scattering_errors,
    read_outcomes,
    summary,
)


def outcome(seed, split="gap", better=0.5):
    """Eight held-out samples: the flow errs `better` times as much as the neighbours in S2, and as much in area."""
    rng = np.random.default_rng(seed)
    neighbours = 1 + rng.random(8)
    errors = {"S2": {"neighbours": neighbours.tolist(), "flow": (better * neighbours).tolist()}}
    errors["area"] = {"neighbours": neighbours.tolist(), "flow": neighbours[::-1].tolist()}
    return {
        "run": {"data": "simulated", "split": split, "seed": seed},
        "samples": [f"s{k}" for k in range(8)],
        "errors": errors,
        "scattering": {"mean": [2.0] * 8, "readout": [1.0] * 8},
        "spread": {"flow": [1.0] * 7 + [9.0]},
        "within_class": {"flow": 0.1 * seed},
        "memorisation": {"flow": [0.8, 0.9]},
        "seconds": {"flow": 100.0 + seed, "MVAE": None},
    }


OUTCOMES = [outcome(seed) for seed in (1, 2, 3)]


def test_outcomes_are_read_by_data_and_split_in_the_order_of_seeds(tmp_path):
    for seed, split in ((2, "gap"), (1, "gap"), (1, "random")):
        folder = tmp_path / "simulated"
        folder.mkdir(exist_ok=True)
        (folder / f"{split}-seed{seed}.json").write_text(json.dumps(outcome(seed, split)))
    found = read_outcomes(tmp_path)
    assert {key: [one["run"]["seed"] for one in value] for key, value in found.items()} == {
        ("simulated", "gap"): [1, 2], ("simulated", "random"): [1],
    }


def test_without_outcomes_the_message_holds_the_command(tmp_path):
    with pytest.raises(MissingResult, match="make it with: python -m benchmarks.beyond"):
        read_outcomes(tmp_path)


def test_means_lie_in_their_intervals():
    means = mean_errors(OUTCOMES, "S2", np.random.default_rng(0))
    assert list(means) == ["neighbours", "flow"]
    every = np.mean([one["errors"]["S2"]["neighbours"] for one in OUTCOMES])
    assert means["neighbours"].estimate == pytest.approx(every)
    assert means["neighbours"].low < every < means["neighbours"].high
    assert means["flow"].high < means["neighbours"].low
    back = mean_scattering_errors(OUTCOMES, np.random.default_rng(0))
    assert (back["mean"].low, back["readout"].high) == (2.0, 1.0)


def test_a_method_that_one_seed_lacks_is_left_out():
    short = json.loads(json.dumps(OUTCOMES[0]))
    del short["errors"]["S2"]["neighbours"]
    assert list(mean_errors([OUTCOMES[1], short], "S2", np.random.default_rng(0))) == ["flow"]


def test_differences_are_paired_and_corrected_together():
    gain, none = differences(OUTCOMES, "flow", ["neighbours"], ["S2", "area"], np.random.default_rng(0))
    assert (gain.metric, gain.first, gain.second) == ("S2", "flow", "neighbours")
    assert gain.ratio == pytest.approx(0.5) and gain.interval.high < 0
    assert gain.p_value < 0.01 and gain.adjusted == pytest.approx(2 * gain.p_value)
    assert none.interval.low < 0 < none.interval.high and none.adjusted > 0.05


def test_the_rest_is_summed_up():
    found = summary(OUTCOMES)
    assert found["spread"] == {"flow": 1.0}
    assert found["within class"]["flow"] == pytest.approx(0.2)
    assert found["memorisation"]["flow"] == pytest.approx(0.85)
    assert found["seconds"] == {"flow": 102.0}  # of MVAE nothing is known


def test_rows_are_words_for_a_table():
    rng = np.random.default_rng(0)
    rows = error_rows(OUTCOMES, ["S2", "area"], rng)
    assert [row["method"] for row in rows] == ["neighbours", "flow"]
    estimate = 1000 * np.mean([one["errors"]["S2"]["flow"] for one in OUTCOMES])
    assert rows[1]["S2"].startswith(f"{estimate:.1f} [")
    gain, none = difference_rows(differences(OUTCOMES, "flow", ["neighbours"], ["S2", "area"], rng))
    assert (gain["metric"], gain["against"], gain["ratio"], gain["verdict"]) == ("S2", "neighbours", "0.50", "better")
    assert gain["difference"].startswith("-") and none["verdict"] == "not told apart"
    (loss,) = difference_rows(differences(OUTCOMES, "neighbours", ["flow"], ["S2"], rng))
    assert loss["difference"].startswith("+") and loss["verdict"] == "worse"
