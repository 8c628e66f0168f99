from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from lab import write_pairs
from safetensors.numpy import load
from throwaway import no_file_larger_than

from pairvae_lib.bundles import kinds
from pairvae_lib.bundles.apply import SELF_ERRORS
from pairvae_lib.bundles.bundle import ASSESSMENT, CARD, CONFIG, EXAMPLES, LATENTS, MODEL, load_bundle
from pairvae_lib.bundles.train import TrainingJob, train_bundle, work_folder
from pairvae_lib.checks import DataError
from pairvae_lib.files.locks import ChapterInUse, locked
from pairvae_lib.files.writing import CannotWrite
from pairvae_lib.models import loop as fitting
from pairvae_lib.models.flow import training as flow_training


def test_a_model_is_a_folder_with_card_and_assessment(lab_model):
    assert {path.name for path in lab_model.iterdir()} == {MODEL, CONFIG, CARD, ASSESSMENT, LATENTS, EXAMPLES}
    assert not work_folder(lab_model).exists()
    bundle = load_bundle(lab_model)
    facts = bundle.provenance
    assert (facts["name"], facts["data"], facts["seed"], facts["resumed"]) == ("lab model", "pairs", 43, False)
    assert len(facts["train"]) == 8 and len(facts["held_out"]) == 4
    assert not set(facts["train"]) & set(facts["held_out"])
    assert facts["morphologies"] == {"columns": 6, "rows": 6}
    assert set(facts["seconds"]) == {"preparing", "solo training", "pair training", "assessment"}
    assert 0 < facts[SELF_ERRORS]["saxs"]["median"] <= facts[SELF_ERRORS]["saxs"]["largest"]
    patterns, masks = bundle.scalings
    assert (patterns.pattern_shape, masks.nm_per_pixel, masks.image_rows) == ((40, 44), 2.5, None)


def test_no_path_of_the_machine_is_in_the_folder(lab_model, lab_pairs):
    for name in (CONFIG, CARD, ASSESSMENT):
        assert str(lab_pairs.parent) not in (lab_model / name).read_text()


def test_no_image_is_in_the_folder_unless_asked_for(tmp_path, lab_pairs, lab_model):
    out = tmp_path / "model"
    train_bundle(TrainingJob(str(lab_pairs), out, "tiny", held_out="b"))
    assert EXAMPLES not in {path.name for path in out.iterdir()}
    assert "It holds no image and no curve of a sample." in (out / CARD).read_text()
    assert load_bundle(out).provenance["held_out"] == ["s01", "s04", "s07", "s10"]
    assert "all of the group b" in (out / CARD).read_text()
    masks = [picture for picture in load(load_bundle(lab_model).attachments[EXAMPLES]).values()]
    assert any(picture.dtype == np.bool_ for picture in masks)


def test_an_interrupted_training_goes_on_and_ends_the_same(tmp_path, lab_pairs, lab_model, monkeypatch):
    order = TrainingJob(str(lab_pairs), tmp_path / "model", "tiny")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(kinds, "load_or_train_pair", killed)
        with pytest.raises(KeyboardInterrupt):
            train_bundle(order)
    assert (work_folder(order.out) / "solo.pt").exists() and not order.out.exists()
    said = []
    after = train_bundle(order, said.append)
    assert after.provenance["resumed"] and [line.split()[0] for line in said] == [
        "Preparing", "Training", "Training", "Assessing", "Writing",
    ]
    before = load_bundle(lab_model).model.state_dict()
    assert all(torch.equal(value, before[name]) for name, value in after.model.state_dict().items())


def test_a_flow_is_the_same_kind_of_folder(lab_flow):
    assert {path.name for path in lab_flow.iterdir()} == {MODEL, CONFIG, CARD, ASSESSMENT, EXAMPLES}
    bundle = load_bundle(lab_flow)
    facts = bundle.provenance
    assert (bundle.kind, facts["name"], facts["data"], facts["resumed"]) == ("flow", "lab flow", "pairs", False)
    assert len(facts["train"]) == 8 and len(facts["held_out"]) == 4
    assert set(facts["seconds"]) == {"preparing", "training", "assessment"} and SELF_ERRORS not in facts
    assert bundle.scalings[1].nm_per_pixel == 2.5 and not bundle.model.training


def test_an_interrupted_flow_goes_on_and_ends_the_same(tmp_path, lab_pairs, lab_flow, monkeypatch):
    order = TrainingJob(str(lab_pairs), tmp_path / "model", "tiny", kind="flow")
    loss, calls = flow_training.reconstruction_loss, []

    def stopping(*given):
        calls.append(given)
        if len(calls) == 4:  # in the middle of the second round
            raise KeyboardInterrupt
        return loss(*given)

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "CHECKPOINT_SECONDS", -1.0)
        patch.setattr(flow_training, "reconstruction_loss", stopping)
        with pytest.raises(KeyboardInterrupt):
            train_bundle(order)
    assert (work_folder(order.out) / "flow.partial").exists() and not order.out.exists()
    after, before = train_bundle(order), load_bundle(lab_flow)
    assert after.provenance["resumed"] and not work_folder(order.out).exists()
    state = before.model.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in after.model.state_dict().items())
    assert after.attachments[ASSESSMENT] == before.attachments[ASSESSMENT]


def test_an_unfinished_model_of_another_kind_is_not_thrown_away(tmp_path, lab_pairs, monkeypatch):
    order = TrainingJob(str(lab_pairs), tmp_path / "model", "tiny", kind="flow")
    with monkeypatch.context() as patch:
        patch.setattr(kinds, "assess_flow", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train_bundle(order)
    with pytest.raises(ValueError, match=r"holds an unfinished model of the kind 'flow' \(flow.pt\), not 'pairvae'"):
        train_bundle(replace(order, kind="pairvae"))


def test_another_order_does_not_go_on_with_an_unfinished_model(tmp_path, lab_pairs, monkeypatch):
    order = TrainingJob(str(lab_pairs), tmp_path / "model", "tiny")
    with monkeypatch.context() as patch:
        patch.setattr(kinds, "load_or_train_pair", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train_bundle(order)
    with pytest.raises(ValueError, match="solo.pt was made with other settings: .*Remove it to start anew"):
        train_bundle(replace(order, seed=44))


def test_what_is_there_is_not_touched(lab_model, lab_pairs):
    with pytest.raises(FileExistsError, match="is there already; name a folder that does not exist yet"):
        train_bundle(TrainingJob(str(lab_pairs), lab_model, "tiny"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"profile": "huge"}, "^profile must be one of tiny"),
        ({"kind": "gan"}, "^model must be one of pairvae, flow; got 'gan'$"),
        ({"kind": "flow", "n_train": 3}, "^n_train must be at least 4 for a flow, .*; got 3 training pairs$"),
        ({"held_out": "z"}, "^held_out must be one of at least two groups"),
        ({"n_train": 4}, "^n_train must be at least the batch size 8; got 4 training pairs$"),
        ({"n_train": 12}, "^n_train must lie between 1 and 11 for 12 samples; got 12$"),
    ],
)
def test_an_order_that_cannot_be_done_is_refused_before_training(tmp_path, lab_pairs, changes, message):
    order = replace(TrainingJob(str(lab_pairs), tmp_path / "model", "tiny"), **changes)
    with pytest.raises(ValueError, match=message):
        train_bundle(order)
    assert not order.out.exists()


@pytest.mark.parametrize("is_cleared", [False, True])
def test_a_training_that_is_done_says_so(tmp_path, lab_pairs, lab_model, is_cleared):
    out = tmp_path / "lab model"
    shutil.copytree(lab_model, out)
    if not is_cleared:  # killed while it cleared up
        work_folder(out).mkdir()
        (work_folder(out) / "pair.pt").write_bytes(b"half")
    said = []
    bundle = train_bundle(TrainingJob(str(lab_pairs), out, "tiny", examples=True), said.append)
    assert said == [f"{out} is done already"] and not work_folder(out).exists()
    assert bundle.provenance == load_bundle(lab_model).provenance


@pytest.mark.parametrize(
    "changes", [{"seed": 44}, {"examples": False}, {"half": True}, {"held_out": "a"}, {"data": "others"}]
)
def test_another_model_is_not_taken_for_done(tmp_path, lab_pairs, lab_model, changes):
    job = TrainingJob(str(lab_pairs), lab_model, "tiny", examples=True)
    if "data" in changes:  # of the same name, with another sample
        changes = {"data": str(write_pairs(tmp_path / "pairs", 13))}
    with pytest.raises(FileExistsError, match="is there already; name a folder that does not exist yet$"):
        train_bundle(replace(job, **changes))


def test_every_fault_of_the_data_is_named(tmp_path):
    folder = write_pairs(tmp_path / "pairs")
    (folder / "saxs" / "s03.png").write_bytes(b"x")
    (folder / "sem" / "s05.png").unlink()
    with pytest.raises(DataError) as caught:
        train_bundle(TrainingJob(str(folder), tmp_path / "model", "tiny"))
    assert re.search(r"2 problems\n.*s0[35].*\n.*s0[35]", str(caught.value))


def test_two_cannot_make_one_model(tmp_path, lab_pairs):
    order = TrainingJob(str(lab_pairs), tmp_path / "model", "tiny")
    with locked(work_folder(order.out) / "training"), pytest.raises(ChapterInUse, match="is being run in"):
        train_bundle(order)


def test_a_full_disk_keeps_what_was_trained(tmp_path, lab_pairs):
    order = TrainingJob(str(lab_pairs), tmp_path / "model", "tiny")
    with no_file_larger_than(100_000), pytest.raises(CannotWrite, match="cannot write checkpoint .*solo.* kept$"):
        train_bundle(order)
    assert not order.out.exists()


def test_the_card_says_what_the_assessment_found(lab_model):
    card = (lab_model / CARD).read_text()
    content = json.loads((lab_model / ASSESSMENT).read_text())
    for row in content["medians"]:
        if row["metric"] == "S2" and row["name"] == "nearest neighbour":
            assert f"| nearest neighbour | {row['train']:.4f} | {row['held out']:.4f} |" in card
            break
    else:
        raise AssertionError("no such row")
    for title in ("Does it beat", "Data", "Training", "Errors", "Memorisation", "Intended use", "Limits", "What this"):
        assert f"## {title}" in card
