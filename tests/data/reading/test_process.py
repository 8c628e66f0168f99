from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from pairvae_lib.data.reading import process
from pairvae_lib.data.reading.gate import LIMITS, TooMuch
from pairvae_lib.data.reading.process import apart


@apart
def endless(path):
    while True:
        pass


@apart
def greedy(path, gigabytes):
    return np.ones(gigabytes * 2**27).sum()


@apart
def crashing(path):
    os.kill(os.getpid(), signal.SIGSEGV)


@apart
def copied(path, array, **more):
    return array + 1, more, os.getpid()


@apart
def failing(path, error):
    raise error


@pytest.fixture
def path(tmp_path):
    (tmp_path / "a.dat").write_text("any")
    return tmp_path / "a.dat"


def test_what_is_read_apart_comes_back_whole(path):
    array = np.arange(12, dtype=np.uint16).reshape(3, 4)
    found, more, pid = copied(path, array, word="x")
    assert found.dtype == np.uint16 and (found == array + 1).all() and more == {"word": "x"}
    assert found.flags.writeable
    assert pid != os.getpid() and copied(path, array)[2] == pid  # one process for all


@pytest.mark.parametrize("error", [ValueError("no"), KeyError("no"), SystemExit(3), RecursionError("no")])
def test_whatever_is_raised_there_is_a_value_error_here(path, error):
    with pytest.raises(ValueError, match="no|SystemExit"):
        failing(path, error)


def test_a_crash_is_one_file_that_cannot_be_read(path):
    with pytest.raises(ValueError, match=r"^cannot be read \(its decoder crashed\)$"):
        crashing(path)
    assert copied(path, np.zeros(2))[0].tolist() == [1, 1]


def test_too_much_time_and_memory_are_refused_once_and_for_all(path, monkeypatch):
    monkeypatch.setitem(LIMITS, "seconds", 1)
    for _ in range(3):  # the second time without waiting
        with pytest.raises(TooMuch, match="^takes more than 1 s to decode; expected at most 1 seconds"):
            endless(path)
    path.write_text("another")
    monkeypatch.setitem(LIMITS, "seconds", 30)
    with pytest.raises(TooMuch, match="^asks for too much memory to be decoded; expected at most 768 MiB of memory"):
        greedy(path, 2)


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        failing(tmp_path / "none", FileNotFoundError("none"))


def test_it_ends_with_the_one_who_asks(path):
    pid = copied(path, np.zeros(2))[2]
    process._end()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert copied(path, np.zeros(2))[2] != pid
