"""What is drawn for one simulated sample, and from which range in each of the four morphologies.

The ranges were set by eye and by metric on three real micrograph crops and two real patterns of the paper's data
set: a calibration, not a validation. Lengths are in units of L0, the period that the dynamics prefers.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from pairvae_lib.checks import check_one_of


@dataclass(frozen=True)
class Parameters:
    """The parameters of one sample: blend and grating, dynamics, micrograph, pattern.

    `phi` is the local excess of PMMA. Signs: a positive `grating` draws PMMA onto the stripes.
    """

    period_px: float  # micrograph px per L0
    pitch: float  # of the grating [L0], before it is rounded to a whole number of stripes per field
    grating_phase: float  # shift of the grating in units of its pitch
    duty: float  # width of a stripe in units of the pitch
    softness: float  # width of a stripe's edge in units of the pitch
    grating: float  # h, strength of the chemical contrast
    blend_mean: float  # m, mean of phi that the chains' connectivity holds
    blend_on_stripes: float  # ms, its excess on the stripes
    blend_patches: float  # mg, standard deviation of its slow fluctuation
    patch_cols: float  # correlation length of that fluctuation across the stripes [L0]
    patch_rows: float  # the same along the stripes [L0]
    connectivity: float  # alpha of Ohta and Kawasaki, the long-range term
    cross_mobility: float  # eta, damps variations across the stripes; ad hoc, it makes the rungs of ladders
    layer_coupling: float  # J; 0 for a single layer
    bottom_mean: float  # m2, mean of phi in the bottom layer
    noise: float  # thermal
    duration: float  # time of annealing
    time_step: float  # of the phase field; the full size doubles it once the domains have formed
    doming: float  # how far a domain's grey level follows phi, 0 flat to 1
    contrast: float  # contrast to noise of the micrograph, 0 poor to 1 good
    illumination: float  # amplitude of uneven illumination [grey levels]
    domain_scattering: float  # kappa, strength of the domains' scattering, with its spread from sample to sample
    rotation: float  # of the sample on the detector [degrees]


Ranges = dict[str, tuple[float, float]]

SCATTERING_SPREAD = 0.12  # of the log of the domains' scattering: exposure and thickness differ from sample to sample

_SHARED: Ranges = {
    "grating_phase": (0.0, 1.0),
    "blend_on_stripes": (0.0, 0.0),
    "patch_cols": (0.5, 0.5),
    "cross_mobility": (0.0, 0.0),
    "layer_coupling": (0.0, 0.0),
    "bottom_mean": (0.0, 0.0),
    "time_step": (1.0, 1.0),
    "illumination": (8.0, 18.0),
    "rotation": (0.8, 2.0),
}
_FILM: Ranges = _SHARED | {
    "duty": (0.5, 0.5),
    "softness": (0.1, 0.1),
    "patch_rows": (2.5, 2.5),
    "connectivity": (0.15, 0.15),
    "noise": (0.03, 0.03),
    "doming": (0.8, 0.8),
    "contrast": (0.2, 1.0),
    "domain_scattering": (3.0, 3.0),
}
_LADDERS: Ranges = _SHARED | {
    "period_px": (9.1, 9.7),
    "duty": (0.25, 0.25),
    "softness": (0.06, 0.06),
    "patch_rows": (0.5, 0.5),
    "doming": (0.3, 0.3),
    "connectivity": (0.08, 0.10),
    "contrast": (0.0, 0.5),
    "domain_scattering": (1.2, 1.2),
}

RANGES: dict[str, tuple[Ranges, ...]] = {
    "hexagonal": (
        _FILM
        | {
            "period_px": (10.3, 11.1),
            "pitch": (0.97, 1.03),
            "grating": (0.004, 0.0075),
            "blend_mean": (-0.145, -0.09),
            "blend_patches": (0.03, 0.05),
            "duration": (180, 360),
        },
    ),
    "skew": (
        _FILM
        | {
            "period_px": (9.4, 9.9),
            "pitch": (1.39, 1.45),
            "grating": (0.055, 0.066),
            "blend_mean": (-0.06, 0.0),
            "blend_patches": (0.02, 0.02),
            "layer_coupling": (0.05, 0.062),
            "bottom_mean": (-0.16, -0.10),
            "duration": (170, 300),
            "time_step": (2.0, 2.0),
            "domain_scattering": (4.0, 4.0),
        },
    ),
    "alternating lines": (
        _FILM
        | {
            "period_px": (10.3, 11.1),
            "pitch": (1.92, 2.08),
            "duty": (0.3, 0.3),
            "grating": (0.035, 0.06),
            "blend_mean": (-0.175, -0.125),
            "blend_on_stripes": (0.0, 0.03),
            "blend_patches": (0.015, 0.035),
            "patch_cols": (0.6, 0.6),
            "patch_rows": (2.0, 2.0),
            "duration": (150, 300),
        },
    ),
    "ladders": (
        _LADDERS
        | {
            "pitch": (1.95, 2.15),
            "grating": (-0.040, -0.030),
            "blend_mean": (0.035, 0.06),
            "blend_patches": (0.01, 0.03),
            "cross_mobility": (0.18, 0.22),
            "noise": (0.14, 0.20),
            "duration": (42, 62),
        },
        _LADDERS
        | {
            "pitch": (2.5, 2.7),
            "grating": (-0.048, -0.036),
            "blend_mean": (-0.025, -0.005),
            "blend_patches": (0.02, 0.05),
            "cross_mobility": (0.20, 0.24),
            "noise": (0.15, 0.21),
            "duration": (40, 58),
        },
    ),
}

MORPHOLOGIES = tuple(RANGES)


def drawn_parameters(morphology: str, rng: np.random.Generator, variant: int | None = None) -> Parameters:
    """Parameters of one sample, each uniform in its range; the strength of scattering also varies log-normally.

    Parameters
    ----------
    morphology : str
        One of `MORPHOLOGIES`.
    rng : numpy.random.Generator
    variant : int, optional
        Which of the morphology's variants (ladders: 0 narrow, 1 wide; else 0); by default drawn.

    Source
    ------
    Ours: calibrated on five images of the paper's data set. The paper names the morphologies (Fig. 1), no numbers.
    """
    check_one_of("morphology", morphology, MORPHOLOGIES)
    variants = RANGES[morphology]
    if variant is None:
        variant = int(rng.integers(len(variants)))
    check_one_of("variant", variant, range(len(variants)))
    ranges = variants[variant]
    drawn = {field.name: float(rng.uniform(*ranges[field.name])) for field in fields(Parameters)}
    drawn["domain_scattering"] *= float(rng.lognormal(sigma=SCATTERING_SPREAD))
    return Parameters(**drawn)
