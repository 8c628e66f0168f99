"""Comparisons beyond the paper: `python -m benchmarks.beyond --help`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.beyond.definition import BUDGETS
from pairvae_lib.cli.program import DataName, messages

app = typer.Typer(add_completion=False)


@app.command()
def beyond(
    split: Annotated[str, typer.Option(help="random, gap, batch or test: how samples are held out.")] = "gap",
    seeds: Annotated[str, typer.Option(help="Whole numbers between commas.")] = "43,44,45",
    data: DataName = "simulated",
    budget: Annotated[str, typer.Option(help=f"One of {', '.join(BUDGETS)}.")] = "standard",
    control: Annotated[str, typer.Option(help="Column of the manifest that a gap is cut out of.")] = "",
    peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="With MVAE and MoPoE, which need the extra 'peers'.")
    ] = True,
    publish: Annotated[
        bool, typer.Option("--publish", help="Instead, copy all outcomes on these data to results/published/beyond.")
    ] = False,
) -> None:
    """Train PairVAE, two peers and the conditional flow on the same pairs, and compare them on held-out samples.

    Stopped at any moment, the same line goes on where it was.
    """
    with messages():
        from benchmarks.beyond import Contest, run_contest
        from benchmarks.beyond.peers import PEERS
        from benchmarks.beyond.publishing import publish_outcomes

        source = data if data == "simulated" else str(Path(data).resolve())
        if publish:
            print(publish_outcomes(source, budget))
            return
        try:
            numbers = [int(word) for word in seeds.split(",")]
        except ValueError:
            raise ValueError(f"seeds must be whole numbers between commas; got {seeds!r}") from None
        for contest in [Contest(split, seed, source, budget, control, PEERS if peers else ()) for seed in numbers]:
            print(run_contest(contest, partial(typer.echo, err=True)))


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.beyond")
