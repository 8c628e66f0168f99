"""The claims ledger: every claim decided on every study, for the paper's mixed assessment and for held-out samples.

As rows, as JSON, and as text: lines for a terminal, Markdown tables for a page.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pairvae_lib.assessment.statistics import SIGNIFICANT, holm
from pairvae_lib.checks import MissingResult
from pairvae_lib.claims.claims import CLAIMS, IMAGES, MIXED, ONLY_HELD_OUT, Claim, View
from pairvae_lib.claims.published import published_root
from pairvae_lib.claims.sentences import SENTENCES
from pairvae_lib.claims.study import Study
from pairvae_lib.claims.verdicts import (
    HOLDS,
    NOT,
    ONLY_MIXED,
    RESAMPLES,
    UNDECIDED,
    UNTESTABLE,
    CannotBeTested,
    Case,
    Contrast,
    Finding,
    contrasted,
    decided,
    examined,
    over_assessments,
    over_encoders as one_verdict,
    undecidable,
    weakest,
)
from pairvae_lib.files.runs import SIMULATED, results_root
from pairvae_lib.files.writing import replacing

Row = dict[str, Any]
PUBLISHED = ("standard", "paper", "quick")  # profiles whose ledgers the book shows, in its order
ALL_ENCODERS = "all encoders"
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
        whole claim on these data, both assessments and all parts. `p_is_bound`: p is that or less. `contrasts`: by how
        much less true a case is of held-out samples than of all, where that decides anything. `by_seed` is the effect
        in every single training, `n_train` the training size of claims that are not about it.
    """
    return [row for study in studies for row in _of_study(study, claims, resamples)]


def save_ledger(path: Path, rows: Sequence[Row], keep_others: bool = False) -> None:
    """Write a ledger as strict JSON, a row to a line, whole or not at all.

    Its rows on other data are kept if so wanted; data stay in the order in which they were.
    """
    old = json.loads(path.read_text(encoding="utf-8")) if keep_others and path.exists() else []
    anew, order = data_of(rows), data_of([*old, *rows])
    kept = [row for row in old if row["data"] not in anew]
    ordered = sorted([*kept, *rows], key=lambda row: order.index(row["data"]))
    lines = [json.dumps(row, allow_nan=False) for row in ordered]
    with replacing(path) as file:
        file.write(("[\n" + ",\n".join(lines) + "\n]\n").encode())


def encoder_ledgers(profile: str, published: bool = False) -> dict[str, list[Row]]:
    """The ledgers of a profile by encoder: the profile's own first, then those of `<profile>-<encoder>`, by name.

    Each lies in a folder of its own beside the results that it is of, e.g. `standard/claims.json` and
    `standard-cnn/claims.json`. The profile's own encoder is the one noted in its runs; "default" in older results.
    """
    root = published_root() if published else results_root()
    found = {}
    for folder in (root / profile, *sorted(root.glob(f"{profile}-*"))):
        if ledger_file(folder.name, published).exists():
            others = folder.name.removeprefix(profile).removeprefix("-")
            found[others or _encoder_of(folder)] = read_ledger(folder.name, published)
    return found


def over_encoders(ledgers: Mapping[str, Sequence[Row]], data: str = SIMULATED) -> list[Row]:
    """The verdicts on one data set with several encoders side by side, and what they come to.

    Returns
    -------
    list of dict
        Rows as of a ledger, `data` being the name of the encoder, as `figures.verdict_matrix` draws them; last those of
        "all encoders", whose verdict is "depends on the encoder, which is not public" where the verdicts contradict
        each other.
    """
    rows = [
        row | {"data": encoder} for encoder, ledger in ledgers.items() for row in ledger if row["data"] == data
    ]
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["id"], row["assessment"]), []).append(row)
    nothing: Row = {"effect": None, "interval": None, "p": None, "by_seed": {}, "cases": [], "contrasts": []}
    for of_claim in found.values():
        told = "; ".join(f"{row['data']}: {row['verdict']} ({effect_of(row)})" for row in of_claim)
        verdict = one_verdict(row["verdict"] for row in of_claim)
        common = {"data": ALL_ENCODERS, "verdict": verdict, "overall": verdict, "reason": told}
        rows.append(of_claim[0] | nothing | common)
    return rows


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
        lines += [
            f"    - {case['label'] or 'all samples'}, further inside the claimed range than on held-out samples alone "
            f"by: {effect_of(case)}, {'shown' if case['shown'] else 'not shown'}"
            for case in row.get("contrasts", ())
        ]
    return "\n".join(lines)


def sentences_markdown() -> str:
    """The paper's sentences of results as a Markdown table: where each is tested, or why it is not."""
    cells = [[one.paper_item, one.says, ", ".join(one.claims) or f"not testable here: {one.why}"] for one in SENTENCES]
    return _table(("paper", "what it says (our words)", "claims"), cells)


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


@dataclass(frozen=True, eq=False)
class _Decided:
    """A claim on one study and assessment: its cases as they were examined, and what became of each."""

    claim: Claim
    cases: list[Case]  #: none where the claim cannot be tested
    findings: list[Finding]  #: at least one
    p_values: list[float | None]  #: adjusted
    results: list[tuple[str, str]]  #: verdicts and reasons

    @property
    def verdict(self) -> str:
        """Of the whole part."""
        return weakest(verdict for verdict, _ in self.results)

    @property
    def by_case(self) -> dict[str, tuple[Case, str]]:
        """Cases with their verdicts, by label; none where the claim cannot be tested."""
        return {case.label: (case, verdict) for case, (verdict, _) in zip(self.cases, self.results, strict=False)}


def _of_study(study: Study, claims: Sequence[Claim], resamples: int) -> list[Row]:
    """All rows of one study."""
    of_images = [claim for claim in claims if claim.basis == IMAGES]
    mixed = _of_assessment(study, claims, MIXED, resamples)
    held_out = _of_assessment(study, of_images, ONLY_HELD_OUT, resamples)
    contrasts = _contrasts(study, [(mixed[claim.id], held_out[claim.id]) for claim in of_images], resamples)
    parts: dict[str, str] = {}
    rows: dict[tuple[str, str], Row] = {}
    for claim in claims:
        whole, alone = mixed[claim.id], held_out.get(claim.id)
        of_claim = contrasts.get(claim.id, {})
        parts[claim.id] = _over_assessments(whole, alone, of_claim) if alone else whole.verdict
        rows[claim.id, MIXED] = _row(study, whole, MIXED)
        if alone is None:  # what counts no images is the same thing in both
            rows[claim.id, ONLY_HELD_OUT] = rows[claim.id, MIXED] | {"assessment": ONLY_HELD_OUT}
        else:
            rows[claim.id, ONLY_HELD_OUT] = _row(study, alone, ONLY_HELD_OUT, of_claim)
        if parts[claim.id] == ONLY_MIXED:
            rows[claim.id, MIXED]["verdict"] = ONLY_MIXED
    for claim in claims:
        overall = weakest(parts[other.id] for other in claims if other.number == claim.number)
        for assessment in (MIXED, ONLY_HELD_OUT):
            rows[claim.id, assessment]["overall"] = overall
    return [rows[claim.id, assessment] for claim in claims for assessment in (MIXED, ONLY_HELD_OUT)]


def _of_assessment(study: Study, claims: Sequence[Claim], assessment: str, resamples: int) -> dict[str, _Decided]:
    """Every claim decided, the p values of all of them adjusted together: of those that can be significant at all."""
    examined_cases = {claim.id: _examined(study, claim, assessment, resamples) for claim in claims}
    every = [one for _, findings in examined_cases.values() for one in findings]
    hopeless = undecidable(every, "held-out images" if assessment == ONLY_HELD_OUT else "images")
    tested = [one.p if place not in hopeless else None for place, one in enumerate(every)]
    adjusted = _adjusted(tested)
    found, place = {}, 0
    for claim in claims:
        cases, findings = examined_cases[claim.id]
        places = range(place, place := place + len(findings))
        results = [
            (UNTESTABLE, hopeless[k]) if k in hopeless else decided(every[k], claim.claimed, adjusted[k])
            for k in places
        ]
        found[claim.id] = _Decided(claim, cases, findings, [adjusted[k] for k in places], results)
    return found


def _adjusted(p_values: Sequence[float | None]) -> list[float | None]:
    """P values adjusted together by Holm's method; None stays."""
    there = np.array([p for p in p_values if p is not None], dtype=float)
    adjusted = iter(holm(there).tolist() if len(there) else [])
    return [None if p is None else next(adjusted) for p in p_values]


def _examined(study: Study, claim: Claim, assessment: str, resamples: int) -> tuple[list[Case], list[Finding]]:
    """The cases of a claim and what was found in each; of one that cannot be tested no case and one finding."""
    try:
        cases = claim.measure(View(study, assessment, study.middle))
    except CannotBeTested as reason:
        return [], [Finding("", verdict=UNTESTABLE, reason=str(reason))]
    return cases, [examined(case, claim.claimed, f"{study.data} {claim.id} {assessment}", resamples) for case in cases]


def _contrasts(
    study: Study, pairs: Sequence[tuple[_Decided, _Decided]], resamples: int
) -> dict[str, dict[str, tuple[Contrast, float]]]:
    """Mixed held against held out, by claim and case, each with its adjusted p value: where it is asked.

    That is where a case holds over all samples and does not, or is undecided, on held-out ones. All cases that might
    have asked are counted among the tests.
    """
    asked: dict[tuple[str, str], Contrast] = {}
    count = 0
    for mixed, held_out in pairs:
        claim, alone = mixed.claim, held_out.by_case
        for label, (case, verdict) in mixed.by_case.items():
            count += label in alone
            if verdict == HOLDS and label in alone and alone[label][1] in (NOT, UNDECIDED):
                key = f"{study.data} {claim.id}"
                asked[claim.id, label] = contrasted(case, alone[label][0], claim.claimed, key, resamples)
    p_values = [one.p for one in asked.values()] + [1.0] * (count - len(asked))
    adjusted = holm(np.array(p_values)) if asked else ()
    found: dict[str, dict[str, tuple[Contrast, float]]] = {}
    for ((claim_id, label), contrast), p in zip(asked.items(), adjusted, strict=False):
        found.setdefault(claim_id, {})[label] = (contrast, float(p))
    return found


def _over_assessments(mixed: _Decided, held_out: _Decided, contrasts: Mapping[str, tuple[Contrast, float]]) -> str:
    """The verdict on a part: case by case over both assessments, then the weakest of the cases."""
    alone = held_out.by_case
    if not alone or alone.keys() != mixed.by_case.keys():
        return over_assessments(mixed.verdict, held_out.verdict, shown=False)
    return weakest(
        over_assessments(verdict, alone[label][1], label in contrasts and _is_shown(*contrasts[label]))
        for label, (_, verdict) in mixed.by_case.items()
    )


def _is_shown(contrast: Contrast, p: float) -> bool:
    """Whether a claim is less true of held-out samples, significantly."""
    return contrast.estimate > 0 and p < SIGNIFICANT


def _row(
    study: Study, one: _Decided, assessment: str, contrasts: Mapping[str, tuple[Contrast, float]] | None = None
) -> Row:
    """One row of the ledger; `overall` is filled in later."""
    claim, findings, results = one.claim, one.findings, one.results
    k = _deciding([verdict for verdict, _ in results], one.p_values)
    finding, (verdict, reason), p = findings[k], results[k], one.p_values[k]
    shown = f"{finding.label}: {reason}" if finding.label and finding.effect is not None else reason
    several = zip(findings, one.p_values, results, strict=True) if len(findings) > 1 else ()
    return {
        "id": claim.id, "claim": claim.number, "paper_item": claim.paper_item, "wording": claim.wording,
        "data": study.data, "assessment": assessment, "basis": claim.basis,
        "statistic": claim.statistic, "test": claim.test,
        "threshold": [None if math.isinf(end) else _rounded(end) for end in (claim.claimed.low, claim.claimed.high)],
        "effect": _rounded(finding.effect), "interval": _rounded(finding.interval),
        "relative": _rounded(finding.relative), "p": _rounded(p), "p_is_bound": p is not None and finding.p_is_bound,
        "n_images": finding.n_images, "n_seeds": finding.n_seeds, "n_train": study.middle or None,
        "by_seed": {name: _rounded(value) for name, value in finding.by_seed.items()},
        "verdict": verdict, "overall": verdict, "reason": shown,
        "cases": [
            {"label": one.label, "effect": _rounded(one.effect), "interval": _rounded(one.interval),
             "p": _rounded(p), "p_is_bound": p is not None and one.p_is_bound, "n_images": one.n_images,
             "verdict": result}
            for one, p, (result, _) in several
        ],
        "contrasts": [
            {"label": label, "effect": _rounded(contrast.estimate), "interval": _rounded(contrast.interval),
             "p": _rounded(p), "p_is_bound": contrast.p_is_bound, "shown": _is_shown(contrast, p)}
            for label, (contrast, p) in (contrasts or {}).items()
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


def _encoder_of(folder: Path) -> str:
    """The encoder that is noted in the runs of a profile, simulated pairs first: `over_encoders` is of them."""
    for path in sorted(folder.glob("*/seed*/errors.json"), key=lambda path: (path.parts[-3] != SIMULATED, path)):
        return str(json.loads(path.read_text(encoding="utf-8"))["run"].get("encoder", "default"))
    return "default"


def _bold(verdict: str) -> str:
    """A verdict in bold type if it says something."""
    return verdict if verdict == UNTESTABLE else f"**{verdict}**"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
