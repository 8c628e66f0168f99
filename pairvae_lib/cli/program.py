"""The program itself, its errors, the place where commands are hung up, and the options that several have.

Exit codes: 0 done; 2 input or usage at fault, with the reason; 1 a failure on the way.
"""

from __future__ import annotations

import codecs
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from pairvae_lib import __version__
from pairvae_lib.config import PROFILES
from pairvae_lib.files.writing import CannotWrite

Job = TypeVar("Job", bound=Callable[..., None])

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what is wrong with a file is said once, by us

app = typer.Typer(help="Linking scattering patterns and micrographs of the same samples.", no_args_is_help=True)

CODES = "Exit codes: 0 done, 2 input at fault (the message says which), 1 failure on the way."
PATHS = ("--out", "--data", "--model", "--poni", "--detector-mask", "--cluster")  # options that name a file or a folder
PLAIN = {"→": "->", "–": "-", "—": "-", "−": "-", "×": "x", "µ": "u", "μ": "u", "’": "'", "…": "..."}
MINE = "Your own pairs"  # heading in --help

ProfileName = Annotated[str, typer.Option("--profile", help=f"One of {', '.join(PROFILES)}.")]
DataName = Annotated[str, typer.Option("--data", help='"simulated", or a folder of paired data.')]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a trained model, as pairvae train writes it.")]
Out = Annotated[Path, typer.Option("--out", help="Folder to write to; made when needed.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for other programs.")]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind", metavar="COLUMN=KIND",
        help="What a column of the manifest holds, where its name does not tell: profile, pattern, image, mask, truth, "
        "detector_mask, or ignore. May be given again.",
    ),
]
Threads = Annotated[int, typer.Option("--threads", min=1, max=1024, help="Threads; one gives the same bits again.")]


def command(example: str = "", help: str | None = None) -> Callable[[Job], Job]:
    """Hang up a job on the program, with `messages`; one with an example stands among those on one's own pairs."""
    own: dict[str, Any] = {"rich_help_panel": MINE, "epilog": f"Example: {example} {CODES}"} if example else {}

    def hung_up(job: Job) -> Job:
        app.command(help=help, **own)(messages()(job))
        return job

    return hung_up


def _version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        print(__version__)
        raise typer.Exit()


def kinds_of(words: Sequence[str] | None) -> dict[str, str]:
    """What columns hold, from the words of --kind."""
    found = {}
    for word in words or ():
        column, is_said, kind = word.rpartition("=")
        if not (is_said and column and kind):
            raise ValueError(f"--kind must be COLUMN=KIND; got {word!r}")
        found[column] = kind
    return found


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Options of the program itself."""


def main(words: Sequence[str] | None = None) -> None:
    """Entry point of the `pairvae` command."""
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="plain")
    given = _joined(sys.argv[1:] if words is None else words)
    try:
        _check_not_empty(given)
    except ValueError as error:
        typer.echo(f"pairvae: {error}", err=True)
        sys.exit(2)
    app(args=given, prog_name="pairvae")


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that an output cannot show: words are never lost for an arrow."""
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end]
    return "".join(PLAIN.get(one, one.encode("ascii", "backslashreplace").decode()) for one in text), error.end


def _check_not_empty(words: Sequence[str]) -> None:
    """Raise ValueError for an empty word where a file or a folder is to stand."""
    for before, word in zip(["", *words], words, strict=False):
        if word in {f"{option}=" for option in PATHS} or (not word and before in PATHS):
            raise ValueError(f"{before if not word else word[:-1]} must name a file or a folder; got ''")
        if not word and not before.startswith("-"):
            raise ValueError("an argument must not be empty; got ''")


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
def messages() -> Iterator[None]:
    """Turn what a user can mend into one message: exit code 2 for input and usage, 1 for a failure."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (ValueError, OSError, MemoryError, RecursionError) as error:
        typer.echo(f"pairvae: {_sentence(error)}", err=True)
        raise typer.Exit(2) from None
    except typer.Exit:  # a RuntimeError, too
        raise
    except FloatingPointError as error:
        typer.echo(f"pairvae: {error}", err=True)
        raise typer.Exit(1) from None
    except RuntimeError as error:
        from pairvae_lib.book.build import BookFailed
        from pairvae_lib.book.execute import ChapterFailed
        from pairvae_lib.files.locks import ChapterInUse

        if not isinstance(error, ChapterFailed | ChapterInUse | BookFailed):
            raise
        typer.echo(f"pairvae: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ChapterInUse) else 1) from None


def _sentence(error: Exception) -> str:
    """An error as a sentence, also one of the system."""
    if isinstance(error, MemoryError):
        return "there is not enough memory for this"
    if isinstance(error, OSError) and not isinstance(error, CannotWrite) and error.strerror:
        return f"cannot use {error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def say(sentence: str) -> None:
    """Tell a person what is going on; not on the output, which other programs read."""
    typer.echo(sentence, err=True)


def print_json(content: Any) -> None:
    """The result for other programs."""
    print(json.dumps(content, indent=1, allow_nan=False))
