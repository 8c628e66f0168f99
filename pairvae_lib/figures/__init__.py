"""Figures: arrays in, a matplotlib Figure out. One function per figure of the paper, on any two techniques.

Every function returns an open pyplot figure, which a notebook shows at the end of its cell; close it elsewhere.
"""

from pairvae_lib.figures.assessment import error_boxes, latent_scatter, training_history
from pairvae_lib.figures.claims import verdict_matrix
from pairvae_lib.figures.curves import (
    correlation_curves,
    ensemble_correlation,
    lineal_path_curves,
    mean_correlation,
)
from pairvae_lib.figures.drawing import draw_image, draw_scattering
from pairvae_lib.figures.images import (
    generated_ensemble,
    pairs_overview,
    reconstructions,
)
from pairvae_lib.figures.style import MORPHOLOGY_COLOURS, ROUTE_COLOURS, STYLE, display_name
from pairvae_lib.figures.thresholds import threshold_examples, threshold_scores

__all__ = [
    "MORPHOLOGY_COLOURS",
    "ROUTE_COLOURS",
    "STYLE",
    "correlation_curves",
    "display_name",
    "draw_image",
    "draw_scattering",
    "ensemble_correlation",
    "error_boxes",
    "generated_ensemble",
    "latent_scatter",
    "lineal_path_curves",
    "mean_correlation",
    "pairs_overview",
    "reconstructions",
    "threshold_examples",
    "threshold_scores",
    "training_history",
    "verdict_matrix",
]
