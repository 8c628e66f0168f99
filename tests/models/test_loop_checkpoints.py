"""A checkpoint is written whole or not at all, and read only by who asks for the same."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from throwaway import no_file_larger_than
from torch import nn

from pairvae_lib.models import loop as checkpoints
from pairvae_lib.models.loop import load_checkpoint, save_checkpoint, state_digest

MADE_WITH = {"seed": 43, "train": [2, 0, 1], "settings": {"epochs": {"bernoulli": 3}}, "channels": (4, 8)}


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))


@pytest.fixture
def file(tmp_path, network):
    path = tmp_path / "solo.pt"
    save_checkpoint(path, MADE_WITH, {"module": network.state_dict(), "history": {"kl": [1.5, 0.1]}})
    return path


def test_everything_comes_back(file, network):
    content = load_checkpoint(file, MADE_WITH)
    other = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    assert state_digest(other) != state_digest(network)
    other.load_state_dict(content["module"])
    assert state_digest(other) == state_digest(network)
    assert content["history"] == {"kl": [1.5, 0.1]}
    assert content["made_with"] == MADE_WITH


def test_the_digest_sees_every_parameter_and_buffer(network):
    digest = state_digest(network)
    assert len(digest) == 16 and digest == state_digest(copy.deepcopy(network))
    for name, value in network.state_dict().items():
        changed = copy.deepcopy(network)
        changed.load_state_dict(network.state_dict() | {name: value + 1e-3 if value.is_floating_point() else value + 1})
        assert state_digest(changed) != digest, name


def test_the_digest_does_not_depend_on_the_mode(network):
    assert state_digest(network.train()) == state_digest(network.eval())


def test_the_folder_is_made(tmp_path):
    save_checkpoint(tmp_path / "new" / "folder" / "solo.pt", {}, {})
    assert load_checkpoint(tmp_path / "new" / "folder" / "solo.pt", {})["made_with"] == {}


def test_other_settings_are_named(file):
    asked = MADE_WITH | {"seed": 44, "settings": {"epochs": {"bernoulli": 5}}, "initial": "abc"}
    with pytest.raises(ValueError) as caught:
        load_checkpoint(file, asked)
    assert str(caught.value) == (
        f"{file} was made with other settings: initial None instead of 'abc'; seed 43 instead of 44; "
        "settings {'epochs': {'bernoulli': 3}} instead of {'epochs': {'bernoulli': 5}}. Remove it to start anew"
    )


def test_another_format_is_refused(file, monkeypatch):
    monkeypatch.setattr(checkpoints, "FORMAT", 2)
    with pytest.raises(ValueError) as caught:
        load_checkpoint(file, MADE_WITH)
    assert str(caught.value) == f"{file} must be of format 2; got 1. Remove it to start anew"


def test_a_truncated_file_is_refused(file):
    whole = file.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="must be a checkpoint of this project; got .*. Remove it to start anew"):
            load_checkpoint(file, MADE_WITH)


@pytest.mark.parametrize("content", [torch.zeros(3), [1], 3, {"module": {}}, {"format": 1}], ids=str)
def test_what_another_program_saved_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="other.pt must be a checkpoint of this project; got "):
        load_checkpoint(tmp_path / "other.pt", {})


def test_what_is_no_file_of_torch_is_refused(tmp_path):
    for content in (b"hello world\n", pickle.dumps({"format": 1}, protocol=2), b"\x89PNG\r\n\x1a\n" + bytes(100)):
        (tmp_path / "other.pt").write_bytes(content)
        with pytest.raises(ValueError, match="other.pt must be a checkpoint of this project; got "):
            load_checkpoint(tmp_path / "other.pt", {})


class Mine:
    """A class that a checkpoint has no business to hold."""


def test_nothing_is_executed_on_reading(tmp_path):
    save_checkpoint(tmp_path / "solo.pt", {}, {"object": Mine()})
    with pytest.raises(ValueError, match="must be a checkpoint of this project; got UnpicklingError"):
        load_checkpoint(tmp_path / "solo.pt", {})


def test_a_missing_file_stays_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "solo.pt", {})


@pytest.mark.parametrize("error", [OSError("no space left"), RuntimeError("unexpected pos 64 vs 0")])
def test_a_failed_save_leaves_the_old_file_and_no_other(file, monkeypatch, error):
    before = file.read_bytes()

    def fill_the_disk(content, stream):
        stream.write(b"half of it")
        raise error

    monkeypatch.setattr(torch, "save", fill_the_disk)
    with pytest.raises(OSError) as caught:
        save_checkpoint(file, {}, {})
    assert str(caught.value) == f"cannot write checkpoint {file}: {error}; what was there before is kept"
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_an_interrupted_save_leaves_the_old_file_and_no_other(file, monkeypatch):
    before = file.read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(file, {}, {})
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "seed43").write_text("a file")
    with pytest.raises(OSError, match="cannot write checkpoint .*solo.pt: .*seed43.*; what was there before is kept"):
        save_checkpoint(tmp_path / "seed43" / "solo.pt", {}, {})
    assert (tmp_path / "seed43").read_text() == "a file"


def test_a_checkpoint_that_does_not_fit_leaves_the_old_one_to_resume_from(file):
    before = file.read_bytes()
    with pytest.raises(OSError) as caught, no_file_larger_than(100_000):
        save_checkpoint(file, MADE_WITH, {"module": {"weight": torch.ones(100_000)}})
    reason = f"cannot write {file}: File too large"  # which PyTorch's own error does not say
    assert str(caught.value) == f"cannot write checkpoint {file}: {reason}; what was there before is kept"
    assert file.read_bytes() == before and list(file.parent.iterdir()) == [file]
    assert load_checkpoint(file, MADE_WITH)["history"] == {"kl": [1.5, 0.1]}
