"""Comparisons beyond the paper: every method on the same pairs, split and crops, assessed alike.

`pairvae beyond` runs them. What takes long lies in checkpoints, so a comparison that was stopped goes on where it was;
its outcome is one small JSON file, and a few pictures.
"""

from pairvae_lib.contest.assessment import run_contest
from pairvae_lib.contest.definition import Contest

__all__ = ["Contest", "run_contest"]
