"""A folder of simulated pairs, laid out as `data.folder.open_pairs` reads it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from math import pi
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from pairvae_lib.checks import check_one_of, check_positive, check_range
from pairvae_lib.data.simulation.micrograph import NM_PER_PIXEL, with_data_bar
from pairvae_lib.data.simulation.morphologies import MORPHOLOGIES, RANGES
from pairvae_lib.data.simulation.pair import SIZES, simulate_pair
from pairvae_lib.data.simulation.pattern import BEAM_CENTRE, Q_SCALE
from pairvae_lib.files.writing import replacing_folder

RECORD = "simulation.json"


@dataclass(frozen=True)
class _Task:
    """One pair to simulate; small, for it is sent to another process."""

    folder: Path
    index: int
    size: str
    seed: np.random.SeedSequence


def simulate(
    folder: Path | str,
    n_pairs: int,
    size: str = "quick",
    seed: int = 2023,
    progress: bool = True,
    workers: int = 1,
) -> Path:
    """Simulate pairs into a folder: manifest.csv, saxs/*.png, sem/*.tif, mask/*.png and simulation.json.

    The four morphologies take turns, and so do narrow and wide ladders. Every pair has a seed of its own, so it
    depends neither on `n_pairs` nor on `workers`; on one machine the same seed gives the same bytes. The folder
    appears only when everything is in it; where an equal simulation is there already, nothing is done.

    The manifest gives `q_scale`, the q of one pattern pixel [1/nm], which rests on the assumed pixel size of
    2.75 nm, and every drawn parameter as a column `sim_...`; simulation.json gives what holds for all pairs.

    Parameters
    ----------
    folder : Path or str
        May be missing or empty.
    n_pairs : int
    size : str
        "quick" or "full", see `pair.SIZES`.
    seed : int
    progress : bool
        Show a progress bar where the output is a terminal.
    workers : int
        Processes. A script that asks for more than one must guard its own start with `if __name__ == "__main__"`.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ValueError
        If an argument is out of range, or the folder holds anything but this very simulation.
    """
    check_positive("n_pairs", n_pairs)
    check_positive("workers", workers)
    check_range("seed", seed, 0, 2**63 - 1)
    check_one_of("size", size, tuple(SIZES))
    folder = Path(folder)
    record: dict[str, object] = {
        "size": size,
        "seed": seed,
        "n_pairs": n_pairs,
        "version": SIZES[size].version,
        "q_px_times_d_px": Q_SCALE,
        "beam_centre_row_col": list(BEAM_CENTRE),
        "nm_per_pixel": NM_PER_PIXEL,
        "nm_per_pixel_is_assumed": True,
    }

    def written(partial: Path) -> list[dict[str, str]]:
        for name in ("saxs", "sem", "mask"):
            (partial / name).mkdir(parents=True)
        seeds = np.random.SeedSequence(seed).spawn(n_pairs)
        tasks = [_Task(partial, index, size, child) for index, child in enumerate(seeds)]
        with ExitStack() as stack:
            rows: Iterable[dict[str, str]] = map(_written_pair, tasks)
            if workers > 1:
                # spawn: forking a process in which torch has started threads can deadlock
                pool = ProcessPoolExecutor(min(workers, n_pairs), get_context("spawn"), torch.set_num_threads, (1,))
                rows = stack.enter_context(pool).map(_written_pair, tasks)
            disable = None if progress else True
            return list(tqdm(rows, total=n_pairs, desc=f"simulating {size} pairs", unit="pair", disable=disable))

    return simulated_folder(folder, f"{n_pairs} {size} pairs with seed {seed}", record, written)


def simulated_folder(
    folder: Path, pairs: str, record: dict[str, object], written: Callable[[Path], list[dict[str, str]]]
) -> Path:
    """The folder of a simulation, made if it is missing or empty, and left as it is where it is there already.

    Parameters
    ----------
    folder : Path
    pairs : str
        Which pairs they are, for the message that the folder holds something else.
    record : dict
        What holds for all pairs: the content of simulation.json.
    written : callable
        Writes the files below a folder, and returns the lines of the manifest.
    """
    if _is_there(folder, pairs, record):
        return folder
    with replacing_folder(folder) as partial:
        manifest = written(partial)
        with (partial / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(manifest[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(manifest)
        (partial / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        _is_there(folder, pairs, record)  # another process may have been at it, too
    return folder


def _is_there(folder: Path, pairs: str, record: dict[str, object]) -> bool:
    """Whether a folder holds a simulation already; ValueError if it holds anything else."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    if _record_in(folder) == record:
        return True
    raise ValueError(
        f"folder must be missing, empty or hold the simulation of {pairs}; {folder} holds something else"
    )


def _record_in(folder: Path) -> object:
    """What simulation.json says, None where there is none to read."""
    try:
        return json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _written_pair(task: _Task) -> dict[str, str]:
    """Simulate a pair, write its files and return its line of the manifest."""
    cycle, turn = divmod(task.index, len(MORPHOLOGIES))
    morphology = MORPHOLOGIES[turn]
    variant = cycle % len(RANGES[morphology])
    pair = simulate_pair(morphology, task.size, np.random.default_rng(task.seed), variant)
    name = f"sim{task.index:04d}"
    paths = {"saxs": f"saxs/{name}.png", "sem": f"sem/{name}.tif", "mask": f"mask/{name}.png"}
    images = {
        "saxs": Image.fromarray(np.rint(pair.pattern * 65535).astype(np.uint16)),
        "sem": Image.fromarray(with_data_bar(pair.micrograph)),
        "mask": Image.fromarray(pair.mask),
    }
    for key, image in images.items():
        content = BytesIO()  # Pillow does not say why a file could not be written
        image.save(content, "TIFF" if key == "sem" else "PNG", **({"compression": "tiff_lzw"} if key == "sem" else {}))
        (task.folder / paths[key]).write_bytes(content.getvalue())
    return {
        "sample_id": name,
        **paths,
        "morphology": morphology,
        "nm_per_pixel": f"{NM_PER_PIXEL:g}",
        "q_scale": f"{2 * pi / (Q_SCALE * NM_PER_PIXEL):.6g}",  # 1/nm per pattern px
        "image_rows": str(len(pair.micrograph)),
        **{f"sim_{key}": f"{value:.6g}" for key, value in pair.parameters.items()},
    }
