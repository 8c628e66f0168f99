"""The claims ledger: every claim decided on every study, for the paper's mixed assessment and for held-out samples.

As rows, as JSON, and as text: lines for a terminal, Markdown tables for a page.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pairvae_lib.assessment.statistics import holm
from pairvae_lib.checks import MissingResult
from pairvae_lib.claims.claims import CLAIMS, IMAGES, MIXED, ONLY_HELD_OUT, Claim, View
from pairvae_lib.claims.published import published_root
from pairvae_lib.claims.study import Study
from pairvae_lib.claims.verdicts import (
    NOT,
    ONLY_MIXED,
    RESAMPLES,
    UNTESTABLE,
    VERDICTS,
    CannotBeTested,
    Finding,
    decided,
    examined,
    over_assessments,
    weakest,
)
from pairvae_lib.files.runs import SIMULATED, project_root, results_root
from pairvae_lib.files.writing import replacing

Row = dict[str, Any]
PUBLISHED = ("standard", "paper", "quick")  # profiles whose ledgers the book shows, in its order
FIELDS = ("id", "paper_item", "data", "assessment", "statistic", "effect", "interval", "verdict")


def ledger_file(profile: str, published: bool = False) -> Path:
    """Where the ledger of a profile lies."""
    return (published_root() if published else results_root()) / profile / "claims.json"


def decided_claims(studies: Iterable[Study], claims: Sequence[Claim] = CLAIMS, resamples: int = RESAMPLES) -> list[Row]:
    """Decide claims on studies, every bootstrap of so many resamples.

    Returns
    -------
    list of dict
        Two rows per claim and study, assessment "mixed" and "held_out". The effect, interval and p are those of the
        case that decides: of those with the weakest verdict the least sure one, or the surest that does not hold. All
        p values of one study and assessment are adjusted together. `verdict` is that of the row; `overall` that of the
        whole claim on these data, both assessments and all parts. `by_seed` is the effect in every single training,
        `n_train` the training size of claims that are not about it.
    """
    return [row for study in studies for row in _of_study(study, claims, resamples)]


def save_ledger(path: Path, rows: Sequence[Row], keep_others: bool = False) -> None:
    """Write a ledger as strict JSON, a row to a line, whole or not at all, its rows on other data kept if so wanted."""
    anew = {row["data"] for row in rows}
    old = json.loads(path.read_text(encoding="utf-8")) if keep_others and path.exists() else []
    lines = [json.dumps(row, allow_nan=False) for row in (*(row for row in old if row["data"] not in anew), *rows)]
    with replacing(path) as file:
        file.write(("[\n" + ",\n".join(lines) + "\n]\n").encode())


def published_summary() -> str:
    """All published verdicts as Markdown, one section for each data set: what the book opens with."""
    sections = []
    for profile in PUBLISHED:
        if not ledger_file(profile, published=True).exists():
            continue
        rows = read_ledger(profile, published=True)
        for data in data_of(rows):
            name = "Simulated pairs" if data == SIMULATED else f"Measured pairs, {data}"
            sections.append(f"**{name}, {profile} profile.**\n\n{summary_markdown(rows, data)}")
    return "\n\n".join(sections) + "\n"


def summary_file() -> Path:
    """The page of the book that holds `published_summary`."""
    return project_root() / "book" / "verdicts.md"


def read_ledger(profile: str, published: bool = False) -> list[Row]:
    """A ledger as it was written; where there is none, the error names the command that makes it."""
    path = ledger_file(profile, published)
    if not path.exists():
        raise MissingResult(path, f"pairvae claims --profile {profile}" + " --published" * published)
    rows = json.loads(path.read_text(encoding="utf-8"))
    for row in rows:
        if missing := [field for field in FIELDS if field not in row]:
            raise ValueError(f"{path} must hold {', '.join(FIELDS)} in every row; {', '.join(missing)} missing")
    return rows


def as_text(rows: Sequence[Row]) -> str:
    """A ledger for a terminal: one line per data set, claim and assessment."""
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
    """One Markdown table of the claims on one data set: effects and verdicts, mixed and held out beside each other."""
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
        lines.append(f"  - {row['assessment'].replace('_', ' ')}: {row['verdict']}{reason}{count}")
        lines += [f"    - {case['label']}: {effect_of(case)}, {case['verdict']}" for case in row["cases"]]
    return "\n".join(lines)


def summary_markdown(rows: Sequence[Row], data: str) -> str:
    """All parts of claims on one data set, grouped by what became of them, as Markdown lists: a page at a glance."""
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


def _of_study(study: Study, claims: Sequence[Claim], resamples: int) -> list[Row]:
    """All rows of one study."""
    mixed = _of_assessment(study, claims, MIXED, resamples)
    held_out = _of_assessment(study, [claim for claim in claims if claim.basis == IMAGES], ONLY_HELD_OUT, resamples)
    for claim in claims:  # what counts no images is the same thing in both
        held_out.setdefault(claim.id, mixed[claim.id] | {"assessment": ONLY_HELD_OUT})
    parts = {claim.id: over_assessments(mixed[claim.id]["verdict"], held_out[claim.id]["verdict"]) for claim in claims}
    for claim in claims:
        whole = weakest(parts[other.id] for other in claims if other.number == claim.number)
        mixed[claim.id]["overall"] = held_out[claim.id]["overall"] = whole
        if parts[claim.id] == ONLY_MIXED:
            mixed[claim.id]["verdict"] = ONLY_MIXED
    return [rows[claim.id] for claim in claims for rows in (mixed, held_out)]


def _of_assessment(study: Study, claims: Sequence[Claim], assessment: str, resamples: int) -> dict[str, Row]:
    """One row per claim, the p values of all of them adjusted together."""
    found = {claim.id: _findings(study, claim, assessment, resamples) for claim in claims}
    p_values = np.array([one.p for findings in found.values() for one in findings if one.p is not None], dtype=float)
    adjusted = iter(holm(p_values).tolist() if len(p_values) else [])
    rows = {}
    for claim in claims:
        p_of_cases = [None if one.p is None else next(adjusted) for one in found[claim.id]]
        rows[claim.id] = _row(study, claim, assessment, found[claim.id], p_of_cases)
    return rows


def _findings(study: Study, claim: Claim, assessment: str, resamples: int) -> list[Finding]:
    """What was found in every case of a claim; at least one."""
    try:
        cases = claim.measure(View(study, assessment, study.middle))
    except CannotBeTested as reason:
        return [Finding("", verdict=UNTESTABLE, reason=str(reason))]
    return [examined(case, claim.claimed, f"{study.data} {claim.id} {assessment}", resamples) for case in cases]


def _row(study: Study, claim: Claim, assessment: str, findings: list[Finding], adjusted: list[float | None]) -> Row:
    """One row of the ledger; `overall` is filled in later."""
    results = [decided(finding, claim.claimed, p) for finding, p in zip(findings, adjusted, strict=True)]
    k = _deciding([verdict for verdict, _ in results], adjusted)
    finding, (verdict, reason), p = findings[k], results[k], adjusted[k]
    shown = f"{finding.label}: {reason}" if finding.label and finding.effect is not None else reason
    several = zip(findings, adjusted, results, strict=True) if len(findings) > 1 else ()
    return {
        "id": claim.id, "claim": claim.number, "paper_item": claim.paper_item, "wording": claim.wording,
        "data": study.data, "assessment": assessment, "basis": claim.basis,
        "statistic": claim.statistic, "test": claim.test,
        "threshold": [None if math.isinf(end) else _rounded(end) for end in (claim.claimed.low, claim.claimed.high)],
        "effect": _rounded(finding.effect), "interval": _rounded(finding.interval),
        "relative": _rounded(finding.relative), "p": _rounded(p),
        "n_images": finding.n_images, "n_seeds": finding.n_seeds, "n_train": study.middle or None,
        "by_seed": {name: _rounded(value) for name, value in finding.by_seed.items()},
        "verdict": verdict, "overall": verdict, "reason": shown,
        "cases": [
            {"label": one.label, "effect": _rounded(one.effect), "interval": _rounded(one.interval),
             "p": _rounded(p), "n_images": one.n_images, "verdict": result}
            for one, p, (result, _) in several
        ],
    }  # fmt: skip


def _deciding(verdicts: Sequence[str], p_values: Sequence[float | None]) -> int:
    """Which case decides: of the weakest verdict the one least sure, but the surest one that does not hold."""
    least = weakest(verdicts)
    sign = 1.0 if least == NOT else -1.0
    candidates = [k for k, verdict in enumerate(verdicts) if verdict == least]
    return min(candidates, key=lambda k: sign * (p_values[k] or 0.0))


def _rounded(value: Any) -> Any:
    """Four significant digits of a number, or of each of some; None stays."""
    if isinstance(value, tuple):
        return [_rounded(one) for one in value]
    return None if value is None else float(f"{value:.4g}")


def _bold(verdict: str) -> str:
    """A verdict in bold type if it says something."""
    return verdict if verdict == UNTESTABLE else f"**{verdict}**"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
