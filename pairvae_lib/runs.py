"""Where the results of a run lie, and which command makes them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from shlex import quote
from urllib.parse import quote as escaped

from pairvae_lib.checks import MissingResult
from pairvae_lib.config import Profile, profile_named

SIMULATED = "simulated"
TERMINAL = "PAIRVAE_TERMINAL"  # environment variable: the terminal that `pairvae run` was called on


def project_root() -> Path:
    """The checkout that holds `notebooks/` and `book/`.

    Raises
    ------
    FileNotFoundError
        If the package is not installed from a checkout.
    """
    root = Path(__file__).resolve().parents[1]
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
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(file.relative_to(folder).as_posix().encode())
        digest.update(sha256(file.read_bytes()).digest())
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
        "simulated", or a folder of paired data (see `datasets.open_pairs`).
    held_out : str
        A group (batch) of the data to leave out of training; "" for a random split stratified by morphology.

    Raises
    ------
    ValueError
        If there is no such profile, or `data` is neither "simulated" nor a folder.
    """

    profile: str = "quick"
    seed: int = 43
    n_train: int | None = None
    data: str = SIMULATED
    held_out: str = ""

    def __post_init__(self) -> None:
        profile_named(self.profile)
        if self.data != SIMULATED and not Path(self.data).is_dir():
            raise ValueError(f"data must be {SIMULATED!r} or a folder of paired data; got {self.data!r}")

    @property
    def settings(self) -> Profile:
        """The profile itself."""
        return profile_named(self.profile)

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
    def folder(self) -> Path:
        """Results that also depend on the seed and the split."""
        size = "" if self.n_train is None else f"-n{self.n_train}"
        group = f"-without-{escaped(self.held_out, safe=' ')}" if self.held_out else ""  # a name may hold a slash
        return self.data_root / f"seed{self.seed}{size}{group}"

    @property
    def solo_file(self) -> Path:
        """The two solo-trained VAEs with their histories (chapter 3)."""
        return self.folder / "solo.pt"

    @property
    def pair_file(self) -> Path:
        """The pair-trained PairVAE with its history (chapter 4)."""
        return self.folder / "pair.pt"

    @property
    def errors_file(self) -> Path:
        """Errors per image and route (chapter 5)."""
        return self.folder / "errors.json"

    @property
    def generation_file(self) -> Path:
        """Generated ensembles (chapter 6)."""
        return self.folder / "generation.npz"

    def notebook(self, name: str) -> Path:
        """Where the executed notebook of that name is written."""
        return (self.folder if name >= "03" else self.data_root) / f"{name}.ipynb"

    def command(self, notebook: str) -> str:
        """The command line that runs a notebook with these parameters; the first two chapters know only the data."""
        defaults = Run()
        known = ("seed", "n_train", "data", "held_out") if notebook >= "03" else ("data",)
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
