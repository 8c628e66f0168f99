"""The claims ledger as text: lines for a terminal, Markdown tables for a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pairvae_lib.assessment.verdicts import ONLY_MIXED, UNTESTABLE, VERDICTS, weakest
from pairvae_lib.claims.claims import CLAIMS, Claim

Row = Mapping[str, Any]


def as_text(rows: Sequence[Row]) -> str:
    """A ledger for a terminal: one line per data set, claim and assessment.

    Parameters
    ----------
    rows : sequence of dict
        As `ledger.decided_claims` returns them.

    Returns
    -------
    str
    """
    lines: list[str] = []
    for data in data_of(rows):
        lines += [data, "-" * len(data)]
        for row in rows:
            if row["data"] == data:
                reason = f" ({row['reason']})" if row["reason"] else ""
                lines.append(f"{row['id']:<4} {row['assessment']:<9} {effect_of(row):<26} {row['verdict']}{reason}")
        lines.append("")
    return "\n".join(lines)


def as_markdown(rows: Sequence[Row], data: str) -> str:
    """One Markdown table of the claims on one data set: effects and verdicts, mixed and held out beside each other.

    Parameters
    ----------
    rows : sequence of dict
    data : str
        As the rows name it.

    Returns
    -------
    str
    """
    if data not in data_of(rows):
        raise ValueError(f"data must be one of {', '.join(data_of(rows))}; got {data!r}")
    pairs: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row["data"] == data:
            pairs.setdefault(row["id"], {})[row["assessment"]] = row
    cells = [
        [claim, row["mixed"]["wording"]]
        + [text for one in (row["mixed"], row["held_out"]) for text in (effect_of(one), _bold(one["verdict"]))]
        for claim, row in pairs.items()
    ]
    return _table(("claim", "", "effect, mixed", "verdict, mixed", "effect, held out", "verdict, held out"), cells)


def details_markdown(rows: Sequence[Row], data: str) -> str:
    """What every claim on one data set was decided by: statistic, test, reason, and the cases, as a Markdown list."""
    lines: list[str] = []
    for row in rows:
        if row["data"] != data:
            continue
        if row["assessment"] == "mixed":
            lines.append(f"- **{row['id']}** ({row['paper_item']}) {row['wording']}.  ")
            lines.append(f"  *{row['statistic']}*: {row['test']}.")
        counts = f"{row['n_images']} {'draws' if row['basis'] == 'draws' else 'images'}, " if row["n_images"] else ""
        count = f"; {counts}trainings: {row['n_seeds']}" if row["effect"] is not None else ""
        reason = f" ({row['reason']})" if row["reason"] else ""
        lines.append(f"  - {_words(row['assessment'])}: {row['verdict']}{reason}{count}")
        lines += [f"    - {case['label']}: {effect_of(case)}, {case['verdict']}" for case in row["cases"]]
    return "\n".join(lines)


def summary_markdown(rows: Sequence[Row], data: str) -> str:
    """All parts of claims on one data set, grouped by what became of them, as Markdown lists: a page at a glance.

    Parameters
    ----------
    rows : sequence of dict
    data : str
        As the rows name it.
    """
    groups: dict[str, list[str]] = {verdict: [] for verdict in reversed(VERDICTS)}
    held_out = {row["id"]: row for row in rows if row["data"] == data and row["assessment"] == "held_out"}
    for row in rows:
        if row["data"] != data or row["assessment"] != "mixed":
            continue
        other = held_out[row["id"]]
        verdict = row["verdict"] if row["verdict"] == ONLY_MIXED else weakest((row["verdict"], other["verdict"]))
        effects = f"{effect_of(row)} mixed, {effect_of(other)} held out" if row["basis"] == "images" else effect_of(row)
        shown = other["reason"] if verdict == UNTESTABLE else f"{row['statistic']}: {effects}"
        groups[verdict].append(f"- **{row['id']}** ({row['paper_item']}) {row['wording']}. *{shown}*")
    heads = (f"**{verdict[0].upper()}{verdict[1:]}** ({len(lines)})" for verdict, lines in groups.items())
    return "\n\n".join(
        f"{head}\n\n" + "\n".join(lines) for head, lines in zip(heads, groups.values(), strict=True) if lines
    )


def entries_markdown(claims: Iterable[Claim] = CLAIMS) -> str:
    """The entries themselves as a Markdown table: what is claimed, measured and required."""
    cells = [[claim.id, claim.paper_item, claim.wording, claim.statistic, claim.test] for claim in claims]
    return _table(("claim", "paper", "wording (ours)", "statistic", "holds if it is"), cells)


def data_of(rows: Iterable[Row]) -> tuple[str, ...]:
    """The data sets of a ledger, in order."""
    return tuple(dict.fromkeys(row["data"] for row in rows))


def effect_of(row: Row) -> str:
    """Effect with its interval, to three digits."""
    if row["effect"] is None:
        return "–"
    interval = row["interval"]
    return f"{row['effect']:.3g}" + (f" [{interval[0]:.3g}, {interval[1]:.3g}]" if interval else "")


def _bold(verdict: str) -> str:
    """A verdict in bold type if it says something."""
    return verdict if verdict == "cannot be tested here" else f"**{verdict}**"


def _words(name: str) -> str:
    """A key as words."""
    return name.replace("_", " ")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
