"""Results as a sweep writes them, of worlds in which every claim holds, none does, or only training samples obey."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

CLASSES = ("alternating lines", "hexagonal", "ladders", "skew")
N = 48
SEEDS = (42, 43, 44)
SIZES = (16, 32)
LN_2 = 0.693

# Of the routes to a micrograph, solo, own and cross, where the claims are obeyed and where not.
PATHS = ((0.02, -0.001), (-0.019, 0.03), (0.015, -0.04))
ORDERS = ((0.004, 0.011), (0.004, 0.011), (0.019, 0.004))
CURVES = ((0.03, -0.03), (0.01, -0.06), (0.005, -0.12))  # on skew the last is turned round

Good = Callable[[np.ndarray], np.ndarray]  # subsets of the samples to whether they obey the claims


def holding(subsets: np.ndarray) -> np.ndarray:
    return np.ones(len(subsets), dtype=bool)


def failing(subsets: np.ndarray) -> np.ndarray:
    return np.zeros(len(subsets), dtype=bool)


def only_training(subsets: np.ndarray) -> np.ndarray:
    return subsets == "train"


def write_world(
    root: Path,
    good: Good = holding,
    seeds: Sequence[int] = SEEDS,
    sizes: Sequence[int] = SIZES,
    profile: str = "tiny",
    data: str = "simulated",
    batches: Sequence[str] = ("",),
    classes: Sequence[str] = CLASSES,
    techniques: tuple[str, str] = ("saxs", "sem"),
    protocols: bool = True,
) -> Path:
    """Write all results of a world below `root / profile / data`; returns that folder."""
    folder = root / profile / data
    for seed in seeds:
        for size in sizes:
            for batch in batches:
                _write_run(folder, good, seed, size, batch, classes, techniques, "two_phase", profile)
    first = _folder(folder, seeds[0], sizes[-1], batches[0])
    if protocols:
        for seed, batch, protocol in product(seeds, batches, ("direct", "all_crops")):
            _write_run(folder, good, seed, sizes[-1], batch, classes, techniques, protocol, profile)
        _write_ensembles(first, bool(good(np.array(["held out"]))[0]), classes)
    if data == "simulated":
        _write_thresholds(folder, bool(good(np.array(["held out"]))[0]))
    return folder


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change a JSON file in place."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def _write_run(folder, good, seed, size, batch, classes, techniques, protocol, profile):
    s, m = techniques
    index = np.arange(N)
    place = seed % len(SEEDS) if not batch else sum(map(ord, batch)) % 3
    subsets = np.where(index % 3 == place, "held out", "train")
    if size < 32:
        subsets[(subsets == "train") & ((index // 3 + seed) % 2 == 0)] = "neither"
    labels = np.array([classes[k] for k in index * len(classes) // N])
    obeys = good(subsets)
    rng = np.random.default_rng([seed, size])

    def numbers(if_good, if_bad):
        """One number per sample, with noise of a percent and the images' own size."""
        own_size = 1 + 0.1 * np.sin(index)
        return np.where(obeys, if_good, if_bad) * own_size * rng.normal(1, 0.005, N)

    few = size == SIZES[0]
    plateau = np.where(obeys, 1.0, 1.0 if few else 0.7)
    falling = np.where(obeys, 1.3 if few else 1.0, 1.0 if few else 1.1)
    intensity = {f"solo {s}_to_{s}": (0.020, 0.032), f"{s}_to_{s}": (0.030, 0.030), f"{m}_to_{s}": (0.0325, 0.042)}
    s2 = {f"solo {m}_to_{m}": (0.021, 0.033), f"{m}_to_{m}": (0.020, 0.020), f"{s}_to_{m}": (0.010, 0.0215)}
    on_ladders = np.where(labels == "ladders", np.where(obeys, 1.5, 0.36), 1)  # of the solo-trained route
    metrics = ("S2", "S2 periodic")
    fraction = np.where(labels == "ladders", 0.08, 0.03)
    properties = {
        "phase fraction": {"true": np.full(N, 0.4)} | {k: 0.4 + np.where(obeys, fraction, -fraction / 20) for k in s2},
        "period": {"true": np.full(N, 10.0)} | {k: numbers(10.1, 11.3) / (1 + 0.1 * np.sin(index)) for k in s2},
        "lineal path": {"true": np.full(N, 0.2)}
        | {k: 0.2 + np.where(obeys, good, bad) for k, (good, bad) in zip(s2, PATHS, strict=True)},
        "long-range order": {"true": np.full(N, 0.02)}
        | {k: np.where(obeys, good, bad) for k, (good, bad) in zip(s2, ORDERS, strict=True)},
    }
    every = bool(obeys.all()), bool(obeys.any())
    rise = 0.2 if every[1] else -0.2
    content = {
        "run": {"profile": profile, "seed": seed, "n_train": None if batch else size, "data": folder.name}
        | {"held_out": batch, "protocol": protocol},
        "samples": [
            {"sample_id": f"sim{k:03}", "morphology": label, "subset": subset}
            for k, (label, subset) in enumerate(zip(labels.tolist(), subsets.tolist(), strict=True))
        ],
        "modalities": {"scattering": s, "micrograph": m},
        "errors": {"intensity": {k: plain(numbers(*v) * plateau) for k, v in intensity.items()}}
        | {metric: {k: plain(numbers(*v) * falling) for k, v in s2.items()} for metric in metrics},
        "references": {"intensity": {"training mean": plain(0.039 * (1 + 0.1 * np.sin(index)) * plateau)}}
        | {metric: {} for metric in metrics},
        "properties": {name: {k: plain(v) for k, v in of.items()} for name, of in properties.items()},
        "latents": {
            f"solo {m}": {"between_classes": 0.3},
            f"pair {m}": {"between_classes": 0.3 + rise + seed / 1e4},
            f"solo {s}": {"between_classes": 0.6},
            f"pair {s}": {"between_classes": 0.6 - rise / 2 + seed / 1e4},
        },
    }
    solo_s2 = content["errors"]["S2"]
    solo_s2[f"solo {m}_to_{m}"] = plain(np.array(solo_s2[f"solo {m}_to_{m}"]) * on_ladders)
    at = _folder(folder, seed, size, batch)
    at = at if protocol == "two_phase" else at / protocol
    at.mkdir(parents=True, exist_ok=True)
    (at / "errors.json").write_text(json.dumps(content))
    r = np.arange(8)
    spread = 0.1 * np.sin(index)
    true = 0.25 + 0.05 * np.cos(r) + spread[:, np.newaxis]
    shift = {"true": np.zeros(N)}
    for name, (if_good, if_bad) in zip(s2, CURVES, strict=True):
        turned = np.where((labels == "skew") & (name == f"{s}_to_{m}"), -1, 1)
        shift[name] = np.where(obeys, if_good, if_bad) * turned - np.where(obeys, 0, 0.6 * spread)
    np.savez(at / "curves.npz", r=r, **{f"S2 {k}": true + shift[k][:, np.newaxis] for k in shift})
    untrained = protocol == "all_crops" if every[1] else protocol == "two_phase"
    total = np.linspace(2, 1, 40)
    total[20] *= 1.8 if (protocol == "direct") == every[1] else 1.1
    losses = np.linspace(1, LN_2 if untrained else 0.2, 40).tolist()
    routes = {route: losses for route in (f"{s}_to_{m}", f"{m}_to_{m}")}
    routes |= {name: total.tolist() for name in ("total", "barlow", f"{s}_to_{s}", f"{m}_to_{s}")}
    (at / "history.json").write_text(json.dumps({"pair": routes, "protocol": protocol}))


def _folder(folder, seed, size, batch):
    return folder / (f"seed{seed}-without-{batch}" if batch else f"seed{seed}-n{size}")


def _write_ensembles(folder, good, classes):
    m, rng = len(classes), np.random.default_rng(3)
    curves = np.linspace(0.1, 0.4, m)[:, np.newaxis] * np.ones(8)
    order = (0.01, 0.02, 0.04) if good else (0.4, 0.2, 0.1)
    distances = {
        f"distance {v}": d * rng.normal(1, 0.05, (m, 40)) for v, d in zip(("0.1", "1", "4"), order, strict=True)
    }
    np.savez(folder / "generation.npz", labels=np.array(classes), **{"S2 reconstruction": curves}, **distances)


def _write_thresholds(folder, good):
    rows = [
        {
            "sample_id": f"sim{k}",
            "morphology": label,
            "method": method,
            "illumination": light,
            "dice": 0.9 - loss - k / 1e3,
        }
        for label in CLASSES
        for k in range(18 * CLASSES.index(label), 18 * CLASSES.index(label) + 18)
        for method, loss in {"adaptive mean": 0.0 if good else 0.1, "adaptive Gaussian": 0, "Otsu": 0.05}.items()
        for light in (0.0, 1.0)
    ]
    (folder / "thresholds.json").write_text(json.dumps({"rows": rows}))


def plain(values: np.ndarray) -> list[float]:
    return [float(f"{value:.6g}") for value in values]
