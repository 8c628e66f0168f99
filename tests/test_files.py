"""Files appear whole or not at all."""

import os

import pytest

from pairvae_lib.files import replacing


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
