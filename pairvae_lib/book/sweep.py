"""Which runs a sweep is made of (seeds, training sizes, left-out groups, other protocols), and who holds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pairvae_lib.book.chapters import MAKINGS
from pairvae_lib.checks import check_one_of
from pairvae_lib.config import PAPER_SEEDS, PAPER_TRAINING_SIZES, PROTOCOLS, Protocol
from pairvae_lib.files.locks import lock_file, locked, note_in, this_process
from pairvae_lib.files.runs import Run
from pairvae_lib.files.writing import CannotWrite

RANDOM = "random"
COMPARED = 3  # seeds that are not there for errors alone: a verdict on trainings needs that many
EXAMPLE_SEED = Run.seed  # the seed whose pictures are shown, where it is among those swept


@dataclass(frozen=True)
class Sweep:
    """Runs of one profile and data set: all seeds, sizes and groups combined, and other protocols.

    The latter with the size of the example, for its seed and two others.
    """

    base: Run  #: profile and data; its seed, size, group and protocol where the lists below are empty
    seeds: tuple[int, ...] = ()
    sizes: tuple[int, ...] = ()
    groups: tuple[str, ...] = ()
    protocols: tuple[Protocol, ...] = ()

    @classmethod
    def parsed(cls, base: Run, words: Mapping[str, Any]) -> Sweep:
        """A sweep from texts with commas by LISTS, as a command line or a workflow's configuration holds them.

        One that is missing or empty is an empty list. Among groups, RANDOM stands for a random split.
        """
        listed = {key: [word for word in str(words.get(key) or "").split(",") if word] for key in LISTS}
        for key in ("seeds", "sizes"):
            if not all(word.isdecimal() for word in listed[key]):
                raise ValueError(f"{key} must be whole numbers between commas; got {words[key]!r}")
        for protocol in listed["protocols"]:
            check_one_of("protocols", protocol, tuple(PROTOCOLS))
        return cls(
            base,
            seeds=tuple(map(int, listed["seeds"])),
            sizes=tuple(map(int, listed["sizes"])),
            groups=tuple("" if word == RANDOM else word for word in listed["groups"]),
            protocols=tuple(listed["protocols"]),  # type: ignore[arg-type]
        )

    @property
    def example(self) -> Run:
        """The run whose pictures are shown: EXAMPLE_SEED, the middle size, the first group."""
        seeds = self.seeds or (self.base.seed,)
        return replace(
            self.base,
            seed=EXAMPLE_SEED if EXAMPLE_SEED in seeds else seeds[0],
            n_train=self.sizes[len(self.sizes) // 2] if self.sizes else self.base.n_train,
            held_out=self.groups[0] if self.groups else self.base.held_out,
        )

    @property
    def compared(self) -> list[Run]:
        """The example and the same run of two other seeds: they draw ensembles, and are trained by other protocols."""
        seeds = sorted(self.seeds or (self.base.seed,), key=lambda seed: seed != self.example.seed)
        return [replace(self.example, seed=seed) for seed in seeds[:COMPARED]]

    @property
    def runs(self) -> list[Run]:
        """All runs."""
        found = [
            replace(self.base, seed=seed, n_train=size, held_out=group)
            for seed in self.seeds or (self.base.seed,)
            for size in self.sizes or (self.base.n_train,)
            for group in self.groups or (self.base.held_out,)
        ]
        others = [
            replace(run, protocol=name)
            for run in self.compared for name in self.protocols if name != run.protocol
        ]
        return found + others


LISTS = ("seeds", "sizes", "groups", "protocols")
# What the paper varies: its Fig. 6, and its Fig. S3.
DEFAULTS: Mapping[str, str] = {
    "seeds": ",".join(map(str, PAPER_SEEDS)),
    "sizes": ",".join(map(str, PAPER_TRAINING_SIZES)),
    "groups": "",
    "protocols": ",".join(protocol for protocol in PROTOCOLS if protocol != Run.protocol),
}


@contextmanager
def sweeping(runs: Sequence[Run]) -> Iterator[int]:
    """Hold the sweep over a profile and its data against other sweeps, and against what a killed one has left running.

    Yields
    ------
    int
        A descriptor: a process that inherits it holds the sweep, too.

    Raises
    ------
    ChapterInUse
        At once, if there is another sweep in the folder, or a chapter of these runs is being run.
    """
    results = runs[0].data_root / "sweep.json"
    with locked(results) as descriptor:
        for path in results.parent.glob(".sweep.json.*.partial"):
            path.unlink()
        for target in _held_targets(runs):
            with locked(target):
                pass
        note_in(descriptor, f"{this_process()}, or the workflow that it started")
        yield descriptor


def raise_unwritten(runs: Sequence[Run]) -> None:
    """Raise CannotWrite for what a chapter of these runs, in whatever process, could not write when it was last run."""
    for target in _held_targets(runs):
        text = lock_file(target).read_text(encoding="utf-8")
        if text.startswith("cannot write "):
            raise CannotWrite(text)


def _held_targets(runs: Sequence[Run]) -> list[Path]:
    """Notebooks of these runs that a process has ever held."""
    targets = dict.fromkeys(run.notebook(name) for run in runs for name in MAKINGS)
    return [target for target in targets if lock_file(target).exists()]
