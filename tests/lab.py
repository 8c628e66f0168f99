"""A laboratory for tests: folders of pairs as files, and trained models that learnt nothing."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pairvae_lib import cli
from pairvae_lib.bundles.bundle import Bundle, Scaling
from pairvae_lib.config import PROFILES, Profile
from pairvae_lib.data.modality import Axis, Kind, Modality
from pairvae_lib.data.pairs import Measurements, PreparedPairs
from pairvae_lib.models.pairvae import PairVAE, fresh_vae

TINY = PROFILES["tiny"]
Q = np.geomspace(0.01, 0.1, 64)


def write_pairs(folder: Path, n: int = 12) -> Path:
    """Pairs of patterns and masks of 40 px, half of them of each morphology, in three groups."""
    row, col = np.indices((40, 44))
    for name in ("saxs", "sem"):
        (folder / name).mkdir(parents=True)
    rows = []
    for i in range(n):
        period, upright = 4 + i % 5, i % 2 == 0
        mask = (col if upright else row) % period < period / 2
        peak = (3 * period, 20) if upright else (20, 3 * period)
        pattern = np.exp(-((row - peak[0]) ** 2 + (col - peak[1]) ** 2) / 20)
        Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(folder / f"sem/s{i:02d}.png")
        Image.fromarray(np.rint(pattern * 255).astype(np.uint8)).save(folder / f"saxs/s{i:02d}.png")
        morphology = "columns" if upright else "rows"
        rows.append([f"s{i:02d}", f"saxs/s{i:02d}.png", f"sem/s{i:02d}.png", morphology, "abc"[i % 3], "2.5"])
    with (folder / "manifest.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["sample_id", "saxs", "sem", "morphology", "group", "nm_per_pixel"])
        table.writerows(rows)
    return folder


def write_profile(path: Path, exponent: float = -3.0, unit: str = "1/angstrom") -> Path:
    """A text file of a power law."""
    lines = [f"# q ({unit})  I", *(f"{q:.8g} {1e3 * q**exponent:.8g}" for q in Q)]
    path.write_text("\n".join(lines))
    return path


def untrained(profiles: bool = False) -> Bundle:
    """A bundle with fresh weights, of patterns (or profiles) and micrographs of 32 px."""
    scattering = Modality("gisaxs", (32,), "profile") if profiles else Modality("saxs", (32, 32), "pattern")
    modalities = (scattering, Modality("sem", (32, 32), "mask"))
    model = PairVAE(*(fresh_vae(modality, TINY, seed) for seed, modality in enumerate(modalities))).eval()
    scalings = Scaling(), Scaling(nm_per_pixel=2.5)
    if profiles:
        grid = tuple(map(float, np.geomspace(0.02, 0.08, 32)))
        scalings = Scaling(axis=Axis("q", "1/angstrom"), grid=grid, limits=(-1.5, 1.5)), scalings[1]
    return Bundle(model, modalities, scalings, TINY.name, {"name": "untrained", "seed": 43})


def changed(pairs: PreparedPairs, place: int, **facts: object) -> PreparedPairs:
    """Pairs with other facts of the first (0) or second technique (1)."""
    measured = list(pairs.measured)
    measured[place] = replace(measured[place], **facts)
    return replace(pairs, measured=tuple(measured))


def pairs_of_kinds(*kinds: Kind) -> PreparedPairs:
    """Twelve pairs of techniques of these kinds, such as "image #1" and "profile #2", that both tell of a period."""
    row, col = np.indices((40, 44))
    periods = [4 + i % 5 for i in range(12)]
    waves = [0.5 + 0.5 * np.sin(2 * np.pi * (row if i % 2 else col) / x) for i, x in enumerate(periods)]
    measured = []
    for place, (kind, axis) in enumerate(zip(kinds, (Axis("q", "1/nm"), Axis("wavelength", "nm", False)), strict=True)):
        modality = Modality(f"{kind} #{place + 1}", (64,) if kind == "profile" else (32, 32), kind)
        if kind == "profile":
            values = np.stack([np.linspace(0, 1, 64) ** (period / 3) for period in periods])
            over = axis, axis.grid(*(350.0, 800.0) if place else (0.02, 3.0), 64)
            measured.append(Measurements(modality, values[:, None].astype(np.float32), *over))
        elif kind == "pattern":
            measured.append(Measurements(modality, np.stack(waves)[:, None, :32, :32].astype(np.float32)))
        else:
            measured.append(Measurements(modality, tuple(
                wave > 0.5 if kind == "mask" else np.rint(255 * wave).astype(np.uint8) for wave in waves
            )))
    names = tuple(f"sample {i}" for i in range(12))
    return PreparedPairs(names, ("columns", "rows") * 6, None, (measured[0], measured[1]))


def fresh_model(pairs: PreparedPairs, profile: Profile = TINY) -> PairVAE:
    """An untrained PairVAE of them, in inference mode."""
    return PairVAE(*(fresh_vae(modality, profile, seed) for seed, modality in enumerate(pairs.modalities))).eval()


def code_of(*words: object) -> int:
    """Exit code of a command line."""
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    return ended.value.code or 0
