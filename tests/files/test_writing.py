"""Files appear whole or not at all, and what cannot be written is said in one sentence."""

import errno
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from throwaway import no_file_larger_than

from pairvae_lib.files.writing import CannotWrite, replacing, replacing_folder, writing


def test_the_folder_is_made_and_the_content_written(tmp_path):
    path = tmp_path / "new" / "file.bin"
    with replacing(path) as file:
        file.write(b"abc")
        assert not path.exists()
    assert path.read_bytes() == b"abc"
    assert os.listdir(path.parent) == ["file.bin"]


def test_a_failure_leaves_the_old_file_and_no_trace(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="stopped"), replacing(path) as file:
        file.write(b"half")
        raise RuntimeError("stopped")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file.bin"]


def test_others_may_read_it_as_far_as_the_umask_lets_them(tmp_path):
    before = os.umask(0o022)
    try:
        with replacing(tmp_path / "file.bin") as file:
            file.write(b"abc")
        assert (tmp_path / "file.bin").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)


def test_what_does_not_fit_is_named_and_the_old_file_stays(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    with pytest.raises(CannotWrite) as caught, no_file_larger_than(4096), replacing(path) as file:
        file.write(bytes(100_000))
    assert str(caught.value) == f"cannot write {path}: File too large"
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file.bin"]


def test_what_does_not_fit_when_the_last_bytes_are_written_is_named(tmp_path):
    path = tmp_path / "file.bin"
    with pytest.raises(CannotWrite, match="file.bin: File too large$"), no_file_larger_than(0), replacing(path) as file:
        file.write(b"a few bytes, which wait in memory until the end")
    assert os.listdir(tmp_path) == []


def test_what_numpy_cannot_write_is_named(tmp_path):
    path = tmp_path / "arrays.npz"
    with pytest.raises(CannotWrite, match="arrays.npz: File too large$"), no_file_larger_than(4096):
        with replacing(path) as file:
            np.savez_compressed(file, noise=np.random.default_rng(0).random(10_000))
    assert os.listdir(tmp_path) == []


def test_a_folder_appears_whole_or_the_old_one_stays(tmp_path):
    path = tmp_path / "new" / "folder"
    for content in ("first", "second"):
        with replacing_folder(path) as fresh:
            (fresh / content).write_text(content)
            assert not (path / content).exists()
        assert os.listdir(path) == [content] and os.listdir(path.parent) == ["folder"]
    with pytest.raises(RuntimeError, match="stopped"), replacing_folder(path) as fresh:
        (fresh / "third").write_text("third")
        raise RuntimeError("stopped")
    with pytest.raises(CannotWrite, match="folder: File too large$"), no_file_larger_than(10):
        with replacing_folder(path) as fresh:
            (fresh / "fourth").write_text("a text that does not fit")
    assert os.listdir(path) == ["second"] and os.listdir(path.parent) == ["folder"]


@pytest.mark.parametrize("below", ["", "seed43", "seed43/more"])
def test_a_file_in_place_of_a_folder_is_named(tmp_path, below):
    (tmp_path / "results").write_text("a file")
    path = tmp_path / "results" / below / "file.bin"
    with pytest.raises(CannotWrite) as caught, replacing(path):
        pass
    assert str(caught.value) == f"cannot write {path}: {tmp_path / 'results'} is a file, not a folder"
    assert (tmp_path / "results").read_text() == "a file"


def test_a_failure_that_has_nothing_to_do_with_writing_stays_as_it_is(tmp_path):
    for error in (OSError(errno.ECONNRESET, "reset"), OSError("no number"), RuntimeError("a fault"), ValueError()):
        with pytest.raises(type(error)) as caught, writing(tmp_path):
            raise error
        assert caught.value is error


def test_the_innermost_path_is_named(tmp_path):
    with pytest.raises(CannotWrite, match="^cannot write inner: Read-only file system$"):
        with writing(tmp_path / "outer"):
            with writing(tmp_path / "outer"):
                raise CannotWrite("cannot write inner: Read-only file system")


def test_what_a_killed_process_had_begun_is_removed_by_the_next(tmp_path):
    for fill in (
        "with replacing(path) as file: file.write(b'half'); file.flush(); os.kill(os.getpid(), 9)",
        "with replacing_folder(path) as new: (new / 'half').write_bytes(b'half'); os.kill(os.getpid(), 9)",
    ):
        head = "import os; from pathlib import Path; from pairvae_lib.files.writing import replacing, replacing_folder"
        program = f"{head}; path = Path({str(tmp_path / 'made')!r})\n{fill}"
        assert subprocess.run([sys.executable, "-c", program]).returncode == -signal.SIGKILL
        assert len(os.listdir(tmp_path)) == 1
        (tmp_path / ".made.too.partial").mkdir()
        with replacing_folder(tmp_path / "made") as fresh:
            (fresh / "whole").write_text("all of it")
        assert os.listdir(tmp_path) == ["made"]
        shutil.rmtree(tmp_path / "made")


def test_what_a_living_process_has_begun_stays(tmp_path):
    path = tmp_path / "made"
    with replacing(path) as file:
        file.write(b"first")
        with replacing(path) as other:
            other.write(b"second")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first"
    with replacing_folder(tmp_path / "folder") as fresh:
        with replacing_folder(tmp_path / "folder") as other:
            (other / "second").touch()
        (fresh / "first").touch()
    assert os.listdir(tmp_path / "folder") == ["first"] and len(os.listdir(tmp_path)) == 2
