"""Outcomes of comparisons that come with the book, with where they come from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from shlex import quote
from shutil import copyfile

from benchmarks.beyond.bundles import save_shown_flow
from benchmarks.beyond.definition import WITHOUT_PEERS, Contest
from pairvae_lib.book.publish import origin_of, settings_digest, write_provenance
from pairvae_lib.checks import MissingResult
from pairvae_lib.claims.beyond import published_folder
from pairvae_lib.files.runs import SIMULATED, project_root
from pairvae_lib.files.writing import replacing, replacing_folder

PEERS_LIBRARY = "multivae"


def publish_outcomes(data: str = SIMULATED, budget: str = Contest.budget) -> Path:
    """Copy all outcomes with peers on one data set; for simulated data also pictures of the first, and a small flow.

    Parameters
    ----------
    data : str
        "simulated", or a folder of paired data.
    budget : str
        A key of `definition.BUDGETS`.

    Returns
    -------
    Path
        The folder written: results/published/beyond/<data>; one that was there before is replaced.

    Raises
    ------
    MissingResult
        If there is no outcome yet; the message holds the command.
    """
    first = Contest("random", data=data, budget=budget, peers=())
    found = sorted(first.data_root.glob(f"*-seed*/{first.result_file.name}"))
    files = [file for file in found if not file.parent.name.endswith(WITHOUT_PEERS)]
    if not files:
        raise MissingResult(first.data_root, f"python -m benchmarks.beyond --data {quote(data)} --budget {budget}")
    target = published_folder() / first.data_root.name
    with replacing_folder(target) as fresh:
        for source in files:
            content = json.loads(source.read_text(encoding="utf-8"))
            with replacing(fresh / f"{source.parent.name}.json") as file:
                file.write(json.dumps(content, separators=(",", ":"), allow_nan=False).encode() + b"\n")
        if first.data == SIMULATED:
            copyfile(files[0].with_name(first.pictures_file.name), fresh / first.pictures_file.name)
            save_shown_flow(fresh / first.bundle_folder.name, replace(first, split="gap"))
        profile = first.settings.profile.name
        provenance = {
            "profile": profile,
            "budget": first.budget,
            "data": first.data_root.name,
            "settings": settings_digest(profile),
            **origin_of(project_root(), first.settings.profile.precision, PEERS_LIBRARY),
        }
        write_provenance(fresh, provenance)
    return target
