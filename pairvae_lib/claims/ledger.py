"""The claims ledger: every claim decided on every study, for the paper's mixed assessment and for held-out samples."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pairvae_lib.assessment.statistics import holm
from pairvae_lib.assessment.verdicts import (
    NOT,
    ONLY_MIXED,
    RESAMPLES,
    UNTESTABLE,
    CannotBeTested,
    Finding,
    decided,
    examined,
    over_assessments,
    weakest,
)
from pairvae_lib.checks import MissingResult
from pairvae_lib.claims.claims import CLAIMS, IMAGES, Claim
from pairvae_lib.claims.measures import MIXED, ONLY_HELD_OUT, View
from pairvae_lib.claims.published import published_root
from pairvae_lib.claims.study import Study
from pairvae_lib.claims.tables import data_of, summary_markdown
from pairvae_lib.files.writing import replacing
from pairvae_lib.runs import SIMULATED, project_root, results_root

Row = dict[str, Any]
PUBLISHED = ("standard", "paper", "quick")  # profiles whose ledgers the book shows, in its order
FIELDS = ("id", "paper_item", "data", "assessment", "statistic", "effect", "interval", "verdict")


def ledger_file(profile: str, published: bool = False) -> Path:
    """Where the ledger of a profile lies."""
    return (published_root() if published else results_root()) / profile / "claims.json"


def decided_claims(studies: Iterable[Study], claims: Sequence[Claim] = CLAIMS, resamples: int = RESAMPLES) -> list[Row]:
    """Decide claims on studies.

    Parameters
    ----------
    studies : iterable of Study
    claims : sequence of Claim
    resamples : int
        Of every bootstrap.

    Returns
    -------
    list of dict
        Two rows per claim and study, assessment "mixed" and "held_out". The effect, interval and p are those of the
        case that decides: of those with the weakest verdict the least sure one, or the surest that does not hold. All
        p values of one study and assessment are adjusted together. `verdict` is that of the row; `overall` that of the
        whole claim on these data, both assessments and all parts. `by_seed` is the effect in every single training,
        `n_train` the training size of claims that are not about it.

    Raises
    ------
    MissingResult
        If a run lacks a file that every run writes.
    """
    return [row for study in studies for row in _of_study(study, claims, resamples)]


def save_ledger(path: Path, rows: Sequence[Row], keep_others: bool = False) -> None:
    """Write a ledger as strict JSON, a row to a line, whole or not at all.

    Parameters
    ----------
    path : Path
    rows : sequence of dict
    keep_others : bool
        Whether rows on other data that the file holds stay in it.
    """
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
    """A ledger as it was written.

    Raises
    ------
    MissingResult
        If it is not there; the message names the command.
    """
    path = ledger_file(profile, published)
    if not path.exists():
        raise MissingResult(path, f"pairvae claims --profile {profile}" + " --published" * published)
    rows = json.loads(path.read_text(encoding="utf-8"))
    for row in rows:
        if missing := [field for field in FIELDS if field not in row]:
            raise ValueError(f"{path} must hold {', '.join(FIELDS)} in every row; {', '.join(missing)} missing")
    return rows


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


def _row(
    study: Study, claim: Claim, assessment: str, findings: Sequence[Finding], adjusted: Sequence[float | None]
) -> Row:
    """One row of the ledger; `overall` is filled in later."""
    results = [decided(finding, claim.claimed, p) for finding, p in zip(findings, adjusted, strict=True)]
    k = _deciding([verdict for verdict, _ in results], adjusted)
    finding, (verdict, reason), p = findings[k], results[k], adjusted[k]
    shown = f"{finding.label}: {reason}" if finding.label and finding.effect is not None else reason
    row = {
        "id": claim.id,
        "claim": claim.number,
        "paper_item": claim.paper_item,
        "wording": claim.wording,
        "data": study.data,
        "assessment": assessment,
        "basis": claim.basis,
        "statistic": claim.statistic,
        "test": claim.test,
        "threshold": [
            None if math.isinf(bound) else _rounded(bound) for bound in (claim.claimed.low, claim.claimed.high)
        ],
        "effect": _rounded(finding.effect),
        "interval": None if finding.interval is None else [_rounded(value) for value in finding.interval],
        "relative": _rounded(finding.relative),
        "p": _rounded(p),
        "n_images": finding.n_images,
        "n_seeds": finding.n_seeds,
        "n_train": study.middle or None,
        "by_seed": {name: _rounded(value) for name, value in finding.by_seed.items()},
        "verdict": verdict,
        "overall": verdict,
        "reason": shown,
        "cases": [],
    }
    if len(findings) > 1:
        row["cases"] = [
            {
                "label": one.label,
                "effect": _rounded(one.effect),
                "interval": None if one.interval is None else [_rounded(value) for value in one.interval],
                "p": _rounded(p),
                "n_images": one.n_images,
                "verdict": result,
            }
            for one, p, (result, _) in zip(findings, adjusted, results, strict=True)
        ]
    return row


def _deciding(verdicts: Sequence[str], p_values: Sequence[float | None]) -> int:
    """Which case decides: of the weakest verdict the one least sure, but the surest one that does not hold."""
    least = weakest(verdicts)
    sign = 1.0 if least == NOT else -1.0
    candidates = [k for k, verdict in enumerate(verdicts) if verdict == least]
    return min(candidates, key=lambda k: sign * (p_values[k] or 0.0))


def _rounded(value: float | None) -> float | None:
    """Four significant digits."""
    return None if value is None else float(f"{value:.4g}")
