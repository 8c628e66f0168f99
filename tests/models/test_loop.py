"""The loop around every training, with a network of one number."""

from __future__ import annotations

import os
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from pairvae_lib.config import PairTraining
from pairvae_lib.models import loop as fitting
from pairvae_lib.models.loop import (
    History,
    Means,
    batches,
    optimise,
    provenance,
    remaining_epochs,
    rng_for,
    snapshot_epochs,
    standard_normal,
    state_digest,
)


class Line:
    """A linear function that is fitted, with momentum, to numbers drawn anew in every epoch."""

    def __init__(self):
        torch.manual_seed(0)
        self.module = nn.Linear(2, 1)
        self.optimizer = torch.optim.Adam(self.module.parameters(), 0.1)
        self.epochs_run: list[int] = []
        self.stop_at: int | None = None

    def run_epoch(self, epoch: int) -> dict[str, torch.Tensor]:
        x = torch.from_numpy(rng_for(7, "line", epoch).random((4, 2), dtype=np.float32))
        loss = (self.module(x) - x.sum(1, keepdim=True)).square().mean()
        optimise(self.optimizer, loss)
        if epoch == self.stop_at:
            raise KeyboardInterrupt
        self.epochs_run.append(epoch)
        return {"loss": loss}

    def look(self) -> dict[str, torch.Tensor]:
        return {"weight": self.module.weight.detach().clone()}

    def fit(self, epochs: int, partial=None, made_with=None, look=None) -> History:
        history, made_with = History(), made_with or {"seed": 7}
        training = history, self.module, self.optimizer, epochs, made_with, partial, "line", look
        for epoch, means in remaining_epochs(*training):
            means.add(self.run_epoch(epoch))
        return history


@pytest.fixture
def always_due(monkeypatch):
    """A checkpoint after every epoch."""
    monkeypatch.setattr(fitting, "CHECKPOINT_SECONDS", -1)


def test_history():
    history = History()
    assert (history.epochs, history.final) == (0, {})
    history.append({"kl": 2.0, "total": 3.0})
    history.append({"kl": 1.0, "total": 2.5})
    assert history.losses == {"kl": [2.0, 1.0], "total": [3.0, 2.5]}
    assert history.epochs == 2
    assert history.final == {"kl": 1.0, "total": 2.5}


def test_the_generator_follows_seed_stage_and_epoch_alone():
    draws = {key: rng_for(*key).random() for key in ((1, "a", 0), (2, "a", 0), (1, "b", 0), (1, "a", 1))}
    assert len(set(draws.values())) == 4
    assert all(rng_for(*key).random() == value for key, value in draws.items())
    assert rng_for(1, "a").random() == draws[1, "a", 0]


def test_batches_that_fit_are_the_same_in_every_epoch():
    for epoch in (0, 1, 17):
        assert [batch.tolist() for batch in batches(6, 2, epoch)] == [[0, 1], [2, 3], [4, 5]]


def test_batches_that_do_not_fit_walk_round():
    assert [batch.tolist() for batch in batches(10, 4, 0)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [batch.tolist() for batch in batches(10, 4, 1)] == [[8, 9, 0, 1], [2, 3, 4, 5]]
    assert [batch.tolist() for batch in batches(10, 4, 2)] == [[6, 7, 8, 9], [0, 1, 2, 3]]


@pytest.mark.parametrize("n", [8, 9, 10, 13, 15])
def test_every_sample_gets_its_turn_equally_often(n):
    used = n // 8 * 8
    turns = Counter(int(i) for epoch in range(n) for batch in batches(n, 8, epoch) for i in batch)
    assert turns == dict.fromkeys(range(n), used)


def test_a_batch_never_holds_a_sample_twice():
    assert all(len(set(batch.tolist())) == 8 for epoch in range(13) for batch in batches(13, 8, epoch))


def test_too_few_samples_for_a_batch():
    with pytest.raises(ValueError, match="^n_train must be at least the batch size 8; got 7$"):
        next(batches(7, 8, 0))


def test_noise_has_the_shape_of_the_tensor():
    noise = standard_normal(np.random.default_rng(0), torch.empty(5, 2, 3))
    assert (noise.shape, noise.dtype) == ((5, 2, 3), torch.float32)
    np.testing.assert_array_equal(noise, np.random.default_rng(0).standard_normal((5, 2, 3), dtype=np.float32))


def test_means_over_batches():
    means = Means()
    weight = torch.tensor(2.0, requires_grad=True)
    means.add({"a": weight * 1.0, "b": torch.tensor(0.5)})
    means.add({"a": weight * 2.0, "b": torch.tensor(0.25)})
    assert means.read() == {"a": 3.0, "b": 0.375}
    assert not means.sums["a"].requires_grad  # else every epoch would hold the graphs of its batches


def test_one_step_forgets_the_gradient_of_the_step_before():
    weight = nn.Parameter(torch.tensor(1.0))
    optimizer = torch.optim.SGD([weight], 0.5)
    for expected in (0.5, 0.0):
        optimise(optimizer, weight * 1.0)
        assert float(weight.detach()) == expected


def test_fit_runs_every_epoch_once_and_in_order():
    line = Line()
    history = line.fit(4)
    assert line.epochs_run == [0, 1, 2, 3]
    assert history.epochs == 4
    assert list(history.losses) == ["loss"]


def test_no_epochs_are_no_training(tmp_path):
    line = Line()
    before = state_digest(line.module)
    assert line.fit(0, tmp_path / "partial").epochs == 0
    assert state_digest(line.module) == before


@pytest.mark.parametrize("stop_at", [0, 1, 5, 8])
def test_interrupted_and_resumed_equals_uninterrupted(tmp_path, always_due, stop_at):
    whole, stopped, resumed = Line(), Line(), Line()
    expected = whole.fit(9)
    stopped.stop_at = stop_at
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(9, tmp_path / "partial")
    history = resumed.fit(9, tmp_path / "partial")
    assert resumed.epochs_run == list(range(stop_at, 9))
    assert history == expected
    assert state_digest(resumed.module) == state_digest(whole.module)


def test_looks_are_spaced_like_powers():
    assert snapshot_epochs(1000) == (0, 1, 2, 6, 13, 32, 75, 178, 422, 1000)
    assert snapshot_epochs(4) == (0, 1, 2, 3, 4)
    assert (snapshot_epochs(1), snapshot_epochs(0)) == ((0, 1), (0,))


def test_every_look_sees_the_module_as_it_is_then():
    line, shorter = Line(), Line()
    history = line.fit(9, look=line.look)
    assert tuple(history.snapshots) == snapshot_epochs(9)
    torch.testing.assert_close(history.snapshots[9]["weight"], line.module.weight.detach(), rtol=0, atol=0)
    shorter.fit(4)
    torch.testing.assert_close(history.snapshots[4]["weight"], shorter.module.weight.detach(), rtol=0, atol=0)


@pytest.mark.parametrize("stop_at", [0, 1, 5, 8])
def test_a_training_that_was_killed_has_all_looks(tmp_path, always_due, stop_at):
    whole, stopped, resumed = Line(), Line(), Line()
    expected = whole.fit(9, look=whole.look).snapshots
    stopped.stop_at = stop_at
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(9, tmp_path / "partial", look=stopped.look)
    found = resumed.fit(9, tmp_path / "partial", look=resumed.look).snapshots
    assert list(found) == list(expected)
    assert all(torch.equal(found[n]["weight"], expected[n]["weight"]) for n in expected)


def test_a_checkpoint_is_written_when_due_and_at_the_end(tmp_path, monkeypatch):
    line, written = Line(), []
    clock = SimpleNamespace(monotonic=lambda: 8.0 * len(line.epochs_run))  # an epoch takes 8 s, 20 s are due
    monkeypatch.setattr(fitting, "time", clock)
    monkeypatch.setattr(fitting, "save_checkpoint", lambda *_: written.append(line.epochs_run[-1]))
    line.fit(8, tmp_path / "partial")
    assert written == [2, 5, 7]


def test_a_finished_training_is_not_repeated(tmp_path):
    first, second = Line(), Line()
    history = first.fit(3, tmp_path / "partial")
    assert second.fit(3, tmp_path / "partial") == history
    assert second.epochs_run == []
    assert state_digest(second.module) == state_digest(first.module)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    Line().fit(2, tmp_path / "partial")
    with pytest.raises(ValueError, match="partial was made with other settings: seed 7 instead of 8. Remove it to"):
        Line().fit(2, tmp_path / "partial", {"seed": 8})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_the_training(tmp_path, always_due, value):
    line = Line()
    with pytest.raises(FloatingPointError) as caught:
        training = History(), line.module, line.optimizer, 3, {}, tmp_path / "partial", "solo sem"
        for _, means in remaining_epochs(*training):
            means.add({"loss": torch.tensor(value)})
    assert str(caught.value) == f"solo sem: a loss is no longer finite in epoch 0: {{'loss': {value}}}"
    assert not (tmp_path / "partial").exists()


def test_provenance_is_plain_and_names_everything():
    module = nn.Linear(1, 1)
    found = provenance("pair", 43, "abc", (np.int64(3), 1), PairTraining(), module)
    assert found["stage"] == "pair"
    assert found["seed"] == 43
    assert found["train"] == [3, 1] and all(type(index) is int for index in found["train"])
    assert found["settings"]["cross_weight"] == {"bernoulli": 0.4, "gaussian": 1.0}
    assert found["settings"]["focused_epochs"] == 1000
    assert found["initial"] == state_digest(module)
    changed = provenance("pair", 43, "abc", (3, 1), PairTraining(focused_epochs=5), module)
    assert [key for key in found if found[key] != changed[key]] == ["settings"]


def test_progress_is_shown_on_the_terminal_that_the_runner_names(monkeypatch):
    terminal, kernel = os.openpty()
    monkeypatch.setenv("PAIRVAE_TERMINAL", os.ttyname(kernel))
    Line().fit(3)
    shown = os.read(terminal, 10_000).decode()
    os.close(terminal)
    os.close(kernel)
    assert "line:   0%" in shown and "0/3" in shown


def test_nothing_is_shown_where_there_is_no_terminal(capsys, monkeypatch):
    monkeypatch.delenv("PAIRVAE_TERMINAL", raising=False)
    Line().fit(3)
    assert capsys.readouterr() == ("", "")
