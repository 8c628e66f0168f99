"""Figures: arrays in, a matplotlib Figure out. On any two techniques.

`figures.paper` holds every figure and table of the paper by its number, drawn from saved results.

Every function returns an open pyplot figure, which a notebook shows at the end of its cell; close it elsewhere. What
does not fit raises a ValueError that names the argument and what it holds.
"""

import pairvae_lib.figures.paper as paper
from pairvae_lib.figures.applications import (
    agreement_panels,
    delivery_times,
    error_over_time,
    film_frame,
    film_strip,
    throughput_lines,
)
from pairvae_lib.figures.assessment import error_boxes, training_history
from pairvae_lib.figures.batches import batch_errors
from pairvae_lib.figures.beyond import error_intervals, mask_columns, scalar_scatter
from pairvae_lib.figures.claims import verdict_matrix
from pairvae_lib.figures.curves import correlation_curves, lineal_path_curves
from pairvae_lib.figures.drawing import draw_image, draw_scattering
from pairvae_lib.figures.ensembles import ensemble_bands, ensemble_correlation, mean_correlation, mean_lineal_path
from pairvae_lib.figures.images import (
    generated_ensemble,
    pairs_overview,
    reconstructions,
    training_progress,
)
from pairvae_lib.figures.pictures import png
from pairvae_lib.figures.selectors import grid_selector, stack_slider
from pairvae_lib.figures.style import MORPHOLOGY_COLOURS, ROUTE_COLOURS, STYLE, display_name
from pairvae_lib.figures.thresholds import threshold_examples, threshold_scores

__all__ = [
    "MORPHOLOGY_COLOURS",
    "ROUTE_COLOURS",
    "STYLE",
    "agreement_panels",
    "batch_errors",
    "correlation_curves",
    "delivery_times",
    "display_name",
    "draw_image",
    "draw_scattering",
    "ensemble_bands",
    "ensemble_correlation",
    "error_boxes",
    "error_intervals",
    "error_over_time",
    "film_frame",
    "film_strip",
    "generated_ensemble",
    "grid_selector",
    "lineal_path_curves",
    "mask_columns",
    "mean_correlation",
    "mean_lineal_path",
    "pairs_overview",
    "paper",
    "png",
    "reconstructions",
    "scalar_scatter",
    "stack_slider",
    "threshold_examples",
    "threshold_scores",
    "throughput_lines",
    "training_history",
    "training_progress",
    "verdict_matrix",
]
