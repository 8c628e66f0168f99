"""The conditional flows of the library, by profile; all numbers are ours, since the paper knows no flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Symmetry = Literal["half_turn", "dihedral"]


@dataclass(frozen=True)
class FlowArchitecture:
    """The network of the conditional flow (see `network.py`); all numbers are ours."""

    channels: tuple[int, ...] = (48, 96, 128)  # at a half, a quarter and an eighth of the resolution
    embedded: int = 128  # width of what time and condition are turned into
    components: int = 8  # of the statistics that the scattering tells of; four hold nearly all of them


@dataclass(frozen=True)
class FlowTraining:
    """Training of the conditional flow on random crops; all numbers are ours."""

    rounds: int = 150  # 12 minutes of one core; 60 miss the number of pieces by half as much again
    steps_per_round: int = 20
    batch_size: int = 32
    learning_rate: float = 2e-3  # AdamW: rises over the warm-up, then falls as a cosine to 0
    warm_up: int = 80  # steps
    weight_decay: float = 1e-2
    clip: float = 1.0  # norm of the gradient
    averaging: float = 0.998  # per step, of the exponential average of the weights that is kept
    condition_noise: float = 0.25  # standard deviation: as far as the regression misses (see `condition.MISSED`)
    condition_dropout: float = 0.12  # share of samples whose condition is set to 0
    time_mean: float = -0.6  # of the logit of t
    time_scale: float = 1.1
    # Under which turns a sample's crops look like other crops of it: only "half_turn" where scattering and micrograph
    # share an axis, the "dihedral" group (quarter turns and mirrors) where the scattering knows no direction. None:
    # the second for profiles, the first for all others.
    symmetry: Symmetry | None = None

    @property
    def steps(self) -> int:
        """Steps of the optimiser in all."""
        return self.rounds * self.steps_per_round


@dataclass(frozen=True)
class Flow:
    """A conditional flow and how it is trained."""

    architecture: FlowArchitecture = FlowArchitecture()
    training: FlowTraining = FlowTraining()


# By the name of a profile; beside the profiles, since the paper knows no flow.
FLOWS: dict[str, Flow] = {
    "tiny": Flow(
        FlowArchitecture(channels=(8, 8, 16), embedded=16, components=2),
        FlowTraining(rounds=2, steps_per_round=2, batch_size=4),
    ),
    "quick": Flow(FlowArchitecture(channels=(32, 64, 96)), FlowTraining(rounds=32)),  # 100 s in single precision
    "standard": Flow(),
    "paper": Flow(),
}


FLOW_SHOWN = FlowArchitecture(channels=(24, 48, 56), embedded=64)  # comes with the book: below 1 MB in 16 bits
# What chapter 10 applies; the quick one is small, since that chapter is executed with every change: 45 s.
APPLIED_FLOWS: dict[str, Flow] = FLOWS | {
    "quick": Flow(FLOW_SHOWN, FlowTraining(rounds=25, batch_size=16, learning_rate=3e-3)),
}
