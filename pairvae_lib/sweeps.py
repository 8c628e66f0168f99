"""Which runs a sweep is made of: seeds, training sizes and left-out groups, and one run by the other protocols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pairvae_lib.checks import check_one_of
from pairvae_lib.config import PAPER_SEEDS, PAPER_TRAINING_SIZES, PROTOCOLS, Protocol
from pairvae_lib.runs import Run

RANDOM = "random"
EXAMPLE_SEED = Run.seed  # the seed whose pictures are shown, where it is among those swept


@dataclass(frozen=True)
class Sweep:
    """Runs of one profile and data set.

    Parameters
    ----------
    base : Run
        Profile and data; its seed, size, group and protocol where the lists below are empty.
    seeds, sizes, groups, protocols : tuple
        Values of `Run.seed`, `Run.n_train`, `Run.held_out` and `Run.protocol`: the first three in all combinations,
        the last for the example alone.
    """

    base: Run
    seeds: tuple[int, ...] = ()
    sizes: tuple[int, ...] = ()
    groups: tuple[str, ...] = ()
    protocols: tuple[Protocol, ...] = ()

    @classmethod
    def parsed(cls, base: Run, words: Mapping[str, Any]) -> Sweep:
        """A sweep from texts with commas, as a command line or a workflow's configuration holds them.

        Parameters
        ----------
        base : Run
        words : mapping
            Keys "seeds", "sizes", "groups", "protocols"; one that is missing or empty is an empty list. Among groups,
            RANDOM stands for a random split.
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
        """The run that draws ensembles and whose pictures are shown: EXAMPLE_SEED, the middle size, the first group."""
        seeds = self.seeds or (self.base.seed,)
        return replace(
            self.base,
            seed=EXAMPLE_SEED if EXAMPLE_SEED in seeds else seeds[0],
            n_train=self.sizes[len(self.sizes) // 2] if self.sizes else self.base.n_train,
            held_out=self.groups[0] if self.groups else self.base.held_out,
        )

    @property
    def runs(self) -> list[Run]:
        """All runs."""
        found = [
            replace(self.base, seed=seed, n_train=size, held_out=group)
            for seed in self.seeds or (self.base.seed,)
            for size in self.sizes or (self.base.n_train,)
            for group in self.groups or (self.base.held_out,)
        ]
        others = [replace(self.example, protocol=name) for name in self.protocols if name != self.example.protocol]
        return found + others


LISTS = ("seeds", "sizes", "groups", "protocols")
# What the paper varies: its Fig. 6, and its Fig. S3.
DEFAULTS: Mapping[str, str] = {
    "seeds": ",".join(map(str, PAPER_SEEDS)),
    "sizes": ",".join(map(str, PAPER_TRAINING_SIZES)),
    "groups": "",
    "protocols": ",".join(protocol for protocol in PROTOCOLS if protocol != Run.protocol),
}
