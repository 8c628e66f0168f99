"""Comparisons beyond the paper: every method on the same pairs, split and crops, assessed alike.

`python -m benchmarks.beyond` runs them. What takes long lies in checkpoints, so a comparison that was stopped goes on
where it was; its outcome is one small JSON file, and a few pictures.
"""

from benchmarks.beyond.assessment import run_contest
from benchmarks.beyond.definition import Contest

__all__ = ["Contest", "run_contest"]
