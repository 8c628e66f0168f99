from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from detector_files import write_eiger
from lab import untrained
from PIL import Image
from throwaway import no_file_larger_than

from pairvae_lib.bundles import watch as watching
from pairvae_lib.bundles.bundle import load_bundle
from pairvae_lib.bundles.watch import LOG, Watch
from pairvae_lib.files.locks import ChapterInUse, locked
from pairvae_lib.files.writing import CannotWrite


@pytest.fixture(scope="module")
def bundle(lab_model):
    return load_bundle(lab_model)


@pytest.fixture
def quick(monkeypatch) -> None:
    """Looks follow one another fast."""
    monkeypatch.setattr(watching, "SETTLED", 0.03)
    monkeypatch.setattr(watching, "INTERVAL", 0.01)


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def lines(out: Path) -> list[dict]:
    return [json.loads(row) for row in (out / LOG).read_text().splitlines()] if (out / LOG).exists() else []


def once(folder: Path, bundle, out: Path, **settings) -> list[dict]:
    """The new lines of one call."""
    before = len(lines(out))
    Watch(folder, bundle, out, "saxs", samples=2, **settings).run_once()
    return lines(out)[before:]


def test_every_file_becomes_an_ensemble_and_a_line(folder, bundle, lab_pairs, tmp_path, quick):
    for name in ("s01.png", "s02.png"):
        shutil.copy(lab_pairs / "saxs" / name, folder)
    (folder / ".s03.png").write_bytes(b"half")
    (folder / "notes.log").write_text("x")
    out = tmp_path / "out"
    found = once(folder, bundle, out)
    assert [(line["file"], line["status"], line["folder"]) for line in found] == [
        ("s01.png", "done", "s01.png"), ("s02.png", "done", "s02.png"),
    ]
    assert "phase_fraction" in found[0]["statistics"] and 0 < found[0]["seconds"] < 5
    assert len(list((out / "s01.png" / "ensemble").iterdir())) == 2
    assert once(folder, bundle, out) == []  # a restart


def test_what_was_done_with_other_settings_or_is_gone_is_done_again(folder, bundle, lab_pairs, tmp_path, quick):
    shutil.copy(lab_pairs / "saxs" / "s01.png", folder)
    out = tmp_path / "out"
    once(folder, bundle, out)
    assert [line["status"] for line in once(folder, bundle, out, seed=44)] == ["done"]
    shutil.rmtree(out / "s01.png")
    assert [line["status"] for line in once(folder, bundle, out, seed=44)] == ["done"]
    assert once(folder, bundle, out) == []


def test_equal_content_is_not_done_twice(folder, bundle, lab_pairs, tmp_path, quick):
    out = tmp_path / "out"
    shutil.copy(lab_pairs / "saxs" / "s01.png", folder)
    once(folder, bundle, out)
    shutil.copy(lab_pairs / "saxs" / "s01.png", folder / "copy.png")
    found = once(folder, bundle, out)
    assert [(line["file"], line["status"], line["folder"]) for line in found] == [("copy.png", "same", "s01.png")]
    assert not (out / "copy.png").exists() and once(folder, bundle, out) == []


def test_a_bad_file_gets_one_line_and_is_tried_again_when_it_changes(folder, bundle, lab_pairs, tmp_path, quick):
    out, good = tmp_path / "out", (lab_pairs / "saxs" / "s01.png").read_bytes()
    (folder / "a.png").write_bytes(good[:60])
    found = once(folder, bundle, out)
    assert [line["status"] for line in found] == ["failed"]
    assert "a.png cannot be used: " in found[0]["error"]
    assert once(folder, bundle, out) == []  # the same fault again is no news
    (folder / "a.png").write_bytes(good)
    assert [line["status"] for line in once(folder, bundle, out)] == ["done"]


def test_a_file_that_grows_is_left_until_it_is_whole(folder, bundle, lab_pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "SETTLED", 0.6)
    monkeypatch.setattr(watching, "INTERVAL", 0.02)
    good = (lab_pairs / "saxs" / "s01.png").read_bytes()
    out = tmp_path / "out"
    watch = Watch(folder, bundle, out, "saxs", samples=1)
    thread = Thread(target=watch.run)
    thread.start()
    with (folder / "a.png").open("wb") as file:
        for start in range(0, len(good), len(good) // 6):
            file.write(good[start : start + len(good) // 6])
            file.flush()
            time.sleep(0.04)
    wait_for(lambda: lines(out))
    watch.stop.set()
    thread.join(10)
    assert [line["status"] for line in lines(out)] == ["done"]


def test_a_file_that_changes_while_it_is_read_waits(folder, bundle, lab_pairs, tmp_path, quick, monkeypatch):
    out, changes = tmp_path / "out", []
    shutil.copy(lab_pairs / "saxs" / "s01.png", folder / "a.png")

    def changing(*given: object, **named: object):
        found = reconstructed(*given, **named)
        if not changes:
            changes.append(shutil.copy(lab_pairs / "saxs" / "s02.png", folder / "a.png"))
        return found

    reconstructed = watching.reconstructed
    monkeypatch.setattr(watching, "reconstructed", changing)
    found = once(folder, bundle, out)
    assert [line["status"] for line in found] == ["done"]
    summary = json.loads((out / "a.png" / "summary.json").read_text())
    assert summary["input"]["sha256"] == found[0]["sha256"]
    assert once(folder, bundle, out) == []


def test_a_line_that_was_cut_off_does_not_spoil_the_log(folder, bundle, lab_pairs, tmp_path, quick):
    out = tmp_path / "out"
    shutil.copy(lab_pairs / "saxs" / "s01.png", folder)
    once(folder, bundle, out)
    whole = (out / LOG).read_bytes()
    (out / LOG).write_bytes(whole + b"[1]\n" + whole[:40])
    shutil.copy(lab_pairs / "saxs" / "s02.png", folder)
    Watch(folder, bundle, out, "saxs", samples=2).run_once()
    rows = (out / LOG).read_bytes().splitlines()
    assert rows[:2] == [whole.strip(), b"[1]"] and len(rows) == 3
    assert json.loads(rows[2])["file"] == "s02.png"


def test_a_log_that_does_not_fit_on_the_disk_keeps_whole_lines_only(folder, bundle, lab_pairs, tmp_path, quick):
    out = tmp_path / "out"
    shutil.copy(lab_pairs / "saxs" / "s01.png", folder)
    once(folder, bundle, out)
    whole = (out / LOG).read_bytes()
    shutil.copy(lab_pairs / "saxs" / "s02.png", folder)
    watch = Watch(folder, bundle, out, "saxs", samples=1)
    with watch._held(), pytest.raises(CannotWrite, match="log.jsonl: File too large$"):
        with no_file_larger_than(len(whole) + 40):
            watch._note({"file": "s02.png", "status": "done", "folder": "x"}, "digest", 0.0)
    assert (out / LOG).read_bytes() == whole


def test_a_folder_that_vanishes_is_waited_for(folder, bundle, lab_pairs, tmp_path, quick):
    out, said = tmp_path / "out", []
    watch = Watch(folder, bundle, out, "saxs", samples=1, say=said.append)
    thread = Thread(target=watch.run)
    thread.start()
    folder.rmdir()
    wait_for(lambda: any("cannot look into" in sentence for sentence in said))
    folder.mkdir()
    shutil.copy(lab_pairs / "saxs" / "s01.png", folder)
    wait_for(lambda: lines(out))
    watch.stop.set()
    thread.join(10)
    assert sum("cannot look into" in sentence for sentence in said) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(folder, bundle, tmp_path, quick, number):
    before = signal.getsignal(number)
    watch = Watch(folder, bundle, tmp_path / "out", "saxs", say=lambda _: os.kill(os.getpid(), number))
    watch.run()
    assert watch.stop.is_set() and signal.getsignal(number) == before


def test_two_cannot_write_to_one_folder(folder, bundle, tmp_path):
    out = tmp_path / "out"
    with locked(out / "watch"), pytest.raises(ChapterInUse, match="watch is being run in"):
        Watch(folder, bundle, out, "saxs").run()


def test_a_full_disk_ends_it(folder, bundle, lab_pairs, tmp_path, quick, monkeypatch):
    shutil.copy(lab_pairs / "saxs" / "s01.png", folder)

    def full(*_: object) -> None:
        raise CannotWrite("cannot write x: No space left on device")

    monkeypatch.setattr(watching, "write_ensemble", full)
    with pytest.raises(CannotWrite, match="No space left"):
        once(folder, bundle, tmp_path / "out")


def test_what_cannot_be_watched_is_refused(folder, bundle, tmp_path):
    with pytest.raises(ValueError, match="^the watched folder must be one; got"):
        Watch(tmp_path / "nothing", bundle, tmp_path / "out", "saxs")
    with pytest.raises(ValueError, match="^the folder to write to must not be the watched one; got"):
        Watch(folder, bundle, folder / "." / "", "saxs")
    with pytest.raises(ValueError, match="^modality must be one of saxs, sem; got 'tem'$"):
        Watch(folder, bundle, tmp_path / "out", "tem")


def test_names_stay_in_the_folder(folder, lab_pairs, tmp_path, quick):
    shutil.copy(lab_pairs / "saxs" / "s01.png", folder / "a%2f..~b.png")
    (found,) = once(folder, untrained(), tmp_path / "out")
    assert found["status"] == "done" and (tmp_path / "out" / found["folder"] / "summary.json").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out"}


def wait_for(happened, seconds: float = 20.0) -> None:
    """Until something is so, or fail."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_a_route_that_a_model_does_not_know_is_refused_at_once(folder, lab_flow, tmp_path):
    with pytest.raises(ValueError, match="^route must be one of saxs to sem; got sem to saxs; a model of the kind"):
        Watch(folder, load_bundle(lab_flow), tmp_path / "out", "sem")


def test_an_eiger_master_waits_for_its_data_file(folder, bundle, lab_pairs, tmp_path, quick):
    levels = np.asarray(Image.open(lab_pairs / "saxs" / "s01.png"))
    scaled = levels.astype(np.float32) / np.iinfo(levels.dtype).max
    write_eiger(tmp_path / "run_1_master.h5", scaled, np.zeros(levels.shape))
    shutil.copy(tmp_path / "run_1_master.h5", folder)
    out = tmp_path / "out"
    (failed,) = once(folder, bundle, out)
    assert failed["status"] == "failed"
    assert failed["error"].endswith("needs the file run_1_data_000001.h5 beside it, which is not there")
    assert once(folder, bundle, out) == []
    watch = Watch(folder, bundle, out, "saxs", samples=2)
    watch.run_once()
    shutil.copy(tmp_path / "run_1_data_000001.h5", folder)
    watch.run_once()  # the master is the same, and is done now
    assert [(line["file"], line["status"]) for line in lines(out)] == [
        ("run_1_master.h5", "failed"), ("run_1_master.h5", "done"),
    ]
    shutil.copy(tmp_path / "run_1_master.h5", folder / "run_2_master.h5")  # the same frames under another name
    assert [line["status"] for line in once(folder, bundle, out)] == ["same"]


def test_a_link_out_of_the_watched_folder_is_refused(folder, bundle, lab_pairs, tmp_path, quick):
    (folder / "a.png").symlink_to(lab_pairs / "saxs/s01.png")
    (line,) = once(folder, bundle, tmp_path / "out")
    assert line["status"] == "failed"
    assert line["error"] == f"{folder / 'a.png'} cannot be read: must be a file within the watched folder"
