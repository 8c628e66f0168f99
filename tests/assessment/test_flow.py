"""The assessment of a flow, on answers whose worth is known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from lab import changed

from pairvae_lib.assessment import ensemble_errors as flow_assessment
from pairvae_lib.assessment.ensemble_errors import (
    ANOTHER,
    DRAWN_HELD_OUT,
    DRAWN_TRAINING,
    METRICS,
    OWN,
    TRUE_HELD_OUT,
    TRUE_TRAINING,
    assess_flow,
)
from pairvae_lib.assessment.ensembles import crops_of
from pairvae_lib.bundles.appraisal import read_appraisal
from pairvae_lib.data.splits import Split
from pairvae_lib.models.flow.config import FlowArchitecture
from pairvae_lib.models.flow.network import fresh_flow

SPLIT = Split((7, 2, 10, 0, 5, 9, 3, 8), (1, 4, 6, 11))
SAMPLES = (0, 2, 3, 5, 7, 8, 9, 10, *SPLIT.held_out)
ROUTE = "saxs_to_sem"


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Fewer masks, to be quick."""
    monkeypatch.setattr(flow_assessment, "DRAWN", 6)
    monkeypatch.setattr(flow_assessment, "CROPS", 12)


@pytest.fixture
def flow(pattern_pairs):
    """A flow that knows its condition, and nothing else."""
    made = fresh_flow(*pattern_pairs.modalities, FlowArchitecture((8, 8, 16), 16, 3), len(SPLIT.train), 0).eval()
    targets = np.random.default_rng(0).standard_normal((len(SPLIT.train), 3))
    made.regression.learn(pattern_pairs.scattering[list(SPLIT.train)], targets)
    return made


@pytest.fixture
def perfect(monkeypatch, pattern_pairs, flow):
    """The assessment of one who knows every micrograph."""

    def answer(_, scattering, count, size, rng):
        assert size == 32 and np.array_equal(scattering, pattern_pairs.scattering[list(SAMPLES)])
        return crops_of(pattern_pairs, np.repeat(np.array(SAMPLES)[:, None], count, axis=1), rng)

    monkeypatch.setattr(flow_assessment, "flow_answer", answer)
    return read_appraisal(assess_flow(flow, pattern_pairs, SPLIT, 43), pattern_pairs.modalities, "flow")


def test_one_who_knows_every_micrograph_is_at_the_floor(perfect, pattern_pairs):
    assert [one[:2] for one in perfect.samples] == [
        (pattern_pairs.sample_ids[index], pattern_pairs.morphologies[index]) for index in SAMPLES
    ]
    assert list(perfect.subsets) == ["train"] * 8 + ["held out"] * 4
    assert tuple(perfect.errors) == tuple(perfect.references) == METRICS
    for metric in ("S2", "A2", "L vertical"):
        own, floor = perfect.errors[metric][ROUTE].mean(), perfect.references[metric]["crop-to-crop floor"].mean()
        others = [perfect.references[metric][name].mean() for name in ("nearest neighbour", "training mean")]
        assert own < 2 * floor < min(others)
    assert 0.7 < np.median(perfect.spread[ROUTE]) < 1.4


def test_one_who_knows_every_training_micrograph_copies(perfect):
    found = {name: float(np.median(values)) for name, values in perfect.memorisation.items()}
    assert found[DRAWN_TRAINING] == 1.0 and found[TRUE_TRAINING] < 0.9
    assert found[DRAWN_HELD_OUT] == pytest.approx(found[TRUE_HELD_OUT], abs=0.05) and found[DRAWN_HELD_OUT] < 0.9


def test_one_answer_repeated_has_no_spread_and_no_copy(monkeypatch, pattern_pairs, flow):
    monkeypatch.setattr(flow_assessment, "flow_answer", lambda *given: np.zeros((12, 6, 32, 32), bool))
    found = read_appraisal(assess_flow(flow, pattern_pairs, SPLIT, 43), pattern_pairs.modalities, "flow")
    assert np.all(found.spread[ROUTE] == 0) and np.all(found.memorisation[DRAWN_HELD_OUT] == 0)
    assert np.allclose(found.errors["area"][ROUTE], found.curves["S2 true, held out"][0], atol=0.15)


def test_another_s_scattering_is_that_of_another_sample_of_the_subset(monkeypatch, pattern_pairs, flow):
    given = []

    def loss(_, crops, scattering, time, rng):
        given.append(([int(12 * level) for level in scattering[:, 0, 0, 0]], crops, rng.random()))
        return np.zeros(len(crops))

    monkeypatch.setattr(flow_assessment, "denoising_loss", loss)
    levels = np.broadcast_to(((np.arange(12) + 0.5) / 12)[:, None, None, None], (12, 1, 32, 32))
    found = assess_flow(flow, changed(pattern_pairs, 0, values=levels.astype(np.float32)), SPLIT, 43)
    (own, crops, noise), (others, same_crops, same_noise) = given
    assert tuple(own) == SAMPLES and sorted(others) == sorted(SAMPLES) and noise == same_noise
    for one, other in zip(own, others, strict=True):
        assert one != other and (one in SPLIT.train) == (other in SPLIT.train)
    assert np.array_equal(crops, same_crops) and set(found["denoising"]) == {OWN, ANOTHER}


def test_the_same_seed_says_the_same_in_plain_values(pattern_pairs, flow):
    first, again, other = (assess_flow(flow, pattern_pairs, SPLIT, seed) for seed in (43, 43, 44))
    assert json.dumps(first, allow_nan=False) == json.dumps(again) != json.dumps(other)
    assert first["samples"][-1] == {"sample_id": "sample 11", "morphology": "rows", "subset": "held out"}
    assert len(first["curves"]["S2 saxs_to_sem, held out"]) == len(first["curves"]["r"])


def test_of_many_training_samples_some_are_assessed(monkeypatch, pattern_pairs, flow):
    monkeypatch.setattr(flow_assessment, "MOST_TRAINING", 3)
    found = assess_flow(flow, pattern_pairs, SPLIT, 43)
    sample_ids = [one["sample_id"] for one in found["samples"]]
    assert sample_ids[:3] == ["sample 0", "sample 7", "sample 10"] and len(sample_ids) == 7


def test_neighbours_need_training_samples(pattern_pairs, flow):
    with pytest.raises(ValueError, match="^k must lie between 1 and 2; got 3$"):
        assess_flow(flow, pattern_pairs, Split((0, 1, 2), (3, 4)), 43)
