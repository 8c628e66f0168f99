from __future__ import annotations

import csv
import json
from math import pi
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from throwaway import no_file_larger_than

from pairvae_lib.data.simulation import SimulatedPair, dataset, simulate, simulate_pair
from pairvae_lib.files.writing import CannotWrite


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two real quick pairs."""
    return simulate(tmp_path_factory.mktemp("simulated") / "data", 2, seed=7, progress=False)


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int | None]]:
    """Pairs that take no time; what was asked for is noted."""
    asked: list[tuple[str, int | None]] = []

    def pair(morphology: str, size: str, rng: np.random.Generator, variant: int | None = None) -> SimulatedPair:
        asked.append((morphology, variant))
        mask = rng.random((415, 640)) > 0.5
        return SimulatedPair(mask * np.uint8(255), mask, np.zeros((192, 192), np.float32), morphology, {"pitch": 1.0})

    monkeypatch.setattr(dataset, "simulate_pair", pair)
    return asked


def test_the_files_hold_the_pair(folder: Path) -> None:
    rows = list(csv.DictReader((folder / "manifest.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["sample_id"] for row in rows] == ["sim0000", "sim0001"]
    row = rows[1]
    pair = simulate_pair("skew", "quick", np.random.default_rng(np.random.SeedSequence(7).spawn(2)[1]), 0)
    saxs, sem, mask = (np.asarray(Image.open(folder / row[name])) for name in ("saxs", "sem", "mask"))
    assert saxs.dtype == np.uint16
    assert saxs / 65535 == pytest.approx(pair.pattern, abs=1e-5)
    assert sem.shape == (480, 640)
    assert np.array_equal(sem[: int(row["image_rows"])], pair.micrograph)
    assert np.array_equal(mask, pair.mask)
    with Image.open(folder / row["sem"]) as file:
        assert file.info["compression"] == "tiff_lzw"
    assert row["morphology"] == "skew"
    assert float(row["nm_per_pixel"]) == 2.75
    assert float(row["q_scale"]) == pytest.approx(2 * pi / (550 * 2.75), rel=1e-5)
    for name, value in pair.parameters.items():
        assert float(row[f"sim_{name}"]) == pytest.approx(value, rel=1e-5)


def test_the_record_says_what_was_simulated(folder: Path) -> None:
    record = json.loads((folder / "simulation.json").read_text(encoding="utf-8"))
    assert {key: record[key] for key in ("size", "seed", "n_pairs", "version")} == {
        "size": "quick",
        "seed": 7,
        "n_pairs": 2,
        "version": 1,  # folders of quick pairs stay valid
    }
    assert record["q_px_times_d_px"] == 550
    assert record["nm_per_pixel_is_assumed"] is True


def test_the_same_seed_gives_the_same_bytes_with_two_workers(folder: Path, tmp_path: Path) -> None:
    again = simulate(tmp_path / "again", 2, seed=7, progress=False, workers=2)
    assert contents(again) == contents(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["again"]  # the unfinished folder is gone


def test_a_pair_does_not_depend_on_how_many_follow(instant: list, tmp_path: Path) -> None:
    few, many = (contents(simulate(tmp_path / str(n), n, seed=7, progress=False)) for n in (1, 3))
    assert few["sem/sim0000.tif"] == many["sem/sim0000.tif"]
    other = contents(simulate(tmp_path / "other", 1, seed=8, progress=False))
    assert few["sem/sim0000.tif"] != other["sem/sim0000.tif"]


def test_morphologies_and_ladders_take_turns(instant: list, tmp_path: Path) -> None:
    simulate(tmp_path / "data", 16, progress=False)
    names = [name for name, _ in instant]
    assert names == ["hexagonal", "skew", "alternating lines", "ladders"] * 4
    assert [variant for name, variant in instant if name == "ladders"] == [0, 1, 0, 1]


def test_an_equal_simulation_is_left_as_it_is(instant: list, tmp_path: Path) -> None:
    folder = simulate(tmp_path / "data", 2, progress=False)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    instant.clear()
    assert simulate(folder, 2, progress=False) == folder
    assert not instant
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_an_empty_folder_is_filled(instant: list, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert "manifest.csv" in contents(simulate(tmp_path / "data", 1, progress=False))


def test_another_simulation_is_never_overwritten(instant: list, tmp_path: Path) -> None:
    folder = simulate(tmp_path / "data", 2, progress=False)
    before = contents(folder)
    with pytest.raises(ValueError, match="simulation of 3 quick pairs with seed 2023; .*data holds something else"):
        simulate(folder, 3, progress=False)
    assert contents(folder) == before


def test_foreign_files_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="folder must be missing, empty or hold the simulation of 1 quick pairs"):
        simulate(tmp_path, 1, progress=False)
    with pytest.raises(ValueError, match="thesis.txt holds something else"):
        simulate(tmp_path / "thesis.txt", 1, progress=False)


def test_a_failure_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def failing(*arguments: object) -> SimulatedPair:
        raise RuntimeError("out of light")

    monkeypatch.setattr(dataset, "simulate_pair", failing)
    with pytest.raises(RuntimeError, match="out of light"):
        simulate(tmp_path / "data", 1, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_errors_name_the_argument(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="n_pairs must be above 0; got 0"):
        simulate(tmp_path / "data", 0)
    with pytest.raises(ValueError, match="workers must be above 0; got 0"):
        simulate(tmp_path / "data", 1, workers=0)
    with pytest.raises(ValueError, match="seed must lie between 0 and .*; got -1"):
        simulate(tmp_path / "data", 1, seed=-1)
    with pytest.raises(ValueError, match="size must be one of quick, full; got 'huge'"):
        simulate(tmp_path / "data", 1, size="huge")


@pytest.mark.parametrize(("other", "message"), [(2023, None), (7, "folder must be missing, empty or hold")])
def test_two_at_once_end_with_one_whole_simulation(instant, monkeypatch, tmp_path, other, message) -> None:
    whole, first = dataset._written_pair, [True]

    def written(task: object) -> dict[str, str]:
        if first.pop():  # another process is faster
            first.append(False)
            simulate(tmp_path / "data", 2, seed=other, progress=False)
        first.append(False)
        return whole(task)

    monkeypatch.setattr(dataset, "_written_pair", written)
    if message is None:
        simulate(tmp_path / "data", 2, progress=False)
    else:
        with pytest.raises(ValueError, match=message):
            simulate(tmp_path / "data", 2, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert json.loads((tmp_path / "data/simulation.json").read_text())["seed"] == other


def test_a_full_disk_is_named(instant: list, tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="data: File too large$"), no_file_larger_than(4096):
        simulate(tmp_path / "data", 1, progress=False)
    assert list(tmp_path.iterdir()) == []
