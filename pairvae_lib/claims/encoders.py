"""What the paper reports of its own training, and what ours come to with each encoder: what an encoder is chosen by.

Nothing here is of held-out samples.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from pairvae_lib.claims.published import EARLIER, PROVENANCE, published_root
from pairvae_lib.claims.study import at_the_end
from pairvae_lib.config import COLOURS_TO_INTENSITY, PAPER_FINAL_LOSSES, profile_named
from pairvae_lib.files.runs import SIMULATED, project_root, results_root

ERRORS, HISTORY = "errors.json", "history.json"
INTO_SCATTERING = ("saxs_to_saxs", "sem_to_saxs")  # squared errors
FIRST_ENCODER = "barlow_cnn"  # of results that do not say
SOLO = "solo over mean"


def encoder_losses(published: bool = False) -> list[dict[str, Any]]:
    """Losses at the end of pair training with every encoder that simulated pairs were trained with.

    Returns
    -------
    list of dict
        First the paper's, read off its Fig. S3, without "trainings". Then one for each profile that has results:
        "profile", "encoder", "trainings", and means over trainings of the default protocol with the middle number of
        pairs: "barlow", the four routes (squared errors as of colours: those of intensities times
        COLOURS_TO_INTENSITY), and SOLO, the error of solo-trained SAXS -> SAXS over that of the mean pattern, on
        training samples.
    """
    root = published_root() if published else results_root()
    rows: list[dict[str, Any]] = [{"profile": "", "encoder": "the paper's", **PAPER_FINAL_LOSSES}]
    for folder in sorted(root.glob(f"*/{SIMULATED}")):
        by_size: dict[int, list[Path]] = {}
        for run in sorted(folder.glob("seed*")):
            if (run / ERRORS).exists() and (run / HISTORY).exists():
                by_size.setdefault(_read(run / ERRORS)["run"]["n_train"] or 0, []).append(run)
        if not by_size:
            continue
        runs, profile = by_size[sorted(by_size)[len(by_size) // 2]], folder.parent.name
        ends = [{name: at_the_end(x) for name, x in _read(run / HISTORY)["pair"].items()} for run in runs]
        row = {name: float(np.mean([end[name] for end in ends])) for name in PAPER_FINAL_LOSSES}
        for name in () if _in_colours(folder, profile) else INTO_SCATTERING:
            row[name] *= COLOURS_TO_INTENSITY
        errors = [_read(run / ERRORS) for run in runs]
        encoder = errors[0]["run"].get("encoder") or FIRST_ENCODER
        row[SOLO] = float(np.mean([_solo_over_mean(content) for content in errors]))
        rows.append({"profile": profile, "encoder": encoder, "trainings": len(runs), **row})
    return rows


def losses_file() -> Path:
    """The table of the book that holds the published losses."""
    return project_root() / "book" / "encoders.md"


def losses_markdown(rows: list[dict[str, Any]]) -> str:
    """The losses as a Markdown table: a line for each encoder."""
    shown = {"barlow": "Barlow", "saxs_to_saxs": "SAXS → SAXS", "sem_to_saxs": "SEM → SAXS", "sem_to_sem": "SEM → SEM",
             "saxs_to_sem": "SAXS → SEM", SOLO: "solo SAXS → SAXS over the mean pattern"}
    heads = ("encoder", "profile", "trainings", *shown.values())
    lines = [heads, ["---"] * len(heads)]
    for row in rows:
        numbers = [f"{row[name]:.2g}" if name in row else "–" for name in shown]
        lines.append([row["encoder"], row["profile"] or "–", str(row.get("trainings", "–")), *numbers])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _in_colours(folder: Path, profile: str) -> bool:
    """Whether patterns were colours; they never were in results of earlier settings."""
    file = folder / PROVENANCE
    earlier = file.exists() and EARLIER in _read(file)
    return not earlier and profile_named(profile).architecture.pattern_channels == 3


def _solo_over_mean(content: dict[str, Any]) -> float:
    """Median error of solo-trained SAXS -> SAXS over that of the mean pattern, on training samples."""
    train = np.array([sample["subset"] == "train" for sample in content["samples"]])
    solo = np.array(content["errors"]["intensity"]["solo saxs_to_saxs"])[train]
    mean = np.array(content["references"]["intensity"]["training mean"])[train]
    return float(np.median(solo) / np.median(mean))


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))
