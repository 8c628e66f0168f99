from __future__ import annotations

import shutil
import sys
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import openpyxl
import pytest
from PIL import Image

from pairvae_lib.checks import DataError
from pairvae_lib.data.download import (
    PROFILE_HEADER,
    SOURCE,
    column_texts,
    fetched,
    manifest_text,
    mirrored,
    parsed_registry,
    registry,
    wrong_files,
)
from pairvae_lib.data.folder import open_pairs

AFM_GISAXS = Path(__file__).parents[3] / "shared" / "data" / "afm-gisaxs"
RNG = np.random.default_rng(0)
SAMPLES = {"A_1": ("lines", "north"), "A_2": ("dots", "north"), "X1": ("lines", "south"), "X2": ("dots", "south")}


def profile(seed):
    q = np.sort(np.round(np.random.default_rng(seed).uniform(-0.1, 0.3, 40), 5))
    return q, np.round(5 + np.abs(q) ** -1.5 * (1 + seed), 4)


def profile_text(seed):
    return PROFILE_HEADER + "".join(f"{q:.6g} {i:.6g}\n" for q, i in zip(*profile(seed), strict=True))


def write_spreadsheet(path, seeds, in_pairs=True):
    """Columns of q and intensity, q before each or once before all; a shorter column ends in empty cells."""
    book = openpyxl.Workbook()
    sheet = book.active
    columns = [
        column for seed in seeds for column in ((f"q_{seed}", profile(seed)[0]), (f"I_{seed}", profile(seed)[1]))
    ]
    if not in_pairs:
        columns = [("q", profile(seeds[0])[0]), *((f"I_{seed}", profile(seed)[1]) for seed in seeds)]
    for place, (name, values) in enumerate(columns, start=1):
        sheet.cell(1, place, name)
        for row, value in enumerate(values, start=2):
            sheet.cell(row, place, float(value))
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """No proxy before this machine, and no pause before a second try."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("pairvae_lib.data.download._RETRIES", 0)


@pytest.fixture
def world(tmp_path):
    """The source as its repository lays it out, a mirror as we do, and the registry."""
    source, mirror = tmp_path / "web", tmp_path / "mirror/afm-gisaxs"
    lines = []
    for seed, (sample, (morphology, batch)) in enumerate(SAMPLES.items()):
        micrograph = source / f"afm/classifier/dataset/{morphology}/{sample}.png"
        micrograph.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, (20, 20), dtype=np.uint8)).save(micrograph)
        ours = mirror / f"micrographs/{sample}.png"
        ours.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(micrograph, ours)
        text = mirror / f"profiles/{sample}.dat"
        text.parent.mkdir(exist_ok=True)
        text.write_text(profile_text(seed))
        lines += [
            f"{sha256(ours.read_bytes()).hexdigest()} micrographs/{sample}.png afm/classifier/dataset/{morphology}/"
            f"{sample}.png",
            f"{sha256(text.read_bytes()).hexdigest()} profiles/{sample}.dat gisaxs/raw_data/{batch}.xlsx",
        ]
    write_spreadsheet(source / "gisaxs/raw_data/north.xlsx", [0, 1])
    write_spreadsheet(source / "gisaxs/raw_data/south.xlsx", [3, 7, 2])  # in another order, and with another sample
    manifest = manifest_text(parsed_registry("\n".join(lines)))
    (mirror / "manifest.csv").write_text(manifest)
    entries = parsed_registry(f"# words\n{sha256(manifest.encode()).hexdigest()} manifest.csv -\n" + "\n".join(lines))
    return source, mirror, entries


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words):
        self.server.asked.append(self.path)


@pytest.fixture
def served(world):
    """Address of a server of the source on this machine, and what it was asked for."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(world[0])))
    server.asked = []
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", server.asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_folder_is_built_from_the_source(world, served, tmp_path):
    _, mirror, entries = world
    done = []
    out = fetched(entries, tmp_path / "out", source=served[0], progress=lambda *counts: done.append(counts))
    assert out == tmp_path / "out"
    assert wrong_files(entries, out) == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mirror", "out", "web"]
    for path in mirror.rglob("*.*"):
        assert (out / path.relative_to(mirror)).read_bytes() == path.read_bytes()
    assert done[0] == (0, 6)
    assert done[-1] == (6, 6)
    data = open_pairs(out)
    assert data.groups == ("north", "north", "south", "south")
    assert data.morphologies == ("lines", "dots", "lines", "dots")


def test_what_was_downloaded_is_not_downloaded_again(world, served, tmp_path):
    source, _, entries = world
    (source / "gisaxs/raw_data/south.xlsx").rename(source / "away.xlsx")
    with pytest.raises(DataError) as error:
        fetched(entries, tmp_path / "out", source=served[0])
    (problem,) = error.value.problems
    assert problem.startswith("gisaxs/raw_data/south.xlsx: cannot be fetched (HTTPError: 404")
    assert not (tmp_path / "out").exists()
    (source / "away.xlsx").rename(source / "gisaxs/raw_data/south.xlsx")
    served[1].clear()
    fetched(entries, tmp_path / "out", source=served[0])
    assert served[1] == ["/gisaxs/raw_data/south.xlsx"]
    served[1].clear()
    fetched(entries, tmp_path / "out", source=served[0])  # complete: nothing to do
    assert served[1] == []


def test_a_changed_file_is_refused(world, served, tmp_path):
    source, _, entries = world
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(source / "afm/classifier/dataset/dots/X2.png")
    write_spreadsheet(source / "gisaxs/raw_data/north.xlsx", [0, 9])
    with pytest.raises(DataError) as error:
        fetched(entries, tmp_path / "out", source=served[0])
    assert len(error.value.problems) == 1
    assert "SHA256 hash of downloaded file" in error.value.problems[0]
    shutil.copyfile(world[1] / "micrographs/X2.png", source / "afm/classifier/dataset/dots/X2.png")
    with pytest.raises(DataError) as error:
        fetched(entries, tmp_path / "out", source=served[0])
    assert error.value.problems == ["profiles/A_2.dat: no column of gisaxs/raw_data/north.xlsx has its checksum"]
    assert not (tmp_path / "out").exists()


def test_a_spreadsheet_that_is_none(world, served, tmp_path):
    (world[0] / "gisaxs/raw_data/north.xlsx").write_text("<html>too many requests</html>")
    with pytest.raises(DataError) as error:
        fetched(world[2], tmp_path / "out", source=served[0])
    assert error.value.problems[0].startswith("gisaxs/raw_data/north.xlsx: cannot be read as a spreadsheet (BadZipFile")


def test_no_connection_ends_soon(world, tmp_path):
    with pytest.raises(DataError) as error:
        fetched(world[2], tmp_path / "out", source="http://127.0.0.1:9")
    assert len(error.value.problems) == 3
    assert "cannot be fetched (ConnectionError" in error.value.problems[0]


def test_one_column_of_q_for_all(tmp_path):
    write_spreadsheet(tmp_path / "a.xlsx", [4, 5], in_pairs=False)
    q, intensity = profile(4)[0], profile(5)[1]
    shared = PROFILE_HEADER + "".join(f"{a:.6g} {b:.6g}\n" for a, b in zip(q, intensity, strict=True))
    texts = list(column_texts(tmp_path / "a.xlsx"))
    assert texts[0] == profile_text(4)
    assert shared in texts


def test_a_mirror_is_copied_without_the_net(world, tmp_path):
    _, mirror, entries = world
    out = fetched(entries, tmp_path / "out", mirror=mirror, source="http://nowhere.invalid")
    assert wrong_files(entries, out) == {}
    (mirror / "profiles/X1.dat").write_text("1 2\n")
    (mirror / "micrographs/A_1.png").unlink()
    with pytest.raises(DataError) as error:
        fetched(entries, tmp_path / "other", mirror=mirror)
    assert error.value.problems[0] == "micrographs/A_1.png: is missing"
    assert error.value.problems[1].startswith("profiles/X1.dat: has another content than expected (SHA-256 ")
    assert not (tmp_path / "other").exists()


def test_another_folder_is_not_overwritten(world, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="out is there already, and is not this data set as it was; choose anoth"):
        fetched(world[2], tmp_path / "out", mirror=world[1])
    assert (tmp_path / "out/mine.txt").read_text() == "mine"


def test_the_mirror_is_named_by_the_environment(world, tmp_path, monkeypatch):
    monkeypatch.delenv("PAIRVAE_DATA", raising=False)
    assert mirrored("afm-gisaxs") is None
    for root in (world[1].parent, world[1]):
        monkeypatch.setenv("PAIRVAE_DATA", str(root))
        assert mirrored("afm-gisaxs") == world[1]
    monkeypatch.setenv("PAIRVAE_DATA", str(world[0]))
    with pytest.raises(DataError, match="PAIRVAE_DATA must name a folder with afm-gisaxs/manifest.csv; it has none"):
        mirrored("afm-gisaxs")


def test_the_committed_registry():
    entries = registry("afm-gisaxs")
    assert len(entries) == 1 + 2 * 153
    assert len({entry.name for entry in entries}) == len(entries)
    (manifest,) = [entry for entry in entries if entry.name == "manifest.csv"]
    assert sha256(manifest_text(entries).encode()).hexdigest() == manifest.sha256
    assert SOURCE.endswith("/f7a7c285cfdd4333df53ed7dd26c68850497456b")
    with pytest.raises(ValueError, match="data set must be one of afm-gisaxs; got 'doerk'"):
        registry("doerk")


def test_the_missing_package_is_named(world, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ValueError, match="reading spreadsheets needs the package openpyxl; install it with: pip"):
        fetched(world[2], tmp_path / "out", source="http://127.0.0.1:9")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not AFM_GISAXS.is_dir(), reason="the real data are not on this machine")
def test_the_real_folder_is_as_registered():
    assert wrong_files(registry("afm-gisaxs"), AFM_GISAXS) == {}
