"""One comparison beyond the paper: which pairs, who is held out, and where its results lie."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import numpy as np

from benchmarks.beyond.peers import PEERS, PeerTraining
from pairvae_lib.checks import check_one_of
from pairvae_lib.config import PAPER, QUICK, TINY, Profile
from pairvae_lib.data.folder import open_pairs, prepare
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.simulation import simulate
from pairvae_lib.data.splits import FIRST_SEED, Split, gap_split, group_split
from pairvae_lib.files.runs import SIMULATED, Run, results_root
from pairvae_lib.models.flow.config import FLOWS, Flow
from pairvae_lib.models.protocol import split_pairs

SPLITS = ("random", "gap", "batch", "test")
# Of the simulator, for final numbers alone: no method, and no setting of one, was chosen by what it scores there.
TEST_SEED, TEST_PAIRS = 4099, 48
CONTROLS = ("sim_blend_mean", "sim_pitch", "sim_duration")  # of the simulator: blend, pitch of the grating, annealing
WITHOUT_PEERS = "-without-peers"


@dataclass(frozen=True)
class Budget:
    """What every method of a comparison may spend, beyond the paper; all numbers are ours."""

    name: str
    profile: Profile  # of the data, the crops, and PairVAE
    peers: PeerTraining = PeerTraining()
    # Training samples from which on all VAEs train fewer epochs, so that a larger data set costs no more steps.
    samples: int = 48
    drawn: int = 16  # masks in an answer
    true: int = 32  # crops of the micrograph that an answer is held to
    steps: int = 16  # of the flow's integration
    memorisation: int = 12  # held-out samples for which copies are looked for, which takes long

    @property
    def flow(self) -> Flow:
        """Its conditional flow."""
        return FLOWS[self.name]


# "standard": the paper's number of pairs, full size, at the quick profile's crops; twenty minutes a seed on one core.
BUDGETS: dict[str, Budget] = {
    budget.name: budget
    for budget in (
        Budget(
            "tiny",
            TINY,
            PeerTraining(epochs={"MVAE": 1, "MoPoE": 1}),
            drawn=2,
            true=4,
            steps=2,
            memorisation=2,
        ),
        Budget("quick", QUICK, PeerTraining(epochs={"MVAE": 150, "MoPoE": 300})),
        Budget("standard", replace(QUICK, precision="auto", simulation=PAPER.simulation)),
    )
}


@dataclass(frozen=True)
class Contest:
    """One comparison.

    Parameters
    ----------
    split : str
        "random", stratified by morphology; "gap", an interval of a control parameter held out in every class; "batch",
        a whole group held out: the next one with the next seed; "test", pairs of TEST_SEED held out, and all others
        to train on.
    seed : int
        Of the split, of the initial weights and of all that is drawn.
    data : str
        "simulated", or a folder of paired data.
    budget : str
        A key of BUDGETS.
    control : str
        Column of the manifest that a gap is cut out of; "" for those of the simulator in turn, by seed.
    peers : tuple of str
        Of `peers.PEERS`; they need the optional library MultiVae.

    Raises
    ------
    ValueError
        If a name is unknown, `data` is no folder, a gap in data of one's own has no control, or MultiVae is not there.
    """

    split: str = "gap"
    seed: int = FIRST_SEED
    data: str = SIMULATED
    budget: str = "standard"
    control: str = ""
    peers: tuple[str, ...] = PEERS

    def __post_init__(self) -> None:
        check_one_of("split", self.split, SPLITS)
        check_one_of("budget", self.budget, tuple(BUDGETS))
        if self.peers and find_spec("multivae") is None:
            raise ValueError(
                f"peers must be none (--no-peers) where MultiVae is not installed (pip install -c constraints.txt -e "
                f"'.[peers]'); got {', '.join(self.peers)}"
            )
        if Run(data=self.data).data != SIMULATED and self.split == "gap" and not self.control:
            raise ValueError("control must name a column of the manifest for the split 'gap'; got ''")
        if Run(data=self.data).data != SIMULATED and self.split == "test":
            raise ValueError(f"data must be {SIMULATED!r} for the split 'test'; got {self.data!r}")

    @property
    def settings(self) -> Budget:
        """The budget."""
        return BUDGETS[self.budget]

    @cached_property
    def data_root(self) -> Path:
        """Results that depend on the budget and the data alone."""
        return results_root() / "beyond" / self.budget / Run(data=self.data).data_root.name

    @property
    def column(self) -> str:
        """The control parameter of a gap."""
        return self.control or CONTROLS[(self.seed - FIRST_SEED) % len(CONTROLS)]

    @property
    def folder(self) -> Path:
        """Its models and its outcome."""
        control = f"-{self.control}" if self.control else ""
        return self.data_root / f"{self.split}{control}-seed{self.seed}{'' if self.peers else WITHOUT_PEERS}"

    @property
    def result_file(self) -> Path:
        """Its outcome."""
        return self.folder / "result.json"

    @property
    def bundle_folder(self) -> Path:
        """Its flow, for every command that takes a model."""
        return self.folder / "flow"

    @property
    def pictures_file(self) -> Path:
        """A few masks."""
        return self.folder / "pictures.npz"


def contest_pairs(contest: Contest) -> tuple[PreparedPairs, Path]:
    """The prepared pairs, read or made, and the folder of the data; with those of TEST_SEED for the split "test"."""
    simulation = contest.settings.profile.simulation
    folder = contest.data_root / "data" if contest.data == SIMULATED else Path(contest.data).resolve()
    if contest.data == SIMULATED:
        simulate(folder, simulation.n_pairs, simulation.size, simulation.seed)
    pairs = _prepared(contest, folder, "pairs.npz")
    if contest.split == "test":
        test = contest.data_root / "test"
        simulate(test, min(TEST_PAIRS, simulation.n_pairs), simulation.size, TEST_SEED)
        pairs = joined({"development": pairs, "test": _prepared(contest, test, "test.npz")})
    return pairs, folder


def _prepared(contest: Contest, folder: Path, name: str) -> PreparedPairs:
    """Prepared pairs of a folder, kept in a file of that name."""
    file, profile = contest.data_root / name, contest.settings.profile
    if file.exists():
        return PreparedPairs.load(file)
    pairs = prepare(open_pairs(folder, binarisation=profile.binarisation), profile)
    pairs.save(file)
    return pairs


def joined(sets: Mapping[str, PreparedPairs]) -> PreparedPairs:
    """Sets of pairs that were prepared alike as one; their names become its groups, and stand before the samples'."""
    first = next(iter(sets.values()))
    whole = [getattr(first, name) for name in ("modalities", "q_unit", "limits")]
    for name, pairs in sets.items():
        if [pairs.modalities, pairs.q_unit, pairs.limits] != whole:
            raise ValueError(f"sets must be prepared alike; got {whole} and, in {name!r}, {pairs.modalities}, "
                             f"{pairs.q_unit!r}, {pairs.limits}")

    def together(field: str) -> tuple | None:
        values = [getattr(pairs, field) for pairs in sets.values()]
        return None if None in values else tuple(chain.from_iterable(values))

    return replace(
        first,
        morphologies=tuple(chain.from_iterable(pairs.morphologies for pairs in sets.values())),
        masks=tuple(chain.from_iterable(pairs.masks for pairs in sets.values())),
        sample_ids=tuple(f"{name} {one}" for name, pairs in sets.items() for one in pairs.sample_ids),
        groups=tuple(name for name, pairs in sets.items() for _ in pairs.sample_ids),
        scattering=np.concatenate([pairs.scattering for pairs in sets.values()]),
        nm_per_pixel=together("nm_per_pixel"),
        q_per_pixel=together("q_per_pixel"),
    )


def contest_split(contest: Contest, pairs: PreparedPairs, folder: Path) -> tuple[Split, str]:
    """Who is held out, and a sentence that says so.

    Raises
    ------
    ValueError
        If the data have no groups, or the manifest no such column of numbers.
    """
    if contest.split == "random":
        return split_pairs(pairs, contest.seed), "a random third, stratified by class"
    if contest.split == "test":
        return group_split(pairs.groups, "test", contest.seed), f"pairs that the simulator draws with seed {TEST_SEED}"
    if contest.split == "batch":
        groups = sorted(set(pairs.groups or ()))
        name = groups[(contest.seed - FIRST_SEED) % len(groups)] if groups else "any"
        return group_split(pairs.groups, name, contest.seed), f"batch {name}"
    values = control_values(folder, contest.column, pairs.sample_ids)
    split = gap_split(pairs.morphologies, values, contest.seed)
    return split, f"the middle third of {contest.column.removeprefix('sim_').replace('_', ' ')} in every class"


def control_values(folder: Path, column: str, sample_ids: Sequence[str]) -> list[float]:
    """Numbers of a column of the manifest, in the order of the samples.

    Raises
    ------
    ValueError
        If there is no such column, or it holds no number for a sample.
    """
    with (folder / "manifest.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row.get("sample_id", ""): row for row in csv.DictReader(file)}
    try:
        return [float(rows[sample_id][column]) for sample_id in sample_ids]
    except (KeyError, TypeError, ValueError):
        message = f"column {column!r} of {folder / 'manifest.csv'} must hold a number for every sample"
        raise ValueError(message) from None
