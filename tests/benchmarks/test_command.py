from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import beyond as contest
from benchmarks.beyond import Contest, definition, publishing
from benchmarks.beyond.__main__ import app


def code_of(*words: str) -> int:
    """Exit code of a command line."""
    with pytest.raises(SystemExit) as ended:
        app(args=words)
    return ended.value.code or 0


@pytest.fixture
def asked(monkeypatch):
    """What the command asked for."""
    monkeypatch.setattr(definition, "find_spec", lambda name: name)  # installed or not
    calls: list[object] = []
    monkeypatch.setattr(contest, "run_contest", lambda one, report: calls.append(one) or Path("result.json"))
    monkeypatch.setattr(publishing, "publish_outcomes", lambda *words: calls.append(words) or Path("published"))
    return calls


def test_one_comparison_for_each_seed(asked, capsys):
    assert code_of("--split", "random", "--seeds", "43,44", "--budget", "tiny") == 0
    assert asked == [Contest("random", 43, budget="tiny"), Contest("random", 44, budget="tiny")]
    assert capsys.readouterr().out.splitlines() == ["result.json"] * 2


def test_data_of_ones_own_are_found_from_here(asked, tmp_path, monkeypatch):
    (tmp_path / "films").mkdir()
    monkeypatch.chdir(tmp_path)
    assert code_of("--split", "gap", "--control", "dose", "--data", "films", "--seeds", "43") == 0
    assert asked == [Contest("gap", 43, str(tmp_path / "films"), control="dose")]


def test_without_peers(asked):
    assert code_of("--no-peers", "--seeds", "43") == 0
    assert asked == [Contest("gap", 43, peers=())]


def test_publishing_runs_nothing(asked, capsys):
    assert code_of("--publish", "--budget", "quick") == 0
    assert asked == [("simulated", "quick")] and capsys.readouterr().out == "published\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--seeds", "one"), "seeds must be whole numbers between commas; got 'one'"),
        (("--split", "fold"), "split must be one of random, gap, batch, test; got 'fold'"),
        (("--data", "nowhere"), "data must be 'simulated' or a folder of paired data"),
    ],
)
def test_what_cannot_be_is_one_message(asked, capsys, words, message):
    assert code_of(*words) == 2
    shown = capsys.readouterr()
    assert message in shown.err and "Traceback" not in shown.err and asked == []
