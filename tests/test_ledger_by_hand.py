"""Three entries of the published ledger, from the published files with numpy alone: none of our library is used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1] / "results" / "published" / "standard"
LEDGER = {
    (row["id"], row["assessment"]): row
    for row in json.loads((ROOT / "claims.json").read_text())
    if row["data"] == "simulated"
}


def errors(size: int, metric: str, route: str, subsets: tuple[str, ...]) -> dict[str, float]:
    """Error by image, the mean over the trainings in which the image belongs to the subsets."""
    found: dict[str, list[float]] = {}
    for path in sorted((ROOT / "simulated").glob(f"seed*-n{size}/errors.json")):
        run = json.loads(path.read_text())
        for sample, error in zip(run["samples"], run["errors"][metric][route], strict=True):
            if sample["subset"] in subsets:
                found.setdefault(sample["sample_id"], []).append(error)
    return {image: float(np.mean(values)) for image, values in found.items()}


@pytest.mark.parametrize(("assessment", "subsets"), [("mixed", ("train", "held out")), ("held_out", ("held out",))])
def test_the_median_difference_of_solo_and_pair_trained_errors(assessment, subsets):
    solo, pair = (errors(48, "intensity", route, subsets) for route in ("solo saxs_to_saxs", "saxs_to_saxs"))
    row = LEDGER["6", assessment]
    assert np.median([pair[image] - solo[image] for image in solo]) == pytest.approx(row["effect"], rel=1e-3)
    assert len(solo) == row["n_images"]


def test_the_change_of_an_error_with_the_number_of_training_pairs():
    case = next(one for one in LEDGER["11c", "held_out"]["cases"] if one["label"].startswith("saxs → sem"))
    few, many = (errors(size, "S2 periodic", "saxs_to_sem", ("held out",)) for size in (32, 64))
    both = few.keys() & many.keys()
    assert np.median([many[image] / few[image] for image in both]) == pytest.approx(case["effect"], rel=1e-3)


def test_the_loss_at_the_end_of_every_training():
    ends = []
    for path in sorted((ROOT / "simulated").glob("seed*-n*/history.json")):
        losses = json.loads(path.read_text())["pair"]["saxs_to_sem"]  # every epoch, or the mean over the last tenth
        ends.append(np.mean(losses[-max(1, len(losses) // 10) :]) / np.log(2))
    row = LEDGER["14c", "mixed"]
    case = next((one for one in row["cases"] if one["label"] == "saxs → sem"), row)
    assert [np.median(ends), min(ends), max(ends)] == pytest.approx([case["effect"], *case["interval"]], rel=1e-3)
    assert (case["verdict"] == "holds") == (max(ends) < 0.9)
