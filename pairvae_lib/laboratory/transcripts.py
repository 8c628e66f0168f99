"""Commands as they are typed, with what they answer."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

from typer.testing import CliRunner

from pairvae_lib.cli.program import app

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
