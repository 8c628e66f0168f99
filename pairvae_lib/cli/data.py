"""Commands around data: check a folder, fetch a public data set."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from pairvae_lib.cli.program import Kinds, ProfileName, command, kinds_of
from pairvae_lib.config import profile_named
from pairvae_lib.files.writing import replacing

FETCH_HELP = "\n\n".join(
    [
        "Fetch a public data set that cannot be included, file by file, each held to its checksum.",
        "afm-gisaxs: 153 block copolymer films, an AFM micrograph and a GISAXS profile of each, from the repository "
        "MaResearchLab/BCP-ML-Characterization-Framework at a fixed commit (arXiv 2505.23064). It states no licence: "
        "use the files, and do not pass them on. An interrupted call goes on where it was.",
        "Where the environment variable PAIRVAE_DATA names a folder that has the data set already, its files are "
        "checked and copied, and nothing is downloaded.",
        "The paper's own data (Doerk et al. 2023) are to be fetched by hand: the SAXS patterns from "
        "https://doi.org/10.18126/qboh-6fav, the micrographs from https://doi.org/10.18126/09ow-8g8k. Put them into "
        "one folder as SAXS/*.jpg and SEM/*.tif, and run: pairvae check FOLDER",
    ]
)


@command()
def check(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder with a manifest.csv, or with SEM and SAXS.")],
    out: Annotated[Path | None, typer.Option("--out", help="Write a report with pictures: an HTML file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON instead of words.")] = False,
    profile: ProfileName = "quick",
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings, too.")] = False,
    kind: Kinds = None,
) -> None:
    """Say what a data folder holds, what is wrong with it, and what to beware of.

    Ends with 0 if it can be trained on (warnings or not), with 2 if not; with --strict, 1 if there are warnings.
    """
    from pairvae_lib.data.inspection import as_page, as_text, inspected

    settings = profile_named(profile)
    with _bar("samples") as progress:
        found = inspected(data, settings, kinds_of(kind), progress)
    if out is not None:
        with replacing(out) as file:
            file.write(as_page(found).encode("utf-8"))
    print(json.dumps(found.as_json(), indent=2) if as_json else as_text(found))
    if out is not None and not as_json:
        print(out)
    if not found.is_usable:
        raise typer.Exit(2)
    if strict and found.warnings:
        raise typer.Exit(1)


@command(help=FETCH_HELP)
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="afm-gisaxs")],
    out: Annotated[Path | None, typer.Option("--out", help="Folder to make; data/NAME if not given.")] = None,
) -> None:
    """Fetch a public data set."""
    from pairvae_lib.data.download import fetched, mirrored, registry

    entries = registry(name)
    with _bar("files") as progress:
        print(fetched(entries, out or Path("data") / name, mirrored(name), progress=progress))


@contextmanager
def _bar(unit: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, and nothing elsewhere."""
    from tqdm import tqdm

    with tqdm(unit=f" {unit}", disable=None, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress
