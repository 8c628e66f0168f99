"""The program itself: its options, its errors, and the place where commands are hung up."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from pairvae_lib import __version__
from pairvae_lib.files.writing import CannotWrite

app = typer.Typer(help="Linking scattering patterns and micrographs of the same samples.", no_args_is_help=True)


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
def messages() -> Iterator[None]:
    """Turn what a user can mend into one message: exit code 2 for input and usage, 1 for a failure."""
    try:
        yield
    except (ValueError, FileNotFoundError, FileExistsError, PermissionError, CannotWrite) as error:
        typer.echo(f"pairvae: {error}", err=True)
        raise typer.Exit(2) from None
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
