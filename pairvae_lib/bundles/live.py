"""Live use: measurements of a data set, delivered file by file as an instrument would, into a watched folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import monotonic, sleep
from typing import Any

from pairvae_lib.bundles.bundle import Bundle
from pairvae_lib.bundles.watch import FAILED, LOG, SETTLED, Watch
from pairvae_lib.checks import check_positive
from pairvae_lib.data.dataset import PairedDataset
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.scaling import Scaling
from pairvae_lib.models.flow.network import ConditionalFlow
from pairvae_lib.models.pairvae import PairVAE
from pairvae_lib.runs import Run

HALF = 0.05  # s between the two halves of a file
PATIENCE = 120  # s for all files together


@dataclass(frozen=True)
class Delivery:
    """What became of the files.

    Parameters
    ----------
    lines : tuple of dict
        One for each file, as it stands in the log: "file", "status", "seconds", and "error" of one that was refused.
    repeated : int
        Lines that a second watch on the same folder added: what was done twice.
    """

    lines: tuple[dict[str, Any], ...]
    repeated: int

    @property
    def rows(self) -> list[dict[str, str | float]]:
        """The log for readers: file, status, seconds from the first sight of the finished file, and the reason."""
        return [
            {key: line[key] for key in ("file", "status", "seconds")} | {"reason": line.get("error", "")}
            for line in self.lines
        ]

    @property
    def seconds(self) -> list[float]:
        """Of the files that became an ensemble, in the order in which they came."""
        return [float(line["seconds"]) for line in self.lines if line["status"] != FAILED]


def as_bundle(model: PairVAE | ConditionalFlow, pairs: PreparedPairs, dataset: PairedDataset, run: Run) -> Bundle:
    """A trained model with what it takes to apply it to files like those of the data set.

    Parameters
    ----------
    model : PairVAE or ConditionalFlow
        Trained.
    pairs : PreparedPairs
        What it was trained on.
    dataset : PairedDataset
        The files of these pairs.
    run : Run
    """
    facts = {"name": run.data_root.name, "seed": run.seed}
    kind = "flow" if isinstance(model, ConditionalFlow) else "pairvae"
    return Bundle(model, pairs.modalities, Scaling.of(pairs, dataset), run.profile, facts, kind)


def delivered(bundle: Bundle, files: Sequence[Path], samples: int = 16, pause: float = SETTLED) -> Delivery:
    """Copy files into a watched folder in two halves each, with a broken one among them; then watch it once more.

    Parameters
    ----------
    bundle : Bundle
    files : sequence of Path
        Scattering of at least one sample, of different names.
    samples : int
        Members of each ensemble.
    pause : float
        Seconds between two files.

    Raises
    ------
    ValueError
        If there are no files.
    TimeoutError
        If not every file has a line in the log after PATIENCE seconds.
    """
    check_positive("number of files", len(files))
    source = bundle.modalities[0].name
    with TemporaryDirectory() as place:
        arriving, out = Path(place) / "arriving", Path(place) / "predicted"
        arriving.mkdir()
        watch = Watch(arriving, bundle, out, source, samples=samples)
        thread = Thread(target=watch.run, daemon=True)
        thread.start()
        try:
            broken = arriving / f"broken{files[0].suffix}"
            broken.write_bytes(files[0].read_bytes()[:100])
            for file in files:
                _deliver(file, arriving / file.name)
                sleep(pause)
            lines = _all_lines(out / LOG, len(files) + 1)
        finally:
            watch.stop.set()
            thread.join()
        Watch(arriving, bundle, out, source, samples=samples).run_once()
        again = _lines(out / LOG)
    told = tuple(
        line | {"error": line["error"].replace(f"{arriving}/", "")} if "error" in line else line for line in lines
    )
    return Delivery(told, len(again) - len(lines))


def _deliver(file: Path, target: Path) -> None:
    """Write a file in two halves."""
    content = file.read_bytes()
    with target.open("wb") as arriving:
        arriving.write(content[: len(content) // 2])
        arriving.flush()
        sleep(HALF)
        arriving.write(content[len(content) // 2 :])


def _all_lines(log: Path, count: int) -> list[dict[str, Any]]:
    """The lines of a log once there are so many."""
    began = monotonic()
    while len(lines := _lines(log)) < count:
        if monotonic() - began > PATIENCE:
            raise TimeoutError(f"{count} files must have a line in the log after {PATIENCE} s; got {len(lines)}")
        sleep(0.05)
    return lines


def _lines(log: Path) -> list[dict[str, Any]]:
    """The whole lines of a log."""
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
