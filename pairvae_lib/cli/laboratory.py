"""Folders of pairs as a laboratory has them, and a training that need not be done twice."""

from __future__ import annotations

import csv
import shutil
import textwrap
from collections.abc import Mapping
from pathlib import Path

from typer.testing import CliRunner

from pairvae_lib.bundles.train import work_folder
from pairvae_lib.cli.program import app
from pairvae_lib.data.reading.manifest import MANIFEST
from pairvae_lib.files.writing import replacing
from pairvae_lib.runs import SIMULATED, Run

# What a laboratory would know.
KEPT = ("sample_id", "saxs", "sem", "morphology", "nm_per_pixel", "q_scale", "image_rows")
FILES = ("saxs", "sem")


def laboratory_folder(run: Run, place: Path) -> Path:
    """The pairs of a run as a laboratory would have them: a manifest of what it knows, and the files that it names.

    Parameters
    ----------
    run : Run
        Of measured pairs, whose folder is taken as it is; or of simulated ones, which are copied without the true masks
        and without the parameters of the simulation.
    place : Path
        Where copies go: into its folder `pairs`, made anew.

    Returns
    -------
    Path
        The folder.
    """
    if run.data != SIMULATED:
        return run.data_folder
    folder = place / "pairs"
    shutil.rmtree(folder, ignore_errors=True)
    with (run.data_folder / MANIFEST).open(newline="", encoding="utf-8") as file:
        rows = [{key: row[key] for key in KEPT} for row in csv.DictReader(file)]
    for row in rows:
        for name in FILES:
            (folder / row[name]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(run.data_folder / row[name], folder / row[name])
    _write_manifest(folder, rows)
    return folder


def broken_copy(folder: Path, place: Path, count: int = 4) -> Path:
    """A few of the pairs with three faults: a truncated file, a missing file, and a name that stands there twice.

    Parameters
    ----------
    folder : Path
        With a manifest, whose columns after the first are taken to be files where they name one.
    place : Path
        Where the copy goes: into its folder `broken`, made anew.
    count : int
        How many pairs; at least four.

    Raises
    ------
    ValueError
        If there are not as many.
    """
    with (folder / MANIFEST).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:count]
    if len(rows) < 4:
        raise ValueError(f"count must be at least 4 pairs of the folder; got {len(rows)}")
    target = place / "broken"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    files = [key for key, value in rows[0].items() if value and (folder / value).is_file()]
    for row in rows:
        for key in files:
            (target / row[key]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / row[key], target / row[key])
    truncated, missing = target / rows[0][files[-1]], target / rows[1][files[0]]
    truncated.write_bytes(truncated.read_bytes()[:400])
    missing.unlink()
    rows[3]["sample_id"] = rows[2]["sample_id"]
    _write_manifest(target, rows)
    return target


def with_trainings(run: Run, model: Path) -> Path:
    """A place for a model, where `pairvae train` finds the trainings of a run as if it had been interrupted after them.

    Parameters
    ----------
    run : Run
        Whose solo and pair training are done (chapters 3 and 4). They are taken up only for the very same pairs, split,
        seed and settings; for others `pairvae train` refuses them.
    model : Path
        The folder that `pairvae train --out` will write; one that is there is removed.

    Returns
    -------
    Path
        `model`.
    """
    shutil.rmtree(model, ignore_errors=True)
    work = work_folder(model)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    shutil.copyfile(run.require(run.solo_file, "03_solo_vae"), work / "solo.pt")
    shutil.copyfile(run.require(run.pair_file, "04_pair_vae"), work / "pair.pt")
    return model


def _write_manifest(folder: Path, rows: list[dict[str, str]]) -> None:
    """The rows as manifest.csv."""
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    with replacing(folder / MANIFEST) as file:
        file.write("".join(",".join(line) + "\n" for line in lines).encode())


WIDTH = 110  # characters of a line


def transcript(command: str, places: Mapping[str, Path]) -> str:
    """Run a command of `pairvae`, in this process, and say what was typed and answered.

    Parameters
    ----------
    command : str
        E.g. "check pairs": words between spaces, without `pairvae`.
    places : mapping of str to Path
        What the short names of files and folders in the command stand for; answers have the short names, too.

    Returns
    -------
    str
        Lines for a page; the exit code last where it is not 0.

    Raises
    ------
    RuntimeError
        If the command fails in a way that it does not explain.
    """
    words = [str(_place(word, places)) for word in command.split()]
    result = CliRunner().invoke(app, words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise RuntimeError(f"pairvae {command} failed: {result.exception!r}") from result.exception
    answer = result.output.rstrip()
    for name, path in sorted(places.items(), key=lambda item: -len(str(item[1]))):
        answer = answer.replace(str(path.resolve()), name).replace(str(path), name)
    wrapped = [textwrap.wrap(line, WIDTH, subsequent_indent="    ") or [""] for line in answer.splitlines()]
    code = [f"(exit code {result.exit_code})"] if result.exit_code else []
    return "\n".join([f"$ pairvae {command}", *(part for parts in wrapped for part in parts), *code])


def listing(folder: Path) -> str:
    """Files of a folder with their sizes, a line for each; those of its folders counted.

    Parameters
    ----------
    folder : Path
    """
    lines = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            lines.append(f"{path.name + '/':24s} {sum(1 for _ in path.iterdir())} files")
        else:
            lines.append(f"{path.name:24s} {_size(path.stat().st_size)}")
    return "\n".join(lines)


def _place(word: str, places: Mapping[str, Path]) -> str | Path:
    """A word of a command; short names and paths that begin with one as real paths."""
    first, _, rest = word.partition("/")
    if first not in places:
        return word
    return places[first] / rest if rest else places[first]


def _size(count: int) -> str:
    """Bytes in the unit that suits them."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
