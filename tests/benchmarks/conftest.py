"""A small folder of data that stands in for the simulator's."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from benchmarks.beyond import definition

CONTROL = "sim_blend_mean"


def write_films(folder, pairs):
    """Pairs as files, with a control parameter."""
    rows = [f"sample_id,saxs,sem,mask,morphology,{CONTROL}"]
    for kind in ("saxs", "sem", "mask"):
        (folder / kind).mkdir(parents=True)
    for k, mask in enumerate(pairs.masks):
        paths = [f"{kind}/{k}.png" for kind in ("saxs", "sem", "mask")]
        for path, image in zip(paths, (pairs.scattering[k, 0], mask, mask), strict=True):
            Image.fromarray((255 * np.asarray(image, dtype=float)).astype(np.uint8)).save(folder / path)
        rows.append(f"{pairs.sample_ids[k]},{','.join(paths)},{pairs.morphologies[k]},{k // 2}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")


@pytest.fixture(scope="session")
def films(tmp_path_factory, pattern_pairs):
    """Such a folder."""
    folder = tmp_path_factory.mktemp("films") / "data"
    write_films(folder, pattern_pairs)
    return folder


@pytest.fixture
def no_simulator(films, monkeypatch):
    """The simulator hands over that folder, and counts its calls."""
    calls = []

    def simulated(folder, *settings):
        calls.append(settings)
        shutil.copytree(films, folder, dirs_exist_ok=True)
        return folder

    monkeypatch.setattr(definition, "simulate", simulated)
    return calls
