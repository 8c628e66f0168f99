"""What commands have in common: options, and what they say.

Exit codes: 0 done; 2 input or usage at fault, with the reason; 1 a failure on the way.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pairvae_lib.config import PROFILES

CODES = "Exit codes: 0 done, 2 input at fault (the message says which), 1 failure on the way."
MINE = "Your own pairs"  # heading in --help

ProfileName = Annotated[str, typer.Option("--profile", help=f"One of {', '.join(PROFILES)}.")]
DataName = Annotated[str, typer.Option("--data", help='"simulated", or a folder of paired data.')]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a trained model, as pairvae train writes it.")]
Out = Annotated[Path, typer.Option("--out", help="Folder to write to; made when needed.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for other programs.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads; one gives the same bits again.")]


def say(sentence: str) -> None:
    """Tell a person what is going on; not on the output, which other programs read."""
    typer.echo(sentence, err=True)


def print_json(content: Any) -> None:
    """The result for other programs."""
    print(json.dumps(content, indent=1, allow_nan=False))
