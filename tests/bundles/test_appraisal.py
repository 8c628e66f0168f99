from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from pairvae_lib.assessment.comparisons import BETTER, OPEN, WORSE
from pairvae_lib.assessment.ensemble_errors import (
    ANOTHER,
    DRAWN_HELD_OUT,
    DRAWN_TRAINING,
    METRICS,
    OWN,
    TRUE_HELD_OUT,
    TRUE_TRAINING,
)
from pairvae_lib.assessment.errors import A2, INTENSITY, S2
from pairvae_lib.bundles.appraisal import Appraisal, FlowAppraisal, appraisal_of, read_appraisal
from pairvae_lib.bundles.bundle import ASSESSMENT, load_bundle
from pairvae_lib.data.modality import Modality

MODALITIES = Modality("saxs", (32, 32), "pattern"), Modality("sem", (32, 32), "mask")
SAMPLES = tuple((f"s{i}", "lines", "held out" if i < 10 else "train") for i in range(20))


def appraisal(model: float = 0.1, look_up: float = 0.2, mean: float = 0.9, own: float = 0.5) -> Appraisal:
    """Errors around these medians."""
    spread = np.linspace(-0.01, 0.01, 20)
    routes = {S2: "saxs_to_sem", A2: "saxs_to_sem", INTENSITY: "sem_to_saxs"}
    known = {"nearest neighbour": look_up, "three nearest neighbours": look_up + 0.1, "training mean": mean}
    return Appraisal(
        MODALITIES,
        SAMPLES,
        {metric: {route: model + spread} for metric, route in routes.items()},
        {metric: {name: value + spread for name, value in known.items()} for metric in routes},
        {"own training crop": np.full(10, own), "other crops of the sample": np.full(10, 0.5)},
        {},
    )


@pytest.mark.parametrize(
    ("model", "verdict", "sentence"),
    [
        (0.1, BETTER, "Yes: on held-out samples, .*, it is better in saxs → sem"),
        (0.3, WORSE, r"No: on held-out samples, .*, it is worse in saxs → sem \(S2\), saxs → sem \(A2\), sem"),
        (0.2, OPEN, "No: on held-out samples, .*, it is not told apart in saxs → sem"),
    ],
)
def test_the_verdict_follows_from_held_out_samples_against_the_better_look_up(model, verdict, sentence):
    found = appraisal(model)
    for one in found.comparisons:
        assert (one.verdict, one.reference) == (verdict, "nearest neighbour")
    assert np.array_equal([found.count("train"), found.count("held out")], [10, 10])
    assert re.match(sentence, found.sentence())


def test_the_difference_is_that_of_pairs():
    one = appraisal(0.1).comparisons[0]
    assert one.difference.low <= one.difference.estimate <= one.difference.high < 0
    assert one.difference.estimate == pytest.approx(-0.1)


def test_a_part_is_only_a_part():
    found = appraisal(0.1)
    found.errors[A2]["saxs_to_sem"] += 0.3
    text = found.sentence()
    assert text.startswith("Only in part: ")
    assert "worse in saxs → sem (A2)" in text and "better in saxs → sem (S2), sem → saxs (intensity)" in text


def test_few_held_out_samples_are_no_ground_for_a_verdict():
    few = tuple((name, label, "held out" if i < 4 else "train") for i, (name, label, _) in enumerate(SAMPLES))
    found = replace(appraisal(), samples=few)
    assert {one.verdict for one in found.comparisons} == {OPEN}
    assert found.sentence().startswith("Not shown: fewer than 6 samples were held out")


def test_an_answer_that_looks_at_nothing_is_named_where_it_is_nearer():
    assert appraisal(mean=0.9).plain_sentence() == (
        "No other answer without a network (kernel ridge, training mean) comes as near in the median."
    )
    text = appraisal(mean=0.05).plain_sentence()
    assert "saxs → sem (S2) training mean 0.0447, the model 0.0947; saxs → sem (A2)" in text


def test_memory_is_said_plainly():
    assert appraisal(own=0.9).memory_sentence().startswith("It has learnt training crops by heart")
    assert appraisal(own=0.55).memory_sentence().startswith("It does not draw its training crops better than others")


def test_a_folder_says_what_its_assessment_found(lab_model):
    found = appraisal_of(load_bundle(lab_model))
    assert [one.name for one in found.modalities] == ["saxs", "sem"]
    assert (found.count("train"), found.count("held out")) == (8, 4)
    rows = dict((name, (train, held)) for name, train, held in found.rows(S2))
    assert set(rows) == {
        "solo sem_to_sem", "saxs_to_sem", "sem_to_sem", "nearest neighbour", "three nearest neighbours",
        "kernel ridge", "training mean", "crop-to-crop floor",
    }
    assert rows["saxs_to_sem"][1] == np.median(found.errors[S2]["saxs_to_sem"][found.subsets == "held out"])
    assert found.curves["S2 true, held out"].shape == found.curves["r"].shape


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("errors"), "KeyError"),
        (lambda content: content["errors"]["S2"].pop("saxs_to_sem"), "KeyError"),
        (lambda content: content["errors"]["S2"].update(saxs_to_sem=[0.1]), "expected 12 finite numbers"),
        (lambda content: content["errors"]["S2"].update(saxs_to_sem=[None] * 12), "expected 12 finite numbers"),
        (lambda content: [one.update(subset="train") for one in content["samples"]], "no sample is held out"),
        (lambda content: content["memorisation"].clear(), "KeyError"),
    ],
)
def test_something_else_in_its_place_is_refused(lab_model, change, message):
    bundle = load_bundle(lab_model)
    content = json.loads(bundle.attachments[ASSESSMENT])
    change(content)
    changed = replace(bundle, attachments={ASSESSMENT: json.dumps(content).encode()})
    with pytest.raises(ValueError, match=rf"^assessment.json does not describe an assessment \(.*{message}"):
        appraisal_of(changed)


def test_a_folder_without_assessment_says_so(lab_model):
    bundle = replace(load_bundle(lab_model), attachments={})
    with pytest.raises(ValueError, match="^the model's folder holds no assessment.json; train it with pairvae train$"):
        appraisal_of(bundle)


def test_content_survives_json(lab_model):
    content = json.loads(load_bundle(lab_model).attachments[ASSESSMENT])
    again = read_appraisal(json.loads(json.dumps(content)), MODALITIES)
    assert again.sentence() == read_appraisal(content, MODALITIES).sentence()


def flow_appraisal(recalled: float = 0.7, spread: float = 1.0, gain: float = 0.1) -> FlowAppraisal:
    """Of a flow that is better than retrieval, around these medians."""
    noise = np.linspace(-0.01, 0.01, 20)
    overlaps = {DRAWN_HELD_OUT: 0.7, TRUE_HELD_OUT: 0.68, DRAWN_TRAINING: recalled, TRUE_TRAINING: 0.69}
    return FlowAppraisal(
        MODALITIES,
        SAMPLES,
        {metric: {"saxs_to_sem": 0.1 + noise} for metric in METRICS},
        {metric: {"nearest neighbour": 0.2 + noise, "training mean": 0.9 + noise} for metric in METRICS},
        {name: np.full(5, value) for name, value in overlaps.items()},
        {},
        {"saxs_to_sem": spread + noise},
        {OWN: 0.4 + noise, ANOTHER: 0.4 + gain + 2 * noise},
    )


def test_a_flow_is_held_to_every_statistic_of_its_ensembles():
    found = flow_appraisal()
    assert [one.metric for one in found.comparisons] == list(METRICS) == list(found.metrics)
    assert found.sentence() == (
        "Yes: on held-out samples, held against a look-up in the training data, it is better in S2, A2, area, "
        "L vertical, L horizontal, components."
    )
    assert list(found.facts()) == ["memorisation", "spread", "scattering"]


@pytest.mark.parametrize(("recalled", "sentence"), [(0.7, "It does not copy"), (0.9, "It has learnt training crops")])
def test_a_flow_copies_where_it_meets_micrographs_better_than_true_crops_do(recalled, sentence):
    found = flow_appraisal(recalled).memory_sentence()
    assert found.startswith(sentence)
    assert f"{recalled:.2f} for training samples; true crops of other micrographs 0.68 and 0.69" in found


@pytest.mark.parametrize(("spread", "words"), [(0.1, "less varied than"), (1.0, "about as"), (2.0, "more varied than")])
def test_the_spread_is_told(spread, words):
    assert f"Its ensembles are {words}" in flow_appraisal(spread=spread).spread_sentence()


def test_the_scattering_is_used_where_the_interval_says_so():
    assert flow_appraisal().scattering_sentence().startswith("It uses the measurement: a mask in noise is told +0.09")
    assert flow_appraisal(gain=0.005).scattering_sentence().startswith("It is not shown to use the measurement: ")
    few = tuple((name, label, "held out" if i < 4 else "train") for i, (name, label, _) in enumerate(SAMPLES))
    assert "is not shown: too few samples" in replace(flow_appraisal(), samples=few).scattering_sentence()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content["errors"].pop("components"), "KeyError"),
        (lambda content: content.pop("spread"), "KeyError"),
        (lambda content: content["spread"].update(saxs_to_sem=[1.0]), "expected 12 finite numbers"),
        (lambda content: content["denoising"].clear(), "KeyError"),
        (lambda content: content["memorisation"].popitem(), "KeyError"),
    ],
)
def test_something_else_in_place_of_a_flow_s_is_refused(lab_flow, change, message):
    bundle = load_bundle(lab_flow)
    content = json.loads(bundle.attachments[ASSESSMENT])
    assert isinstance(read_appraisal(content, MODALITIES, "flow"), FlowAppraisal)
    change(content)
    changed = replace(bundle, attachments={ASSESSMENT: json.dumps(content).encode()})
    with pytest.raises(ValueError, match=rf"^assessment.json does not describe an assessment \(.*{message}"):
        appraisal_of(changed)
