"""Where the results of a run lie, and which command makes them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import file_digest, sha256
from pathlib import Path
from shlex import quote
from urllib.parse import quote as escaped

from pairvae_lib.checks import MissingResult, check_positive, check_range
from pairvae_lib.config import LARGEST_SEED, Profile, Protocol, profile_named, protocol_settings

SIMULATED = "simulated"
TERMINAL = "PAIRVAE_TERMINAL"  # environment variable: the terminal that `pairvae run` was called on


def project_root() -> Path:
    """The checkout that holds `notebooks/` and `book/`.

    Raises
    ------
    FileNotFoundError
        If the package is not installed from a checkout.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / "notebooks" / "text").is_dir():
        raise FileNotFoundError(
            f"{root} holds no notebooks/text folder: install the package from a checkout (pip install -e .)"
        )
    return root


def results_root() -> Path:
    """The folder of all results: PAIRVAE_RESULTS where that is set, else `results` in the checkout."""
    named = os.environ.get("PAIRVAE_RESULTS")
    return Path(named).resolve() if named else project_root() / "results"


def content_hash(folder: Path) -> str:
    """Six hexadecimal digits of what a data folder holds: changed data never meets old results."""
    digest = sha256()
    within = folder.resolve()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.resolve().is_relative_to(within)):
        digest.update(path.relative_to(folder).as_posix().encode(errors="surrogateescape"))
        with path.open("rb") as file:
            digest.update(file_digest(file, "sha256").digest())
    return digest.hexdigest()[:6]


@dataclass(frozen=True)
class Run:
    """One run of the chapters: its parameters, and the paths that follow from them.

    Parameters
    ----------
    profile : str
        A key of `config.PROFILES`.
    seed : int
        Seed of the split, of the initial weights and of everything drawn in training and assessment.
    n_train : int or None
        Number of training pairs; None for two thirds of all pairs, as the paper's 48 of 72.
    data : str
        "simulated", or a folder of paired data (see `folder.open_pairs`).
    held_out : str
        A group (batch) of the data to leave out of training; "" for a random split stratified by morphology.
    protocol : str
        A key of `config.PROTOCOLS`: how pair training goes (the paper's Fig. S3).

    Raises
    ------
    ValueError
        If there is no such profile or protocol, or `data` is neither "simulated" nor a folder.
    """

    profile: str = "quick"
    seed: int = 43
    n_train: int | None = None
    data: str = SIMULATED
    held_out: str = ""
    protocol: Protocol = "two_phase"

    def __post_init__(self) -> None:
        protocol_settings(profile_named(self.profile).pair, self.protocol)
        check_range("seed", self.seed, 0, LARGEST_SEED)
        if self.n_train is not None:
            check_positive("n_train", self.n_train)
        if self.data != SIMULATED and not Path(self.data).is_dir():
            raise ValueError(f"data must be {SIMULATED!r} or a folder of paired data; got {self.data!r}")

    @property
    def settings(self) -> Profile:
        """The profile, with the pair training of the protocol."""
        profile = profile_named(self.profile)
        return replace(profile, pair=protocol_settings(profile.pair, self.protocol))

    @cached_property
    def data_root(self) -> Path:
        """Results that depend on the profile and the data alone."""
        name = self.data
        if name != SIMULATED:
            folder = Path(name).resolve()
            name = f"{folder.name}-{content_hash(folder)}"
        return results_root() / self.profile / name

    @property
    def data_folder(self) -> Path:
        """The paired data: the user's folder, or the one that the simulator writes."""
        return self.data_root / "data" if self.data == SIMULATED else Path(self.data).resolve()

    @property
    def pairs_file(self) -> Path:
        """The prepared pairs (chapter 2)."""
        return self.data_root / "pairs.npz"

    @property
    def thresholds_file(self) -> Path:
        """Scores of thresholds against the ground truth (chapter 2; simulated data only)."""
        return self.data_root / "thresholds.json"

    @property
    def folder(self) -> Path:
        """Solo training: results that also depend on the seed and the split."""
        size = "" if self.n_train is None else f"-n{self.n_train}"
        group = f"-without-{escaped(self.held_out, safe=' ')}" if self.held_out else ""  # a name may hold a slash
        return self.data_root / f"seed{self.seed}{size}{group}"

    @property
    def flow_file(self) -> Path:
        """The conditional flow, trained on the same pairs (chapter 10)."""
        return self.folder / "flow.pt"

    @property
    def pair_folder(self) -> Path:
        """Pair training and what follows: results that also depend on the protocol."""
        return self.folder if self.protocol == Run.protocol else self.folder / self.protocol

    @property
    def solo_file(self) -> Path:
        """The two solo-trained VAEs with their histories (chapter 3)."""
        return self.folder / "solo.pt"

    @property
    def pair_file(self) -> Path:
        """The pair-trained PairVAE with its history (chapter 4)."""
        return self.pair_folder / "pair.pt"

    @property
    def errors_file(self) -> Path:
        """Errors per image and route (chapter 5)."""
        return self.pair_folder / "errors.json"

    @property
    def curves_file(self) -> Path:
        """What figures are drawn from (chapter 5)."""
        return self.pair_folder / "curves.npz"

    @property
    def history_file(self) -> Path:
        """Losses of every epoch of all trainings (chapter 4)."""
        return self.pair_folder / "history.json"

    @property
    def generation_file(self) -> Path:
        """Generated ensembles (chapter 6)."""
        return self.pair_folder / "generation.npz"

    @property
    def explorer_folder(self) -> Path:
        """What the latent explorer loads (chapter 6)."""
        return self.pair_folder / "explorer"

    @property
    def curves_explorer_folder(self) -> Path:
        """What the explorer of two curves loads (chapter 7)."""
        return self.pair_folder / "curves_explorer"

    @property
    def flow_explorer_folder(self) -> Path:
        """What the explorer that draws loads (chapter 8)."""
        return self.pair_folder / "flow_explorer"

    def notebook(self, name: str) -> Path:
        """Where the executed notebook of that name is written."""
        folder = self.data_root if name < "03" else self.folder if name < "04" else self.pair_folder
        return folder / f"{name}.ipynb"

    def numbers_file(self, name: str) -> Path:
        """The numbers that a chapter notes, to be held to their bands (see `pairvae_lib.book.bands`)."""
        return self.notebook(name).with_suffix(".numbers.json")

    def command(self, notebook: str) -> str:
        """The command line that runs a notebook with these parameters; the first chapters know only some of them."""
        defaults = Run()
        known: tuple[str, ...] = ("data",) if notebook < "03" else ("seed", "n_train", "data", "held_out")
        known += ("protocol",) if notebook >= "04" else ()
        words = [f"pairvae run {notebook} --profile {self.profile}"]
        words += [
            f"-p {key} {quote(str(getattr(self, key)))}"
            for key in known
            if getattr(self, key) != getattr(defaults, key)
        ]
        return " ".join(words)

    def require(self, path: Path, notebook: str) -> Path:
        """Return `path`, which `notebook` writes.

        Raises
        ------
        MissingResult
            If it is not there; the message names the command.
        """
        if not path.exists():
            raise MissingResult(path, self.command(notebook))
        return path
