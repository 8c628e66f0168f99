"""Commands around the chapters and the book: simulate, run, sweep, publish, claims, book, read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from pairvae_lib.book.sweep import DEFAULTS, Sweep
from pairvae_lib.checks import check_one_of
from pairvae_lib.cli.program import DataName, ProfileName, command
from pairvae_lib.config import PROFILES, profile_named
from pairvae_lib.files.writing import writing

Seeds = Annotated[str, typer.Option("--seeds", help="Whole numbers between commas.")]
Sizes = Annotated[str, typer.Option("--sizes", help="Numbers of training pairs, between commas; two thirds if empty.")]
Groups = Annotated[str, typer.Option("--groups", help="Groups to leave out in turn, between commas; random: none.")]
Protocols = Annotated[str, typer.Option("--protocols", help="Other pair trainings, between commas; may be empty.")]


@command()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="Folder to write; it must not exist yet.")],
    kind: Annotated[str, typer.Option(help="films: patterns and micrographs; spheres: two kinds of curves.")] = "films",
    profile: Annotated[
        str | None, typer.Option("--profile", help=f"Of films, one of {', '.join(PROFILES)}; quick if not given.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all pairs; one that stays the same if not given.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes, of films; the result does not depend on it.")
    ] = None,
) -> None:
    """Write a folder of simulated pairs.

    films: a scattering pattern and a micrograph of a block copolymer. spheres: 64 pairs of a SAXS curve and an
    extinction spectrum of gold particles, made in seconds.
    """
    check_one_of("kind", kind, ("films", "spheres"))
    with writing(out):
        from pairvae_lib.data.simulation import simulate, simulate_spheres

        if kind == "spheres":
            if profile or workers:
                raise ValueError("--profile and --workers are for films; spheres take seconds, and have one size")
            print(simulate_spheres(out) if seed is None else simulate_spheres(out, seed=seed))
            return
        settings = profile_named(profile or "quick").simulation
        seed = settings.seed if seed is None else seed
        print(simulate(out, settings.n_pairs, size=settings.size, seed=seed, workers=workers or 1))


@command()
def run(
    notebook: Annotated[str, typer.Argument(metavar="NOTEBOOK", help="Name, number, or path of the text.")],
    profile: ProfileName = "quick",
    parameters: Annotated[
        list[str] | None,
        typer.Option("-p", metavar="KEY VALUE", help="A parameter of the notebook, e.g. -p seed 44. Repeatable."),
    ] = None,
    upstream: Annotated[
        bool, typer.Option("--upstream/--no-upstream", help="Run earlier chapters whose products are missing or stale.")
    ] = True,
) -> None:
    """Execute a chapter, and before it those whose products are missing or out of date."""
    from pairvae_lib.book.execute import run_chapter

    given = [(key, value) for key, _, value in (pair.partition("=") for pair in parameters or ())]
    print(run_chapter(notebook, given, profile=profile, make_missing=upstream))


@command()
def sweep(
    profile: ProfileName = "standard", seeds: Seeds = DEFAULTS["seeds"], sizes: Sizes = DEFAULTS["sizes"],
    groups: Groups = DEFAULTS["groups"], protocols: Protocols = DEFAULTS["protocols"], data: DataName = "simulated",
    cores: Annotated[
        int | None, typer.Option(min=1, help="Runs at a time; 2, or what the cluster's profile says, if not given.")
    ] = None,
    cluster: Annotated[
        Path | None, typer.Option(help="Folder of a Snakemake profile that runs the chapters as jobs of a cluster.")
    ] = None,
) -> None:
    """Train and assess over seeds and training sizes (the paper's Fig. 6), and gather the medians in sweep.json.

    Three of these runs (seed 43 and the middle size, where they are among them, and the same of two other seeds) draw
    the ensembles of Fig. 7, and are also trained by the other protocols of Fig. S3.

    Stopped at any moment, the same line goes on where it was.
    """
    from pairvae_lib.book.sweep import raise_unwritten, sweeping
    from pairvae_lib.files.runs import project_root

    lists = {"seeds": seeds, "sizes": sizes, "groups": groups, "protocols": protocols}
    swept = _swept(profile, data, lists)
    settings = {"profile": profile, "data": swept.base.data} | {key: value for key, value in lists.items() if value}
    words = [sys.executable, "-m", "snakemake", "sweep"]
    if cluster is None:
        words += ["--cores", str(cores or 2)]
    else:
        words += ["--workflow-profile", str(_cluster_profile(cluster))]
        words += ["--jobs", str(cores)] if cores else []
    words += ["--config", *(f"{key}={value}" for key, value in settings.items())]
    with sweeping(swept.runs) as held:
        done = subprocess.run(words, cwd=project_root(), pass_fds=[held])
        if done.returncode:
            raise_unwritten(swept.runs)
            raise typer.Exit(1)
    print(swept.base.data_root / "sweep.json")


@command()
def publish(
    profile: ProfileName = "standard", seeds: Seeds = DEFAULTS["seeds"], sizes: Sizes = DEFAULTS["sizes"],
    groups: Groups = DEFAULTS["groups"], protocols: Protocols = DEFAULTS["protocols"], data: DataName = "simulated",
    trained_at: Annotated[str | None, typer.Option(help="Commit of the training, if not the present one.")] = None,
    add: Annotated[bool, typer.Option("--add", help="Keep what is published, and add these runs to it.")] = False,
) -> None:
    """Copy the small results of a sweep to results/published, with hashes, versions, machine and run times."""
    from pairvae_lib.book.publish import add_published, publish as copied

    lists = {"seeds": seeds, "sizes": sizes, "groups": groups, "protocols": protocols}
    swept = _swept(profile, data, lists)
    print(add_published(swept.runs, trained_at) if add else copied(swept.runs, swept.example, trained_at))


@command()
def published(
    check: Annotated[
        bool, typer.Option("--check", help="Hold files to their hashes, and profiles to the settings of then.")
    ] = False,
) -> None:
    """Say what is published, and with --check, whether all of it is as it was."""
    from pairvae_lib.book.publish import check_published, what_is_published

    print("\n".join(check_published() if check else what_is_published()))


@command()
def claims(
    profile: ProfileName = "quick",
    data: Annotated[
        str | None, typer.Option(help='"simulated", or a folder of paired data; all that have results if not given.')
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="From results/published instead of this checkout's own results.")
    ] = False,
) -> None:
    """Decide the paper's claims on all results of a profile, print the ledger, and write it as claims.json."""
    from pairvae_lib.book.cover import write_cover
    from pairvae_lib.claims.encoders import encoder_losses, losses_file, losses_markdown
    from pairvae_lib.claims.ledger import as_text, decided_claims, ledger_file, save_ledger
    from pairvae_lib.claims.published import published_root
    from pairvae_lib.claims.study import read_studies
    from pairvae_lib.files.runs import SIMULATED, Run, results_root

    profile_named(profile)
    name = None if data is None else data if data == SIMULATED else Run(profile, data=data).data_root.name
    rows = decided_claims(read_studies(published_root() if published else results_root(), profile, name))
    path = ledger_file(profile, published)
    save_ledger(path, rows, keep_others=name is not None)
    if published:
        losses_file().write_text(losses_markdown(encoder_losses(published=True)), encoding="utf-8")
        write_cover()
    print(as_text(rows))
    print(path)


@command()
def book(
    profile: ProfileName = "quick",
    seed: Annotated[int, typer.Option(help="Seed of the run that the book shows.")] = 43,
) -> None:
    """Build the book from executed chapters."""
    from pairvae_lib.book.build import build_book
    from pairvae_lib.files.runs import Run

    print(build_book(Run(profile, seed)))


@command()
def read(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the address; 0: one that is free.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the book in the browser.")] = True,
) -> None:
    """Serve the built book to this machine, and open it in the browser."""
    import webbrowser

    from pairvae_lib.book.read import book_server, built_book

    with book_server(built_book(), port) as server:
        address = f"http://localhost:{server.server_port}/"
        print(f"The book is at {address} (Ctrl-C ends the server)", flush=True)
        if browser:
            webbrowser.open(address)
        with suppress(KeyboardInterrupt):
            server.serve_forever()


@command()
def refresh(
    profile: ProfileName = "quick",
    seed: Annotated[int, typer.Option(help="Seed of the run whose outputs are taken.")] = 43,
) -> None:
    """Bring the committed notebooks in step with the texts and with executed chapters."""
    from pairvae_lib.book.build import refresh_notebooks
    from pairvae_lib.files.runs import Run

    for path in refresh_notebooks(Run(profile, seed)):
        print(path)


@command()
def assets() -> None:
    """Lay out what the book's pages load, once npm has fetched it (see `make assets`)."""
    from pairvae_lib.book.build import lay_out_assets

    print(lay_out_assets())


def _swept(profile: str, data: str, lists: Mapping[str, str]) -> Sweep:
    """The sweep that options describe; data as an absolute path, since the workflow runs in the checkout."""
    from pairvae_lib.files.runs import SIMULATED, Run

    return Sweep.parsed(Run(profile, data=data if data == SIMULATED else str(Path(data).resolve())), lists)


def _cluster_profile(folder: Path) -> Path:
    """The folder of a Snakemake profile, if it is one and its executor is installed."""
    import yaml

    file = folder.resolve() / "config.yaml"
    if not file.is_file():
        example = "workflow/profiles/slurm"
        raise ValueError(f"cluster must be a folder with a config.yaml, as {example}; got {str(folder)!r}")
    executor = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("executor", "local")
    if executor != "local" and find_spec(f"snakemake_executor_plugin_{executor.replace('-', '_')}") is None:
        raise ValueError(
            f"{file} needs the executor {executor!r}, which is not installed; that of SLURM comes with: "
            "pip install -c constraints.txt -e '.[book,cluster]'"
        )
    return file.parent
