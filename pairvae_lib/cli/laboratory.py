"""Folders of pairs as a laboratory has them, and a training that need not be done twice."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from typer.testing import CliRunner

from pairvae_lib.bundles.train import work_folder
from pairvae_lib.cli.program import app
from pairvae_lib.data.reading.manifest import MANIFEST
from pairvae_lib.files.runs import SIMULATED, Run
from pairvae_lib.files.writing import replacing

# What a laboratory would know.
KEPT = ("sample_id", "saxs", "sem", "morphology", "nm_per_pixel", "q_scale", "image_rows")


def laboratory_folder(run: Run, place: Path) -> Path:
    """The pairs of a run as a laboratory would have them: a manifest of what it knows, and the files that it names.

    Parameters
    ----------
    run : Run
        Of measured pairs, whose folder is taken as it is; or of simulated ones, which are copied without the true masks
        and without the parameters of the simulation.
    place : Path
        Where copies go: into its folder `pairs`, made anew.
    """
    if run.data != SIMULATED:
        return run.data_folder
    folder = place / "pairs"
    shutil.rmtree(folder, ignore_errors=True)
    rows = _manifest(run.data_folder)[list(KEPT)]
    _copy(rows[["saxs", "sem"]], run.data_folder, folder)
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
    """
    rows = _manifest(folder).head(count)
    if len(rows) < 4:
        raise ValueError(f"count must be at least 4 pairs of the folder; got {len(rows)}")
    target = place / "broken"
    shutil.rmtree(target, ignore_errors=True)
    files = rows[[key for key, value in rows.iloc[0].items() if value and (folder / value).is_file()]]
    _copy(files, folder, target)
    truncated, missing = target / files.iloc[0, -1], target / files.iloc[1, 0]
    truncated.write_bytes(truncated.read_bytes()[:400])
    missing.unlink()
    rows.loc[3, "sample_id"] = rows.loc[2, "sample_id"]
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
        The folder that `pairvae train --out` will write, which is returned; one that is there is removed.
    """
    shutil.rmtree(model, ignore_errors=True)
    work = work_folder(model)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    shutil.copyfile(run.require(run.solo_file, "03_solo_vae"), work / "solo.pt")
    shutil.copyfile(run.require(run.pair_file, "04_pair_vae"), work / "pair.pt")
    return model


def _manifest(folder: Path) -> pd.DataFrame:
    """The rows of manifest.csv, all as text."""
    return pd.read_csv(folder / MANIFEST, dtype=str, keep_default_na=False)


def _copy(names: pd.DataFrame, source: Path, target: Path) -> None:
    """Copy files of a folder, by their names there, into another folder."""
    for name in names.to_numpy().flat:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)


def _write_manifest(folder: Path, rows: pd.DataFrame) -> None:
    """The rows as manifest.csv."""
    with replacing(folder / MANIFEST) as file:
        file.write(rows.to_csv(index=False, lineterminator="\n").encode())


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
        Lines for a page; the exit code last where it is not 0. A failure without a message is a RuntimeError.
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
    """Files of a folder with their sizes, a line for each; those of its folders counted."""
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
    return places[first] / rest if first in places else word


def _size(count: int) -> str:
    """Bytes in the unit that suits them."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
