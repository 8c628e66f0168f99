"""Figures: arrays in, a matplotlib Figure out. On any two techniques.

`figures.paper` holds every figure and table of the paper by its number, drawn from saved results; `png`,
`stack_slider` and `grid_selector` put pictures on a page, `table_html` a table.

Every function returns an open pyplot figure, which a notebook shows at the end of its cell; close it elsewhere. What
does not fit raises a ValueError that names the argument and what it holds.
"""

import pairvae_lib.figures.paper as paper
from pairvae_lib.figures.assessment import (
    agreement_panels,
    batch_errors,
    delivery_times,
    error_boxes,
    error_intervals,
    error_over_time,
    scalar_scatter,
    threshold_scores,
    throughput_lines,
    training_history,
)
from pairvae_lib.figures.claims import verdict_matrix
from pairvae_lib.figures.curves import (
    correlation_curves,
    ensemble_bands,
    ensemble_correlation,
    lineal_path_curves,
    marked_correlation,
    mean_correlation,
    mean_lineal_path,
)
from pairvae_lib.figures.drawing import draw_image, draw_scattering
from pairvae_lib.figures.images import (
    film_frame,
    film_strip,
    generated_ensemble,
    latent_correlation,
    mask_columns,
    pairs_overview,
    reconstructions,
    threshold_examples,
    training_progress,
)
from pairvae_lib.figures.pictures import png
from pairvae_lib.figures.selectors import grid_selector, stack_slider
from pairvae_lib.figures.style import MORPHOLOGY_COLOURS, ROUTE_COLOURS, STYLE, display_name
from pairvae_lib.figures.tables import table_html

__all__ = [
    "MORPHOLOGY_COLOURS", "ROUTE_COLOURS", "STYLE", "agreement_panels", "batch_errors", "correlation_curves",
    "delivery_times", "display_name", "draw_image", "draw_scattering", "ensemble_bands", "ensemble_correlation",
    "error_boxes", "error_intervals", "error_over_time", "film_frame", "film_strip", "generated_ensemble",
    "grid_selector", "latent_correlation", "lineal_path_curves", "marked_correlation", "mask_columns",
    "mean_correlation", "mean_lineal_path", "pairs_overview", "paper", "png", "reconstructions", "scalar_scatter",
    "stack_slider", "table_html", "threshold_examples", "threshold_scores", "throughput_lines", "training_history",
    "training_progress", "verdict_matrix",
]
