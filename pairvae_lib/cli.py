"""The command line: one command per job."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pairvae_lib import __version__
from pairvae_lib.config import PAPER_SEEDS, PAPER_TRAINING_SIZES, PROFILES, profile_named
from pairvae_lib.files import CannotWrite, writing

app = typer.Typer(help="Linking scattering patterns and micrographs of the same samples.", no_args_is_help=True)

ProfileName = Annotated[str, typer.Option("--profile", help=f"One of {', '.join(PROFILES)}.")]


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="Folder to write; it must not exist yet.")],
    profile: ProfileName = "quick",
    seed: Annotated[int | None, typer.Option(help="Seed of all pairs; the profile's own if not given.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes; the result does not depend on it.")] = 1,
) -> None:
    """Write a folder of simulated pairs of a scattering pattern and a micrograph."""
    with _messages(), writing(out):
        from pairvae_lib.simulation import simulate_dataset

        settings = profile_named(profile).simulation
        seed = settings.seed if seed is None else seed
        folder = simulate_dataset(out, settings.n_pairs, size=settings.size, seed=seed, workers=workers)
        print(folder)


@app.command()
def run(
    notebook: Annotated[str, typer.Argument(metavar="NOTEBOOK", help="Name, number, or path of the text.")],
    profile: ProfileName = "quick",
    parameters: Annotated[
        list[str] | None,
        typer.Option("-p", metavar="KEY VALUE", help="A parameter of the notebook, e.g. -p seed 44. Repeatable."),
    ] = None,
    upstream: Annotated[
        bool,
        typer.Option("--upstream/--no-upstream", help="Run earlier chapters whose products are missing or stale."),
    ] = True,
) -> None:
    """Execute a chapter, and before it those whose products are missing or out of date."""
    with _messages():
        from pairvae_lib.runner import run_chapter

        given = [(key, value) for key, _, value in (pair.partition("=") for pair in parameters or ())]
        print(run_chapter(notebook, given, profile=profile, make_missing=upstream))


@app.command()
def sweep(
    profile: ProfileName = "standard",
    seeds: Annotated[str, typer.Option(help="Numbers between commas.")] = ",".join(map(str, PAPER_SEEDS)),
    sizes: Annotated[str, typer.Option(help="Numbers of training pairs, between commas.")] = ",".join(
        map(str, PAPER_TRAINING_SIZES)
    ),
    data: Annotated[str, typer.Option(help='"simulated", or a folder of paired data.')] = "simulated",
    cores: Annotated[int, typer.Option(min=1, help="Runs at a time.")] = 2,
) -> None:
    """Train and assess over seeds and training sizes (the paper's Fig. 6), and gather the medians in sweep.json.

    Stopped at any moment, the same line goes on where it was.
    """
    with _messages():
        for name, value in (("seeds", seeds), ("sizes", sizes)):
            if not all(word.isdecimal() for word in value.split(",")):
                raise ValueError(f"{name} must be whole numbers between commas; got {value!r}")
        from pairvae_lib.runner import raise_unwritten, sweeping
        from pairvae_lib.runs import SIMULATED, Run, project_root

        if data != SIMULATED:
            data = str(Path(data).resolve())  # the workflow runs in the checkout
        swept = Run(profile, data=data)
        settings = {"profile": profile, "seeds": seeds, "sizes": sizes, "data": data}
        words = [sys.executable, "-m", "snakemake", "sweep", "--cores", str(cores), "--config"]
        words += [f"{key}={value}" for key, value in settings.items()]
        runs = [replace(swept, seed=int(seed), n_train=int(n)) for seed in seeds.split(",") for n in sizes.split(",")]
        with sweeping(runs) as held:
            done = subprocess.run(words, cwd=project_root(), pass_fds=[held])
            if done.returncode:
                raise_unwritten(runs)
                raise typer.Exit(1)
        print(swept.data_root / "sweep.json")


@app.command()
def book(
    profile: ProfileName = "quick",
    seed: Annotated[int, typer.Option(help="Seed of the run that the book shows.")] = 43,
) -> None:
    """Build the book from executed chapters."""
    with _messages():
        from pairvae_lib.bookbuild import build_book
        from pairvae_lib.runs import Run

        print(build_book(Run(profile, seed)))


@app.command()
def refresh(
    profile: ProfileName = "quick",
    seed: Annotated[int, typer.Option(help="Seed of the run whose outputs are taken.")] = 43,
) -> None:
    """Bring the committed notebooks in step with the texts and with executed chapters."""
    with _messages():
        from pairvae_lib.bookbuild import refresh_notebooks
        from pairvae_lib.runs import Run

        for path in refresh_notebooks(Run(profile, seed)):
            print(path)


@app.command()
def assets() -> None:
    """Lay out what the book's pages load, once npm has fetched it (see `make assets`)."""
    with _messages():
        from pairvae_lib.bookbuild import lay_out_assets

        print(lay_out_assets())


def _version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        print(__version__)
        raise typer.Exit()


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Options of the program itself."""


def main(words: Sequence[str] | None = None) -> None:
    """Entry point of the `pairvae` command."""
    app(args=_joined(sys.argv[1:] if words is None else words), prog_name="pairvae")


def _joined(words: Sequence[str]) -> list[str]:
    """The command line with every `-p KEY VALUE` as `-p KEY=VALUE`: Typer has no option that takes two words."""
    waiting, joined = list(words), []
    while waiting:
        word = waiting.pop(0)
        if word == "-p" and len(waiting) > 1 and "=" not in waiting[0]:
            word = f"-p{waiting.pop(0)}={waiting.pop(0)}"
        joined.append(word)
    return joined


@contextmanager
def _messages() -> Iterator[None]:
    """Turn what a user can mend into one message: exit code 2 for input and usage, 1 for a chapter that fails."""
    try:
        yield
    except (ValueError, FileNotFoundError, FileExistsError, PermissionError, CannotWrite) as error:
        typer.echo(f"pairvae: {error}", err=True)
        raise typer.Exit(2) from None
    except RuntimeError as error:
        from pairvae_lib.bookbuild import BookFailed
        from pairvae_lib.runner import ChapterFailed, ChapterInUse

        if not isinstance(error, ChapterFailed | ChapterInUse | BookFailed):
            raise
        typer.echo(f"pairvae: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ChapterInUse) else 1) from None
